"""What create, upsert, update, remove and delete decide, state by state and channel by channel."""

from __future__ import annotations

import itertools

import pytest

STATES = ("UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED")
CHANNELS = ("EMAIL", "PHONE")
LEVELS = ("UNKNOWN_OPT_IN_LEVEL", "SINGLE_CONFIRMATION", "DOUBLE_CONFIRMATION")
LINKS = {"PENDING": "CONFIRMATION", "CONFIRMED": "REVOKE_CONFIRMATION"}
NOW = "2024-05-01T08:00:00.000Z"

every_state = pytest.mark.parametrize("state", STATES)
every_channel = pytest.mark.parametrize("channel", CHANNELS)
every_level = pytest.mark.parametrize("level", LEVELS)
every_transition = pytest.mark.parametrize(("before", "wanted"), list(itertools.product(STATES, STATES)))


def _after(before, wanted, channel):
    return before if (channel, wanted) == ("EMAIL", "UNKNOWN_STATE") else wanted


# ---- create --------------------------------------------------------------------------------------


@pytest.mark.rule("create-confirms")
@every_channel
@every_level
@pytest.mark.parametrize("state", [None, *STATES])
def test_create_stores_confirmed_whatever_state_and_level_are_sent(decide, sent, state, channel, level):
    consent = sent("CONFIRMED", channel, lastConfirmationActivity={"optInLevel": level}) | {"state": state}
    created = decide("createMarketingConsent", {"marketingConsent": consent}).answer["marketingConsent"]
    assert (created["state"], created["lastConfirmationActivity"]["optInLevel"]) == ("CONFIRMED", level)


@pytest.mark.rule("revision-counts-changes")
def test_a_new_consent_has_revision_1_a_new_id_and_the_time_of_the_call(decide, sent):
    created = decide("createMarketingConsent", {"marketingConsent": sent()}).answer["marketingConsent"]
    given = {name: created[name] for name in ("id", "revision", "createdDate", "updatedDate")}
    assert given == {"id": "id-1", "revision": "1", "createdDate": NOW, "updatedDate": NOW}


def test_create_writes_one_created_consent(decide, sent):
    decision = decide("createMarketingConsent", {"marketingConsent": sent()})
    change = decision.changes[0]
    assert (len(decision.changes), change.kind, change.entity_type) == (1, "created", "marketing_consent")
    assert (change.entity, change.based_on) == (decision.answer["marketingConsent"], None)


@pytest.mark.rule("create-duplicate-conflicts")
@pytest.mark.parametrize(("channel", "kind"), [("EMAIL", "email address"), ("PHONE", "phone number")])
@every_state
def test_create_of_a_known_identifier_is_already_exists(refusal, sent, stored, state, channel, kind):
    body = {"marketingConsent": sent("CONFIRMED", channel)}
    refused = refusal("createMarketingConsent", body, found=[stored(state, channel)])
    assert (refused.status, refused.code) == (409, "ALREADY_EXISTS")
    assert refused.message == f"This {kind} has a marketing consent already. Use upsert to change it."
    assert refused.data == {"id": stored()["id"]}


@pytest.mark.rule("read-only-ignored")
@pytest.mark.parametrize("operation", ["createMarketingConsent", "upsertMarketingConsent"])
def test_read_only_fields_of_a_new_consent_are_the_servers(decide, sent, operation):
    claimed = {"id": "mine", "revision": "9", "createdDate": "then", "updatedDate": "then"}
    made = decide(operation, {"marketingConsent": sent(**claimed)}).answer["marketingConsent"]
    assert not {made[name] for name in claimed} & set(claimed.values())


# ---- upsert and update ---------------------------------------------------------------------------


@pytest.mark.rule("upsert-finds-by-identifier", "state-follows-request", "new-consent-may-be-unknown")
@every_state
@every_channel
@every_level
def test_upsert_of_an_unknown_identifier_creates_the_state_asked_for(decide, sent, state, channel, level):
    consent = sent(state, channel, lastConfirmationActivity={"optInLevel": level})
    decision = decide("upsertMarketingConsent", {"marketingConsent": consent})
    made = decision.answer["marketingConsent"]
    assert (made["state"], made["lastConfirmationActivity"]["optInLevel"]) == (state, level)
    assert [change.kind for change in decision.changes] == ["created"]


@pytest.mark.rule("state-follows-request", "email-keeps-state-on-unknown", "phone-becomes-unknown")
@every_transition
@every_channel
@pytest.mark.parametrize("operation", ["upsertMarketingConsent", "updateMarketingConsent"])
def test_every_transition_is_allowed_but_an_email_never_becomes_unknown(
    decide, sent, stored, before, wanted, channel, operation
):
    body = {"marketingConsent": sent(wanted, channel)}
    after = decide(operation, body, found=[stored(before, channel)]).answer["marketingConsent"]
    assert after["state"] == _after(before, wanted, channel)


