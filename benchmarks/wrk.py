"""The load generator wrk, for servers that may use every core: it costs a fifth of what a loop in Python does."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_COUNT = re.compile(r"(\d+) requests in ")
_PER_SECOND = re.compile(r"Requests/sec: +([\d.]+)")
_TROUBLE = re.compile(r"Non-2xx.*|Socket errors.*")


@dataclass(frozen=True, slots=True)
class Storm:
    """What a stretch of load came to. The client's share is of one core."""

    count: int
    per_second: float
    client_share: float


def missing() -> str | None:
    """Why it cannot be run; None where it can."""
    return None if shutil.which("wrk") else "wrk is not here: apt-get install wrk"


def run(asked: Sequence[tuple[int, bytes]], *, connections: int, seconds: float) -> Storm:
    """Send a request, without a body, to each port again and again. Raises ValueError for what is no success."""
    before = _children_seconds()
    each = connections // len(asked)
    running = [_begun(port, request, each, seconds) for port, request in asked]
    sums = [_sums(process.communicate()[0]) for process in running]
    spent = _children_seconds() - before
    count, per_second = sum(one for one, _ in sums), sum(one for _, one in sums)
    return Storm(count, per_second, spent / (count / per_second))


def _begun(port: int, request: bytes, connections: int, seconds: float) -> subprocess.Popen[str]:
    line, *headers = request.decode().rstrip().split("\r\n")
    named = [word for header in headers if not header.startswith("Host:") for word in ("-H", header)]
    url = f"http://127.0.0.1:{port}{line.split()[1]}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", *named, url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _sums(said: str) -> tuple[int, float]:
    if trouble := _TROUBLE.search(said):
        raise ValueError(f"wrk met with: {trouble[0]}")
    count, per_second = _COUNT.search(said), _PER_SECOND.search(said)
    if count is None or per_second is None:
        raise ValueError(f"expected wrk's sums, got {said!r}")
    return int(count[1]), float(per_second[1])


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
