"""HTTP/1.1 as values and bytes: what a request says, how an answer is written. Pure: no sockets, no loop."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus

from wixture.mockserver import messages

ECHO_LIMIT = 200
"""No answer repeats more than this many characters of what a client sent."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_WRITTEN_BY_SERVER = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "server", "transfer-encoding"}
)
_TARGET = re.compile(r"[!-~]+")
_ABSOLUTE = re.compile(r"https?://([^/?@]+)(?=[/?]|\Z)", re.IGNORECASE)
RawHeaders = Sequence[tuple[bytes, bytes]]
_LINE_END = "\r\n"
_GZIP_MEMBERS = 16
# zlib's own words for "gzip framing" and "no framing at all".
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_RAW_WBITS = -zlib.MAX_WBITS


class Refusal(Exception):
    """An answer of the server itself: the request never reaches the application, the connection closes."""

    def __init__(self, status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers or {}

    def response(self, request_id: str) -> messages.Response:
        """The API's own error envelope with this refusal's code and text, and the request id as a header."""
        envelope = {
            "message": self.text,
            "details": {"applicationError": {"code": self.code, "description": self.text, "data": {}}},
        }
        # json, not orjson: it writes a lone surrogate of a broken header as an escape instead of failing.
        body = json.dumps(envelope).encode()
        return messages.Response(self.status, body, {**self.headers, "X-Wix-Request-Id": request_id})


def bad_request(text: str) -> Refusal:
    """400 for what is not the HTTP/1.1 we read."""
    return Refusal(400, "MOCK_BAD_REQUEST", text)


def http_version() -> Refusal:
    """505 for anything but HTTP/1.0 and HTTP/1.1."""
    return Refusal(
        505,
        "MOCK_HTTP_VERSION",
        "The request is in another version of HTTP than 1.1 and 1.0, which are the ones spoken here. "
        "Switch your client to HTTP/1.1.",
    )


def bad_target() -> Refusal:
    """400 for a request target that is no path and no URL, or holds bytes that neither may hold."""
    return bad_request(
        "The request target is not a path that begins with /, nor an http or https URL without user name, in "
        "printable ASCII. Percent-encode everything else and send it again."
    )


def too_slow(part: str) -> Refusal:
    """408 for headers or a body that do not arrive in time."""
    return Refusal(
        408,
        "MOCK_REQUEST_TIMEOUT",
        f"The request's {part} did not arrive in time. Send the whole request at once.",
    )


def no_room(cap: int) -> Refusal:
    """503 above the connection cap."""
    return Refusal(
        503,
        "MOCK_TOO_MANY_CONNECTIONS",
        f"All {cap} connections of this server are in use. Reuse connections, or close idle ones.",
        {"Retry-After": "1"},
    )


def excerpt(text: str) -> str:
    """What a client sent, cut to what an answer may repeat."""
    return text if len(text) <= ECHO_LIMIT else text[: ECHO_LIMIT - 1] + "…"


def bug() -> Refusal:
    """500: the application failed; the log knows where."""
    return Refusal(
        500,
        "MOCK_BUG",
        "The mock failed while it answered this request; your request is not at fault. "
        "The server's log names the place under this answer's X-Wix-Request-Id: please report it.",
    )


# Requests


def split_target(target: str) -> tuple[str, str, str]:
    """The raw path, the raw query and, of an absolute target, the authority (RFC 9112, 3.2).

    Nothing is decoded or normalised; a fragment is cut. Raises Refusal 400 for what is neither origin form,
    absolute form nor `*`.
    """
    if not _TARGET.fullmatch(target):
        raise bad_target()
    if "#" in target:
        target = target.partition("#")[0]
    authority = ""
    if target[:1] != "/" and target != "*":
        target, authority = _from_absolute(target)
    path, _, query = target.partition("?")
    return path, query, authority


def _from_absolute(target: str) -> tuple[str, str]:
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        raise bad_target()
    rest = target[absolute.end() :]
    return (rest if rest.startswith("/") else "/" + rest), absolute[1]


def header_dict(items: Collection[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name; the first of a repeated one stays. Every value is encodable."""
    headers = {name.lower(): value for name, value in items}
    if len(headers) != len(items):
        headers = {}
        for name, value in items:
            headers.setdefault(name.lower(), value)
    if not "".join(headers.values()).isascii():
        return {name: _sound(value) for name, value in headers.items()}
    return headers


class HeaderReader:
    """Reads the headers of a connection's requests, those that come once more unchanged only once."""

    __slots__ = ("_headers", "_raw")

    def __init__(self) -> None:
        self._raw: RawHeaders = ()
        self._headers: Mapping[str, str] = {}

    def read(self, raw: RawHeaders, items: Collection[tuple[str, str]]) -> Mapping[str, str]:
        """The headers by lower-case name, not to be changed; `raw` decides whether they are those of before."""
        if raw != self._raw:
            self._raw, self._headers = raw, header_dict(items)
        return self._headers


def _sound(value: str) -> str:
    """A header value without lone surrogates: what is not UTF-8 is read as Latin-1."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def check_framing(headers: Mapping[str, str], *, is_chunked: bool, is_http_10: bool) -> None:
    """Refuse the transfer codings that two readers could frame differently (RFC 9112, 6.1).

    The parser itself refuses all else: two lengths, length and coding, a coding after chunked.
    """
    coding = headers.get("transfer-encoding")
    if coding is None:
        return
    if not is_chunked or is_http_10 or coding.lower() != "chunked":
        raise bad_request(
            "The Transfer-Encoding is not exactly chunked, or the request is HTTP/1.0. "
            "Send Content-Length, or Transfer-Encoding: chunked over HTTP/1.1."
        )


def too_large(limit: int) -> Refusal:
    """413 for a body over `limit` bytes, on the wire or unpacked."""
    return Refusal(
        413,
        "MOCK_BODY_TOO_LARGE",
        f"The request body is larger than the {limit} bytes this path takes, counted after unpacking. "
        "Send less, or split the call.",
    )


def check_coding(coding: str) -> str:
    """The one content coding of a body, in lower case; "" for none. Raises Refusal 415 for others."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return ""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise Refusal(
            415,
            "MOCK_UNSUPPORTED_ENCODING",
            f"The Content-Encoding {excerpt(coding)} is not read here. Send gzip, deflate or no encoding.",
            {"Accept-Encoding": "gzip, deflate, identity"},
        )
    return coding


def unpack(body: bytes, coding: str, limit: int) -> bytes:
    """The unpacked body. Never makes more than `limit` + 1 bytes; raises Refusal 413, 400 for broken data."""
    unpacked = bytearray()
    try:
        for _ in range(_GZIP_MEMBERS):
            engine = zlib.decompressobj(_window_bits(body, coding))
            unpacked += engine.decompress(body, limit + 1 - len(unpacked))
            if len(unpacked) > limit:
                raise too_large(limit)
            if not engine.eof:
                break
            body = engine.unused_data
            if not body:
                return bytes(unpacked)
    except zlib.error:
        pass
    raise bad_request(
        f"The body is not the {coding} data its Content-Encoding promises: it is broken, cut short or "
        "followed by something else. Compress it again, or send it without Content-Encoding."
    )


def _window_bits(body: bytes, coding: str) -> int:
    if coding != "deflate":
        return _GZIP_WBITS
    # RFC 9110 says zlib framing, many clients send raw deflate: the two header bytes tell (RFC 1950, 2.2).
    framed = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return zlib.MAX_WBITS if framed else _RAW_WBITS


# Answers


def encode(response: messages.Response, method: str, connection: str, date: str) -> tuple[bytes, bytes]:
    """The head and the body of the answer. `connection` is its Connection header, "" for none.

    Raises ValueError for what would not arrive as one well-formed answer (a status out of range, a line break
    in a header): the caller answers MOCK_BUG instead.
    """
    status, body = response.status, response.body
    if not 200 <= status <= 599:
        raise ValueError(f"status {status} is no final status")
    has_body = status not in (204, 304)
    lines = [name + ": " + value for name, value in response.headers.items() if not _is_ours(name)]
    if has_body:
        lines.append("Content-Type: " + response.content_type)
    if lines:
        _refuse_unsendable("".join(lines))
        lines.append("")
    head = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    length = f"Content-Length: {len(body)}\r\n" if has_body else ""
    kept = f"Connection: {connection}\r\n" if connection else ""
    head = f"{head}{length}{_LINE_END.join(lines)}{kept}Date: {date}\r\nServer: wixture\r\n\r\n"
    return head.encode("ascii"), bytes(body) if has_body and method != "HEAD" else b""


def _is_ours(name: str) -> bool:
    return name.lower() in _WRITTEN_BY_SERVER


def _refuse_unsendable(text: str) -> None:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a header holds a control or non-ASCII character")
