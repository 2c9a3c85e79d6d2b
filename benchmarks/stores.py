"""`make bench-stores`: what a state file, and PostgreSQL, cost beside memory, by kind of request, in alternating
rounds. PostgreSQL is left out where no server is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg

from benchmarks import report
from benchmarks.peers import SERVE, stocked
from benchmarks.rounds import FULL, QUICK, Measured, measure
from benchmarks.servers import Program, settle, take_core
from benchmarks.verdicts import Verdict

MEMORY, FILE, DATABASE = "memory", "sqlite", "postgresql"
STORES = (MEMORY, FILE, DATABASE)
KEEPER = Path(__file__).parents[1] / "tests" / "database_keeper.py"
AT_LEAST = 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, and fewer: for a first look")
    parser.add_argument("--polite", action="store_true", help="do not run before other processes, even if allowed")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    take_core(polite=options.polite)
    print(*report.heading(report.machine(), effort), "", sep="\n", flush=True)
    here = STORES if _postgresql() else (MEMORY, FILE)
    with ExitStack() as stack:
        peers = [replace(stack.enter_context(stocked(program(stack, name))), name=name) for name in here]
        settle()
        found = list(measure(peers, effort))
    print(f"  {'':27} {'req/s':>8} {'CPU µs':>8} {'median µs':>10} {'p99 µs':>8}   one connection: median, p99")
    print(*map(_line, found), "", sep="\n")
    print(*report.promises([verdict(found)]), sep="\n")


def program(stack: ExitStack, store: str) -> Program:
    """A server with a store of its own, of a kind, which is gone with the stack. Raises SystemExit without one."""
    if store == MEMORY:
        return SERVE
    if store == FILE:
        url = f"sqlite:{stack.enter_context(tempfile.TemporaryDirectory())}/state.db"
    else:
        url = stack.enter_context(database())
    return replace(SERVE, command=(*SERVE.command, "--store", url))


@contextmanager
def database() -> Iterator[str]:
    """The address of a database on a server of its own, set up as Debian does. Raises SystemExit without one."""
    programs = _postgresql()
    if programs is None:
        raise SystemExit(2)
    command: list[str | Path] = [sys.executable, KEEPER, programs, "--durable"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        yield f"postgresql://wixture@/postgres?host={keeper.stdout.readline().strip()}"
        keeper.stdin.close()


def tidy(filled: Program) -> None:
    """Have the database of a server do now what it does by itself within minutes of being filled."""
    asyncio.run(_vacuum(filled.command[-1]))


async def _vacuum(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _postgresql() -> Path | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not places:
        print("PostgreSQL is left out: no server of it is installed (apt-get install postgresql).", flush=True)
    return places[0] if places else None


def _line(one: Measured) -> str:
    times = [one.median(name, single=single) for single in (False, True) for name in ("median_us", "p99_us")]
    about = f"{one.median('per_second'):8,.0f} {one.median('cpu_us'):8.0f} {times[0]:10.0f} {times[1]:8.0f}"
    return f"  {one.kind:14} {one.server:12} {about}   {times[2]:.0f}, {times[3]:.0f}"


def verdict(found: list[Measured]) -> Verdict:
    """How many requests a second create an entity in a file, of those in memory."""
    rates = {one.server: one.median("per_second") for one in found if one.kind == "create"}
    promise = "create in a file: requests per second, of those in memory"
    return Verdict(promise, rates[FILE] / rates[MEMORY], AT_LEAST, at_least=True)


if __name__ == "__main__":
    main()
