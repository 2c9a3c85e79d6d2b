"""The options of `wixture serve` about webhooks, and how a server ends that still has some to deliver."""

from __future__ import annotations

import http.server
import json
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., Any]


def _call(url: str, body: Any = None, token: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} | ({"authorization": token} if token else {})
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())


def _create(served: Any, count: int = 1) -> None:
    token = _call(f"{served.url}/_mock/tokens", {"identity": "APP"})["access_token"]
    for start in range(0, count, 500):
        info = [
            {"details": {"type": "EMAIL", "email": f"{number}@example.com"}, "state": "NEVER_CONFIRMED"}
            for number in range(start, min(count, start + 500))
        ]
        _call(f"{served.url}/marketing-consent/v1/bulk/marketing-consent/upsert", {"info": info}, token)


def _subscriptions(served: Any) -> set[tuple[str, str]]:
    shown = _call(f"{served.url}/_mock/webhooks/subscriptions")["subscriptions"]
    return {(found["eventType"], found["url"]) for found in shown}


class Receiver:
    """A receiver on loopback that keeps what it is sent."""

    def __init__(self) -> None:
        taken = self.taken = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks?key=a=b"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def wait_for(self, count: int) -> list[str]:
        deadline = time.monotonic() + 20
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"{len(self.taken)} of {count} came in"
            time.sleep(0.01)
        return self.taken


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """A receiver that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


FULL = "wix.marketing.marketing_consent.v1.marketing_consent_deleted"
WANTED = {
    ("*", "http://127.0.0.1:9/all?a=b&c=d"),
    ("marketing_consent_created", "http://127.0.0.1:9/created?a=b"),
    ("marketing_consent_deleted", "https://shop.example/deleted"),
    ("*", "http://127.0.0.1:9/star"),
}
GIVEN = [
    "http://127.0.0.1:9/all?a=b&c=d",
    "marketing_consent_created=http://127.0.0.1:9/created?a=b",
    f"{FULL}=https://shop.example/deleted",
    "*=http://127.0.0.1:9/star",
]


def test_webhooks_can_be_given_several_times_by_short_or_full_names_and_with_an_equals_sign(serve: Serve) -> None:
    served = serve(*(word for given in GIVEN for word in ("--webhook", given)))
    assert _subscriptions(served) == WANTED


def test_webhooks_can_come_from_the_environment_separated_by_blanks(serve: Serve) -> None:
    assert _subscriptions(serve(WIXTURE_WEBHOOK="  ".join(GIVEN))) == WANTED


def test_webhooks_can_come_from_a_file_as_a_list_or_one(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "many.toml").write_text(f"webhook = {json.dumps(GIVEN)}\nallow-net = ['10.0.0.0/8', 'fd00::/8']\n")
    assert _subscriptions(serve("--config", "many.toml")) == WANTED
    (tmp_path / "one.toml").write_text(f"webhook = {json.dumps(GIVEN[0])}\nallow-net = '10.0.0.0/8'\n")
    assert _subscriptions(serve("--config", "one.toml")) == {("*", GIVEN[0])}


def test_an_option_beats_the_environment_and_that_the_file(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("webhook = ['http://127.0.0.1:9/file']\n")
    served = serve("--config", "c.toml", WIXTURE_WEBHOOK="http://127.0.0.1:9/env")
    assert _subscriptions(served) == {("*", "http://127.0.0.1:9/env")}
    served = serve("--config", "c.toml", "--webhook", GIVEN[0], WIXTURE_WEBHOOK="http://127.0.0.1:9/env")
    assert _subscriptions(served) == {("*", GIVEN[0])}


def _write_key(path: Path, bits: int = 2048) -> None:
    key = rsa.generate_private_key(65537, bits)
    form, secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, secret))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--webhook", "consent_made=http://127.0.0.1:9"), "'consent_made' is no event"),
        (("--webhook", "127.0.0.1:9"), "is no address to send to"),
        (("--webhook", "http://a@b.example/"), "user name or password"),
        (("--webhook", "http://192.0.2.1:9/"), "never dialled: 192.0.2.0/24 is not public (documentation); start"),
        (("--allow-net", "10.0.0.1/8"), "'10.0.0.1/8' is no network"),
        (("--allow-net", "everywhere"), "'everywhere' is no network"),
        (("--signing-key", "missing.pem"), "missing.pem cannot be read"),
        (("--signing-key", "text.pem"), "text.pem holds no private key"),
        (("--signing-key", "short.pem"), "short.pem holds no RSA key of at least 2048 bits"),
        (("--clock-speed", "0"), "--clock-speed"),
        (("--clock-speed", "nan"), "is no number"),
        (("--token-clock", "sundial"), "'sundial' is not one of"),
        (("--config", "numbers.toml"), "sets webhook to [1, 2]"),
        (("--config", "list.toml"), "sets clock to ['real']"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_value_is_exit_code_2_with_one_sentence_at_the_start(
    wixture: Run, tmp_path: Path, arguments: tuple[str, ...], text: str
) -> None:
    (tmp_path / "text.pem").write_text("hello")
    (tmp_path / "numbers.toml").write_text("webhook = [1, 2]\n")
    (tmp_path / "list.toml").write_text("clock = ['real']\n")
    _write_key(tmp_path / "short.pem", 1024)
    ended = wixture("serve", "--port", "0", *arguments)
    assert ended.returncode == 2, ended.stderr
    assert text in ended.stderr.replace("\n", " ")
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_events_reach_a_receiver_signed_by_the_given_key(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    _write_key(tmp_path / "key.pem")
    served = serve("--signing-key", "key.pem", "--webhook", receiver.url)
    _create(served)
    (token,) = receiver.wait_for(1)
    private = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    claims = jwt.decode(token, private.public_key(), algorithms=["RS256"])
    assert json.loads(claims["data"])["eventType"].endswith("marketing_consent_created")
    with urllib.request.urlopen(f"{served.url}/_mock/webhooks/public-key.pem") as answer:  # noqa: S310
        assert jwt.decode(token, answer.read(), algorithms=["RS256"]) == claims


def test_the_server_never_prints_its_private_key(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    _write_key(tmp_path / "key.pem")
    served = serve("--signing-key", "key.pem", "--webhook", receiver.url)
    _create(served)
    receiver.wait_for(1)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=5) == 0
    printed = "\n".join(served.lines) + served.process.stdout.read()
    lines = (tmp_path / "key.pem").read_text().splitlines()
    assert not [line for line in lines if line in printed]


@pytest.mark.parametrize("clock", ["real", "2024-01-31T08:00:00Z"])
def test_a_server_that_has_a_thousand_webhooks_to_deliver_ends_within_5_seconds_and_says_so(
    serve: Serve, silent: str, clock: str
) -> None:
    served = serve("--webhook", silent, "--clock", clock)
    _create(served, 1000)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=5) == 0
    printed = served.process.stdout.read()
    assert "1000 webhooks were still to be delivered" in printed
    assert "Traceback" not in printed


def test_a_server_that_is_flushing_to_a_silent_receiver_ends_within_5_seconds(serve: Serve, silent: str) -> None:
    served = serve("--webhook", silent, "--clock", "2024-01-31T08:00:00Z")
    _create(served, 1000)

    def flush() -> None:
        try:
            _call(f"{served.url}/_mock/webhooks/flush", {})
        except OSError:
            return

    asking = threading.Thread(target=flush, daemon=True)
    asking.start()
    time.sleep(0.3)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=5) == 0
    assert "webhooks were still to be delivered" in served.process.stdout.read()
    asking.join(timeout=5)


def test_a_server_with_nothing_to_deliver_ends_in_silence(serve: Serve, receiver: Receiver) -> None:
    served = serve("--webhook", receiver.url)
    _create(served, 3)
    receiver.wait_for(3)
    deadline = time.monotonic() + 10
    while _call(f"{served.url}/_mock/webhooks/deliveries?status=pending")["deliveries"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(timeout=5) == 0
    assert served.process.stdout.read() == ""


def test_an_address_that_is_not_public_is_dialled_where_it_is_allowed(serve: Serve) -> None:
    """The network 192.0.2.0/24 is for documentation: nothing answers there."""
    allowed = ("--allow-net", "192.0.2.0/24", "--clock", "2024-01-31T08:00:00Z")
    served = serve("--webhook", "http://192.0.2.1:9/", *allowed)
    _create(served)
    assert _call(f"{served.url}/_mock/webhooks/flush", {})["attempts"] == 1
    (delivery,) = _call(f"{served.url}/_mock/webhooks/deliveries")["deliveries"]
    assert delivery["attempts"][0]["reason"] in {"timeout", "unreachable", "refused"}
