"""Has a running mock sign: what it triggers comes to a receiver of our own, which keeps the tokens."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from wixture.mockserver.messages import Entity, Request, Response
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.webhooks.series import Minted

Call = Callable[[str, str, Mapping[str, Any] | None], Any]
"""Calls the mock's control API about one site: method, path below /_mock, body."""

_SECONDS = 10


class NotDelivered(Exception):
    """The mock did not hand its token over; the text says why."""


class _Inbox:
    def __init__(self) -> None:
        self.tokens: queue.Queue[bytes] = queue.Queue()

    def body_limit(self, method: str, path: str) -> int:  # noqa: ARG002  # the server's protocol
        return 1024 * 1024

    async def handle(self, request: Request) -> Response:
        self.tokens.put(request.body)
        return Response(200, b"", {}, "text/plain")


class MockMint(AbstractContextManager["MockMint"]):
    """Mints with the key of a running mock, in its events' form. Nobody who is subscribed there is told."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._inbox = _Inbox()
        self._server = BackgroundServer(self._inbox)

    def event(self, name: str, entity: Entity, *, tamper: str | None = None) -> Minted:
        """The token of an event about an entity. Raises NotDelivered."""
        asked: dict[str, Any] = {"eventType": name, "entity": entity, "url": f"{self._server.url}/"}
        if tamper is not None:
            asked["fault"] = {"tamper": tamper}
        made = self._call("POST", "/webhooks/trigger", asked)
        if self._call("GET", "/clock", None)["frozen"]:
            self._call("POST", "/webhooks/flush", None)
        try:
            token = self._inbox.tokens.get(timeout=_SECONDS)
        except queue.Empty:
            raise NotDelivered(self._why(made["id"])) from None
        return Minted(made["id"], entity, token)

    def wrong_content(self) -> Mapping[str, Minted | bytes]:
        """Nothing: a mock signs events alone."""
        return {}

    def _why(self, event_id: str) -> str:
        deliveries = self._call("GET", "/webhooks/deliveries", None)["deliveries"]
        attempts = [one["attempts"] for one in deliveries if one["eventId"] == event_id and one["attempts"]]
        reason = attempts[-1][-1]["reason"] if attempts else "it was not tried"
        return f"The mock signed but could not reach this command ({reason}): run both on one machine."

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
