"""The outbox in PostgreSQL, in the statements of the store around it, and who drives which lane."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from wixture.mockserver.domain_events import Attempt, Delivery, DeliveryStatus, DomainEvent
from wixture.mockserver.store.delivery_rows import attempts_as_json, delivery_of, row_of
from wixture.mockserver.store.outbox import MOST_EVENTS, MOST_FAILING
from wixture.mockserver.store.postgres_pool import Pool
from wixture.mockserver.store.postgres_values import TENANT, storable
from wixture.mockserver.store.store import StorageUnavailable

log = logging.getLogger("wixture.webhooks")

_PRUNE_EVERY = 256
"""Events of a tenant that this server writes between two looks at how many there are."""
_GIVE_UP_EVERY = 10_000
"""Deliveries of a tenant that this server writes between two looks at how many have failed."""
_TIDY_SECONDS = 30.0
"""For a look that lets something go. The request that brought it about waits for it."""
_EVENT = "events.id, events.name, events.entity, events.time, events.body, events.identity"
_DELIVERY = "id, event, subscription, url, status, due, rank, tamper, fault, attempts"
_IN_ORDER = "ORDER BY due, rank, position"
_FAILING = f"{TENANT} AND status = 'pending' AND attempts <> '\\x5b5d'"  # the JSON of no attempts
# The oldest events go, and their deliveries, but none that is still to be delivered.
_PRUNE = f"""
WITH oldest AS (
  SELECT position FROM wixture.events WHERE {TENANT} ORDER BY position DESC LIMIT 1 OFFSET $2
), gone AS (
  DELETE FROM wixture.events WHERE {TENANT} AND position <= (SELECT position FROM oldest) AND NOT EXISTS (
    SELECT FROM wixture.deliveries WHERE event_position = events.position AND status = 'pending'
  ) RETURNING position
), told AS (
  DELETE FROM wixture.deliveries WHERE event_position IN (SELECT position FROM gone)
) UPDATE wixture.tenants SET events_gone = events_gone + (SELECT count(*) FROM gone)
WHERE instance_id = $1 AND EXISTS (SELECT FROM oldest)
"""  # noqa: S608
_GIVE_UP = f"""
UPDATE wixture.deliveries SET status = 'dropped' WHERE {_FAILING} AND position <= (
  SELECT position FROM wixture.deliveries WHERE {_FAILING} ORDER BY position DESC LIMIT 1 OFFSET $2
) RETURNING 1
"""  # noqa: S608
_ADD = f"SELECT wixture.tell(wixture.number_of($1), {', '.join(f'${number}' for number in range(2, 19))})"
_RECORD = f"UPDATE wixture.deliveries SET status = $3, due = $4, attempts = $5 WHERE {TENANT} AND id = $2"  # noqa: S608


class PostgresOutbox:
    """Events and deliveries by tenant."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._written: dict[str, int] = {}
        self._told: dict[str, int] = {}

    async def add(self, tenant: str, events: Sequence[DomainEvent], deliveries: Sequence[Delivery]) -> None:
        """Write events that no change of an entity caused, and deliveries."""
        await self._pool.write(_ADD, tenant, *told(events, deliveries))
        await self.tidy(tenant, len(events), len(deliveries))

    async def tidy(self, tenant: str, events: int, deliveries: int) -> None:
        """Keep a tenant within bounds after so many were written, every now and then. Raises nothing."""
        try:
            if events:
                count = self._written.get(tenant, _PRUNE_EVERY) + events  # a start looks once at what it finds
                self._written[tenant] = count if count < _PRUNE_EVERY else 0
                if count >= _PRUNE_EVERY:
                    await self._pool.write(_PRUNE, tenant, MOST_EVENTS, seconds=_TIDY_SECONDS)
            if deliveries:
                count = self._told.get(tenant, _GIVE_UP_EVERY) + deliveries
                self._told[tenant] = count if count < _GIVE_UP_EVERY else 0
                if count >= _GIVE_UP_EVERY:
                    await self._give_up(tenant)
        except StorageUnavailable as error:  # what was written is kept all the same
            log.warning("old events stay for now: %s", error)

    async def _give_up(self, tenant: str) -> None:
        """Drop the oldest of too many deliveries that failed: a receiver that is gone must not fill the database.

        What was never tried waits for somebody to flush it, and is kept whatever its number.
        """
        count = len(await self._pool.write(_GIVE_UP, tenant, MOST_FAILING, seconds=_TIDY_SECONDS))
        if count:
            log.warning("%d webhooks were dropped: %d that have failed wait for another try", count, MOST_FAILING)

    async def events(self, tenant: str) -> list[DomainEvent]:
        """Every event that is kept."""
        return await self._events(f"wixture.events WHERE {TENANT} ORDER BY position", tenant)

    async def event_of(self, tenant: str, delivery_id: str) -> DomainEvent | None:
        """The event that a delivery brings."""
        which = (
            "wixture.deliveries JOIN wixture.events ON events.position = deliveries.event_position "
            f"WHERE deliveries.{TENANT} AND deliveries.id = $2"
        )
        return next(iter(await self._events(which, tenant, storable(delivery_id))), None)

    async def _events(self, which: str, *values: Any) -> list[DomainEvent]:
        return [DomainEvent(*row) for row in await self._pool.fetch(f"SELECT {_EVENT} FROM {which}", *values)]  # noqa: S608

    async def deliveries(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept."""
        return await self._deliveries(f"{TENANT} ORDER BY event_position, position", tenant)

    async def in_turn(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept, in the order in which they go out, or went."""
        return await self._deliveries(f"{TENANT} {_IN_ORDER}", tenant)

    async def forgotten(self, tenant: str) -> int:
        """How many events are kept no longer, because there were too many."""
        rows = await self._pool.fetch("SELECT events_gone FROM wixture.tenants WHERE instance_id = $1", tenant)
        return int(rows[0][0]) if rows else 0

    async def delivery(self, tenant: str, delivery_id: str) -> Delivery | None:
        """One delivery."""
        return next(iter(await self._deliveries(f"{TENANT} AND id = $2", tenant, storable(delivery_id))), None)

    async def pending(self, tenant: str, *, by: int) -> list[Delivery]:
        """What is to be delivered by an instant, in the order in which it goes out."""
        return await self._deliveries(f"{TENANT} AND status = 'pending' AND due <= $2 {_IN_ORDER}", tenant, by)

    async def next_for(self, tenant: str, url: str) -> Delivery | None:
        """What goes out to a URL next, due or not."""
        which = f"{TENANT} AND status = 'pending' AND url = $2 {_IN_ORDER} LIMIT 1"
        return next(iter(await self._deliveries(which, tenant, url)), None)

    async def _deliveries(self, which: str, *values: Any) -> list[Delivery]:
        rows = await self._pool.fetch(f"SELECT {_DELIVERY} FROM wixture.deliveries WHERE {which}", *values)  # noqa: S608
        return [delivery_of(row) for row in rows]

    async def receivers(self, tenant: str) -> list[str]:
        """The URLs that something is still to be delivered to."""
        sql = f"SELECT DISTINCT url FROM wixture.deliveries WHERE {TENANT} AND status = 'pending'"  # noqa: S608
        return [url for (url,) in await self._pool.fetch(sql, tenant)]

    async def waiting(self) -> list[str]:
        """The tenants for which something is still to be delivered."""
        sql = (
            "SELECT instance_id FROM wixture.tenants WHERE EXISTS (SELECT FROM wixture.deliveries "
            "WHERE deliveries.tenant = tenants.tenant AND status = 'pending') ORDER BY tenant"
        )
        return [instance_id for (instance_id,) in await self._pool.fetch(sql)]

    async def count_pending(self) -> int:
        """How much is still to be delivered, of all tenants."""
        return int(
            (await self._pool.fetch("SELECT count(*) FROM wixture.deliveries WHERE status = 'pending'"))[0][0]
        )

    async def record(
        self, tenant: str, delivery_id: str, attempts: Sequence[Attempt], *, status: DeliveryStatus, due: int
    ) -> None:
        """Keep the attempts so far, and what follows from them. Nothing happens where the delivery is gone."""
        await self._pool.write(_RECORD, tenant, storable(delivery_id), status, due, attempts_as_json(attempts))

    # ---- lanes: one worker at a time sends to a receiver -----------------------------------------

    async def claim(self, tenant: str, url: str, *, worker: str, now: int, until: int) -> bool:
        """Take, or keep, the lane to one receiver for `until - now` microseconds; False while another has it."""
        rows = await self._pool.write("SELECT wixture.claim($1, $2, $3, $4)", tenant, url, worker, until - now)
        return bool(rows[0][0])

    async def release(self, tenant: str, url: str, *, worker: str) -> None:
        """Let go of the lane to one receiver, if it is this worker's."""
        sql = f"DELETE FROM wixture.lanes WHERE {TENANT} AND url = $2 AND worker = $3"  # noqa: S608
        await self._pool.write(sql, tenant, url, worker)


def told(events: Sequence[DomainEvent], deliveries: Sequence[Delivery]) -> list[Any]:
    """Events and deliveries of them as the function `tell` takes them."""
    if not events:
        return [None] * 17
    columns: list[Any] = list(
        zip(*((one.id, one.name, one.entity_id, one.time, one.body, one.identity) for one in events), strict=True)
    )
    if not deliveries:
        return [*columns, *[None] * 11]
    numbers = {event.id: number for number, event in enumerate(events, 1)}
    rows = ((numbers[delivery.event_id], *row_of(delivery)) for delivery in deliveries)
    return [*columns, *zip(*rows, strict=True)]
