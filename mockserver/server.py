"""Serves one application over HTTP: sockets, TLS, signals, threads. What is said on them: `connection`."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from types import TracebackType
from typing import Self

from wixture.mockserver.http.connections import Connections
from wixture.mockserver.http.limits import Limits
from wixture.mockserver.http.service import Handler, Service

__all__ = ["BackgroundServer", "Handler", "HttpServer", "Limits", "ListenError", "PortInUse", "run"]

_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 8
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach them, not where to bind

_numbers = itertools.count(1)

Lifespan = Callable[[], AbstractAsyncContextManager[object]]
"""What lives in the server's loop from before its sockets open until after they are closed."""


class ListenError(OSError):
    """The server's address cannot be had; the text is one sentence for the user."""


class PortInUse(ListenError):
    """Another process listens on the port."""


def _numbered_request_id() -> str:
    return f"wixture-server-{next(_numbers)}"


class HttpServer:
    """One application on one address, in the running loop."""

    def __init__(
        self,
        app: Handler,
        *,
        limits: Limits | None = None,
        new_request_id: Callable[[], str] = _numbered_request_id,
    ) -> None:
        self._service = Service(app, limits or Limits(), new_request_id)
        self._connections: Connections | None = None
        self._listeners: list[asyncio.Server] = []
        self._host = ""
        self._scheme = "http"
        self.port = 0

    @property
    def url(self) -> str:
        """Where a client on this machine reaches the server, without a trailing slash."""
        host = _ANY_ADDRESS.get(self._host, self._host)
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self, host: str, port: int, *, ssl_context: ssl.SSLContext | None = None) -> None:
        """Listen; port 0 picks a free one. Raises PortInUse, or ListenError for any other reason."""
        connections = Connections(self._service, asyncio.get_running_loop())
        try:
            self._listeners = await _listen(connections, host, port, ssl_context, self._service.limits)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        self._connections = connections
        self._host, self._scheme = host, "http" if ssl_context is None else "https"
        self.port = self._listeners[0].sockets[0].getsockname()[1]

    async def stop(self, grace: float | None = None) -> None:
        """Answer what was received whole, for at most `grace` seconds; then nothing of the server is left."""
        if self._connections is None:
            return
        # What clients have sent before now is theirs to have answered: let the loop accept and read it.
        for _ in range(3):
            await asyncio.sleep(0)
        for listener in self._listeners:
            listener.close()
        await self._connections.end(self._service.limits.grace if grace is None else grace)
        with suppress(TimeoutError):
            await asyncio.wait_for(_closed(self._listeners), 0.2)
        self._listeners, self._connections = [], None


async def _listen(
    connections: Connections, host: str, port: int, ssl_context: ssl.SSLContext | None, limits: Limits
) -> list[asyncio.Server]:
    """Listeners on one address: several on one socket under uvloop, where each accepts one connection a turn.

    With a single one, the last of a burst would wait as many turns, each as long as the requests of those before.
    """
    loop = asyncio.get_running_loop()
    handshake, shutdown = (limits.header_timeout, limits.linger) if ssl_context else (None, None)
    listen = partial(
        loop.create_server,
        connections,
        ssl=ssl_context,
        backlog=_BACKLOG,
        ssl_handshake_timeout=handshake,
        ssl_shutdown_timeout=shutdown,
    )
    listeners = [await listen(host, port)]
    if type(loop).__module__.startswith("uvloop"):
        numbers = [opened.fileno() for opened in listeners[0].sockets]
        copies = [socket.socket(fileno=os.dup(number)) for number in numbers * (_ACCEPTED_AT_ONCE - 1)]
        listeners += [await listen(sock=copy) for copy in copies]
    return listeners


async def _closed(listeners: Sequence[asyncio.Server]) -> None:
    for listener in listeners:
        await listener.wait_closed()


def _cannot_listen(host: str, port: int, error: OSError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(
            error.errno,
            f"Port {port} on {host} is already in use: stop the process that has it, or choose another port "
            "(0 picks a free one).",
        )
    reason = error.strerror or str(error)
    return ListenError(
        error.errno, f"Cannot listen on {host}, port {port} ({reason}): choose another address or port."
    )


def run(
    app: Handler,
    host: str,
    port: int,
    *,
    on_ready: Callable[[HttpServer], None],
    ssl_context: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    new_request_id: Callable[[], str] = _numbered_request_id,
    lifespan: Lifespan = nullcontext,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return within five seconds. Uses uvloop where it is installed.

    `on_ready` is called in the loop once the socket listens, `on_stop` when the signal has come and requests may
    still be in flight. Raises PortInUse or ListenError.
    """

    async def serve() -> None:
        stopping = asyncio.Event()
        _on_signals(stopping.set)
        server = HttpServer(app, limits=limits, new_request_id=new_request_id)
        async with lifespan():
            await server.start(host, port, ssl_context=ssl_context)
            try:
                on_ready(server)
                await stopping.wait()
            finally:
                on_stop()
                await server.stop()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


def _on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` in the loop on SIGTERM and SIGINT; a second signal changes nothing."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class BackgroundServer:
    """The same server on a thread of its own, for tests: `start` and `stop` take a few milliseconds.

    A context manager; may be started again after a stop. Leaves no thread, loop or socket behind.
    """

    def __init__(
        self,
        app: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        new_request_id: Callable[[], str] = _numbered_request_id,
        lifespan: Lifespan = nullcontext,
    ) -> None:
        self._address = (host, port)
        self._ssl_context = ssl_context
        self._lifespan = lifespan
        self._server = HttpServer(app, limits=limits, new_request_id=new_request_id)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        """Where the server is reached, without a trailing slash."""
        return self._server.url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    def start(self) -> Self:
        """Return once the socket listens. Raises what `HttpServer.start` raises."""
        if self._thread is not None:
            raise RuntimeError("This server is already running: stop it before you start it again.")
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="wixture-server", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failures:
            self._join()
        return self

    def stop(self) -> None:
        """Return once all is answered and closed. Raises what the lifespan raised meanwhile, if anything."""
        if self._thread is None:
            return
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._join()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._stopping = None
        if self._failures:
            raise self._failures.pop()

    def _run(self, ready: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._serve(ready))
        except BaseException as failure:
            self._failures.append(failure)
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with self._lifespan():
            await self._server.start(*self._address, ssl_context=self._ssl_context)
            ready.set()
            try:
                await self._stopping.wait()
            finally:
                await self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
