"""One recorded exchange, read from JSON: our own form of it, and the lines of the mock's journal."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.findings import Exchanged

MOST_UNPACKED = 16 * 1024 * 1024
"""How much of a packed body is unpacked: an answer of these operations is far smaller."""

_HOST = "http://wixture.invalid"
_STATUSES = range(100, 1000)
_GZIP = b"\x1f\x8b"


class BadMessage(ValueError):
    """No exchange. The text says what is missing or wrong."""


def exchange_of(raw: Any) -> Exchanged:
    """An exchange in the form that reports give it. Raises BadMessage."""
    holder = object_of(raw, "an exchange")
    request = object_of(holder.get("request") or {}, "request")
    response = object_of(holder.get("response") or {}, "response")
    return Exchanged(
        method=text_of(holder, "method", "an exchange").upper(),
        url=text_of(holder, "url", "an exchange"),
        status=status_of(holder.get("status")),
        request_headers=headers_of(request.get("headers")),
        request_body=request.get("body"),
        response_headers=headers_of(response.get("headers")),
        response_body=response.get("body"),
        duration_ms=duration_of(holder.get("durationMs")),
    )


def journal_of(raw: Mapping[str, Any]) -> tuple[Exchanged, frozenset[str]]:
    """An exchange as `GET /_mock/exchanges` gives it, and what such a line lacks. Raises BadMessage.

    The journal keeps no header that the server adds itself, and lets bodies go when there are too many.
    """
    request = object_of(raw.get("request"), "request")
    response = object_of(raw.get("response"), "response")
    sent, received = request.get("body"), response.get("body")
    found = Exchanged(
        method=text_of(request, "method", "request").upper(),
        url=_HOST + text_of(request, "path", "request"),
        status=status_of(response.get("status")),
        request_headers=headers_of(request.get("headers")),
        request_body=sent,
        response_headers=headers_of(response.get("headers")),
        response_body=received,
        duration_ms=duration_of(raw.get("durationMs")),
    )
    gone = {"body", "sent"} if received is None else set()
    return found, frozenset({"headers", *gone})


def object_of(value: Any, name: str) -> Mapping[str, Any]:
    """The value when it is an object. Raises BadMessage."""
    if not isinstance(value, dict):
        raise BadMessage(f"{name} is {_kind(value)}; an object was expected.")
    return value


def text_of(holder: Mapping[str, Any], name: str, of: str) -> str:
    """A member that has to be a text. Raises BadMessage."""
    if not isinstance(holder.get(name), str):
        raise BadMessage(f"{of} has no {name}, or one that is no text.")
    return str(holder[name])


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", type(None): "missing", bool: "a boolean"}
    return kinds.get(type(value), "a number")


def status_of(value: Any) -> int | None:
    """A status; None where there was no answer, which recorders write as 0. Raises BadMessage."""
    if value in (None, 0) and not isinstance(value, bool):
        return None
    if isinstance(value, int) and value in _STATUSES:
        return int(value)
    raise BadMessage("its status is no number from 100 to 999, nor 0 or null for no answer.")


def headers_of(value: Any) -> dict[str, str]:
    """Headers by name, from an object or from a list of names and values; those of HTTP/2 itself are left out.

    Several of one name become lines of one. Raises BadMessage.
    """
    if value is None:
        return {}
    pairs = list(value.items()) if isinstance(value, dict) else _pairs(value)
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, said in pairs:
        if not name.startswith(":"):
            key = names.setdefault(name.lower(), name)
            found[key] = f"{found[key]}\n{said}" if key in found else str(said)
    return found


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, list):
        raise BadMessage("its headers are neither a list nor an object.")
    read = [object_of(one, "a header") for one in value]
    return [(str(one.get("name")), one.get("value")) for one in read]


def duration_of(value: Any) -> float:
    """Milliseconds; 0 where nobody measured."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and 0 < value < 2**63 else 0.0


def body_of(data: bytes) -> Any:
    """A body as an exchange holds it: JSON where strict readers take it, else a text, else its bytes."""
    data = _unpacked(data) if data.startswith(_GZIP) else data
    if not data:
        return None
    try:
        return parse_json(data)
    except BadJson:
        pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _unpacked(data: bytes) -> bytes:
    """What was packed with gzip, up to a limit; the data itself when it cannot be unpacked."""
    unpacker = zlib.decompressobj(31)
    try:
        found = unpacker.decompress(data, MOST_UNPACKED)
    except zlib.error:
        return data
    return data if unpacker.unconsumed_tail else found
