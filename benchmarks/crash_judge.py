"""What must hold after a kill: what writers know of their entities fits what is stored and what events tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.crash_clients import Known

Stored = Mapping[str, Any]


@dataclass
class Tally:
    """What some cycles came to."""

    cycles: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    events: int = 0
    deliveries: int = 0
    problems: list[str] = field(default_factory=list)

    def told(self, seconds: float) -> str:
        """One line, for people."""
        places = ", ".join(f"{count} {place}" for place, count in sorted(self.killed_at.items()))
        came = f"{self.acknowledged:,} acknowledged writes, {self.events:,} events, {self.deliveries:,} deliveries"
        ill = f"{len(self.problems)} lost, doubled or half done"
        return f"{self.cycles:,} cycles in {seconds:.0f} s, killed {places}; {came}; {ill}"


def total(tallies: Iterable[Tally]) -> Tally:
    """What several lanes came to together."""
    sums = Tally()
    for found in tallies:
        sums.cycles += found.cycles
        sums.killed_at += found.killed_at
        sums.acknowledged += found.acknowledged
        sums.events += found.events
        sums.deliveries += found.deliveries
        sums.problems += found.problems
    return sums


def problems(known: Mapping[str, Known], state: Sequence[Stored], events: Sequence[Stored]) -> Iterator[str]:
    """What does not fit: what writers know of their entities, what is stored, and what events tell."""
    by_id: dict[str, list[Stored]] = defaultdict(list)
    for event in events:
        by_id[event["event"]["entityId"]].append(event["event"])
    for id_, told in by_id.items():
        yield from _problems_of_events(id_, told)
    yield from _problems_of_state(state, by_id)
    stored = {consent["details"]["email"] for consent in state}
    begun = [told for told in by_id.values() if told[0]["slug"] == "created"]
    reached = {told[0]["createdEvent"]["entity"]["details"]["email"]: len(told) for told in begun}
    for email, what in known.items():
        yield from _problems_of_writes(email, what, reached.get(email, 0), is_there=email in stored)
    yield from (f"{email} was never asked for" for email in set(reached) - set(known))


def _problems_of_events(id_: str, told: Sequence[Stored]) -> Iterator[str]:
    numbers = [int(event["entityEventSequence"]) for event in told]
    if numbers != list(range(1, len(told) + 1)):
        yield f"{id_} has events of the revisions {numbers}"
    slugs = [event["slug"] for event in told]
    if slugs[0] != "created" or "created" in slugs[1:] or "deleted" in slugs[:-1]:
        yield f"{id_} has the events {slugs}"


def _problems_of_state(state: Sequence[Stored], by_id: Mapping[str, Sequence[Stored]]) -> Iterator[str]:
    revisions = {consent["id"]: int(consent["revision"]) for consent in state}
    told = {id_: len(events) for id_, events in by_id.items() if events[-1]["slug"] != "deleted"}
    if revisions != told:
        odd = [id_ for id_ in {*revisions, *told} if revisions.get(id_) != told.get(id_)]
        yield f"revisions are {[revisions.get(id_) for id_ in odd]}, events {[told.get(id_) for id_ in odd]}"


def _problems_of_writes(email: str, what: Known, reached: int, *, is_there: bool) -> Iterator[str]:
    possible = (what.revision, what.revision + 1) if what.in_doubt else (what.revision,)
    if reached not in possible:
        yield f"{email} was acknowledged up to {what.revision}, and its events end at {reached}"
    if what.is_deleted and is_there:
        yield f"{email} was deleted, and is there"
    if not what.is_deleted and not what.in_doubt and not is_there:
        yield f"{email} was stored, and is not there"
