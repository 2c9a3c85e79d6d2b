"""What happened to a consent before it came to stand where it stands: activities, dates and revision. Pure."""

from __future__ import annotations

from typing import Any

from wixture.mockserver.instants import to_text
from wixture.mockserver.people import Person
from wixture.mockserver.rules.consent_fields import ACTIVITY_OF

_AT_ONCE = ("FORM", "IN_PERSON", "EMAIL_SERVICE")
_REVOKED_BY = ("REVOKE_LINK", "FORM", "IN_PERSON")


def story(person: Person, state: str, *, begun: int, latest: int) -> dict[str, Any]:
    """State, activities, `updatedDate` and revision of a consent that was created at `begun`.

    Both instants are in microseconds since 1970; nothing happened after `latest`.
    """
    third = max(0, latest - begun) // 3
    told = _signed_up(person, state, begun, begun + third) if state in ACTIVITY_OF else {}
    told = {"revision": "1", "updatedDate": to_text(begun), **told}
    if state == "REVOKED":
        told |= _revoked(person, begun + 2 * third, after=int(told["revision"]))
    return {"state": state, **told}


def _signed_up(person: Person, state: str, begun: int, confirmed: int) -> dict[str, Any]:
    """The confirmation that is awaited, came through a link, or was given at once."""
    is_double = state == "PENDING" or person.below("double", 2) == 1
    activity = {"description": person.occasion("sign-up")}
    if not is_double:
        activity |= {"source": person.one_of("source", _AT_ONCE), "optInLevel": "SINGLE_CONFIRMATION"}
        return {"lastConfirmationActivity": {**activity, "updatedDate": to_text(begun)}}
    activity |= {"optInLevel": "DOUBLE_CONFIRMATION"}
    if state == "PENDING":
        return {"lastConfirmationActivity": {**activity, "source": "FORM", "updatedDate": to_text(begun)}}
    when = to_text(confirmed)
    activity |= {"source": "LINK_CONFIRMATION", "updatedDate": when}
    return {"lastConfirmationActivity": activity, "updatedDate": when, "revision": "2"}


def _revoked(person: Person, at: int, *, after: int) -> dict[str, Any]:
    when = to_text(at)
    activity = {
        "source": person.one_of("revoked by", _REVOKED_BY),
        "description": person.occasion("farewell"),
        "updatedDate": when,
    }
    return {"lastRevokeActivity": activity, "updatedDate": when, "revision": str(after + 1)}
