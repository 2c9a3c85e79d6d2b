"""Serves one application over HTTP: sockets, TLS, signals, threads. What is said on them: `connection`."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from wixture.mockserver.http.connections import Connections
from wixture.mockserver.http.limits import Limits
from wixture.mockserver.http.listening import ListenError, PortInUse, accept_no_more, cannot_listen, closed, listen
from wixture.mockserver.http.service import Handler, Service

__all__ = ["BackgroundServer", "Handler", "HttpServer", "Limits", "ListenError", "PortInUse", "run"]

_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to reach them, not where to bind

_ORPHAN_SECONDS = 1.5
"""How long a server may take to end whose parent is gone."""

T = TypeVar("T")

_numbers = itertools.count(1)

Lifespan = Callable[[], AbstractAsyncContextManager[object]]
"""What lives in the server's loop from before its sockets open until after they are closed."""


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
        return self.url_of(self._host, self.port, tls=self._scheme == "https")

    @staticmethod
    def url_of(host: str, port: int, *, tls: bool) -> str:
        """Where a client on this machine reaches a server on an address, without a trailing slash."""
        host = _ANY_ADDRESS.get(host, host)
        return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    async def start(
        self,
        host: str,
        port: int,
        *,
        ssl_context: ssl.SSLContext | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """Listen; port 0 picks a free one. Raises PortInUse, or ListenError for any other reason.

        With `sockets`, which listen there already, on them.
        """
        connections = Connections(self._service, asyncio.get_running_loop())
        try:
            self._listeners = await listen(connections, host, port, ssl_context, self._service.limits, sockets)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
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
        await accept_no_more(self._listeners)
        for listener in self._listeners:
            listener.close()
        await self._connections.end(self._service.limits.grace if grace is None else grace)
        with suppress(TimeoutError):
            await asyncio.wait_for(closed(self._listeners), 0.2)
        self._listeners, self._connections = [], None


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a worker has of its parent: sockets that listen, and the end of a pipe that ends with it."""

    sockets: Sequence[socket.socket]
    lifeline: int


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
    inherited: Inherited | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return within five seconds. Uses uvloop where it is installed.

    `on_ready` is called in the loop once the socket listens, `on_stop` when the signal has come and requests may
    still be in flight; `inherited` is what one of several workers has. Raises PortInUse or ListenError.
    """

    async def serve() -> None:
        stopping = asyncio.Event()
        _on_signals(stopping.set)
        sockets = _of_parent(inherited, stopping.set)
        server = HttpServer(app, limits=limits, new_request_id=new_request_id)
        async with lifespan(), _listening(server, host, port, ssl_context, on_stop=on_stop, sockets=sockets):
            on_ready(server)
            await stopping.wait()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve())


@asynccontextmanager
async def _listening(
    server: HttpServer,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None,
    *,
    on_stop: Callable[[], None] = lambda: None,
    sockets: Sequence[socket.socket] = (),
) -> AsyncIterator[None]:
    """Listens for as long as it lasts; `on_stop` is called before the last requests are answered."""
    await server.start(host, port, ssl_context=ssl_context, sockets=sockets)
    try:
        yield
    finally:
        on_stop()
        await server.stop()


def _on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` in the loop on SIGTERM and SIGINT; a second signal changes nothing."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def _of_parent(inherited: Inherited | None, stop: Callable[[], None]) -> Sequence[socket.socket]:
    """The parent's sockets. When it is gone `stop` is called in the loop, and what is not over soon after ends."""
    if inherited is None:
        return ()
    loop = asyncio.get_running_loop()
    lifeline = inherited.lifeline

    def orphaned() -> None:
        loop.remove_reader(lifeline)
        loop.call_later(_ORPHAN_SECONDS, os._exit, 1)
        stop()

    loop.add_reader(lifeline, orphaned)
    return inherited.sockets


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
        try:
            self._thread.start()
            ready.wait()
        except KeyboardInterrupt:  # the caller will never know what to stop
            ready.wait()
            self.stop()
            raise
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

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns or raises that runs in the server's loop; any other thread may ask."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            work.close()  # a thread does not live on in a forked process, and nobody would ever answer there
            raise RuntimeError("This server is not running in this process: start it, or ask it over HTTP.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

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
        async with self._lifespan(), _listening(self._server, *self._address, self._ssl_context):
            ready.set()
            await self._stopping.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
