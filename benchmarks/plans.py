"""What is asked: for each kind of request, an endless supply of its bytes, and what its answer must hold."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

CONSENTS = "/marketing-consent/v1/marketing-consent"
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
PAGE = 100
_ACTIVITY = {"source": "FORM", "description": "newsletter", "optInLevel": "SINGLE_CONFIRMATION"}
_PLACE = "n00000000"

Plan = Callable[[], Iterator[bytes]]


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def consent(email: str) -> dict[str, Any]:
    """A confirmed consent, as a client sends it."""
    return {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": _ACTIVITY}


def plans(token: str, consent_id: str, numbers: Iterator[int]) -> dict[str, Plan]:
    """The four kinds. Each number makes the addresses of one create or one bulk, so none is seen twice."""
    one = {"marketingConsent": consent(f"{_PLACE}@example.com")}
    hundred = {"info": [{**consent(f"{_PLACE}i{i}@example.com"), "state": "CONFIRMED"} for i in range(PAGE)]}
    page = {"query": {"filter": {"state": "CONFIRMED"}, "cursorPaging": {"limit": PAGE}}}
    return {
        "get": lambda: itertools.repeat(request("GET", f"{CONSENTS}/{consent_id}", token)),
        "create": lambda: _numbered(request("POST", CONSENTS, token, json_bytes(one)), numbers),
        "query of 100": lambda: itertools.repeat(request("POST", f"{CONSENTS}/query", token, json_bytes(page))),
        "bulk of 100": lambda: _numbered(request("POST", BULK, token, json_bytes(hundred)), numbers),
    }


def json_bytes(body: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(body, separators=(",", ":")).encode()


def _numbered(template: bytes, numbers: Iterator[int]) -> Iterator[bytes]:
    place = _PLACE.encode()
    for number in numbers:
        yield template.replace(place, b"n%08d" % number)


def send(port: int, data: bytes) -> str:
    """The body of the answer to a request. Raises urllib.error.HTTPError unless it is a success."""
    head, _, body = data.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    method, path, _ = line.split()
    named = dict(header.split(": ", 1) for header in headers)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=body or None, headers=named, method=method
    )
    with urllib.request.urlopen(asked) as answer:
        return str(answer.read().decode())


def check(kind: str, body: str, entities: int = PAGE) -> None:
    """Raise ValueError unless an answer holds the work that its kind stands for, `entities` where many."""
    answer = json.loads(body)
    done = {
        "get": lambda: "id" in answer["marketingConsent"],
        "create": lambda: "url" in answer["link"],
        "query of 100": lambda: len(answer["marketingConsent"]) == entities,
        "bulk of 100": lambda: sum("link" in result for result in answer["results"]) == entities,
    }
    if not done[kind]():
        raise ValueError(f"the answer to {kind} is not what was asked for: {body[:300]}")
