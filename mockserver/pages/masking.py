"""An address as somebody recognises it who knows it, and nobody else learns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "•••"
_SHORT_PHONE = 8


def masked(details: Mapping[str, Any]) -> str:
    """The email address or phone number of a consent: `a•••@e•••.com`, `+19•••••22`."""
    if details["type"] == "EMAIL":
        name, _, domain = details["email"].strip().rpartition("@")
        host, dot, top = domain.rpartition(".")
        return f"{_first(name)}{HIDDEN}@{_first(host or top)}{HIDDEN}" + (f".{top}" if host and dot else "")
    phone = str(details["phone"])
    if len(phone) < _SHORT_PHONE:
        return f"{phone[:2]}•••••"
    return f"{phone[:3]}•••••{phone[-2:]}"


def _first(text: str) -> str:
    """The first character, unless it is one that turns or hides what follows."""
    return text[:1] if text[:1].isprintable() else ""
