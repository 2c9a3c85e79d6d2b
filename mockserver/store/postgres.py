"""The store on PostgreSQL: any number of servers on one database, each commit one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import orjson

from wixture.mockserver.domain_events import Delivery, DomainEvent
from wixture.mockserver.messages import (
    ById,
    ByIdentifier,
    Change,
    Entity,
    Followed,
    Found,
    Identifier,
    Lookup,
    Nothing,
    Page,
    Parsed,
)
from wixture.mockserver.store.in_thread import run_apart
from wixture.mockserver.store.postgres_address import Address
from wixture.mockserver.store.postgres_layout import begin
from wixture.mockserver.store.postgres_outbox import PostgresOutbox, told
from wixture.mockserver.store.postgres_pool import MUCH_SECONDS, Connection, Pool, connect
from wixture.mockserver.store.postgres_sites import TRY_OUT, PostgresSites
from wixture.mockserver.store.postgres_troubles import FAILURES, bad_state, conflict
from wixture.mockserver.store.postgres_values import TENANT, Numbers, columns_of, storable
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.sql_pages import pages
from wixture.mockserver.store.store import BadState, Snapshot, StorageUnavailable

_COMMIT = f"SELECT * FROM wixture.commit({', '.join(f'${number}' for number in range(1, 33))})"  # noqa: S608
_WRITE = f"SELECT wixture.{{}}write({', '.join(f'${number}' for number in range(1, 12))})"
_NUMBER_OF = "SELECT wixture.number_of($1)"
_CLEAR = "SELECT wixture.clear($1)"
_LATE = "UPDATE wixture.pending SET due = $2 WHERE tenant = $1 AND due > $2"
_NEXT = "SELECT position, due, change FROM wixture.pending WHERE tenant = $1 ORDER BY position"
_SEEN = "DELETE FROM wixture.pending WHERE tenant = $1 AND position <= $2"
_MANY = 500
"""New entities since statistics were last brought up to date: beyond, the planner is told of them."""


class PostgresStore:
    """Entities in a PostgreSQL database. Use `open`; `launch` is what a server starts from.

    With a lag, reads see a second set of tables that writes reach later.
    """

    survives = True
    shared = True

    def __init__(self, address: Address, launch: Launch, *, lag_ms: int = 0) -> None:
        self.launch = launch
        self._pool = Pool(address)
        self._lag = lag_ms * 1000
        self._schema = "wixture.seen_" if lag_ms else "wixture."
        self._loaded, self._told_planner = 0, 0
        self.outbox = PostgresOutbox(self._pool)
        self.sites = PostgresSites(self._pool)

    @classmethod
    def open(cls, dsn: str, new: Callable[[], Launch], *, lag_ms: int = 0) -> Self:
        """The store in a database, whose schema is made where there is none: `new` is what it starts from then.

        Raises BadState for a database that cannot be reached or used, and leaves it as it is.
        """
        address = Address.of(dsn)
        try:
            launch = run_apart(_launched(address, new, lagging=lag_ms > 0))
        except BadState as error:
            raise BadState(f"{address.place} cannot be used: {error}") from error
        except FAILURES as error:
            raise bad_state(address, error) from None
        return cls(address, launch, lag_ms=lag_ms)

    # ---- reads -----------------------------------------------------------------------------------

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        """What is there for a lookup. `now`, in microseconds, decides what a lagging read sees."""
        if isinstance(lookup, Nothing):
            return Found(lookup, [])
        schema = self._schema
        if self._lag:
            if getattr(lookup, "latest", False):
                schema = "wixture."
            else:
                await self._catch_up(tenant, now)
        if isinstance(lookup, Page):
            return Found(lookup, stored=await self._page(schema, tenant, lookup))
        if isinstance(lookup, Followed):
            return Found(lookup, await self._followed(schema, tenant, lookup))
        if isinstance(lookup, ById):
            sql = f"SELECT body FROM {schema}consents WHERE {TENANT} AND id = $2"  # noqa: S608
            return Found(lookup, Parsed(await self._bodies(sql, tenant, storable(lookup.id))))
        return Found(lookup, Parsed(await self._by_identifiers(schema, tenant, lookup)))

    async def _by_identifiers(self, schema: str, tenant: str, lookup: ByIdentifier) -> list[bytes]:
        found: list[bytes] = []
        for column, kind in (("email", "EMAIL"), ("phone", "PHONE")):
            wanted = _keys(lookup.identifiers, kind)
            if wanted:
                sql = f"SELECT body FROM {schema}consents WHERE {TENANT} AND {column} = ANY($2::text[])"  # noqa: S608
                found += await self._bodies(sql, tenant, wanted)
        return found

    async def _followed(self, schema: str, tenant: str, lookup: Followed) -> list[Entity]:
        sql = f"SELECT body FROM {schema}channels WHERE {TENANT} AND account = $2 "  # noqa: S608
        sql += "ORDER BY created DESC, position DESC"
        return [orjson.loads(body) for body in await self._bodies(sql, tenant, storable(lookup.account_id))]

    async def _page(self, schema: str, tenant: str, page: Page) -> list[bytes]:
        asking = pages(f"{schema}consents", page, tenant, Numbers)
        sql, values = next(asking)
        try:
            while True:
                sql, values = asking.send(await self._pool.fetch(sql, *values))
        except StopIteration as read:
            return list(read.value)

    async def _bodies(self, sql: str, *values: Any) -> list[bytes]:
        return [body for (body,) in await self._pool.fetch(sql, *values)]

    async def _catch_up(self, tenant: str, now: int) -> None:
        """Let lagging reads see what is due by now."""
        sql = f"SELECT tenant FROM wixture.pending WHERE {TENANT} LIMIT 1"  # noqa: S608
        waiting = await self._pool.fetch(sql, tenant)
        if waiting:
            await self._pool.transact(lambda db: _let_see(db, waiting[0][0], now, self._lag))

    # ---- writes ----------------------------------------------------------------------------------

    async def commit(
        self,
        tenant: str,
        changes: Sequence[Change],
        *,
        now: int,
        events: Sequence[DomainEvent] = (),
        deliveries: Sequence[Delivery] = (),
        record: bytes | None = None,
        record_based_on: int | None = None,
    ) -> int | None:
        """Write all changes, with their events and deliveries and the tenant's record, or nothing.

        The record's new version. Raises Conflict, or RecordChanged.
        """
        if not changes:
            return None
        seen = (now + self._lag, [_deferred(change) for change in changes] if self._lag else None)
        written = (*columns_of(changes), *told(events, deliveries), *seen, record, record_based_on)
        ((verdict, version),) = await self._pool.write(_COMMIT, tenant, *written)
        if verdict is not None:
            raise conflict(verdict, "0")
        await self.outbox.tidy(tenant, len(events), len(deliveries))
        return version  # type: ignore[no-any-return]

    async def load(
        self,
        tenant: str,
        changes: Sequence[Change],
        *,
        replace: bool,
        record: bytes | None = None,
        record_based_on: int | None = None,
    ) -> int | None:
        """Write new entities and the tenant's record, all or none, seen by every read at once. Raises Conflict."""

        async def body(db: Connection) -> int | None:
            key = await db.fetchval(_NUMBER_OF, tenant)
            if replace:
                await db.execute(_CLEAR, key, timeout=MUCH_SECONDS)
            if self._lag:
                await _let_see(db, key, None, self._lag)
            for prefix in ("", "seen_") if self._lag else ("",):
                await _write(db, prefix, key, changes)
            if record is None:
                return None
            return int(await db.fetchval("SELECT wixture.keep($1, $2, $3)", key, record, record_based_on))

        version = await self._pool.transact(body)
        await self._tell_planner(len(changes))
        return version

    async def _tell_planner(self, loaded: int) -> None:
        self._loaded += loaded
        if self._loaded >= _MANY and self._loaded >= 2 * self._told_planner:
            with suppress(StorageUnavailable):
                vacuum = "VACUUM (ANALYZE) wixture.consents, wixture.seen_consents"
                await self._pool.write(vacuum, seconds=MUCH_SECONDS)
            self._told_planner = self._loaded

    async def forget(self, tenant: str) -> None:
        """Remove a tenant with everything it has."""

        async def body(db: Connection) -> None:
            sql = "SELECT tenant FROM wixture.tenants WHERE instance_id = $1 FOR UPDATE"
            key = await db.fetchval(sql, tenant)
            await db.execute(_CLEAR, key, timeout=MUCH_SECONDS)
            for table in ("lanes", "exchanges", "tenants"):
                sql = f"DELETE FROM wixture.{table} WHERE tenant = $1"  # noqa: S608
                await db.execute(sql, key, timeout=MUCH_SECONDS)

        await self._pool.transact(body)

    async def snapshot(self, tenant: str) -> Snapshot:
        """Everything of a tenant: consents by ID, channels by account and age."""
        consents = f"SELECT body FROM wixture.consents WHERE {TENANT} ORDER BY id"  # noqa: S608
        channels = f"SELECT body FROM wixture.channels WHERE {TENANT} ORDER BY account, created, position"  # noqa: S608
        return {
            "marketingConsents": await self._all(consents, tenant),
            "followedChannels": await self._all(channels, tenant),
        }

    async def _all(self, sql: str, tenant: str) -> list[Entity]:
        return [orjson.loads(body) for (body,) in await self._pool.fetch(sql, tenant, seconds=MUCH_SECONDS)]

    async def settled(self) -> None:
        """Return when all that was read so far is kept: PostgreSQL shows nothing else."""

    async def check(self) -> str | None:
        """Why nothing can be written now, found out by writing; None when it can."""
        try:
            await self._pool.fetch(TRY_OUT)  # means nothing: it can be asked again, and ends with who waits for it
        except StorageUnavailable as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.close()


