"""A body is read to its end within the application's limit, or refused before."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest

from .rawhttp import BODY_LIMIT, Running, chunked, eventually, get, post

_ENDLESS = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def _raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


def test_a_body_of_the_limit_is_taken(running: Running) -> None:
    assert running.ask(post(b"a" * BODY_LIMIT)).json["body"] == "a" * BODY_LIMIT


@pytest.mark.parametrize("length", [BODY_LIMIT + 1, 10**12, 2**64 - 1])
def test_a_declared_length_over_the_limit_is_413_before_any_body(running: Running, length: int) -> None:
    client = running.client()
    answer = client.ask(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
    assert (answer.status, answer.code) == (413, "MOCK_BODY_TOO_LARGE")
    assert str(BODY_LIMIT) in answer.json["message"]
    assert client.is_closed()
    assert running.app.seen == []


def test_the_client_can_read_413_while_it_still_sends(running: Running) -> None:
    client = running.client()
    assert client.ask(post(b"a" * 200_000)).status == 413


def test_the_limit_is_the_one_of_the_path(serve: Callable[..., Running]) -> None:
    asked: list[tuple[str, str]] = []

    def five(method: str, path: str) -> int:
        asked.append((method, path))
        return 5

    running = serve()
    running.app.body_limit = five  # type: ignore[method-assign]
    assert running.ask(post(b"a" * 6, path="/bulk%2f?x=1")).status == 413
    assert asked == [("POST", "/bulk%2f")]


def test_a_chunked_body_is_whole_for_the_application(running: Running) -> None:
    assert running.ask(chunked(b"abc", b"def")).json["body"] == "abcdef"


def test_a_body_in_small_pieces_is_whole_for_the_application(running: Running) -> None:
    client = running.client()
    for byte in post(b"abcdef") + chunked(b"abc", b"d"):
        client.send(bytes([byte]))
    assert [client.answer().json["body"] for _ in range(2)] == ["abcdef", "abcd"]


def test_a_chunked_body_without_end_is_413(running: Running) -> None:
    client = running.client().send(_ENDLESS)
    client.send(b"64\r\n" + b"a" * 100 + b"\r\n")
    client.send((b"64\r\n" + b"a" * 100 + b"\r\n") * 10)
    assert client.answer().status == 413
    assert client.is_closed()


def test_chunk_extensions_and_trailers_without_end_are_400(running: Running) -> None:
    for endless in (b"1;" + b"a" * 200_000, b"0\r\n" + b"X: aaaa\r\n" * 30_000):
        client = running.client().send(_ENDLESS)
        with suppress(ConnectionError):
            client.send(endless)
        assert client.answer().status in (400, 431)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "identity"])
def test_a_packed_body_reaches_the_application_unpacked(running: Running, coding: str) -> None:
    body = b"a" * 500
    packed = {"deflate": zlib.compress(body), "raw deflate": _raw_deflate(body), "identity": body}
    name = coding.removeprefix("raw ")
    assert (
        running.ask(post(packed.get(coding, gzip.compress(body)), f"Content-Encoding: {name}")).json["body"]
        == "a" * 500
    )


def test_gzip_of_two_members_is_one_body(running: Running) -> None:
    body = gzip.compress(b"ab") + gzip.compress(b"cd")
    assert running.ask(post(body, "Content-Encoding: gzip")).json["body"] == "abcd"


BROKEN = {
    "no gzip": b"abc",
    "cut short": gzip.compress(b"a" * 500)[:-3],
    "a wrong checksum": gzip.compress(b"abc")[:-8] + b"\0" * 8,
    "trailing bytes": gzip.compress(b"abc") + b"abc",
    "a hundred members": gzip.compress(b"", 1) * 40,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_broken_gzip_is_400(running: Running, body: bytes) -> None:
    answer = running.ask(post(body, "Content-Encoding: gzip"))
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")
    assert "gzip" in answer.json["message"]


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "\xe9"])
def test_an_unknown_content_encoding_is_415(running: Running, coding: str) -> None:
    answer = running.ask(post(b"abc", f"Content-Encoding: {coding}"))
    assert (answer.status, answer.code) == (415, "MOCK_UNSUPPORTED_ENCODING")
    assert answer.headers["accept-encoding"] == "gzip, deflate, identity"


def test_two_content_encoding_headers_are_not_read_as_the_first(running: Running) -> None:
    lines = ("Content-Encoding: identity", "Content-Encoding: gzip")
    assert running.ask(post(gzip.compress(b"abc"), *lines)).status == 415


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, _raw_deflate])
def test_a_bomb_is_413_and_memory_stays_flat(
    serve: Callable[..., Running], pack: Callable[[bytes], bytes]
) -> None:
    running = serve(body_limit_bytes=100_000)
    bomb = pack(b"\0" * 30_000_000)
    coding = "gzip" if pack is gzip.compress else "deflate"
    tracemalloc.start()
    try:
        answer = running.ask(post(bomb, f"Content-Encoding: {coding}"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak < 2_000_000


def test_memory_stays_flat_under_a_body_without_end(serve: Callable[..., Running]) -> None:
    running = serve(body_limit_bytes=100_000)
    client = running.client()
    tracemalloc.start()
    try:
        client.send(_ENDLESS)
        with suppress(ConnectionError):
            for _ in range(300):
                client.send(b"8000\r\n" + b"a" * 0x8000 + b"\r\n")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_an_ignored_body_is_read_and_its_bytes_are_no_request(running: Running) -> None:
    client = running.client()
    body = get("/smuggled")
    client.send(post(body, path="/ignores") + get("/next"))
    assert [client.answer().json["path"] for _ in range(2)] == ["/ignores", "/next"]


def test_a_get_with_a_body_keeps_the_connection_in_step(running: Running) -> None:
    client = running.client()
    client.send(get("/a", "Content-Length: 3") + b"abc" + get("/b"))
    assert client.answer().json["body"] == "abc"
    assert client.answer().json["path"] == "/b"


def test_expect_100_continue_is_answered_before_the_body(running: Running) -> None:
    client = running.client()
    client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert client.answer().status == 100
    assert client.ask(b"abc").json["body"] == "abc"


def test_expect_100_continue_with_a_body_too_large_is_413_at_once(running: Running) -> None:
    client = running.client()
    client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n")
    assert client.answer().status == 413


def test_a_client_gone_in_the_middle_of_a_body_is_not_handled(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    client = running.client().send(post(b"a" * 500)[:-100])
    client.close()
    assert running.still_answers()
    assert eventually(lambda: len(running.app.seen) == 1)
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
