"""Rows about names and shapes in bodies: the server sends and takes the chosen one, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import CONSENTS

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
BY_EMAIL = "type=EMAIL&email=ada@example.com"
PHONE = {"type": "PHONE", "phone": "+19172222222"}
GUID = "f0000000-0000-4000-8000-000000000001"
NOW = "2024-01-31T08:00:00.000Z"


# ---- eligibility ---------------------------------------------------------------------------------


@pytest.mark.row("eligibility-grated", "eligibility-capital-c")
@pytest.mark.parametrize(("state", "granted"), [("CONFIRMED", True), ("REVOKED", False)])
def test_an_eligibility_stands_under_a_small_c_and_says_granted(api, upsert, state, granted):
    upsert(state)
    answer = api.call("GET", f"{CONSENTS}/get-by", query=BY_EMAIL).json
    assert answer.keys() == {"marketingConsent", "communicationEligibility"}
    assert answer["communicationEligibility"].keys() == {"granted", "revokeConfirmationLink", "reason"}
    assert answer["communicationEligibility"]["granted"] is granted


@pytest.mark.row("eligibility-grated", "eligibility-capital-c")
def test_the_contract_knows_an_eligibility_by_no_other_name(api, accepts):
    api.create()
    answer = api.call("GET", f"{CONSENTS}/get-by", query=BY_EMAIL).json
    eligibility = answer.pop("communicationEligibility")
    schema = "GetMarketingConsentByIdentifierResponse"
    assert accepts(schema, {**answer, "communicationEligibility": eligibility})
    assert not accepts(schema, {**answer, "CommunicationEligibility": eligibility})
    assert not accepts("CommunicationEligibility", {"grated": True, "reason": ""})


@pytest.mark.row("eligibility-reason-empty")
def test_a_reason_is_empty_when_granted_and_says_something_when_not(api, upsert):
    def reason() -> str:
        answer = api.call("GET", f"{CONSENTS}/get-by", query=BY_EMAIL).json
        return answer["communicationEligibility"]["reason"]

    upsert("CONFIRMED")
    assert reason() == ""
    for state, words in [("REVOKED", "revoked"), ("PENDING", "not confirmed")]:
        upsert(state)
        assert words in reason()


# ---- consents ------------------------------------------------------------------------------------


@pytest.mark.row("entity-dates-snake-case", "activity-date-snake-case")
def test_dates_are_answered_in_camel_case(api, upsert):
    stored = upsert(lastConfirmationActivity={"updatedDate": "2023-05-01T00:00:00Z"}).json["marketingConsent"]
    read = api.call("GET", f"{CONSENTS}/get-by", query=BY_EMAIL).json["marketingConsent"]
    assert read == stored
    assert (stored["createdDate"], stored["updatedDate"]) == (NOW, NOW)
    assert stored["lastConfirmationActivity"]["updatedDate"] == "2023-05-01T00:00:00Z"
    assert "_date" not in str(stored)


@pytest.mark.row("get-by-email-under-phone")
def test_an_address_is_found_under_email_and_a_number_under_phone(api):
    api.create()
    api.create(details=PHONE)
    found = api.call("GET", f"{CONSENTS}/get-by", query=BY_EMAIL).json["marketingConsent"]
    assert found["details"] == {"type": "EMAIL", "email": "ada@example.com"}
    found = api.call("GET", f"{CONSENTS}/get-by", query="type=PHONE&phone=%2B19172222222").json["marketingConsent"]
    assert found["details"] == PHONE


@pytest.mark.row("get-by-email-under-phone")
@pytest.mark.parametrize(
    "details",
    [
        {"type": "EMAIL", "phone": "ada@example.com"},
        {"type": "EMAIL", "phone": "+19172222222"},
        {"type": "PHONE", "email": "ada@example.com"},
    ],
    ids=["an address as phone", "a number for EMAIL", "an address for PHONE"],
)
def test_an_identifier_under_the_other_key_is_refused(upsert, accepts, details):
    assert upsert(details=details).status == 400
    assert not accepts("MarketingConsentDetails", details)


@pytest.mark.row("extended-fields-empty")
def test_extended_fields_are_an_empty_object_until_there_are_some(api):
    assert api.create()["extendedFields"] == {}
    fields = {"namespaces": {"@shop/app": {"vip": True}}}
    assert api.create("b@example.com", extendedFields=fields)["extendedFields"] == fields


@pytest.mark.row("extended-fields-empty")
def test_the_contract_takes_extended_fields_with_and_without_namespaces(accepts):
    assert accepts("ExtendedFields", {})
    assert accepts("ExtendedFields", {"namespaces": {}})
    assert not accepts("ExtendedFields", {"vip": True})


# ---- update: revisions and masks -----------------------------------------------------------------


@pytest.mark.row("revision-sent-as-number")
@pytest.mark.parametrize("sent", [1, "1"], ids=["a number", "a text"])
def test_a_revision_is_taken_as_number_or_text_and_answered_as_text(api, update, sent):
    answer = update(api.create(), revision=sent)
    assert answer.status == 200, answer.json
    assert answer.json["marketingConsent"]["revision"] == "2"


@pytest.mark.row("revision-sent-as-number")
@pytest.mark.parametrize("stale", [3, "3"], ids=["a number", "a text"])
def test_a_stale_revision_conflicts_in_either_form(api, update, stale):
    answer = update(api.create(), revision=stale)
    assert (answer.status, answer.code) == (409, "INVALID_REVISION")


@pytest.mark.row("revision-sent-as-number")
def test_the_contract_answers_no_number_as_revision(accepts):
    assert accepts("Revision", "3")
    assert not accepts("Revision", 3)


MASKS: dict[str, Any] = {
    "text": "state,lastRevokeActivity.source",
    "list": ["state", "lastRevokeActivity.source"],
    "object": {"paths": ["state", "lastRevokeActivity.source"]},
}


@pytest.mark.row("update-mask-as-object")
@pytest.mark.parametrize("mask", MASKS.values(), ids=list(MASKS))
def test_all_forms_of_a_mask_change_the_same(api, update, mask):
    stored = api.create(lastConfirmationActivity={"source": "FORM", "description": "At the door."})
    sent = {
        "lastConfirmationActivity": {"source": "OTHER"},
        "lastRevokeActivity": {"source": "IN_PERSON", "description": "Not named."},
    }
    changed = update(stored, "REVOKED", mask=mask, **sent).json["marketingConsent"]
    assert changed == {
        **stored,
        "state": "REVOKED",
        "revision": "2",
        "lastRevokeActivity": {"source": "IN_PERSON", "updatedDate": NOW},
    }


@pytest.mark.row("update-mask-as-object")
def test_without_a_mask_everything_sent_changes(api, update):
    activity = {"source": "IN_PERSON", "description": "All of it."}
    changed = update(api.create(), "REVOKED", lastRevokeActivity=activity).json["marketingConsent"]
    assert changed["lastRevokeActivity"] == {**activity, "updatedDate": NOW}


# ---- queries and bulk ----------------------------------------------------------------------------


@pytest.mark.row("query-list-key-singular")
def test_a_page_stands_under_a_key_in_the_singular(api, accepts):
    stored = api.create()
    answer = api.call("POST", f"{CONSENTS}/query", {"query": {}}).json
    assert answer.keys() == {"marketingConsent", "pagingMetadata"}
    assert answer["marketingConsent"] == [stored]
    answer["marketingConsents"] = answer.pop("marketingConsent")
    assert not accepts("QueryMarketingConsentResponse", answer)


@pytest.mark.row("bulk-counters-singular")
def test_a_bulk_answer_has_its_two_counters_and_no_third(api, consent, accepts):
    info = [consent(), consent(details=PHONE), {"state": "CONFIRMED"}]
    answer = api.call("POST", BULK, {"info": info}).json
    assert answer["metadata"] == {"totalSuccess": 2, "totalFailure": 1}
    for other in ("totalSuccesses", "totalFailures", "undetailedFailures"):
        assert not accepts("BulkUpsertMetadata", {**answer["metadata"], other: 0})


@pytest.mark.row("bulk-results-partial")
def test_every_result_of_a_bulk_call_is_the_full_consent(api, consent):
    info = [consent(), consent(details=PHONE), consent("PENDING", details={"type": "EMAIL", "email": "b@c.de"})]
    results = api.call("POST", BULK, {"info": info}).json["results"]
    for result in results:
        answered = result["marketingConsent"]
        assert answered == api.call("GET", f"{CONSENTS}/{answered['id']}").json["marketingConsent"]
        assert (answered["revision"], answered["createdDate"], answered["updatedDate"]) == ("1", NOW, NOW)
    assert [result["originalIndex"] for result in results] == [0, 1, 2]


# ---- webhooks ------------------------------------------------------------------------------------


@pytest.mark.row("deleted-event-moved-to-trash")
@pytest.mark.parametrize("moved", [{}, {"movedToTrash": False}, {"movedToTrash": True}], ids=str)
@pytest.mark.parametrize("with_entity", [False, True], ids=["no entity", "the entity"])
def test_a_deleted_event_may_have_both_fields_one_or_none(api, event, accepts, moved, with_entity):
    stored = api.create()
    body = {**moved, **({"deletedEntity": stored} if with_entity else {})}
    assert accepts("MarketingConsentDeletedEvent", event("deleted", stored, {"deletedEvent": body}))
    assert not accepts("MarketingConsentDeletedEvent", event("deleted", stored, {"deletedEvent": {"entity": 1}}))


@pytest.mark.row("webhook-claims-as-objects")
@pytest.mark.parametrize(
    ("schema", "whole", "text"),
    [
        ("WebhookClaims", {"data": "{}"}, "data"),
        ("MessageEnvelope", {"eventType": "e", "instanceId": GUID, "data": "{}", "identity": "{}"}, "data"),
        ("MessageEnvelope", {"eventType": "e", "instanceId": GUID, "data": "{}", "identity": "{}"}, "identity"),
    ],
    ids=["the claims' data", "the envelope's data", "the identity"],
)
def test_an_object_is_refused_where_a_text_travels(accepts, contract_at, schema, whole, text):
    assert accepts(schema, whole)
    assert not accepts(schema, {**whole, text: {}})
    declared = contract_at(f"/components/schemas/{schema}/properties/{text}")
    assert (declared["type"], declared["contentMediaType"]) == ("string", "application/json")


ID_OF = {"ANONYMOUS_VISITOR": "anonymousVisitorId", "MEMBER": "memberId", "WIX_USER": "wixUserId", "APP": "appId"}


@pytest.mark.row("webhook-identity-all-ids")
@pytest.mark.parametrize(("kind", "own"), ID_OF.items(), ids=list(ID_OF))
def test_an_identity_has_its_own_id_and_none_beside_it(accepts, kind, own):
    assert accepts("IdentificationData", {"identityType": kind, own: GUID})
    for other in set(ID_OF.values()) - {own}:
        assert not accepts("IdentificationData", {"identityType": kind, own: GUID, other: GUID})
    assert not accepts("IdentificationData", {"identityType": kind, **dict.fromkeys(ID_OF.values(), GUID)})


@pytest.mark.row("webhook-identity-all-ids")
def test_the_identities_are_the_four_and_an_unknown_one(contract_at):
    declared = contract_at("/components/schemas/IdentificationData/properties/identityType/enum")
    assert set(declared) == {*ID_OF, "UNKNOWN"}
    assert "exactly the one ID" in contract_at("/components/schemas/IdentificationData/description")
