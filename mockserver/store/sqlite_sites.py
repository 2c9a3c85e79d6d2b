"""Keys, records and the journal in an SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from wixture.mockserver.store.launch_rows import SIGNING_KEYS, joined, launch_of, parted, rows_of
from wixture.mockserver.store.sites import (
    MOST_EXCHANGE_BYTES,
    NO_TENANT,
    KeptExchange,
    KeptExchanges,
    KeptRecord,
    Launch,
)
from wixture.mockserver.store.sqlite_transactions import Transactions
from wixture.mockserver.store.store import RecordChanged

TABLES = """
CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE exchanges (
  position INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, about BLOB NOT NULL, request BLOB NOT NULL,
  response BLOB NOT NULL
);
CREATE INDEX exchanges_of ON exchanges (tenant, position);
"""
VERSIONS = """
CREATE TABLE versions (last INTEGER NOT NULL);
INSERT INTO versions VALUES (0);
"""
TABLES += VERSIONS
_PRUNE_EVERY = 1000
_SAVE = (
    "INSERT INTO tenants (instance_id, record, version) VALUES (?, ?, ?) "
    "ON CONFLICT (instance_id) DO UPDATE SET record = excluded.record, version = excluded.version"
)
_SET = "INSERT INTO state VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_TOO_HEAVY = (
    "SELECT position FROM (SELECT position, SUM(length(request) + length(response)) "
    "OVER (ORDER BY position DESC) AS total FROM exchanges WHERE tenant = ?) WHERE total > ? LIMIT 1"
)


def found(db: sqlite3.Connection, launch: Launch) -> None:
    """Write what a new state starts from."""
    db.executemany(_SET, rows_of(launch))


def launched(db: sqlite3.Connection) -> Launch:
    """What a server starts from that finds this state. Raises KeyError where something is missing."""
    values = {name: bytes(value) for name, value in db.execute("SELECT name, value FROM state")}
    known = db.execute("SELECT instance_id, record FROM tenants WHERE instance_id <> ?", (NO_TENANT,))
    return launch_of(values, generation=int(values["starts"]), records=dict(known.fetchall()))


def count_start(db: sqlite3.Connection, generation: int) -> None:
    """The next start is another one."""
    db.execute(_SET, ("starts", str(generation + 1).encode()))


def lagged(db: sqlite3.Connection) -> bool:
    """Whether reads lagged when the database was last used."""
    row = db.execute("SELECT value FROM state WHERE name = 'lag'").fetchone()
    return row is not None and row[0] == b"1"


def note_lag(db: sqlite3.Connection, *, lagging: bool) -> None:
    """Remember for the next start whether reads lag now."""
    db.execute(_SET, ("lag", b"1" if lagging else b"0"))


def try_out(db: sqlite3.Connection, size: int) -> None:
    """Write so many bytes that mean nothing, in the place of those of the last trial."""
    db.execute(_SET, ("trial", bytes(size)))


class SqliteSites:
    """Records, keys and the journal. `key_of` gives a tenant's number, `known_key` 0 where it has none yet."""

    def __init__(
        self,
        db: sqlite3.Connection,
        key_of: Callable[[str], int],
        known_key: Callable[[str], int],
        transactions: Transactions,
        *,
        shared: bool = False,
    ) -> None:
        self._db = db
        self._shared = shared
        self._key_of = key_of
        self._known_key = known_key
        self._transactions = transactions
        self._unpruned: dict[int, int] = {}
        self._bytes: dict[int, int] = {}

    def write(self, tenant: str, record: bytes, based_on: int | None) -> int:
        """Keep a tenant's record, in whatever transaction there is; its version. Raises RecordChanged."""
        if based_on is not None and self._version_of(tenant) != based_on:
            raise RecordChanged("another process has changed the tenant")
        (version,) = self._db.execute("UPDATE versions SET last = last + 1 RETURNING last").fetchone()
        self._db.execute(_SAVE, (tenant, record, version))
        return int(version)

    def _version_of(self, tenant: str) -> int:
        row = self._db.execute("SELECT version FROM tenants WHERE instance_id = ?", (tenant,)).fetchone()
        return row[0] if row else 0

    async def save(self, tenant: str, record: bytes, *, based_on: int | None = None) -> int:
        """Keep a tenant's record and return its version. Raises RecordChanged."""
        await self._transactions.turn()
        with self._transactions.whole:
            return self.write(tenant, record, based_on)

    async def newer(self, tenant: str, version: int) -> KeptRecord | None:
        """The tenant's record where it has another version."""
        sql = "SELECT record, version FROM tenants WHERE instance_id = ?"
        record, kept = self._db.execute(sql, (tenant,)).fetchone() or (b"{}", 0)
        return None if kept == version else KeptRecord(record, kept)

    async def tenants(self) -> Sequence[str]:
        """The instance IDs of all that is known of."""
        sql = "SELECT instance_id FROM tenants WHERE instance_id <> ? ORDER BY tenant"
        return [instance_id for (instance_id,) in self._db.execute(sql, (NO_TENANT,))]

    async def signing_keys(self) -> Sequence[bytes]:
        """The keys that sign webhooks as they are kept now."""
        (kept,) = self._db.execute("SELECT value FROM state WHERE name = 'signing keys'").fetchone()
        return parted(kept)

    async def save_signing_keys(self, keys: Sequence[bytes]) -> None:
        """Keep the keys that sign webhooks, in the place of those before."""
        await self._set(SIGNING_KEYS, joined(keys))

    async def mark_filled(self) -> None:
        """The seed of the first launch is in the store: no later launch puts it there again."""
        await self._set("filled", b"1")

    async def _set(self, name: str, value: bytes) -> None:
        await self._transactions.turn()
        with self._transactions.whole:
            self._db.execute(_SET, (name, value))

    async def add_exchanges(
        self, tenant: str, exchanges: Sequence[KeptExchange], *, most: int, forgotten: int = 0
    ) -> None:
        """Keep more exchanges; of too many the oldest go. `forgotten` went before they came here."""
        await self._transactions.turn()
        with self._transactions.whole:
            key = self._key_of(tenant)
            rows: list[tuple[Any, ...]] = [(key, one.about, one.request, one.response) for one in exchanges]
            sql = "INSERT INTO exchanges (tenant, about, request, response) VALUES (?, ?, ?, ?)"
            self._db.executemany(sql, rows)
            if key in self._bytes:
                self._bytes[key] += sum(len(one.request) + len(one.response) for one in exchanges)
            if forgotten:
                self._count_gone(key, forgotten)
            count = self._unpruned.get(key, _PRUNE_EVERY) + len(rows)  # a start looks once at what it finds
            if count >= _PRUNE_EVERY:
                self._prune(key, most)
                count = 0
        self._unpruned[key] = count

    def _prune(self, key: int, most: int) -> None:
        sql = "SELECT position FROM exchanges WHERE tenant = ? ORDER BY position DESC LIMIT 1 OFFSET ?"
        oldest = self._db.execute(sql, (key, most)).fetchone()
        if oldest is not None:
            gone = self._db.execute(
                "DELETE FROM exchanges WHERE tenant = ? AND position <= ?", (key, oldest[0])
            ).rowcount
            self._count_gone(key, gone)
        if self._bytes.get(key, MOST_EXCHANGE_BYTES + 1) > MOST_EXCHANGE_BYTES:
            self._lighten(key)

    def _lighten(self, key: int) -> None:
        """Let go of the oldest bodies when there are too many, and of some more: it is not done again soon."""
        sql = "SELECT COALESCE(SUM(length(request) + length(response)), 0) FROM exchanges WHERE tenant = ?"
        self._bytes[key] = self._db.execute(sql, (key,)).fetchone()[0]
        if self._bytes[key] > MOST_EXCHANGE_BYTES:
            kept = MOST_EXCHANGE_BYTES * 3 // 4
            (position,) = self._db.execute(_TOO_HEAVY, (key, kept)).fetchone()
            sql = "UPDATE exchanges SET request = X'', response = X'' WHERE tenant = ? AND position <= ?"
            self._db.execute(sql, (key, position))
            self._bytes[key] = kept
        if self._shared:  # others add some, too
            del self._bytes[key]

    def _count_gone(self, key: int, count: int) -> None:
        sql = "UPDATE tenants SET exchanges_gone = exchanges_gone + ? WHERE tenant = ?"
        self._db.execute(sql, (count, key))

    async def exchanges(self, tenant: str, *, most: int) -> KeptExchanges:
        """The newest exchanges that are kept."""
        self._transactions.end()
        key = (self._known_key(tenant),)
        count = self._db.execute("SELECT COUNT(*) FROM exchanges WHERE tenant = ?", key).fetchone()[0]
        gone = self._db.execute("SELECT exchanges_gone FROM tenants WHERE tenant = ?", key).fetchone()
        sql = "SELECT about, request, response FROM exchanges WHERE tenant = ? ORDER BY position LIMIT -1 OFFSET ?"
        rows = self._db.execute(sql, (*key, max(0, count - most))).fetchall()
        forgotten = (gone[0] if gone else 0) + count - len(rows)
        return KeptExchanges([KeptExchange(*row) for row in rows], forgotten)

    async def clear_exchanges(self, tenant: str) -> None:
        """Forget the exchanges of a tenant."""
        await self._transactions.turn()
        with self._transactions.whole:
            self.clear(self._known_key(tenant))

    def clear(self, key: int) -> None:
        """Forget a tenant's exchanges, in whatever transaction there is."""
        self._db.execute("DELETE FROM exchanges WHERE tenant = ?", (key,))
        self._db.execute("UPDATE tenants SET exchanges_gone = 0 WHERE tenant = ?", (key,))
        self._unpruned.pop(key, None)
        self._bytes.pop(key, None)
