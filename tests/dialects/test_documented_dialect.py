"""The documented dialect: each row that can be emitted is, and both forms keep their own contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Api

from wixture.contracts import dialect
from wixture.contracts.ledger import Row, rows
from wixture.contracts.lint.lint import lint
from wixture.contracts.steps import Step
from wixture.contracts.validation import own_contract
from wixture.contracts.yaml_text import read_yaml

EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
PHONE = {"type": "PHONE", "phone": "+19172222222"}
FORM = {"source": "FORM", "updatedDate": "2024-01-01T00:00:00Z"}
DOCUMENTED = {"x-wixture-dialect": "documented"}
EMITTING = {row.id: row for row in rows().values() if row.emits}

ID, OTHER_ID = "aa8a62f5-9a79-4b21-b1a4-5c835c08d937", "bb8a62f5-9a79-4b21-b1a4-5c835c08d937"


def stored(**fields: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "revision": "2",
        "details": EMAIL,
        "state": "REVOKED",
        "lastConfirmationActivity": {**FORM, "optInLevel": "SINGLE_CONFIRMATION"},
        "lastRevokeActivity": FORM,
        "createdDate": "2024-01-01T00:00:00.000Z",
        "updatedDate": "2024-01-02T00:00:00.000Z",
        **fields,
    }


def event(**body: Any) -> dict[str, Any]:
    fields = {
        "id": OTHER_ID,
        "entityFqdn": "wix.marketing.marketing_consent.v1.marketing_consent",
        "slug": "created",
        "entityId": ID,
    }
    return {**fields, "eventTime": "2024-01-02T00:00:00.000Z", "entityEventSequence": "1", **body}


MESSAGES: dict[str, Any] = {
    "getMarketingConsent": {"marketingConsent": stored()},
    "createMarketingConsent": {
        "marketingConsent": stored(state="CONFIRMED"),
        "link": {"type": "REVOKE_CONFIRMATION", "url": "https://a.example/"},
    },
    "updateMarketingConsent": {"marketingConsent": stored()},
    "removeMarketingConsent": {"marketingConsent": stored()},
    "upsertMarketingConsent": {"marketingConsent": stored()},
    "getMarketingConsentByIdentifier": {
        "marketingConsent": stored(),
        "communicationEligibility": {"granted": False, "revokeConfirmationLink": None, "reason": "Revoked."},
    },
    "queryMarketingConsent": {
        "marketingConsent": [stored(), stored(state="CONFIRMED", details=PHONE)],
        "pagingMetadata": {"count": 2, "cursors": {"next": None, "prev": None}, "hasNext": False},
    },
    "bulkUpsertMarketingConsent": {
        "results": [{"originalIndex": index, "marketingConsent": stored()} for index in range(3)],
        "metadata": {"totalSuccess": 3, "totalFailure": 0},
    },
    "marketing_consent_created": event(createdEvent={"entity": stored()}),
    "marketing_consent_updated": event(slug="updated", updatedEvent={"currentEntity": stored()}),
    "marketing_consent_deleted": event(slug="deleted", deletedEvent={}),
    "followed_channel_created": event(
        entityFqdn="wix.loyalty.socialmedia.v1.followed_channel",
        createdEvent={"entity": {"id": ID, "accountId": OTHER_ID, "channel": "X"}},
    ),
}
"""A corrected message of each kind, in which every row that can be emitted has something to change."""


def accepted(validation: Any, message: str, body: Any) -> bool:
    contract = validation.contract
    if message in contract.webhooks:
        pointer = contract.webhooks[message]["x-domain-event"]["$ref"].removeprefix("#")
        return bool(validation.accepts(pointer, body))
    return bool(validation.accepts_response(contract.operations[message], 200, body))


STEPS = [(row, step, message) for row in EMITTING.values() for step in row.emits for message in step.messages]
every_step = pytest.mark.parametrize(
    ("row", "step", "message"), STEPS, ids=[f"{row.id}-{message}-{step.action}" for row, step, message in STEPS]
)


def emitted_by(step: Step, message: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A message in which this step alone is documented."""
    monkeypatch.setattr(dialect, "steps_of", lambda _: (step,))
    return dialect.emitted(message, MESSAGES[message])


