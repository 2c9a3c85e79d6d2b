"""The outbox in an SQLite database, in the transactions of the store around it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wixture.mockserver.domain_events import Attempt, Delivery, DeliveryStatus, DomainEvent
from wixture.mockserver.store import sqlite_lanes
from wixture.mockserver.store.delivery_rows import NO_ATTEMPTS, attempts_as_json, delivery_of, row_of
from wixture.mockserver.store.outbox import MOST_EVENTS, MOST_FAILING
from wixture.mockserver.store.sqlite_transactions import Transactions
from wixture.mockserver.store.store import IdTaken

log = logging.getLogger("wixture.webhooks")

TABLES = """
CREATE TABLE events (
  position INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
  entity TEXT NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL, identity BLOB NOT NULL
);
CREATE INDEX events_of ON events (tenant, position);
CREATE TABLE deliveries (
  position INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, event_position INTEGER NOT NULL, id TEXT NOT NULL,
  event TEXT NOT NULL, subscription TEXT NOT NULL, url TEXT NOT NULL, status TEXT NOT NULL, due INTEGER NOT NULL,
  rank INTEGER NOT NULL, tamper TEXT, fault TEXT, attempts BLOB NOT NULL
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (tenant, id);
CREATE INDEX deliveries_event ON deliveries (event_position);
CREATE INDEX deliveries_due ON deliveries (tenant, due, rank, position) WHERE status = 'pending';
CREATE INDEX deliveries_lane ON deliveries (tenant, url, due, rank, position) WHERE status = 'pending';
CREATE INDEX deliveries_failing ON deliveries (tenant, position) WHERE status = 'pending' AND attempts <> X'5B5D';
CREATE INDEX deliveries_held ON deliveries (tenant, subscription) WHERE status = 'pending' AND rank > 0;
"""
_PRUNE_EVERY = 256
_GIVE_UP_EVERY = 10_000
"""Deliveries of a tenant that are written between two looks at how many have failed."""
_FAILING = "tenant = ? AND status = 'pending' AND attempts <> X'5B5D'"  # the JSON of no attempts
_EVENT = "events.id, events.name, events.entity, events.time, events.body, events.identity"
_DELIVERY = "id, event, subscription, url, status, due, rank, tamper, fault, attempts"
_IN_ORDER = "ORDER BY due, rank, position"
_INSERT_EVENT = "INSERT INTO events (tenant, id, name, entity, time, body, identity) VALUES (?, ?, ?, ?, ?, ?, ?)"
_INSERT_DELIVERY = (
    f"INSERT INTO deliveries (tenant, event_position, {_DELIVERY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
)
_HELD = (
    "SELECT position FROM deliveries WHERE tenant = ? AND subscription = ? AND status = 'pending' AND rank > 0 "
    "AND event <> ? AND attempts = ? ORDER BY position"
)
_LET_GO = (
    "UPDATE deliveries SET due = ?, rank = 0, position = (SELECT MAX(position) + 1 FROM deliveries) "
    "WHERE position = ?"
)


class SqliteOutbox:
    """Events and deliveries. `key_of` gives a tenant's number, `known_key` 0 where it has none yet."""

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
        self._transactions = transactions
        self._key_of = key_of
        self._known_key = known_key
        self._written: dict[int, int] = {}
        self._told: dict[int, int] = {}

    def write(
        self, key: int, events: Iterable[DomainEvent], deliveries: Sequence[Delivery]
    ) -> Iterable[int | None]:
        """Write events and deliveries of them, in whatever transaction there is; the events' positions.

        Raises IdTaken, and whoever has the transaction takes it back.
        """
        positions: dict[str, int | None] = {}
        for event in events:
            row = (key, event.id, event.name, event.entity_id, event.time, event.body, event.identity)
            positions[event.id] = self._db.execute(_INSERT_EVENT, row).lastrowid
        for delivery in deliveries:
            try:
                self._db.execute(_INSERT_DELIVERY, (key, positions[delivery.event_id], *row_of(delivery)))
            except sqlite3.IntegrityError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                    raise
                raise IdTaken("the ID of a delivery is taken") from error
            if delivery.rank == 0 and delivery.status == "pending":
                self._let_go(key, delivery)
        self._count(key, len(positions))
        if deliveries:
            self._look_at_failing(key, len(deliveries))
        return positions.values()

    def take_back(self, positions: Iterable[int | None]) -> None:
        """Remove events that were just written, as what they tell of did not come about."""
        self._db.executemany("DELETE FROM events WHERE position = ?", [(position,) for position in positions])

    def _let_go(self, key: int, after: Delivery) -> None:
        """What was held back for the next delivery of its subscription goes out right after that one."""
        which = (key, after.subscription_id, after.event_id, NO_ATTEMPTS)
        for (position,) in self._db.execute(_HELD, which).fetchall():
            self._db.execute(_LET_GO, (after.due, position))

    def _count(self, key: int, written: int) -> None:
        if self._shared:  # how many others write is not known: look each time that this one has written some
            count = self._written[key] = self._written.get(key, MOST_EVENTS) + written
        elif key not in self._written:  # this process has written none: how many it found
            sql = "SELECT COUNT(*) FROM events WHERE tenant = ?"
            count = self._written[key] = self._db.execute(sql, (key,)).fetchone()[0]
        else:
            count = self._written[key] = self._written[key] + written
        if count >= MOST_EVENTS + _PRUNE_EVERY:
            self._written[key] = MOST_EVENTS
            self._prune(key)

    def _prune(self, key: int) -> None:
        """Forget the oldest events, and their deliveries, but none that is still to be delivered."""
        sql = "SELECT position FROM events WHERE tenant = ? ORDER BY position DESC LIMIT 1 OFFSET ?"
        oldest = self._db.execute(sql, (key, MOST_EVENTS)).fetchone()
        if oldest is None:
            return
        sql = (
            "DELETE FROM events WHERE tenant = ? AND position <= ? AND NOT EXISTS (SELECT 1 FROM deliveries "
            "WHERE event_position = events.position AND status = 'pending') RETURNING position"
        )
        gone = self._db.execute(sql, (key, oldest[0])).fetchall()
        counting = "UPDATE tenants SET events_gone = events_gone + ? WHERE tenant = ?"
        self._db.execute(counting, (len(gone), key))
        self._db.executemany("DELETE FROM deliveries WHERE event_position = ?", gone)

    def _look_at_failing(self, key: int, told: int) -> None:
        count = self._told.get(key, _GIVE_UP_EVERY) + told  # a start looks once at what it finds
        self._told[key] = count if count < _GIVE_UP_EVERY else 0
        if count >= _GIVE_UP_EVERY:
            self._give_up(key)

    def _give_up(self, key: int) -> None:
        """Drop the oldest of too many deliveries that failed: a receiver that is gone must not fill the memory.

        What was never tried waits for somebody to flush it, and is kept whatever its number.
        """
        sql = f"SELECT position FROM deliveries WHERE {_FAILING} ORDER BY position DESC LIMIT 1 OFFSET ?"  # noqa: S608
        oldest = self._db.execute(sql, (key, MOST_FAILING)).fetchone()
        if oldest is None:
            return
        sql = f"UPDATE deliveries SET status = 'dropped' WHERE {_FAILING} AND position <= ?"  # noqa: S608
        count = self._db.execute(sql, (key, oldest[0])).rowcount
        log.warning("%d webhooks were dropped: %d that have failed wait for another try", count, MOST_FAILING)

    def clear(self, key: int) -> None:
        """Forget everything of a tenant."""
        self._written.pop(key, None)
        self._told.pop(key, None)
        self._db.execute("DELETE FROM events WHERE tenant = ?", (key,))
        self._db.execute("DELETE FROM deliveries WHERE tenant = ?", (key,))
        self._db.execute("UPDATE tenants SET events_gone = 0 WHERE tenant = ?", (key,))

    async def add(self, tenant: str, events: Sequence[DomainEvent], deliveries: Sequence[Delivery]) -> None:
        """Write events that no change of an entity caused, and deliveries."""
        await self._transactions.turn()
        key = self._key_of(tenant)
        with self._transactions.step:
            self.write(key, events, deliveries)
        await self._transactions.settled()

    async def events(self, tenant: str) -> list[DomainEvent]:
        """Every event that is kept."""
        return self._events("events WHERE tenant = ? ORDER BY position", self._known_key(tenant))

    async def event_of(self, tenant: str, delivery_id: str) -> DomainEvent | None:
        """The event that a delivery brings."""
        which = (
            "deliveries JOIN events ON events.position = deliveries.event_position "
            "WHERE deliveries.tenant = ? AND deliveries.id = ?"
        )
        return next(iter(self._events(which, self._known_key(tenant), delivery_id)), None)

    def _events(self, which: str, *values: Any) -> list[DomainEvent]:
        self._transactions.end()
        return [DomainEvent(*row) for row in self._db.execute(f"SELECT {_EVENT} FROM {which}", values)]  # noqa: S608

    async def deliveries(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept."""
        return self._deliveries("tenant = ? ORDER BY event_position, position", self._known_key(tenant))

    async def in_turn(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept, in the order in which they go out, or went."""
        return self._deliveries(f"tenant = ? {_IN_ORDER}", self._known_key(tenant))

    async def forgotten(self, tenant: str) -> int:
        """How many events are kept no longer, because there were too many."""
        sql = "SELECT events_gone FROM tenants WHERE tenant = ?"
        row = self._db.execute(sql, (self._known_key(tenant),)).fetchone()
        return int(row[0]) if row else 0

    async def delivery(self, tenant: str, delivery_id: str) -> Delivery | None:
        """One delivery."""
        return next(iter(self._deliveries("tenant = ? AND id = ?", self._known_key(tenant), delivery_id)), None)

    async def pending(self, tenant: str, *, by: int) -> list[Delivery]:
        """What is to be delivered by an instant, in the order in which it goes out."""
        which = f"tenant = ? AND status = 'pending' AND due <= ? {_IN_ORDER}"
        return self._deliveries(which, self._known_key(tenant), by)

    async def next_for(self, tenant: str, url: str) -> Delivery | None:
        """What goes out to a URL next, due or not."""
        which = f"tenant = ? AND status = 'pending' AND url = ? {_IN_ORDER} LIMIT 1"
        return next(iter(self._deliveries(which, self._known_key(tenant), url)), None)

    def _deliveries(self, which: str, *values: Any) -> list[Delivery]:
        self._transactions.end()
        rows = self._db.execute(f"SELECT {_DELIVERY} FROM deliveries WHERE {which}", values)  # noqa: S608
        return [delivery_of(row) for row in rows]

    async def receivers(self, tenant: str) -> list[str]:
        """The URLs that something is still to be delivered to."""
        sql = "SELECT DISTINCT url FROM deliveries WHERE tenant = ? AND status = 'pending'"
        return [url for (url,) in self._db.execute(sql, (self._known_key(tenant),))]

    async def waiting(self) -> list[str]:
        """The tenants for which something is still to be delivered."""
        sql = (
            "SELECT instance_id FROM tenants WHERE tenant IN "
            "(SELECT DISTINCT tenant FROM deliveries WHERE status = 'pending') ORDER BY tenant"
        )
        return [instance_id for (instance_id,) in self._db.execute(sql)]

    async def count_pending(self) -> int:
        """How much is still to be delivered, of all tenants."""
        sql = "SELECT COUNT(*) FROM deliveries WHERE status = 'pending'"
        return int(self._db.execute(sql).fetchone()[0])

    async def claim(self, tenant: str, url: str, *, worker: str, now: int, until: int) -> bool:
        """Whether this process may send to a URL until then."""
        await self._transactions.turn()
        with self._transactions.step:
            claimed = sqlite_lanes.claim(
                self._db, self._known_key(tenant), url, worker=worker, now=now, until=until
            )
        await self._transactions.settled()
        return claimed

    async def release(self, tenant: str, url: str, *, worker: str) -> None:
        """Let go of a URL."""
        await self._transactions.turn()
        with self._transactions.step:
            sqlite_lanes.release(self._db, self._known_key(tenant), url, worker=worker)
        await self._transactions.settled()

    async def record(
        self, tenant: str, delivery_id: str, attempts: Sequence[Attempt], *, status: DeliveryStatus, due: int
    ) -> None:
        """Keep the attempts so far, and what follows from them. Nothing happens where the delivery is gone."""
        sql = "UPDATE deliveries SET status = ?, due = ?, attempts = ? WHERE tenant = ? AND id = ?"
        await self._transactions.turn()
        with self._transactions.step:
            self._db.execute(sql, (status, due, attempts_as_json(attempts), self._known_key(tenant), delivery_id))
        await self._transactions.settled()
