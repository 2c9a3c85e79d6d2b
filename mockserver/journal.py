"""The journal: the newest exchanges of each tenant, bounded in number and in bytes."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from wixture.contracts.violations import Violation
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Exchange

MOST_BYTES = 64 * 1024 * 1024
REPLACED = "***"

_SECRET_HEADERS = ("authorization", "cookie", "set-cookie", "proxy-authorization")
_SECRET_FIELDS = frozenset(
    """client_secret clientSecret access_token accessToken refresh_token refreshToken code code_verifier
    codeVerifier token""".split()
)


class Journal:
    """The exchanges of one tenant, newest last.

    Holds up to `size` exchanges. Past 64 MiB the bodies of the oldest are let go, the exchanges stay.
    """

    def __init__(self, size: int) -> None:
        self._exchanges: deque[Exchange] = deque()
        self._size = size
        self._bytes = 0
        self._bodiless = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        """Remember an exchange, forgetting the oldest when there are too many."""
        self._exchanges.append(exchange)
        self._bytes += _weight(exchange)
        if len(self._exchanges) > self._size:
            self._bytes -= _weight(self._exchanges.popleft())
            self._bodiless = max(0, self._bodiless - 1)
        while self._bytes > MOST_BYTES and self._bodiless < len(self._exchanges):
            self._let_go_of_body()

    def _let_go_of_body(self) -> None:
        exchange = self._exchanges[self._bodiless]
        self._bytes -= _weight(exchange)
        self._exchanges[self._bodiless] = dataclasses.replace(
            exchange,
            request=dataclasses.replace(exchange.request, body=b""),
            response=dataclasses.replace(exchange.response, body=b""),
        )
        self._bodiless += 1

    def clear(self) -> None:
        """Forget everything."""
        self._exchanges.clear()
        self._bytes = self._bodiless = 0


def _weight(exchange: Exchange) -> int:
    return len(exchange.request.body) + len(exchange.response.body)


# ---- how an exchange is shown --------------------------------------------------------------------


def shown(exchange: Exchange) -> dict[str, Any]:
    """An exchange as JSON, every credential replaced."""
    request, response = exchange.request, exchange.response
    path = request.path + (f"?{request.query_string}" if request.query_string else "")
    return {
        "id": exchange.id,
        "time": to_text(exchange.time),
        "instanceId": exchange.instance_id,
        "operationId": exchange.operation_id,
        "identity": exchange.identity,
        "request": {
            "method": request.method,
            "path": path,
            "headers": _headers(request.headers),
            "body": _body(request.body, request.headers.get("content-type", "")),
        },
        "response": {
            "status": response.status,
            "headers": _headers(response.headers),
            "body": _body(response.body, response.content_type),
        },
        "violations": [shown_violation(found) for found in exchange.violations],
        "faultId": exchange.fault_id,
        "durationMs": exchange.duration_us / 1000,
    }


def shown_violation(found: Violation) -> dict[str, Any]:
    """A violation as JSON."""
    return {
        "where": found.where,
        "field": found.field,
        "pointer": found.pointer,
        "specPointer": found.spec_pointer,
        "violatedRule": found.violated_rule,
        "rule": found.rule,
        "description": found.description,
        "closest": found.closest,
    }


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: REPLACED if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def _body(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    if content_type.startswith("application/x-www-form-urlencoded"):
        return _without_secrets(dict(parse_qsl(body.decode("utf-8", "replace"))))
    try:
        return _without_secrets(orjson.loads(body))
    except ValueError:
        return body.decode("utf-8", "replace")


def _without_secrets(value: Any) -> Any:
    """The value with every text under a credential's name replaced."""
    if isinstance(value, dict):
        return {
            key: REPLACED if key in _SECRET_FIELDS and isinstance(inner, str) else _without_secrets(inner)
            for key, inner in value.items()
        }
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value
