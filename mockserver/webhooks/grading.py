"""A consumer's card: what a series of webhooks shows about it, point by point. Pure.

Each point is judged by the answers to some requests and, where the consumer shows it, by what was applied. A point
that cannot be told is `not shown`, neither passed nor failed. One that fails because of another is `blocked`: it
earns nothing, but what is to be mended is the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wixture.mockserver.webhooks.applied import Applied
from wixture.mockserver.webhooks.outcomes import LIMIT_MS, Posted
from wixture.mockserver.webhooks.series import Minted, Sending

Status = Literal["passed", "failed", "blocked", "not shown"]

SHOW_HOW = "Show what the consumer has applied: --state-url or --callback."
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """A request of the series and what became of it."""

    sending: Sending
    posted: Posted

    @property
    def answered(self) -> str:
        """The answer in two or three words."""
        status, reason = self.posted.status, self.posted.reason
        return f"answered {status}" if status is not None and reason in ("received", "status") else reason

    @property
    def is_taken(self) -> bool:
        """Whether the consumer said that all is well."""
        return self.posted.status is not None and 200 <= self.posted.status < 300


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a card is made from. `applied` is None when the consumer does not show it."""

    outcomes: Mapping[str, Outcome]
    applied: Applied | None = None

    @property
    def good(self) -> list[Outcome]:
        """The requests that are to be answered with 200."""
        return [one for one in self.outcomes.values() if one.sending.is_good]

    @property
    def takes_nothing(self) -> bool:
        """Whether no good event was taken, nor applied as far as is shown."""
        known = self.applied is not None and any(
            self.applied.knows(one.sending.minted) for one in self.good if one.sending.minted is not None
        )
        return not known and not any(one.is_taken for one in self.good)

    def minted(self, name: str) -> Minted:
        """The event of a request."""
        minted = self.outcomes[name].sending.minted
        if minted is None:
            raise KeyError(f"The request {name} carries no event.")
        return minted


@dataclass(frozen=True, slots=True)
class Mark:
    """How a point was judged, and why. `todo` is there where the point's own would not help."""

    status: Status
    reason: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that a consumer should do. `todo` says how to come to do it; `needs` what must pass first."""

    id: str
    title: str
    weight: int
    judge: Callable[[Evidence], Mark]
    todo: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A point with its mark."""

    point: Point
    mark: Mark

    @property
    def todo(self) -> str:
        """What to do next; nothing when the point is passed."""
        todo = {"failed": self.point.todo, "not shown": SHOW_HOW, "blocked": "Mend the other point first."}
        return self.mark.todo or todo.get(self.mark.status, "")


def judged(points: Sequence[Point], evidence: Evidence) -> list[Judged]:
    """Each point with its mark, in order."""
    marks = {point.id: point.judge(evidence) for point in points}
    failed = {name for name, mark in marks.items() if mark.status == "failed"}
    for point in points:
        cause = next((name for name in point.needs if name in failed), None)
        if cause is not None and marks[point.id].status == "failed":
            marks[point.id] = Mark("blocked", f"{marks[point.id].reason}; follows from {cause}")
    return [Judged(point, marks[point.id]) for point in points]


def _named(outcomes: Iterable[Outcome], tell: Callable[[Outcome], str]) -> str:
    texts = [f"{one.sending.title}: {tell(one)}" for one in outcomes]
    rest = f"; and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(texts[:_MOST_NAMED]) + rest


# ---- good events ---------------------------------------------------------------------------------

# The requests whose events have to be applied, and those of them whose entities are still there at the end.
_MUST_APPLY = ("created", "updated", "followed", "overtaken", "newer", "doomed", "last")
_MUST_STAY = ("created", "overtaken", "last")


