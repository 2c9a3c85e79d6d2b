"""What each action does to an answer, as a client sees it on its socket."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from conftest import CONSENTS
from tests.http.rawhttp import Client, eventually

from wixture.mockserver.certificates import authority_path, server_context

from .conftest import ADA, UPSERT, Site, consent

Start = Callable[..., Site]
QUERY = f"{CONSENTS}/query"
FAULT = "x-wixture-fault"


def _all_of(client: Client) -> bytes:
    """What a connection still gives until it ends. Raises ConnectionResetError when it is reset."""
    data, client.buffer = client.buffer, b""
    while more := client.socket.recv(65536):
        data += more
    return data


def _split(raw: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    return dict(line.lower().split(": ", 1) for line in lines[1:]), body


# ---- in the place of the answer ------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 428, 500, 502, 503, 504, 599])
def test_a_status_is_answered_in_the_envelope_and_nothing_is_stored(site: Site, status: int) -> None:
    plan = site.plan({"status": status})
    answer = site.ask(site.upsert())
    assert (answer.status, answer.code) == (status, "MOCK_FAULT")
    assert answer.headers[FAULT] == plan
    assert plan in answer.json["message"]
    assert answer.json["details"]["applicationError"]["data"] == {"faultId": plan}
    assert site.stored() == []


@pytest.mark.parametrize("do", [{"rate_limit": True}, {"status": 429}])
def test_the_limit_is_answered_as_if_it_were_reached_and_nothing_is_stored(site: Site, do: dict[str, Any]) -> None:
    plan = site.plan(do)
    answer = site.ask(site.upsert())
    assert (answer.status, answer.code) == (429, "RESOURCE_EXHAUSTED")
    assert (answer.headers["retry-after"], answer.headers[FAULT]) == ("1", plan)
    assert site.stored() == []


def test_a_status_comes_before_the_request_is_looked_at(site: Site) -> None:
    site.plan({"status": 503})
    assert site.ask(site.request("POST", UPSERT, {"nonsense": 1})).status == 503


def test_after_an_injected_status_the_connection_goes_on(site: Site) -> None:
    site.plan({"status": 503}, operation="*", times=1)
    client = site.connect()
    assert [client.ask(site.upsert()).status for _ in range(2)] == [503, 200]


# ---- reset ---------------------------------------------------------------------------------------


def test_a_reset_reaches_the_client_as_a_reset_once_the_change_is_stored(site: Site) -> None:
    site.plan({"reset": True}, operation="*", times=1)
    client = site.connect().send(site.upsert())
    with pytest.raises(ConnectionResetError):
        _all_of(client)
    assert site.stored() == [ADA]
    assert site.ask(site.upsert()).status == 200


def test_a_reset_takes_no_other_connection_along(site: Site) -> None:
    site.plan({"reset": True}, operation="*", times=1)
    other = site.connect()
    assert other.ask(site.request("GET", "/_mock/health")).status == 200
    with pytest.raises(ConnectionResetError):
        _all_of(site.connect().send(site.upsert()))
    assert other.ask(site.upsert()).status == 200


@pytest.fixture
def secure_site(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that is served over TLS."""
    monkeypatch.setenv("WIXTURE_HOME", str(tmp_path))
    server = server_context(None, None, host="localhost")
    client = ssl.create_default_context(cafile=str(authority_path()))
    return start(server_tls=server, client_tls=client)


def test_a_reset_over_tls_is_one_too(secure_site: Site) -> None:
    secure_site.plan({"reset": True}, operation="*", times=1)
    client = secure_site.connect().send(secure_site.upsert())
    # OpenSSL tells a reset and an end alike: what came over TCP is seen below it.
    client.socket = socket.socket(fileno=client.socket.detach())
    client.socket.settimeout(5)
    with pytest.raises(ConnectionResetError):
        _all_of(client)
    assert secure_site.stored() == [ADA]


