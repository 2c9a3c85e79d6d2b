"""The log of `wixture serve`: what a line holds, what it never holds, and that it is in nobody's way."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from wixture.mockserver.log_lines import Lines
from wixture.mockserver.log_writing import Writer
from wixture.mockserver.redaction import Redaction, secrets_of
from wixture.mockserver.settings import Settings

WIXTURE = Path(sys.executable).with_name("wixture")
CONSENTS = "/marketing-consent/v1/marketing-consent"
SECRET = "a-secret-of-ours"


def record(message: str, *args: Any, level: int = logging.WARNING, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("wixture.test", level, __file__, 1, message, args, None)
    made.created = 1_700_000_000.25
    made.fields = fields
    return made


def line(form: str, made: logging.LogRecord) -> str:
    return Lines(form, Redaction([SECRET])).format(made)


# ---- a line --------------------------------------------------------------------------------------


def test_a_line_of_json_has_time_level_logger_message_and_its_fields() -> None:
    assert json.loads(line("json", record("%d things", 3, requestId="r-1", durationMs=0.25, more=None))) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "warning",
        "logger": "wixture.test",
        "message": "3 things",
        "requestId": "r-1",
        "durationMs": 0.25,
        "more": None,
    }


def test_a_line_of_text_holds_the_same() -> None:
    shown = line("text", record("%d things", 3, requestId="r-1", what="two words"))
    assert shown == '2023-11-14T22:13:20.250Z warning wixture.test: 3 things requestId=r-1 what="two words"'


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "told",
    [SECRET, "OauthNG.JWS.abc.def", "ada@example.com", "+19172222222"],
    ids=["secret", "token", "email", "phone"],
)
def test_no_line_holds_a_secret_or_a_person(form: str, told: str) -> None:
    shown = line(form, record("about %s", told, where=f"/x/{told}", inner={"email": "x", "list": [told]}))
    assert told not in shown
    assert "***" in shown


@pytest.mark.parametrize("written", ["p:w@d hush", "p%3Aw%40d%20hush"])
def test_the_password_of_a_database_is_a_secret(written: str) -> None:
    settings = Settings(store="postgresql://ada:p%3Aw%40d%20hush@db.example/wixture", admin_token="sesame")
    shown = Lines("text", Redaction(secrets_of(settings))).format(record("no way to %s, %s", written, "sesame"))
    assert shown.endswith("no way to ***, ***")


@pytest.mark.parametrize("store", ["memory", "sqlite:/a:b@c/state.db", "postgresql://db.example:5432/wixture"])
def test_a_store_without_a_password_adds_no_secret(store: str) -> None:
    assert secrets_of(Settings(store=store))[3:] == (None,)


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_told_by_its_places_and_kind_without_its_text(form: str) -> None:
    made = record("it broke")
    try:
        raise ValueError("what a client sent")
    except ValueError:
        made.exc_info = sys.exc_info()
    shown = line(form, made)
    assert "test_logs.py" in shown
    assert "ValueError" in shown
    assert "what a client sent" not in shown.replace('raise ValueError("what a client sent")', "").replace(
        r"raise ValueError(\"what a client sent\")", ""
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_logged_cannot_steer_a_terminal_or_forge_a_line(form: str) -> None:
    shown = line(form, record("a\x1b[31mb\x9bc\u2028d", path="/x\n2023 forged \x1b[2J \udc80"))
    assert shown.isprintable() or not {"\x1b", "\x9b", "\u2028", "\n"} & set(shown)
    shown.encode("utf-8", "strict" if form == "json" else "backslashreplace")


# ---- the writer ----------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def writer(descriptor: int | None, **more: Any) -> Writer:
    return Writer(Lines("json", Redaction([])), descriptor, **more)


def read_lines(descriptor: int, count: int) -> list[dict[str, Any]]:
    with os.fdopen(os.dup(descriptor)) as file:
        return [json.loads(file.readline()) for _ in range(count)]


def test_what_waits_at_the_end_is_written_in_order(pipe: tuple[int, int]) -> None:
    handler = writer(pipe[1])
    for number in range(100):
        handler.emit(record("%d", number))
    handler.close()
    assert [found["message"] for found in read_lines(pipe[0], 100)] == [str(number) for number in range(100)]


def test_a_full_pipe_holds_nobody_up_and_what_was_dropped_is_counted(pipe: tuple[int, int]) -> None:
    handler = writer(pipe[1], most=50)
    for number in range(5000):  # a pipe holds 64 KB; nobody reads, and this returns
        handler.emit(record("%d %s", number, "x" * 100))
    assert handler.dropped > 0
    with os.fdopen(os.dup(pipe[0])) as file:
        while (found := json.loads(file.readline()))["logger"] != "wixture.log":
            pass
    assert found["message"].endswith("lines of the log were dropped: standard error was not read fast enough")
    handler.close()


def test_a_pipe_that_nobody_holds_any_more_is_no_failure(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    handler = writer(pipe[1])
    handler.emit(record("into the void"))
    handler.close()
    assert handler._thread is not None
    assert not handler._thread.is_alive()


def test_without_standard_error_nothing_is_written_anywhere() -> None:
    handler = writer(None)
    handler.emit(record("nobody will know"))
    handler.close()
    assert handler._thread is None


def test_a_line_that_cannot_be_made_stops_no_other(pipe: tuple[int, int]) -> None:
    handler = writer(pipe[1])
    handler.emit(record("%d", "no number"))
    handler.emit(record("the next"))
    handler.close()
    first, second = read_lines(pipe[0], 2)
    assert first["message"] == "a line of the log could not be written: TypeError"
    assert second["message"] == "the next"


FORKED = """
import logging, os
from wixture.mockserver.log_lines import Lines
from wixture.mockserver.log_writing import Writer
from wixture.mockserver.redaction import Redaction

