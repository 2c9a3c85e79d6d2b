"""Consents that are there before a run, and must be there after it, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OTHER_RUN = "240131otherrun"
"""The name of a run that is not the one that is made."""


def stranger() -> dict[str, Any]:
    """Somebody's consent."""
    return {
        "details": {"type": "EMAIL", "email": "Grace@Example.org"},
        "state": "CONFIRMED",
        "lastConfirmationActivity": {"source": "FORM", "description": "Before any run."},
    }


def strangers() -> Iterator[dict[str, Any]]:
    """Somebody's, and such as another run leaves: by the look, nobody could tell them from the run's own."""
    yield stranger()
    for number, name in enumerate(("life-of-an-email-consent-ada", "pages-q1", "bulk-ben")):
        yield {
            "details": {"type": "EMAIL", "email": f"wixture-{OTHER_RUN}-{name}@example.com"},
            "state": "CONFIRMED",
            "lastConfirmationActivity": {"source": "FORM", "description": f"wixture run {OTHER_RUN}"},
        }
        yield {"details": {"type": "PHONE", "phone": f"+1212555010{number}"}, "state": "NEVER_CONFIRMED"}
