"""One client's connection: its requests answered in order, and its end when it stalls, breaks or must go."""

from __future__ import annotations

import asyncio
import logging
import math
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import HttpVersion10
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_server import Server

from wixture.mockserver import messages
from wixture.mockserver.http import wire
from wixture.mockserver.http.disturbing import Disturbing
from wixture.mockserver.http.intake import Arrival, Intake, understood
from wixture.mockserver.http.limits import Watch
from wixture.mockserver.http.service import Service

logger = logging.getLogger("wixture.server")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(Disturbing):
    """`start` is its task, `data_received` its ear, and the sweep calls `check`."""

    __slots__ = (
        "_answered",
        "_half_closed",
        "_headers",
        "_intake",
        "_reading",
        "_service",
        "_task",
        "_watch",
        "_working",
        "is_leaving",
    )
    _parser: Any  # set by Intake; None once the connection is lost
    _messages: Any  # of Arrival, where aiohttp has its own error values

    def __init__(self, server: Server, service: Service, loop: asyncio.AbstractEventLoop) -> None:
        no_log: Any = None  # the journal is the access log; aiohttp tests for None
        # No keep-alive timer either: the sweep does its work for all connections at once.
        super().__init__(server, loop=loop, keepalive_timeout=0, logger=logger, access_log=no_log)
        self._service = service
        self._headers = wire.HeaderReader()
        self._intake = Intake(self, loop, service.limits)
        self._task: asyncio.Task[None] | None = None
        self._reading: StreamReader | None = None
        self._working = False
        self._half_closed = False
        self.is_leaving = False  # it has its last answer; what still comes is thrown away
        self._answered = 0
        self._watch = Watch(service.limits)

    # What the transport tells

    def data_received(self, data: bytes) -> None:
        """Queue the requests whose heads are complete with `data`; b"" when a paused parser may go on."""
        if self._intake.closed or self._close or self._force_close:
            return
        arrived = self._intake.feed(data)
        if arrived:
            self._queue(arrived)

    def _queue(self, arrived: Sequence[Arrival]) -> None:
        waiting = self._messages
        waiting.extend(arrived)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if len(waiting) >= self._max_msg_queue_size:
            self._intake.lose_track()
            if not self._buffer_paused:
                self._pause_reading_for_buffer()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's protocol allows both
        """Half-closed by the client: what it sent in full is still answered (over TLS it cannot be)."""
        in_hand = self._working or bool(self._messages)
        if self.is_leaving or not in_hand or self._reading is not None or self.ssl_context is not None:
            return None
        self._half_closed = True
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wake whoever waits for bytes that will not come."""
        super().connection_lost(exc)
        payload = self._intake.payload
        if not payload.is_eof():
            payload.set_exception(ConnectionResetError("the client is gone"))
        self._go_on(ConnectionResetError("the client is gone"))

    # One request after the other

    async def start(self) -> None:
        """Answer the connection's requests in order until it closes."""
        self._task = asyncio.current_task()
        waiting = self._messages
        is_open = True
        while is_open:
            if not (waiting or self._close or self._half_closed or self._force_close):
                self._waiter = self._loop.create_future()
                await self._waiter
                self._waiter = None
            if not waiting or self._force_close:
                break
            message, payload = waiting.popleft()
            self._parser.message_consumed()
            if self._buffer_paused and len(waiting) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
            self._working = True
            is_open = await self._exchange(message, payload)
            self._working = False
            self._answered += 1
        if self.transport is not None and not self.is_leaving:
            self.transport.close()

    async def _exchange(self, message: RawRequestMessage | wire.Refusal, payload: StreamReader) -> bool:
        """Take one request in whole, have it answered, send the answer. False: the connection ends here."""
        try:
            if isinstance(message, wire.Refusal):
                raise message
            path, query, headers = understood(message, self._headers)
            body = b""
            if payload is not EMPTY_PAYLOAD or "content-length" in headers:
                body = await self._body(message, payload, path, headers)
            request = messages.Request(message.method, path, query, headers, body)
            return await self._answer(message, request)
        except wire.Refusal as refusal:
            await self._refused(refusal, message)
        except ConnectionError:
            pass
        return False

    async def _answer(self, message: RawRequestMessage, request: messages.Request) -> bool:
        try:
            response = await self._service.app.handle(request)
            keeps = not (message.should_close or message.upgrade or (self._close and not self._messages))
            connection = ("keep-alive" if message.version is HttpVersion10 else "") if keeps else "close"
            head, body = wire.encode(response, request.method, connection, rfc822_formatted_time())
        except Exception as error:
            raise wire.bug() from error
        if response.disturbance is not None:
            return await self._write_disturbed(response.disturbance, head, body) and keeps
        await self._write(head, body)
        return keeps

    async def _refused(self, refusal: wire.Refusal, message: RawRequestMessage | wire.Refusal) -> None:
        request_id = self._service.new_request_id()
        more = {"fields": {"requestId": request_id, "status": refusal.status, "code": refusal.code}}
        if refusal.__cause__ is not None:
            # Only the place: the error's own text may hold bodies or tokens.
            place = "".join(traceback.format_tb(refusal.__cause__.__traceback__))
            kind = type(refusal.__cause__).__name__
            logger.error("%s %s: %s in\n%s", request_id, refusal.code, kind, place, extra=more)
        else:
            logger.info("%s %s %s", request_id, refusal.status, refusal.code, extra=more)
        method = "" if isinstance(message, wire.Refusal) else message.method
        head, body = wire.encode(refusal.response(request_id), method, "close", rfc822_formatted_time())
        try:
            await self._write(head, body)
        except ConnectionError:
            return
        self._linger()

    def _linger(self) -> None:
        """Keep reading for a moment and throw it away: a close with unread bytes would destroy the answer."""
        transport = self.transport
        if transport is None or self._close or self._half_closed:
            return
        self.is_leaving = self._close = True
        self._resume_transport_reading()
        if transport.can_write_eof():
            transport.write_eof()

    # The body

    async def _body(
        self, message: RawRequestMessage, payload: StreamReader, path: str, headers: Mapping[str, str]
    ) -> bytes:
        """The whole body, unpacked, within the application's limit for this path. Raises Refusal."""
        limit = self._body_limit(message.method, path)
        if int(headers.get("content-length", 0)) > limit:
            raise wire.too_large(limit)
        coding = ""
        if "content-encoding" in headers:
            coding = wire.check_coding(", ".join(message.headers.getall("Content-Encoding")))
        if payload.is_eof():
            body = payload.read_nowait()
            if len(body) > limit:
                raise wire.too_large(limit)
        else:
            body = await self._arriving(payload, limit, headers)
        return wire.unpack(body, coding, limit) if coding and body else body

    def _body_limit(self, method: str, path: str) -> int:
        try:
            return self._service.app.body_limit(method, path)
        except Exception as error:
            raise wire.bug() from error

    async def _arriving(self, payload: StreamReader, limit: int, headers: Mapping[str, str]) -> bytes:
        if self._close or self._half_closed or self.transport is None:
            raise ConnectionResetError("the rest of the body will not be read")
        if not payload.total_bytes and headers.get("expect", "").lower() == "100-continue":
            await self._write(_CONTINUE)
        chunks, size = [], 0
        self._reading = payload
        try:
            while chunk := await payload.readany():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    raise wire.too_large(limit)
        finally:
            self._reading = None
        return b"".join(chunks)

    # What the sweep and the end of the server ask

    def check(self, now: float) -> None:
        """Close the connection if its present phase has lasted or crept too long."""
        transport = self.transport
        if transport is None:
            return
        kind, progress, allowed = self._phase(transport)
        if self._watch.is_stalled((kind, self._answered), progress, allowed, now):
            self._stalled(kind, transport)

    def _phase(self, transport: asyncio.Transport) -> tuple[str, int | None, float]:
        """What the connection is at, its progress in bytes if that must go on, the seconds it may take."""
        limits = self._service.limits
        unsent = transport.get_write_buffer_size()
        if self.is_leaving:
            return "linger", None, limits.linger
        if unsent:
            return "write", self._sent - unsent, limits.body_timeout
        if self._reading is not None:
            return "body", self._reading.total_bytes, limits.body_timeout
        if self._working or self._messages:
            return "work", None, math.inf
        if self._intake.head_pending:
            return "head", None, limits.header_timeout
        return "idle", None, limits.keepalive if self._answered else limits.header_timeout

    def _stalled(self, kind: str, transport: asyncio.Transport) -> None:
        if kind == "body" and self._reading is not None:
            self._intake.closed = True
            self._reading.set_exception(wire.too_slow("body"))
        elif kind == "head":
            self.refuse(wire.too_slow("headers"))
        elif kind == "idle":
            transport.close()
        else:
            transport.abort()

    def refuse(self, refusal: wire.Refusal) -> None:
        """Answer with `refusal` whatever is asked, then close."""
        self._intake.closed = True
        self._queue([(refusal, EMPTY_PAYLOAD)])

    def retire(self) -> None:
        """Finish what was received whole, drop what was not, then close."""
        self._close = True
        self._hurry()
        if self._reading is not None:
            self._reading.set_exception(ConnectionResetError("the server stops"))
        elif self.transport is not None and not self._working and not self._messages:
            self.transport.close()

    def abort(self) -> None:
        """End now, whatever is unfinished."""
        if self.transport is not None:
            self.transport.abort()
        if self._task is not None:
            self._task.cancel()
