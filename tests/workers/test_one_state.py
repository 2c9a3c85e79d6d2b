"""What is done through one worker is seen by every other with its next request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.mockserver.messages import Request
from wixture.mockserver.store.store import RecordChanged

from .conftest import Crew, Worker, in_parallel

NOWHERE = "http://127.0.0.1:9/"
OTHER = "b0000000-0000-4000-8000-000000000077"
Pair = tuple[Worker, Worker]


def get(api: Api, consent: dict[str, Any]) -> int:
    return api.call("GET", f"{CONSENTS}/{consent['id']}").status


def test_a_write_of_one_worker_is_read_by_the_other_at_once(pair: Pair) -> None:
    for writer, reader in (pair, pair[::-1]):
        made = writer.create(f"{id(writer)}@example.com")
        assert get(reader, made) == 200
        assert writer.call("DELETE", f"{CONSENTS}/{made['id']}").status == 200
        assert get(reader, made) == 404


def test_no_id_is_given_by_two_workers(pair: Pair) -> None:
    made = [pair[number % 2].create(f"{number}@example.com")["id"] for number in range(40)]
    events = pair[0].control("GET", "/webhooks/events").json["events"]
    assert len(set(made)) == len(made)
    assert len({event["id"] for event in events}) == len(events) == len(made)


def test_ids_that_a_request_in_flight_took_during_a_reset_are_not_given_again(pair: Pair) -> None:
    one, _ = pair
    one.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE})
    tenant = one.mock.app.tenants.get(one.tenant)

    def write_all(turn: int) -> None:
        tenant.chance.reset(0)  # as a reset does, after which what was in flight is committed
        one.create(f"{turn}@example.com")
        assert one.control("POST", "/webhooks/trigger", {"eventType": "marketing_consent_created"}).status == 200
        seed = {"marketingConsents": [{"details": {"type": "EMAIL", "email": f"seed.{turn}@example.com"}}]}
        told = one.control("POST", "/seed", seed, query=f"instance={one.tenant}&events=true")
        assert told.status == 200, told.json

    for turn in range(2):
        write_all(turn)
    deliveries = one.control("GET", "/webhooks/deliveries").json["deliveries"]
    assert len({item["id"] for item in deliveries}) == len(deliveries) == 6


def test_a_subscription_made_through_one_is_used_by_the_other(pair: Pair) -> None:
    one, other = pair
    made = one.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE}).json
    other.create()
    [delivery] = one.control("GET", "/webhooks/deliveries").json["deliveries"]
    assert delivery["subscriptionId"] == made["id"]
    other.control("DELETE", f"/webhooks/subscriptions/{made['id']}")
    one.create("grace@example.com")
    assert len(one.control("GET", "/webhooks/deliveries").json["deliveries"]) == 1


CHANGES: dict[str, tuple[str, str, Any]] = {
    "clock": ("PUT", "/clock", {"now": "2030-01-01T00:00:00.000Z", "frozen": True}),
    "advance": ("POST", "/clock/advance", {"seconds": 3600}),
    "channels": ("PUT", "/channels", {"channels": ["X"], "loyaltyInstalled": False}),
    "forms": ("PUT", "/forms", {"dialect": "documented"}),
    "faults": ("POST", "/faults", {"on": {"operation": "*"}, "do": {"status": 503}}),
    "subscriptions": ("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_by_the_control_api_is_seen_by_the_other_and_undone_by_its_reset(pair: Pair, name: str) -> None:
    one, other = pair
    method, path, body = CHANGES[name]
    shown = "/clock" if name == "advance" else path
    before = other.control("GET", shown).json
    assert one.control(method, path, body).status == 200
    assert one.control("GET", shown).json == other.control("GET", shown).json != before
    assert other.control("POST", "/reset").status == 200
    assert one.control("GET", shown).json == before


def test_two_workers_that_advance_one_clock_add_up(pair: Pair) -> None:
    for _ in range(3):
        for api in pair:
            assert api.control("POST", "/clock/advance", {"seconds": 60}).status == 200
    assert pair[0].control("GET", "/clock").json["now"] == "2024-01-31T08:06:00.000Z"


def test_a_login_code_is_good_in_one_worker_alone(pair: Pair) -> None:
    one, other = pair
    for first, second in ((one, other), (other, one)):
        code = one.control("POST", "/codes", {}).json["code"]
        fields = {"grant_type": "authorization_code", "client_id": client_id(one), "code": code}
        answers = [api.call("POST", "/oauth2/token", fields, identity=None) for api in (first, second)]
        assert [answer.status for answer in answers] == [200, 400]
        assert answers[1].json["error"] == "invalid_grant"


def client_id(api: Api) -> str:
    return str(api.control("GET", "/tenant").json["clientId"])


def test_a_tenant_that_one_worker_met_has_a_client_id_in_the_other(pair: Pair) -> None:
    one, other = pair
    named = client_id(one.of(OTHER))
    fields = {"grant_type": "anonymous", "client_id": named}
    assert other.call("POST", "/oauth2/token", fields, identity=None).status == 200


def test_the_nth_request_is_the_nth_whoever_answers(pair: Pair) -> None:
    one, other = pair
    plan = {"on": {"operation": "createMarketingConsent", "nth": 3}, "do": {"status": 503}}
    one.control("POST", "/faults", plan)
    consent = {"details": {"type": "EMAIL", "email": "ada@example.com"}, "lastConfirmationActivity": {}}
    body = {"marketingConsent": consent}
    statuses = [api.call("POST", CONSENTS, body).status for api in (one, other, one, other)]
    assert statuses == [200, 409, 503, 409]
    [fault] = other.control("GET", "/faults").json["faults"]
    assert (fault["matched"], fault["hits"]) == (4, 1)


def test_requests_side_by_side_in_one_worker_count_each_once_for_a_plan(pair: Pair) -> None:
    one, other = pair
    for on in ({"operation": "*", "nth": 99}, {"event": "*", "nth": 99}):
        do = {"status": 503} if "operation" in on else {"drop": True}
        assert one.control("POST", "/faults", {"on": on, "do": do}).status == 200
    one.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE})
    head = {"host": "127.0.0.1:8787", "authorization": one.token("APP"), "content-type": "application/json"}

    async def create(number: int) -> int:
        details = {"type": "EMAIL", "email": f"{number}@example.com"}
        body = {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}}
        return (await one.mock.handle(Request("POST", CONSENTS, "", head, json.dumps(body).encode()))).status

    async def side_by_side() -> list[int]:
        return await asyncio.gather(*map(create, range(30)))

    assert one.run(side_by_side()) == [200] * 30
    assert [plan["matched"] for plan in other.control("GET", "/faults").json["faults"]] == [30, 30]


def test_a_rotated_key_signs_in_every_worker(pair: Pair) -> None:
    one, other = pair
    before = other.control("GET", "/webhooks/jwks.json", query="").json["keys"]
    assert one.control("POST", "/webhooks/rotate-key", query="").status == 200
    keys = other.control("GET", "/webhooks/jwks.json", query="").json["keys"]
    assert keys == one.control("GET", "/webhooks/jwks.json", query="").json["keys"]
    assert keys[1:] == before
    assert other.mock.app.dispatch.keyring.current.kid == keys[0]["kid"]


def test_the_journal_has_what_every_worker_answered_and_one_clears_it_for_all(pair: Pair) -> None:
    one, other = pair
    one.create("a@example.com")
    other.create("b@example.com")
    assert len(one.control("GET", "/exchanges").json["exchanges"]) == 2
    other.control("DELETE", "/exchanges")
    assert one.control("GET", "/exchanges").json["exchanges"] == []


def test_a_tenant_that_one_worker_deletes_is_a_new_one_for_the_other(pair: Pair) -> None:
    one, other = (api.of(OTHER) for api in pair)
    one.create()
    other.control("PUT", "/channels", {"channels": ["X"]})
    assert one.control("DELETE", "/tenant").status == 200
    assert other.control("GET", "/channels").json["channels"] != ["X"]
    assert other.state()["marketingConsents"] == []
    third = pair[0].of("b0000000-0000-4000-8000-000000000078")
    third.create("grace@example.com")
    assert other.state()["marketingConsents"] == []


def test_changes_at_the_same_time_are_all_kept(crew: Crew) -> None:
    workers = [crew.hire() for _ in range(4)]

    def subscribe(number: int) -> None:
        for count in range(8):
            body = {"eventType": "*", "url": f"{NOWHERE}{number}/{count}"}
            assert workers[number].control("POST", "/webhooks/subscriptions", body).status == 200

    in_parallel(subscribe, 4)
    for worker in workers:
        kept = worker.control("GET", "/webhooks/subscriptions").json["subscriptions"]
        assert len({one["id"] for one in kept}) == 32


def test_a_record_is_saved_over_the_version_it_was_made_from_alone(pair: Pair) -> None:
    one, other = (worker.mock.app.store.sites for worker in pair)
    by_one, by_other = pair[0].run, pair[1].run
    first = by_one(one.save(OTHER, b'{"a":1}', based_on=0))
    assert by_other(other.newer(OTHER, 0)).record == b'{"a":1}'
    second = by_other(other.save(OTHER, b'{"a":2}', based_on=first))
    with pytest.raises(RecordChanged):
        by_one(one.save(OTHER, b'{"a":3}', based_on=first))
    assert (by_one(one.newer(OTHER, first)).record, by_one(one.newer(OTHER, second))) == (b'{"a":2}', None)


def test_a_look_that_comes_late_undoes_nothing_that_was_saved_since(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    assert other.control("PUT", "/channels", {"channels": ["TIKTOK"]}).status == 200
    tenants, sites = one.mock.app.tenants, one.mock.app.store.sites
    tenant, newer = tenants.get(one.tenant), sites.newer

    async def run() -> None:
        has_read, may_go_on = asyncio.Event(), asyncio.Event()

        async def late(*what: Any) -> Any:
            found = await newer(*what)
            has_read.set()
            await may_go_on.wait()
            return found

        with monkeypatch.context() as patch:
            patch.setattr(sites, "newer", late)
            looking = asyncio.ensure_future(tenants.look(tenant))
            await has_read.wait()
        await tenants.look(tenant, again=True)

        def choose() -> None:
            tenant.channels = frozenset({"X"})

        await tenants.change(tenant, choose)
        may_go_on.set()
        await looking
        assert tenant.channels == {"X"}

    one.run(run())
    assert [api.control("GET", "/channels").json["channels"] for api in pair] == [["X"], ["X"]]
