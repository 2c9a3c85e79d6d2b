"""What get-by says about sending messages: five states by two channels."""

from __future__ import annotations

import pytest

GET_BY = "getMarketingConsentByIdentifier"
NOT_CONFIRMED = "The visitor has not confirmed yet."
REVOKED = "The visitor has revoked the consent."
NEVER = "The visitor has never confirmed messages to this phone number."
UNKNOWN = "The state of the consent to this phone number is unknown."


@pytest.fixture
def eligibility(decide, stored):
    """The communication eligibility of a stored consent."""

    def ask(state, channel, **query):
        consent = stored(state, channel)
        answer = decide(GET_BY, found=[consent], **consent["details"], **query).answer
        assert answer["marketingConsent"] == consent
        return answer["communicationEligibility"]

    return ask


@pytest.mark.rule("eligibility-by-state-and-channel")
@pytest.mark.parametrize(
    ("state", "channel"),
    [
        ("CONFIRMED", "EMAIL"),
        ("CONFIRMED", "PHONE"),
        ("NEVER_CONFIRMED", "EMAIL"),
        ("UNKNOWN_STATE", "EMAIL"),
    ],
)
def test_who_may_be_written_to_gets_an_unsubscribe_link_and_no_reason(eligibility, stored, state, channel):
    link = f"https://site/REVOKE_CONFIRMATION/{stored()['id']}/None"
    assert eligibility(state, channel) == {"granted": True, "revokeConfirmationLink": link, "reason": ""}


@pytest.mark.rule("eligibility-by-state-and-channel")
@pytest.mark.parametrize(
    ("state", "channel", "reason"),
    [
        ("REVOKED", "EMAIL", REVOKED),
        ("REVOKED", "PHONE", REVOKED),
        ("PENDING", "EMAIL", NOT_CONFIRMED),
        ("PENDING", "PHONE", NOT_CONFIRMED),
        ("NEVER_CONFIRMED", "PHONE", NEVER),
        ("UNKNOWN_STATE", "PHONE", UNKNOWN),
    ],
)
def test_who_may_not_be_written_to_gets_a_reason_and_no_link(eligibility, state, channel, reason):
    assert eligibility(state, channel) == {"granted": False, "revokeConfirmationLink": None, "reason": reason}


def test_the_link_is_made_for_the_language_asked_for(eligibility):
    assert eligibility("CONFIRMED", "EMAIL", linkLanguage="de")["revokeConfirmationLink"].endswith("/de")
