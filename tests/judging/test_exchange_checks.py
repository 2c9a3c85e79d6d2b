"""Each check finds what it is for, says it with its place and source, and is silent about right exchanges."""

from __future__ import annotations

import asyncio
import copy
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from generators import damaged_value
from hypothesis import given, settings
from hypothesis import strategies as st
from judging.deviations import CONSENTS, DETAILS, DEVIATIONS, ID, RIGHT, TOKEN, Deviation, consent, exchange
from judging.own_mock import Traffic

from wixture.contracts.findings import Exchanged, Finding
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS, answer_findings, judged, request_findings
from wixture.contracts.judging.requests import REQUEST_CHECKS
from wixture.contracts.pointers import resolve
from wixture.contracts.rulebook import rules
from wixture.contracts.validation import ABSENT, own_contract

ALL = (*EXCHANGE_CHECKS, *REQUEST_CHECKS)


def found_in(one: Exchanged, identity: str | None = None) -> list[Finding]:
    asked = judged(one, identity=identity)
    assert asked is not None
    return list(answer_findings(asked))


@pytest.mark.parametrize("call", RIGHT)
def test_a_right_exchange_has_no_findings(call: str) -> None:
    assert [
        (one.check, one.message) for one in found_in(RIGHT[call], "APP" if "oauth" not in call else None)
    ] == []


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: f"{one.check}-{one.call}")
def test_a_deviation_is_found_by_the_check_that_is_for_it(deviation: Deviation) -> None:
    found = found_in(deviation.exchange, deviation.identity)
    assert deviation.check in {one.check for one in found}, [one.message for one in found]


def test_every_check_has_a_deviation_that_it_finds() -> None:
    assert {one.check for one in DEVIATIONS} == {check.id for check in EXCHANGE_CHECKS}


def test_checks_have_names_rules_and_places_that_exist() -> None:
    document = own_contract("openapi").contract.document
    assert len({check.id for check in ALL}) == len(ALL) >= 25
    for check in ALL:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|answered", check.id), check.id
        assert check.rule is None or check.rule in rules(), check.id
        assert not check.spec_pointer or resolve(document, check.spec_pointer), check.id
        assert check.says.__doc__, check.id


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: f"{one.check}-{one.call}")
def test_a_finding_points_into_message_and_contract(deviation: Deviation) -> None:
    one = deviation.exchange
    for found in found_in(one, deviation.identity):
        assert found.exchange is one
        resolve(own_contract("openapi").contract.document, found.spec_pointer or "-")  # raises when it is missing
        assert found.rule is None or rules()[found.rule].evidence == found.evidence
        assert found.message.rstrip().endswith((".", ")")), found.message


# ---- forms of the ledger -------------------------------------------------------------------------


@pytest.mark.row("eligibility-grated")
def test_a_documented_form_is_a_violation_that_names_its_row() -> None:
    body = {"marketingConsent": consent(), "communicationEligibility": {"grated": True, "reason": ""}}
    link = RIGHT["get by"].response_body["communicationEligibility"]["revokeConfirmationLink"]
    body["communicationEligibility"]["revokeConfirmationLink"] = link
    found = found_in(replace(RIGHT["get by"], response_body=body))
    assert {(one.check, one.row) for one in found} == {("body-valid", "eligibility-grated")}
    assert {one.pointer for one in found} == {
        "/communicationEligibility/granted",
        "/communicationEligibility/grated",
    }


def test_a_violation_beside_a_documented_form_names_no_row() -> None:
    fields = consent(created_date="2024-02-01T08:00:00Z", updated_date="2024-02-01T08:00:00Z", state="confirmed")
    del fields["createdDate"], fields["updatedDate"]
    found = found_in(replace(RIGHT["get"], response_body={"marketingConsent": fields}))
    rows_found = {one.pointer: one.row for one in found}
    assert rows_found.pop("/marketingConsent/state") is None
    assert set(rows_found.values()) == {"entity-dates-snake-case"}
    assert len(rows_found) == 4


def test_a_misspelling_that_no_page_has_names_no_row() -> None:
    body = {"marketingConsent": consent(), "communicationEligibility": {"Granted": True}}
    found = found_in(replace(RIGHT["get by"], response_body=body))
    assert {one.row for one in found if one.check == "body-valid"} == {None}


def test_violations_are_those_that_the_whole_answer_has(runner: asyncio.Runner) -> None:
    """Judged by its schema, an answer breaks what it breaks as an answer."""
    rng, compared = random.Random(3), 0
    for _, one in Traffic(runner, 8).exchanges(300):
        body = damaged_value(copy.deepcopy(one.response_body), rng)
        asked = judged(replace(one, response_body=body))
        if asked is not None and asked.received is not ABSENT:
            whole = asked.validation.response_violations(asked.operation, asked.status or 0, asked.received)
            assert {(found.pointer, found.rule) for found in asked.violations} == {
                (found.pointer, found.rule) for found in whole
            }
            compared += bool(whole)
    assert compared > 50


# ---- requests ------------------------------------------------------------------------------------


def said_of_request(one: Exchanged) -> list[tuple[str, str | None, str | None]]:
    asked = judged(one)
    assert asked is not None
    return [(found.check, found.pointer, found.row) for found in request_findings(asked)]


@pytest.mark.parametrize("call", [call for call in RIGHT if call not in ("invalid", "token refused")])
def test_a_right_request_has_no_findings(call: str) -> None:
    assert said_of_request(RIGHT[call]) == []


