"""Who does not send or read in time is closed; nobody else notices."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import pytest

from wixture.mockserver.http.limits import Limits, Watch
from wixture.mockserver.messages import Request, Response

from .rawhttp import Client, Running, eventually, get, post

Serve = Callable[..., Running]


def _drip(client: Client, data: bytes, every: float = 0.05) -> tuple[float, int]:
    """Send byte by byte until the server has had enough: the seconds it took, and how many bytes were left."""
    start, left = time.monotonic(), len(data)
    client.socket.settimeout(every)
    for byte in data:
        left -= 1
        try:
            client.socket.sendall(bytes([byte]))
            if client.socket.recv(1, socket.MSG_PEEK) is not None:
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    client.socket.settimeout(5)
    return time.monotonic() - start, left


def _taken(client: Client) -> int:
    """The bytes still to be had from a connection that the server has ended."""
    size = 0
    try:
        while data := client.socket.recv(1 << 20):
            size += len(data)
    except ConnectionError:
        pass
    return size


def test_slow_headers_are_408_and_closed_and_others_are_not_disturbed(serve: Serve) -> None:
    running = serve(header_timeout=0.3)
    client, other = running.client(), running.client()
    assert other.ask(get()).status == 200
    seconds, left = _drip(client, get("/", "X: " + "a" * 100))
    assert seconds > 0.2
    assert left > 0
    answer = client.answer()
    assert (answer.status, answer.code) == (408, "MOCK_REQUEST_TIMEOUT")
    assert client.is_closed()
    assert other.ask(get()).status == 200


def test_slow_headers_of_a_later_request_are_closed_too(serve: Serve) -> None:
    client = serve(header_timeout=0.2).client()
    assert client.ask(post(b"abc")).status == 200
    client.send(b"GET /")
    assert client.answer().status == 408


def test_half_a_method_name_is_closed_too(serve: Serve) -> None:
    assert serve(header_timeout=0.2).client().send(b"BR").answer().status == 408


def test_a_connection_that_says_nothing_is_closed(serve: Serve) -> None:
    client = serve(header_timeout=0.2).client()
    assert client.is_closed()


def test_an_idle_connection_is_closed_after_the_keepalive_time(serve: Serve) -> None:
    client = serve(keepalive=0.3, header_timeout=0.1).client()
    assert client.ask(get()).status == 200
    start = time.monotonic()
    assert client.is_closed()
    assert time.monotonic() - start > 0.25


def test_a_body_that_takes_too_long_is_408(serve: Serve) -> None:
    running = serve(body_timeout=0.3, slow_rate=0)
    client = running.client()
    head, body = post(b"a" * 500)[:-500], b"a" * 500
    client.send(head)
    seconds, left = _drip(client, body)
    assert seconds > 0.2
    assert left > 0
    assert client.answer().status == 408
    assert client.is_closed()
    assert running.app.seen == []


def test_a_body_slower_than_the_rate_is_408(serve: Serve) -> None:
    running = serve(slow_window=0.3, slow_rate=1000)
    client = running.client().send(post(b"a" * 500)[:-500])
    seconds, left = _drip(client, b"a" * 500)
    assert seconds > 0.2
    assert left > 0
    assert client.answer().status == 408


def test_a_body_that_keeps_the_rate_is_taken(serve: Serve) -> None:
    client = serve(slow_window=0.5, slow_rate=200).client()
    client.send(post(b"a" * 1000)[:-1000])
    for _ in range(20):
        client.send(b"a" * 50)
        time.sleep(0.04)
    assert client.answer().status == 200


@pytest.mark.parametrize("limits", [{"body_timeout": 0.4}, {"slow_window": 0.2, "slow_rate": 10**6}])
def test_a_slow_reader_is_closed_and_others_are_not_disturbed(serve: Serve, limits: dict[str, float]) -> None:
    large = Response(200, b"a" * 50_000_000)
    running = serve(respond=lambda _: large, **limits)
    client, other = running.client(), running.client()
    client.send(get())
    assert eventually(lambda: len(running.app.seen) == 1)
    running.app.respond = None
    assert other.ask(get()).status == 200
    time.sleep(0.8)
    assert _taken(client) < 50_000_000
    assert other.ask(get()).status == 200


def test_a_slow_handler_is_not_closed(serve: Serve) -> None:
    async def slowly(_: Request) -> Response:
        await asyncio.sleep(0.5)
        return Response(200)

    limits = {"header_timeout": 0.1, "body_timeout": 0.1, "slow_window": 0.1, "keepalive": 0.1}
    assert serve(respond=slowly, **limits).ask(get()).status == 200


class TestWatch:
    """The judgement itself, at the real limits, without waiting for them."""

    def _first_stall(self, seconds: int, rate: int, allowed: float) -> float | None:
        watch = Watch(Limits())
        for tick in range(seconds * 2):
            if watch.is_stalled(("body", 1), int(tick * rate / 2), allowed, tick / 2):
                return tick / 2
        return None

    def test_under_1_kb_a_second_for_10_seconds_is_a_stall(self) -> None:
        assert self._first_stall(60, 1000, 30) == 10

    def test_over_1_kb_a_second_ends_only_at_30_seconds(self) -> None:
        assert self._first_stall(60, 1100, 30) == 30

    def test_another_phase_starts_anew(self) -> None:
        watch = Watch(Limits())
        assert not watch.is_stalled(("head", 1), None, 10, 0)
        assert not watch.is_stalled(("head", 2), None, 10, 11)
        assert watch.is_stalled(("head", 2), None, 10, 21)