def test_a_truncated_answer_over_tls_ends_too(secure_site: Site) -> None:
    secure_site.plan({"truncate": 0.5}, operation="*", times=1)
    headers, body = _split(_all_of(secure_site.connect().send(secure_site.upsert())))
    assert len(body) == int(headers["content-length"]) // 2


# ---- a body that is missing, wrong or cut --------------------------------------------------------


def test_an_empty_answer_has_the_right_status_and_no_body(site: Site) -> None:
    plan = site.plan({"empty": True}, operation="*", times=2)
    client = site.connect()
    stored, refused = client.ask(site.upsert()), client.ask(site.request("POST", UPSERT, {}))
    assert [(found.status, found.body) for found in (stored, refused)] == [(200, b""), (400, b"")]
    assert [found.headers["content-length"] for found in (stored, refused)] == ["0", "0"]
    assert stored.headers[FAULT] == plan
    assert client.ask(site.upsert()).json["marketingConsent"]["revision"] == "2"


def test_garbage_is_declared_as_json_and_is_none_whatever_the_seed(start: Start) -> None:
    seen = set()
    for seed in range(5):
        site = start(random_seed=seed)
        site.plan({"garbage": True})
        answer = site.ask(site.upsert())
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
            json.loads(answer.body)
        assert site.stored() == [ADA]
        seen.add(answer.body)
    assert len(seen) == 5


def test_the_same_seed_gives_the_same_garbage(start: Start) -> None:
    def garbage() -> list[bytes]:
        site = start(random_seed=7)
        site.plan({"garbage": True})
        return [site.ask(site.upsert()).body for _ in range(3)]

    first = garbage()
    assert first == garbage()
    assert len(set(first)) == 3


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_answer_promises_the_whole_and_ends_early(site: Site, share: float) -> None:
    site.ask(site.upsert())
    whole = site.ask(site.request("POST", QUERY, {"query": {}})).body
    plan = site.plan({"truncate": share})
    headers, body = _split(_all_of(site.connect().send(site.request("POST", QUERY, {"query": {}}))))
    assert int(headers["content-length"]) == len(whole)
    assert body == whole[: int(len(whole) * share)]
    assert len(body) < len(whole)
    assert headers[FAULT] == plan


def test_what_a_truncated_answer_tells_of_is_stored(site: Site) -> None:
    site.plan({"truncate": 0})
    _all_of(site.connect().send(site.upsert()))
    assert site.stored() == [ADA]


# ---- late and slow -------------------------------------------------------------------------------


def test_a_late_answer_is_never_early_and_else_as_it_should_be(site: Site) -> None:
    plan = site.plan({"latency_ms": 150})
    started = time.monotonic()
    answer = site.ask(site.upsert())
    assert time.monotonic() - started >= 0.15
    assert (answer.status, answer.headers[FAULT]) == (200, plan)
    assert answer.json["marketingConsent"]["details"]["email"] == ADA


@pytest.mark.parametrize("do", [{"latency_ms": 60_000}, {"slow_bytes_per_s": 1}])
def test_others_are_answered_while_one_waits(site: Site, do: dict[str, Any]) -> None:
    site.plan(do, operation="upsertMarketingConsent", times=1)
    waiting = site.connect().send(site.upsert())
    assert eventually(lambda: len(site.exchanges()) == 1)
    assert site.stored() == [ADA]
    for number in range(20):
        assert site.ask(site.upsert(f"{number}@example.com")).status == 200
    waiting.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        _all_of(waiting)


def test_what_follows_on_the_connection_waits_for_the_late_answer(site: Site) -> None:
    site.plan({"latency_ms": 100}, operation="*", nth=1)
    client = site.connect().send(site.upsert("first@example.com") + site.upsert("second@example.com"))
    answers = [client.answer().json["marketingConsent"]["details"]["email"] for _ in range(2)]
    assert answers == ["first@example.com", "second@example.com"]


