"""HAR 1.2: the entries of a log, each an exchange as a browser or a proxy saw it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from wixture.contracts.findings import Exchanged
from wixture.contracts.judging.messages import (
    BadMessage,
    body_of,
    duration_of,
    headers_of,
    object_of,
    status_of,
    text_of,
)

_FORM = "application/x-www-form-urlencoded"


def listed(document: Any) -> list[Any] | None:
    """The entries of a HAR; None of anything else."""
    log = document.get("log") if isinstance(document, dict) else None
    found = log.get("entries") if isinstance(log, dict) else None
    return found if isinstance(found, list) else None


def exchange_of(raw: Any) -> tuple[Exchanged, frozenset[str]]:
    """An entry's exchange, and what the recorder left out. Raises BadMessage."""
    entry = object_of(raw, "the entry")
    request = object_of(entry.get("request"), "request")
    response = object_of(entry.get("response") or {}, "response")
    sent_headers = headers_of(request.get("headers"))
    sent, knows_sent = _sent(request)
    received, knows_received = _received(response)
    if sent is not None and "content-type" not in map(str.lower, sent_headers) and not request.get("headers"):
        sent_headers["Content-Type"] = str(object_of(request.get("postData"), "postData").get("mimeType", ""))
    headers = headers_of(response.get("headers"))
    lacks = {"sent": knows_sent, "body": knows_received, "headers": bool(headers)}
    found = Exchanged(
        method=text_of(request, "method", "request").upper(),
        url=text_of(request, "url", "request"),
        status=status_of(response.get("status")),
        request_headers=sent_headers,
        request_body=sent,
        response_headers=headers,
        response_body=received,
        duration_ms=duration_of(entry.get("time")),
    )
    return found, frozenset(name for name, is_known in lacks.items() if not is_known)


def _sent(request: Mapping[str, Any]) -> tuple[Any, bool]:
    """The request's body, and whether the record has it."""
    if request.get("postData") is None:
        return None, not _is_more_than_nothing(request.get("bodySize"))
    posted = object_of(request["postData"], "postData")
    params, text = posted.get("params"), posted.get("text")
    if not isinstance(text, str) and isinstance(params, list) and params:
        held = [object_of(one, "a parameter of postData") for one in params]
        text = urlencode([(str(one.get("name")), str(one.get("value", ""))) for one in held])
    if not isinstance(text, str):
        return None, False
    if str(posted.get("mimeType", "")).lower().startswith(_FORM):
        return text, True
    return body_of(_bytes(text, posted.get("encoding"))), True


def _received(response: Mapping[str, Any]) -> tuple[Any, bool]:
    """The answer's body, and whether the record has it."""
    if response.get("content") is None:
        return None, False
    content = object_of(response["content"], "content")
    if not isinstance(content.get("text"), str):
        return None, content.get("size") == 0
    return body_of(_bytes(content["text"], content.get("encoding"))), True


def _is_more_than_nothing(size: Any) -> bool:
    return isinstance(size, int) and size > 0


def _bytes(text: str, encoding: Any) -> bytes:
    if encoding is None or encoding == "":
        return text.encode("utf-8", "replace")
    if encoding != "base64":
        raise BadMessage(f"a body's encoding is {str(encoding)[:40]!r}; base64 or none was expected.")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMessage("a body is declared to be base64, and is none.") from error
