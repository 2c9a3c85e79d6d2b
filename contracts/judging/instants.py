"""Instants of RFC 3339 that may be somebody else's: read when they are some, and put in order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_FORM = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))\Z", re.ASCII
)

Instant = tuple[datetime, str]
"""A second of UTC, and nine digits of its fraction: compares as instants do."""


def instant(text: object) -> Instant | None:
    """The instant that a value spells; None when it is no text of RFC 3339, or no real date of the calendar."""
    found = _FORM.match(text) if isinstance(text, str) and len(text) < 60 else None
    if found is None:
        return None
    day, clock, fraction, sign, hours, minutes = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{clock}")
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return (local + offset if sign == "-" else local - offset), (fraction or "").ljust(9, "0")
    except (ValueError, OverflowError):
        return None
