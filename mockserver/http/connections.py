"""All connections of one server: accepted up to a cap, swept for stalls, ended together."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

from wixture.mockserver.http import wire
from wixture.mockserver.http.connection import Connection
from wixture.mockserver.http.service import Service

# So many connections above the cap are told why; any more are just closed.
_TOLD = 64


class Connections(Server):
    """All connections of one server: makes them, counts them, sweeps them, ends them."""

    def __init__(self, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        handler: Any = service.app.handle  # never called by aiohttp: Connection.start replaces what would
        super().__init__(handler, loop=loop)
        self._service = service
        self._cap = service.limits.connection_cap()
        self._sweeper: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    def __call__(self) -> Connection:
        """A protocol for a connection just accepted."""
        return Connection(self, self._service, self._loop)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Count it in, or tell it that there is no room."""
        super().connection_made(handler, transport)
        if self._sweeper is None:
            self._sweep_later()
        count = len(self._connections)
        if count > self._cap + _TOLD:
            transport.abort()
        elif count > self._cap and isinstance(handler, Connection) and self._staying() > self._cap:
            handler.refuse(wire.no_room(self._cap))

    def _staying(self) -> int:
        return sum(not each.is_leaving for each in self.all())

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Count it out as soon as its task is done too."""
        task = handler._task_handler
        super().connection_lost(handler, exc)
        if task is not None:
            task.add_done_callback(self._left)
        else:
            self._left()

    def _left(self, _task: object = None) -> None:
        if not self._connections and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def _sweep_later(self) -> None:
        self._sweeper = self._loop.call_later(self._service.limits.sweep_interval(), self._sweep)

    def _sweep(self) -> None:
        """One look at every connection: far cheaper than timers for each request."""
        self._sweeper = None
        now = self._loop.time()
        for connection in self.all():
            connection.check(now)
        if self._connections:
            self._sweep_later()

    def all(self) -> list[Connection]:
        """The open connections, and those whose last request is still being worked on."""
        return [each for each in self._connections if isinstance(each, Connection)]

    async def end(self, grace: float) -> None:
        """Let complete requests be answered for `grace` seconds, then end every connection."""
        for connection in self.all():
            connection.retire()
        if not await self._is_empty(grace):
            for connection in self.all():
                connection.abort()
            await self._is_empty(0.5)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _is_empty(self, seconds: float) -> bool:
        if self._connections:
            self._emptied = self._loop.create_future()
            await asyncio.wait([self._emptied], timeout=seconds)
        return not self._connections
