"""`make bench-scale`: what a page costs at a million consents beside a thousand, through the socket.

Two servers, one with each number, are asked the same queries in alternating rounds. Both are filled through the
control API's seed. Compared is the server's CPU time per request, the connection's part included; where a database
works for it, whose time is not in that, how long an answer takes, once it has been vacuumed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.load import Load, run
from benchmarks.peers import app_token
from benchmarks.plans import BULK, CONSENTS, consent, json_bytes, request, send
from benchmarks.servers import Running, resident_mib, settle, started, take_core
from benchmarks.stock import FIRST_DAY, documents
from benchmarks.stores import DATABASE, MEMORY, STORES, program, tidy
from benchmarks.verdicts import Verdict

SMALL, LARGE = 1_000, 1_000_000
PAGE = 50
AT_MOST = 1.5
_ROUNDS = 5
_SECONDS = 0.5
_WARM_UP = 0.2
_NEWEST_FIRST = [{"fieldName": "createdDate", "order": "DESC"}]
_OLDEST_FIRST = [{"fieldName": "createdDate", "order": "ASC"}]
_AFTER = {"createdDate": {"$gte": f"{FIRST_DAY}T00:00:00.000Z"}}
_WITHIN = {"createdDate": {"$gte": f"{FIRST_DAY}T00:01:00.000Z", "$lt": f"{FIRST_DAY}T00:10:00.000Z"}}
# Every query finds as many consents in the small store as in the large one, or more than a page in both.
QUERIES: Mapping[str, dict[str, Any]] = {
    "default order": {},
    "email $eq": {"filter": {"details.email": {"$eq": "u0000500@example.com"}}},
    "phone $eq": {"filter": {"details.phone": {"$eq": "+19170000501"}}},
    "email $in 50": {"filter": {"details.email": {"$in": [f"u{n:07}@example.com" for n in range(0, 100, 2)]}}},
    "phone $in 50": {"filter": {"details.phone": {"$in": [f"+1917{n:07}" for n in range(1, 100, 2)]}}},
    "email $startsWith, 50": {"filter": {"details.email": {"$startsWith": "u00005"}}},
    "email $startsWith, 500": {"filter": {"details.email": {"$startsWith": "u0000"}}},
    "email $startsWith, up to 5,000": {"filter": {"details.email": {"$startsWith": "u000"}}},
    "email $startsWith, up to 50,000": {"filter": {"details.email": {"$startsWith": "u00"}}},
    "email $startsWith, half": {"filter": {"details.email": {"$startsWith": "u"}}},
    "phone $startsWith, 50": {"filter": {"details.phone": {"$startsWith": "+191700005"}}},
    "phone $startsWith, 500": {"filter": {"details.phone": {"$startsWith": "+19170000"}}},
    "phone $startsWith, half": {"filter": {"details.phone": {"$startsWith": "+1917"}}},
    "state": {"filter": {"state": {"$eq": "CONFIRMED"}}},
    "state, one of twenty": {"filter": {"state": {"$eq": "REVOKED"}}},
    "dates, newest first": {"filter": _AFTER, "sort": _NEWEST_FIRST},
    "dates, oldest first": {"filter": _AFTER, "sort": _OLDEST_FIRST},
    "nine minutes, newest first": {"filter": _WITHIN, "sort": _NEWEST_FIRST},
}
_UNPROMISED = {
    "bulk of 100": {"info": [{**consent(f"u{n:07}@example.com"), "state": "CONFIRMED"} for n in range(0, 200, 2)]}
}
_DEEP = ("default order", "email $startsWith, half", "state", "dates, newest first", "dates, oldest first")


@dataclass(frozen=True)
class Filled:
    """A server with a number of consents, and the bytes of each query."""

    running: Running
    requests: Mapping[str, bytes]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--large", type=int, default=LARGE, metavar="N", help="consents in the larger store")
    parser.add_argument("--store", choices=STORES, default=MEMORY, help="what holds them (default: memory)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to a file")
    parser.add_argument("--polite", action="store_true", help="do not run before other processes, even if allowed")
    options = parser.parse_args()
    take_core(polite=options.polite)
    with ExitStack() as stack:
        sizes = (SMALL, options.large)
        programs = [program(stack, options.store) for _ in sizes]
        running = [stack.enter_context(started(one)) for one in programs]
        stores = [_filled(server, size) for server, size in zip(running, sizes, strict=True)]
        for filled in programs if options.store == DATABASE else ():
            tidy(filled)
        settle()
        loads = _measure(stores)
        memory = [resident_mib(store.running.pid) for store in stores]
    judged = [_judge(name, options.store, *both) for name, both in loads.items() if name not in _UNPROMISED]
    print(f"in {options.store}")
    _print(loads, judged, memory, options.large)
    if options.json:
        rounds = {name: [[asdict(load) for load in one] for one in both] for name, both in loads.items()}
        judged_as_json = [report.verdict_as_json(verdict) for verdict in judged]
        report.write(options.json, {"rounds": rounds, "residentMib": memory, "verdicts": judged_as_json})


def _filled(running: Running, size: int) -> Filled:
    for document in documents(size):
        send(running.port, request("POST", "/_mock/seed", "", document))
    token = app_token(running.port)
    first = {name: _asking(query, token) for name, query in QUERIES.items()}
    deep = {f"{name}, deep": _deep(running.port, QUERIES[name], size, token) for name in _DEEP}
    more = {name: request("POST", BULK, token, json_bytes(body)) for name, body in _UNPROMISED.items()}
    return Filled(running, first | deep | more)


def _asking(query: Mapping[str, Any], token: str, **paging: Any) -> bytes:
    body = {"query": {**query, "cursorPaging": {"limit": PAGE, **paging}}}
    return request("POST", f"{CONSENTS}/query", token, json_bytes(body))


def _deep(port: int, query: Mapping[str, Any], size: int, token: str) -> bytes:
    """The request of the page a fifth of the store's size in, by turning pages until there."""
    step = 100
    data = _asking(query, token, limit=step)
    for _ in range(size // 5 // step):
        cursor = json.loads(send(port, data))["pagingMetadata"]["cursors"]["next"]
        data = _asking({}, token, limit=step, cursor=cursor)
    return _asking({}, token, cursor=cursor)


def _measure(stores: Sequence[Filled]) -> dict[str, tuple[list[Load], ...]]:
    loads: dict[str, tuple[list[Load], ...]] = {}
    for name in stores[0].requests:
        counts = {_length(store, name) for store in stores}
        if len(counts) != 1:
            raise ValueError(f"{name}: the stores answer pages of different lengths: {sorted(counts)}")
        for store in stores:
            _load(store, name, _WARM_UP)
        loads[name] = tuple([] for _ in stores)
        for _ in range(_ROUNDS):
            for store, rounds in zip(stores, loads[name], strict=True):
                rounds.append(_load(store, name, _SECONDS))
    return loads


def _length(store: Filled, name: str) -> int:
    answer = json.loads(send(store.running.port, store.requests[name]))
    return len(answer["results"] if name in _UNPROMISED else answer["marketingConsent"])


def _load(store: Filled, name: str, seconds: float) -> Load:
    asked: Iterator[bytes] = itertools.repeat(store.requests[name])
    return run(store.running.port, store.running.pid, asked, seconds=seconds)


def _judge(name: str, store: str, small: Sequence[Load], large: Sequence[Load]) -> Verdict:
    column, what = ("median_us", "median time") if store == DATABASE else ("cpu_us", "CPU")
    took = [statistics.median(getattr(load, column) for load in loads) for loads in (small, large)]
    promise = f"{name}: {what} per request, of that at {SMALL:,}"
    return Verdict(promise, took[1] / took[0], AT_MOST, at_least=False)


def _print(
    loads: Mapping[str, Sequence[Sequence[Load]]], judged: Sequence[Verdict], sizes: Sequence[float], large: int
) -> None:
    print(f"pages of {PAGE} of {SMALL:,} and of {large:,} consents; one connection, {_ROUNDS} alternating rounds")
    print(f"resident memory: {sizes[0]:.0f} and {sizes[1]:.0f} MiB")
    print(f"  {'':34} {'CPU µs':>8} {'CPU µs':>8} {'median µs':>10} {'median µs':>10}")
    for name, both in loads.items():
        cpu = [statistics.median(load.cpu_us for load in one) for one in both]
        median = [statistics.median(load.median_us for load in one) for one in both]
        disturbed = any(wall > 2 * busy + 100 for wall, busy in zip(median, cpu, strict=True))
        note = "  disturbed" if disturbed else ""
        print(f"  {name:34} {cpu[0]:8.0f} {cpu[1]:8.0f} {median[0]:10.0f} {median[1]:10.0f}{note}")
    print(*report.promises(judged), sep="\n")


if __name__ == "__main__":
    main()
