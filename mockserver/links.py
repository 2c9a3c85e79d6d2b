"""The links by which a visitor confirms or revokes a consent: a URL of the site with an encrypted token.

The token is `JWE.` and a compact JWE, as in the vendor's samples ('link-token-jwe' in spec/rules.yaml).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from types import ModuleType

import orjson

from wixture.mockserver import base64url
from wixture.mockserver.messages import Entity, value
from wixture.mockserver.settings import LINK_SECONDS

PAGES = {"CONFIRMATION": "subscribe", "REVOKE_CONFIRMATION": "unsubscribe"}
_PREFIX = "JWE."
_LONGEST = 4096


class BadLink(ValueError):
    """A link token that is forged, expired, another server's or none at all. It never says which."""


@value
class LinkClaims:
    """What a link token says: which consent of which site, and what the click does."""

    instance_id: str
    consent_id: str
    kind: str
    language: str | None


class Links:
    """Makes and reads links with one key. `public_url()` is the site's address when a link is made."""

    def __init__(self, key: bytes, public_url: Callable[[], str]) -> None:
        self._key = key
        self._key_name = base64url.encode(hashlib.blake2b(key, digest_size=6).digest())
        self._public_url = public_url

    @cached_property
    def _jwe(self) -> ModuleType:
        from wixture.mockserver import jwe  # joserfc costs 90 ms that a start need not wait for

        return jwe

    def make(self, claims: LinkClaims, *, now: int, draw: Callable[[int], bytes]) -> str:
        """The URL of a link, good for 30 days from `now`, in microseconds since 1970."""
        seconds = now // 1_000_000
        content = {
            "instanceId": claims.instance_id,
            "consentId": claims.consent_id,
            "type": claims.kind,
            "language": claims.language,
            "exp": seconds + LINK_SECONDS,
        }
        token = self._jwe.seal(orjson.dumps(content), self._key, self._key_name, draw)
        return f"{self._public_url()}/_manage-consent/{PAGES[claims.kind]}?token={_PREFIX}{token}"

    def read(self, token: str, *, now_at: Callable[[str], int]) -> LinkClaims:
        """What a token says. Raises BadLink, the same for every cause.

        `now_at` is the time at a site, in microseconds since 1970: which site's, only the token tells.
        """
        plaintext = None
        if len(token) <= _LONGEST and token.startswith(_PREFIX):
            plaintext = self._jwe.unseal(token.removeprefix(_PREFIX), self._key, self._key_name)
        content = orjson.loads(plaintext) if plaintext is not None else None
        if content is None or content["exp"] <= now_at(content["instanceId"]) // 1_000_000:
            raise BadLink("This link is not valid.")
        return LinkClaims(content["instanceId"], content["consentId"], content["type"], content["language"])


def claims_for(instance_id: str, kind: str, consent: Entity, language: str | None) -> LinkClaims:
    """The claims of a consent's link."""
    return LinkClaims(instance_id, consent["id"], kind, language)