@pytest.mark.rule("upsert-finds-by-identifier")
def test_upsert_of_a_known_identifier_keeps_id_and_creation_date(decide, sent, stored):
    body = {"marketingConsent": sent("REVOKED")}
    decision = decide("upsertMarketingConsent", body, found=[stored("CONFIRMED")])
    after = decision.answer["marketingConsent"]
    assert (after["id"], after["createdDate"]) == (stored()["id"], stored()["createdDate"])
    assert [(change.kind, change.based_on, change.entity) for change in decision.changes] == [
        ("updated", "3", after)
    ]


@pytest.mark.rule("revision-counts-changes")
@pytest.mark.parametrize("operation", ["upsertMarketingConsent", "updateMarketingConsent"])
def test_each_change_adds_1_to_the_revision_even_beyond_9(decide, sent, stored, operation):
    body = {"marketingConsent": sent("REVOKED")}
    after = decide(operation, body, found=[stored(revision="99")]).answer["marketingConsent"]
    assert after["revision"] == "100"


@pytest.mark.rule("updated-date-never-goes-back")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("2023-01-01T00:00:00.000Z", NOW, id="past: now"),
        pytest.param("2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000Z", id="future: stays"),
        pytest.param("2024-05-01T11:00:00.000+05:00", NOW, id="past in another zone: now"),
        pytest.param("2024-05-01T04:00:00-05:00", "2024-05-01T04:00:00-05:00", id="future in another zone: stays"),
    ],
)
def test_the_updated_date_moves_to_now_and_never_back(decide, sent, stored, before, after):
    body = {"marketingConsent": sent("REVOKED")}
    decision = decide("upsertMarketingConsent", body, found=[stored(updatedDate=before)])
    assert decision.answer["marketingConsent"]["updatedDate"] == after


@pytest.mark.rule("no-change-no-revision")
@pytest.mark.parametrize("operation", ["upsertMarketingConsent", "updateMarketingConsent"])
@every_state
def test_unknown_state_that_changes_nothing_of_an_email_writes_nothing(decide, sent, stored, state, operation):
    before = stored(state)
    decision = decide(operation, {"marketingConsent": sent("UNKNOWN_STATE")}, found=[before])
    assert (decision.answer["marketingConsent"], decision.changes) == (before, ())


@pytest.mark.rule("no-change-no-revision")
def test_unknown_state_with_another_change_is_a_change(decide, sent, stored):
    consent = sent("UNKNOWN_STATE", extendedFields={"namespaces": {"@shop": {"vip": False}}})
    decision = decide("upsertMarketingConsent", {"marketingConsent": consent}, found=[stored("PENDING")])
    assert (decision.answer["marketingConsent"]["revision"], len(decision.changes)) == ("4", 1)


@pytest.mark.rule("revision-must-match")
@pytest.mark.parametrize("revision", ["3", 3, None], ids=["text", "number", "absent"])
def test_an_update_with_the_stored_revision_or_none_succeeds(decide, sent, stored, revision):
    body = {"marketingConsent": sent("REVOKED", revision=revision)}
    after = decide("updateMarketingConsent", body, found=[stored(revision="3")]).answer["marketingConsent"]
    assert after["revision"] == "4"


@pytest.mark.rule("revision-must-match")
@pytest.mark.parametrize("revision", ["2", 2, "4", 0], ids=["older", "older number", "newer", "zero"])
def test_an_update_with_another_revision_conflicts(refusal, sent, stored, revision):
    body = {"marketingConsent": sent("REVOKED", revision=revision)}
    refused = refusal("updateMarketingConsent", body, found=[stored(revision="3")])
    assert (refused.status, refused.code) == (409, "INVALID_REVISION")
    assert refused.message == f"The consent has revision 3, not {revision}. Read it again, then update."
    assert refused.data == {"currentRevision": "3"}


@pytest.mark.rule("read-only-ignored")
def test_an_upsert_does_not_look_at_the_revision(decide, sent, stored):
    body = {"marketingConsent": sent("REVOKED", revision="77")}
    after = decide("upsertMarketingConsent", body, found=[stored(revision="3")]).answer["marketingConsent"]
    assert after["revision"] == "4"


@pytest.mark.rule("details-cannot-change")
@pytest.mark.parametrize(
    ("channel", "other", "key"),
    [
        pytest.param("EMAIL", {"email": "eve@example.com"}, "email", id="another address"),
        pytest.param("PHONE", {"phone": "+19173333333"}, "phone", id="another number"),
        pytest.param("EMAIL", {"phone": "+19172222222"}, "email", id="another channel"),
    ],
)
def test_an_update_with_other_details_is_invalid(refusal, sent, stored, details, channel, other, key):
    body = {"marketingConsent": sent("REVOKED", details=details(**other))}
    refused = refusal("updateMarketingConsent", body, found=[stored("CONFIRMED", channel)])
    violation = refused.violations[0]
    assert (refused.status, violation.field) == (400, "marketingConsent.details")
    assert violation.problem.startswith(f"must repeat the {key} that is stored")


