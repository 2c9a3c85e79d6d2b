"""Authorization codes: made by the control API, exchanged once at the token endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from wixture.mockserver.messages import IdentityType
from wixture.mockserver.settings import CODE_SECONDS

MOST_CODES = 1_000


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, good once: who it is for, and what must come with it."""

    identity: IdentityType
    instance_id: str
    subject_id: str
    challenge: str | None
    redirect_uri: str | None
    expires_at: int


def code_expiry(now: int) -> int:
    """When a code made now expires, in microseconds since 1970."""
    return now + CODE_SECONDS * 1_000_000
