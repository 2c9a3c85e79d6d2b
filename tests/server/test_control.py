"""The control API: what a test arranges with, and what it looks at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER, Api

from wixture.contracts.validation import own_contract
from wixture.mockserver.control import PARTS

OTHER = "b0000000-0000-4000-8000-0000000000ff"
ADA = {"details": {"type": "EMAIL", "email": "ada@example.com"}}


def test_the_document_and_the_calls_match_one_to_one() -> None:
    calls = [name for part in PARTS for name in part.CALLS]
    assert set(own_contract("control").contract.operations) == set(calls)
    assert len(calls) == len(set(calls))


def test_every_answer_keeps_the_control_apis_own_contract(api: Api) -> None:
    validation = own_contract("control")
    ada = api.create()
    bodies: dict[str, Any] = {
        "seedTenant": {"marketingConsents": [{"details": {"type": "PHONE", "phone": "+19172222222"}}]},
        "putState": api.state(),
        "putClock": {"now": "2030-01-01T00:00:00Z"},
        "advanceClock": {"seconds": 1.5},
        "putChannels": {"channels": ["X"]},
        "putForms": {"dialect": "corrected"},
        "createToken": {"identity": "VISITOR"},
        "createCode": {},
        "createLinks": {"consentId": ada["id"], "language": "de"},
        "createFault": {"on": {"event": "*", "nth": 3}, "do": {"delay_s": 1}, "times": 2},
        "createSubscription": {"eventType": "*", "url": "http://127.0.0.1:9/in"},
        "triggerEvent": {"eventType": "marketing_consent_updated"},
        "anonymize": {"email": "ada@example.com"},
    }
    ids: dict[str, str] = {}
    later = ("deleteFaults", "deleteFault", "deleteSubscription", "resendDelivery", "listDeliveries", "listFaults")
    operations = validation.contract.operations
    for name in [*(name for name in operations if name not in later), *reversed(later)]:
        operation = operations[name]
        if name == "getState":
            api.create("bob@example.com")
        path = operation.path.format(**ids)
        query = f"instance={OTHER}" if name == "deleteTenant" else ""
        answer = api.call(operation.method, path, bodies.get(name), identity=None, query=query)
        assert answer.status == 200, (name, answer.response.body)
        _remember(ids, name, answer)
        if operation.responses[200] is not None:
            assert validation.accepts_response(operation, 200, answer.json), name


def _remember(ids: dict[str, str], name: str, answer: Any) -> None:
    """The IDs that later calls put into their paths."""
    if name == "createFault":
        ids["faultId"] = answer.json["id"]
    if name == "createSubscription":
        ids["subscriptionId"] = answer.json["id"]
    if name == "listDeliveries":
        ids["deliveryId"] = answer.json["deliveries"][0]["id"]


def test_health_counts_the_operations(api: Api) -> None:
    assert api.control("GET", "/health", query="").json == {"status": "ok", "version": "0.1.0", "operations": 11}


def test_an_unknown_call_names_the_closest_and_a_wrong_method_what_is_allowed(api: Api) -> None:
    unknown = api.control("GET", "/exchange")
    assert (unknown.status, unknown.code) == (404, "MOCK_NO_SUCH_OPERATION")
    assert "Closest: GET /_mock/exchanges" in unknown.json["message"]
    wrong = api.control("DELETE", "/clock")
    assert (wrong.status, wrong.response.headers["Allow"]) == (405, "GET, PUT")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/seed", {"consents": []}, "consents"),
        (
            "POST",
            "/seed",
            {"marketingConsents": [{"details": {"type": "EMAIL"}}]},
            "marketingConsents[0].details.email",
        ),
        ("POST", "/seed", {"followedChannels": [{"channel": "X"}]}, "followedChannels[0].accountId"),
        ("PUT", "/clock", {"now": "tomorrow"}, "now"),
        ("POST", "/clock/advance", {"seconds": -1}, "seconds"),
        ("POST", "/clock/advance", {"seconds": 315360000000}, "seconds"),
        ("PUT", "/channels", {"channels": ["MYSPACE"]}, "channels[0]"),
        ("POST", "/tokens", {"identity": "ROBOT"}, "identity"),
        ("POST", "/codes", {"memberId": "me"}, "memberId"),
        ("PUT", "/state", {"version": 2, "marketingConsents": [], "followedChannels": []}, "version"),
    ],
)
@pytest.mark.rule("control-contract")
def test_a_bad_body_is_400_naming_the_field(api: Api, method: str, path: str, body: Any, field: str) -> None:
    before = api.state()
    answer = api.control(method, path, body)
    assert answer.status == 400
    assert list(answer.violations) == [field]
    assert api.state() == before


@pytest.mark.parametrize("query", ["instance=me", "instnace=b0000000-0000-4000-8000-000000000001", "instance=*"])
def test_a_bad_tenant_is_400(api: Api, query: str) -> None:
    assert api.control("GET", "/state", query=query).status == 400


# ---- seeds and snapshots -------------------------------------------------------------------------


def test_a_seed_adds_with_read_only_fields_as_given_and_the_rest_filled_in(api: Api) -> None:
    api.create("first@example.com")
    seed = {
        "marketingConsents": [
            {**ADA, "id": "f0000000-0000-4000-8000-000000000001", "revision": "7", "state": "PENDING",
             "createdDate": "2020-01-01T00:00:00Z"},
            {"details": {"type": "PHONE", "phone": "+19172222222"}, "state": "REVOKED"},
            {"details": {"type": "EMAIL", "email": "bare@example.com"}},
        ],
        "followedChannels": [{"memberId": MEMBER, "channel": "TIKTOK"}],
    }  # fmt: skip
    assert api.control("POST", "/seed", seed).json == {"marketingConsents": 3, "followedChannels": 1}
    ada = api.call("GET", f"{CONSENTS}/f0000000-0000-4000-8000-000000000001").json["marketingConsent"]
    assert (ada["revision"], ada["createdDate"], ada["updatedDate"]) == (
        "7",
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00Z",
    )
    assert ada["lastConfirmationActivity"]["source"] == "UNKNOWN_SOURCE"
    states = {
        consent["details"].get("email", "phone"): consent["state"] for consent in api.state()["marketingConsents"]
    }
    assert states == {
        "first@example.com": "CONFIRMED",
        "ada@example.com": "PENDING",
        "phone": "REVOKED",
        "bare@example.com": "CONFIRMED",
    }
    assert [
        found["channel"] for found in api.call("GET", CHANNELS, identity="MEMBER").json["followedChannels"]
    ] == ["TIKTOK"]


@pytest.mark.rule("consent-one-per-identifier")
@pytest.mark.parametrize(
    "clash",
    [
        {"marketingConsents": [ADA, {"details": {"type": "EMAIL", "email": " ADA@example.com"}}]},
        {"marketingConsents": [{"details": {"type": "EMAIL", "email": "taken@example.com"}}]},
        {"followedChannels": [{"memberId": MEMBER, "channel": "X"}, {"memberId": MEMBER, "channel": "X"}]},
    ],
    ids=["within the seed", "with what is there", "a channel twice"],
)
def test_a_seed_that_clashes_is_409_and_nothing_of_it_is_stored(api: Api, clash: dict[str, Any]) -> None:
    api.create("taken@example.com")
    before = api.state()
    other = {"details": {"type": "EMAIL", "email": "other@example.com"}}
    answer = api.control(
        "POST", "/seed", {**clash, "marketingConsents": [other, *clash.get("marketingConsents", [])]}
    )
    assert (answer.status, answer.code) == (409, "ALREADY_EXISTS")
    assert api.state() == before


def test_a_snapshot_put_back_brings_everything_back(api: Api) -> None:
    api.create("ada@example.com")
    api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    api.control("PUT", "/channels", {"channels": ["X", "TIKTOK"], "loyaltyInstalled": False})
    snapshot = api.state()
    api.control("POST", "/reset")
    api.create("other@example.com")
    assert api.control("PUT", "/state", snapshot).json == {}
    assert api.state() == snapshot


def test_a_snapshot_that_clashes_with_itself_is_409_and_changes_nothing(api: Api) -> None:
    api.create("ada@example.com")
    before = api.state()
    twice = {**before, "marketingConsents": before["marketingConsents"] * 2}
    assert api.control("PUT", "/state", twice).status == 409
    assert api.state() == before


def test_a_snapshot_moves_to_another_tenant(api: Api) -> None:
    api.create("ada@example.com")
    snapshot = api.state()
    other = api.of("e0000000-0000-4000-8000-000000000002")
    other.control("PUT", "/state", snapshot)
    assert other.state()["marketingConsents"] == snapshot["marketingConsents"]


def test_an_id_that_a_snapshot_has_in_capitals_is_one_in_lower_case_as_in_a_seed(api: Api) -> None:
    given = "ABCDEF00-0000-4000-8000-00000000000A"
    api.control("POST", "/seed", {"marketingConsents": [{**ADA, "id": given}]})
    snapshot = api.state()
    (consent,) = snapshot["marketingConsents"]
    assert consent["id"] == given.lower()
    api.control("PUT", "/state", {**snapshot, "marketingConsents": [{**consent, "id": given}]})
    assert api.state() == snapshot


def test_a_reset_goes_back_to_the_launch_options(make_api: Callable[..., Api]) -> None:
    api = make_api(clock="2024-01-31T08:00:00Z", channels=("X",), random_seed=3, seed={"marketingConsents": [ADA]})
    at_launch = api.state()
    assert [consent["details"] for consent in at_launch["marketingConsents"]] == [ADA["details"]]
    api.create("other@example.com")
    api.control("PUT", "/clock", {"now": "2030-01-01T00:00:00Z", "frozen": False})
    api.control("PUT", "/channels", {"channels": [], "loyaltyInstalled": False})
    assert api.control("POST", "/reset").json == {}
    assert api.state() == at_launch
    assert api.control("GET", "/exchanges").json["exchanges"] == []


def test_ids_repeat_after_a_reset(api: Api) -> None:
    first = [api.create(f"{name}@example.com")["id"] for name in "abcdef"]
    api.control("POST", "/reset")
    assert [api.create(f"{name}@example.com")["id"] for name in "abcdef"] == first
    assert len(set(first)) == 6


# ---- the journal ---------------------------------------------------------------------------------


def test_an_exchange_tells_what_was_asked_and_answered_without_credentials(api: Api) -> None:
    stored = api.create("ada@example.com")
    grant = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "hush-hush"}
    api.call("POST", "/oauth2/token", grant, identity=None)
    shown = api.control("GET", "/exchanges").json
    exchange = shown["exchanges"][0]
    assert (exchange["operationId"], exchange["identity"], exchange["response"]["status"]) == (
        "createMarketingConsent",
        "APP",
        200,
    )
    assert exchange["request"]["body"]["marketingConsent"]["details"]["email"] == "ada@example.com"
    assert exchange["response"]["body"]["marketingConsent"]["id"] == stored["id"]
    assert exchange["request"]["headers"]["authorization"] == "***"
    assert exchange["id"] == exchange["response"]["headers"]["X-Wix-Request-Id"]
    text = str(shown)
    assert "hush-hush" not in text
    assert api.token("APP") not in text
    assert "OauthNG" not in text


def test_a_form_with_credentials_is_shown_without_them(api: Api) -> None:
    raw = b"grant_type=client_credentials&client_id=x&client_secret=hush-hush"
    api.call(
        "POST",
        "/oauth2/token",
        raw=raw,
        identity=None,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    shown = api.control("GET", "/exchanges").json["unattributed"][0]
    assert shown["request"]["body"] == {
        "grant_type": "client_credentials",
        "client_id": "x",
        "client_secret": "***",
    }


def test_exchanges_are_filtered(api: Api) -> None:
    api.create("ada@example.com")
    api.call("GET", f"{CONSENTS}/x")
    api.call("POST", CONSENTS, {"marketingConsent": {}})

    def statuses(**filters: str) -> list[int]:
        query = "&".join([f"instance={api.tenant}", *(f"{name}={value}" for name, value in filters.items())])
        return [
            found["response"]["status"]
            for found in api.control("GET", "/exchanges", query=query).json["exchanges"]
        ]

    first = api.control("GET", "/exchanges").json["exchanges"][0]["id"]
    assert statuses() == [200, 404, 400]
    assert statuses(operation="getMarketingConsent") == [404]
    assert statuses(status="400") == [400]
    assert statuses(violations="true") == [400]
    assert statuses(violations="false") == [200, 404]
    assert statuses(since=first) == [404, 400]
    assert statuses(since="2024-01-31T07:59:59Z") == [200, 404, 400]
    assert statuses(since="2024-01-31T08:00:00Z") == []
    assert api.control("GET", "/exchanges", query="since=yesterday").status == 400


def test_a_violation_in_the_journal_says_where_what_and_why(api: Api) -> None:
    api.call("POST", CONSENTS, {"marketingConsent": {**ADA, "lastConfirmationActivity": {"sorce": "FORM"}}})
    found = api.control("GET", "/exchanges").json["exchanges"][0]["violations"]
    assert found == [
        {
            "where": "body",
            "field": "marketingConsent.lastConfirmationActivity.sorce",
            "pointer": "/marketingConsent/lastConfirmationActivity/sorce",
            "specPointer": "/components/schemas/SentConfirmationActivity/unevaluatedProperties",
            "violatedRule": "CUSTOM",
            "rule": "unknown-field",
            "description": "is no field here. Closest: source. Strict input accepts only fields that the contract "
            "declares. (inferred)",
            "closest": "source",
        }
    ]


def test_deleting_exchanges_forgets_them(api: Api) -> None:
    api.create()
    api.call("GET", "/nowhere", identity=None)
    api.control("DELETE", "/exchanges")
    kept = api.control("GET", "/exchanges").json
    assert (kept["exchanges"], len(kept["unattributed"])) == ([], 1)
    api.control("DELETE", "/exchanges", query="instance=*")
    assert api.control("GET", "/exchanges").json == {"exchanges": [], "unattributed": []}


# ---- time ----------------------------------------------------------------------------------------


def test_a_frozen_clock_stands_still_until_it_is_advanced(api: Api) -> None:
    assert api.control("GET", "/clock").json == {"now": "2024-01-31T08:00:00.000Z", "frozen": True}
    assert api.control("POST", "/clock/advance", {"seconds": 3600.5}).json["now"] == "2024-01-31T09:00:00.500Z"
    assert api.create()["createdDate"] == "2024-01-31T09:00:00.500Z"


def test_the_clock_jumps_and_goes_on_when_told_to(api: Api) -> None:
    shown = api.control("PUT", "/clock", {"now": "2038-01-19T03:14:08Z", "frozen": False}).json
    assert shown["now"].startswith("2038-01-19T03:14:0")
    assert shown["frozen"] is False
    assert api.control("PUT", "/clock", {"frozen": True}).json["frozen"] is True


@pytest.mark.rule("updated-date-never-goes-back")
def test_a_clock_that_goes_back_takes_no_entity_with_it(api: Api) -> None:
    stored = api.create()
    api.control("PUT", "/clock", {"now": "2020-01-01T00:00:00Z"})
    update = {"marketingConsent": {"details": stored["details"], "state": "NEVER_CONFIRMED"}}
    changed = api.call("PATCH", f"{CONSENTS}/{stored['id']}", update).json["marketingConsent"]
    assert changed["updatedDate"] == stored["updatedDate"]
    assert changed["revision"] == "2"


def test_documents_are_served_in_both_forms(api: Api) -> None:
    for name in ("openapi", "control"):
        as_yaml = api.control("GET", f"/{name}.yaml", query="")
        as_json = api.control("GET", f"/{name}.json", query="")
        assert as_yaml.response.content_type == "application/yaml"
        assert re.search(rb"^openapi: 3\.1\.0$", as_yaml.response.body, re.MULTILINE)
        assert as_json.json["openapi"] == "3.1.0"
        assert "MarketingConsent" in as_json.json["components"]["schemas"]


def test_control_answers_are_neither_cached_nor_sniffed(api: Api) -> None:
    headers = api.control("GET", "/health", query="").response.headers
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_seed_raises_events_only_when_it_is_asked_to(api: Api) -> None:
    eve = {"details": {"type": "EMAIL", "email": "eve@example.com"}, "createdDate": "2020-01-01T00:00:00Z"}
    api.control("POST", "/seed", {"marketingConsents": [ADA]})
    assert api.control("GET", "/webhooks/events").json["events"] == []
    api.control("POST", "/seed", {"marketingConsents": [eve]}, query=f"instance={api.tenant}&events=true")
    (event,) = api.control("GET", "/webhooks/events").json["events"]
    assert event["event"]["createdEvent"]["entity"]["createdDate"] == "2020-01-01T00:00:00Z"


def test_a_seed_with_events_that_clashes_is_409_and_tells_nothing(api: Api) -> None:
    query = f"instance={api.tenant}&events=true"
    answer = api.control("POST", "/seed", {"marketingConsents": [ADA, ADA]}, query=query)
    assert (answer.status, "marketingConsents[1]" in answer.json["message"]) == (409, True)
    assert api.control("GET", "/webhooks/events").json["events"] == []
    assert api.state()["marketingConsents"] == []
