"""One client on one keep-alive connection, and the CPU time that a server spends on it."""

from __future__ import annotations

import os
import re
import socket
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What a round of requests took: microseconds each, and the server's CPU time per request."""

    count: int
    seconds: float
    cpu_us: float
    median_us: float
    p99_us: float


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def run(port: int, pid: int, requests: list[bytes]) -> Load:
    """Send every request and wait for its answer, one after the other. Raises ValueError unless all are 200."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before, start = _cpu_seconds(pid), time.perf_counter()
        for data in requests:
            sent = time.perf_counter()
            connection.sendall(data)
            _read_answer(connection)
            times.append(time.perf_counter() - sent)
        seconds, cpu = time.perf_counter() - start, _cpu_seconds(pid) - before
    count = len(requests)
    times.sort()
    return Load(count, seconds, cpu / count * 1e6, statistics.median(times) * 1e6, times[count * 99 // 100] * 1e6)


def _read_answer(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"expected 200, got {head[:40]!r}: {body[:200]!r}")
    found = _LENGTH.search(head)
    missing = int(found[1]) - len(body) if found else 0
    while missing > 0:
        missing -= len(connection.recv(min(missing, 1 << 20)))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
