"""Puts seeds into the store: the one of the launch, and those that are posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wixture.mockserver.messages import Change
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.seeds import place_of, seed_changes
from wixture.mockserver.store.store import Conflict, IdTaken, RecordChanged, StorageUnavailable
from wixture.mockserver.tenant import Tenant

if TYPE_CHECKING:
    from wixture.mockserver.app import Application

_ORIGIN = "seedTenant"
Write = Callable[["Application", Tenant, Sequence[Change]], Awaitable[None]]


async def reset(app: Application, tenant: Tenant) -> None:
    """A tenant as it was at launch. Raises StorageUnavailable; it is what it was then."""
    streams = [(stream, stream.mark()) for stream in (tenant.chance, tenant.secrets)]
    try:
        with app.tenants.unless_refused(tenant):
            app.tenants.rewind(tenant)
            await load_launch_seed(app, tenant)
    except (RecordChanged, StorageUnavailable):
        for stream, mark in streams:
            stream.rewind_to(mark)
        raise
    app.dispatch.forget(tenant)
    await app.journals.clear(tenant)


async def load_launch_seed(app: Application, tenant: Tenant) -> None:
    """Empty a tenant, then fill the default one with the seed the server was started with; both or neither."""
    default = tenant.instance_id == app.settings.instance_id
    await _add(app, tenant, app.launch_seed if default else {}, _replaced)


async def add_seed(
    app: Application, tenant: Tenant, seed: Mapping[str, Any], *, events: bool = False
) -> dict[str, int]:
    """Add a valid seed document's entities; the counts. Raises Refusal 409, and then nothing is stored.

    With `events` each of them is told of as created by the app.
    """
    return await _add(app, tenant, seed, _told if events else _added)


async def _add(app: Application, tenant: Tenant, seed: Mapping[str, Any], write: Write) -> dict[str, int]:
    mark = tenant.chance.mark()
    changes = seed_changes(
        seed,
        now=tenant.clock.now_text(),
        new_id=tenant.chance.new_id,
        account_of=lambda member: app.auth.account_of("MEMBER", tenant.instance_id, member) or "",
    )
    try:
        with app.tenants.unless_refused(tenant):
            if "channels" in seed:
                tenant.channels = frozenset(seed["channels"])
            await write(app, tenant, changes)
    except Conflict as error:
        tenant.chance.rewind_to(mark)
        if isinstance(error, RecordChanged):
            raise
        place = place_of(error.position, seed)
        text = f"{place} has an ID, identifier or channel that is taken. Nothing was stored."
        raise Refusal("ALREADY_EXISTS", text, rule="consent-one-per-identifier") from error
    counts = Counter(change.entity_type for change in changes)
    return {
        "marketingConsents": counts["marketing_consent"],
        "followedChannels": counts["followed_channel"],
    }


async def load(app: Application, tenant: Tenant, changes: Sequence[Change], *, replace: bool) -> None:
    """Write new entities, seen by every read at once, and the tenant as it is. Raises Conflict."""
    tenants = app.tenants
    record, based_on = tenants.record(tenant), tenants.based_on(tenant)
    version = await app.store.load(
        tenant.instance_id, changes, replace=replace, record=record, record_based_on=based_on
    )
    tenants.note_saved(tenant, record, version)


async def _replaced(app: Application, tenant: Tenant, changes: Sequence[Change]) -> None:
    await load(app, tenant, changes, replace=True)


async def _added(app: Application, tenant: Tenant, changes: Sequence[Change]) -> None:
    await load(app, tenant, changes, replace=False)


async def _told(app: Application, tenant: Tenant, changes: Sequence[Change]) -> None:
    """Write new entities, each with its event. Raises Conflict."""
    while True:
        try:
            await app.commit(tenant, changes, app.own_caller(tenant), origin=_ORIGIN, now=tenant.clock.now())
        except IdTaken as error:
            if error.position is not None:
                raise  # an entity's, which the seed names; an event's is drawn anew
        else:
            return
