"""The journal: the newest exchanges of each tenant, bounded in number and in bytes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

import orjson

from wixture.contracts.violations import Violation
from wixture.mockserver.messages import REQUEST_ID, Exchange, Request, Response

MOST_BYTES = 64 * 1024 * 1024
MOST_BYTES_OF_ALL = 256 * 1024 * 1024
_VIOLATION_BYTES = 512

FlatExchange = tuple[Any, ...]
"""Whatever is kept is cold when it is forgotten, and each object of it costs a wait for memory then."""
_VIOLATIONS, _REQUEST_HEADERS, _REQUEST_BODY, _RESPONSE_HEADERS, _RESPONSE_BODY, _WEIGHT = 5, -7, -6, -4, -2, -1
_ROWS, _REQUEST_PATH, _REQUEST_QUERY = 7, -9, -8
_MOST_GONE = 20  # breaches of the contract
_MOST_VIOLATIONS_GONE = 10  # of each of them
_ABOUT = 9  # how many fields stand before those of the request


class Budget:
    """The bytes that the journals of one server hold together."""

    def __init__(self, limit: int = MOST_BYTES_OF_ALL) -> None:
        self.limit = limit
        self.used = 0


class Journal:
    """The exchanges of one tenant, newest last.

    Holds up to `size` exchanges. Past 64 MiB, or past the server's budget, the bodies of the oldest are let go,
    and when no body is left the oldest exchanges themselves. `forgotten` counts the exchanges that went; of those
    that broke the contract the newest few are in `breaches_gone`, without bodies and headers.
    """

    def __init__(self, size: int, budget: Budget | None = None) -> None:
        self._bodiless: deque[FlatExchange] = deque()
        self._whole: deque[FlatExchange] = deque()  # newer than all without a body
        self._gone: deque[FlatExchange] = deque(maxlen=_MOST_GONE)
        self._size = size
        self._budget = budget or Budget()
        self._bytes = 0
        self.forgotten = 0

    @property
    def bodiless(self) -> int:
        """How many exchanges, the oldest ones, have lost their bodies."""
        return len(self._bodiless)

    def __len__(self) -> int:
        return len(self._bodiless) + len(self._whole)

    def __iter__(self) -> Iterator[Exchange]:
        return map(_exchange, chain(self._bodiless, self._whole))

    @property
    def breaches_gone(self) -> list[Exchange]:
        """What is left of those that broke the contract and had to go: a load must not hide a breach."""
        return list(map(_exchange, self._gone))

    def note(self, request: Request, response: Response, about: tuple[Any, ...]) -> None:
        """Remember an exchange, forgetting the oldest when there are too many.

        `about` has its fields but for request and response, in their order.
        """
        sent, body, headers = request.body, response.body, response.headers
        weight = len(sent) + len(body) + len(request.path) + len(request.query_string)
        weight += sum(map(len, request.headers.values()))
        violations = about[_VIOLATIONS]
        if violations:
            weight += _VIOLATION_BYTES * len(violations)
        record = (
            *about,
            request.method,
            request.path,
            request.query_string,
            request.headers,
            sent,
            response.status,
            None if len(headers) == 1 and headers.get(REQUEST_ID) == about[0] else headers,
            response.content_type,
            body,
            weight,
        )
        self._add(record, weight)

    def _add(self, record: FlatExchange, weight: int) -> None:
        self._whole.append(record)
        self._count(weight)
        if len(self._whole) + len(self._bodiless) > self._size:
            self._forget_oldest()
        if self._bytes > MOST_BYTES or self._budget.used > self._budget.limit:
            self._make_room()

    def _make_room(self) -> None:
        while (self._bytes > MOST_BYTES or self._budget.used > self._budget.limit) and len(self) > 1:
            if self._whole:
                self._let_go_of_body()
            else:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        self.forgotten += 1
        record = (self._bodiless or self._whole).popleft()
        self._count(-record[_WEIGHT])
        if record[_VIOLATIONS]:
            outline = list(record)
            outline[_VIOLATIONS] = record[_VIOLATIONS][:_MOST_VIOLATIONS_GONE]
            outline[_REQUEST_HEADERS], outline[_RESPONSE_HEADERS] = {}, None
            outline[_REQUEST_BODY] = outline[_RESPONSE_BODY] = b""
            self._gone.append(tuple(outline))

    def _let_go_of_body(self) -> None:
        record = self._whole.popleft()
        left = without_bodies(record)
        self._count(left[_WEIGHT] - record[_WEIGHT])
        self._bodiless.append(left)

    def take(self) -> list[FlatExchange]:
        """Everything that is kept, oldest first, as flat tuples; it is kept here no longer."""
        taken = self.copied()
        self._bodiless.clear()
        self._whole.clear()
        self._count(-self._bytes)
        return taken

    def copied(self) -> list[FlatExchange]:
        """Everything that is kept, oldest first, as flat tuples."""
        return [*self._bodiless, *self._whole]

    def add(self, records: Iterable[FlatExchange]) -> None:
        """Keep what was taken elsewhere, or from here, as newer than all that is kept."""
        for record in records:
            self._add(record, record[_WEIGHT])

    def clear(self) -> None:
        """Forget everything."""
        self._bodiless.clear()
        self._whole.clear()
        self._gone.clear()
        self._count(-self._bytes)
        self.forgotten = 0

    def _count(self, size: int) -> None:
        self._bytes += size
        self._budget.used += size


def size_of_bodies(record: FlatExchange) -> int:
    """The bytes of both bodies."""
    return len(record[_REQUEST_BODY]) + len(record[_RESPONSE_BODY])


def without_bodies(record: FlatExchange) -> FlatExchange:
    """What is left of a record when its bodies are let go of."""
    left = list(record)
    left[_REQUEST_BODY] = left[_RESPONSE_BODY] = b""
    left[_WEIGHT] -= size_of_bodies(record)
    return tuple(left)


def packed(record: FlatExchange) -> tuple[bytes, bytes, bytes]:
    """A record as JSON and both bodies, which are empty in the JSON."""
    parts = list(record)
    request, response = parts[_REQUEST_BODY], parts[_RESPONSE_BODY]
    parts[_REQUEST_BODY] = parts[_RESPONSE_BODY] = ""
    parts[_VIOLATIONS] = [asdict(found) for found in record[_VIOLATIONS]]
    try:
        return orjson.dumps(parts), request, response
    except TypeError:  # a header may hold what is no Unicode: JSON's own escapes can say that
        return json.dumps(parts).encode(), request, response


def unpacked(about: bytes, request: bytes, response: bytes) -> FlatExchange:
    """The record that was packed; bodies that were let go of meanwhile are empty."""
    parts = json.loads(about)
    weight = parts[_WEIGHT] if request or response else _weight_without_bodies(parts)
    parts[_REQUEST_BODY], parts[_RESPONSE_BODY], parts[_WEIGHT] = request, response, weight
    parts[_VIOLATIONS] = tuple(Violation(**found) for found in parts[_VIOLATIONS])
    parts[_ROWS] = tuple(parts[_ROWS])
    return tuple(parts)


def _weight_without_bodies(parts: list[Any]) -> int:
    line = len(parts[_REQUEST_PATH]) + len(parts[_REQUEST_QUERY])
    return line + sum(map(len, parts[_REQUEST_HEADERS].values()))


def _exchange(record: FlatExchange) -> Exchange:
    method, path, query_string, sent_headers, sent, status, headers, content_type, body, _ = record[_ABOUT:]
    id_, time, instance_id, operation_id, identity, *rest = record[:_ABOUT]
    request = Request(method, path, query_string, sent_headers, sent)
    response = Response(status, body, {REQUEST_ID: id_} if headers is None else headers, content_type)
    return Exchange(id_, time, instance_id, operation_id, identity, request, response, *rest)
