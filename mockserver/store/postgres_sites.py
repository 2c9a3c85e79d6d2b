"""Keys, records and the journal in PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from wixture.mockserver.store.launch_rows import SIGNING_KEYS, joined, parted
from wixture.mockserver.store.postgres_layout import SET
from wixture.mockserver.store.postgres_pool import MUCH_SECONDS, Connection, Pool
from wixture.mockserver.store.postgres_values import TENANT
from wixture.mockserver.store.sites import (
    MOST_EXCHANGE_BYTES,
    NO_TENANT,
    KeptExchange,
    KeptExchanges,
    KeptRecord,
)
from wixture.mockserver.store.store import StorageUnavailable

log = logging.getLogger("wixture.journal")

_PRUNE_EVERY = 1000
TRY_OUT = "INSERT INTO wixture.state VALUES ('trial', '') ON CONFLICT (name) DO UPDATE SET value = excluded.value"
"""A write that means nothing."""
_ADD = (
    "INSERT INTO wixture.exchanges (tenant, about, request, response) "
    "SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bytea[])"
)
_GONE = "UPDATE wixture.tenants SET exchanges_gone = exchanges_gone + $2 WHERE tenant = $1"
_TOO_MANY = (
    "DELETE FROM wixture.exchanges WHERE tenant = $1 AND position <= "
    "(SELECT position FROM wixture.exchanges WHERE tenant = $1 ORDER BY position DESC LIMIT 1 OFFSET $2) "
    "RETURNING 1"
)
_BYTES = (
    "SELECT COALESCE(SUM(length(request) + length(response)), 0)::bigint FROM wixture.exchanges WHERE tenant = $1"
)
_LIGHTEN = (
    "UPDATE wixture.exchanges SET request = '', response = '' WHERE tenant = $1 AND position <= ("
    "SELECT position FROM (SELECT position, SUM(length(request) + length(response)) "
    "OVER (ORDER BY position DESC) AS total FROM wixture.exchanges WHERE tenant = $1) AS heavy "
    "WHERE total > $2 ORDER BY position DESC LIMIT 1)"
)
_NEWEST = (
    f"SELECT about, request, response FROM (SELECT * FROM wixture.exchanges WHERE {TENANT} "  # noqa: S608
    "ORDER BY position DESC LIMIT $2) AS newest ORDER BY position"
)
_COUNTED = (
    f"SELECT (SELECT count(*) FROM wixture.exchanges WHERE {TENANT}), "  # noqa: S608
    "COALESCE((SELECT exchanges_gone FROM wixture.tenants WHERE instance_id = $1), 0)"
)


class PostgresSites:
    """Records, keys and the journal."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._unpruned: dict[str, int] = {}

    # ---- records ---------------------------------------------------------------------------------

    async def save(self, tenant: str, record: bytes, *, based_on: int | None = None) -> int:
        """Keep a tenant's record; its version. Raises RecordChanged where that is not `based_on` by now."""
        sql = "SELECT wixture.keep(wixture.number_of($1), $2, $3)"
        return int((await self._pool.write(sql, tenant, record, based_on))[0][0])

    async def newer(self, tenant: str, version: int) -> KeptRecord | None:
        """The tenant's record where it has another version; that of one who is not known is 0."""
        sql = "SELECT record, version FROM wixture.tenants WHERE instance_id = $1"
        rows = await self._pool.fetch(sql, tenant)
        kept = KeptRecord(*rows[0]) if rows else KeptRecord(b"{}", 0)
        return None if kept.version == version else kept

    async def tenants(self) -> list[str]:
        """The instance IDs that are known."""
        sql = "SELECT instance_id FROM wixture.tenants WHERE instance_id <> $1 ORDER BY tenant"
        return [instance_id for (instance_id,) in await self._pool.fetch(sql, NO_TENANT)]

    async def signing_keys(self) -> list[bytes]:
        """The keys that sign webhooks as they are kept now."""
        rows = await self._pool.fetch("SELECT value FROM wixture.state WHERE name = 'signing keys'")
        return parted(rows[0][0])

    async def save_signing_keys(self, keys: Sequence[bytes]) -> None:
        """Keep the keys that sign webhooks, in the place of those before."""
        await self._pool.write(SET, SIGNING_KEYS, joined(keys))

    async def mark_filled(self) -> None:
        """The seed of the first launch is in the store: no later launch puts it there again."""
        await self._pool.write(SET, "filled", b"1")

    # ---- the journal -----------------------------------------------------------------------------

    async def add_exchanges(
        self, tenant: str, exchanges: Sequence[KeptExchange], *, most: int, forgotten: int = 0
    ) -> None:
        """Keep more exchanges; of too many the oldest go. `forgotten` went before they came here."""
        columns = [[getattr(one, name) for one in exchanges] for name in ("about", "request", "response")]

        async def body(db: Connection) -> None:
            key = await db.fetchval("SELECT wixture.number_of($1)", tenant)
            await db.execute(_ADD, key, *columns)
            if forgotten:
                await db.execute(_GONE, key, forgotten)

        await self._pool.transact(body)
        count = self._unpruned.get(tenant, _PRUNE_EVERY) + len(exchanges)  # a start looks once at what it finds
        self._unpruned[tenant] = count if count < _PRUNE_EVERY else 0
        if count >= _PRUNE_EVERY:
            try:
                await self._pool.transact(lambda db: _prune(db, tenant, most))
            except StorageUnavailable as error:  # what was written is kept all the same
                log.warning("old exchanges stay for now: %s", error)

    async def exchanges(self, tenant: str, *, most: int) -> KeptExchanges:
        """The newest exchanges that are kept."""
        rows = await self._pool.fetch(_NEWEST, tenant, most, seconds=MUCH_SECONDS)
        ((count, gone),) = await self._pool.fetch(_COUNTED, tenant)
        return KeptExchanges([KeptExchange(*row) for row in rows], gone + count - len(rows))

    async def clear_exchanges(self, tenant: str) -> None:
        """Forget the exchanges of a tenant."""

        async def body(db: Connection) -> None:
            sql = f"DELETE FROM wixture.exchanges WHERE {TENANT}"  # noqa: S608
            await db.execute(sql, tenant, timeout=MUCH_SECONDS)
            await db.execute("UPDATE wixture.tenants SET exchanges_gone = 0 WHERE instance_id = $1", tenant)

        await self._pool.transact(body)
        self._unpruned.pop(tenant, None)


async def _prune(db: Connection, tenant: str, most: int) -> None:
    """Let the oldest exchanges go, and of those that stay the oldest bodies where they are too heavy."""
    key = await db.fetchval("SELECT wixture.number_of($1)", tenant)
    gone = len(await db.fetch(_TOO_MANY, key, most, timeout=MUCH_SECONDS))
    if gone:
        await db.execute(_GONE, key, gone)
    if await db.fetchval(_BYTES, key, timeout=MUCH_SECONDS) > MOST_EXCHANGE_BYTES:
        await db.execute(_LIGHTEN, key, MOST_EXCHANGE_BYTES * 3 // 4, timeout=MUCH_SECONDS)
