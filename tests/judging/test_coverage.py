"""Coverage counts answers by operation and status, and each schema keyword as often as it judged a value."""

from __future__ import annotations

import asyncio
from typing import Any

from judging.deviations import RIGHT, consent
from judging.own_mock import Traffic

from wixture.contracts.judging.coverage import MOST_PLACES, Coverage
from wixture.contracts.judging.judged import judged
from wixture.contracts.validation import own_contract

CONTRACT = own_contract("openapi").contract
LIST = CONTRACT.operations["listFollowedChannels"]
GET = CONTRACT.operations["getMarketingConsent"]


def counted(coverage: Coverage) -> dict[tuple[str, int], int]:
    return {(one.operation_id, one.status): one.count for one in coverage.covered() if one.count}


def test_everything_declared_is_told_as_unmet_at_first() -> None:
    covered = Coverage(CONTRACT).covered()
    declared = {
        (name, status) for name, operation in CONTRACT.operations.items() for status in operation.responses
    }
    assert {(one.operation_id, one.status) for one in covered} == declared
    assert not any(one.count or one.keywords for one in covered)


def test_answers_are_counted_by_operation_and_status() -> None:
    coverage = Coverage(CONTRACT)
    for call in ("list", "list", "get", "not found"):
        asked = judged(RIGHT[call])
        assert asked is not None
        coverage.saw(asked.operation, asked.status or 0, asked.received)
    assert counted(coverage) == {
        ("listFollowedChannels", 200): 2,
        ("getMarketingConsent", 200): 1,
        ("getMarketingConsent", 404): 1,
    }


def test_a_keyword_counts_once_for_each_value_that_it_judges() -> None:
    coverage = Coverage(CONTRACT)
    coverage.saw(LIST, 200, RIGHT["list"].response_body)
    (covered,) = (one for one in coverage.covered() if one.count)
    assert covered.keywords["maxItems"] == 1
    assert covered.keywords["required"] == 3  # the answer and two channels
    assert covered.keywords["pattern"] == 6  # two IDs and a date, of each
    assert covered.keywords["enum"] == 2
    assert "description" not in covered.keywords


def test_a_keyword_for_texts_says_nothing_about_a_number() -> None:
    coverage = Coverage(CONTRACT)
    body: Any = {"marketingConsent": consent(id=1, revision=2, createdDate=3, updatedDate=4)}
    del body["marketingConsent"]["details"], body["marketingConsent"]["lastConfirmationActivity"]
    coverage.saw(GET, 200, body)
    (covered,) = (one for one in coverage.covered() if one.count)
    assert "pattern" not in covered.keywords
    assert covered.keywords["enum"] == 1  # that of state


def test_a_status_that_nobody_declared_is_told_too() -> None:
    coverage = Coverage(CONTRACT)
    coverage.saw(GET, 418, {"anything": 1})
    assert counted(coverage) == {("getMarketingConsent", 418): 1}
    assert next(one for one in coverage.covered() if one.status == 418).keywords == {}


def test_an_answer_without_a_body_counts_without_keywords() -> None:
    coverage = Coverage(CONTRACT)
    coverage.saw(GET, 200)
    assert next(one for one in coverage.covered() if one.count).keywords == {}


def test_a_monstrous_body_costs_no_more_than_its_first_places() -> None:
    coverage = Coverage(CONTRACT)
    coverage.saw(LIST, 200, {"followedChannels": [{}] * (10 * MOST_PLACES)})
    (covered,) = (one for one in coverage.covered() if one.count)
    assert max(covered.keywords.values()) <= 2 * MOST_PLACES


def test_traffic_meets_every_operation_of_the_apis(runner: asyncio.Runner) -> None:
    coverage = Coverage(CONTRACT)
    for _, exchange in Traffic(runner, 3).exchanges(600):
        asked = judged(exchange)
        if asked is not None:
            coverage.saw(asked.operation, asked.status or 0, asked.received)
    met = {name for name, status in counted(coverage) if status == 200}
    assert len(met) == 11
