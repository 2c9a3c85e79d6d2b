"""Amounts meant to hurt: what is refused stays cheap to refuse, and what is kept stays bounded.

Nothing here is timed. What made these requests slow was the number of violations explained, and that is counted.
"""

from __future__ import annotations

from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.contracts.authority import Authority
from wixture.contracts.pointers import resolve
from wixture.contracts.validation import own_contract
from wixture.mockserver.control import LARGE_BODY_LIMIT

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"


@pytest.mark.parametrize(
    "query",
    [
        {"filter": {"state": {"$in": [1] * 20_000}}},
        {"filter": {"$or": [{"id": 1}] * 3000}},
        {"filter": {f"field{number}": 1 for number in range(20_000)}},
        {"sort": [{"fieldName": 5}] * 20_000},
    ],
    ids=["values", "conditions", "fields", "orders"],
)
def test_no_more_than_a_hundred_violations_of_a_message_are_explained(api: Api, query: dict[str, Any]) -> None:
    answer = api.call("POST", f"{CONSENTS}/query", {"query": query})
    assert answer.status == 400
    assert 0 < len(answer.violations) <= 100
    assert len(answer.response.body) < 100_000
    shown = api.control("GET", "/exchanges").json["exchanges"][0]["violations"]
    assert len(shown) <= 100


def test_a_bulk_of_bad_elements_is_answered_shortly(api: Api) -> None:
    bad = {f"field{number}": 1 for number in range(200)}
    answer = api.call("POST", BULK, {"info": [bad] * 500})
    assert answer.json["metadata"] == {"totalSuccess": 0, "totalFailure": 500}
    errors = [result["error"] for result in answer.json["results"]]
    assert "info[0].field0 is no field here" in errors[0]
    assert "info[499] breaks the contract; only the first 20 bad elements" in errors[499]
    assert max(map(len, errors)) <= 2000


def test_of_a_list_that_is_too_long_only_that_is_told(api: Api) -> None:
    answer = api.call("POST", BULK, {"info": [*({} for _ in range(20_000)), 5]})
    assert {field: found["violatedRule"] for field, found in answer.violations.items()} == {"info": "MAX_SIZE"}


def test_the_good_elements_of_a_long_list_are_not_looked_into_for_errors() -> None:
    judged: list[Any] = []
    validation = own_contract("openapi")

    def accepts(pointer: str, value: Any) -> bool:
        judged.append(pointer)
        return validation.accepts(pointer, value)

    authority = Authority(validation.contract, accepts)
    conditions: list[Any] = [{} for _ in range(5000)]
    conditions[4321] = {"nope": 1}
    schema = "/components/schemas/MarketingConsentFilter"
    found = list(authority.value_errors(schema, {"$and": conditions}))
    assert [(error.path, tuple(error.names)) for error in found] == [(("$and", 4321), ("nope",))]
    assert judged == [schema] * 5000


@pytest.mark.parametrize("schema", ["Seed", "Snapshot"])
def test_what_may_be_large_names_the_schema_of_its_elements(schema: str) -> None:
    """For only elements of a named schema are judged at once."""
    properties = resolve(own_contract("control").contract.document, f"/components/schemas/{schema}/properties")
    elements = {name: part["items"] for name, part in properties.items() if "items" in part}
    assert elements.keys() == {"marketingConsents", "followedChannels", "channels"}
    assert all(list(items) == ["$ref"] for items in elements.values())


def test_only_seeds_and_snapshots_may_be_large() -> None:
    from wixture.mockserver.mock import Mock

    mock = Mock()
    assert mock.body_limit("POST", "/_mock/seed") == mock.body_limit("PUT", "/_mock/state") == LARGE_BODY_LIMIT
    for method, path in (
        ("GET", "/_mock/health"),
        ("POST", "/_mock/reset"),
        ("POST", "/_mock/nope"),
        ("GET", "/"),
    ):
        assert mock.body_limit(method, path) == 1024 * 1024
    assert mock.body_limit("POST", BULK) == 4 * 1024 * 1024


def test_a_restored_snapshot_and_a_rewound_stream_of_ids_get_along(api: Api) -> None:
    for number in range(40):
        api.create(f"{number}@example.com")
    snapshot = api.state()
    api.control("POST", "/reset")
    api.control("PUT", "/state", snapshot)
    fresh = api.create("fresh@example.com")
    assert fresh["id"] not in {consent["id"] for consent in snapshot["marketingConsents"]}
    assert len(api.state()["marketingConsents"]) == 41


