"""Alternating rounds: every server is asked the same in turn, so that what disturbs the machine disturbs all."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.load import Load, run
from benchmarks.peers import Peer

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a measurement takes: rounds, and in each the seconds under load and on a single connection.

    Before the rounds of a kind each server is asked for `warm_up_seconds`, for Prism's just-in-time compiler.
    """

    warm_up_seconds: float
    rounds: int
    loaded_seconds: float
    single_seconds: float


FULL = Effort(warm_up_seconds=3.0, rounds=5, loaded_seconds=1.5, single_seconds=1.0)
QUICK = Effort(warm_up_seconds=0.5, rounds=3, loaded_seconds=0.4, single_seconds=0.25)


@dataclass(frozen=True)
class Measured:
    """The rounds of one server for one kind of request, under load and on a single connection."""

    kind: str
    server: str
    loaded: Sequence[Load]
    single: Sequence[Load]

    def median(self, name: str, *, single: bool = False) -> float:
        """The median over the rounds of a field of their loads."""
        return statistics.median(float(getattr(load, name)) for load in (self.single if single else self.loaded))

    def spread(self, name: str) -> float:
        """Between the slowest and the fastest round under load, as a share of the median."""
        found = [float(getattr(load, name)) for load in self.loaded]
        return (max(found) - min(found)) / statistics.median(found)


def measure(peers: Sequence[Peer], effort: Effort) -> Iterator[Measured]:
    """Each kind of request in turn, with all servers in every round."""
    kinds = list(dict.fromkeys(kind for peer in peers for kind in peer.plans))
    for kind in kinds:
        asked = [peer for peer in peers if kind in peer.plans]
        for peer in asked:
            _load(peer, kind, CONNECTIONS, effort.warm_up_seconds)
        loaded: dict[str, list[Load]] = {peer.name: [] for peer in asked}
        single: dict[str, list[Load]] = {peer.name: [] for peer in asked}
        for turn in range(effort.rounds):
            _progress(f"{kind}, round {turn + 1} of {effort.rounds}")
            for peer in asked:
                loaded[peer.name].append(_load(peer, kind, CONNECTIONS, effort.loaded_seconds))
            for peer in asked:
                single[peer.name].append(_load(peer, kind, 1, effort.single_seconds))
        yield from (Measured(kind, peer.name, loaded[peer.name], single[peer.name]) for peer in asked)


def _load(peer: Peer, kind: str, connections: int, seconds: float) -> Load:
    running = peer.running
    return run(running.port, running.pid, peer.plans[kind](), connections=connections, seconds=seconds)


def _progress(text: str) -> None:
    print(f"  … {text}", file=sys.stderr, flush=True)
