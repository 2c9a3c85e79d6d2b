"""How entities are written in SQLite, and how a second set of tables, for reads that lag, follows the first."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from wixture.mockserver.instants import sort_key
from wixture.mockserver.messages import Change, Entity, identifier_of
from wixture.mockserver.store.store import Conflict, IdTaken

_PREFIXES = ("", "seen_")
_TABLES = ("consents", "channels")
_INSERT_CONSENT = {
    prefix: f"INSERT INTO {prefix}consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    for prefix in _PREFIXES
}


class Entities:
    """Writes entities, in whatever transaction there is. `lag` is in microseconds of a tenant's clock."""

    def __init__(self, db: sqlite3.Connection, lag: int) -> None:
        self._db = db
        self._lag = lag

    def write(self, position: int, key: int, change: Change) -> None:
        """Write the change at a position among others. Raises Conflict."""
        try:
            self._write("", key, change)
        except sqlite3.IntegrityError as error:
            kind = IdTaken if str(error).endswith(("consents.id", "channels.id")) else Conflict
            raise kind(str(error), position=position) from error

    def show(self, key: int, change: Change) -> None:
        """Let lagging reads see a change at once."""
        self._write("seen_", key, change)

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
        account, created = entity["accountId"], sort_key(entity["createdDate"])
        sql = (
            f"INSERT INTO {prefix}channels VALUES (?, ?, ?, ?, ?, "  # noqa: S608
            f"(SELECT COALESCE(MAX(position), 0) + 1 FROM {prefix}channels WHERE tenant = ? AND account = ?), ?)"
        )
        row = (key, account, entity["channel"], entity["id"], created, key, account, _encode(entity))
        self._db.execute(sql, row)

    def _must_hit(self, sql: str, values: Sequence[Any]) -> None:
        if self._db.execute(sql, values).rowcount != 1:
            raise sqlite3.IntegrityError("the revision is stale")

    # ---- reads that lag --------------------------------------------------------------------------

    def defer(self, key: int, change: Change, now: int) -> None:
        """Let lagging reads see a change when the lag is over."""
        body = orjson.dumps([change.kind, change.entity_type, change.entity, change.based_on])
        sql = "INSERT INTO pending (tenant, due, change) VALUES (?, ?, ?)"
        self._db.execute(sql, (key, now + self._lag, body))

    def let_see(self, key: int, *, now: int | None) -> None:
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

    def begin(self, *, followed: bool) -> None:
        """Make the tables of lagging reads fit: `followed` says whether they were kept up at the last use."""
        if self._lag and not followed:
            for table in _TABLES:
                self._db.execute(f"INSERT INTO seen_{table} SELECT * FROM {table}")  # noqa: S608
        elif followed and not self._lag:
            for table in (*(f"seen_{table}" for table in _TABLES), "pending"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608

    def clear(self, key: int) -> None:
        """Remove everything of a tenant."""
        for table in ("consents", "seen_consents", "channels", "seen_channels", "pending"):
            self._db.execute(f"DELETE FROM {table} WHERE tenant = ?", (key,))  # noqa: S608


def _encode(entity: Entity) -> bytes:
    return b"%b" % orjson.dumps(entity)  # orjson's own result keeps a larger buffer alive
