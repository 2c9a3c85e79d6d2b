"""`wixture webhook verify`, `listen`, `trigger` and `grade`, as processes of their own."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from webhooks.consumer import Consumer, Running

from .conftest import WIXTURE, _environment

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., Any]
Listen = Callable[..., subprocess.Popen[str]]

CONSENT = "f0000000-0000-4000-8000-000000000001"


def _call(url: str, path: str, body: Any = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/_mock{path}", data, headers, method=method)  # noqa: S310  # our own
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
        return json.loads(answer.read())


def _seed(url: str) -> None:
    details = {"type": "EMAIL", "email": "ada@example.com"}
    _call(url, "/seed", {"marketingConsents": [{"id": CONSENT, "details": details}]})


@pytest.fixture
def consumer(wixture: Run, tmp_path: Path) -> Iterator[Running]:
    """A right consumer that has the key which the commands keep."""
    assert wixture("webhook", "grade", "--public-key-out", "public.pem").returncode == 0
    with Running(Consumer((tmp_path / "public.pem").read_text())) as running:
        yield running


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Listen]:
    """Starts `wixture webhook listen` on a free port, and ends it after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [WIXTURE, "webhook", "listen", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment({}, tmp_path),
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


# ---- verify --------------------------------------------------------------------------------------


def _token(serve: Serve, tmp_path: Path, url: str, **more: Any) -> None:
    """Writes a token of the mock at `url` into token.txt."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"http://127.0.0.1:{server.getsockname()[1]}/"
        asked = {"eventType": "marketing_consent_created", "url": where, **more}
        _call(url, "/webhooks/trigger", asked)
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as received:
            length = next(int(line.split()[1]) for line in received if line.lower().startswith(b"content-length"))
            while received.readline().strip():
                pass
            token = received.read(length)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    (tmp_path / "token.txt").write_bytes(token)


def test_verify_takes_the_key_from_the_running_mock(serve: Serve, wixture: Run, tmp_path: Path) -> None:
    url = serve().url
    _token(serve, tmp_path, url)
    ended = wixture("webhook", "verify", "token.txt", "--url", url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("ok     ") == 8
    assert "@example.com" not in ended.stdout
    assert "@example.com" in wixture("webhook", "verify", "token.txt", "--url", url, "--show").stdout


def test_verify_prints_json_and_exits_1_for_a_forgery(serve: Serve, wixture: Run, tmp_path: Path) -> None:
    url = serve().url
    _token(serve, tmp_path, url, fault={"tamper": "hs256"})
    ended = wixture("webhook", "verify", "token.txt", "--url", url, "--format", "json")
    assert ended.returncode == 1
    shown = json.loads(ended.stdout)
    assert (shown["ok"], [one["layer"] for one in shown["layers"] if one["status"] == "wrong"]) == (
        False,
        ["header"],
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_token_says_does_not_steer_the_terminal(wixture: Run, tmp_path: Path, form: str) -> None:
    evil = "\x1b]0;owned\x07\x9b2J\u202egpj.exe\x7f"
    steering = {"eventType": evil, "data": json.dumps({"slug": evil, evil: evil}), "identity": {evil: evil}}
    parts = [{"alg": evil, "kid": evil}, {"data": json.dumps(steering), "exp": 1}, {}]
    token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    assert wixture("webhook", "grade", "--public-key-out", "public.pem").returncode == 0
    (tmp_path / "token.txt").write_text(token)
    ended = wixture("webhook", "verify", "token.txt", "--key", "public.pem", "--format", form)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert all(character.isprintable() or character == "\n" for character in ended.stdout)
    if form == "json":
        assert json.loads(ended.stdout)["event"] == {"slug": evil, evil: evil}


@pytest.mark.parametrize("form", ["file", "url", "base64"])
def test_verify_takes_a_key_in_any_form(serve: Serve, wixture: Run, tmp_path: Path, form: str) -> None:
    url = serve().url
    _token(serve, tmp_path, url)
    address = f"{url}/_mock/webhooks/public-key.pem"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # our own server
        pem = answer.read()
    (tmp_path / "key.pem").write_bytes(pem)
    key = {"file": "key.pem", "url": address, "base64": base64.b64encode(pem).decode()}[form]
    assert wixture("webhook", "verify", "token.txt", "--key", key, "--url", "http://127.0.0.1:9").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["missing.txt"], "No such file"),
        (["--url", "http://127.0.0.1:9"], "or give the public key: --key FILE.pem"),
        (["--key", "missing.pem"], "There is no file 'missing.pem'"),
        (["--key", "http://mock.example/key"], "use https"),
        (["--key", "https://mock.example/key"], "fetch the key yourself"),
        (["--at", "noon"], "is no instant"),
        (["--instance", "mine"], "is no GUID"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_verify_used_wrongly_is_exit_code_2_with_a_sentence(wixture: Run, arguments: list[str], text: str) -> None:
    ended = wixture("webhook", "verify", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr


# ---- listen --------------------------------------------------------------------------------------


def test_listen_subscribes_prints_and_unsubscribes(serve: Serve, listen: Listen) -> None:
    url = serve().url
    process = listen("--url", url, "--count", "2")
    assert f"(subscribed at {url})" in _first_line(process)
    assert len(_call(url, "/webhooks/subscriptions")["subscriptions"]) == 1
    for name in ("marketing_consent_created", "followed_channel_created"):
        _call(url, "/webhooks/trigger", {"eventType": name})
    text, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "#1 marketing_consent_created, answered 200" in text
    assert "#2 followed_channel_created, answered 200" in text
    assert text.count("ok     signature") == 2
    assert "@example.com" not in text
    assert _call(url, "/webhooks/subscriptions") == {"subscriptions": []}


def test_listen_says_how_events_come_out_of_a_frozen_mock(serve: Serve, listen: Listen) -> None:
    url = serve("--clock", "2024-01-31T08:00:00Z").url
    process = listen("--url", url, "--count", "1")
    assert f"is frozen, so events wait there. Send them with: curl -X POST {url}/_mock/webhooks/flush" in (
        _first_line(process)
    )


def test_listen_refuses_a_forgery_and_exits_1(serve: Serve, listen: Listen) -> None:
    url = serve().url
    process = listen("--url", url, "--count", "1", "--format", "ndjson")
    _first_line(process)
    asked = {"eventType": "marketing_consent_created", "fault": {"tamper": "wrong_instance"}}
    _call(url, "/webhooks/trigger", asked)
    text, _ = process.communicate(timeout=20)
    shown = json.loads(text)
    assert (process.returncode, shown["status"], shown["ok"]) == (1, 401, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_listen_and_its_subscription(serve: Serve, listen: Listen, number: signal.Signals) -> None:
    url = serve().url
    process = listen("--url", url, "--fail-first", "1")
    _first_line(process)
    process.send_signal(number)
    text, _ = process.communicate(timeout=10)
    assert (process.returncode, text) == (0, "")
    assert _call(url, "/webhooks/subscriptions") == {"subscriptions": []}


def test_listen_without_a_mock_needs_a_key_alone(wixture: Run, listen: Listen, tmp_path: Path) -> None:
    wixture("webhook", "grade", "--public-key-out", "public.pem")
    process = listen("--url", "http://127.0.0.1:9", "--key", "public.pem", "--count", "1")
    line = _first_line(process)
    assert "(not subscribed)" in line
    to = line.partition("listening on ")[2].split()[0]
    ended = wixture("webhook", "trigger", "marketing_consent_deleted", "--to", to)
    assert (ended.returncode, "received, status 200" in ended.stdout) == (0, True)
    assert process.wait(timeout=10) == 0


def test_listen_on_a_port_in_use_is_exit_code_3(serve: Serve, wixture: Run) -> None:
    url = serve().url
    ended = wixture("webhook", "listen", "--url", url, "--port", url.rpartition(":")[2])
    assert (ended.returncode, "already in use" in ended.stderr) == (3, True)


def test_listen_told_to_subscribe_where_no_mock_is_says_so(wixture: Run) -> None:
    wixture("webhook", "grade", "--public-key-out", "public.pem")
    nowhere = ["--url", "http://127.0.0.1:9", "--key", "public.pem"]
    ended = wixture("webhook", "listen", "--port", "0", "--subscribe", *nowhere)
    assert (ended.returncode, "Nothing answers at" in ended.stderr) == (2, True)


# ---- trigger -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["marketing_consent_created", "wix.loyalty.socialmedia.v1.followed_channel_created"]
)
def test_trigger_sends_one_event_that_verifies(wixture: Run, consumer: Running, name: str) -> None:
    ended = wixture("webhook", "trigger", name, "--to", consumer.url)
    assert (ended.returncode, "received, status 200" in ended.stdout) == (0, True)
    assert len(consumer.consumer.log) == 1
    assert "public-key.pem" in ended.stderr


def test_trigger_sets_what_it_is_told_to(wixture: Run, consumer: Running) -> None:
    told = ["--set", "state=REVOKED", "--set", "revision=7", "--set", 'details.email="grace@example.com"']
    ended = wixture("webhook", "trigger", "marketing_consent_updated", "--to", consumer.url, *told)
    assert ended.returncode == 0, ended.stderr
    (stored,) = consumer.consumer.consents.values()
    assert (stored["revision"], stored["state"]) == ("7", "REVOKED")
    assert "grace" not in ended.stdout


def test_trigger_sends_an_entity_of_a_running_mock_to_the_url_alone(
    serve: Serve, wixture: Run, listen: Listen, tmp_path: Path
) -> None:
    url = serve("--clock", "2024-01-31T08:00:00Z").url
    _seed(url)
    _call(url, "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/"})
    process = listen("--url", url, "--no-subscribe", "--count", "1", "--format", "ndjson", "--show")
    to = _first_line(process).partition("listening on ")[2].split()[0]
    sent = ["--to", to, "--entity", CONSENT, "--url", url, "--set", "state=REVOKED", "--format", "json"]
    ended = wixture("webhook", "trigger", "marketing_consent_updated", *sent)
    assert (ended.returncode, json.loads(ended.stdout)["reason"]) == (0, "received"), ended.stderr
    text, _ = process.communicate(timeout=10)
    entity = json.loads(text)["event"]["updatedEvent"]["currentEntity"]
    assert (entity["id"], entity["state"]) == (CONSENT, "REVOKED")
    assert entity["details"]["email"] == "ada@example.com"
    (delivery,) = _call(url, "/webhooks/deliveries")["deliveries"]
    assert delivery["url"] != "http://127.0.0.1:9/"
    assert _call(url, "/state")["marketingConsents"][0]["state"] == "CONFIRMED"


def test_trigger_forges_and_repeats(wixture: Run, consumer: Running) -> None:
    faults = ["--fault", "tamper=alg_none", "--fault", "duplicate=2"]
    ended = wixture("webhook", "trigger", "marketing_consent_created", "--to", consumer.url, *faults)
    assert (ended.returncode, ended.stdout.count("status, status 401")) == (1, 2)
    assert consumer.consumer.log == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["consent_made", "--to", "http://127.0.0.1:9"], "'consent_made' is no event"),
        (["marketing_consent_created", "--to", "http://shop.example"], "--to: http://shop.example is not"),
        (["marketing_consent_created", "--to", "foo"], "--to: 'foo' is no http or https address"),
        (
            ["marketing_consent_created", "--to", "http://127.0.0.1:9", "--url", "foo"],
            "--url (WIXTURE_URL): 'foo' is no http or https address",
        ),
        (["marketing_consent_created", "--to", "https://127.0.0.1:0x"], "--to: 'https://127.0.0.1:0x' is no"),
        (["marketing_consent_created", "--to", "http://127.0.0.1:9", "--set", "state"], "is no PATH=VALUE"),
        (["marketing_consent_created", "--to", "http://127.0.0.1:9", "--set", "state=MAYBE"], "must be one of"),
        (["marketing_consent_created", "--to", "http://127.0.0.1:9", "--set", "state.x=1"], "state is no object"),
        (
            ["marketing_consent_created", "--to", "http://127.0.0.1:9", "--fault", "tamper=all"],
            "is not known here",
        ),
        (["marketing_consent_created", "--to", "http://127.0.0.1:9", "--signing-key", "x"], "cannot be read"),
        (["marketing_consent_created", "--to", "http://127.0.0.1:9", "--entity", "x"], "Nothing answers"),
    ],
    ids=lambda value: " ".join(value[3:]) if isinstance(value, list) else "",
)
def test_trigger_used_wrongly_is_exit_code_2_with_a_sentence(
    wixture: Run, arguments: list[str], text: str
) -> None:
    nowhere = [] if "--entity" not in arguments else ["--url", "http://127.0.0.1:9"]
    ended = wixture("webhook", "trigger", *arguments, *nowhere)
    assert ended.returncode == 2
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr


def test_trigger_to_nobody_exits_1_and_says_why(wixture: Run) -> None:
    ended = wixture("webhook", "trigger", "marketing_consent_created", "--to", "http://127.0.0.1:9")
    assert (ended.returncode, ": refused, " in ended.stdout) == (1, True)
    assert "Start the receiver, or correct --to http://127.0.0.1:9" in ended.stderr


def test_trigger_that_a_receiver_refuses_says_which_key_it_used(
    serve: Serve, wixture: Run, consumer: Running, listen: Listen
) -> None:
    url = serve().url
    process = listen("--url", url, "--no-subscribe", "--count", "2")
    mocks = _first_line(process).partition("listening on ")[2].split()[0]
    event = ["webhook", "trigger", "marketing_consent_created", "--to"]
    own = wixture(*event, mocks)
    assert own.returncode == 1
    assert "public-key.pem? For a receiver that has the key of a running mock, add: --url" in own.stderr
    signed = wixture(*event, consumer.url, "--url", url)
    assert signed.returncode == 1
    assert f"Does it verify with the mock's key? {url}/_mock/webhooks/public-key.pem" in signed.stderr
    assert "Does it verify" not in wixture(*event, mocks, "--url", url).stderr


@pytest.mark.parametrize("arguments", [["trigger", "marketing_consent_created", "--to"], ["grade"]], ids=" ".join)
def test_the_older_spelling_of_the_mocks_address_still_works_and_no_help_shows_it(
    wixture: Run, arguments: list[str]
) -> None:
    ended = wixture("webhook", *arguments, "http://127.0.0.1:9", "--mock-url", "http://127.0.0.1:10")
    assert (ended.returncode, "Nothing answers at http://127.0.0.1:10" in ended.stderr) == (2, True), ended.stderr
    shown = wixture("webhook", arguments[0], "--help").stdout
    assert "--url" in shown
    assert "--mock-url" not in shown


# ---- grade ---------------------------------------------------------------------------------------


def test_grade_prints_and_writes_the_card(wixture: Run, consumer: Running, tmp_path: Path) -> None:
    reports = [f"--report={kind}=card.{kind}" for kind in ("text", "json", "junit", "html")]
    ended = wixture("webhook", "grade", consumer.url, "--state-url", f"{consumer.url}/state", *reports)
    assert ended.returncode == 0, ended.stdout
    assert f"{consumer.url}: 100 of 100 marks" in ended.stdout
    assert (tmp_path / "card.text").read_text() == ended.stdout
    assert json.loads((tmp_path / "card.json").read_text())["marks"]["earned"] == 100
    assert ET.parse(tmp_path / "card.junit").getroot().get("failures") == "0"  # noqa: S314  # our own
    assert (tmp_path / "card.html").read_text().startswith("<!DOCTYPE html>")


def test_grade_says_that_a_report_cannot_be_written_before_anything_is_sent(
    wixture: Run, consumer: Running, tmp_path: Path
) -> None:
    ended = wixture("webhook", "grade", consumer.url, "--report=json=card.json", "--report=html=nowhere/card.html")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "'--report': nowhere/card.html cannot be written: No such file or directory." in ended.stderr
    assert consumer.consumer.log == []
    assert not (tmp_path / "card.json").exists()


def test_grade_takes_calls_back_on_a_port(wixture: Run, tmp_path: Path) -> None:
    wixture("webhook", "grade", "--public-key-out", "public.pem")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def post(event_id: str) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", event_id.encode())
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # our own

    with Running(Consumer((tmp_path / "public.pem").read_text(), on_applied=post)) as running:
        ended = wixture("webhook", "grade", running.url, "--callback", str(port))
    assert (ended.returncode, "100 of 100 marks" in ended.stdout) == (0, True), ended.stdout
    assert f"http://127.0.0.1:{port}/" in ended.stderr


def test_grade_exits_1_for_a_consumer_with_a_mistake(wixture: Run, tmp_path: Path) -> None:
    wixture("webhook", "grade", "--public-key-out", "public.pem")
    with Running(Consumer((tmp_path / "public.pem").read_text(), "exp ignored")) as running:
        ended = wixture("webhook", "grade", running.url, "--random-seed", "3", "--format", "json")
    assert ended.returncode == 1
    card = json.loads(ended.stdout)
    assert [one["id"] for one in card["points"] if one["status"] == "failed"] == ["expiry"]
    assert card["randomSeed"] == 3


def test_grade_with_a_mocks_key_tells_nobody_who_is_subscribed_there(
    serve: Serve, wixture: Run, tmp_path: Path
) -> None:
    url = serve().url
    _call(url, "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/"})
    wixture("webhook", "grade", "--url", url, "--public-key-out", "public.pem")
    with Running(Consumer((tmp_path / "public.pem").read_text())) as running:
        shown = ["--state-url", f"{running.url}/state", "--url", url]
        ended = wixture("webhook", "grade", running.url, *shown)
    assert ended.returncode == 0, ended.stdout
    assert "98 of 98 marks; 2 more are not shown" in ended.stdout
    deliveries = _call(url, "/webhooks/deliveries")["deliveries"]
    assert "http://127.0.0.1:9/" not in {one["url"] for one in deliveries}


def test_the_kept_key_is_its_owners_alone_and_stays(wixture: Run, tmp_path: Path) -> None:
    wixture("webhook", "grade", "--public-key-out", "one.pem")
    wixture("webhook", "grade", "--public-key-out", "two.pem")
    assert (tmp_path / "one.pem").read_text() == (tmp_path / "two.pem").read_text()
    kept = tmp_path / "webhooks" / "signing-key.pem"
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    assert oct(kept.parent.stat().st_mode & 0o777) == "0o700"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Give the consumer's URL (--url is the mock's), or --public-key-out"),
        (["http://127.0.0.1:9"], "The consumer cannot be reached"),
        (["http://10.0.0.1"], "CONSUMER: http://10.0.0.1 is not on this machine: use https"),
        (["http://127.0.0.1:9", "--state-url", "foo"], "--state-url: 'foo' is no http or https address"),
        (["http://127.0.0.1:9", "--report", "pdf=x"], "is no KIND=PATH"),
        (["http://127.0.0.1:9", "--settle", "nan"], "'nan' is no number"),
        (["http://127.0.0.1:9", "--state-url", "http://127.0.0.1:9", "--callback", "1"], "not both"),
        (["http://127.0.0.1:9", "--state-url", "http://127.0.0.1:9"], "state cannot be read"),
        (["http://127.0.0.1:9", "--url", "http://127.0.0.1:9", "--signing-key", "x"], "leave --signing-key"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_grade_used_wrongly_is_exit_code_2_with_a_sentence(wixture: Run, arguments: list[str], text: str) -> None:
    ended = wixture("webhook", "grade", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr
