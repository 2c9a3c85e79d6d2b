"""What a caller of a factory may name, and where each name belongs in the entity."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wixture.contracts.validation import own_contract
from wixture.contracts.violations import nearest
from wixture.mockserver.instants import from_text, to_text
from wixture.mockserver.rules.consent_fields import ACTIVITY_OF

Instant = datetime | int | str
"""A datetime with a time zone, microseconds since 1970, or RFC 3339 text."""

_CONSENT = (
    *("id", "revision", "details", "state", "lastConfirmationActivity", "lastRevokeActivity", "extendedFields"),
    *("createdDate", "updatedDate"),
)
_OBJECTS = ("details", "lastConfirmationActivity", "lastRevokeActivity", "extendedFields")
_OF_DETAILS = {"channel": "type", "email": "email", "phone": "phone"}
_OF_ACTIVITY = ("source", "description", "optInLevel")
_FOLLOW = ("id", "accountId", "memberId", "channel", "createdDate")
_MOST_TOLD = 5


def consent_fields(call: str, given: Mapping[str, Any], *, activity: str | None = None) -> dict[str, Any]:
    """The fields of a consent that a caller named, each in its place. Raises TypeError and ValueError.

    `activity` is where source and description belong; when absent, it follows from the state.
    """
    named = _known(call, given, (*_CONSENT, *_OF_DETAILS, *_OF_ACTIVITY))
    fields = {name: value for name, value in named.items() if name in _CONSENT}
    details = _details(call, named)
    if details is not None:
        fields["details"] = details
    for part in _OF_ACTIVITY:
        if part in named:
            home = _activity_of(call, part, named, activity)
            fields[home] = merged(fields.get(home) or {}, {part: named[part]})
    return fields


def follow_fields(call: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a followed channel that a caller named. Raises TypeError and ValueError."""
    named = _known(call, given, _FOLLOW)
    if named.get("memberId") is not None and named.get("accountId") is not None:
        raise ValueError(
            f"{call} was given memberId and accountId; the account follows from the member: give one."
        )
    return named


def merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` with what is given, object by object; a None takes a field away."""
    result = dict(base)
    for name, value in given.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if both else value
    return {name: value for name, value in result.items() if value is not None}


def checked(call: str, contract: str, pointer: str, value: dict[str, Any], *, below: str) -> dict[str, Any]:
    """A value that keeps a schema of one of our contracts. Raises ValueError with the reasons for another.

    `below` is what the caller of a factory did not write of the fields' paths.
    """
    validation = own_contract(contract)
    if not validation.accepts(pointer, value):
        found = validation.violations(pointer, value)[:_MOST_TOLD]
        reasons = "; ".join(f"{item.field.removeprefix(below)} {item.description}" for item in found)
        raise ValueError(f"{call} would break the contract: {reasons}")
    return value


def micros(instant: Instant) -> int:
    """Microseconds since 1970. Raises ValueError for what is no instant, or has no time zone."""
    if isinstance(instant, datetime):
        if instant.tzinfo is None:
            raise ValueError(f"{instant!r} has no time zone; make it with datetime(…, tzinfo=UTC).")
        return from_text(instant.isoformat())
    return from_text(instant) if isinstance(instant, str) else instant


def instant_or(otherwise: int, given: Any) -> int:
    """The instant of a given text, in microseconds since 1970; `otherwise` for none, or for what is none."""
    try:
        return otherwise if given is None else micros(given)
    except (ValueError, TypeError):
        return otherwise  # the contract says what is wrong with it


def _known(call: str, given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What is given, by the contract's names: `created_date` is `createdDate`."""
    known = {_snake(name): name for name in names}
    result: dict[str, Any] = {}
    for name, value in given.items():
        meant = known.get(_snake(name))
        if meant is None:
            close = nearest(name, known.values())
            hint = f" Closest: {close}." if close else ""
            raise TypeError(f"{call} knows no field {name!r}.{hint} Known: {', '.join(known.values())}.")
        if meant in result:
            raise TypeError(f"{call} was given {meant} twice, in two spellings; keep one.")
        if meant in _OBJECTS and not isinstance(value, Mapping | None):
            raise TypeError(f"{call} was given {meant}={value!r:.60}; an object is expected.")
        result[meant] = to_text(micros(value)) if isinstance(value, datetime) else copy.deepcopy(value)
    return result


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _details(call: str, named: Mapping[str, Any]) -> dict[str, Any] | None:
    flat = {part: named[name] for name, part in _OF_DETAILS.items() if named.get(name) is not None}
    details = merged(named.get("details") or {}, flat)
    if not details:
        return None
    types = [kind for kind in ("EMAIL", "PHONE") if kind.lower() in details]
    kind = details.setdefault("type", types[0] if types else "EMAIL")
    if len(types) > 1 or (types and kind in ("EMAIL", "PHONE") and types[0] != kind):
        wrong = " and ".join(name.lower() for name in types)
        raise ValueError(
            f"{call} was given {wrong} for a consent of channel {kind}; one consent has one identifier: "
            "give email, or phone, and no other channel."
        )
    return details


def _activity_of(call: str, part: str, named: Mapping[str, Any], activity: str | None) -> str:
    if part == "optInLevel":
        return "lastConfirmationActivity"
    state = named.get("state") or "CONFIRMED"
    home = activity or ACTIVITY_OF.get(state)
    if home is None:
        raise ValueError(
            f"{call} was given {part}, and a consent in state {state} has neither been confirmed nor revoked: "
            "leave it out, or name lastConfirmationActivity or lastRevokeActivity yourself."
        )
    return home
