"""`make bench-soak`: resident memory over ten minutes, or so many requests, of reads mixed with updates.

Nothing grows that a user asked to keep: the consents are as many at the end as at the start. Journal, outbox and
caches fill first; after that the memory must stay where it is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import report
from benchmarks.load import run
from benchmarks.peers import app_token
from benchmarks.plans import CONSENTS, consent, json_bytes, request, send
from benchmarks.rounds import CONNECTIONS
from benchmarks.servers import resident_mib, settle, started, take_core
from benchmarks.stores import MEMORY, STORES, program
from benchmarks.verdicts import Verdict

MOST_GROWTH = 1.02
_MINUTES = 10.0
_EVERY = 50_000
_CONSENTS = 1_000
_READS_PER_UPDATE = 4

Sample = tuple[int, float]
"""Requests so far, and MiB."""


def main() -> None:
    """Ask, weigh, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=_MINUTES, metavar="N", help="how long (default: 10)")
    parser.add_argument("--requests", type=int, metavar="N", help="how many requests instead")
    parser.add_argument("--store", choices=STORES, default=MEMORY, help="what holds the state (default: memory)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to a file")
    options = parser.parse_args()
    take_core(polite=True)
    most = math.inf if options.requests is None else options.requests
    end = time.monotonic() + 60 * options.minutes if options.requests is None else math.inf
    with ExitStack() as stack:
        running = stack.enter_context(started(program(stack, options.store)))
        requests = _requests(running.port, app_token(running.port))
        settle()
        samples = [(0, resident_mib(running.pid))]
        print(f"{options.store}, {CONNECTIONS} connections, {_READS_PER_UPDATE} reads an update")
        print(f"  {0:>10,} requests {samples[0][1]:8.1f} MiB", flush=True)
        while samples[-1][0] + _EVERY <= most and time.monotonic() < end:
            load = run(running.port, running.pid, itertools.islice(requests, _EVERY), connections=CONNECTIONS)
            samples.append((samples[-1][0] + _EVERY, resident_mib(running.pid)))
            about = f"{samples[-1][0]:>10,} requests {samples[-1][1]:8.1f} MiB"
            print(f"  {about}, {load.per_second:6,.0f} a second", flush=True)
    judged = judge(samples)
    print(f"  slope after the first quarter: {slope(samples[len(samples) // 4 :]):+.2f} MiB in 100,000 requests")
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


def judge(samples: Sequence[Sample]) -> Verdict:
    """Whether the process is as large in the last quarter as in the second, by their medians, but for 2 %.

    In the first one journal, outbox and caches fill. Raises ValueError for fewer than four samples.
    """
    quarter = len(samples) // 4
    if not quarter:
        raise ValueError(f"{len(samples)} samples are too few to judge by; ask for longer")
    second, last = (statistics.median(size for _, size in part) for part in _quarters(samples, quarter))
    promise = "resident memory in the last quarter, of that in the second"
    return Verdict(promise, last / second, MOST_GROWTH, at_least=False, note=f"{second:.1f} and {last:.1f} MiB")


def _quarters(samples: Sequence[Sample], quarter: int) -> tuple[Sequence[Sample], Sequence[Sample]]:
    return samples[quarter : 2 * quarter], samples[-quarter:]


def slope(samples: Sequence[Sample]) -> float:
    """The least-squares slope, in MiB for each 100,000 requests; 0 for a single sample."""
    count = len(samples)
    mean_x, mean_y = (sum(values) / count for values in zip(*samples, strict=True))
    square = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / square * 100_000 if square else 0.0


if __name__ == "__main__":
    main()
