"""How a server comes to listen on an address, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from wixture.mockserver.http.connections import Connections
from wixture.mockserver.http.limits import Limits

BACKLOG = 1024
_ACCEPTED_AT_ONCE = 8


class ListenError(OSError):
    """The server's address cannot be had; the text is one sentence for the user."""


class PortInUse(ListenError):
    """Another process listens on the port."""


async def listen(
    connections: Connections,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None,
    limits: Limits,
    sockets: Sequence[socket.socket] = (),
) -> list[asyncio.Server]:
    """Listeners on one address, or on sockets that listen: several on one under uvloop, for one connection a turn.

    With a single one, the last of a burst would wait as many turns, each as long as the requests of those before.
    """
    loop = asyncio.get_running_loop()
    handshake, shutdown = (limits.header_timeout, limits.linger) if ssl_context else (None, None)
    open_one = partial(
        loop.create_server,
        connections,
        ssl=ssl_context,
        backlog=BACKLOG,
        ssl_handshake_timeout=handshake,
        ssl_shutdown_timeout=shutdown,
    )
    own = [socket.socket(fileno=os.dup(one.fileno())) for one in sockets]
    listeners = [await open_one(sock=one) for one in own] or [await open_one(host, port)]
    if type(loop).__module__.startswith("uvloop"):
        numbers = [opened.fileno() for listener in listeners for opened in listener.sockets]
        copies = [socket.socket(fileno=os.dup(number)) for number in numbers * (_ACCEPTED_AT_ONCE - 1)]
        listeners += [await open_one(sock=copy) for copy in copies]
    return listeners


async def accept_no_more(listeners: Sequence[asyncio.Server]) -> None:
    """Take no connection any more, and let those taken last become ones that the server knows.

    A listener that is closed at once leaves open what it had taken a moment before (CPython gh-109564).
    """
    loop = asyncio.get_running_loop()
    for listener in listeners:
        for opened in listener.sockets:
            with suppress(NotImplementedError):  # Windows' loop
                loop.remove_reader(opened.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


async def closed(listeners: Sequence[asyncio.Server]) -> None:
    """Return once nothing listens any more."""
    for listener in listeners:
        await listener.wait_closed()


def cannot_listen(host: str, port: int, error: OSError) -> ListenError:
    """What to say of an address that cannot be had."""
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
