"""Personal data, kept out of what is printed: addresses, numbers, and what people wrote about a person."""

from __future__ import annotations

import re
from typing import Any

REPLACED = "***"

_FIELDS = frozenset({"email", "phone", "description", "extendedFields"})
# Bounded repeats: the text may be long and somebody else's.
_EMAIL = re.compile(r"[^\s\"'<>(){}\[\],;:@/\\]{1,64}@[\w.-]{1,255}")
_PHONE = re.compile(r"\+[0-9]{6,15}")


def masked(value: Any) -> Any:
    """A JSON value, without the personal data in it."""
    if isinstance(value, dict):
        return {
            masked_text(key): _hidden(inner) if key in _FIELDS else masked(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """A text, without the email addresses and phone numbers in it."""
    return _PHONE.sub(REPLACED, _EMAIL.sub(REPLACED, text))


def is_personal(pointer: str, value: Any) -> bool:
    """Whether the value at a JSON pointer tells about a person: by where it stands, or by its form."""
    if any(step in _FIELDS for step in pointer.split("/")):
        return True
    return isinstance(value, str) and masked_text(value) != value


def _hidden(value: Any) -> Any:
    """Replaced, but for what tells nothing: that there is none."""
    return value if value is None or value == "" or value == {} else REPLACED
