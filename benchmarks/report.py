"""Measurements as text and as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import prism
from benchmarks.peers import BARE
from benchmarks.rounds import CONNECTIONS, Effort, Measured
from benchmarks.servers import CLIENT_CORE, SERVER_CORE, comes_first
from benchmarks.verdicts import Verdict

_BUSY = 0.90


def machine() -> dict[str, str]:
    """What the figures were measured on and with."""
    names = ("uvloop", "aiohttp", "openapi-core", "jsonschema-rs")
    versions = {name: importlib.metadata.version(name) for name in names}
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    return {
        "processor": f"{os.cpu_count()} cores,{model.partition(':')[2]}",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        **versions,
        "prism": prism.version() if prism.missing() is None else f"left out: {prism.missing()}",
    }


def heading(about: Mapping[str, str], effort: Effort) -> Iterator[str]:
    """What stands above the tables."""
    yield from (f"{name:14} {value}" for name, value in about.items())
    apart = "another core" if SERVER_CORE != CLIENT_CORE else "THE SAME core: nothing here is to be believed"
    yield f"servers pinned to core {SERVER_CORE}, load generator on {apart}; every Python server runs on uvloop"
    yield f"medians of {effort.rounds} alternating rounds; range: slowest to fastest round, of the median"
    if effort.warm_up_seconds < 1:
        yield "short rounds: Prism is not compiled to its end yet and comes off too slow; judge by `make bench`"
    if comes_first():
        yield "servers and generator run before all other processes of the machine (--polite: like others)"
    else:
        yield "servers and generator share their cores with whatever else runs; read the column `server busy`"


def start_up(times: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Start-up, in milliseconds."""
    yield "start-up, from the process's start to its first answer (commands: to their end), milliseconds"
    for name, found in times.items():
        yield f"  {name:26} {statistics.median(found):7.0f}   {min(found):5.0f} to {max(found):5.0f}"


def memory(sizes: Mapping[str, tuple[float, float]], asked: Mapping[str, int]) -> Iterator[str]:
    """The resident set, before and after."""
    yield "resident memory, MiB: started and warm; after all rounds (each holds what it created meanwhile)"
    for name, (before, after) in sizes.items():
        yield f"  {name:20} {before:7.0f} {after:7.0f}   after {asked[name]:,} requests"


def loaded(measured: Sequence[Measured]) -> Iterator[str]:
    """Throughput and latency under load."""
    yield f"under load: {CONNECTIONS} connections, each with one request in flight"
    yield (
        f"  {'':14} {'server':20} {'req/s':>8} {'range':>5} {'CPU µs':>8} {'median µs':>9} {'p99 µs':>8}"
        f"  {'of bare':>7} {'by CPU':>6}  server busy"
    )
    bare = {one.kind: one for one in measured if one.server == BARE}
    for one in measured:
        rate = one.median("per_second") / bare[one.kind].median("per_second")
        cpu = bare[one.kind].median("cpu_us") / one.median("cpu_us")
        yield (
            f"  {one.kind:14} {one.server:20} {one.median('per_second'):8.0f} {one.spread('per_second'):5.0%}"
            f" {one.median('cpu_us'):8.0f} {one.median('median_us'):9.0f} {one.median('p99_us'):8.0f}"
            f"  {rate:7.3f} {cpu:6.3f}  {_busy(one)}"
        )


def _busy(one: Measured) -> str:
    server, client = one.median("server_share"), one.median("client_share")
    if server >= _BUSY:
        return f"{server:4.0%}"
    why = "the generator was the bottleneck" if client >= _BUSY else "disturbed"
    return f"{server:4.0%}, generator {client:.0%}: {why}"


def single(measured: Sequence[Measured]) -> Iterator[str]:
    """Latency with nobody else asking."""
    yield "one connection, one request after the other"
    yield f"  {'':14} {'server':20} {'median µs':>9} {'p99 µs':>8} {'CPU µs':>8}"
    for one in measured:
        yield (
            f"  {one.kind:14} {one.server:20} {one.median('median_us', single=True):9.0f}"
            f" {one.median('p99_us', single=True):8.0f} {one.median('cpu_us', single=True):8.0f}"
        )


def promises(found: Sequence[Verdict]) -> Iterator[str]:
    """The verdicts."""
    yield "promised"
    yield from (f"  {verdict.line()}" for verdict in found)


def measured_as_json(one: Measured) -> dict[str, Any]:
    """One server and kind with all its rounds."""
    rounds = {"loaded": one.loaded, "single": one.single}
    return {"kind": one.kind, "server": one.server} | {
        name: [{**dataclasses.asdict(load), "per_second": load.per_second} for load in loads]
        for name, loads in rounds.items()
    }


def verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    """One verdict."""
    return {**dataclasses.asdict(verdict), "ok": verdict.ok}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """A result for machines."""
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
