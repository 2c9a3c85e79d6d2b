"""The store on SQLite, in memory: called in the event loop, where a statement costs microseconds."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from wixture.mockserver.domain_events import Delivery, DomainEvent
from wixture.mockserver.instants import sort_key
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
    identifier_of,
)
from wixture.mockserver.store.sql import FEW, QuestionMarks, few, page_of_few, pages
from wixture.mockserver.store.sqlite_outbox import SqliteOutbox
from wixture.mockserver.store.sqlite_tables import CHANNELS, CONSENTS, OTHERS, TABLES_OF_CONSENTS, tell_planner
from wixture.mockserver.store.sqlite_transactions import Transactions
from wixture.mockserver.store.store import Conflict, IdTaken, Snapshot

_PER_STATEMENT = 500
_PREFIXES = ("", "seen_")
_BY_ID = {prefix: f"SELECT body FROM {prefix}consents WHERE tenant = ? AND id = ?" for prefix in _PREFIXES}  # noqa: S608
_INSERT_CONSENT = {
    prefix: f"INSERT INTO {prefix}consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    for prefix in _PREFIXES
}
_BY_IDENTIFIER = {
    (prefix, column.upper()): f"SELECT body FROM {prefix}consents WHERE tenant = ? AND {column} = ?"  # noqa: S608
    for prefix in _PREFIXES
    for column in ("email", "phone")
}


class SqliteStore:
    """Entities in an SQLite database. With a lag, reads see a second set of tables that writes reach later."""

    def __init__(self, path: str = ":memory:", *, lag_ms: int = 0) -> None:
        """`lag_ms` is how far reads stay behind writes, in milliseconds of the tenant's clock."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        weakref.finalize(self, self._db.close)  # a store that is merely dropped leaves no open database behind
        self._lag = lag_ms * 1000
        self._transactions = Transactions(self._db, in_memory=path == ":memory:")
        self._tenants: dict[str, int] = {}
        self._position = 0
        for name in TABLES_OF_CONSENTS:
            self._db.executescript(CONSENTS.format(name=name))
        for name in ("channels", "seen_channels"):
            self._db.executescript(CHANNELS.format(name=name))
        self._db.executescript(OTHERS)
        tell_planner(self._db)
        self.outbox = SqliteOutbox(self._db, self._key, self._transactions)

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        """What is there for a lookup."""
        key = self._key(tenant)
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
        found: list[bytes] = []
        table, wide = f"{prefix}consents", False
        counting = few(table, page, key)
        if counting is not None:
            wide = self._db.execute(*counting).fetchone()[0] > FEW
            if not wide and not page.sort:
                return [body for (body,) in self._db.execute(*page_of_few(table, page, key))]
        for sql, values in pages(table, page, key, wide=wide):
            found += [body for (body,) in self._db.execute(sql, values)]
            if len(found) > page.limit:
                return found[: page.limit + 1]
        return found

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
    ) -> None:
        """Write all changes, with their events and deliveries, or nothing. Raises Conflict."""
        if not changes:
            return
        key = self._key(tenant)
        if len(changes) == 1 and not deliveries and not self._lag and self._transactions.join():
            self._write_one(key, changes[0], events)
            return
        with self._transactions.step:
            for position, change in enumerate(changes):
                self._write_at(position, key, change)
                if self._lag:
                    self._defer(key, change, now)
            self.outbox.write(key, events, deliveries)

    def _write_one(self, key: int, change: Change, events: Sequence[DomainEvent]) -> None:
        """One change and its event, without a savepoint: the event goes first, and again if the change fails."""
        positions = self.outbox.write(key, events, ())
        try:
            self._write_at(0, key, change)
        except BaseException:
            self.outbox.take_back(positions)
            raise

    async def load(self, tenant: str, changes: Sequence[Change], *, replace: bool) -> None:
        """Write new entities, all or none, seen by every read at once. Raises Conflict."""
        key = self._key(tenant)
        with self._transactions.whole:
            if replace:
                self._clear(key)
                self.outbox.clear(key)
            self._let_see(key, now=None)
            for position, change in enumerate(changes):
                self._write_at(position, key, change)
                if self._lag:
                    self._write("seen_", key, change)

    def _write_at(self, position: int, key: int, change: Change) -> None:
        try:
            self._write("", key, change)
        except sqlite3.IntegrityError as error:
            kind = IdTaken if str(error).endswith(("consents.id", "channels.id")) else Conflict
            raise kind(str(error), position=position) from error

    def _write(self, prefix: str, key: int, change: Change) -> None:
        if change.entity_type == "followed_channel":
            self._write_channel(prefix, key, change)
        elif change.kind == "created":
            self._insert_consent(prefix, key, change.entity)
        elif change.kind == "updated":
            self._update_consent(prefix, key, change)
        else:
            sql = f"DELETE FROM {prefix}consents WHERE tenant = ? AND id = ? AND revision = ?"  # noqa: S608
            self._must_hit(sql, (key, change.entity["id"], int(change.based_on or 0)))

    def _insert_consent(self, prefix: str, key: int, consent: Entity) -> None:
        identifier = identifier_of(consent["details"])
        email = identifier.key if identifier.type == "EMAIL" else None
        phone = identifier.key if identifier.type == "PHONE" else None
        made, changed = consent["createdDate"], consent["updatedDate"]
        created = sort_key(made)
        updated = created if changed == made else sort_key(changed)
        revision = int(consent["revision"])
        row = (
            key,
            consent["id"],
            email,
            phone,
            consent["state"],
            created,
            updated,
            revision,
            _encode(consent),
        )
        self._db.execute(_INSERT_CONSENT[prefix], row)

    def _update_consent(self, prefix: str, key: int, change: Change) -> None:
        consent = change.entity
        sql = (
            f"UPDATE {prefix}consents SET state = ?, updated = ?, revision = ?, body = ? "  # noqa: S608
            "WHERE tenant = ? AND id = ? AND revision = ?"
        )
        row = (consent["state"], sort_key(consent["updatedDate"]), int(consent["revision"]), _encode(consent))
        self._must_hit(sql, (*row, key, consent["id"], int(change.based_on or 0)))

    def _write_channel(self, prefix: str, key: int, change: Change) -> None:
        if change.kind == "created":
            self._insert_channel(prefix, key, change.entity)
        else:
            sql = f"DELETE FROM {prefix}channels WHERE tenant = ? AND id = ?"  # noqa: S608
            self._db.execute(sql, (key, change.entity["id"]))

    def _insert_channel(self, prefix: str, key: int, entity: Entity) -> None:
        self._position += 1
        sql = f"INSERT INTO {prefix}channels VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        created = sort_key(entity["createdDate"])
        row = (
            key,
            entity["accountId"],
            entity["channel"],
            entity["id"],
            created,
            self._position,
            _encode(entity),
        )
        self._db.execute(sql, row)

    def _must_hit(self, sql: str, values: Sequence[Any]) -> None:
        if self._db.execute(sql, values).rowcount != 1:
            raise sqlite3.IntegrityError("the revision is stale")

    # ---- reads that lag --------------------------------------------------------------------------

    def _defer(self, key: int, change: Change, now: int) -> None:
        body = orjson.dumps([change.kind, change.entity_type, change.entity, change.based_on])
        sql = "INSERT INTO pending (tenant, due, change) VALUES (?, ?, ?)"
        self._db.execute(sql, (key, now + self._lag, body))

    def _catch_up(self, key: int, now: int) -> None:
        with self._transactions.whole:
            self._let_see(key, now=now)

    def _let_see(self, key: int, *, now: int | None) -> None:
        """Let the seen tables reach what is due, in the order it was written; all of it without a `now`."""
        if now is not None:  # a clock that went back must not hide writes for longer than the lag
            late = "UPDATE pending SET due = ? WHERE tenant = ? AND due > ?"
            self._db.execute(late, (now + self._lag, key, now + self._lag))
        sql = "SELECT position, due, change FROM pending WHERE tenant = ? ORDER BY position LIMIT 1"
        while row := self._db.execute(sql, (key,)).fetchone():
            position, due, body = row
            if now is not None and due > now:
                return
            kind, entity_type, entity, based_on = orjson.loads(body)
            self._write("seen_", key, Change(kind, entity_type, entity, based_on))
            self._db.execute("DELETE FROM pending WHERE position = ?", (position,))

    # ---- whole tenants ---------------------------------------------------------------------------

    async def snapshot(self, tenant: str) -> Snapshot:
        """Everything of a tenant: consents by ID, channels by account and age."""
        key = (self._key(tenant),)
        return {
            "marketingConsents": self._read("SELECT body FROM consents WHERE tenant = ? ORDER BY id", key),
            "followedChannels": self._read(
                "SELECT body FROM channels WHERE tenant = ? ORDER BY account, created, position", key
            ),
        }

    def _clear(self, key: int) -> None:
        for table in ("consents", "seen_consents", "channels", "seen_channels", "pending"):
            self._db.execute(f"DELETE FROM {table} WHERE tenant = ?", (key,))  # noqa: S608

    async def close(self) -> None:
        """Close the database; a memory one is gone then."""
        self._db.close()

    def _key(self, tenant: str) -> int:
        if tenant not in self._tenants:
            self._db.execute("INSERT OR IGNORE INTO tenants (instance_id) VALUES (?)", (tenant,))
            row = self._db.execute("SELECT tenant FROM tenants WHERE instance_id = ?", (tenant,)).fetchone()
            self._tenants[tenant] = row[0]
        return self._tenants[tenant]


def _found(lookup: Lookup, rows: Sequence[tuple[bytes]]) -> Found:
    return Found(lookup, Parsed([body for (body,) in rows]))


def _encode(entity: Entity) -> bytes:
    return b"%b" % orjson.dumps(entity)  # orjson's own result keeps a larger buffer alive
