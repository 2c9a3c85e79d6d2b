"""What a tenant's events and deliveries show: what happened, who was told, and how it came to them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from wixture.mockserver.coverage_exchanges import Item, of_entities, of_rows
from wixture.mockserver.domain_events import Attempt, Delivery, DomainEvent
from wixture.mockserver.pages.visits import ORIGINS

WAYS = ("atOnce", "delayed", "retried", "duplicate", "outOfOrder", "exhausted", "dropped", "tampered")
"""How a delivery can come to its receiver, or fail to."""

_LATE_US = 1_000_000
# The receiver had the event in its hands, whatever it made of it.
_CAME = frozenset(("received", "status", "redirect", "timeout", "reset", "too_long", "bad_answer"))


def shown_by_outbox(
    events: Sequence[DomainEvent],
    deliveries: Sequence[Delivery],
    as_sent: Callable[[DomainEvent], DomainEvent],
) -> Iterator[Item]:
    """What events, in their order, and deliveries, in the order in which they went out, show.

    `as_sent` gives an event in the dialect in which it goes out.
    """
    clicks = {origin: kind for kind, origin in ORIGINS.items()}
    for event in events:
        yield "eventTypes", event.name
        origin = orjson.loads(event.body).get("originatedFrom")
        if origin in clicks:
            yield "links", clicks[origin]
    by_id = {event.id: event for event in events}
    brought = [delivery for delivery in deliveries if delivery.event_id in by_id]
    yield from _received(brought, by_id, as_sent)
    for delivery in brought:
        yield from (("deliveries", way) for way in _ways(delivery, by_id[delivery.event_id]))
    yield from (("deliveries", "duplicate") for _ in range(_duplicates(brought)))
    order = {event.id: number for number, event in enumerate(events)}
    yield from (("deliveries", "outOfOrder") for _ in range(_out_of_order(brought, order)))


def _received(
    deliveries: Iterable[Delivery],
    events: Mapping[str, DomainEvent],
    as_sent: Callable[[DomainEvent], DomainEvent],
) -> Iterator[Item]:
    """The events that receivers took, and the values in them."""
    for delivery in deliveries:
        if delivery.tamper is None and delivery.status == "received":
            event = as_sent(events[delivery.event_id])
            body: Any = orjson.loads(event.body)
            yield "receivedEvents", event.name
            yield from of_entities(body)
            yield from of_rows(event.name, body)


def _came(delivery: Delivery) -> list[Attempt]:
    """The attempts that reached the receiver."""
    return [attempt for attempt in delivery.attempts if attempt.reason in _CAME]


def _ways(delivery: Delivery, event: DomainEvent) -> Iterator[str]:
    """The ways of one delivery on its own."""
    if delivery.status in ("exhausted", "dropped"):
        yield delivery.status
    if not delivery.attempts:
        return
    first, *later = delivery.attempts
    if delivery.tamper is not None:
        yield from ["tampered"] if _came(delivery) else []
    elif first.reason == "received":
        yield "delayed" if delivery.due - event.time >= _LATE_US else "atOnce"
    elif any(attempt.reason in _CAME for attempt in later):
        yield "retried"


def _duplicates(deliveries: Iterable[Delivery]) -> int:
    """How often an event came to a receiver that had it already: in another delivery, or again in the same."""
    times: Counter[tuple[str, str]] = Counter()
    for delivery in deliveries:
        if delivery.tamper is None and _came(delivery):
            taken = sum(attempt.reason == "received" for attempt in delivery.attempts)
            times[delivery.event_id, delivery.url] += max(1, taken)
    return sum(count - 1 for count in times.values())


def _out_of_order(deliveries: Iterable[Delivery], order: Mapping[str, int]) -> int:
    """How often an event was first taken by a receiver after a later one had been."""
    came = [(_taken_at(delivery), delivery) for delivery in deliveries if _came(delivery) and not delivery.tamper]
    newest: dict[str, int] = {}
    had: set[tuple[str, str]] = set()
    count = 0
    for _, delivery in sorted(came, key=lambda pair: pair[0]):  # a frozen clock gives one instant to many: stable
        number, place = order[delivery.event_id], (delivery.event_id, delivery.url)
        count += place not in had and number < newest.get(delivery.url, -1)
        had.add(place)
        newest[delivery.url] = max(number, newest.get(delivery.url, -1))
    return count


def _taken_at(delivery: Delivery) -> int:
    """When a delivery was taken, or else when it came first."""
    taken = (attempt.at for attempt in delivery.attempts if attempt.reason == "received")
    return next(taken, _came(delivery)[0].at)
