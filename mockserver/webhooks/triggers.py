"""Events that no call causes: about a stored entity, one that is given, or a generated one. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wixture.contracts.validation import own_contract
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.messages import Change, Entity
from wixture.mockserver.refusals import Refusal, invalid
from wixture.mockserver.seeds import seed_changes
from wixture.mockserver.tenant import Tenant

if TYPE_CHECKING:
    from wixture.mockserver.app import Application

ORIGIN = "trigger"
_SEED = "/components/schemas/Seed"


async def triggered(app: Application, tenant: Tenant, name: str, asked: Mapping[str, Any]) -> DomainEvent:
    """An event of a short name. Raises Refusal for an entity that is unknown or breaks the contract."""
    entity_type, _, kind = name.rpartition("_")
    if "entityId" in asked:
        entity = await _stored(app, tenant, entity_type, asked["entityId"])
    else:
        entity = _made(app, tenant, entity_type, kind, asked.get("entity", {}))
    change = Change(kind, entity_type, entity)  # type: ignore[arg-type]  # the two halves of a known name
    now = tenant.clock.now()
    (event,) = app.dispatch.events(tenant, [change], app.own_caller(tenant), origin=ORIGIN, now=now)
    return event


async def _stored(app: Application, tenant: Tenant, entity_type: str, entity_id: str) -> Entity:
    snapshot = await app.store.snapshot(tenant.instance_id)
    held = snapshot["followedChannels" if entity_type == "followed_channel" else "marketingConsents"]
    found = next((entity for entity in held if entity["id"] == entity_id.lower()), None)
    if found is None:
        raise Refusal("NOT_FOUND", f"This tenant has no {entity_type} with the ID {entity_id[:60]!r}.")
    return found


def _made(app: Application, tenant: Tenant, entity_type: str, kind: str, given: Mapping[str, Any]) -> Entity:
    """A whole entity around what is given, which is read as a seed is. Raises Refusal."""
    place = "followedChannels" if entity_type == "followed_channel" else "marketingConsents"
    seed: dict[str, Any] = {place: [{**_generated(tenant, entity_type, kind, given), **given}]}
    validation = own_contract("control")
    if not validation.accepts(_SEED, seed):
        found = validation.violations(_SEED, seed, where="body")
        raise invalid([replace(item, field=item.field.replace(f"{place}[0]", "entity")) for item in found])
    (change,) = seed_changes(
        seed,
        now=tenant.clock.now_text(),
        new_id=tenant.chance.new_id,
        account_of=lambda member: app.auth.account_of("MEMBER", tenant.instance_id, member) or "",
    )
    return change.entity


def _generated(tenant: Tenant, entity_type: str, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    new_id = tenant.chance.new_id()
    if entity_type == "followed_channel":
        return {"id": new_id, "channel": "X", **({} if "memberId" in given else {"accountId": new_id})}
    details = {"type": "EMAIL", "email": f"{new_id[:8]}@example.com"}
    return {"id": new_id, "revision": "2" if kind == "updated" else "1", "details": details}
