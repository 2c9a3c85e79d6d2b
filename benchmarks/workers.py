"""`make bench-workers`: reads of a state file by one process and by two, in alternating rounds.

The load generator needs a core, too, and the servers may use all that there are. So it is wrk, which leaves most
of a core to them; and beside one worker and two there are two servers that share nothing: no two workers answer
more than those on the same machine. What is promised is judged where each process that answers has half a core, so
that two of them and the load generator have room on two cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks import quota, report, wrk
from benchmarks.load import cpu_seconds
from benchmarks.peers import SERVE, Peer, stocked
from benchmarks.rounds import CONNECTIONS, FULL, QUICK, Effort
from benchmarks.servers import ALLOWED, settle, take_core
from benchmarks.verdicts import Verdict

AT_LEAST = 1.6
KIND = "get"


@dataclass
class Crew:
    """Processes that answer, one peer for each server, and their rounds: storms, CPU time, the busiest share."""

    name: str
    peers: Sequence[Peer]
    pids: Sequence[int]
    storms: list[wrk.Storm] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def ask(self, seconds: float, share: float | None = None) -> None:
        """One round; each process has a share of a core, or as much as it gets."""
        with quota.each_at_most(share, self.pids) if share else nullcontext():
            self._ask(seconds)

    def _ask(self, seconds: float) -> None:
        before = [cpu_seconds(pid) for pid in self.pids]
        asked = [(peer.running.port, next(peer.plans[KIND]())) for peer in self.peers]
        storm = wrk.run(asked, connections=CONNECTIONS, seconds=seconds)
        spent = [cpu_seconds(pid) - start for pid, start in zip(self.pids, before, strict=True)]
        self.storms.append(storm)
        self.cpu_us.append(sum(spent) / storm.count * 1e6)
        self.shares.append(max(spent) / sum(spent))

    def forget(self) -> None:
        """The rounds so far were to warm up."""
        self.storms, self.cpu_us, self.shares = [], [], []

    @property
    def per_second(self) -> float:
        """The median of the rounds."""
        return statistics.median(storm.per_second for storm in self.storms)

    def line(self) -> str:
        """What the rounds came to, for people."""
        client = statistics.median(storm.client_share for storm in self.storms)
        about = f"{self.per_second:8,.0f} req/s, {statistics.median(self.cpu_us):4.0f} µs of the servers' CPU each"
        busiest = f"the busiest process has {statistics.median(self.shares):.0%} of that"
        return f"  {self.name:24} {about}, {busiest}; wrk uses {client:.0%} of a core"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, and fewer: for a first look")
    options = parser.parse_args()
    if why := wrk.missing():
        parser.error(why)
    effort = QUICK if options.quick else FULL
    take_core(polite=True)
    os.sched_setaffinity(0, ALLOWED)
    print(*report.heading(report.machine(), effort), "", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        hire = partial(_hired, stack, Path(folder))
        crews = [hire("1 worker", [1]), hire("2 workers", [2]), hire("2 that share nothing", [1, 1])]
        settle()
        for crew in crews:
            crew.ask(effort.warm_up_seconds)
        _compare("each process has what it gets", crews, effort, None)
        try:
            _compare("each process has half a core", crews, effort, 0.5)
        except quota.Unavailable as why:
            print(f"not judged: {why}")
        else:
            print(*report.promises([verdict(*crews[:2])]), sep="\n")


def _compare(title: str, crews: Sequence[Crew], effort: Effort, share: float | None) -> None:
    for crew in crews:
        crew.forget()
    for _ in range(effort.rounds):
        for crew in crews:
            crew.ask(effort.loaded_seconds, share)
    print(f"{title}:", *(crew.line() for crew in crews), "", sep="\n", flush=True)


def _hired(stack: ExitStack, folder: Path, name: str, servers: Sequence[int]) -> Crew:
    peers, pids = [], []
    for number, workers in enumerate(servers):
        path = folder / f"{name} {number}.db"
        state = ("--store", f"sqlite:{path}", "--workers", str(workers))
        peer = stack.enter_context(stocked(replace(SERVE, command=(*SERVE.command, *state))))
        peers.append(peer)
        pids += _freed(peer.running.pid)
    return Crew(name, peers, pids)


def _freed(pid: int) -> list[int]:
    """The processes of a server that answer, which may use every core now."""
    children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for one in (pid, *children):
        for task in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(task.name), ALLOWED)
    return children or [pid]


def verdict(one: Crew, two: Crew) -> Verdict:
    """How many reads a second two workers answer, of those that one does."""
    promise = "get by two workers: requests per second as a multiple of one"
    return Verdict(promise, two.per_second / one.per_second, AT_LEAST, at_least=True)


if __name__ == "__main__":
    main()
