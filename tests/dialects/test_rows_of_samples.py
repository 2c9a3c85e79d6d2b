"""Rows about samples that break the page's own rules, and about texts that vary: what the server does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import CONSENTS

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
NOW = "2024-01-31T08:00:00.000Z"
LINK_OF = {
    "PENDING": "CONFIRMATION",
    "CONFIRMED": "REVOKE_CONFIRMATION",
    "REVOKED": None,
    "NEVER_CONFIRMED": None,
}


# ---- activities and details ----------------------------------------------------------------------


@pytest.mark.row("update-revokes-without-activity")
def test_an_update_that_revokes_without_its_activity_changes_nothing(api, update):
    stored = api.create()
    answer = update(stored, "REVOKED", lastConfirmationActivity={"source": "FORM"}, lastRevokeActivity=None)
    assert answer.status == 400
    found = answer.violations["marketingConsent.lastRevokeActivity"]
    assert found["data"]["rule"] == "revoke-activity-required"
    assert api.state()["marketingConsents"] == [stored]


@pytest.mark.row("remove-without-activity")
def test_a_remove_without_its_activity_changes_nothing(api):
    stored = api.create()
    answer = api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL})
    assert answer.status == 400
    assert answer.violations.keys() == {"lastRevokeActivity"}
    assert api.state()["marketingConsents"] == [stored]


@pytest.mark.row("revoked-without-revoke-activity", "activities-below-info")
@pytest.mark.parametrize("way", ["update", "upsert", "remove"])
def test_a_revoked_consent_is_answered_with_both_activities(api, upsert, update, way):
    stored = api.create(lastConfirmationActivity={"source": "IN_PERSON"})
    revoke = {"source": "FORM", "description": "By mail."}
    ways: dict[str, Any] = {
        "update": lambda: update(stored, "REVOKED", lastRevokeActivity=revoke),
        "upsert": lambda: upsert("REVOKED", lastRevokeActivity=revoke),
        "remove": lambda: api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": revoke}),
    }
    answered = ways[way]().json["marketingConsent"]
    assert answered["lastRevokeActivity"] == {**revoke, "updatedDate": NOW}
    assert answered["lastConfirmationActivity"] == stored["lastConfirmationActivity"]
    assert api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"] == [answered]


@pytest.mark.row("mask-without-details")
def test_details_are_required_in_an_update(api, update):
    answer = update(api.create(), details=None, mask="state")
    assert answer.violations.keys() == {"marketingConsent.details"}


@pytest.mark.row("mask-without-details")
@pytest.mark.parametrize(
    "mask", [None, "state", "details.email"], ids=["no mask", "without details", "with details"]
)
def test_details_do_not_change_by_an_update(api, update, mask):
    stored = api.create()
    answer = update(stored, details={**EMAIL, "email": "eve@example.com"}, mask=mask)
    assert answer.violations["marketingConsent.details"]["data"]["rule"] == "details-cannot-change"
    assert api.state()["marketingConsents"] == [stored]


# ---- states, levels and links --------------------------------------------------------------------


@pytest.mark.row("create-confirms-double-opt-in", "unknown-level-when-confirmed")
@pytest.mark.parametrize("level", ["UNKNOWN_OPT_IN_LEVEL", "SINGLE_CONFIRMATION", "DOUBLE_CONFIRMATION"])
def test_create_confirms_whatever_the_level_and_keeps_it(api, level):
    stored = api.create(lastConfirmationActivity={"optInLevel": level})
    assert (stored["state"], stored["lastConfirmationActivity"]["optInLevel"]) == ("CONFIRMED", level)


@pytest.mark.row("unknown-level-when-confirmed")
def test_a_level_that_is_not_named_is_the_unknown_one_and_another_word_is_refused(upsert, accepts):
    stored = upsert("CONFIRMED").json["marketingConsent"]
    assert stored["lastConfirmationActivity"]["optInLevel"] == "UNKNOWN_OPT_IN_LEVEL"
    assert accepts("OptInLevel", "UNKNOWN_OPT_IN_LEVEL")
    assert upsert(lastConfirmationActivity={"optInLevel": "TRIPLE_CONFIRMATION"}).status == 400


@pytest.mark.row("state-default-never-applies", "create-confirms-double-opt-in")
@pytest.mark.parametrize("state", ["UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED", None])
def test_create_stores_confirmed_whatever_state_is_named_or_none(api, state):
    assert api.create(**({"state": state} if state else {}))["state"] == "CONFIRMED"


@pytest.mark.row("state-default-never-applies")
def test_no_other_operation_fills_in_a_state(api, consent, upsert, update):
    stored = api.create()
    for answer in (upsert(None), update(stored, None)):
        assert answer.violations["marketingConsent.state"]["violatedRule"] == "REQUIRED_FIELD"
    [result] = api.call("POST", BULK, {"info": [consent(None)]}).json["results"]
    assert "info[0].state" in result["error"]
    assert api.state()["marketingConsents"] == [stored]


@pytest.mark.row("create-link-revokes", "link-hosts-differ")
@pytest.mark.parametrize(
    "site", ["https://some-domain", "https://some.domain:8443", "https://shop.example/a-site"]
)
def test_creates_link_revokes_on_the_sites_own_address(make_api, accepts, site):
    api = make_api(clock="2024-01-31T08:00:00Z", random_seed=1, public_url=site)
    body = {"marketingConsent": {"details": EMAIL, "lastConfirmationActivity": {}}}
    link = api.call("POST", CONSENTS, body, headers={"host": "some-domain"}).json["link"]
    assert link["type"] == "REVOKE_CONFIRMATION"
    assert re.fullmatch(re.escape(site) + r"/_manage-consent/unsubscribe\?token=JWE(\.[\w-]+){5}", link["url"])
    assert accepts("LinkUrl", link["url"])


@pytest.mark.row("create-link-revokes")
def test_the_contract_lets_no_create_go_without_a_link(api, accepts):
    body = {"marketingConsent": {"details": EMAIL, "lastConfirmationActivity": {}}}
    answer = api.call("POST", CONSENTS, body).json
    assert accepts("CreateMarketingConsentResponse", answer)
    del answer["link"]
    assert not accepts("CreateMarketingConsentResponse", answer)


@pytest.mark.row("update-without-link", "link-hosts-differ")
@pytest.mark.parametrize(("state", "kind"), LINK_OF.items(), ids=list(LINK_OF))
def test_an_update_answers_a_link_while_there_is_something_to_confirm_or_to_revoke(api, update, state, kind):
    answer = update(api.create(), state).json
    assert answer["marketingConsent"]["state"] == state
    assert answer.get("link", {}).get("type") == kind
    page = {"CONFIRMATION": "/_manage-consent/subscribe?", "REVOKE_CONFIRMATION": "/_manage-consent/unsubscribe?"}
    assert kind is None or page[kind] in answer["link"]["url"]


# ---- texts ---------------------------------------------------------------------------------------

TEXTS = {
    "a full stop": "Person clicked a link.",
    "none": "Person clicked a link",
    "three": "And so on...",
    "blanks around it": "  a \t",
    "lines": "one.\ntwo.\n",
    "other scripts": "Ça marche. はい。 🙂.",
    "nothing": "",
    "filed": "A document, filed.",
    "filled": "A document, filled",
}


@pytest.mark.row("description-loses-full-stop", "document-filed-or-filled")
@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_description_comes_back_byte_for_byte(api, upsert, text):
    stored = upsert(lastConfirmationActivity={"description": text}).json["marketingConsent"]
    revoke = {"details": EMAIL, "lastRevokeActivity": {"description": text}}
    answers = [api.call("POST", f"{CONSENTS}/remove", revoke).json["marketingConsent"]]
    answers += [api.call("GET", f"{CONSENTS}/{stored['id']}").json["marketingConsent"]]
    answers += api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"]
    for answer in answers:
        assert answer["lastConfirmationActivity"]["description"].encode() == text.encode()
        assert answer["lastRevokeActivity"]["description"].encode() == text.encode()


def words_of(node: Any) -> Iterator[str]:
    """The names and values of a contract's schemas, their prose left out."""
    if isinstance(node, dict):
        yield from node
        node = [value for name, value in node.items() if name != "description"]
    if isinstance(node, str):
        yield node
    for child in node if isinstance(node, list) else ():
        yield from words_of(child)


