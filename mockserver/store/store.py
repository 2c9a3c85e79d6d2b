"""The store's protocol: what the server asks of any place that keeps entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wixture.mockserver.domain_events import Delivery, DomainEvent
from wixture.mockserver.messages import Change, Entity, Found, Lookup
from wixture.mockserver.store.outbox import Outbox

Snapshot = dict[str, list[Entity]]
"""All entities of a tenant: `marketingConsents` and `followedChannels`, each in a stable order."""


class Conflict(Exception):  # it is the store's answer, not a failure of it
    """A change did not hold: its revision is stale, or its ID or identifier is taken. Nothing was written.

    `position` is the change's place among those given, where it is known.
    """

    def __init__(self, reason: str, *, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


MOST_RACES = 8
"""How many times in a row a change is decided anew after a Conflict, before its caller is told to try again."""


class IdTaken(Conflict):
    """A new entity's own ID is taken; another one will do."""


class Store(Protocol):
    """Entities by tenant. Every tenant sees only its own. The outbox shares their transactions."""

    @property
    def outbox(self) -> Outbox:
        """Events and deliveries."""
        ...

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        """What is there for a lookup. `now`, in microseconds, decides what a lagging read sees."""
        ...

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
        ...

    async def load(self, tenant: str, changes: Sequence[Change], *, replace: bool) -> None:
        """Write new entities, all or none, seen by every read at once; `replace` removes the old ones first.

        Raises Conflict.
        """
        ...

    async def snapshot(self, tenant: str) -> Snapshot:
        """Everything of a tenant."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
