"""What is promised about speed, and whether a measurement keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.peers import BARE, PRISM, PRISM_EQUAL, WIXTURE
from benchmarks.rounds import Measured

OF_BARE = {"get": 0.70, "create": 0.30, "query of 100": 0.40}
OF_PRISM = {"get": 6.0, "create": 3.0, "query of 100": 6.0}
P99_OF_MEDIAN = 4.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promise beside its measurement. `note` is for the reader and decides nothing."""

    promise: str
    measured: float
    bound: float
    at_least: bool
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the promise is kept; the bound itself keeps it."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def line(self) -> str:
        """The verdict as a line."""
        word, sign = "ok" if self.ok else "short", "≥" if self.at_least else "≤"
        note = f"  ({self.note})" if self.note else ""
        return f"{word:5}  {self.promise}: {self.measured:.2f}, promised {sign} {self.bound:.2f}{note}"


def verdicts(measured: Iterable[Measured]) -> list[Verdict]:
    """Every promise about requests that these measurements can judge."""
    found = {(one.kind, one.server): one for one in measured}
    return [*_beside_bare(found), *_beside_prism(found), *_tails(found)]


_Found = Mapping[tuple[str, str], Measured]


def _beside_bare(found: _Found) -> Iterator[Verdict]:
    for kind, bound in OF_BARE.items():
        if (kind, WIXTURE) in found and (kind, BARE) in found:
            yield _ratio(kind, found[kind, WIXTURE], found[kind, BARE], bound)


def _beside_prism(found: _Found) -> Iterator[Verdict]:
    for kind, bound in OF_PRISM.items():
        # The same work: Prism's example on the contract itself is a page of one.
        prism = found.get((kind, PRISM_EQUAL)) or found.get((kind, PRISM))
        if prism and (kind, WIXTURE) in found:
            yield _ratio(kind, found[kind, WIXTURE], prism, bound)


def _ratio(kind: str, ours: Measured, theirs: Measured, bound: float) -> Verdict:
    rate = ours.median("per_second") / theirs.median("per_second")
    cpu = theirs.median("cpu_us") / ours.median("cpu_us")
    promise = f"{kind}: requests per second as a multiple of {theirs.server}"
    return Verdict(promise, rate, bound, at_least=True, note=f"by CPU per request {cpu:.2f}")


def _tails(found: _Found) -> Iterator[Verdict]:
    for (kind, server), one in found.items():
        if server == WIXTURE:
            for name, single in (("one connection", True), ("under load", False)):
                promise = f"{kind}: 99th percentile over median, {name}"
                bare = found.get((kind, BARE))
                note = f"{BARE} {_tail(bare, single=single):.2f}" if bare else ""
                yield Verdict(promise, _tail(one, single=single), P99_OF_MEDIAN, at_least=False, note=note)


def _tail(one: Measured, *, single: bool) -> float:
    return one.median("p99_us", single=single) / one.median("median_us", single=single)
