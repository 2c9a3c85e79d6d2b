"""The query language once more, in the plainest Python: what the store's answers are compared with.

Written from the promises (wix-facts 7.7, interfaces 7), not from the code: two-valued logic over lists, dates
as whole nanoseconds, email addresses trimmed and in lower case letter by letter, so that a prefix stays one.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from wixture.mockserver.messages import Entity

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))")


def nanoseconds(instant: str) -> int:
    """The instant as nanoseconds since the day before 1 January 1."""
    found = _DATE.fullmatch(instant)
    assert found, instant
    day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = found.groups()
    seconds = date.fromisoformat(day).toordinal() * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    offset = (int(offset_hours) * 3600 + int(offset_minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    return (seconds - offset) * 10**9 + int(f"{fraction or '0':0<9}")


def comparable(name: str, value: str | None) -> Any:
    """A field's value, or one in a filter, as it compares."""
    if value is not None and name in ("createdDate", "updatedDate"):
        return nanoseconds(value)
    if value is not None and name == "details.email":
        return "".join(letter.lower() for letter in value.strip(" "))
    return value


def field_of(consent: Entity, name: str) -> Any:
    """What a filter compares: a consent's field, None where it has none."""
    value: Any = consent
    for part in name.split("."):
        value = value.get(part)
    return comparable(name, value)


def matches(consent: Entity, filter_: Any) -> bool:
    """Whether a consent matches a filter."""
    return all(_holds(consent, name, wanted) for name, wanted in (filter_ or {}).items())


def _holds(consent: Entity, name: str, wanted: Any) -> bool:
    if name == "$and":
        return all(matches(consent, part) for part in wanted)
    if name == "$or":
        return any(matches(consent, part) for part in wanted)
    if name == "$not":
        return wanted is None or not matches(consent, wanted)  # null is absent
    value = field_of(consent, name)
    operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    return all(_compares(name, operator, value, operand) for operator, operand in operators.items())


def _compares(name: str, operator: str, value: Any, operand: Any) -> bool:
    if operator == "$exists":
        return (value is not None) == operand
    if operator == "$in":
        return value in [comparable(name, member) for member in operand]
    if operator == "$startsWith":
        start = operand.lstrip(" ")
        lowered = "".join(letter.lower() for letter in start) if name == "details.email" else operand
        return value is not None and value.startswith(lowered)
    wanted = comparable(name, operand)
    if operator in ("$eq", "$ne"):
        return (value == wanted) == (operator == "$eq")
    return {"$lt": value < wanted, "$lte": value <= wanted, "$gt": value > wanted, "$gte": value >= wanted}[
        operator
    ]


def ordered(consents: list[Entity], sort: Any) -> list[Entity]:
    """Consents by the entries of a sort in turn, ties by ID in the direction of the last one."""
    descending = bool(sort) and sort[-1].get("order") == "DESC"
    found = sorted(consents, key=lambda consent: consent["id"], reverse=descending)
    for entry in reversed(sort or []):
        name = entry["fieldName"]
        found.sort(key=lambda consent, name=name: field_of(consent, name), reverse=entry.get("order") == "DESC")
    return found
