"""What a bulk upsert decides: a result for each consent, in order, each on what the ones before it left."""

from __future__ import annotations

import itertools

import pytest

STATES = ("UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED")
LINKS = {"PENDING": "CONFIRMATION", "CONFIRMED": "REVOKE_CONFIRMATION"}
BULK = "bulkUpsertMarketingConsent"


@pytest.mark.rule("state-follows-request", "email-keeps-state-on-unknown", "phone-becomes-unknown")
@pytest.mark.parametrize(("before", "wanted"), list(itertools.product(STATES, STATES)))
@pytest.mark.parametrize("channel", ["EMAIL", "PHONE"])
def test_every_transition_is_allowed_but_an_email_never_becomes_unknown(
    decide, sent, stored, before, wanted, channel
):
    decision = decide(BULK, {"info": [sent(wanted, channel)]}, found=[stored(before, channel)])
    kept = (channel, wanted) == ("EMAIL", "UNKNOWN_STATE")
    assert decision.answer["results"][0]["marketingConsent"]["state"] == (before if kept else wanted)


@pytest.mark.rule("link-by-state", "new-consent-may-be-unknown")
@pytest.mark.parametrize("state", STATES)
def test_each_result_has_the_link_of_its_state(decide, sent, state):
    result = decide(BULK, {"info": [sent(state)]}).answer["results"][0]
    assert result["marketingConsent"]["state"] == state
    assert result.get("link", {}).get("type") == LINKS.get(state)


@pytest.mark.rule("bulk-in-order")
def test_results_and_changes_stand_in_the_order_of_the_request(decide, sent, details):
    addresses = [f"{name}@example.com" for name in "cabd"]
    decision = decide(BULK, {"info": [sent(details=details(email=address)) for address in addresses]})
    results = decision.answer["results"]
    assert [result["originalIndex"] for result in results] == [0, 1, 2, 3]
    assert [result["marketingConsent"]["details"]["email"] for result in results] == addresses
    assert [change.entity["details"]["email"] for change in decision.changes] == addresses


@pytest.mark.rule("bulk-in-order", "consent-one-per-identifier", "email-compared-trimmed-lower-case")
def test_the_same_new_address_twice_is_created_then_updated(decide, sent, details):
    twice = [
        sent("PENDING", details=details(email="Ada@example.com")),
        sent("CONFIRMED", details=details(email=" ada@EXAMPLE.com")),
    ]
    decision = decide(BULK, {"info": twice})
    first, second = (result["marketingConsent"] for result in decision.answer["results"])
    assert (first["id"], first["revision"]) == (second["id"], "1")
    assert (second["revision"], second["state"]) == ("2", "CONFIRMED")
    assert second["details"]["email"] == "Ada@example.com"
    assert [(change.kind, change.based_on) for change in decision.changes] == [("created", None), ("updated", "1")]


@pytest.mark.rule("bulk-in-order")
def test_a_known_consent_that_stands_twice_moves_on_from_revision_to_revision(decide, sent, stored):
    decision = decide(BULK, {"info": [sent("REVOKED"), sent("CONFIRMED")]}, found=[stored(revision="3")])
    assert [(change.entity["revision"], change.based_on) for change in decision.changes] == [
        ("4", "3"),
        ("5", "4"),
    ]


@pytest.mark.rule("bulk-item-error")
def test_a_bad_consent_is_a_result_with_its_error_and_the_others_go_on(decide, sent, details):
    good = [sent(details=details(email=f"{name}@example.com")) for name in "ab"]
    decision = decide(BULK, {"info": [good[0], {"details": 5}, good[1]]}, errors={1: "details must be an object"})
    assert decision.answer["results"][1] == {"originalIndex": 1, "error": "details must be an object"}
    assert decision.answer["metadata"] == {"totalSuccess": 2, "totalFailure": 1}
    assert len(decision.changes) == 2


@pytest.mark.rule("bulk-item-error")
def test_a_bulk_of_bad_consents_alone_writes_nothing(decide):
    decision = decide(BULK, {"info": [1, None]}, errors={0: "no", 1: "no"})
    assert decision.answer["metadata"] == {"totalSuccess": 0, "totalFailure": 2}
    assert decision.changes == ()


@pytest.mark.rule("no-change-no-revision")
def test_a_consent_that_changes_nothing_succeeds_without_a_write(decide, sent, stored):
    decision = decide(BULK, {"info": [sent("UNKNOWN_STATE")]}, found=[stored("PENDING")])
    assert decision.answer["metadata"] == {"totalSuccess": 1, "totalFailure": 0}
    assert decision.changes == ()


def test_changes_say_what_kind_of_entity_they_write(decide, sent, stored):
    consents = [sent("REVOKED"), sent("PENDING", "PHONE")]
    decision = decide(BULK, {"info": consents}, found=[stored()])
    assert [(change.kind, change.entity_type) for change in decision.changes] == [
        ("updated", "marketing_consent"),
        ("created", "marketing_consent"),
    ]
