"""Instants as text: how they are written, and how they compare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = len("2024-01-31T08:00:00")


def to_text(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC with three digits, the way the API writes dates."""
    moment = _EPOCH + timedelta(microseconds=micros)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant. Raises ValueError when it is none."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; end it with Z")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def sort_key(text: str) -> str:
    """A text that sorts like the instant: UTC with nine digits. Takes what the contract's Timestamp takes."""
    zone = 1 if text[-1] == "Z" else 6
    base, fraction = text[:_SECONDS], text[_SECONDS + 1 : -zone]
    if zone == 6:
        base = _in_utc(base, text[-6:])
    return f"{base}.{fraction:0<9}"


def _in_utc(base: str, offset: str) -> str:
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    shift = timedelta(minutes=-minutes if offset[0] == "+" else minutes)
    try:
        return (datetime.fromisoformat(base) + shift).isoformat()
    except OverflowError:  # within a day of the year 1 or 9999
        return base
