"""The servers of crash runs and the states that they are started on: made, killed with all their workers, gone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from wixture.mockserver.store.in_thread import run_apart

ANY_MOMENT = "at any moment"
_LONGEST_WAIT = 60
NO_PORT = 1


class Server:
    """A server on a state, from its start to its being killed, if it lives so long."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def port(self) -> int:
        """Where it listens, once it does."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line and self.process.wait() == -signal.SIGKILL:  # what was still to be delivered brought it there
            return NO_PORT
        if not line.startswith("wixture ready on "):
            self.end()
            raise RuntimeError(f"the server did not start: {line!r}, exit code {self.process.returncode}")
        return int(line.rpartition(":")[2])

    def end(self) -> None:
        """Kill it."""
        kill(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a server, if it has any."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in children.split()]


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a server with all its workers; return when their state is free."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGSTOP)  # it starts no more of them
    workers = workers_of(process)
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    end = time.monotonic() + _LONGEST_WAIT
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < end:
        time.sleep(0.002)


def command_of(store: str, place: str, rng: random.Random, workers: int) -> list[str]:
    wixture = Path(sys.executable).with_name("wixture")
    command = [str(wixture), "serve", "--port", "0", "--store", store]
    if workers > 1:
        return [*command, "--workers", str(workers)]
    if place == ANY_MOMENT and rng.random() < 0.5:  # as it is used, warming up and all
        return command
    return [sys.executable, "-m", "benchmarks.doomed", store, f"{place}:{rng.randint(1, 40)}"]


def ends(process: subprocess.Popen[str]) -> bool:
    """Whether a process is gone, or goes just now."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    return process.poll() is not None


def files(folder: Path) -> Callable[[], str]:
    """Gives the address of one state file after another."""
    numbers = count()
    return lambda: f"sqlite:{folder / str(next(numbers))}.db"


def databases(url: str) -> Callable[[], str]:
    """Gives the address of one new database after another, named after one that there is and on its server."""
    numbers = count()

    def new() -> str:
        name = f"{urlsplit(url).path[1:]}_{next(numbers)}"
        run_apart(_make_database(url, name))
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}/{name}?{parts.query}"

    return new


async def _make_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
