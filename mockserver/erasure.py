"""Erases a person, as privacy laws demand: the consents of an identifier, what a member follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wixture.mockserver.messages import ByIdentifier, Change, EntityType, Followed, Identifier, email_key
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.store.store import MOST_RACES, Conflict
from wixture.mockserver.tenant import Tenant

if TYPE_CHECKING:
    from wixture.mockserver.app import Application

ORIGIN = "anonymize"


async def erase(app: Application, tenant: Tenant, person: Mapping[str, str]) -> dict[str, int]:
    """How many entities are gone. The events say that a privacy erasure caused them. 'erasure-deletes'

    Raises Refusal when somebody else was faster again and again.
    """
    lookup = _lookup(app, tenant, person)
    for _ in range(MOST_RACES):
        try:
            count = await _erase(app, tenant, lookup)
        except Conflict:
            continue
        consents = 0 if isinstance(lookup, Followed) else count
        return {"marketingConsents": consents, "followedChannels": count - consents}
    raise Refusal("MOCK_CONFLICT", "Others kept changing what is to be erased; try again.")


async def _erase(app: Application, tenant: Tenant, lookup: ByIdentifier | Followed) -> int:
    """How many entities are gone. Raises Conflict, and then none is."""
    now = tenant.clock.now()
    found = await app.store.find(tenant.instance_id, lookup, now=now)
    kind: EntityType = "followed_channel" if isinstance(lookup, Followed) else "marketing_consent"
    changes = [Change("deleted", kind, entity, based_on=entity.get("revision")) for entity in found.entities]
    await app.commit(tenant, changes, app.own_caller(tenant), origin=ORIGIN, now=now, anonymized=True)
    return len(changes)


def _lookup(app: Application, tenant: Tenant, person: Mapping[str, str]) -> ByIdentifier | Followed:
    if "memberId" in person:
        account = app.auth.account_of("MEMBER", tenant.instance_id, person["memberId"].lower())
        return Followed(account or "", latest=True)
    if "email" in person:
        return ByIdentifier((Identifier("EMAIL", email_key(person["email"])),), latest=True)
    return ByIdentifier((Identifier("PHONE", person["phone"]),), latest=True)