handler = Writer(Lines("text", Redaction([])), 2)
log = logging.getLogger("x")
log.addHandler(handler)
log.warning("before")
child = os.fork()
log.warning("child" if child == 0 else "parent")
handler.close()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_forked_process_writes_lines_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=30)
    assert sorted(found.rpartition(" ")[2] for found in shown.stderr.splitlines()) == ["before", "child", "parent"]


# ---- a server ------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], str]]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, stderr: Any, before: str = "") -> tuple[subprocess.Popen[bytes], str]:
        command = f'{before} exec "$0" serve --port 0 --random-seed 1 "$@"'
        shell = ["sh", "-c", command, str(WIXTURE), *arguments]
        process = subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=stderr, cwd=tmp_path)
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().split()[-1].decode()

    yield start
    for process in running:
        process.kill()
        process.wait(10)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def ask(url: str, method: str = "GET", body: Any = None, token: str = "") -> tuple[int, Any, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # our own server
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


def use(url: str) -> list[str]:
    """Some requests with a person and a token in them; their IDs."""
    _, headers, granted = ask(url + "/_mock/tokens", "POST", {"identity": "APP"})
    token, ids = granted["access_token"], [headers["X-Wix-Request-Id"]]
    consent = {"details": {"type": "EMAIL", "email": "ada@example.com"}, "lastConfirmationActivity": {}}
    for method, path, body in (
        ("POST", CONSENTS, {"marketingConsent": consent}),
        ("POST", CONSENTS, {"marketingConsent": {"details": {"email": "bob@example.com"}}}),
        ("GET", f"/nowhere/carol@example.com?token={token}", None),
    ):
        ids.append(ask(url + path, method, body, token)[1]["X-Wix-Request-Id"])
    return ids


def test_debug_has_a_line_for_each_request_with_its_id_and_nobody_in_it(served: Any) -> None:
    process, url = served("--log-format", "json", "--log-level", "debug", stderr=subprocess.PIPE)
    ids = use(url)
    process.terminate()
    raw = process.communicate(timeout=20)[1].decode()
    lines = [json.loads(text) for text in raw.splitlines()]
    access = [found for found in lines if found["logger"] == "wixture.access"]
    assert [found["requestId"] for found in access] == ids
    assert [(found["method"], found["status"]) for found in access] == [
        ("POST", 200),
        ("POST", 200),
        ("POST", 400),
        ("GET", 404),
    ]
    assert access[1]["path"] == CONSENTS
    assert all(found["durationMs"] > 0 and found["level"] == "debug" for found in access)
    assert [found["message"] for found in lines if found["logger"] == "wixture.serve"] == ["ready", "stopped"]
    for told in ("ada@", "bob", "carol", "example.com", "OauthNG", "wixture-app-secret"):
        assert told not in raw


def test_without_being_asked_a_request_is_no_line(served: Any) -> None:
    process, url = served("--log-format", "json", stderr=subprocess.PIPE)
    use(url)
    process.terminate()
    assert process.communicate(timeout=20)[1] == b""


def test_a_pipe_that_nobody_reads_delays_no_request_and_no_stop(served: Any) -> None:
    process, url = served("--log-format", "json", "--log-level", "debug", stderr=subprocess.PIPE)
    path = "/nowhere/" + "x" * 150
    for _ in range(400):  # some 100 KB of log, where a pipe holds 64 KB
        assert ask(url + path)[0] == 404
    process.terminate()
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("closed", ["exec 2>&-;", "exec 2>/dev/full;"], ids=["closed", "full"])
def test_a_standard_error_that_takes_nothing_changes_nothing(served: Any, closed: str, tmp_path: Path) -> None:
    options = ("--log-level", "debug", "--store", "sqlite:state.db")
    process, url = served(*options, stderr=subprocess.DEVNULL, before=closed)
    use(url)
    process.terminate()
    assert process.wait(timeout=10) == 0
    assert (tmp_path / "state.db").read_bytes().startswith(b"SQLite format 3")
    assert b"wixture.access" not in (tmp_path / "state.db").read_bytes()


def test_a_level_or_form_that_is_none_is_exit_code_2(tmp_path: Path) -> None:
    for wrong in (("--log-format", "xml"), ("--log-level", "loud")):
        ended = subprocess.run([WIXTURE, "serve", *wrong], capture_output=True, cwd=tmp_path, check=False)
        assert ended.returncode == 2
