"""The journal: the newest exchanges of each tenant, bounded in number and in bytes."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator

from wixture.mockserver.messages import Exchange

MOST_BYTES = 64 * 1024 * 1024
MOST_BYTES_OF_ALL = 256 * 1024 * 1024
_VIOLATION_BYTES = 512


class Budget:
    """The bytes that the journals of one server hold together."""

    def __init__(self, limit: int = MOST_BYTES_OF_ALL) -> None:
        self.limit = limit
        self.used = 0


class Journal:
    """The exchanges of one tenant, newest last.

    Holds up to `size` exchanges. Past 64 MiB, or past the server's budget, the bodies of the oldest are let go,
    and when no body is left the oldest exchanges themselves.
    """

    def __init__(self, size: int, budget: Budget | None = None) -> None:
        self._exchanges: deque[Exchange] = deque()
        self._weights: deque[int] = deque()
        self._size = size
        self._budget = budget or Budget()
        self._bytes = 0
        self._bodiless = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        """Remember an exchange, forgetting the oldest when there are too many."""
        weight = _weight(exchange)
        self._exchanges.append(exchange)
        self._weights.append(weight)
        self._bytes += weight
        self._budget.used += weight
        if len(self._exchanges) > self._size:
            self._forget_oldest()
        if self._bytes > MOST_BYTES or self._budget.used > self._budget.limit:
            self._make_room()

    def _make_room(self) -> None:
        while (self._bytes > MOST_BYTES or self._budget.used > self._budget.limit) and len(self._exchanges) > 1:
            if self._bodiless < len(self._exchanges):
                self._let_go_of_body()
            else:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._exchanges.popleft()
        self._count(-self._weights.popleft())
        self._bodiless = max(0, self._bodiless - 1)

    def _let_go_of_body(self) -> None:
        exchange = self._exchanges[self._bodiless]
        size = len(exchange.request.body) + len(exchange.response.body)
        self._count(-size)
        self._weights[self._bodiless] -= size
        self._exchanges[self._bodiless] = dataclasses.replace(
            exchange,
            request=dataclasses.replace(exchange.request, body=b""),
            response=dataclasses.replace(exchange.response, body=b""),
        )
        self._bodiless += 1

    def clear(self) -> None:
        """Forget everything."""
        self._exchanges.clear()
        self._weights.clear()
        self._count(-self._bytes)
        self._bodiless = 0

    def _count(self, size: int) -> None:
        self._bytes += size
        self._budget.used += size


def _weight(exchange: Exchange) -> int:
    """About how many bytes an exchange holds."""
    request = exchange.request
    bodies = len(request.body) + len(exchange.response.body)
    lines = len(request.path) + len(request.query_string) + sum(map(len, request.headers.values()))
    return bodies + lines + _VIOLATION_BYTES * len(exchange.violations)
