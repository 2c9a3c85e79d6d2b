"""What a click on a link does to a consent, by the pure rules."""

from __future__ import annotations

import pytest

from wixture.mockserver.rules.links import click, standing

NOW = "2024-05-01T08:00:00.000Z"
STATES = ("PENDING", "CONFIRMED", "REVOKED", "NEVER_CONFIRMED", "UNKNOWN_STATE")


@pytest.mark.rule("link-confirms")
def test_a_confirmation_link_confirms_what_is_pending(stored):
    before = stored("PENDING")
    change = click("CONFIRMATION", before, now=NOW)
    assert (change.kind, change.entity_type, change.based_on) == ("updated", "marketing_consent", "3")
    assert change.entity == {
        **before,
        "state": "CONFIRMED",
        "revision": "4",
        "updatedDate": NOW,
        "lastConfirmationActivity": {
            "source": "LINK_CONFIRMATION",
            "updatedDate": NOW,
            "optInLevel": "DOUBLE_CONFIRMATION",
        },
    }


@pytest.mark.rule("link-revokes")
@pytest.mark.parametrize("state", [state for state in STATES if state != "REVOKED"])
def test_a_revoke_link_revokes_whatever_the_state_was(stored, state):
    before = stored(state)
    assert standing("REVOKE_CONFIRMATION", before) == "open"
    after = click("REVOKE_CONFIRMATION", before, now=NOW).entity
    assert after == {
        **before,
        "state": "REVOKED",
        "revision": "4",
        "updatedDate": NOW,
        "lastRevokeActivity": {"source": "REVOKE_LINK", "updatedDate": NOW},
    }


@pytest.mark.rule("link-used-again-changes-nothing", "link-never-brings-back")
@pytest.mark.parametrize(
    ("kind", "standings"),
    [
        ("CONFIRMATION", ("open", "used", "revoked", "closed", "closed")),
        ("REVOKE_CONFIRMATION", ("open", "open", "used", "open", "open")),
    ],
)
def test_how_a_link_stands_follows_from_the_state(stored, kind, standings):
    assert tuple(standing(kind, stored(state)) for state in STATES) == standings


@pytest.mark.rule("link-revokes", "updated-date-never-goes-back")
def test_a_click_never_sets_the_date_of_a_consent_back(stored):
    before = stored("CONFIRMED", updatedDate="2024-06-01T00:00:00.000Z")
    after = click("REVOKE_CONFIRMATION", before, now=NOW).entity
    assert after["updatedDate"] == "2024-06-01T00:00:00.000Z"
    assert after["lastRevokeActivity"]["updatedDate"] == NOW


@pytest.mark.rule("link-confirms")
def test_the_fields_of_a_clicked_consent_keep_their_order(stored):
    before = stored("CONFIRMED")
    after = click("REVOKE_CONFIRMATION", before, now=NOW).entity
    assert [name for name in after if name in before] == list(before)
    assert list(after).index("lastRevokeActivity") == list(after).index("lastConfirmationActivity") + 1