async def _launched(address: Address, new: Callable[[], Launch], *, lagging: bool) -> Launch:
    db = await connect(address)
    try:
        return await begin(db, new, lagging=lagging)
    finally:
        await asyncio.wait_for(db.close(), 5)


def _keys(identifiers: Sequence[Identifier], kind: str) -> list[str]:
    return [storable(identifier.key) for identifier in identifiers if identifier.type == kind]


def _deferred(change: Change) -> bytes:
    return orjson.dumps([change.kind, change.entity_type, change.entity, change.based_on])


async def _write(db: Connection, prefix: str, key: int, changes: Sequence[Change]) -> None:
    if changes:
        verdict = await db.fetchval(_WRITE.format(prefix), key, *columns_of(changes), timeout=MUCH_SECONDS)
        if verdict is not None:
            raise conflict(verdict, "0")


async def _let_see(db: Connection, key: int, now: int | None, lag: int) -> None:
    """Let the seen tables reach what is due, in the order it was written; all of it without a `now`."""
    await db.execute("SELECT FROM wixture.tenants WHERE tenant = $1 FOR UPDATE", key)
    if now is not None:  # a clock that went back must not hide writes for longer than the lag
        await db.execute(_LATE, key, now + lag)
    changes, last = [], 0
    for position, due, change in await db.fetch(_NEXT, key, timeout=MUCH_SECONDS):
        if now is not None and due > now:
            break
        changes.append(Change(*orjson.loads(change)))
        last = position
    await _write(db, "seen_", key, changes)
    await db.execute(_SEEN, key, last, timeout=MUCH_SECONDS)
