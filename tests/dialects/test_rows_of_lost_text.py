"""Rows about text that the pages lost: the contract says it in words, and the server does it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS

from wixture.contracts.document import Contract
from wixture.contracts.validation import own_contract

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
STATES = ["UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED"]
IDENTIFIERS = {
    "EMAIL": ({"type": "EMAIL", "email": "ada@example.com"}, "type=EMAIL&email=ada@example.com"),
    "PHONE": ({"type": "PHONE", "phone": "+19172222222"}, "type=PHONE&phone=%2B19172222222"),
}
GET_BY = "/paths/~1marketing-consent~1v1~1marketing-consent~1get-by/get/description"


# ---- what the two APIs can do --------------------------------------------------------------------

ABILITIES = {
    "Marketing Consent": {
        "createMarketingConsent",
        "getMarketingConsent",
        "getMarketingConsentByIdentifier",
        "updateMarketingConsent",
        "removeMarketingConsent",
        "deleteMarketingConsent",
        "queryMarketingConsent",
        "upsertMarketingConsent",
        "bulkUpsertMarketingConsent",
    },
    "Loyalty Social Media": {"listFollowedChannels", "createFollowedChannel"},
}


@pytest.mark.row("lost-list-of-abilities")
@pytest.mark.parametrize(("api_name", "operations"), ABILITIES.items(), ids=list(ABILITIES))
def test_the_contract_has_an_operation_for_every_ability(api_name, operations):
    contract: Contract = own_contract("openapi").contract
    assert {operation.operation_id for operation in contract.tagged(api_name)} == operations


@pytest.mark.row("lost-list-of-abilities")
def test_the_server_does_all_of_it(api, consent, update, upsert):
    details = IDENTIFIERS["EMAIL"][0]
    stored = api.create()
    answers = [
        update(stored),
        upsert(),
        api.call("GET", f"{CONSENTS}/{stored['id']}"),
        api.call("GET", f"{CONSENTS}/get-by", query=IDENTIFIERS["EMAIL"][1]),
        api.call("POST", f"{CONSENTS}/query", {"query": {}}),
        api.call("POST", BULK, {"info": [consent()]}),
        api.call("POST", f"{CONSENTS}/remove", {"details": details, "lastRevokeActivity": {}}),
        api.call("DELETE", f"{CONSENTS}/{stored['id']}"),
        api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER"),
        api.call("GET", CHANNELS, identity="MEMBER"),
    ]
    assert [answer.status for answer in answers] == [200] * len(answers)
    done = {exchange["operationId"] for exchange in api.control("GET", "/exchanges").json["exchanges"]}
    assert set().union(*ABILITIES.values()) <= done


# ---- eligibility ---------------------------------------------------------------------------------

GRANTED = {
    ("REVOKED", "EMAIL"): False,
    ("REVOKED", "PHONE"): False,
    ("NEVER_CONFIRMED", "EMAIL"): True,
    ("NEVER_CONFIRMED", "PHONE"): False,
    ("CONFIRMED", "EMAIL"): True,
    ("CONFIRMED", "PHONE"): True,
}


def eligibility(api: Any, upsert: Any, state: str, channel: str) -> dict[str, Any]:
    details, query = IDENTIFIERS[channel]
    upsert(state, details=details)
    answer: dict[str, Any] = api.call("GET", f"{CONSENTS}/get-by", query=query).json
    assert answer["marketingConsent"]["state"] == state
    return answer["communicationEligibility"]


@pytest.mark.row("lost-eligibility-condition", "lost-never-confirmed-heading")
@pytest.mark.parametrize(("state", "channel"), GRANTED, ids="-".join)
def test_eligibility_follows_from_state_and_channel(api, upsert, state, channel):
    found = eligibility(api, upsert, state, channel)
    assert found["granted"] is GRANTED[state, channel]
    assert (found["revokeConfirmationLink"] is not None) is found["granted"]


@pytest.mark.row("lost-eligibility-condition")
@pytest.mark.parametrize("channel", IDENTIFIERS)
def test_a_revoked_consents_reason_says_that_the_visitor_revoked_it(api, upsert, channel):
    assert "visitor has revoked" in eligibility(api, upsert, "REVOKED", channel)["reason"]


@pytest.mark.row("lost-never-confirmed-heading")
def test_the_reason_of_one_that_was_never_confirmed_speaks_of_the_phone_number(api, upsert):
    reason = eligibility(api, upsert, "NEVER_CONFIRMED", "PHONE")["reason"]
    assert "never confirmed" in reason
    assert "phone number" in reason


@pytest.mark.row("lost-eligibility-condition", "lost-never-confirmed-heading")
def test_the_contract_says_which_states_are_eligible_and_by_which_channel(contract_at):
    described = " ".join(contract_at(GET_BY).split())
    assert "follows from state and channel" in described
    assert re.search(r"\bCONFIRMED is granted,", described)
    assert "NEVER_CONFIRMED and UNKNOWN_STATE are granted for email alone" in described
    assert "REVOKED and PENDING are not" in described


# ---- the flows -----------------------------------------------------------------------------------


@pytest.mark.row("lost-confirmation-flow")
def test_an_upsert_answers_pending_with_a_link_to_confirm_and_an_update_confirms(api, upsert, update):
    asked = upsert("PENDING", lastConfirmationActivity={"optInLevel": "DOUBLE_CONFIRMATION"}).json
    assert asked["marketingConsent"]["state"] == "PENDING"
    assert asked["link"]["type"] == "CONFIRMATION"
    confirmed = update(asked["marketingConsent"], "CONFIRMED").json
    assert confirmed["marketingConsent"]["state"] == "CONFIRMED"
    assert confirmed["link"]["type"] == "REVOKE_CONFIRMATION"


@pytest.mark.row("lost-confirmation-flow")
def test_the_contract_says_what_the_link_of_a_pending_consent_does_and_shows_it(contract_at):
    operation = contract_at("/paths/~1marketing-consent~1v1~1marketing-consent~1upsert/post")
    assert "confirmation link while PENDING" in " ".join(operation["description"].split())
    shown = operation["responses"]["200"]["content"]["application/json"]["examples"]["pending"]["value"]
    assert (shown["marketingConsent"]["state"], shown["link"]["type"]) == ("PENDING", "CONFIRMATION")
    update = contract_at("/paths/~1marketing-consent~1v1~1marketing-consent~1{marketingConsentId}/patch")
    confirms = update["requestBody"]["content"]["application/json"]["examples"]["confirm"]["value"]
    assert confirms["marketingConsent"]["state"] == "CONFIRMED"
    assert "click on a link" in contract_at("/webhooks/marketing_consent_updated/post/description")


@pytest.mark.row("lost-sync-flow")
def test_a_list_and_then_each_created_event_tell_what_is_followed(api, follow, event, accepts, contract_at):
    first = follow("X").json["followedChannel"]
    assert api.call("GET", CHANNELS, identity="MEMBER").json == {"followedChannels": [first]}
    second = follow("TIKTOK").json["followedChannel"]
    created = event("created", second, {"createdEvent": {"entity": second}})
    assert accepts("FollowedChannelCreatedEvent", created)
    webhook = contract_at("/webhooks/followed_channel_created/post")
    assert "every successful createFollowedChannel" in webhook["description"]
    assert webhook["x-event-type"] == f"{created['entityFqdn']}_{created['slug']}"


# ---- the terminology -----------------------------------------------------------------------------


@pytest.mark.row("lost-terminology-breaks")
def test_the_contract_has_the_five_states_and_no_other(accepts, contract_at):
    assert set(contract_at("/components/schemas/State/enum")) == set(STATES)
    assert [state for state in (*STATES, "UNKNOWN", "DELETED", "REMOVED") if accepts("State", state)] == STATES


@pytest.mark.row("lost-terminology-breaks")
@pytest.mark.parametrize("state", STATES)
def test_each_state_can_be_stored_read_and_found(api, upsert, state):
    stored = upsert(state, details=IDENTIFIERS["PHONE"][0]).json["marketingConsent"]
    assert stored["state"] == state
    for sought in STATES:
        page = api.call("POST", f"{CONSENTS}/query", {"query": {"filter": {"state": sought}}}).json
        assert page["marketingConsent"] == ([stored] if sought == state else [])
