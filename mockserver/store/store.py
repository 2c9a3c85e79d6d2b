"""The store's protocol: what the server asks of any place that keeps entities."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from wixture.mockserver.domain_events import Delivery, DomainEvent
from wixture.mockserver.messages import Change, Entity, Found, Lookup
from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.store.sites import Sites

Snapshot = dict[str, list[Entity]]
"""All entities of a tenant: `marketingConsents` and `followedChannels`, each in a stable order."""


MEND_THE_DISK = "Make room or mend the disk, then try again: no restart is needed"


class Conflict(Exception):  # it is the store's answer, not a failure of it
    """A change did not hold: its revision is stale, or its ID or identifier is taken. Nothing was written.

    `position` is the change's place among those given, where it is known.
    """

    def __init__(self, reason: str, *, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


MOST_RACES = 8
"""How many times in a row a change is decided anew after a Conflict, before its caller is told to try again."""


MOST_CHANGES = 32
"""The same for a change of a tenant's record, which every call of the control API is."""


class IdTaken(Conflict):
    """A new entity's own ID is taken; another one will do. Without `position` it is an event's or a delivery's."""


class RecordChanged(Conflict):
    """Another process has saved the tenant's record meanwhile: load it, and do the change again."""


class StorageUnavailable(Exception):  # it is the disk's answer, not a failure of ours
    """Nothing can be written, or read, at the moment, and nothing of this call was. The text says why.

    `how` says what to do next. With `may_be_stored` a write was on its way, and may have been made.
    """

    def __init__(self, why: str, *, how: str = MEND_THE_DISK, may_be_stored: bool = False) -> None:
        super().__init__(why)
        self.how = how
        self.may_be_stored = may_be_stored


class Abandoned(asyncio.CancelledError):
    """Whoever asked does not wait any more, and nothing was written. Other cancellations come after the write."""


class BadState(Exception):  # it is the file that is wrong
    """What is there is no state that can be used; nothing of it was changed. The text is one sentence, or two."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.splitlines()))  # what a database says can have lines of its own


class StateAway(BadState):
    """What is to be there cannot be reached at the moment, which may pass by itself."""


class StateInUse(Exception):  # it is somebody else's turn
    """Another process has this state open."""


class Store(Protocol):
    """Entities by tenant. Every tenant sees only its own. The outbox shares their transactions.

    Every call raises StorageUnavailable while what it needs cannot be written or read.
    """

    @property
    def survives(self) -> bool:
        """Whether what is written outlives the process."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes may use the same state at the same time."""
        ...

    @property
    def sites(self) -> Sites:
        """What is kept of tenants beside entities and events: records, the journal, keys."""
        ...

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
        record: bytes | None = None,
        record_based_on: int | None = None,
    ) -> int | None:
        """Write all changes, with their events and deliveries and the tenant's record, or nothing.

        Returns the record's new version, None without a record. Raises Conflict; RecordChanged where the record
        has another version than `record_based_on`.
        """
        ...

    async def load(
        self,
        tenant: str,
        changes: Sequence[Change],
        *,
        replace: bool,
        record: bytes | None = None,
        record_based_on: int | None = None,
    ) -> int | None:
        """Write new entities, all or none, seen by every read at once; `replace` removes the old ones first.

        The tenant's record goes with them, as in `commit`. Raises Conflict, or RecordChanged.
        """
        ...

    async def forget(self, tenant: str) -> None:
        """Remove a tenant with everything it has."""
        ...

    async def snapshot(self, tenant: str) -> Snapshot:
        """Everything of a tenant."""
        ...

    async def settled(self) -> None:
        """Return when all that was read so far is kept: only then may others be told of it."""
        ...

    async def check(self) -> str | None:
        """Why nothing can be written now; None when it can."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
