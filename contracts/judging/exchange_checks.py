"""Every promise about a single exchange, in one list: what judge, conform and fuzz hold an answer against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wixture.contracts.findings import Exchanged, Finding
from wixture.contracts.judging import answers, bulk, callers, channels, consents, headers, pages, states, writes
from wixture.contracts.judging.judged import Check, Judged, judged
from wixture.contracts.judging.requests import REQUEST_CHECKS, request_findings

EXCHANGE_CHECKS: tuple[Check, ...] = (
    *answers.CHECKS,
    *headers.CHECKS,
    *callers.CHECKS,
    *consents.CHECKS,
    *states.CHECKS,
    *writes.CHECKS,
    *pages.CHECKS,
    *bulk.CHECKS,
    *channels.CHECKS,
)
"""The checks of answers, general ones first."""


def answer_findings(judged: Judged, checks: Iterable[Check] = EXCHANGE_CHECKS) -> Iterator[Finding]:
    """How an answer breaks its promises, by all checks; nothing from an answer that keeps them."""
    for check in checks:
        yield from check(judged)


__all__ = (
    "EXCHANGE_CHECKS",
    "REQUEST_CHECKS",
    "Check",
    "Exchanged",
    "Judged",
    "answer_findings",
    "judged",
    "request_findings",
)
