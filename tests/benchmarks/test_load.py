"""The load generator counts what was answered, times it, and takes nothing but 200 for an answer."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from benchmarks.load import cpu_seconds, run
from benchmarks.plans import request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the load generator needs Linux")
GET = request("GET", "/", "token")
POST = request("POST", "/", "token", b'{"a": 1}')


class TinyServer:
    """Answers each request with the pieces that `answer` makes of it; keeps all requests it read."""

    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        self.read: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._opened: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                opened, _ = self._listening.accept()
                self.connections += 1
                self._opened.append(opened)
                self._threads.append(threading.Thread(target=self._serve, args=(opened,)))
                self._threads[-1].start()

    def _serve(self, opened: socket.socket) -> None:
        with opened, suppress(OSError):
            while data := _one_request(opened):
                self.read.append(data)
                for piece in self._answer(data):
                    opened.sendall(piece)
                if not self._answer(data):
                    return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for opened in self._opened:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


def _one_request(opened: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = opened.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)", head)
    while found and len(body) < int(found[1]):
        body += opened.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], list[bytes]]], TinyServer]]:
    """Starts servers, and ends them."""
    made: list[TinyServer] = []

    def start(answer: Callable[[bytes], list[bytes]]) -> TinyServer:
        made.append(TinyServer(answer))
        return made[-1]

    yield start
    for server in made:
        server.close()


def _whole(body: bytes = b"{}", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def test_every_request_is_sent_once_as_it_is_and_counted(serve: Callable[..., TinyServer]) -> None:
    server = serve(lambda _: [_whole()])
    load = run(server.port, os.getpid(), [GET, POST, GET])
    assert load.count == 3
    assert server.read == [GET, POST, GET]
    assert server.connections == 1


def test_the_requests_are_shared_between_the_connections(serve: Callable[..., TinyServer]) -> None:
    server = serve(lambda _: [_whole()])
    sent = [request("GET", f"/{number}", "token") for number in range(50)]
    load = run(server.port, os.getpid(), sent, connections=4)
    assert load.count == 50
    assert server.connections == 4
    assert sorted(server.read) == sorted(sent)


def test_each_connection_has_one_request_in_flight(serve: Callable[..., TinyServer]) -> None:
    at_once: list[int] = []
    lock, inside = threading.Lock(), [0]

    def answer(_: bytes) -> list[bytes]:
        with lock:
            inside[0] += 1
            at_once.append(inside[0])
        time.sleep(0.001)
        with lock:
            inside[0] -= 1
        return [_whole()]

    run(serve(answer).port, os.getpid(), [GET] * 30, connections=3)
    assert max(at_once) <= 3


def test_more_connections_than_requests_end_with_the_requests(serve: Callable[..., TinyServer]) -> None:
    assert run(serve(lambda _: [_whole()]).port, os.getpid(), [GET], connections=5).count == 1


def test_an_answer_in_pieces_is_one_answer(serve: Callable[..., TinyServer]) -> None:
    body = b"x" * 300_000
    whole = _whole(body)

    def answer(_: bytes) -> list[bytes]:
        return [whole[:9], whole[9:30], whole[30:45], whole[45:200_000], whole[200_000:]]

    server = serve(answer)
    assert run(server.port, os.getpid(), [GET] * 4).count == 4
    assert len(server.read) == 4


@pytest.mark.parametrize("status", [b"201 Created", b"204 No Content", b"304 Not Modified", b"404 Not Found"])
def test_anything_but_200_is_refused_with_what_was_said(serve: Callable[..., TinyServer], status: bytes) -> None:
    server = serve(lambda _: [_whole(b"why it is so", status)])
    with pytest.raises(ValueError, match=rf"expected 200, got .*{status.decode()}.*why it is so"):
        run(server.port, os.getpid(), [GET])


def test_one_bad_answer_among_good_ones_is_refused(serve: Callable[..., TinyServer]) -> None:
    server = serve(lambda asked: [_whole(status=b"500 Oh")] if b"POST" in asked[:4] else [_whole()])
    with pytest.raises(ValueError, match="500 Oh"):
        run(server.port, os.getpid(), [GET] * 5 + [POST] + [GET] * 5, connections=2)


def test_a_closed_connection_is_no_answer(serve: Callable[..., TinyServer]) -> None:
    with pytest.raises(ConnectionError, match="closed a connection"):
        run(serve(lambda _: []).port, os.getpid(), [GET])


def test_an_answer_without_a_length_is_refused(serve: Callable[..., TinyServer]) -> None:
    server = serve(lambda _: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
    with pytest.raises(ValueError, match="Content-Length"):
        run(server.port, os.getpid(), [GET])


def test_nothing_to_ask_is_refused(serve: Callable[..., TinyServer]) -> None:
    with pytest.raises(ValueError, match="at least one request"):
        run(serve(lambda _: [_whole()]).port, os.getpid(), [])


def test_an_endless_supply_ends_with_the_seconds_and_every_answer_is_waited_for(
    serve: Callable[..., TinyServer],
) -> None:
    server = serve(lambda _: [_whole()])
    load = run(server.port, os.getpid(), iter(lambda: GET, None), connections=2, seconds=0.05)
    assert load.count == len(server.read)
    assert load.seconds >= 0.05


def test_times_hold_what_the_server_waited(serve: Callable[..., TinyServer]) -> None:
    def answer(_: bytes) -> list[bytes]:
        time.sleep(0.01)
        return [_whole()]

    load = run(serve(answer).port, os.getpid(), [GET] * 5)
    assert load.median_us >= 10_000
    assert load.p99_us >= load.median_us
    assert load.seconds >= 0.05
    assert load.per_second == 5 / load.seconds


def test_the_cpu_clock_of_a_process_is_its_user_and_system_time() -> None:
    before = time.process_time()
    seen = cpu_seconds(os.getpid())
    after = time.process_time()
    assert before <= seen <= after
