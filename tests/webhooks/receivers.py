"""Receivers of webhooks on real sockets, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Behaviour = Callable[[Writer], Awaitable[None]]

_dialled: list[object] | None = None


def record_what_is_dialled(into: list[object] | None) -> None:
    """Every address that this process connects to from now on; None ends it."""
    global _dialled
    _dialled = into


def _on_audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and _dialled is not None:
        _dialled.append(arguments[1])


sys.addaudithook(_on_audit)


@dataclass
class Receiver:
    """One receiver: where it is, what it was sent, and how much of its answer it got rid of."""

    behave: Behaviour
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    written: int = 0

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            self.requests.append(head + await reader.readexactly(length))
            await self.behave(writer)
        with suppress(ConnectionError):
            writer.close()


@asynccontextmanager
async def receiving(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1; all of its connections end with it."""
    receiver = Receiver(behave)
    running: set[asyncio.Task[None]] = set()

    def accept(reader: Reader, writer: Writer) -> None:
        running.add(asyncio.ensure_future(receiver.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0.01)


def answer(status: int | str = 200, body: bytes = b"ok", *headers: str) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(*parts: bytes) -> Behaviour:
    """Writes the parts, each as a segment of its own, and closes."""

    async def behave(writer: Writer) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    return behave


def resets_after(part: bytes) -> Behaviour:
    """Writes a part and resets the connection."""

    async def behave(writer: Writer) -> None:
        await says(part)(writer)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return behave


def waits(seconds: float, then: bytes) -> Behaviour:
    async def behave(writer: Writer) -> None:
        await asyncio.sleep(seconds)
        writer.write(then)
        await writer.drain()

    return behave


def drips(start: bytes, drop: bytes) -> Behaviour:
    """Writes a start, and then drop by drop for ever."""

    async def behave(writer: Writer) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return behave


def closed_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
