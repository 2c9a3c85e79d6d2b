"""Rows about identifiers, dates and revisions: what the samples have and cannot be, and what the server does."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER

from wixture.contracts import dialect

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
PHONE = {"type": "PHONE", "phone": "+19172222222"}
OTHER = "f0000000-0000-4000-8000-000000000009"
NOW, LATER = "2024-01-31T08:00:00.000Z", "2024-01-31T09:00:00.000Z"


# ---- identifiers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "impossible",
    [
        pytest.param("22916e0c72-afe4-41a2-9b88-75888559a904", marks=pytest.mark.row("id-group-of-ten")),
        pytest.param("2178v046df3c-7575-4098-a5ab-c91ad8f33c47", marks=pytest.mark.row("id-with-a-v")),
    ],
)
def test_an_id_that_is_no_guid_is_not_found_like_a_missing_one(api, consent, accepts, method, impossible):
    api.create()
    body = {"marketingConsent": consent()} if method == "PATCH" else None
    answer, missing = (api.call(method, f"{CONSENTS}/{sought}", body) for sought in (impossible, OTHER))
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.json["message"].replace(impossible, OTHER) == missing.json["message"]
    assert not accepts("Guid", impossible)


@pytest.mark.row("one-consent-id-four-identifiers", "id-group-of-ten", "id-with-a-v")
@pytest.mark.parametrize("way", ["create", "upsert", "bulk"])
def test_two_addresses_and_two_numbers_are_four_consents_with_guids_of_their_own(api, consent, accepts, way):
    four = [EMAIL, {**EMAIL, "email": "b@example.com"}, PHONE, {**PHONE, "phone": "+445168993333"}]
    if way == "bulk":
        results = api.call("POST", BULK, {"info": [consent(details=details) for details in four]}).json["results"]
        stored = [result["marketingConsent"] for result in results]
    else:
        path = CONSENTS if way == "create" else f"{CONSENTS}/upsert"
        calls = (api.call("POST", path, {"marketingConsent": consent(details=details)}) for details in four)
        stored = [answer.json["marketingConsent"] for answer in calls]
    assert len({entity["id"] for entity in stored}) == 4
    assert all(accepts("Guid", entity["id"]) for entity in stored)
    for entity, details in zip(stored, four, strict=True):
        found = api.call("GET", f"{CONSENTS}/{entity['id']}").json["marketingConsent"]
        assert found["details"] == details


@pytest.mark.row("one-channel-id-three-channels")
def test_every_followed_channel_has_an_id_of_its_own(api, follow, accepts):
    channels = ["TIKTOK", "X", "FACEBOOK"]
    ids = [
        follow(channel, identity=identity).json["followedChannel"]["id"]
        for identity in ("MEMBER", "VISITOR")
        for channel in channels
    ]
    assert len(set(ids)) == 6
    assert all(accepts("Guid", entity) for entity in ids)
    listed = api.call("GET", CHANNELS, identity="MEMBER").json["followedChannels"]
    assert {entity["id"]: entity["channel"] for entity in listed} == dict(zip(ids[:3], channels, strict=True))


@pytest.mark.row("phone-number-unassigned")
@pytest.mark.parametrize(
    ("phone", "status"), [("+445168993333", 200), ("+10", 200), ("445168993333", 400), ("+4a", 400)]
)
def test_a_phone_number_is_judged_by_its_form_alone(upsert, accepts, phone, status):
    assert upsert(details={"type": "PHONE", "phone": phone}).status == status
    assert accepts("Phone", phone) == (status == 200)


# ---- dates and revisions -------------------------------------------------------------------------


@pytest.mark.row("updated-date-stands-still")
@pytest.mark.parametrize("way", ["update", "upsert", "remove"])
def test_every_change_moves_the_date_of_update_and_no_change_the_date_of_creation(api, upsert, update, way):
    stored = api.create()
    api.control("POST", "/clock/advance", {"seconds": 3600})
    ways: dict[str, Any] = {
        "update": lambda: update(stored, "REVOKED"),
        "upsert": lambda: upsert("PENDING"),
        "remove": lambda: api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": {}}),
    }
    changed = ways[way]().json["marketingConsent"]
    assert (changed["createdDate"], changed["updatedDate"]) == (NOW, LATER)
    assert changed["revision"] == "2"


@pytest.mark.row("updated-date-stands-still")
def test_the_date_of_update_stays_when_the_clock_goes_back(api, update):
    stored = api.create()
    api.control("PUT", "/clock", {"now": "2020-01-01T00:00:00Z"})
    assert update(stored).json["marketingConsent"]["updatedDate"] == NOW


@pytest.mark.row("update-keeps-revision")
def test_each_update_answers_and_stores_the_next_revision(api, update):
    stored = api.create()
    for number in (1, 2, 3):
        changed = update(stored, revision=str(number)).json["marketingConsent"]
        assert changed["revision"] == str(number + 1)
        assert api.call("GET", f"{CONSENTS}/{stored['id']}").json["marketingConsent"] == changed


@pytest.mark.row("activity-before-creation")
@pytest.mark.parametrize(
    "given", ["2022-10-02T08:43:25.765Z", "1970-01-01T00:00:00Z", "2021-07-22T02:00:00+02:00"]
)
def test_a_date_before_the_consent_is_kept_as_it_was_sent(upsert, given):
    stored = upsert(lastConfirmationActivity={"updatedDate": given}).json["marketingConsent"]
    assert stored["lastConfirmationActivity"]["updatedDate"] == given
    assert stored["createdDate"] == NOW


# ---- what events will carry ----------------------------------------------------------------------


@pytest.mark.row("created-events-late")
def test_the_dates_of_a_new_entity_are_the_moment_of_the_call(api, follow):
    stored = api.create()
    assert (stored["createdDate"], stored["updatedDate"]) == (NOW, NOW)
    api.control("POST", "/clock/advance", {"seconds": 3600})
    assert follow("X").json["followedChannel"]["createdDate"] == LATER


@pytest.mark.row("created-events-late")
@pytest.mark.parametrize("kind", ["consent", "channel"])
def test_a_created_event_says_when_in_the_form_of_the_entitys_own_date(api, follow, event, accepts, kind):
    entity = api.create() if kind == "consent" else follow("X").json["followedChannel"]
    schema = "MarketingConsentCreatedEvent" if kind == "consent" else "FollowedChannelCreatedEvent"
    created = event("created", entity, {"createdEvent": {"entity": entity}})
    assert created["eventTime"] == entity["createdDate"]
    assert accepts(schema, created)
    assert not accepts(schema, {name: value for name, value in created.items() if name != "eventTime"})


@pytest.mark.row("updated-event-first-revision")
def test_an_updated_event_takes_the_consent_that_the_update_left(api, update, event, accepts, contract_at):
    stored = api.create()
    api.control("POST", "/clock/advance", {"seconds": 3600})
    changed = update(stored, "REVOKED").json["marketingConsent"]
    assert (changed["revision"], changed["createdDate"], changed["updatedDate"]) == ("2", NOW, LATER)
    schema = "MarketingConsentUpdatedEvent"
    assert accepts(schema, event("updated", changed, {"updatedEvent": {"currentEntity": changed}}))
    assert not accepts(schema, event("updated", changed, {"updatedEvent": {}}))
    assert "one more after each change" in contract_at("/components/schemas/Revision/description")
    described = contract_at("/components/schemas/MarketingConsentUpdatedEvent/properties/updatedEvent/description")
    assert "after the change" in described


@pytest.mark.row("event-time-digits")
@pytest.mark.parametrize(
    ("digits", "taken"),
    [
        ("", True),
        (".8", True),
        (".813", True),
        (".199886", True),
        (".123456789", True),
        (".", False),
        (".1234567890", False),
    ],
)
def test_an_event_time_may_have_up_to_nine_digits_of_a_second(api, event, accepts, digits, taken):
    stored = api.create()
    timed = event("deleted", stored, {"deletedEvent": {}}, eventTime=f"2023-05-18T19:18:39{digits}Z")
    assert accepts("MarketingConsentDeletedEvent", timed) is taken
    assert accepts("Timestamp", timed["eventTime"]) is taken


@pytest.mark.parametrize(
    ("row", "message", "slug", "key"),
    [
        ("consent-events-other-entity", "marketing_consent_created", "created", "entity"),
        ("consent-events-other-entity", "marketing_consent_updated", "updated", "currentEntity"),
        ("channel-event-other-entity", "followed_channel_created", "created", "entity"),
    ],
)
def test_an_event_about_its_own_entity_is_right_and_about_another_as_printed(
    api, follow, event, row, message, slug, key
):
    entity = follow("X").json["followedChannel"] if "channel" in message else api.create()
    about = event(slug, entity, {f"{slug}Event": {key: entity}})
    assert dialect.forms(message, about)[row] == {"corrected"}
    assert dialect.forms(message, {**about, "entityId": OTHER})[row] == {"documented"}


@pytest.mark.row("channel-event-lacks-listed-fields")
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"triggeredByAnonymizeRequest": False},
        {"originatedFrom": "a flow"},
        {"originatedFrom": None, "triggeredByAnonymizeRequest": None},
    ],
    ids=["neither", "the first", "the second", "both empty"],
)
def test_a_channel_event_may_have_or_lack_the_listed_fields(follow, event, accepts, fields):
    followed = follow("X").json["followedChannel"]
    created = event("created", followed, {"createdEvent": {"entity": followed}})
    assert accepts("FollowedChannelCreatedEvent", {**created, **fields})
    assert not accepts("FollowedChannelCreatedEvent", {**created, "originatedFrom": 7})
    assert followed["accountId"] != MEMBER