def test_a_slow_answer_arrives_whole_and_no_faster_than_told(site: Site) -> None:
    plan = site.plan({"slow_bytes_per_s": 4000})
    started = time.monotonic()
    answer = site.ask(site.upsert())
    assert time.monotonic() - started >= len(answer.body) / 4000
    assert (answer.status, answer.headers[FAULT]) == (200, plan)
    assert answer.json["marketingConsent"]["details"]["email"] == ADA


def test_the_head_of_a_slow_answer_does_not_wait_for_its_body(site: Site) -> None:
    site.plan({"slow_bytes_per_s": 1}, operation="*", times=1)
    client = site.connect().send(site.upsert())
    while b"\r\n\r\n" not in client.buffer:
        client.buffer += client.socket.recv(1)
    headers, body = _split(client.buffer)
    assert int(headers["content-length"]) > 100
    assert body == b""


@pytest.mark.parametrize("do", [{"latency_ms": 60_000}, {"slow_bytes_per_s": 1}])
def test_a_server_that_stops_sends_the_rest_at_once(site: Site, do: dict[str, Any]) -> None:
    site.plan(do, operation="upsertMarketingConsent")
    client = site.connect().send(site.upsert())
    assert eventually(lambda: len(site.exchanges()) == 1)
    site.server.stop()
    assert client.answer().json["marketingConsent"]["details"]["email"] == ADA
    assert client.is_closed()


@pytest.mark.parametrize("do", [{"latency_ms": 300}, {"slow_bytes_per_s": 5}])
def test_a_client_that_gives_up_leaves_nothing_behind(site: Site, do: dict[str, Any]) -> None:
    site.plan(do, operation="upsertMarketingConsent")
    for _ in range(20):
        site.connect().send(site.upsert()).close()
    assert eventually(lambda: len(site.exchanges()) == 20)
    assert eventually(lambda: not site.server._server._connections.all())
    assert site.stored() == [ADA]


# ---- as other people's clients see it ------------------------------------------------------------


def _urlopen(site: Site) -> Any:
    headers = {"Authorization": site.token, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{site.port}{UPSERT}"
    request = urllib.request.Request(url, json.dumps(consent()).encode(), headers)  # our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ({"status": 503}, urllib.error.HTTPError),
        ({"rate_limit": True}, urllib.error.HTTPError),
        ({"reset": True}, ConnectionResetError),
        ({"empty": True}, json.JSONDecodeError),
        ({"garbage": True}, ValueError),
        ({"truncate": 0.5}, http.client.IncompleteRead),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_urllib_sees_each_for_what_it_is(site: Site, do: dict[str, Any], error: type[Exception]) -> None:
    site.plan(do, operation="*", times=1)
    with pytest.raises(error) as raised:
        _urlopen(site)
    if isinstance(raised.value, urllib.error.HTTPError):
        raised.value.close()
    assert _urlopen(site)["marketingConsent"]["details"]["email"] == ADA


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ({"status": 503}, aiohttp.ClientResponseError),
        ({"reset": True}, aiohttp.ClientConnectionError),
        ({"empty": True}, json.JSONDecodeError),
        ({"garbage": True}, ValueError),
        ({"truncate": 0.5}, aiohttp.ClientPayloadError),
        ({"latency_ms": 60_000}, TimeoutError),
        ({"slow_bytes_per_s": 1}, TimeoutError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_aiohttp_sees_each_for_what_it_is(site: Site, do: dict[str, Any], error: type[Exception]) -> None:
    site.plan(do, operation="*", times=1)

    async def call(seconds: float) -> Any:
        url = f"http://127.0.0.1:{site.port}{UPSERT}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with (
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
            session.post(url, json=consent(), headers={"Authorization": site.token}) as answer,
        ):
            return json.loads(await answer.read())

    with pytest.raises(error):
        asyncio.run(call(0.5))
    assert asyncio.run(call(10))["marketingConsent"]["details"]["email"] == ADA
