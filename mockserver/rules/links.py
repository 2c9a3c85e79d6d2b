"""Links: what a visitor's click does to the consent that a link names.

The names in single quotes are rows of spec/rules.yaml, which says where each rule comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from wixture.mockserver.messages import Change, Entity
from wixture.mockserver.rules.marketing_consent import change_consent

Standing = Literal["open", "used", "revoked", "closed"]
"""How a link stands: a click would change the consent; it has happened already; the visitor has revoked since; the
app has set another state since."""

# 'link-confirms', 'link-revokes': type of the link → what the visitor says with the click
_CLICKS: Mapping[str, Mapping[str, Any]] = {
    "CONFIRMATION": {
        "state": "CONFIRMED",
        "lastConfirmationActivity": {"source": "LINK_CONFIRMATION", "optInLevel": "DOUBLE_CONFIRMATION"},
    },
    "REVOKE_CONFIRMATION": {"state": "REVOKED", "lastRevokeActivity": {"source": "REVOKE_LINK"}},
}


def standing(kind: str, consent: Entity) -> Standing:
    """What a click on such a link finds. 'link-used-again-changes-nothing', 'link-never-brings-back'"""
    state = consent["state"]
    if state == _CLICKS[kind]["state"]:
        return "used"
    if kind == "REVOKE_CONFIRMATION" or state == "PENDING":
        return "open"
    return "revoked" if state == "REVOKED" else "closed"


def click(kind: str, consent: Entity, *, now: str) -> Change:
    """What a click on an open link changes. `now` is the text of the instant."""
    _, (clicked,) = change_consent(consent, _CLICKS[kind], now=now)
    return clicked
