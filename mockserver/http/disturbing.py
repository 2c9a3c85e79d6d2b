"""What a connection does when an answer is to go wrong: resets, waits, stops in the middle, trickles."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any

from wixture.mockserver.http.writing import Writing
from wixture.mockserver.messages import Disturbance

# On, and no time at all: what closes then sends a reset (socket(7); Windows has two shorts there).
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_PIECES_PER_SECOND = 10


class Disturbing(Writing):
    """A connection that can send an answer late, slowly, in part or not at all."""

    __slots__ = ("_hurried", "_pausing")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pausing: asyncio.Future[None] | None = None
        self._hurried = False

    async def _write_disturbed(self, disturbance: Disturbance, head: bytes, body: bytes) -> bool:
        """Send an answer as it is to go wrong; False when the connection ends with it.

        Raises ConnectionError when the client is gone.
        """
        if disturbance.reset:
            self._reset()
            return False
        await self._pause(disturbance.latency_ms / 1000)
        if disturbance.share is not None:
            await self._write(head, body[: int(len(body) * disturbance.share)])
            return False
        if disturbance.bytes_per_s is None:
            await self._write(head, body)
        else:
            await self._trickle(head, body, disturbance.bytes_per_s)
        return True

    def _reset(self) -> None:
        """End the connection so that the client sees it reset (RFC 9293, 3.10.7), not closed."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()

    async def _trickle(self, head: bytes, body: bytes, bytes_per_s: int) -> None:
        """The head at once, the body at so many bytes a second, never a byte early."""
        await self._write(head)
        size = max(1, bytes_per_s // _PIECES_PER_SECOND)
        started = self._loop.time()
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            await self._pause(started + (start + len(piece)) / bytes_per_s - self._loop.time())
            await self._write(piece)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not once the server stops. Raises ConnectionResetError as soon as the client is gone."""
        if seconds <= 0 or self._hurried:
            return
        pausing = self._pausing = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._go_on)
        try:
            await pausing
        finally:
            timer.cancel()
            self._pausing = None

    def _go_on(self, error: Exception | None = None) -> None:
        pausing = self._pausing
        if pausing is None or pausing.done():
            return
        if error is None:
            pausing.set_result(None)
        else:
            pausing.set_exception(error)

    def _hurry(self) -> None:
        """No more pauses: the server stops, and what is left is sent at once."""
        self._hurried = True
        self._go_on()