def test_a_request_that_breaks_the_contract_says_where() -> None:
    one = replace(RIGHT["create"], request_body={"marketingConsent": {"details": DETAILS}})
    assert said_of_request(one) == [("request-valid", "/marketingConsent/lastConfirmationActivity", None)]


def test_a_query_parameter_that_stands_twice_is_found() -> None:
    one = replace(RIGHT["get by"], url=f"{CONSENTS}/get-by?type=EMAIL&email=a@example.com&email=b@example.com")
    assert ("request-valid", "/query", None) in said_of_request(one)


@pytest.mark.row("upsert-without-wrapper")
def test_a_request_as_the_pages_print_it_names_its_row() -> None:
    one = replace(RIGHT["upsert"], request_body=RIGHT["upsert"].request_body["marketingConsent"])
    assert {row for _, _, row in said_of_request(one)} == {"upsert-without-wrapper"}


@pytest.mark.row("query-by-patch", "sort-by-id")
@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ("query-by-patch", {"method": "PATCH"}),
        ("sort-by-id", {"request_body": {"query": {"sort": [{"fieldName": "id"}]}}}),
    ],
)
def test_a_query_as_the_pages_print_it_names_its_row(row: str, fields: dict[str, Any]) -> None:
    assert {found for _, _, found in said_of_request(replace(RIGHT["query"], **fields))} == {row}


def test_a_request_that_no_page_prints_names_no_row() -> None:
    one = replace(RIGHT["query"], request_body={"query": {"sort": [{"fieldName": "state"}]}})
    assert {found for _, _, found in said_of_request(one)} == {None}


def test_a_body_that_is_no_json_is_found() -> None:
    one = replace(RIGHT["create"], request_body="{not json")
    assert ("request-valid", "", None) in said_of_request(one)


def test_a_body_declared_as_something_else_is_found() -> None:
    headers = {"Authorization": TOKEN, "Content-Type": "text/plain"}
    assert said_of_request(replace(RIGHT["create"], request_headers=headers)) == [
        ("request-content-type", None, None)
    ]


def test_a_call_without_a_token_is_a_note() -> None:
    asked = judged(replace(RIGHT["get"], request_headers={}))
    assert asked is not None
    assert [(one.check, one.severity) for one in request_findings(asked)] == [("request-carries-a-token", "note")]


def test_a_form_at_the_token_endpoint_is_a_right_request() -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    one = replace(RIGHT["token"], request_headers=headers, request_body="grant_type=anonymous&client_id=x")
    assert said_of_request(one) == []


# ---- what a record leaves out --------------------------------------------------------------------


def test_nothing_is_said_of_what_a_record_left_out() -> None:
    one = Exchanged("POST", CONSENTS, 200)
    asked = judged(one, lacks=frozenset({"headers", "body", "sent"}))
    assert asked is not None
    assert list(answer_findings(asked)) == []
    assert [found.check for found in request_findings(asked)] == ["request-carries-a-token"]


def test_a_path_of_nobody_is_no_exchange_of_the_contract() -> None:
    assert judged(Exchanged("GET", "https://www.wixapis.com/elsewhere", 200)) is None
    assert judged(Exchanged("OPTIONS", CONSENTS, 204)) is None


# ---- hostile answers -----------------------------------------------------------------------------

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.just("\ud800")
    | st.sampled_from(
        ["EMAIL", "CONFIRMED", "1", "2024-02-01T08:00:00Z", "0001-01-01T00:00:00+23:59", "http://[", ID]
    )
)
_NAMES = st.sampled_from(
    """marketingConsent details type email phone state revision createdDate updatedDate created_date link url
    results originalIndex error metadata totalSuccess pagingMetadata cursors next prev hasNext count channel
    followedChannels followedChannel accountId communicationEligibility granted grated reason message active exp
    iat revokeConfirmationLink applicationError validationError fieldViolations lastConfirmationActivity
    lastRevokeActivity id""".split()
) | st.text(max_size=5)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=5), max_leaves=25
)
_CALLS = st.sampled_from(sorted(RIGHT))


@given(
    call=_CALLS, body=_VALUES | st.binary(max_size=20), status=st.sampled_from([200, 200, 400, 404, 429, 500, 418])
)
@settings(max_examples=400, deadline=None)
def test_no_answer_whatever_it_is_breaks_a_check(call: str, body: Any, status: int) -> None:
    found_in(replace(RIGHT[call], response_body=body, status=status))


@given(call=_CALLS, name=_NAMES, value=_VALUES)
@settings(max_examples=400, deadline=None)
def test_no_value_anywhere_in_an_answer_breaks_a_check(call: str, name: str, value: Any) -> None:
    def planted(body: Any) -> Any:
        if isinstance(body, list):
            return [planted(item) for item in body]
        if isinstance(body, dict):
            return {key: value if key == name else planted(inner) for key, inner in body.items()}
        return body

    found_in(replace(RIGHT[call], response_body=planted(RIGHT[call].response_body)))


@given(call=_CALLS, body=_VALUES, query=st.text(max_size=30))
@settings(max_examples=400, deadline=None)
def test_no_request_whatever_it_is_breaks_a_check(call: str, body: Any, query: str) -> None:
    one = replace(RIGHT[call], request_body=body, url=f"{RIGHT[call].url}?{query}")
    asked = judged(one)
    if asked is not None:
        list(request_findings(asked))
        list(answer_findings(asked))


def test_a_nest_of_lists_breaks_no_check() -> None:
    nest: Any = []
    for _ in range(100_000):
        nest = [nest]
    assert "body-is-json" in {one.check for one in found_in(exchange("GET", f"{CONSENTS}/{ID}", None, nest))}
