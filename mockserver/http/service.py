"""The application that a server serves, and what every connection of it works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from wixture.mockserver import messages
from wixture.mockserver.http.limits import Limits


class Handler(Protocol):
    """The application, as far as the server knows it."""

    async def handle(self, request: messages.Request) -> messages.Response:
        """The answer; an exception is a bug of the mock and becomes 500 MOCK_BUG."""

    def body_limit(self, method: str, path: str) -> int:
        """The most bytes a body may have, given the raw path without its query."""


@dataclass(frozen=True, slots=True)
class Service:
    """What every connection of one server works with."""

    app: Handler
    limits: Limits
    new_request_id: Callable[[], str]
