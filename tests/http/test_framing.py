"""What is not HTTP/1.1, beyond doubt, is refused and the connection closed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .rawhttp import Running, chunked, get, post

_POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
_GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
_CHUNKED = b"0\r\n\r\n"

FRAMING = {
    "length and coding": _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "coding and length": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + _CHUNKED,
    "the same length twice": _POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths": _POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": _POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": _POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": _POST + b"Content-Length: -3\r\n\r\nabc",
    "an empty length": _POST + b"Content-Length:\r\n\r\nabc",
    "a length beyond 64 bits": _POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "an unknown coding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n" + _CHUNKED,
    "a coding before chunked": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + _CHUNKED,
    "a coding after chunked": _POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + _CHUNKED,
    "chunked twice": _POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "identity": _POST + b"Transfer-Encoding: identity\r\n\r\n",
    "no coding named": _POST + b"Transfer-Encoding:\r\n\r\n" + _CHUNKED,
    "a space before the colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n" + _CHUNKED,
    "a vertical tab": _POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + _CHUNKED,
    "a quoted coding": _POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + _CHUNKED,
    "chunked over 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + _CHUNKED,
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "bare LF after the request line": b"GET / HTTP/1.1\nHost: localhost\r\n\r\n",
    "bare LF after a header": b"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "bare LF for the blank line": b"GET / HTTP/1.1\r\nHost: localhost\r\n\n",
    "bare CR in a header": _GET + b"X: a\rY: b\r\n\r\n",
    "NUL in a value": _GET + b"X: a\x00b\r\n\r\n",
    "NUL in a name": _GET + b"X\x00: ab\r\n\r\n",
    "a control byte in a value": _GET + b"X: a\x01b\r\n\r\n",
    "a folded header": _GET + b"X: a\r\n b\r\n\r\n",
    "a header without colon": _GET + b"X\r\n\r\n",
    "a header without name": _GET + b": x\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": _GET + b"Host: elsewhere\r\n\r\n",
    "a hexadecimal prefix": chunked(end=b"0x1\r\na\r\n0\r\n\r\n"),
    "a chunk size with bare LF": chunked(end=b"1\na\r\n0\r\n\r\n"),
    "a chunk longer than said": chunked(end=b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": chunked(end=b"fffffffffffffffff\r\na\r\n0\r\n\r\n"),
    "a length among the trailers": chunked(end=b"0\r\nContent-Length: 5\r\n\r\n"),
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "noise": b"\x00\xff\xfe\x00" * 8 + b"\r\n\r\n",
    "a tab for a space": b"GET\t/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("data", FRAMING.values(), ids=FRAMING.keys())
def test_ambiguous_or_broken_framing_is_400_and_closed(running: Running, data: bytes) -> None:
    client = running.client()
    answer = client.ask(data)
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")
    assert answer.headers["connection"] == "close"
    assert client.is_closed()
    assert running.app.seen == []


def test_what_follows_a_refused_request_is_never_read_as_a_request(running: Running) -> None:
    smuggled = _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/smuggled")
    client = running.client()
    assert client.ask(smuggled).status == 400
    assert client.is_closed()
    assert running.app.seen == []


@pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/0.0"])
def test_another_version_is_505(running: Running, version: str) -> None:
    client = running.client()
    answer = client.ask(f"GET / {version}\r\nHost: localhost\r\n\r\n".encode())
    assert (answer.status, answer.code) == (505, "MOCK_HTTP_VERSION")
    assert client.is_closed()


def test_a_request_line_without_version_is_505_at_once(running: Running) -> None:
    assert running.ask(b"GET /\r\n").status == 505


def test_the_http2_preface_is_refused(running: Running) -> None:
    assert running.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status in (400, 505)


HEADERS_OVER = {
    "one long line": "X: " + "a" * 9000,
    "two halves": "X: " + "a" * 4500 + "\r\nY: " + "a" * 4500,
    "many small lines": "\r\n".join(f"X-{n}: {'a' * 80}" for n in range(100)),
    "too many lines": "\r\n".join("X: a" for _ in range(200)),
}


@pytest.mark.parametrize("lines", HEADERS_OVER.values(), ids=HEADERS_OVER.keys())
def test_a_header_block_over_8_kb_is_431(running: Running, lines: str) -> None:
    client = running.client()
    answer = client.ask(get("/", lines))
    assert (answer.status, answer.code) == (431, "MOCK_HEADERS_TOO_LARGE")
    assert client.is_closed()
    assert running.app.seen == []


def test_a_header_block_just_under_8_kb_is_taken(running: Running) -> None:
    taken = 8192 - len("Host: localhost\r\n") - len("X: \r\n")
    assert running.ask(get("/", "X: " + "a" * taken)).status == 200
    assert running.ask(get("/", "X: " + "a" * (taken + 1))).status == 431


def test_headers_without_end_are_431_before_they_fill_memory(serve: Callable[..., Running]) -> None:
    client = serve(header_count=10**6).client()
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    client.send(b"X: aaaa\r\n" * 2200)
    assert client.answer().status == 431


def test_a_long_header_sent_byte_by_byte_is_431(serve: Callable[..., Running]) -> None:
    client = serve(header_block=300).client()
    for byte in get("/", "X: " + "a" * 400)[:-1]:
        client.send(bytes([byte]))
    assert client.answer().status == 431


def test_a_long_url_is_414(running: Running) -> None:
    client = running.client()
    answer = client.ask(get("/" + "a" * 9000))
    assert (answer.status, answer.code) == (414, "MOCK_URL_TOO_LONG")
    assert client.is_closed()


def test_a_url_without_end_is_414(running: Running) -> None:
    assert running.ask(b"GET /" + b"a" * 9000).status == 414


def test_an_8_kb_id_reaches_the_application(running: Running) -> None:
    assert running.ask(get("/" + "a" * 8189)).json["path"] == "/" + "a" * 8189


@pytest.mark.parametrize("target", ["/\xe9", "/\x7f", "/\x01", "/a b", "example.com", "*", "//u:p@h\xff"])
def test_a_target_with_other_than_printable_ascii_is_400(running: Running, target: str) -> None:
    answer = running.ask(get(target))
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")


def test_a_good_request_before_a_broken_one_is_answered(running: Running) -> None:
    client = running.client().send(get("/good") + post(b"{}", path="/too") + b"BROKEN\r\n\r\n")
    assert [client.answer().status for _ in range(3)] == [200, 200, 400]
    assert client.is_closed()
    assert [request.path for request in running.app.seen] == ["/good", "/too"]


@pytest.mark.parametrize("data", [get("/" + "x" * 9000), get("/\xe9" * 300), b"x" * 5000 + b"\r\n\r\n"])
def test_no_answer_repeats_more_than_200_characters(running: Running, data: bytes) -> None:
    answer = running.ask(data)
    assert b"x" * 201 not in answer.body
    assert len(answer.body) < 1200


def test_a_refusal_is_the_envelope_of_the_api(running: Running) -> None:
    answer = running.ask(b"GET / HTTP/1.1\r\n\r\n")
    text = answer.json["message"]
    assert answer.json == {
        "message": text,
        "details": {"applicationError": {"code": "MOCK_BAD_REQUEST", "description": text, "data": {}}},
    }
    assert "Missing 'Host' header" in text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["server"] == "wixture"
    assert answer.headers["x-wix-request-id"]
    assert "Traceback" not in text
