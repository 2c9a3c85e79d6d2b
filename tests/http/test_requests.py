"""What stands on the wire is what the application gets."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading

import pytest

from wixture.mockserver.messages import Request, Response

from .rawhttp import Running, eventually, get, post

METHODS = [
    "HEAD",
    "OPTIONS",
    "TRACE",
    "DELETE",
    "PUT",
    "PATCH",
    "BREW",
    "get",
    "PURGE",
    "QUERY",
    "M-SEARCH",
    "A!B",
]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reaches_the_application_as_sent(running: Running, method: str) -> None:
    client = running.client()
    for _ in range(2):  # the second time on the same connection
        answer = client.ask(get("/a?b").replace(b"GET", method.encode(), 1), method=method)
        assert answer.status == 200
    assert [(seen.method, seen.path) for seen in running.app.seen] == [(method, "/a")] * 2


def test_an_unknown_method_may_have_a_body_and_arrive_in_pieces(running: Running) -> None:
    client = running.client()
    for byte in post(b"abc").replace(b"POST", b"BREW", 1):
        client.send(bytes([byte]))
    answer = client.answer().json
    assert (answer["method"], answer["body"]) == ("BREW", "abc")


def test_unknown_methods_among_others_stay_in_order(running: Running) -> None:
    brew = get("/2").replace(b"GET", b"BREW", 1)
    client = running.client().send(get("/1") + brew + get("/3") + brew)
    assert [client.answer().json["method"] for _ in range(4)] == ["GET", "BREW", "GET", "BREW"]


def test_an_unknown_method_after_a_body_on_the_same_connection(running: Running) -> None:
    client = running.client()
    assert client.ask(post(b"abc")).status == 200
    assert client.ask(get("/").replace(b"GET", b"BREW", 1)).json["method"] == "BREW"


def test_head_has_the_length_of_the_body_and_no_body(running: Running) -> None:
    client = running.client()
    answer = client.ask(get("/").replace(b"GET", b"HEAD", 1), method="HEAD")
    assert int(answer.headers["content-length"]) > 0
    assert client.ask(get("/next")).json["path"] == "/next"


TARGETS = {
    "//a//b": ("//a//b", ""),
    "/a/%2e%2e/b": ("/a/%2e%2e/b", ""),
    "/a/../b": ("/a/../b", ""),
    "/a%2fb%00": ("/a%2fb%00", ""),
    "/%F0%9F%A4%96": ("/%F0%9F%A4%96", ""),
    "/a?b=1?c&d=%20": ("/a", "b=1?c&d=%20"),
    "/a?": ("/a", ""),
    "/a#b?c": ("/a", ""),
    "/a?b#c": ("/a", "b"),
    "/a;b=1": ("/a;b=1", ""),
    '/{"a"}|^`': ('/{"a"}|^`', ""),
    "http://localhost/a?b": ("/a", "b"),
    "http://localhost": ("/", ""),
    "HTTPS://localhost?b": ("/", "b"),
}


@pytest.mark.parametrize(("target", "expected"), TARGETS.items(), ids=TARGETS.keys())
def test_targets_reach_the_application_undecoded(running: Running, target: str, expected: tuple[str, str]) -> None:
    answer = running.ask(get(target)).json
    assert (answer["path"], answer["query"]) == expected


@pytest.mark.parametrize(
    "target", ["http://user:secret@localhost/", "ftp://localhost/", "http:///a", "localhost:1"]
)
def test_other_absolute_targets_are_400(running: Running, target: str) -> None:
    answer = running.ask(get(target))
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")
    assert b"secret" not in answer.body


def test_an_absolute_target_names_the_host(running: Running) -> None:
    assert running.ask(get("http://elsewhere:1/a")).json["headers"]["host"] == "elsewhere:1"


def test_options_asterisk_reaches_the_application(running: Running) -> None:
    assert running.ask(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").json["path"] == "*"


def test_header_names_are_lower_case_and_the_first_of_a_repeated_one_stays(running: Running) -> None:
    headers = running.ask(get("/", "X-A: 1", "x-a: 2", "AUTHORIZATION:  t \t")).json["headers"]
    assert headers == {"host": "localhost", "x-a": "1", "authorization": "t"}


@pytest.mark.parametrize("value", ["\xff\xfe", "\xc3\xa9", "\xed\xa0\x80", "a\xa0b"])
def test_header_values_that_are_not_ascii_are_sound_text(running: Running, value: str) -> None:
    got = running.ask(get("/", f"Authorization: {value}")).json["headers"]["authorization"]
    assert got.encode() in (value.encode(), value.encode("latin-1"))


def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    client = running.client().send(b"".join(get(f"/{n}") for n in range(100)))
    assert [client.answer().json["path"] for _ in range(100)] == [f"/{n}" for n in range(100)]


def test_pipelined_requests_with_bodies_are_answered_in_order(running: Running) -> None:
    running.app.body_limit_bytes = 200_000
    bodies = [bytes([65 + n % 26]) * (n * 1500) for n in range(60)]
    client = running.client()

    sender = threading.Thread(target=client.send, args=(b"".join(post(body) for body in bodies),))
    sender.start()
    assert [client.answer().json["body"].encode() for _ in bodies] == bodies
    sender.join()


def test_a_client_that_closes_its_half_gets_all_its_answers(running: Running) -> None:

    client = running.client().send(b"".join(get(f"/{n}") for n in range(50)))
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.answer().json["path"] for _ in range(50)] == [f"/{n}" for n in range(50)]
    assert client.is_closed()


def test_blank_lines_before_a_request_are_skipped(running: Running) -> None:
    client = running.client()
    assert client.ask(b"\r\n" + get("/a")).json["path"] == "/a"
    assert client.ask(b"\r\n\r\n" + get("/b")).json["path"] == "/b"


def test_http_1_0_closes_unless_it_asks_to_stay(running: Running) -> None:
    client = running.client()
    stays = client.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert stays.headers["connection"] == "keep-alive"
    assert client.ask(b"GET / HTTP/1.0\r\n\r\n").headers["connection"] == "close"
    assert client.is_closed()


def test_connection_close_is_kept(running: Running) -> None:
    client = running.client()
    assert client.ask(get("/", "Connection: close")).headers["connection"] == "close"
    assert client.is_closed()


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_an_upgrade_is_not_taken_up(running: Running, protocol: str) -> None:
    client = running.client()
    answer = client.ask(get("/", "Connection: Upgrade", f"Upgrade: {protocol}") + get("/never"))
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert client.is_closed()
    assert [seen.path for seen in running.app.seen] == ["/"]


def test_connect_is_400(running: Running) -> None:
    client = running.client()
    assert client.ask(b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 400
    assert client.is_closed()


def test_a_client_gone_before_its_answer_is_handled_once_and_quietly(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:

    async def later(_: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(200, b"a" * 1_000_000)

    running.app.respond = later
    client = running.client().send(post(b"abc"))
    assert eventually(lambda: len(running.app.seen) == 1)
    client.close()
    assert running.still_answers()
    assert [seen.path for seen in running.app.seen] == ["/", "/still"]
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_a_client_gone_in_the_middle_of_its_answer_is_quiet(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:

    running.app.respond = lambda _: Response(200, b"a" * 20_000_000)
    client = running.client().send(get() + get())
    assert client.socket.recv(1000)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    running.app.respond = None
    assert running.still_answers()
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_the_headers_of_one_request_are_never_those_of_the_one_before(running: Running) -> None:
    client = running.client()
    for lines in (
        ("A: 1", "B: 2"),
        ("A: 1", "B: 2"),
        ("A: 1", "B: 3"),
        ("A: 1",),
        ("a: 1", "B: 2"),
        ("B: 2", "A: 1"),
    ):
        wanted = {line[0].lower(): line[3:] for line in lines}
        sent = client.ask(get("/", *lines)).json["headers"]
        assert {name: sent[name] for name in sent if name in "ab"} == wanted
