"""Receives webhooks on this machine, as an app would: verifies each, keeps what came, answers as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from wixture.contracts.validation import Validation, own_contract
from wixture.mockserver.clock import wall_seconds
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.webhooks.events import event_types, short_name
from wixture.mockserver.webhooks.public_keys import PublicKey
from wixture.mockserver.webhooks.verdicts import Verdict
from wixture.mockserver.webhooks.verifying import MOST_BYTES, judge

MOST_KEPT = 10_000

REFUSED = 401
"""What a token that is wrong is answered with."""

_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Received:
    """One token that came, in whatever state, and the status that it was answered with."""

    number: int
    verdict: Verdict
    status: int

    @property
    def name(self) -> str | None:
        """The event's short name, as far as the token tells one."""
        envelope = self.verdict.layer("envelope").value or {}
        event_type = envelope.get("eventType")
        return short_name(event_type) if isinstance(event_type, str) else None

    @property
    def event(self) -> Mapping[str, Any] | None:
        """The domain event, as far as it can be read; trusted only when the verdict is ok."""
        return self.verdict.event


class Receiver:
    """A receiver of webhooks on loopback, on a thread of its own. Safe to use from several threads.

    `keys` gives the public keys, anew for each token. With `instance_id` tokens of other sites are refused.
    `on_received` is called for each token, one at a time, before its answer goes out. The newest `most_kept` stay.
    """

    def __init__(
        self,
        keys: Callable[[], Sequence[PublicKey]],
        *,
        port: int = 0,
        instance_id: str | None = None,
        contract: Validation | None = None,
        now: Callable[[], int] = wall_seconds,
        on_received: Callable[[Received], None] | None = None,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._keys = keys
        self._instance_id = instance_id
        self._contract = contract
        self._now = now
        self._on_received = on_received
        self._server = BackgroundServer(self, port=port)
        self._changed = threading.Condition()
        self._received: deque[Received] = deque(maxlen=most_kept)
        self._count = 0
        self._answer = (200, 0.0)
        self._failing = (0, 503)
        self._turn = asyncio.Lock()

    # ---- for those who use it --------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it receives."""
        return f"{self._server.url}/"

    @property
    def received(self) -> Sequence[Received]:
        """The newest tokens that came, also the refused ones, in order."""
        with self._changed:
            return tuple(self._received)

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """The domain events that were taken, in order: verified, and answered with 200."""
        return [one.event for one in self.received if _is_taken(one) and one.event is not None]

    def reply_with(self, status: int = 200, delay: float = 0.0) -> None:
        """Answer what is verified with a status from now on, `delay` seconds late."""
        with self._changed:
            self._answer = (status, delay)

    def fail_first(self, count: int, status: int = 503) -> None:
        """Answer the next `count` verified tokens with `status`, and then as before."""
        with self._changed:
            self._failing = (count, status)

    def clear(self) -> None:
        """Forget what came, and answer 200 at once."""
        with self._changed:
            self._received.clear()
            self._count = 0
            self._answer, self._failing = (200, 0.0), (0, 503)

    def wait_for(self, event: str = "*", timeout: float = 5.0, *, count: int = 1) -> Mapping[str, Any]:
        """The `count`th event of a type (short, in full, or `*`) that was taken, once it has come.

        Raises TimeoutError after `timeout` seconds, saying what came instead.
        """
        wanted = None if event == "*" else short_name(event)
        if event != "*" and wanted is None:
            raise ValueError(f"{event!r} is no event; use * or one of {', '.join(event_types())}.")
        deadline = time.monotonic() + timeout
        with self._changed:
            while len(fitting := self._taken(wanted)) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(self._missing(event, timeout))
                self._changed.wait(left)
        return fitting[count - 1]

    def _taken(self, name: str | None) -> list[Mapping[str, Any]]:
        fitting = [one for one in self._received if _is_taken(one) and name in (None, one.name)]
        return [one.event for one in fitting if one.event is not None]

    def _missing(self, event: str, timeout: float) -> str:
        came = ", ".join(_summary(one) for one in self._received) or "nothing"
        return f"No {event} was taken within {timeout} s. What came: {came}."

    def start(self) -> Self:
        """Listen. Raises ListenError when the port cannot be had."""
        (self._contract or own_contract("openapi")).accepts("/components/schemas/Guid", "")  # compiled beforehand
        self._turn = asyncio.Lock()  # of the loop that begins now
        self._server.start()
        return self

    def stop(self) -> None:
        """Answer what is in flight, and listen no longer."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- for its server --------------------------------------------------------------------------

    def body_limit(self, method: str, path: str) -> int:  # noqa: ARG002  # the server's protocol
        """More than a token may have, so that one which is too long is explained."""
        return 2 * MOST_BYTES

    async def handle(self, request: Request) -> Response:
        """The answer to one request."""
        if request.method != "POST":
            text = b"Webhooks are posted here; the body is the token.\n"
            return Response(405, text, {"Allow": "POST"}, _TEXT)
        # On a thread, for explaining a bad token takes a while; in turn, so that what came stays in order.
        async with self._turn:
            status, delay = await asyncio.to_thread(self._receive, request.body)
        if delay:
            await asyncio.sleep(delay)
        return Response(status, b"", {}, _TEXT)

    def _receive(self, token: bytes) -> tuple[int, float]:
        verdict = judge(
            token, self._keys(), now=self._now(), instance_id=self._instance_id, contract=self._contract
        )
        with self._changed:
            status, delay = self._next_answer() if verdict.ok else (REFUSED, 0.0)
            self._count += 1
            received = Received(self._count, verdict, status)
            self._received.append(received)
            self._changed.notify_all()
        if self._on_received is not None:
            self._on_received(received)
        return status, delay

    def _next_answer(self) -> tuple[int, float]:
        left, status = self._failing
        if left:
            self._failing = (left - 1, status)
            return status, 0.0
        return self._answer


def _is_taken(received: Received) -> bool:
    return received.verdict.ok and received.status == 200


def _summary(received: Received) -> str:
    wrong = f"wrong: {', '.join(received.verdict.wrong)}; " if received.verdict.wrong else ""
    return f"{received.name or 'no event'} ({wrong}{received.status})"
