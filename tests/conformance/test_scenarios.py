"""The scenarios as data: every check is asked, references lead to steps before, every operation is called."""

from __future__ import annotations

import pytest

from wixture.contracts.conformance.checks import PROMISES
from wixture.contracts.conformance.flow import Flow, StepLost
from wixture.contracts.conformance.scenarios import Scenario, Values, references, scenarios
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS
from wixture.contracts.rulebook import rules
from wixture.contracts.validation import own_contract

CONTRACT = own_contract("openapi").contract
ALL = scenarios(CONTRACT)
IDENTITIES = {"APP", "WIX_USER", "MEMBER", "VISITOR", "OTHER_APP", "EXPIRED", "NOBODY"}

every_scenario = pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)


def test_every_check_is_asked_by_a_scenario_and_every_one_asked_exists() -> None:
    assert {name for scenario in ALL for name in scenario.checks} == set(PROMISES)


def test_every_api_operation_is_called() -> None:
    called = {operation.operation_id for scenario in ALL for operation in scenario.operations}
    api = {operation.operation_id for operation in CONTRACT.tagged("Marketing Consent", "Loyalty Social Media")}
    assert api <= called
    assert len(api) == 11


def test_no_two_checks_share_an_id() -> None:
    names = [*PROMISES, *(check.id for check in EXCHANGE_CHECKS)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("promise", PROMISES.values(), ids=lambda promise: promise.id)
def test_every_promise_rests_on_a_rule_with_its_evidence(promise: object) -> None:
    rule = rules()[promise.rule]  # type: ignore[attr-defined]
    assert promise.evidence == rule.evidence  # type: ignore[attr-defined]
    assert rule.evidence in ("measured", "documented", "inferred")


@every_scenario
def test_steps_have_names_of_their_own_and_known_callers(scenario: Scenario) -> None:
    names = [call.name for call in scenario.calls]
    assert len(names) == len(set(names))
    assert set(scenario.identities) <= IDENTITIES


@every_scenario
def test_references_lead_to_steps_before(scenario: Scenario) -> None:
    before: set[str] = set()
    for call in scenario.calls:
        parts = (call.path, call.query, call.body, call.headers, call.until)
        assert {step for part in parts for step in references(part)} <= before
        before.add(call.name)


@every_scenario
def test_a_write_that_is_made_again_is_none(scenario: Scenario) -> None:
    """Only reads may be repeated until an answer is there, and only queries walk on."""
    for call in scenario.calls:
        if call.until or call.walk:
            assert call.operation.side_effects == "none", call.name


@every_scenario
def test_what_a_scenario_writes_is_the_runs_own(scenario: Scenario) -> None:
    """An address, a number or an ID in a write is a reference, or has not the form of one."""
    for call in scenario.calls:
        if call.operation.side_effects == "none":
            continue
        text = str(call.body)
        assert "@example" not in text, call.name
        assert "+1" not in text, call.name


def test_values_of_a_run_are_its_own_and_repeat() -> None:
    one, again, other = (Values(run, "x y", Flow("x y")) for run in ("run1", "run1", "run2"))
    for draw in ("$email.ada", "$phone.ada", "$guid.ada"):
        assert one.of(draw) == again.of(draw) != other.of(draw)
    assert one.of("$email.ada") == "wixture-run1-x-y-ada@example.com"
    assert one.of("$email.ada|upper") == "WIXTURE-RUN1-X-Y-ADA@EXAMPLE.COM"
    assert one.of({"a": ["by $run", 7, None]}) == {"a": ["by run1", 7, None]}


@pytest.mark.parametrize("turn", range(200))
def test_numbers_are_among_those_kept_free(turn: int) -> None:
    number = Values(f"run{turn}", "s", Flow("s")).of("$phone.x")
    assert number[:2] == "+1"
    assert 200 <= int(number[2:5]) <= 899
    assert number[5:10] == "55501"
    assert len(number) == 12


def test_a_reference_to_what_no_answer_holds_loses_the_step() -> None:
    with pytest.raises(StepLost, match="`gone` was not made"):
        Values("run1", "s", Flow("s")).of("$gone:/id")
