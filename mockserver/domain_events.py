"""What happened, and its way to those who want to be told: the values, frozen, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wixture.mockserver.messages import value


@value
class DomainEvent:
    """What happened to one entity, as receivers are told.

    `name` is the short one, `marketing_consent_created`; `body` the JSON of the third layer and `identity` that of
    who caused it, the same bytes in every delivery. `time` is microseconds since 1970 on the tenant's clock.
    """

    id: str
    name: str
    entity_id: str
    time: int
    body: bytes
    identity: bytes


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants to be told: a URL, and the short name of an event or `*` for all."""

    id: str
    event_type: str
    url: str

    def wants(self, name: str) -> bool:
        """Whether an event of that short name is for it."""
        return self.event_type in ("*", name)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when, in microseconds since 1970 on the tenant's clock, and what came of it.

    `reason` is one of `post.REASONS`; `by_hand` is a try that somebody asked for, outside the schedule.
    """

    at: int
    reason: str
    status: int | None
    duration_ms: int
    by_hand: bool = False


DeliveryStatus = Literal["pending", "received", "exhausted", "dropped"]


@value
class Delivery:
    """One event on its way to one subscription. `due` is when it is tried next, while it is pending.

    Of deliveries due at one instant those of the lowest `rank` go first, then the oldest; one above 0 waits for
    the next of its subscription. `tamper` names what is done to its token, `fault_id` the plan that says so.
    """

    id: str
    event_id: str
    subscription_id: str
    url: str
    status: DeliveryStatus
    due: int
    rank: int = 0
    tamper: str | None = None
    fault_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
