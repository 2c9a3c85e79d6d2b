"""A snapshot moves a tenant between servers: from every kind of store to every other, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Api

from wixture.mockserver.mock import Mock
from wixture.mockserver.opening import Opened
from wixture.mockserver.settings import Settings

from .conftest import KINDS, LAUNCH

Start = Callable[[str], Api]
FROZEN = "2024-01-31T08:00:00Z"


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a mock on an empty store of a kind."""
    with asyncio.Runner() as runner:
        made: list[Mock] = []

        def on(kind: str) -> Api:
            folder: Path = tmp_path_factory.mktemp(kind)
            store = runner.run(KINDS[kind](folder, 0))
            mock = Mock(Settings(clock=FROZEN, random_seed=1), opened=Opened(store, LAUNCH))
            runner.run(mock.start())
            made.append(mock)
            return Api(mock, runner, mock.app.settings.instance_id)

        yield on
        for mock in made:
            runner.run(mock.stop())


def filled(api: Api) -> bytes:
    """A snapshot of a tenant that has everything: all kinds of entities, switches, a clock that moved."""
    ada = api.create(
        "Ada@Example.com", extendedFields={"namespaces": {"@a/b": {"ß": "naïve 🎈", "n": [1, 2.5, None]}}}
    )
    api.control("POST", "/clock/advance", {"seconds": 60.123})
    update = {"marketingConsent": {"details": ada["details"], "state": "REVOKED", "lastRevokeActivity": {}}}
    assert api.call("PATCH", f"{CONSENTS}/{ada['id']}", update).status == 200
    phone = {"details": {"type": "PHONE", "phone": "+19172222222"}, "state": "NEVER_CONFIRMED"}
    old = {"details": {"type": "EMAIL", "email": "old@example.com"}, "createdDate": "2001-02-03T04:05:06.789Z"}
    seed = {
        "marketingConsents": [phone, {**old, "revision": "900719925474099300"}],
        "followedChannels": [{"memberId": ada["id"], "channel": "TIKTOK"}],
    }
    assert api.control("POST", "/seed", seed).status == 200
    assert api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER").status == 200
    for number in range(30):
        api.create(f"{number}@example.com")
    gone = api.create("gone@example.com")
    assert api.call("DELETE", f"{CONSENTS}/{gone['id']}").status == 200
    api.control("PUT", "/channels", {"channels": ["TIKTOK", "X"], "loyaltyInstalled": False})
    return snapshot(api)


def snapshot(api: Api) -> bytes:
    answer = api.control("GET", "/state")
    assert answer.status == 200
    return answer.response.body


def put_back(api: Api, taken: bytes) -> Any:
    headers = {"content-type": "application/json"}
    return api.call(
        "PUT", "/_mock/state", raw=taken, identity=None, query=f"instance={api.tenant}", headers=headers
    )


@pytest.mark.parametrize(("source", "target"), list(product(KINDS, KINDS)))
def test_a_snapshot_of_one_store_is_the_same_bytes_on_another(start: Start, source: str, target: str) -> None:
    taken = filled(start(source))
    there = start(target)
    there.create("in-the-way@example.com")
    there.control("PUT", "/clock", {"now": "2040-01-01T00:00:00Z"})
    assert put_back(there, taken).status == 200
    assert snapshot(there) == taken


@pytest.mark.parametrize(("source", "target"), list(product(KINDS, KINDS)))
def test_what_was_put_back_goes_on_as_it_would_have_at_home(start: Start, source: str, target: str) -> None:
    home, there = start(source), start(target)
    assert put_back(there, filled(home)).status == 200

    def change(api: Api) -> list[Any]:
        found = api.call("POST", f"{CONSENTS}/query", {"query": {"cursorPaging": {"limit": 5}}})
        first = found.json["marketingConsent"][0]
        update = {"marketingConsent": {"details": first["details"], "state": "NEVER_CONFIRMED"}}
        changed = api.call("PATCH", f"{CONSENTS}/{first['id']}", update).json["marketingConsent"]
        taken = api.call("POST", CONSENTS, {"marketingConsent": {"details": first["details"]}})
        return [found.json["marketingConsent"], changed, taken.status]

    assert change(home) == change(there)


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_that_cannot_be_put_back_whole_is_not_put_back_at_all(start: Start, kind: str) -> None:
    api = start(kind)
    taken = filled(api)
    document = api.state()
    consents = document["marketingConsents"]
    other = {
        **document,
        "channels": ["X"],
        "loyaltyInstalled": True,
        "clock": {"now": "2030-01-01T00:00:00Z", "frozen": True},
    }
    for last, status in (
        (consents[0], 409),  # there already, by its ID
        ({**consents[0], "id": "f0000000-0000-4000-8000-000000000001"}, 409),  # by its address
        ({**consents[0], "state": "PERHAPS"}, 400),
    ):
        assert api.control("PUT", "/state", {**other, "marketingConsents": [*consents, last]}).status == status
        assert snapshot(api) == taken


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_of_one_tenant_leaves_the_others_as_they_are(start: Start, kind: str) -> None:
    api = start(kind)
    taken = filled(api)
    other = api.of("e0000000-0000-4000-8000-000000000002")
    other.create("ada@example.com")
    before = snapshot(other)
    api.control("POST", "/reset")
    assert put_back(api, taken).status == 200
    assert (snapshot(api), snapshot(other)) == (taken, before)


@pytest.mark.parametrize(
    "body", [{"entities": {}}, {"marketingConsents": [], "followedChannels": [], "outbox": []}]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_in_a_newer_form_is_refused_for_that_alone(start: Start, kind: str, body: Any) -> None:
    api = start(kind)
    taken = filled(api)
    answer = api.control("PUT", "/state", {"version": 2, **body})
    assert answer.status == 400
    assert list(answer.violations) == ["version"]
    assert "A newer Wixture took this snapshot: put it back with that one." in answer.json["message"]
    assert snapshot(api) == taken
