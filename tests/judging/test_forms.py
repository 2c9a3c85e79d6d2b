"""Which forms of the ledger an answer shows: counted as the dialect made them, and put right again."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from judging.own_mock import Traffic

from wixture.contracts.dialect import emitted, steps_of
from wixture.contracts.findings import Forms
from wixture.contracts.judging.forms import (
    added,
    corrected,
    form_names,
    forms_seen,
    rows_at,
    rows_of_answers,
    rows_of_events,
    rows_unseen,
    total,
)
from wixture.contracts.judging.judged import judged
from wixture.contracts.ledger import rows
from wixture.contracts.validation import own_contract

DATES = "entity-dates-snake-case"


@pytest.fixture(scope="module")
def answers(runner: asyncio.Runner) -> list[tuple[str, Any]]:
    """Successes of the mock, as it makes them."""
    found = []
    for _, exchange in Traffic(runner, 5).exchanges(1500, valid=1.0):
        asked = judged(exchange)
        if asked is not None and asked.is_success:
            found.append((asked.operation.operation_id, asked.received))
    return found


def test_counts_by_row_are_those_that_the_dialect_made(answers: list[tuple[str, Any]]) -> None:
    plain = total(forms_seen(name, 200, body) for name, body in answers)
    printed = total(forms_seen(name, 200, emitted(name, body)) for name, body in answers)
    assert set(plain) == set(printed) == set(rows_of_answers())
    for row in plain:
        assert plain[row].documented == 0 < plain[row].corrected
        assert printed[row].corrected == 0 < printed[row].documented
    hidden = [  # what a row drops cannot show how another row spells it
        name for name, body in answers if name == "bulkUpsertMarketingConsent" and _dates_are_gone(name, body)
    ]
    for row in plain:
        lost = len(hidden) if row == DATES else 0
        assert printed[row].documented == plain[row].corrected - lost, row


def _dates_are_gone(name: str, body: Any) -> bool:
    return DATES in forms_seen(name, 200, body) and DATES not in forms_seen(name, 200, emitted(name, body))


def test_a_documented_answer_put_right_breaks_the_contract_only_by_what_was_dropped(
    answers: list[tuple[str, Any]],
) -> None:
    validation = own_contract("openapi")
    mended = 0
    for name, body in answers:
        right = corrected(name, emitted(name, body))
        operation = validation.contract.operations[name]
        if name != "bulkUpsertMarketingConsent":
            assert validation.accepts_response(operation, 200, right), (name, right)
            mended += emitted(name, body) != body
    assert mended > 100


def test_what_is_right_already_is_the_same_object(answers: list[tuple[str, Any]]) -> None:
    assert all(corrected(name, body) is body for name, body in answers)


def test_every_violation_of_a_documented_answer_names_its_row(answers: list[tuple[str, Any]]) -> None:
    validation = own_contract("openapi")
    explained: set[str] = set()
    for name, body in answers:
        printed = orjson.loads(orjson.dumps(emitted(name, body)))
        rows_there = rows_at(name, printed)
        for found in validation.response_violations(validation.contract.operations[name], 200, printed):
            assert found.pointer in rows_there, (name, found.pointer, rows_there)
            explained.add(rows_there[found.pointer])
    assert explained == set(rows_of_answers()) - {
        "revoked-without-revoke-activity"
    }  # what may be absent breaks nothing


def test_no_pointer_of_a_right_answer_is_explained_by_a_row(answers: list[tuple[str, Any]]) -> None:
    assert all(rows_at(name, body) == {} for name, body in answers)


def test_every_row_can_be_seen_or_says_why_not() -> None:
    seen, unseen = {*rows_of_answers(), *rows_of_events()}, rows_unseen()
    assert seen | unseen.keys() == rows().keys()
    assert not seen & unseen.keys()
    assert all(len(why) > 20 for why in unseen.values())


ENTITY = {"id": "3efb39b6-5bae-493d-a8ed-749f3794a8ba"}


@pytest.mark.parametrize(
    ("row", "event", "fields"),
    [
        ("channel-event-other-entity", "followed_channel_created", {"createdEvent": {"entity": ENTITY}}),
        ("consent-events-other-entity", "marketing_consent_updated", {"updatedEvent": {"currentEntity": ENTITY}}),
    ],
)
def test_an_event_shows_its_row(row: str, event: str, fields: dict[str, Any]) -> None:
    body = {"entityId": ENTITY["id"], **fields}
    assert forms_seen(event, 200, body)[row] == Forms(corrected=1)
    assert forms_seen(event, 200, emitted(event, body))[row] == Forms(documented=1)


def test_the_names_of_a_rows_forms_are_those_of_the_ledger() -> None:
    for row in (*rows_of_answers(), *rows_of_events()):
        chosen, printed = form_names(row)
        assert "" not in (chosen, printed)
        assert chosen != printed
    (step,) = (step for step in steps_of("getMarketingConsentByIdentifier") if step.row == "eligibility-grated")
    ((name, spelt),) = step.value.items()
    assert form_names("eligibility-grated") == (name, spelt)


def test_nothing_is_seen_in_a_refusal_or_in_what_is_no_answer() -> None:
    assert forms_seen("getMarketingConsent", 404, {"marketingConsent": {"created_date": "x"}}) == {}
    assert forms_seen("getMarketingConsent", None, None) == {}
    assert forms_seen("getMarketingConsent", 200, ["x"]) == {}
    assert forms_seen("noSuchMessage", 200, {"marketingConsent": {"created_date": "x"}}) == {}


def test_counts_add_up() -> None:
    one, other = {"a": Forms(1, 0)}, {"a": Forms(1, 1), "b": Forms(0, 1)}
    assert added(one, other) == {"a": Forms(2, 1), "b": Forms(0, 1)}
