"""A closed loop: connections that ask again once they are answered, and the CPU time the server spends."""

from __future__ import annotations

import re
import select
import socket
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OK = (b"HTTP/1.1 200", b"HTTP/1.0 200")
_ANSWER_SECONDS = 60
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Load:
    """What a stretch of load took. Times per request are microseconds, shares are of one core."""

    count: int
    seconds: float
    cpu_us: float
    median_us: float
    p99_us: float
    server_share: float
    client_share: float

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.count / self.seconds


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    sent: int = 0
    head: bytes = b""
    missing: int = 0


@dataclass(slots=True)
class _Tally:
    waiting: int = 0
    times: list[int] = field(default_factory=list)


def run(
    port: int, pid: int, requests: Iterable[bytes], *, connections: int = 1, seconds: float = float("inf")
) -> Load:
    """Send requests until they or the seconds are over, one at a time on each connection, and wait for the rest.

    Raises ValueError for an answer that is not 200, ConnectionError for a closed connection, TimeoutError.
    """
    opened = {(one := _open(port)).socket.fileno(): one for _ in range(connections)}
    try:
        before = cpu_seconds(pid), time.process_time(), time.perf_counter()
        times = _drive(opened, iter(requests), seconds)
        after = cpu_seconds(pid), time.process_time(), time.perf_counter()
    finally:
        for one in opened.values():
            one.socket.close()
    server, client, elapsed = (end - start for start, end in zip(before, after, strict=True))
    times.sort()
    return Load(
        count=len(times),
        seconds=elapsed,
        cpu_us=server / len(times) * 1e6,
        median_us=statistics.median(times) / 1e3,
        p99_us=times[len(times) * 99 // 100] / 1e3,
        server_share=server / elapsed,
        client_share=client / elapsed,
    )


def _open(port: int) -> _Connection:
    opened = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _Connection(opened)


def _drive(opened: dict[int, _Connection], requests: Iterator[bytes], seconds: float) -> list[int]:
    tally, buffer = _Tally(), memoryview(bytearray(_CHUNK))
    clock, end = time.perf_counter_ns, time.perf_counter_ns() + seconds * 1e9
    with select.epoll() as poll:
        for number, one in opened.items():
            poll.register(number, select.EPOLLIN)
            _ask(one, requests, tally, clock())
        while tally.waiting:
            events = poll.poll(_ANSWER_SECONDS)
            if not events:
                raise TimeoutError(f"no answer within {_ANSWER_SECONDS} seconds: is the server still there?")
            for number, _ in events:
                one = opened[number]
                if _receive(one, buffer):
                    now = clock()
                    tally.times.append(now - one.sent)
                    tally.waiting -= 1
                    if now < end:
                        _ask(one, requests, tally, now)
    if not tally.times:
        raise ValueError("nothing was asked: hand in at least one request")
    return tally.times


def _ask(one: _Connection, requests: Iterator[bytes], tally: _Tally, now: int) -> None:
    data = next(requests, None)
    if data is not None:
        one.sent = now
        tally.waiting += 1
        one.socket.sendall(data)


def _receive(one: _Connection, buffer: memoryview) -> bool:
    """Take what has arrived; whether the answer is whole."""
    size = one.socket.recv_into(buffer)
    if not size:
        raise ConnectionError("the server closed a connection that was waiting for an answer")
    if one.missing:
        one.missing -= size
        return one.missing <= 0
    data = one.head + buffer[:size].tobytes()
    end = data.find(b"\r\n\r\n")
    if end < 0:
        one.head = data
        return False
    one.head = b""
    if data[:12] not in _OK:
        raise ValueError(f"expected 200, got {data[:40]!r}: {data[end + 4 : end + 304]!r}")
    found = _LENGTH.search(data, 0, end)
    if found is None:
        raise ValueError("expected Content-Length: this client reads no other framing")
    one.missing = int(found[1]) - (len(data) - end - 4)
    return one.missing <= 0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, to the nanosecond: its POSIX CPU clock."""
    return time.clock_gettime((~pid << 3) | 2)