def _accepts(evidence: Evidence) -> Mark:
    refused = [one for one in evidence.good if one.posted.status != 200]
    if len(refused) == len(evidence.good):
        text = "every good request was refused; does the consumer have the public key?"
        return Mark("failed", f"{text} {_named(refused, lambda one: one.answered)}")
    if refused:
        return Mark("failed", _named(refused, lambda one: one.answered))
    lost = [evidence.outcomes[name] for name in _MUST_APPLY if _is_lost(evidence, name)]
    if lost:
        return Mark("failed", _named(lost, lambda _: "answered 200, and not applied"))
    return Mark("passed", f"{len(evidence.good)} good requests, all answered 200")


def _is_lost(evidence: Evidence, name: str) -> bool:
    """Whether an event that has to be applied is shown not to be.

    By its ID, where IDs are shown; else by its entity: whether it is there, and after `updated`, which no other
    event follows, whether it looks as that one left it.
    """
    applied, minted = evidence.applied, evidence.minted(name)
    if applied is None:
        return False
    if applied.events is not None or name == "updated":
        return applied.has(minted) is False
    return name in _MUST_STAY and applied.knows(minted) is False


def _in_time(evidence: Evidence) -> Mark:
    answered = [one for one in evidence.good if one.posted.status is not None or one.posted.reason == "timeout"]
    if not answered:
        return Mark("not shown", "no good request was answered at all")
    slow = [one for one in answered if one.posted.duration_ms > LIMIT_MS]
    if slow:
        return Mark("failed", _named(slow, lambda one: f"{one.posted.duration_ms} ms"))
    slowest = max(one.posted.duration_ms for one in answered)
    return Mark("passed", f"the slowest answer took {slowest} ms of {LIMIT_MS}")


def _idempotent(evidence: Evidence) -> Mark:
    counts = [_times(evidence, name) for name in ("created", "followed")]
    twice = [count for count in counts if count is not None and count > 1]
    if twice:
        return Mark("failed", f"an event that came twice was applied {max(twice)} times")
    if counts[0] == 1:
        return Mark("passed", "what came twice was applied once")
    return Mark("not shown", "nothing tells how often an event was applied")


def _times(evidence: Evidence, name: str) -> int | None:
    """How often an event was applied: as its ID is listed, or by how many events changed its entity."""
    applied, minted = evidence.applied, evidence.minted(name)
    if applied is None:
        return None
    times, changes = applied.times(minted), applied.changes(minted)
    if times is not None or changes is None:
        return times
    return changes - 1 if name == "created" else changes  # the event `updated` changed it, too


def _ordered(evidence: Evidence) -> Mark:
    pairs = (("older", "newer", "revision 2 after revision 3"), ("late", "deleted", "an update after the end"))
    applied = evidence.applied
    if applied is None:
        return Mark("not shown", "nothing tells what was applied")
    stale = {text: applied.is_stale(evidence.minted(old), evidence.minted(new)) for old, new, text in pairs}
    wrong = [text for text, is_stale in stale.items() if is_stale]
    if wrong:
        return Mark("failed", f"applied {' and '.join(wrong)}")
    if None in stale.values():
        return Mark("not shown", "what should have overtaken was not applied either")
    return Mark("passed", "what came late did not overwrite what is newer")


def _retried(evidence: Evidence) -> Mark:
    again, applied = evidence.outcomes["retried"], evidence.applied
    if again.posted.status != 200:
        return Mark("failed", f"the retry was not taken: {again.answered}")
    if applied is None or applied.has(evidence.minted("retried")) is None:
        return Mark("not shown", "the retry was answered 200; whether it was applied is not shown")
    if not applied.has(evidence.minted("retried")):
        return Mark("failed", "the retry was answered 200, and its event never applied")
    return Mark("passed", "the event whose first try was broken was applied when it came whole")


# ---- what must be refused ------------------------------------------------------------------------


_TELLS_NOTHING = Mark(
    "not shown",
    "it takes no good event either, so a refusal tells nothing",
    "See that good events are taken.",
)


