"""Servers as processes of their own, pinned to one core: started, timed, weighed and ended."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

BIN = Path(sys.executable).parent
_START_SECONDS = 60
_WARM_UP_SECONDS = 2
_Word = str | Path
ALLOWED = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
SERVER_CORE, CLIENT_CORE = ALLOWED[0], ALLOWED[-1]
"""Two cores, or one and the same where this process may use no other."""


def take_core(*, polite: bool = False) -> None:
    """Pin this process to the load generator's core, before all other processes unless `polite` or not allowed.

    The servers it starts inherit that, so that what else runs on the machine disturbs neither. Waits until no
    other benchmark runs here: two that both come first take turns of 100 ms.
    """
    _wait_for_others()
    os.sched_setaffinity(0, {CLIENT_CORE})
    if not polite and SERVER_CORE != CLIENT_CORE:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _wait_for_others() -> None:
    path = Path(tempfile.gettempdir()) / "wixture-benchmarks.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another benchmark runs on this machine: waiting for it to end", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def comes_first() -> bool:
    """Whether this process and its servers run before all other processes of the machine."""
    return os.sched_getscheduler(0) == os.SCHED_RR


@dataclass(frozen=True)
class Program:
    """How a server is started. Without a `port_option` it picks a port and prints its URL in its first line."""

    command: Sequence[_Word]
    port_option: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens; `ready_ms` from the start of its process to its first answer."""

    port: int
    pid: int
    ready_ms: float


@contextmanager
def started(program: Program) -> Iterator[Running]:
    """The program, running on the servers' core until the block ends. Raises RuntimeError if it does not start."""
    port = _free_port() if program.port_option else 0
    command = [*program.command, *([program.port_option, str(port)] if program.port_option else [])]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process, below
    # Before exec, so that every thread the server makes stays on its core.
    pin = partial(os.sched_setaffinity, 0, {SERVER_CORE})
    begun = time.perf_counter()
    with log, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, preexec_fn=pin, env={**os.environ, **program.env}
    ) as process:  # fmt: skip
        try:
            port = port or _printed_port(process)
            _first_answer(port, process, begun)
            yield Running(port, process.pid, (time.perf_counter() - begun) * 1000)
        except (ConnectionError, ValueError) as error:
            log.seek(0)
            raise RuntimeError(f"{command[0]}: {error}. It said: {log.read()[-2000:].decode()}") from error
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def _printed_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r":(\d+)\s*$", line)
    if found is None:
        raise ValueError(f"expected a first line that ends with a port, got {line!r}")
    return int(found[1])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _first_answer(port: int, process: subprocess.Popen[str], begun: float) -> None:
    """Return once any answer arrives, whatever its status."""
    while time.perf_counter() - begun < _START_SECONDS:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            connection.settimeout(_START_SECONDS)
            if connection.recv(1):
                return
        if process.poll() is not None:
            break
        time.sleep(0.001)
    raise ConnectionError(f"no answer within {_START_SECONDS} seconds")


def settle() -> None:
    """Wait for what servers do in the background once they listen: it is not part of a request."""
    time.sleep(_WARM_UP_SECONDS)


def resident_mib(pid: int) -> float:
    """The resident set of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def start_up_ms(programs: Mapping[str, Program], rounds: int) -> dict[str, list[float]]:
    """How long each program takes to its first answer, in alternating rounds."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            with started(program) as running:
                times[name].append(running.ready_ms)
    return times


def command_ms(command: Sequence[_Word], rounds: int) -> list[float]:
    """How long a command takes on the servers' core."""
    pin = partial(os.sched_setaffinity, 0, {SERVER_CORE})
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        subprocess.run(command, check=True, preexec_fn=pin)
        times.append((time.perf_counter() - begun) * 1000)
    return times
