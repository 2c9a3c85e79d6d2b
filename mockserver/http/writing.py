"""What a connection sends: bytes to its transport, never more at once than it takes."""

from __future__ import annotations

from typing import Any

from aiohttp.web_protocol import RequestHandler

_SLICE = 262_144
"""Bytes of a body that are handed to the transport at once."""


class Writing(RequestHandler):
    """A connection that counts what it sends and waits while the client does not take it."""

    __slots__ = ("_sent",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sent = 0

    async def _write(self, head: bytes, body: bytes = b"") -> None:
        """Send both. Raises ConnectionError when the client is gone."""
        if len(body) <= _SLICE:
            self._hand_over(b"".join((head, body)) if body else head)
            if self._paused:
                await self._drain_helper()
        else:
            await self._write_large(head, memoryview(body))

    async def _write_large(self, head: bytes, body: memoryview) -> None:
        """In slices, as they are taken: the transport would copy what it cannot send at once."""
        await self._write(head)
        for start in range(0, len(body), _SLICE):
            self._hand_over(body[start : start + _SLICE])
            if self._paused:
                await self._drain_helper()

    def _hand_over(self, data: bytes | memoryview) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        transport.write(data)
        self._sent += len(data)
