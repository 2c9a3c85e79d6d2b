"""One request and its answer, over sockets that answer as they like."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from wixture.contracts.targets.address import BadTarget, parse_address
from wixture.contracts.targets.connection import Answer, Connection, Unanswered, trust

Talk = Callable[[socket.socket], None]


@contextmanager
def answering(talk: Talk) -> Iterator[tuple[str, list[bytes]]]:
    """A server that talks so to every connection, and what it was sent first on each."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    heard.append(connection.recv(65536))
                    with suppress(OSError):
                        talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
        finally:
            over.set()
            thread.join()


def says(*parts: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return talk


def asked(url: str, seconds: float = 5.0) -> Answer:
    return Connection(parse_address(url), seconds=seconds).send("GET", "/x?y=1", {"A": "b"}, None)


def test_an_answer_is_read_with_its_headers() -> None:
    with answering(says(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\n{}")) as (url, heard):
        answer = asked(f"{url}/base")
    assert (answer.status, answer.body, answer.headers["x-a"]) == (404, b"{}", "1, 2")
    assert heard[0].startswith(b"GET /base/x?y=1 HTTP/1.1\r\n")
    assert answer.duration_ms > 0


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with answering(says(b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as (
        url,
        heard,
    ):
        assert asked(url).status == 302
    assert len(heard) == 1


def test_proxy_variables_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with answering(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (url, _):
        assert asked(url).status == 200


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "closed the connection"),
        (b"hello\r\n\r\n", "on the way"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n", "on the way"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n", "on the way"),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "on the way"),
    ],
)
def test_what_is_no_answer_is_told_in_words(sent: bytes, reason: str | None) -> None:
    with answering(says(sent)) as (url, _):
        if reason is None:
            assert asked(url).body in (b"abc", b"")
            return
        with pytest.raises(Unanswered, match=reason):
            asked(url)


def test_an_endless_answer_is_cut_off() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with answering(talk) as (url, _), pytest.raises(Unanswered, match="over 8 MiB"):
        asked(url)


def test_an_answer_that_drips_has_no_more_time_than_others() -> None:
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"x")

    with answering(talk) as (url, _):
        with pytest.raises(Unanswered, match="in time"):
            asked(url, seconds=0.4)
        stop.set()


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n", b"A: b\r\n"),
    ],
    ids=["header", "continue", "trailers"],
)
def test_what_comes_before_and_after_a_body_has_no_more_time(begins: bytes, goes_on: bytes) -> None:
    stop = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(begins)
        while not stop.wait(0.02):
            connection.sendall(goes_on)

    with answering(talk) as (url, _):
        with pytest.raises(Unanswered, match="in time"):
            asked(url, seconds=0.4)
        stop.set()


def test_headers_of_megabytes_are_no_answer() -> None:
    headers = b"".join(b"A%d: %s\r\n" % (number, b"b" * 1000) for number in range(90))
    talk = says(b"HTTP/1.1 200 OK\r\n", headers, b"Content-Length: 0\r\n\r\n")
    with answering(talk) as (url, _), pytest.raises(Unanswered, match="headers are over 64 KiB"):
        asked(url)


def test_nobody_there_is_told() -> None:
    with answering(says()) as (url, _):
        pass
    with pytest.raises(Unanswered, match="refused the connection"):
        asked(url)


def test_an_unknown_name_is_told() -> None:
    connection = Connection(parse_address("https://wixture.invalid"), seconds=5)
    with pytest.raises(Unanswered, match=r"name is not known|in time"):
        connection.send("GET", "/", {}, None)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_bad_certificate_file_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadTarget, match="--cacert"):
        trust(file)


def test_localhost_that_leads_elsewhere_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up answer of the name service stands for a machine whose `localhost` is another one's."""
    with answering(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as (url, heard):
        monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("192.0.2.1", 80))
        with pytest.raises(Unanswered, match="not this machine's own"):
            asked(url)
    assert heard == [b""]
