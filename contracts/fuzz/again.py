"""What a reproducer asks of an answer: which of our own checks it fails."""

from __future__ import annotations

from functools import cache
from typing import Any

from wixture.contracts.findings import Exchanged
from wixture.contracts.fuzz.gate import readable
from wixture.contracts.fuzz.own_checks import OwnChecks
from wixture.contracts.targets.address import Address
from wixture.contracts.validation import own_contract


@cache
def _checks() -> OwnChecks:
    return OwnChecks(own_contract("openapi"), Address("https", "shop.example.com", 443, "", ("", 0)))


def broken(answer: Any) -> dict[str, str]:
    """The checks that an answer of the library `requests` fails, each with what is wrong."""
    sent = answer.request
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body
    exchange = Exchanged(
        method=sent.method,
        url=sent.url,
        status=answer.status_code,
        request_headers=dict(sent.headers),
        request_body=readable(body),
        response_headers=dict(answer.headers),
        response_body=readable(answer.content),
        duration_ms=answer.elapsed.total_seconds() * 1000,
    )
    return {finding.check: finding.message for finding in _checks()("", exchange)}
