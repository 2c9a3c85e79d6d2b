"""Entities for store tests: each shows only the field that matters."""

from __future__ import annotations

from typing import Any

from wixture.mockserver.messages import ByIdentifier, Change, Entity, Identifier

INSTANT = "2024-05-01T12:00:00.000Z"


def guid(number: int, *, kind: int = 0xA) -> str:
    """The GUID with a number; a higher number sorts later."""
    return f"{kind:x}0000000-0000-4000-8000-{number:012x}"


def consent(number: int = 1, **fields: Any) -> Entity:
    """The consent with a number, which is in its ID and email address; `email` or `phone` names another one."""
    details = {"type": "EMAIL", "email": fields.pop("email", f"ada{number}@example.com")}
    if "phone" in fields:
        details = {"type": "PHONE", "phone": fields.pop("phone")}
    entity = {"id": guid(number), "revision": "1", "details": details, "state": "CONFIRMED", "extendedFields": {}}
    return {**entity, "createdDate": INSTANT, "updatedDate": INSTANT, **fields}


def channel(number: int = 1, **fields: Any) -> Entity:
    """The followed channel with a number, of account 1, channel X."""
    entity = {"id": guid(number, kind=0xC), "accountId": guid(1, kind=0xD), "channel": "X", "createdDate": INSTANT}
    return {**entity, **fields}


def created(entity: Entity) -> Change:
    """The change that makes an entity."""
    return Change("created", "followed_channel" if "channel" in entity else "marketing_consent", entity)


def updated(entity: Entity, *, based_on: str | None = None, **fields: Any) -> Change:
    """The change of an entity's fields: the next revision, based on the one it has unless told otherwise."""
    changed = {**entity, "revision": str(int(entity["revision"]) + 1), **fields}
    return Change("updated", "marketing_consent", changed, based_on=based_on or entity["revision"])


def deleted(entity: Entity, *, based_on: str | None = None) -> Change:
    """The change that deletes an entity, based on the revision it has unless told otherwise."""
    return Change("deleted", "marketing_consent", entity, based_on=based_on or entity["revision"])


def by_email(*keys: str, latest: bool = False) -> ByIdentifier:
    """The lookup of some email addresses, as they compare."""
    return ByIdentifier(tuple(Identifier("EMAIL", key) for key in keys), latest)


def by_phone(*phones: str) -> ByIdentifier:
    """The lookup of some phone numbers."""
    return ByIdentifier(tuple(Identifier("PHONE", phone) for phone in phones))
