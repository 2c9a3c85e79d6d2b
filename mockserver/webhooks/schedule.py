"""When a delivery that failed is tried again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wixture.mockserver.domain_events import Attempt

_MINUTE, _HOUR = 60, 3600
WAITS = (
    _MINUTE,
    10 * _MINUTE,
    *[1 * _HOUR],
    *[2 * _HOUR] * 3,
    *[4 * _HOUR] * 3,
    *[8 * _HOUR] * 2,
    12 * _HOUR,
)
"""Seconds after each failure, 47 h 11 min in all. 'delivery-schedule'"""
MOST_ATTEMPTS = 1 + len(WAITS)


def next_due(attempts: Sequence[Attempt], *, failed_at: int) -> int | None:
    """When to try again after the last of some scheduled attempts failed, in microseconds; None: never."""
    failures = sum(not attempt.by_hand for attempt in attempts)
    if failures > len(WAITS):
        return None
    return failed_at + WAITS[failures - 1] * 1_000_000
