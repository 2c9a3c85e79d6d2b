"""`make bench-soak`: resident memory over a million requests, reads mixed with updates of the same consents.

Nothing grows that a user asked to keep: the consents are as many at the end as at the start. The journal fills
first; after that the memory must stay where it is.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.load import run
from benchmarks.peers import SERVE, app_token
from benchmarks.plans import CONSENTS, consent, json_bytes, request, send
from benchmarks.rounds import CONNECTIONS
from benchmarks.servers import resident_mib, settle, started, take_core
from benchmarks.verdicts import Verdict

MOST_GROWTH = 1.02
JOURNAL_FULL = 50_000
"""Requests after which the journal has long been full: it holds the newest 10,000."""
_REQUESTS = 1_000_000
_EVERY = 50_000
_CONSENTS = 1_000
_READS_PER_UPDATE = 4

Sample = tuple[int, float]
"""Requests so far, and MiB."""


def main() -> None:
    """Ask, weigh, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=_REQUESTS, metavar="N", help="how many, in all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    options = parser.parse_args()
    take_core(polite=True)
    with started(SERVE) as running:
        requests = _requests(running.port, app_token(running.port))
        settle()
        samples = [(0, resident_mib(running.pid))]
        print(f"{options.requests:,} requests on {CONNECTIONS} connections, {_READS_PER_UPDATE} reads an update")
        print(f"  {0:>9,} requests {samples[0][1]:8.1f} MiB", flush=True)
        for done in range(_EVERY, options.requests + 1, _EVERY):
            load = run(running.port, running.pid, itertools.islice(requests, _EVERY), connections=CONNECTIONS)
            samples.append((done, resident_mib(running.pid)))
            print(f"  {done:>9,} requests {samples[-1][1]:8.1f} MiB, {load.per_second:6,.0f} a second", flush=True)
    judged = judge(samples)
    print(f"  slope once the journal is full: {slope(_full(samples)):+.2f} MiB in 100,000 requests")
    print(*report.promises([judged]), sep="\n")
    if options.json:
        report.write(options.json, {"samples": samples, "verdict": report.verdict_as_json(judged)})


def _requests(port: int, token: str) -> Iterator[bytes]:
    """Reads and updates of the same thousand consents, for ever."""
    reads, updates = [], []
    for number in range(_CONSENTS):
        sent = consent(f"u{number}@example.com")
        created = send(port, request("POST", CONSENTS, token, json_bytes({"marketingConsent": sent})))
        path = f"{CONSENTS}/{json.loads(created)['marketingConsent']['id']}"
        reads.append(request("GET", path, token))
        change = {"marketingConsent": {**sent, "state": "CONFIRMED"}}
        updates.append(request("PATCH", path, token, json_bytes(change)))
    return _mixed(reads, updates)


def _mixed(reads: Sequence[bytes], updates: Sequence[bytes]) -> Iterator[bytes]:
    for read, update in itertools.cycle(zip(reads, updates, strict=True)):
        yield from itertools.repeat(read, _READS_PER_UPDATE)
        yield update


def _full(samples: Sequence[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample[0] >= JOURNAL_FULL]


def judge(samples: Sequence[Sample]) -> Verdict:
    """Whether the last sample is as large as the first one with a full journal, give or take two in a hundred."""
    full = _full(samples)
    (start, first), (end, last) = full[0], full[-1]
    promise = f"resident memory at {end:,} requests, of that at {start:,}"
    return Verdict(promise, last / first, MOST_GROWTH, at_least=False, note=f"{first:.1f} and {last:.1f} MiB")


def slope(samples: Sequence[Sample]) -> float:
    """The least-squares slope, in MiB for each 100,000 requests; 0 for a single sample."""
    count = len(samples)
    mean_x, mean_y = (sum(values) / count for values in zip(*samples, strict=True))
    square = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / square * 100_000 if square else 0.0


if __name__ == "__main__":
    main()
