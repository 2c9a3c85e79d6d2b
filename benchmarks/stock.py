"""Consents in any number, as seed documents: half by email and half by phone, one a second, in mixed order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.plans import json_bytes

FIRST_DAY = "2020-01-01"
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_A_DOCUMENT = 20_000
"""Consents in one document: about 6 MB of the 64 MiB that a seed's body may have."""


def documents(size: int) -> Iterator[bytes]:
    """The seed documents of that many consents; the same ones each time."""
    for start in range(0, size, _A_DOCUMENT):
        consents = [_consent(number) for number in range(start, min(start + _A_DOCUMENT, size))]
        yield json_bytes({"marketingConsents": consents})


def _consent(number: int) -> dict[str, Any]:
    """Every twentieth is revoked, the rest are confirmed."""
    at = (_FIRST + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    named = {"type": "EMAIL", "email": f"u{number:07}@example.com"}
    if number % 2:
        named = {"type": "PHONE", "phone": f"+1917{number:07}"}
    activity = {"source": "FORM", "description": "newsletter", "optInLevel": "SINGLE_CONFIRMATION"}
    return {
        "details": named,
        "state": "REVOKED" if number % 20 == 0 else "CONFIRMED",
        "lastConfirmationActivity": activity,
        "createdDate": at,
        "updatedDate": at,
    }