def test_a_refused_seed_shifts_no_id(api: Api) -> None:
    api.create("a@example.com")
    clash = {
        "marketingConsents": [{"details": {"type": "EMAIL", "email": f"{name}@example.com"}} for name in "ba"]
    }
    refused = api.control("POST", "/seed", clash)
    assert refused.json["message"].startswith(
        "marketingConsents[1] has an ID, identifier or channel that is taken"
    )
    second = api.create("second@example.com")["id"]
    api.control("POST", "/reset")
    api.create("a@example.com")
    assert api.create("second@example.com")["id"] == second


def test_tokens_and_codes_shift_no_id_of_an_entity(api: Api) -> None:
    first = api.create("a@example.com")["id"]
    api.control("POST", "/reset")
    for identity in ("VISITOR", "MEMBER"):
        api.control("POST", "/tokens", {"identity": identity})
    api.control("POST", "/codes", {})
    assert api.create("a@example.com")["id"] == first


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_clock_beyond_the_calendar_is_400_and_changes_nothing(api: Api, now: str) -> None:
    before = api.state()
    assert api.control("PUT", "/clock", {"now": now}).status == 400
    snapshot = {**before, "clock": {"now": now, "frozen": True}}
    assert api.control("PUT", "/state", snapshot).status == 400
    assert api.state() == before


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T20:00:00Z"])
def test_the_edges_of_the_calendar_can_be_lived_at(api: Api, now: str) -> None:
    api.control("PUT", "/clock", {"now": now})
    token = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 60}).json["access_token"]
    assert api.create()["createdDate"].startswith(now[:19])
    info = api.call("POST", "/oauth2/token-info", {"token": token}, identity=None)
    assert (info.status, info.json["active"]) == (200, True)
    assert api.control("GET", "/exchanges").status == 200


@pytest.mark.parametrize("since", ["2024-W01-1T00:00:00Z", "20240101T000000%2B00:00", "2024-01-01T00Z", "x"])
def test_an_odd_instant_in_a_filter_is_400(api: Api, since: str) -> None:
    assert api.control("GET", "/exchanges", query=f"since={since}").status == 400


@pytest.mark.parametrize(
    "change",
    [
        {"details": {"type": "UNKNOWN_TYPE"}},
        {"details": {"type": "EMAIL", "email": "a@b.c", "phone": "+19172222222"}},
        {"revision": "9223372036854775807"},
        {"revision": "0"},
    ],
)
def test_a_snapshot_that_later_calls_would_stumble_over_is_400(api: Api, change: dict[str, Any]) -> None:
    api.create()
    state = api.state()
    broken = {**state, "marketingConsents": [{**state["marketingConsents"][0], **change}]}
    assert api.control("PUT", "/state", broken).status == 400
    assert api.state() == state


def test_a_code_belongs_to_its_tenant_and_to_one_reset(api: Api) -> None:
    other = api.of("e0000000-0000-4000-8000-000000000002")
    mine = api.control("POST", "/codes", {}).json["code"]
    for _ in range(1100):
        other.mock.app.tenants.get(other.tenant).codes[str(_)] = None
    other.control("POST", "/codes", {})
    stolen = {"grantType": "authorization_code", "clientId": other.control("GET", "/tenant").json["clientId"]}
    assert api.call("POST", "/oauth2/token", {**stolen, "code": mine}, identity=None).status == 400
    own = {"grantType": "authorization_code", "clientId": "c0000000-0000-4000-8000-000000000001", "code": mine}
    assert api.call("POST", "/oauth2/token", own, identity=None).status == 200
    late = api.control("POST", "/codes", {}).json["code"]
    api.control("POST", "/reset")
    assert api.call("POST", "/oauth2/token", {**own, "code": late}, identity=None).status == 400


def test_own_contracts_are_read_once() -> None:
    assert own_contract("openapi") is own_contract("openapi")


@pytest.mark.parametrize("fault", [{}, {"delay_s": 604_800}])
def test_a_delivery_that_is_due_beyond_the_calendar_is_shown_at_its_end(api: Api, fault: dict[str, Any]) -> None:
    end = "9999-12-31T23:59:59.999Z"
    api.control("PUT", "/clock", {"now": end})
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/"})
    asked = {"eventType": "marketing_consent_created", **({"fault": fault} if fault else {})}
    assert api.control("POST", "/webhooks/trigger", asked).status == 200
    api.control("POST", "/webhooks/flush")
    listed = api.control("GET", "/webhooks/deliveries")
    assert [(one["status"], one["nextAttempt"]) for one in listed.json["deliveries"]] == [("pending", end)]