@pytest.mark.row("cancel-spellings")
def test_no_name_or_value_of_a_schema_contains_the_word(contract_at):
    words = set(words_of(contract_at("/components/schemas")))
    assert "REVOKED" in words
    assert [word for word in words if "cancel" in word.lower()] == []


@pytest.mark.row("cancel-spellings")
@pytest.mark.parametrize("state", ["CANCELED", "CANCELLED"])
def test_what_is_cancelled_is_revoked_and_goes_by_no_other_state(api, upsert, state):
    api.create()
    assert upsert(state).violations["marketingConsent.state"]["violatedRule"] == "INVALID_ENUM_VALUE"
    answer = api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": {}})
    assert answer.json["marketingConsent"]["state"] == "REVOKED"


# ---- orders --------------------------------------------------------------------------------------


@pytest.mark.row("sort-by-id", "state-row-lacks-a-cell")
@pytest.mark.parametrize(
    ("field", "status"), [("id", 400), ("state", 400), ("createdDate", 200), ("updatedDate", 200)]
)
def test_only_the_two_dates_can_be_sorted_by(api, field, status):
    answer = api.call("POST", f"{CONSENTS}/query", {"query": {"sort": [{"fieldName": field}]}})
    assert answer.status == status
    if status == 400:
        assert answer.violations["query.sort[0].fieldName"]["data"]["rule"] == "query-sortable-fields"


@pytest.mark.row("sort-by-id")
@pytest.mark.parametrize("query", [{}, {"sort": []}], ids=["no sort", "an empty sort"])
def test_without_a_sort_the_order_is_by_id(api, query):
    ids = []
    for name in "abcdefgh":
        ids.append(api.create(f"{name}@example.com")["id"])
        api.control("POST", "/clock/advance", {"seconds": 1})
    assert sorted(ids) not in (ids, ids[::-1]), "the order of creation would show nothing"
    answer = api.call("POST", f"{CONSENTS}/query", {"query": query}).json
    assert [entity["id"] for entity in answer["marketingConsent"]] == sorted(ids)
