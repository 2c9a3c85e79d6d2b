"""Makes the token of a delivery: dialect, claims, signature, or what a fault asks for instead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from wixture.contracts import dialect
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.webhooks.envelope import claims
from wixture.mockserver.webhooks.events import check_event
from wixture.mockserver.webhooks.signing import Keyring, SigningKey, sign
from wixture.mockserver.webhooks.tampering import forged

_MOST_MADE = 256


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """All that a token of an event follows from, beside the key. `issued_at` is in seconds since 1970."""

    event: DomainEvent
    instance_id: str
    tamper: str | None
    issued_at: int
    documented: bool = False


class TokenMaker:
    """Signs with a keyring. Safe to use from several threads."""

    def __init__(self, keyring: Keyring, *, virtual: bool) -> None:
        """`virtual` dates tokens by the tenant's clock, not by the wall clock that real verifiers go by."""
        self.keyring = keyring
        self._made: dict[tuple[TokenOrder, str], bytes] = {}
        self._virtual = virtual

    def issued_at(self, tenant: Tenant, wall_seconds: int) -> int:
        """When a token that is made now is issued, in seconds since 1970. 'webhook-token-lifetime'"""
        return max(0, tenant.clock.now() // 1_000_000) if self._virtual else wall_seconds

    def made(self, order: TokenOrder) -> bytes | None:
        """The token, if it was made before: all receivers of one event get one token within a second."""
        return self._made.get((order, self.keyring.current.kid))

    def make(self, order: TokenOrder) -> bytes:
        """The compact token of an event. About 0.4 ms: call it on a thread."""
        key = self.keyring.current
        made = self.made(order)
        if made is None:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            made = self._made[order, key.kid] = self._signed(order, key)
        return made

    def _signed(self, order: TokenOrder, key: SigningKey) -> bytes:
        event = in_dialect(order.event, documented=order.documented)
        if order.tamper is not None:
            return forged(order.tamper, event, order.instance_id, key, issued_at=order.issued_at).encode()
        return sign(claims(event, order.instance_id, issued_at=order.issued_at), key).encode()


def in_dialect(event: DomainEvent, *, documented: bool) -> DomainEvent:
    """The event as it is sent: corrected, or as the pages print it and checked against their contract."""
    if not documented:
        return event
    body = dialect.emitted(event.name, orjson.loads(event.body))
    check_event(dialect.documented(), event.name, body)
    return replace(event, body=orjson.dumps(body))
