"""However a stream is cut into packets, no request is read that was not sent, and none twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from aiohttp.base_protocol import BaseProtocol

from wixture.mockserver.http import wire
from wixture.mockserver.http.intake import Intake
from wixture.mockserver.http.limits import Limits

from .rawhttp import chunked, get, post

REQUESTS = [
    (get("/a", "X: \xe9"), ("GET", "/a", b"")),
    (get("/brew").replace(b"GET", b"BREW", 1), ("BREW", "/brew", b"")),
    (get("/pos").replace(b"GET", b"POS", 1), ("POS", "/pos", b"")),
    (post(b"abc", path="/b"), ("POST", "/b", b"abc")),
    (post(b"", path="/empty"), ("POST", "/empty", b"")),
    (post(get("/smuggled"), path="/c"), ("POST", "/c", get("/smuggled"))),
    (post(b"a" * 300 + b"\r\n\r\n", path="/d"), ("POST", "/d", b"a" * 300 + b"\r\n\r\n")),
    (chunked(b"abc", get("/smuggled")), ("POST", "/", b"abc" + get("/smuggled"))),
    (chunked(b"x", end=b"0\r\nTrailer: a\r\n\r\n"), ("POST", "/", b"x")),
    (b"\r\n" + get("/e"), ("GET", "/e", b"")),
]
BROKEN = [
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n" + get("/smuggled"),
    b"\0",
    b"G(T / HTTP/1.1\r\n\r\n",
    b"\n\n\0",
]

Told = list[tuple[str, str, bytes]]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def _fed(loop: asyncio.AbstractEventLoop, packets: list[bytes]) -> tuple[Told, int]:
    """The requests that were read whole, and the status of the refusal, 0 for none."""
    protocol = BaseProtocol(loop)
    intake = Intake(protocol, loop, Limits())  # type: ignore[arg-type]  # as much of a protocol as it needs
    told: Told = []
    refused = 0
    bodies = []
    for packet in packets:
        if intake.closed:
            break
        for message, payload in intake.feed(packet):
            protocol._parser.message_consumed()  # type: ignore[union-attr]
            if isinstance(message, wire.Refusal):
                refused = message.status
            else:
                bodies.append((message, payload))
    for message, payload in bodies:
        if payload.exception() is not None:
            refused = 400
        elif payload.is_eof():
            told.append((message.method, message.path, payload.read_nowait()))
    return told, refused


def _cut(stream: bytes, chance: random.Random, most: int) -> list[bytes]:
    cuts = sorted(chance.randrange(len(stream) + 1) for _ in range(chance.randrange(most)))
    edges = [0, *cuts, len(stream)]
    return [stream[start:end] for start, end in pairwise(edges) if start < end]


@pytest.mark.parametrize("seed", range(20))
def test_a_good_stream_in_any_packets(loop: asyncio.AbstractEventLoop, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        sent = chance.choices(REQUESTS, k=chance.randrange(1, 6))
        told, refused = _fed(loop, _cut(b"".join(data for data, _ in sent), chance, 8))
        expected = [meaning for _, meaning in sent]
        assert told == expected[: len(told)]
        # In a packet that starts in the middle of a chunked body, an unknown method may be refused.
        unread = [method for method, _, _ in expected[len(told) :]]
        assert not unread or (refused == 400 and ("BREW" in unread or "POS" in unread))


@pytest.mark.parametrize("seed", range(20))
def test_a_good_stream_in_one_packet(loop: asyncio.AbstractEventLoop, seed: int) -> None:
    chance = random.Random(seed)
    sent = chance.choices(REQUESTS, k=15)
    told, refused = _fed(loop, [b"".join(data for data, _ in sent)])
    assert (told, refused) == ([meaning for _, meaning in sent], 0)


@pytest.mark.parametrize("seed", range(20))
def test_a_packet_for_each_request(loop: asyncio.AbstractEventLoop, seed: int) -> None:
    chance = random.Random(seed)
    sent = chance.choices(REQUESTS, k=15)
    told, refused = _fed(loop, [data for data, _ in sent])
    assert (told, refused) == ([meaning for _, meaning in sent], 0)


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_that_breaks_in_any_packets(loop: asyncio.AbstractEventLoop, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        sent = chance.choices(REQUESTS, k=chance.randrange(4))
        stream = b"".join(data for data, _ in sent) + chance.choice(BROKEN)
        told, refused = _fed(loop, _cut(stream, chance, 8))
        expected = [meaning for _, meaning in sent]
        assert told == expected[: len(told)]
        assert refused == 400


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda pair: f"{pair[1][0]} {pair[1][1]}")
def test_a_stream_byte_by_byte(
    loop: asyncio.AbstractEventLoop, request_: tuple[bytes, tuple[str, str, bytes]]
) -> None:
    data, meaning = request_
    told, refused = _fed(loop, [bytes([byte]) for byte in data * 3])
    assert (told, refused) == ([meaning] * 3, 0)
