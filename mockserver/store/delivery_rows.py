"""A delivery as the columns of a table hold it, in every database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from typing import Any

import orjson

from wixture.mockserver.domain_events import Attempt, Delivery


def row_of(delivery: Delivery) -> tuple[Any, ...]:
    """A delivery as the columns hold it."""
    return (
        delivery.id,
        delivery.event_id,
        delivery.subscription_id,
        delivery.url,
        delivery.status,
        delivery.due,
        delivery.rank,
        delivery.tamper,
        delivery.fault_id,
        attempts_as_json(delivery.attempts),
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    """The delivery that columns hold."""
    *columns, attempts = row
    return replace(Delivery(*columns), attempts=tuple(Attempt(*parts) for parts in orjson.loads(attempts)))


def attempts_as_json(attempts: Iterable[Attempt]) -> bytes:
    """Attempts as their column holds them."""
    return orjson.dumps([astuple(attempt) for attempt in attempts])


NO_ATTEMPTS = attempts_as_json(())