def _refuses(*names: str) -> Callable[[Evidence], Mark]:
    """A judge: each of these requests must not be answered with success, and nothing of it may be applied."""

    def judge(evidence: Evidence) -> Mark:
        sent = [evidence.outcomes[name] for name in names if name in evidence.outcomes]
        wrong = [one for one in sent if one.is_taken or _left_a_trace(one, evidence.applied)]
        if wrong:
            return Mark("failed", _named(wrong, lambda one: _how_taken(one, evidence.applied)))
        if evidence.takes_nothing:
            return _TELLS_NOTHING
        return Mark("passed", _named(sent, lambda one: one.answered))

    return judge


def _left_a_trace(outcome: Outcome, applied: Applied | None) -> bool:
    minted = outcome.sending.minted
    return applied is not None and minted is not None and bool(applied.knows(minted))


def _how_taken(outcome: Outcome, applied: Applied | None) -> str:
    return f"{outcome.answered}{', and applied' if _left_a_trace(outcome, applied) else ''}"


def _ignores_unknown(evidence: Evidence) -> Mark:
    sent = evidence.outcomes.get("unknown-event")
    if sent is None:
        text = "a running mock signs no event of an unknown type"
        return Mark("not shown", text, "Grade with a key of your own: leave --url away.")
    if _left_a_trace(sent, evidence.applied):
        return Mark("failed", f"{sent.answered}, and applied")
    if evidence.takes_nothing:
        return _TELLS_NOTHING
    if evidence.applied is None and sent.is_taken:
        return Mark("not shown", f"{sent.answered}; whether it was applied is not shown")
    return Mark("passed", f"{sent.answered}, and nothing applied" if evidence.applied else sent.answered)


# ---- the points ----------------------------------------------------------------------------------

POINTS = (
    Point("accepts", "Takes every good event, with status 200", 15, _accepts,
          "Answer exactly 200 to every event that verifies, also to one seen before; all else is retried."),
    Point("in-time", f"Answers within {LIMIT_MS} ms", 10, _in_time,
          "Put the event into a queue or table, answer 200, and do the work afterwards."),
    Point("idempotent", "Applies an event once, however often it comes", 12, _idempotent,
          "Keep the ID of each event (id in the domain event) with the change it made, in one transaction. "
          "Skip an ID that is there."),
    Point("order", "Lets nothing old overwrite what is newer", 12, _ordered,
          "Keep entityEventSequence for each entityId, also for deleted ones, and skip an event whose number is "
          "not higher."),
    Point("retry", "Applies an event whose first try it refused", 6, _retried,
          "Remember an event's ID only after it was verified and applied.", ("accepts", "signature")),
    Point("signature", "Verifies the signature", 15, _refuses("signature", "payload", "wrong_key"),
          "Verify each token with the public key of your app before you read anything in it."),
    Point("alg-none", "Refuses tokens without a signature", 5, _refuses("alg_none"),
          "Give your JWT library the list of algorithms, RS256 alone.", ("signature",)),
    Point("alg-hs256", "Refuses the public key as a shared secret", 5, _refuses("hs256"),
          "Give your JWT library the list of algorithms, RS256 alone.", ("signature",)),
    Point("expiry", "Refuses expired tokens", 6, _refuses("expired"),
          "Require the claim exp and let your JWT library check it.", ("signature",)),
    Point("instance", "Refuses events of a site that is not its own", 6, _refuses("wrong_instance"),
          "Compare instanceId in the envelope with the sites on which your app is installed."),
    Point("object-envelope", "Refuses claims that are objects", 3, _refuses("object_envelope"),
          "Expect texts with JSON in them: data in the claims, data and identity in the envelope."),
    Point("unknown-event", "Applies nothing of an unknown type", 2, _ignores_unknown,
          "Look at eventType first, and change nothing for a type that you do not know."),
    Point("wrong-content", "Refuses what is no event", 3, _refuses("data-no-json", "garbage", "empty"),
          "Answer 400 or 401 to a body that is no token, or whose data cannot be parsed."),
)  # fmt: skip
