"""No check of an exchange says anything about our own mock, and each of them is asked."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from judging.own_mock import Traffic

from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS, answer_findings, judged, request_findings

EXCHANGES = 1000
NEVER_ASKED_HERE = {"retry-after", "token-error-form", "tokens-not-kept"} | {
    "unknown-token-says-no-more",
    "token-expires-after-it-was-issued",
}


@pytest.mark.parametrize("seed", range(3))
def test_no_check_says_anything_about_the_mock(seed: int, runner: asyncio.Runner) -> None:
    asked: Counter[str] = Counter()
    for identity, exchange in Traffic(runner, seed).exchanges(EXCHANGES):
        found = judged(exchange, identity=identity)
        if found is None:
            continue  # damaged beyond its path
        said = [(finding.check, finding.message, finding.pointer) for finding in answer_findings(found)]
        assert not said, f"{said} of {exchange}"
        asked.update(check.id for check in EXCHANGE_CHECKS if check.applies(found))
    missing = {check.id for check in EXCHANGE_CHECKS if asked[check.id] < 5}
    assert missing == NEVER_ASKED_HERE


def test_a_request_that_the_mock_takes_has_no_findings(runner: asyncio.Runner) -> None:
    counted: Counter[bool] = Counter()
    for _, exchange in Traffic(runner, 9).exchanges(EXCHANGES, valid=0.5):
        found = judged(exchange)
        said = [] if found is None else [(one.check, one.message) for one in request_findings(found)]
        if exchange.status == 200:
            assert not said, f"{said} of {exchange}"
        counted[bool(said)] += 1
    assert counted[True] > 0.2 * EXCHANGES
