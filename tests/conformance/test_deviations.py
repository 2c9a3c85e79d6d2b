"""Every deviation is found where a scenario meets it, and named by the checks that are for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conformance.conforming import CHECKS, all_scenarios, conformed
from conformance.deviations import DEVIATIONS
from conformance.proxy import deviating

WRITTEN = yaml.safe_load(Path(__file__).with_name("deviations.yaml").read_text(encoding="utf-8"))
FOUND, UNSEEN = WRITTEN["found"], WRITTEN["unseen"]
SCENARIOS = {scenario.name: scenario for scenario in all_scenarios()}


@pytest.mark.parametrize("name", FOUND)
def test_a_deviation_is_named(name: str) -> None:
    with deviating(DEVIATIONS[name].plant) as server:
        outcome = conformed(server.url, [SCENARIOS[FOUND[name]["in"]]])
    assert set(FOUND[name]["by"]) <= outcome.named


@pytest.mark.rule("grant-refused")
@pytest.mark.parametrize("name", ["refused grant is 200", "refused grant has the apis envelope"])
def test_a_grant_that_is_refused_in_another_form_is_told(name: str) -> None:
    with deviating(DEVIATIONS[name].plant) as server:
        outcome = conformed(server.url, [SCENARIOS["grants"]])
    assert "unknown-client-refused" in outcome.named


def test_a_target_that_is_right_is_told_no_deviation() -> None:
    with deviating() as server:
        outcome = conformed(server.url)
    assert outcome.findings == ()
    assert {result.check for result in outcome.results if result.outcome == "skipped"} == {"retry-after"}


@pytest.mark.parametrize("name", UNSEEN)
def test_a_deviation_that_nobody_can_see_has_a_reason_and_is_not_seen(name: str) -> None:
    with deviating(DEVIATIONS[name].plant) as server:
        assert conformed(server.url).findings == ()
    assert len(UNSEEN[name]) > 20


def test_every_deviation_is_written_down_with_checks_that_there_are() -> None:
    assert {*FOUND, *UNSEEN} == set(DEVIATIONS)
    assert {check for row in FOUND.values() for check in row["by"]} <= CHECKS
    assert len(FOUND) >= 40
