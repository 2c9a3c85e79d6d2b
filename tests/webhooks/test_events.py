"""Exactly one event for each committed change, none for a refused one, in one transaction with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER

from wixture.contracts.validation import own_contract
from wixture.mockserver.clock import derived_id
from wixture.mockserver.instants import from_text
from wixture.mockserver.messages import Call, Caller, Change, Decision, Found
from wixture.mockserver.rules.world import Rule, World
from wixture.mockserver.store.store import Conflict
from wixture.mockserver.webhooks.events import event_types, events_of, short_name

ADA = {"type": "EMAIL", "email": "ada@example.com"}
UPSERT = f"{CONSENTS}/upsert"
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"


def _consent(state: str = "CONFIRMED", details: Any = ADA, **more: Any) -> dict[str, Any]:
    return {"details": details, "state": state, "lastConfirmationActivity": {"source": "FORM"}, **more}


def _told(site: Any) -> list[tuple[str, str]]:
    return [(shown["event"]["slug"], shown["event"]["entityId"]) for shown in site.events()]


@pytest.mark.rule("event-per-change", "created-event-full-entity")
def test_create_raises_one_created_event_with_the_entity_of_the_answer(site: Any) -> None:
    stored = site.api.create()
    (shown,) = site.events()
    assert shown["eventType"] == "wix.marketing.marketing_consent.v1.marketing_consent_created"
    assert shown["instanceId"] == site.api.tenant
    assert shown["event"] == {
        "id": shown["id"],
        "entityFqdn": "wix.marketing.marketing_consent.v1.marketing_consent",
        "slug": "created",
        "entityId": stored["id"],
        "createdEvent": {"entity": stored},
        "eventTime": shown["time"],
        "triggeredByAnonymizeRequest": False,
        "originatedFrom": "createMarketingConsent",
        "entityEventSequence": "1",
    }
    assert shown["time"] == site.ok("GET", "/clock")["now"]


@pytest.mark.rule("event-per-change", "updated-event-current-entity")
@pytest.mark.parametrize(
    ("method", "path", "body", "origin"),
    [
        ("PATCH", CONSENTS + "/{id}", {"marketingConsent": _consent("REVOKED", lastRevokeActivity={})}, "update"),
        ("POST", UPSERT, {"marketingConsent": _consent("NEVER_CONFIRMED")}, "upsert"),
        ("POST", BULK, {"info": [_consent("NEVER_CONFIRMED")]}, "bulkUpsert"),
        ("POST", f"{CONSENTS}/remove", {"details": ADA, "lastRevokeActivity": {"source": "FORM"}}, "remove"),
    ],
    ids=["update", "upsert", "bulk", "remove"],
)
def test_whatever_changes_a_consent_raises_one_updated_event_with_the_entity_as_it_is_now(
    site: Any, method: str, path: str, body: Any, origin: str
) -> None:
    stored = site.api.create()
    answer = site.api.call(method, path.replace("{id}", stored["id"]), body)
    assert answer.status == 200, answer.json
    now = site.api.call("GET", f"{CONSENTS}/{stored['id']}").json["marketingConsent"]
    _, shown = site.events()
    event = shown["event"]
    assert (event["slug"], event["updatedEvent"]) == ("updated", {"currentEntity": now})
    assert (event["entityEventSequence"], event["originatedFrom"]) == ("2", f"{origin}MarketingConsent")
    assert now["revision"] == "2"


@pytest.mark.rule("event-per-change", "deleted-event-empty")
def test_delete_raises_one_deleted_event_that_carries_nothing(site: Any) -> None:
    stored = site.api.create()
    assert site.api.call("DELETE", f"{CONSENTS}/{stored['id']}").status == 200
    _, shown = site.events()
    event = shown["event"]
    assert (event["slug"], event["entityId"], event["deletedEvent"]) == ("deleted", stored["id"], {})
    assert event["entityEventSequence"] == "2"
    assert not {"createdEvent", "updatedEvent"} & set(event)


@pytest.mark.rule("event-per-change", "created-event-full-entity")
def test_following_a_channel_raises_one_created_event(site: Any) -> None:
    answer = site.api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    (shown,) = site.events()
    assert shown["eventType"] == "wix.loyalty.socialmedia.v1.followed_channel_created"
    assert shown["event"]["createdEvent"] == {"entity": answer.json["followedChannel"]}
    assert shown["event"]["entityId"] == answer.json["followedChannel"]["id"]


@pytest.mark.rule("event-per-change")
def test_a_bulk_raises_events_for_its_good_items_alone_in_their_order(site: Any) -> None:
    known = site.api.create()
    phone = {"type": "PHONE", "phone": "+19172222222"}
    without_state = _consent(details={"type": "EMAIL", "email": "bad@example.com"})
    del without_state["state"]
    items = [
        _consent(details=phone),
        without_state,
        _consent("NEVER_CONFIRMED"),
        _consent("REVOKED", phone, lastRevokeActivity={}),
        _consent("UNKNOWN_STATE"),  # an email that is known keeps its state: nothing changes
    ]
    answer = site.api.call("POST", BULK, {"info": items})
    assert answer.json["metadata"] == {"totalSuccess": 4, "totalFailure": 1}
    created = answer.json["results"][0]["marketingConsent"]["id"]
    assert _told(site)[1:] == [("created", created), ("updated", known["id"]), ("updated", created)]
    assert [shown["event"]["entityEventSequence"] for shown in site.events()] == ["1", "1", "2", "2"]


@pytest.mark.rule("event-per-change")
@pytest.mark.parametrize(
    ("method", "path", "body", "identity", "status"),
    [
        ("POST", CONSENTS, {"marketingConsent": _consent()}, "APP", 409),
        ("POST", CONSENTS, {"marketingConsent": {}}, "APP", 400),
        ("POST", CONSENTS, {"marketingConsent": _consent(details={"type": "EMAIL", "email": "b@c.d"})}, None, 401),
        ("PATCH", CONSENTS + "/{id}", {"marketingConsent": _consent(revision="7")}, "APP", 409),
        ("PATCH", CONSENTS + "/" + derived_id("nobody"), {"marketingConsent": _consent()}, "APP", 404),
        ("DELETE", CONSENTS + "/" + derived_id("nobody"), None, "APP", 404),
        ("DELETE", CONSENTS + "/{id}", None, "MEMBER", 403),
        ("POST", UPSERT, {"marketingConsent": {"details": ADA, "state": "UNKNOWN_STATE"}}, "APP", 200),
        ("POST", BULK, {"info": [{"details": ADA}]}, "APP", 200),
        ("POST", BULK, {"info": []}, "APP", 400),
        ("POST", f"{CONSENTS}/query", {"query": {}}, "APP", 200),
        ("GET", CONSENTS + "/{id}", None, "APP", 200),
        ("GET", CHANNELS, None, "MEMBER", 200),
        ("POST", CHANNELS, {"followedChannel": {"channel": "TIKTOK"}}, "MEMBER", 428),
    ],
)  # fmt: skip
def test_what_changes_nothing_raises_no_event(
    site: Any, method: str, path: str, body: Any, identity: str | None, status: int
) -> None:
    stored = site.api.create()
    site.ok("PUT", "/channels", {"channels": ["X"]})
    site.subscribe()
    before = site.api.state()
    answer = site.api.call(method, path.replace("{id}", stored["id"]), body, identity=identity)
    assert answer.status == status, answer.json
    assert len(site.events()) == 1
    assert site.deliveries() == []
    assert site.api.state() == before


@pytest.mark.rule("event-per-change")
def test_an_answer_that_breaks_the_contract_raises_no_event(site: Any) -> None:
    app = site.api.mock.app
    right = app.rules["createMarketingConsent"]

    def decide(call: Call, found: Found, world: World) -> Decision:
        decision = right.decide(call, found, world)
        return Decision({**decision.answer, "grated": True}, decision.changes)

    app.rules = {**app.rules, "createMarketingConsent": Rule(right.find, decide)}
    assert site.api.call("POST", CONSENTS, {"marketingConsent": _consent()}).code == "MOCK_BUG"
    assert site.events() == []


@pytest.mark.rule("event-per-change")
def test_an_event_that_breaks_the_contract_keeps_the_change_from_being_stored(site: Any) -> None:
    app = site.api.mock.app
    right = app.rules["createMarketingConsent"]

    def decide(call: Call, found: Found, world: World) -> Decision:
        decision = right.decide(call, found, world)
        (change,) = decision.changes
        return Decision(decision.answer, (Change("created", change.entity_type, {**change.entity, "grated": 1}),))

    app.rules = {**app.rules, "createMarketingConsent": Rule(right.find, decide)}
    assert site.api.call("POST", CONSENTS, {"marketingConsent": _consent()}).code == "MOCK_BUG"
    assert (site.events(), site.api.state()["marketingConsents"]) == ([], [])


@pytest.mark.rule("event-per-change")
@pytest.mark.parametrize("table", ["events", "deliveries"])
def test_an_event_or_delivery_that_cannot_be_written_rolls_the_change_back(site: Any, table: str) -> None:
    site.subscribe()
    before = site.api.state()
    database = site.api.mock.app.store._db
    database.execute(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    assert site.api.call("POST", CONSENTS, {"marketingConsent": _consent()}).status == 500
    assert site.api.state() == before
    assert (site.events(), site.deliveries()) == ([], [])
    database.execute("DROP TRIGGER full")
    site.api.create()
    assert (len(site.events()), len(site.deliveries())) == (1, 1)


def test_events_and_deliveries_of_a_change_that_conflicts_are_not_written(site: Any) -> None:
    app, tenant = site.api.mock.app, site.tenant
    stored = site.api.create()
    site.subscribe()
    plan = site.plan({"duplicate": 2})
    stale = Change("updated", "marketing_consent", {**stored, "revision": "9"}, based_on="8")
    with pytest.raises(Conflict):
        site.run(app.commit(tenant, [stale], app.own_caller(tenant), origin="x", now=tenant.clock.now()))
    assert len(site.events()) == 1
    assert site.deliveries() == []
    (shown,) = site.ok("GET", "/faults")["faults"]
    assert (shown["id"], shown["matched"], shown["hits"]) == (plan, 0, 0)


def test_a_fault_acts_once_where_a_new_id_was_taken_and_the_next_one_drawn(site: Any) -> None:
    site.api.create()
    snapshot = site.api.state()
    site.ok("POST", "/reset")
    site.ok("PUT", "/state", snapshot)
    site.subscribe()
    site.plan({"duplicate": 3}, nth=1)
    site.api.create("bob@example.com")  # its first ID is the one in the snapshot
    assert len(site.deliveries()) == 3


# ---- who caused it -------------------------------------------------------------------------------


@pytest.mark.rule("event-identity-of-the-caller")
def test_an_event_names_the_app_or_the_user_that_called(site: Any) -> None:
    settings = site.api.mock.app.settings
    site.api.call("POST", CONSENTS, {"marketingConsent": _consent()}, identity="APP")
    site.api.call("POST", UPSERT, {"marketingConsent": _consent("NEVER_CONFIRMED")}, identity="WIX_USER")
    headers = {"authorization": settings.api_key, "wix-site-id": site.api.tenant}
    site.api.call("POST", UPSERT, {"marketingConsent": _consent()}, identity=None, headers=headers)
    user = {"identityType": "WIX_USER", "wixUserId": derived_id("wix user", site.api.tenant)}
    assert [shown["identity"] for shown in site.events()] == [
        {"identityType": "APP", "appId": settings.app_id},
        user,
        user,
    ]


@pytest.mark.rule("event-identity-of-the-caller")
def test_an_event_names_the_member_or_the_visitor_that_called(site: Any) -> None:
    visitor = derived_id("a visitor")
    token = site.ok("POST", "/tokens", {"identity": "VISITOR", "visitorId": visitor})["access_token"]
    site.api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    site.api.call(
        "POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity=None, headers={"authorization": token}
    )
    assert [shown["identity"] for shown in site.events()] == [
        {"identityType": "MEMBER", "memberId": MEMBER},
        {"identityType": "ANONYMOUS_VISITOR", "anonymousVisitorId": visitor},
    ]


def test_every_identity_keeps_the_contract(site: Any) -> None:
    validation = own_contract("openapi")
    for identity in ("APP", "WIX_USER", "MEMBER", "VISITOR"):
        caller = Caller(identity, site.api.tenant, derived_id(identity))  # type: ignore[arg-type]
        change = Change("created", "marketing_consent", site.api.create(f"{identity}@example.com"))
        (event,) = events_of([change], caller, origin="x", now=0, new_id=lambda: derived_id("event"))
        assert validation.accepts("/components/schemas/IdentificationData", json.loads(event.identity))


# ---- order ---------------------------------------------------------------------------------------


@pytest.mark.rule("event-sequence-grows")
def test_the_sequence_of_an_entity_grows_with_each_event_from_creation_to_end(site: Any) -> None:
    stored = site.api.create()
    for state in ("NEVER_CONFIRMED", "CONFIRMED", "NEVER_CONFIRMED"):
        site.api.call("POST", UPSERT, {"marketingConsent": _consent(state)})
        site.api.create(f"{len(site.events())}@example.com")  # others do not count
    site.api.call("DELETE", f"{CONSENTS}/{stored['id']}")
    of_it = [shown["event"] for shown in site.events() if shown["event"]["entityId"] == stored["id"]]
    assert [event["entityEventSequence"] for event in of_it] == ["1", "2", "3", "4", "5"]


@pytest.mark.rule("event-sequence-grows")
def test_the_sequence_of_a_consent_with_the_last_revision_stays_a_number_of_64_bits(site: Any) -> None:
    entity = {**_consent(), "id": derived_id("old"), "revision": "9" * 18}  # the longest that a seed may have
    site.ok("POST", "/seed", {"marketingConsents": [entity]})
    assert site.api.call("DELETE", f"{CONSENTS}/{entity['id']}").status == 200
    (shown,) = site.events()
    assert int(shown["event"]["entityEventSequence"]) == 10**18 < 2**63


def test_an_event_that_happened_keeps_its_data_when_the_entity_changes(site: Any) -> None:
    stored = site.api.create()
    site.api.call("POST", UPSERT, {"marketingConsent": _consent("NEVER_CONFIRMED")})
    created, updated = (shown["event"] for shown in site.events())
    assert created["createdEvent"]["entity"] == stored
    assert updated["updatedEvent"]["currentEntity"]["state"] == "NEVER_CONFIRMED"


def test_seeds_and_snapshots_raise_no_events(make_api: Callable[..., Any], site: Any) -> None:
    site.subscribe()
    site.ok("POST", "/seed", {"marketingConsents": [{"details": ADA}]})
    site.ok("PUT", "/state", site.api.state())
    assert (site.events(), site.deliveries()) == ([], [])


# ---- names ---------------------------------------------------------------------------------------


@pytest.mark.rule("event-name-known")
def test_events_are_named_short_or_in_full_and_an_unknown_name_is_refused_with_the_right_ones(site: Any) -> None:
    for short, full in event_types().items():
        assert short_name(short) == short_name(full) == short
    named = site.ok(
        "POST", "/webhooks/subscriptions", {"eventType": event_types()["marketing_consent_deleted"], "url": "http://127.0.0.1:9"}
    )  # fmt: skip
    assert named["eventType"] == "marketing_consent_deleted"
    for path, body in (
        ("/webhooks/subscriptions", {"eventType": "consent_made", "url": "http://127.0.0.1:9"}),
        ("/webhooks/trigger", {"eventType": "consent_made"}),
        ("/webhooks/trigger", {"eventType": "*"}),
    ):
        answer = site.api.control("POST", path, body)
        assert answer.status == 400
        assert answer.violations["eventType"]["data"]["rule"] == "event-name-known"
        assert "marketing_consent_updated" in answer.violations["eventType"]["description"]


def test_events_are_dated_by_the_tenants_clock(site: Any) -> None:
    site.api.create()
    site.advance(3600)
    site.api.create("bob@example.com")
    first, second = (from_text(shown["event"]["eventTime"]) for shown in site.events())
    assert second - first == 3600 * 1_000_000
