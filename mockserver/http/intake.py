"""What a connection has received: bytes in, whole request heads out, in the order they came."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from aiohttp.http_exceptions import HttpProcessingError, InvalidURLError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage
from aiohttp.http_writer import HttpVersion10, HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE, RequestHandler

from wixture.mockserver.http import wire
from wixture.mockserver.http.limits import Limits

READ_SIZE = 65536
"""Bytes of a body that wait for its reader before the connection stops being read (twice that at most)."""

Arrival = tuple[RawRequestMessage | wire.Refusal, StreamReader]
"""The head of a request, or why there is none, and its body."""

_BLANK = b"\r\n\r\n"
_METHOD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32})( |\Z)")
_PARSED_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"})
# Chunk sizes, extensions and trailers are not body: they get this much, and 8 bytes for each of the body.
_FRAMING_ALLOWANCE = 65536
# A packet of tiny chunks is not taken apart for ever: what is left is parsed at once.
_REPLAY_PIECES = 1000


class Intake:
    """Feeds aiohttp's strict parser and closes its gaps.

    The parser knows a fixed list of methods, forgets the good requests of a packet that ends in a bad one,
    and limits each header but not all of them. So the bytes since the last known start of a request are kept
    until its head is whole; when the parser fails they are parsed again, request by request, with the method
    spelled as one it knows.
    """

    __slots__ = (
        "_ending",
        "_framing",
        "_head",
        "_head_size",
        "_held",
        "_length",
        "_limits",
        "_loop",
        "_method",
        "_protocol",
        "closed",
        "payload",
    )

    def __init__(self, protocol: RequestHandler, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._protocol = protocol
        self._loop = loop
        self._limits = limits
        self._head: bytes | None = b""  # since the start of a request; None: we are not sure where it started
        self._head_size = 0
        self._held = b""  # the beginning of a method name, not yet parsed
        self._method: str | None = None  # the next request's method, where the parser got another one
        self._framing = 0
        self._ending = b""  # the last bytes, while in a body
        self._length: int | None = None  # of the body, where it is declared
        self.closed = False
        """Nothing that follows on this connection can be trusted or is wanted."""
        self.payload: StreamReader = EMPTY_PAYLOAD
        """The body of the newest request."""
        protocol._parser = self._new_parser()

    def _new_parser(self) -> HttpRequestParser:
        limits = self._limits
        # The parser names the limit that was passed, not the line: two different numbers tell 414 from 431.
        field = limits.header_block + (limits.header_block == limits.url)
        return HttpRequestParser(
            self._protocol,
            self._loop,
            READ_SIZE,
            max_line_size=limits.url,
            max_field_size=field,
            max_headers=limits.header_count,
            auto_decompress=False,
            max_msg_queue_size=MAX_MSG_QUEUE_SIZE,
        )

    @property
    def head_pending(self) -> bool:
        """A request has begun and its headers are not complete."""
        return self._head_size > 0 or bool(self._held)

    def lose_track(self) -> None:
        """The parser keeps unread bytes back, so where the next request starts is not known."""
        self._head = None

    def feed(self, data: bytes) -> Sequence[Arrival]:
        """The requests whose heads are complete with `data`; a refusal comes last and sets `closed`."""
        if self._held:
            return self._replay(self._held + data)
        payload = self.payload
        in_body = payload is not EMPTY_PAYLOAD and not payload.is_eof()
        before = payload.total_bytes if in_body else 0
        if in_body and self._length is not None and 0 < (left := self._length - before) < len(data):
            # Exactly the body first: so it is known where the next request starts.
            return [*self.feed(data[:left]), *(() if self.closed else self.feed(data[left:]))]
        try:
            arrived = self._protocol._parser.feed_data(data)[0]  # type: ignore[union-attr]  # gone only when lost
        except HttpProcessingError as error:
            if in_body or self._head is None:
                return self._refuse(_refusal(error, self._limits))
            return self._replay(self._head + data)
        if arrived:
            return self._heads_arrived(arrived, data)
        if in_body:
            return self._body_arrived(data, before)
        return self._part_arrived(data)

    def _heads_arrived(
        self, arrived: Sequence[tuple[RawRequestMessage, StreamReader]], data: bytes
    ) -> Sequence[Arrival]:
        newest = self.payload = arrived[-1][1]
        size = self._head_size + len(data)
        whole = self._head + data if self._head else data
        if newest is EMPTY_PAYLOAD:
            in_step = whole.endswith(_BLANK)
        elif newest.is_eof():
            in_step = len(arrived) == 1 and self._ends_with_body(whole, newest)
        else:
            in_step, self._ending = False, data[-4:]
            length = arrived[-1][0].headers.get("Content-Length")
            self._length = None if length is None else int(length)
        self._head = b"" if in_step else None
        self._head_size = self._framing = 0
        if self._method is not None:
            arrived = [(arrived[0][0]._replace(method=self._method), arrived[0][1]), *arrived[1:]]
            self._method = None
        if size > self._limits.header_block:
            return self._checked_sizes(arrived)
        return arrived

    def _ends_with_body(self, whole: bytes, payload: StreamReader) -> bool:
        if whole.endswith(_BLANK):
            return True
        # Without a known start the first blank line may not be the end of this request's head.
        return self._head is not None and len(whole) - whole.find(_BLANK) - 4 == payload.total_bytes

    def _checked_sizes(self, arrived: Sequence[tuple[RawRequestMessage, StreamReader]]) -> Sequence[Arrival]:
        limit = self._limits.header_block
        for index, (message, _) in enumerate(arrived):
            # 4: the colon, the space and the line break.
            if sum(len(name) + len(value) + 4 for name, value in message.raw_headers) > limit:
                self.closed = True
                return [*arrived[:index], (_headers_too_large(self._limits), EMPTY_PAYLOAD)]
        return arrived

    def _part_arrived(self, data: bytes) -> Sequence[Arrival]:
        limits = self._limits
        self._head_size += len(data)
        if self._head is not None:
            self._head += data
            line, end, _ = self._head.lstrip(b"\r\n").partition(b"\n")
            if end and b" HTTP/" not in line:
                # HTTP/0.9: there are no headers to wait for.
                return self._refuse(wire.http_version())
        if self._head_size > limits.header_block + limits.url:
            return self._refuse(_headers_too_large(limits))
        return ()

    def _body_arrived(self, data: bytes, before: int) -> Sequence[Arrival]:
        payload = self.payload
        grown = payload.total_bytes - before
        self._ending = (self._ending + data[-4:])[-4:]
        if payload.is_eof():
            # A request that has begun behind the body cannot end like this; a paused parser holds bytes back.
            in_step = (grown == len(data) or self._ending == _BLANK) and not self._protocol._buffer_paused
            self._head = b"" if in_step else None
            return ()
        self._framing += len(data) - grown
        if self._framing > _FRAMING_ALLOWANCE + 8 * payload.total_bytes:
            return self._refuse(
                wire.bad_request(
                    "The body is mostly chunk extensions or trailers. Send larger chunks without them."
                )
            )
        return ()

    def _refuse(self, refusal: wire.Refusal) -> Sequence[Arrival]:
        """The refusal as the last arrival, or, inside a body, as what the body's reader gets."""
        self.closed = True
        if self.payload.is_eof():
            return [(refusal, EMPTY_PAYLOAD)]
        self.payload.set_exception(refusal)
        return ()

    def _replay(self, data: bytes) -> Sequence[Arrival]:
        """Parse `data`, which starts a request, again: piece by piece, so that no good request is lost."""
        self._protocol._parser = self._new_parser()
        self._head, self._head_size, self._held, self._method = b"", 0, b"", None
        arrived: list[Arrival] = []
        start = 0
        for _ in range(_REPLAY_PIECES):
            end = self._end_of_piece(data, start)
            arrived += self._replay_piece(data[start:end])
            start = end
            if self.closed or self._held or start >= len(data):
                return arrived
        return [*arrived, *self._replay_piece(data[start:])]

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Where the head, body or line of a chunked body ends that starts here; or the end of `data`."""
        in_body = not self.payload.is_eof()
        if in_body and self._length is not None:
            return min(len(data), start + self._length - self.payload.total_bytes)
        separator = b"\r\n" if in_body else _BLANK
        found = data.find(separator, start)
        return len(data) if found < 0 else found + len(separator)

    def _replay_piece(self, piece: bytes) -> Sequence[Arrival]:
        payload = self.payload
        in_body = not payload.is_eof()
        before = payload.total_bytes
        spelled = piece if self._head != b"" else self._respelled(piece)
        if not spelled:
            return ()
        try:
            arrived = self._protocol._parser.feed_data(spelled)[0]  # type: ignore[union-attr]  # made by _replay
        except HttpProcessingError as error:
            return self._refuse(_refusal(error, self._limits))
        if arrived:
            return self._heads_arrived(arrived, piece)
        return self._body_arrived(piece, before) if in_body else self._part_arrived(piece)

    def _respelled(self, piece: bytes) -> bytes:
        """The request with GET for a method the parser does not know; nothing if the method is not whole."""
        match = _METHOD.match(piece)
        if match is None or match[1] in _PARSED_METHODS:
            return piece
        if not match[2]:
            self._held = piece
            return b""
        self._method = match[1].decode()
        return b"GET" + piece[match.end(1) :]


def understood(message: RawRequestMessage, reader: wire.HeaderReader) -> tuple[str, str, Mapping[str, str]]:
    """Raw path, raw query and headers of a request whose framing is beyond doubt. Raises Refusal."""
    version = message.version
    if version is not HttpVersion11 and version is not HttpVersion10:
        raise wire.http_version()
    path, query, authority = wire.split_target(message.path)
    headers = reader.read(message.raw_headers, message.headers.items())
    wire.check_framing(headers, is_chunked=bool(message.chunked), is_http_10=version is HttpVersion10)
    return path, query, {**headers, "host": authority} if authority else headers


def _refusal(error: HttpProcessingError, limits: Limits) -> wire.Refusal:
    """What the parser did not accept, in our words: never its own text beyond the reason."""
    if isinstance(error, LineTooLong):
        return _url_too_long(limits) if error.args[1] == limits.url else _headers_too_large(limits)
    if "Too many headers" in error.message:
        return _headers_too_large(limits)
    if "Invalid HTTP version" in error.message:
        return wire.http_version()
    if isinstance(error, InvalidURLError):
        return wire.bad_target()
    reason = error.message.removeprefix("Bad status line:").strip().partition("\n")[0].rstrip(":.")
    return wire.bad_request(
        f"This is not a well-formed HTTP/1.1 request: {wire.excerpt(reason)}. "
        "The connection closes here; look at what your client, or a proxy before it, puts on the wire."
    )


def _url_too_long(limits: Limits) -> wire.Refusal:
    return wire.Refusal(
        414,
        "MOCK_URL_TOO_LONG",
        f"The request target is longer than {limits.url} bytes. Send long queries as a POST body.",
    )


def _headers_too_large(limits: Limits) -> wire.Refusal:
    return wire.Refusal(
        431,
        "MOCK_HEADERS_TOO_LARGE",
        f"The request's headers are more than {limits.header_block} bytes or {limits.header_count} lines. "
        "Send fewer or shorter ones; look at cookies and tokens first.",
    )