@pytest.mark.rule("email-compared-trimmed-lower-case", "details-cannot-change")
@pytest.mark.parametrize("spelling", ["ADA@Example.com", "  ada@example.com ", " Ada@EXAMPLE.com"])
def test_an_update_may_spell_the_address_otherwise_and_leaves_it_as_stored(
    decide, sent, stored, details, spelling
):
    body = {"marketingConsent": sent("REVOKED", details=details(email=spelling))}
    after = decide("updateMarketingConsent", body, found=[stored()]).answer["marketingConsent"]
    assert after["details"] == stored()["details"]


@pytest.mark.rule("link-by-state")
@every_state
@every_channel
@pytest.mark.parametrize("operation", ["upsertMarketingConsent", "updateMarketingConsent"])
def test_the_link_follows_from_the_state_after_the_call(decide, sent, stored, state, channel, operation):
    answer = decide(
        operation, {"marketingConsent": sent(state, channel)}, found=[stored("NEVER_CONFIRMED", channel)]
    ).answer
    kind = LINKS.get(answer["marketingConsent"]["state"])
    url = f"https://site/{kind}/{stored()['id']}/None"
    assert answer.get("link") == (kind and {"type": kind, "url": url})


@pytest.mark.rule("link-by-state")
def test_create_answers_with_a_revoke_link(decide, sent):
    answer = decide("createMarketingConsent", {"marketingConsent": sent()}).answer
    assert answer["link"] == {"type": "REVOKE_CONFIRMATION", "url": "https://site/REVOKE_CONFIRMATION/id-1/None"}


# ---- remove and delete ---------------------------------------------------------------------------


@pytest.mark.rule("remove-revokes", "remove-again-succeeds")
@every_state
@every_channel
def test_remove_revokes_from_every_state(decide, stored, details, state, channel):
    earlier = {"source": "FORM", "updatedDate": "2023-01-02T00:00:00Z"}
    before = stored(state, channel, lastRevokeActivity=earlier if state == "REVOKED" else None)
    body = {"details": details(channel), "lastRevokeActivity": {"source": "IN_PERSON", "description": "Asked."}}
    decision = decide("removeMarketingConsent", body, found=[before])
    after = decision.answer["marketingConsent"]
    assert (after["state"], after["revision"]) == ("REVOKED", "4")
    assert after["lastRevokeActivity"] == {"source": "IN_PERSON", "description": "Asked.", "updatedDate": NOW}
    assert [(change.kind, change.based_on) for change in decision.changes] == [("updated", "3")]


@pytest.mark.rule("remove-revokes")
def test_remove_keeps_the_confirmation_and_the_extended_fields_and_answers_no_link(decide, stored, details):
    body = {"details": details(), "lastRevokeActivity": {}}
    answer = decide("removeMarketingConsent", body, found=[stored()]).answer
    kept = ("lastConfirmationActivity", "extendedFields", "details", "createdDate", "id")
    assert {name: answer["marketingConsent"][name] for name in kept} == {name: stored()[name] for name in kept}
    assert list(answer) == ["marketingConsent"]


@pytest.mark.rule("delete-is-final")
@every_state
@every_channel
def test_delete_answers_an_empty_object_and_takes_the_last_revision_away(decide, stored, state, channel):
    before = stored(state, channel)
    decision = decide("deleteMarketingConsent", found=[before])
    assert decision.answer == {}
    assert [(change.kind, change.entity, change.based_on) for change in decision.changes] == [
        ("deleted", before, "3")
    ]


@pytest.mark.rule(
    "malformed-id-not-found", "get-by-unknown-not-found", "remove-unknown-not-found", "delete-is-final"
)
@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        ("getMarketingConsent", "malformed-id-not-found"),
        ("updateMarketingConsent", "malformed-id-not-found"),
        ("deleteMarketingConsent", "delete-is-final"),
        ("removeMarketingConsent", "remove-unknown-not-found"),
        ("getMarketingConsentByIdentifier", "get-by-unknown-not-found"),
    ],
)
def test_what_is_not_there_is_not_found(refusal, sent, operation, rule):
    body = {"marketingConsent": sent(), "details": sent()["details"], "lastRevokeActivity": {}}
    refused = refusal(operation, body, type="EMAIL", email="ada@example.com")
    assert (refused.status, refused.code, refused.rule) == (404, "NOT_FOUND", rule)
    assert refused.message.startswith("Marketing consent not found: no consent of this site has ")
