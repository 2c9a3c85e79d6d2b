"""The ways to spell one secret that are not undone by reading escapes: base64, hex, other letters."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from wixture.contracts.layers import MOST_LAYERS, decoded, stripped

_BASE64_LEAST = 7
"""Fewer letters, which a secret under six bytes makes, would be found in texts that know nothing of it."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """A word to look for in small letters, without spaces; `before` and `behind` it stand letters that tell bits.

    `mask` is what it is replaced by.
    """

    word: bytes
    mask: bytes
    before: int = 0
    behind: int = 0


def compact(text: str) -> bytes:
    """A text as it is looked for: UTF-8 without white space, ASCII in small letters."""
    return stripped(text.encode("utf-8", "surrogatepass")).view.lower()


def spellings(secret: str, mask: bytes) -> list[Spelling]:
    """Every spelling of a secret, the longest first. Case is not told apart."""
    found = {made.word: made for text in _variants(secret) for made in _of(text, mask)}
    return sorted(found.values(), key=lambda made: len(made.word), reverse=True)


def _variants(secret: str) -> Iterator[bytes]:
    """The secret's bytes: as it is, in other letters, in the character set of old, and with escapes in it read."""
    for text in dict.fromkeys((secret, secret.lower(), secret.upper(), secret.replace(" ", "+"))):
        yield text.encode("utf-8", "surrogatepass")
        if not text.isascii():
            yield text.encode("latin-1", "ignore")
            yield text.encode("utf-16-le", "surrogatepass")
    read = secret.encode("utf-8", "surrogatepass")
    for _ in range(MOST_LAYERS):
        before, read = read, decoded(read).view
        if read == before:
            return
        yield read


def _of(secret: bytes, mask: bytes) -> Iterator[Spelling]:
    plain = stripped(secret).view.lower()
    if len(plain) < _BASE64_LEAST - 1:
        return
    yield Spelling(plain, mask)
    yield Spelling(secret.hex().encode(), mask)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for skipped in (0, 1, 2):
            yield _in_base64(encode(b"\0" * skipped + secret), skipped, 8 * (skipped + len(secret)), mask)


def _in_base64(encoded: bytes, skipped: int, bits: int, mask: bytes) -> Spelling:
    """What base64 makes of a secret behind `skipped` other bytes: the letters that only the secret decides."""
    first, last = -(-8 * skipped // 6), bits // 6
    return Spelling(encoded[first:last].lower(), mask, before=int(skipped > 0), behind=int(bits % 6 > 0))
