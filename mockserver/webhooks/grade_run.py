"""Sends a series to a consumer, one request after the other, and asks it what it has applied."""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from wixture.contracts.bodies import BadJson, parse_json
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.webhooks.applied import Applied, BadState, read_applied
from wixture.mockserver.webhooks.grading import Evidence, Outcome
from wixture.mockserver.webhooks.post import Poster
from wixture.mockserver.webhooks.series import Sending

PATIENCE_MS = 5_000
"""How long an answer is waited for: a slow consumer is to be told from a dead one."""

MOST_BYTES = 16 * 1024 * 1024
_UNREACHABLE = ("refused", "unreachable", "name_unknown", "bad_address", "denied", "tls")
_SECONDS = 10
_PAUSE = 0.05

Show = Callable[[], Applied]
"""Asks the consumer what it has applied. Raises BadState."""


class Unreachable(Exception):
    """Nothing is at the consumer's address; the text says why."""


class SeenBefore(Exception):
    """The consumer has had this series before, so its answers would show nothing."""


async def graded(
    series: Sequence[Sending],
    url: str,
    poster: Poster,
    show: Show | None,
    *,
    settle: float,
    on_sent: Callable[[Outcome], None],
) -> Evidence:
    """Send everything and collect what it shows; waits at most `settle` seconds for what is applied afterwards.

    Raises Unreachable, SeenBefore, and BadState for a state that cannot be read.
    """
    if show is not None:
        _refuse_seen(series, await asyncio.to_thread(show))
    outcomes: dict[str, Outcome] = {}
    for sending in series:
        posted = await poster.post(url, sending.body)
        if not outcomes and posted.reason in _UNREACHABLE:
            raise Unreachable(posted.text)
        outcomes[sending.name] = Outcome(sending, posted)
        on_sent(outcomes[sending.name])
    if show is None:
        return Evidence(outcomes)
    return Evidence(outcomes, await _settled(series, show, settle))


def _refuse_seen(series: Sequence[Sending], applied: Applied) -> None:
    if any(sending.minted is not None and applied.knows(sending.minted) for sending in series):
        raise SeenBefore


async def _settled(series: Sequence[Sending], show: Show, settle: float) -> Applied:
    """What is applied once two looks agree and every good event is there, or when the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + settle
    before, applied = None, await asyncio.to_thread(show)
    while loop.time() < end and (applied != before or _is_waiting(series, applied)):
        await asyncio.sleep(_PAUSE)
        before, applied = applied, await asyncio.to_thread(show)
    return applied


def _is_waiting(series: Sequence[Sending], applied: Applied) -> bool:
    """Whether an event that nothing overtakes is not there yet."""
    wanted = [sending.minted for sending in series if sending.name in ("updated", "followed", "last")]
    return any(applied.has(minted) is False for minted in wanted if minted is not None)


# ---- how a consumer shows what it has applied ----------------------------------------------------


def state_at(url: str, opener: urllib.request.OpenerDirector) -> Show:
    """Asks a URL for it; the answer's shape is that of `read_applied`."""

    def show() -> Applied:
        try:
            with opener.open(url, timeout=_SECONDS) as answer:
                body: bytes = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException, urllib.error.URLError) as error:
            reason = getattr(error, "reason", None) or error
            raise BadState(f"The consumer's state cannot be read ({reason}).") from error
        return read_applied(body)

    return show


class Callbacks:
    """Takes the IDs of applied events as the consumer posts them: as plain text, or `{"id": "…"}`."""

    def __init__(self) -> None:
        self._events: list[str] = []

    def show(self) -> Applied:
        """What was posted so far."""
        return Applied(tuple(self._events))

    def body_limit(self, method: str, path: str) -> int:  # noqa: ARG002  # the server's protocol
        """An ID is short."""
        return 4096

    async def handle(self, request: Request) -> Response:
        """Keep one ID."""
        event_id = _posted_id(request.body)
        if request.method != "POST" or not event_id:
            text = b'Post the ID of an applied event: as plain text, or {"id": "..."}.\n'
            return Response(400, text, {}, "text/plain; charset=utf-8")
        self._events.append(event_id.lower())
        return Response(200, b"", {}, "text/plain; charset=utf-8")


def _posted_id(body: bytes) -> str:
    if not body.lstrip().startswith(b"{"):
        return body.decode("utf-8", "replace").strip()
    try:
        posted = parse_json(body)
    except BadJson:
        return ""
    event_id = posted.get("id")
    return event_id if isinstance(event_id, str) else ""
