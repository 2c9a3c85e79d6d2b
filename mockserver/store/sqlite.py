"""The store on SQLite, in memory: called in the event loop, where a statement costs microseconds."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

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
from wixture.mockserver.store import sqlite_lanes
from wixture.mockserver.store.sql import QuestionMarks
from wixture.mockserver.store.sql_pages import pages
from wixture.mockserver.store.sqlite_entities import Entities
from wixture.mockserver.store.sqlite_layout import create
from wixture.mockserver.store.sqlite_outbox import SqliteOutbox
from wixture.mockserver.store.sqlite_sites import SqliteSites
from wixture.mockserver.store.sqlite_transactions import Transactions
from wixture.mockserver.store.store import Snapshot

_PER_STATEMENT = 500
_PREFIXES = ("", "seen_")
_BY_ID = {prefix: f"SELECT body FROM {prefix}consents WHERE tenant = ? AND id = ?" for prefix in _PREFIXES}  # noqa: S608
_BY_IDENTIFIER = {
    (prefix, column.upper()): f"SELECT body FROM {prefix}consents WHERE tenant = ? AND {column} = ?"  # noqa: S608
    for prefix in _PREFIXES
    for column in ("email", "phone")
}


class SqliteStore:
    """Entities in an SQLite database. With a lag, reads see a second set of tables that writes reach later."""

    survives = False
    shared = False

    def __init__(self, db: sqlite3.Connection | None = None, *, lag_ms: int = 0) -> None:
        """`db` has the tables; without one they are made, in memory.

        `lag_ms` is how far reads stay behind writes, in milliseconds of the tenant's clock.
        """
        self._db = _in_memory() if db is None else db
        weakref.finalize(self, self._db.close)  # a store that is merely dropped leaves no open database behind
        self._lag = lag_ms * 1000
        self._tenants: dict[str, int] = {}
        self._transactions = Transactions(self._db, in_memory=db is None, on_loss=self._tenants.clear)
        self._entities = Entities(self._db, self._lag)
        self.outbox = SqliteOutbox(self._db, self._key, self._known_key, self._transactions)
        self.sites = SqliteSites(self._db, self._key, self._known_key, self._transactions)

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        """What is there for a lookup."""
        key = self._tenants.get(tenant) or self._known_key(tenant)
        prefix = self._tables_to_read(key, lookup, now)
        if isinstance(lookup, ById):
            return _found(lookup, self._db.execute(_BY_ID[prefix], (key, lookup.id)).fetchall())
        if isinstance(lookup, ByIdentifier):
            return _found(lookup, self._by_identifiers(prefix, key, lookup.identifiers))
        if isinstance(lookup, Page):
            return Found(lookup, stored=self._page(prefix, key, lookup))
        return Found(lookup, [] if isinstance(lookup, Nothing) else self._followed(prefix, key, lookup))

    def _tables_to_read(self, key: int, lookup: Lookup, now: int) -> str:
        if not self._lag or getattr(lookup, "latest", False):
            return ""
        self._catch_up(key, now)
        return "seen_"

    def _by_identifiers(self, prefix: str, key: int, identifiers: Sequence[Identifier]) -> list[tuple[bytes]]:
        if len(identifiers) == 1:
            sql = _BY_IDENTIFIER[prefix, identifiers[0].type]
            return self._db.execute(sql, (key, identifiers[0].key)).fetchall()
        found: list[tuple[bytes]] = []
        for column, kind in (("email", "EMAIL"), ("phone", "PHONE")):
            wanted = [identifier.key for identifier in identifiers if identifier.type == kind]
            for start in range(0, len(wanted), _PER_STATEMENT):
                values = QuestionMarks(key)
                marks = values.add_all(wanted[start : start + _PER_STATEMENT])
                sql = f"SELECT body FROM {prefix}consents WHERE tenant = ? AND {column} IN ({marks})"  # noqa: S608
                found += self._db.execute(sql, values.values).fetchall()
        return found

    def _followed(self, prefix: str, key: int, lookup: Followed) -> list[Entity]:
        sql = (
            f"SELECT body FROM {prefix}channels WHERE tenant = ? AND account = ? "  # noqa: S608
            "ORDER BY created DESC, position DESC"
        )
        return self._read(sql, (key, lookup.account_id))

    def _page(self, prefix: str, key: int, page: Page) -> list[bytes]:
        asking = pages(f"{prefix}consents", page, key)
        statement = next(asking)
        try:
            while True:
                statement = asking.send(self._db.execute(*statement).fetchall())
        except StopIteration as read:
            return list(read.value)

    def _read(self, sql: str, values: Iterable[Any]) -> list[Entity]:
        return [orjson.loads(body) for (body,) in self._db.execute(sql, tuple(values))]

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
        """Write all changes, with events, deliveries and the tenant's record, or nothing. Raises Conflict."""
        if not changes:
            return None
        if self.survives:
            await self._transactions.turn()
        key = self._key(tenant)
        if len(changes) == 1 and not deliveries and not self._lag and self._transactions.join():
            self._write_one(key, changes[0], events)
            return None
        version = None
        with self._transactions.step:
            self._write_all(key, changes, now)
            self.outbox.write(key, events, deliveries)
            if record is not None:
                version = self.sites.write(tenant, record, record_based_on)
        await self._transactions.settled()
        return version

    def _write_all(self, key: int, changes: Sequence[Change], now: int) -> None:
        for position, change in enumerate(changes):
            self._entities.write(position, key, change)
            if self._lag:
                self._entities.defer(key, change, now)

    def _write_one(self, key: int, change: Change, events: Sequence[DomainEvent]) -> None:
        """One change and its event, without a savepoint: the event goes first, and again if the change fails."""
        positions = self.outbox.write(key, events, ())
        try:
            self._entities.write(0, key, change)
        except BaseException:
            self.outbox.take_back(positions)
            raise

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
        await self._transactions.turn()
        with self._transactions.whole:
            key = self._key(tenant)
            if replace:
                self._entities.clear(key)
                self.outbox.clear(key)
            self._entities.let_see(key, now=None)
            for position, change in enumerate(changes):
                self._entities.write(position, key, change)
                if self._lag:
                    self._entities.show(key, change)
            return None if record is None else self.sites.write(tenant, record, record_based_on)

    def _catch_up(self, key: int, now: int) -> None:
        with self._transactions.whole:
            self._entities.let_see(key, now=now)

    # ---- whole tenants ---------------------------------------------------------------------------

    async def snapshot(self, tenant: str) -> Snapshot:
        """Everything of a tenant: consents by ID, channels by account and age."""
        self._transactions.end()
        key = (self._known_key(tenant),)
        return {
            "marketingConsents": self._read("SELECT body FROM consents WHERE tenant = ? ORDER BY id", key),
            "followedChannels": self._read(
                "SELECT body FROM channels WHERE tenant = ? ORDER BY account, created, position", key
            ),
        }

    async def forget(self, tenant: str) -> None:
        """Remove a tenant with everything it has."""
        await self._transactions.turn()
        with self._transactions.whole:
            key = self._known_key(tenant)
            self._entities.clear(key)
            self.outbox.clear(key)
            self.sites.clear(key)
            sqlite_lanes.clear(self._db, key)
            self._db.execute("DELETE FROM tenants WHERE tenant = ?", (key,))
        self._tenants.pop(tenant, None)

    async def settled(self) -> None:
        """Return when all that was read so far is kept: only then may others be told of it."""
        await self._transactions.settled()

    async def check(self) -> str | None:
        """Why nothing can be written now: memory always can."""
        return None

    async def close(self) -> None:
        """Close the database; a memory one is gone then."""
        self._db.close()

    def _key(self, tenant: str) -> int:
        """A tenant's number, which it is given with its first write."""
        if tenant not in self._tenants:
            self._db.execute("INSERT OR IGNORE INTO tenants (instance_id) VALUES (?)", (tenant,))
            self._known_key(tenant)
        return self._tenants[tenant]

    def _known_key(self, tenant: str) -> int:
        """A tenant's number; 0, which no tenant has, for one that nothing was written of."""
        key = self._tenants.get(tenant)
        if key is None:
            row = self._db.execute("SELECT tenant FROM tenants WHERE instance_id = ?", (tenant,)).fetchone()
            if row is None:
                return 0
            key = self._tenants[tenant] = row[0]
        return key


def _in_memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=512)
    create(db)
    return db


def _found(lookup: Lookup, rows: Sequence[tuple[bytes]]) -> Found:
    return Found(lookup, Parsed([body for (body,) in rows]))