@every_step
def test_a_corrected_message_shows_only_corrected_forms(row: Row, step: Step, message: str) -> None:
    if step.action != "set":  # nothing stands there in the corrected form
        assert dialect.forms(message, MESSAGES[message])[row.id] == {"corrected"}
    assert accepted(own_contract("openapi"), message, MESSAGES[message])


@every_step
def test_the_documented_form_shows_every_row(row: Row, step: Step, message: str) -> None:
    shown = dialect.forms(message, dialect.emitted(message, MESSAGES[message]))
    assert shown[row.id] == {"documented"}, step


@every_step
def test_a_step_changes_its_message_and_nothing_else_in_it(
    row: Row, step: Step, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.dumps(MESSAGES[message])
    changed = emitted_by(step, message, monkeypatch)
    assert changed != MESSAGES[message], row.id
    assert json.dumps(MESSAGES[message]) == before, "what was given is left as it is"


# What the corrected contract allows as well: an activity that is missing, a flag, an ID that no schema compares.
ALSO_CORRECT = {
    "revoked-without-revoke-activity",
    "deleted-event-moved-to-trash",
    "channel-event-other-entity",
    "consent-events-other-entity",
}


@every_step
def test_the_corrected_contract_refuses_a_documented_form(
    row: Row, step: Step, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = emitted_by(step, message, monkeypatch)
    assert accepted(own_contract("openapi"), message, changed) == (row.id in ALSO_CORRECT)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_documented_contract_takes_the_documented_message(message: str) -> None:
    assert accepted(dialect.documented(), message, dialect.emitted(message, MESSAGES[message]))


@pytest.mark.parametrize("message", [name for name in MESSAGES if name != "followed_channel_created"])
def test_the_documented_contract_refuses_the_corrected_message(message: str) -> None:
    assert not accepted(dialect.documented(), message, MESSAGES[message])


def test_every_message_that_a_row_changes_is_tried() -> None:
    assert {message for _, _, message in STEPS} <= MESSAGES.keys()


# ---- the documented contract ---------------------------------------------------------------------


def test_the_documented_contract_passes_our_own_lint() -> None:
    assert lint(dialect.document_in("documented")) == []


def test_its_yaml_is_the_same_document() -> None:
    assert read_yaml(dialect.as_yaml("documented"), unique_keys=True) == dialect.document_in("documented")


def test_requests_and_errors_are_the_same_in_both_contracts() -> None:
    corrected, documented = (dialect.document_in(name)["paths"] for name in dialect.DIALECTS)
    assert corrected.keys() == documented.keys()
    for path, item in corrected.items():
        for method in item.keys() & {"get", "post", "patch", "delete"}:
            one, other = item[method], documented[path][method]
            assert {**one, "responses": {}} == {**other, "responses": {}}
            errors = one["responses"].keys() - {"200"}
            assert {status: one["responses"][status] for status in errors} == {
                status: other["responses"][status] for status in errors
            }


def test_the_corrected_contract_has_no_documented_name_in_any_schema() -> None:
    names = {
        new
        for row in EMITTING.values()
        for step in row.emits
        if step.action == "rename"
        for new in step.value.values()
    }
    schemas = dialect.document_in("corrected")["components"]["schemas"]
    used = {name for schema in schemas.values() for name in schema.get("properties", {})}
    assert names & used <= {"phone"}, "a right name that stands in the wrong place once"


# ---- through the server --------------------------------------------------------------------------


def exercise(api: Api, headers: dict[str, str]) -> dict[str, Any]:
    """One answer of each operation that answers a consent, from states in which its rows show."""
    stored_id = api.create()["id"]
    remove = {"details": EMAIL, "lastRevokeActivity": FORM}
    revoked = {"details": EMAIL, "state": "REVOKED", "lastRevokeActivity": FORM}
    confirmed = {"details": EMAIL, "state": "CONFIRMED", "lastConfirmationActivity": FORM}
    phone = {"details": PHONE, "lastConfirmationActivity": FORM}
    info = [{**confirmed, "details": {"type": "EMAIL", "email": f"{name}@example.com"}} for name in "abc"]
    bulk = "/marketing-consent/v1/bulk/marketing-consent/upsert"
    calls: dict[str, tuple[Any, ...]] = {
        "createMarketingConsent": ("POST", CONSENTS, {"marketingConsent": phone}),
        "getMarketingConsent": ("GET", f"{CONSENTS}/{stored_id}"),
        "getMarketingConsentByIdentifier": ("GET", f"{CONSENTS}/get-by"),
        "upsertMarketingConsent": ("POST", f"{CONSENTS}/upsert", {"marketingConsent": confirmed}),
        "updateMarketingConsent": ("PATCH", f"{CONSENTS}/{stored_id}", {"marketingConsent": revoked}),
        "removeMarketingConsent": ("POST", f"{CONSENTS}/remove", remove),
        "queryMarketingConsent": ("POST", f"{CONSENTS}/query", {"query": {}}),
        "bulkUpsertMarketingConsent": ("POST", bulk, {"info": info}),
    }
    answers = {}
    for name, call in calls.items():
        query = "type=EMAIL&email=ada@example.com" if name == "getMarketingConsentByIdentifier" else ""
        answer = api.call(*call, query=query, headers=headers)
        assert answer.status == 200, (name, answer.json)
        answers[name] = answer.json
    return answers


def shown_in(answers: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, body in answers.items():
        for row, shown in dialect.forms(name, body).items():
            found.setdefault(row, set()).update(shown)
    return found


IN_ANSWERS = {
    row.id
    for row in EMITTING.values()
    if any(
        message in own_contract("openapi").contract.operations for step in row.emits for message in step.messages
    )
}


def test_a_corrected_server_sends_no_documented_form(api: Api) -> None:
    assert shown_in(exercise(api, {})) == {row: {"corrected"} for row in IN_ANSWERS}


def test_a_request_can_ask_for_the_documented_dialect(api: Api) -> None:
    assert shown_in(exercise(api, DOCUMENTED)) == {row: {"documented"} for row in IN_ANSWERS}


def test_a_documented_server_sends_them_unless_a_request_asks_for_the_right_ones(
    make_api: Callable[..., Api],
) -> None:
    api = make_api(clock="2024-01-31T08:00:00Z", random_seed=1, dialect="documented")
    assert shown_in(exercise(api, {})) == {row: {"documented"} for row in IN_ANSWERS}
    corrected = exercise(api.of("e0000000-0000-4000-8000-000000000001"), {"x-wixture-dialect": "corrected"})
    assert shown_in(corrected) == {row: {"corrected"} for row in IN_ANSWERS}


def test_what_is_stored_is_the_same_whatever_dialect_was_asked_for(api: Api) -> None:
    other = api.of("e0000000-0000-4000-8000-000000000001")
    exercise(api, {})
    exercise(other, DOCUMENTED)
    without_ids = [
        [
            {**consent, "id": ""}
            for consent in sorted(site.state()["marketingConsents"], key=lambda one: str(one["details"]))
        ]
        for site in (api, other)
    ]
    assert without_ids[0] == without_ids[1]


def test_channels_and_errors_have_no_documented_form(api: Api) -> None:
    body = {"followedChannel": {"channel": "X"}}
    followed = api.call("POST", CHANNELS, body, identity="MEMBER", headers=DOCUMENTED)
    assert followed.json["followedChannel"].keys() == {"id", "accountId", "channel", "createdDate"}
    missing = [api.call("GET", f"{CONSENTS}/x", headers=headers).json for headers in ({}, DOCUMENTED)]
    assert missing[0] == missing[1]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_contract_in_force_can_be_read_in_both_dialects(make_api: Callable[..., Api], form: str) -> None:
    for served in dialect.DIALECTS:
        api = make_api(dialect=served)
        for query, expected in [("", served), *((f"dialect={name}", name) for name in dialect.DIALECTS)]:
            answer = api.control("GET", f"/openapi.{form}", query=query)
            assert read_yaml(answer.response.body.decode()) == dialect.document_in(expected)  # type: ignore[arg-type]


def test_an_unknown_dialect_of_the_contract_is_refused(api: Api) -> None:
    assert api.control("GET", "/openapi.yaml", query="dialect=grated").status == 400
