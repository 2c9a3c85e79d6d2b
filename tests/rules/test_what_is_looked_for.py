"""What each operation on consents asks the store for."""

from __future__ import annotations

import pytest


@pytest.mark.rule("reads-lag-behind-writes")
@pytest.mark.parametrize(
    ("operation", "latest"),
    [
        ("getMarketingConsent", False),
        ("getMarketingConsentByIdentifier", False),
        ("createMarketingConsent", True),
        ("updateMarketingConsent", True),
        ("deleteMarketingConsent", True),
        ("removeMarketingConsent", True),
        ("upsertMarketingConsent", True),
        ("bulkUpsertMarketingConsent", True),
    ],
)
def test_writes_look_at_the_latest_and_reads_may_lag(lookup, sent, operation, latest):
    assert lookup(operation, sent()).latest is latest


@pytest.mark.rule("consent-one-per-identifier", "email-compared-trimmed-lower-case")
@pytest.mark.parametrize(
    "operation", ["createMarketingConsent", "upsertMarketingConsent", "removeMarketingConsent"]
)
def test_an_address_is_looked_for_trimmed_and_in_lower_case(lookup, sent, details, operation):
    consent = sent(details=details(email=" Ada@EXAMPLE.com "))
    assert lookup(operation, consent).identifiers == lookup(operation, sent()).identifiers
