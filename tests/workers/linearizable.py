"""Whether what several clients did to one register by compare and set could have happened one after the other.

Each write names the revision it is based on, and makes the next one, so that revisions say in which order the
writes took place. What is left to find is an instant for each: within the time of its write, not after a read that
saw it was over, not before a read began that saw the one before, and not after a refusal for its sake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_EVER = float("inf")


@dataclass(frozen=True)
class Write:
    """A write based on a revision, from its being sent to its answer; `made` is None where it was refused."""

    begun: float
    ended: float
    based_on: int
    made: int | None


@dataclass(frozen=True)
class Read:
    """A read that saw a revision."""

    begun: float
    ended: float
    seen: int


def problems(history: Sequence[Write | Read], *, first: int) -> list[str]:
    """Why no order of the operations explains them; nothing when one does. The register begins at `first`."""
    made = {one.made: one for one in history if isinstance(one, Write) and one.made is not None}
    count = sum(isinstance(one, Write) and one.made is not None for one in history)
    revisions = range(first + 1, first + 1 + count)
    if set(made) != set(revisions):
        return [f"the revisions {sorted(made)} of {count} writes are not one after the other from {first}"]
    leaps = [f"{one.based_on} became {revision}" for revision, one in made.items() if one.based_on != revision - 1]
    earliest = {first: -_EVER} | {revision: made[revision].begun for revision in revisions}
    latest = {first: -_EVER} | {revision: made[revision].ended for revision in revisions}
    unknown = _hear_reads([one for one in history if isinstance(one, Read)], earliest, latest)
    refused = [one for one in history if isinstance(one, Write) and one.made is None]
    senseless = _hear_refusals(refused, latest)
    _put_in_order(revisions, earliest, latest)
    never = [f"revision {one} fits in nowhere" for one in revisions if earliest[one] > latest[one]]
    return leaps + unknown + senseless + never


def _hear_reads(reads: Sequence[Read], earliest: dict[int, float], latest: dict[int, float]) -> list[str]:
    for read in reads:
        if read.seen not in latest:
            return [f"revision {read.seen} was read, and nobody made it"]
        latest[read.seen] = min(latest[read.seen], read.ended)
        if read.seen + 1 in earliest:
            earliest[read.seen + 1] = max(earliest[read.seen + 1], read.begun)
    return []


def _hear_refusals(refused: Sequence[Write], latest: dict[int, float]) -> list[str]:
    """A write that is based on what was certainly there is refused for the sake of the next revision alone."""
    for one in refused:
        if latest.get(one.based_on, _EVER) > one.begun:
            continue
        if one.based_on + 1 not in latest:
            return [f"a write based on {one.based_on} was refused, and no other was ever made"]
        latest[one.based_on + 1] = min(latest[one.based_on + 1], one.ended)
    return []


def _put_in_order(revisions: range, earliest: dict[int, float], latest: dict[int, float]) -> None:
    """No revision begins before the one before it."""
    for revision in revisions:
        earliest[revision] = max(earliest[revision], earliest[revision - 1])
    for revision in reversed(revisions[:-1]):
        latest[revision] = min(latest[revision], latest[revision + 1])
