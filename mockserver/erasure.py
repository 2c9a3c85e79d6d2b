"""Erases a person, as privacy laws demand: the consents of an identifier, what a member follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wixture.mockserver.messages import ByIdentifier, Change, EntityType, Followed, Identifier, email_key
from wixture.mockserver.tenants import Tenant

if TYPE_CHECKING:
    from wixture.mockserver.app import Application

ORIGIN = "anonymize"


async def erase(app: Application, tenant: Tenant, person: Mapping[str, str]) -> dict[str, int]:
    """How many entities are gone. The events say that a privacy erasure caused them. 'erasure-deletes'"""
    now = tenant.clock.now()
    lookup = _lookup(app, tenant, person)
    found = await app.store.find(tenant.instance_id, lookup, now=now)
    kind: EntityType = "followed_channel" if isinstance(lookup, Followed) else "marketing_consent"
    changes = [Change("deleted", kind, entity, based_on=entity.get("revision")) for entity in found.entities]
    await app.commit(tenant, changes, app.own_caller(tenant), origin=ORIGIN, now=now, anonymized=True)
    consents = 0 if isinstance(lookup, Followed) else len(changes)
    return {"marketingConsents": consents, "followedChannels": len(changes) - consents}


def _lookup(app: Application, tenant: Tenant, person: Mapping[str, str]) -> ByIdentifier | Followed:
    if "memberId" in person:
        account = app.auth.account_of("MEMBER", tenant.instance_id, person["memberId"].lower())
        return Followed(account or "", latest=True)
    if "email" in person:
        return ByIdentifier((Identifier("EMAIL", email_key(person["email"])),), latest=True)
    return ByIdentifier((Identifier("PHONE", person["phone"]),), latest=True)
