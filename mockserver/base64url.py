"""Base64url without padding, read strictly: one text for each value, so that no bit can be flipped unseen."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*\Z")


def encode(data: bytes) -> str:
    """The text of some bytes."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def encode_all(parts: Iterable[bytes]) -> str:
    """The texts of several pieces of bytes, separated by dots."""
    return b".".join(map(b2a_base64, parts)).translate(_URL_SAFE, b"=\n").decode("ascii")


def decode(text: str) -> bytes | None:
    """The bytes of a text; None when the text is not the one that `encode` makes."""
    if len(text) % 4 == 1 or not _ALPHABET.match(text):
        return None
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if encode(data) == text else None
