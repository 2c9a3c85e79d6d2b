"""The keys of one server: what signs access tokens, link tokens and cursors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from wixture.mockserver.clock import entropy


@dataclass(frozen=True, slots=True)
class Keys:
    """Symmetric keys. They show in no `repr`, log or answer."""

    token: bytes = field(repr=False)
    link: bytes = field(repr=False)
    cursor: bytes = field(repr=False)


def make_keys(random_seed: int | None) -> Keys:
    """New keys that nobody can guess; with a random seed, always the same ones, so that runs repeat exactly."""
    if random_seed is None:
        return Keys(token=entropy(32), link=entropy(16), cursor=entropy(32))
    return Keys(
        token=_derived(random_seed, "token", 32),
        link=_derived(random_seed, "link", 16),
        cursor=_derived(random_seed, "cursor", 32),
    )


def _derived(random_seed: int, purpose: str, size: int) -> bytes:
    return hashlib.blake2b(f"key/{random_seed}/{purpose}".encode(), digest_size=size).digest()
