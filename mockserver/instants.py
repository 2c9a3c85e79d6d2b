"""Instants as text: how they are written, and how they compare."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and last microsecond of the years 1 to 9999, since 1970."""

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = len("2024-01-31T08:00:00")


def to_text(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC with three digits, the way the API writes dates."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second_as_text(seconds)}.{rest // 1000:03d}Z"


@lru_cache(maxsize=256)  # the requests of one second share it
def _second_as_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00")


def from_text(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant. Raises ValueError when it is none."""
    if not _FORM.match(text):
        raise ValueError("it is no RFC 3339 instant with a time zone, such as 2024-01-31T08:00:00Z")
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    if not FIRST <= micros <= LAST:
        raise ValueError("it is outside the years 1 to 9999 in UTC")
    return micros


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
