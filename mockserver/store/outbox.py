"""The outbox's protocol: events that happened and their deliveries, written with the change that caused them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wixture.mockserver.domain_events import Attempt, Delivery, DeliveryStatus, DomainEvent

MOST_EVENTS = 10_000
"""Events that a tenant keeps beside those that are still to be delivered."""
MOST_FAILING = 50_000
"""Deliveries that a tenant keeps for another try: of those that have failed before, the oldest are given up."""


class Outbox(Protocol):
    """Events and deliveries by tenant, oldest first. Every tenant sees only its own."""

    async def add(self, tenant: str, events: Sequence[DomainEvent], deliveries: Sequence[Delivery]) -> None:
        """Write events that no change of an entity caused, and deliveries."""
        ...

    async def events(self, tenant: str) -> list[DomainEvent]:
        """Every event that is kept."""
        ...

    async def event_of(self, tenant: str, delivery_id: str) -> DomainEvent | None:
        """The event that a delivery brings."""
        ...

    async def deliveries(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept."""
        ...

    async def in_turn(self, tenant: str) -> list[Delivery]:
        """Every delivery that is kept, in the order in which they go out, or went."""
        ...

    async def forgotten(self, tenant: str) -> int:
        """How many events are kept no longer, because there were too many."""
        ...

    async def delivery(self, tenant: str, delivery_id: str) -> Delivery | None:
        """One delivery."""
        ...

    async def pending(self, tenant: str, *, by: int) -> list[Delivery]:
        """What is to be delivered by an instant, in the order in which it goes out."""
        ...

    async def next_for(self, tenant: str, url: str) -> Delivery | None:
        """What goes out to a URL next, due or not."""
        ...

    async def receivers(self, tenant: str) -> list[str]:
        """The URLs that something is still to be delivered to."""
        ...

    async def waiting(self) -> list[str]:
        """The tenants for which something is still to be delivered."""
        ...

    async def count_pending(self) -> int:
        """How much is still to be delivered, of all tenants."""
        ...

    async def claim(self, tenant: str, url: str, *, worker: str, now: int, until: int) -> bool:
        """Whether this process may send to a URL until then: nobody else's claim to it is still good.

        Instants are microseconds of the wall clock. A claim of one's own becomes longer.
        """
        ...

    async def release(self, tenant: str, url: str, *, worker: str) -> None:
        """Let go of a URL, so that another process may send there at once."""
        ...

    async def record(
        self, tenant: str, delivery_id: str, attempts: Sequence[Attempt], *, status: DeliveryStatus, due: int
    ) -> None:
        """Keep the attempts so far, and what follows from them. Nothing happens where the delivery is gone."""
        ...
