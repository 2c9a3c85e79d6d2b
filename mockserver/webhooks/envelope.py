"""The three layers of a webhook token's claims, each a string in the one around it. Pure."""

from __future__ import annotations

import orjson

from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.webhooks.events import event_types

TOKEN_SECONDS = 300_000
"""How long a webhook token is good: as in the sample of the vendor's guide."""


def envelope(event: DomainEvent, instance_id: str) -> dict[str, str]:
    """The second layer: the event's type, the tenant, and the JSON of event and identity as strings."""
    return {
        "eventType": event_types()[event.name],
        "instanceId": instance_id,
        "data": event.body.decode(),
        "identity": event.identity.decode(),
    }


def claims(event: DomainEvent, instance_id: str, *, issued_at: int) -> bytes:
    """The JSON of the first layer. `issued_at` is in seconds since 1970."""
    data = orjson.dumps(envelope(event, instance_id)).decode()
    return orjson.dumps({"data": data, "iat": issued_at, "exp": issued_at + TOKEN_SECONDS})
