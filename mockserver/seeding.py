"""Puts seeds into the store: the one of the launch, and those that are posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wixture.mockserver.messages import Change
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.seeds import place_of, seed_changes
from wixture.mockserver.store.store import Conflict
from wixture.mockserver.tenants import Tenant

if TYPE_CHECKING:
    from wixture.mockserver.app import Application

_ORIGIN = "seedTenant"


async def load_launch_seed(app: Application, tenant: Tenant) -> None:
    """Empty a tenant, then fill the default one with the seed the server was started with."""
    await app.store.load(tenant.instance_id, (), replace=True)
    if app.launch_seed and tenant.instance_id == app.settings.instance_id:
        await add_seed(app, tenant, app.launch_seed)


async def add_seed(
    app: Application, tenant: Tenant, seed: Mapping[str, Any], *, events: bool = False
) -> dict[str, int]:
    """Add a valid seed document's entities; the counts. Raises Refusal 409, and then nothing is stored.

    With `events` each of them is told of as created by the app.
    """
    mark = tenant.chance.mark()
    changes = seed_changes(
        seed,
        now=tenant.clock.now_text(),
        new_id=tenant.chance.new_id,
        account_of=lambda member: app.auth.account_of("MEMBER", tenant.instance_id, member) or "",
    )
    try:
        await _store(app, tenant, changes, events=events)
    except Conflict as error:
        tenant.chance.rewind_to(mark)
        place = place_of(error.position, seed)
        text = f"{place} has an ID, identifier or channel that is taken. Nothing was stored."
        raise Refusal("ALREADY_EXISTS", text, rule="consent-one-per-identifier") from error
    if "channels" in seed:
        tenant.channels = frozenset(seed["channels"])
    counts = Counter(change.entity_type for change in changes)
    return {
        "marketingConsents": counts["marketing_consent"],
        "followedChannels": counts["followed_channel"],
    }


async def _store(app: Application, tenant: Tenant, changes: Sequence[Change], *, events: bool) -> None:
    if events:
        await app.commit(tenant, changes, app.own_caller(tenant), origin=_ORIGIN, now=tenant.clock.now())
    else:
        await app.store.load(tenant.instance_id, changes, replace=False)
