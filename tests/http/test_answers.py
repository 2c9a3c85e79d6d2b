"""What the application answers is what stands on the wire, or MOCK_BUG."""

from __future__ import annotations

import logging
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from wixture.mockserver.messages import Response

from .rawhttp import Running, get


def _answering(running: Running, response: Any) -> Running:
    running.app.respond = lambda _: response
    return running


def test_the_server_adds_length_date_and_its_name(running: Running) -> None:
    answer = _answering(running, Response(201, b"{}", {"X-Wix-Request-Id": "1.2"})).ask(get())
    assert answer.head.startswith(b"HTTP/1.1 201 Created\r\n")
    assert parsedate_to_datetime(answer.headers.pop("date"))
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": "2",
        "server": "wixture",
        "x-wix-request-id": "1.2",
    }


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_has_none(running: Running, status: int) -> None:
    client = _answering(running, Response(status, b"ignored")).client()
    answer = client.ask(get())
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers
    assert client.ask(get()).status == status


def test_an_empty_body_has_length_0(running: Running) -> None:
    assert _answering(running, Response(200)).ask(get()).headers["content-length"] == "0"


def test_a_status_without_a_name_is_sent(running: Running) -> None:
    assert _answering(running, Response(299)).ask(get()).status == 299


def test_framing_headers_of_the_application_are_not_sent_twice(running: Running) -> None:
    headers = {
        "Content-Length": "9",
        "transfer-encoding": "chunked",
        "Server": "x",
        "Date": "x",
        "Connection": "x",
    }
    answer = _answering(running, Response(200, b"{}", headers)).ask(get())
    assert answer.head.lower().count(b"content-length") == 1
    assert answer.headers["server"] == "wixture"
    assert "transfer-encoding" not in answer.headers
    assert "connection" not in answer.headers


BUGS = {
    "a line break in a value": Response(200, b"", {"X": "a\r\nSet-Cookie: b"}),
    "a line break in a name": Response(200, b"", {"X\r\nY": "a"}),
    "NUL in a value": Response(200, b"", {"X": "a\0"}),
    "a value that is not ASCII": Response(200, b"", {"X": "é"}),
    "a value that is no text": Response(200, b"", {"X": 1}),  # type: ignore[dict-item]
    "a line break in the type": Response(200, b"", content_type="a\r\nb"),
    "no response": None,
    "a status that is not final": Response(100),
    "a status that does not exist": Response(99999),
    "a body that is no bytes": Response(200, "text"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("response", BUGS.values(), ids=BUGS.keys())
def test_an_answer_that_cannot_be_sent_is_500_mock_bug(running: Running, response: Any) -> None:
    answer = _answering(running, response).ask(get())
    assert (answer.status, answer.code) == (500, "MOCK_BUG")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("error", [KeyError("s3cret"), ConnectionResetError("s3cret"), TimeoutError("s3cret")])
def test_an_exception_is_500_mock_bug_and_logged_without_its_text(
    running: Running, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(_: object) -> Response:
        raise error

    running.app.respond = fail
    answer = running.ask(get("/?token=s3cret", "Authorization: s3cret"))
    assert (answer.status, answer.code) == (500, "MOCK_BUG")
    assert "s3cret" not in answer.body.decode()
    assert "Traceback" not in answer.body.decode()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.name == "wixture.server"
    logged = record.getMessage()
    assert answer.headers["x-wix-request-id"] in logged
    assert type(error).__name__ in logged
    assert "rawhttp.py" in logged
    assert "s3cret" not in logged


def test_an_exception_in_body_limit_is_500_mock_bug(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    running.app.body_limit = lambda *_: 1 // 0  # type: ignore[method-assign]
    assert running.ask(get("/", "Content-Length: 1") + b"a").code == "MOCK_BUG"
    assert "ZeroDivisionError" in caplog.text


def test_a_large_answer_arrives_whole(running: Running) -> None:
    body = bytes(range(256)) * 40_000
    assert _answering(running, Response(200, body)).ask(get()).body == body
