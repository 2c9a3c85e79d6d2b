"""What a suite of tests has met of the mock, and what it never did: counted on demand, from what is kept anyway.

Nothing is noted on a request's path. What can be met follows from the contract and the ledger; what was met,
from the journal (`coverage_exchanges.py`) and the outbox (`coverage_outbox.py`) of a tenant.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from wixture.contracts.document import Operation
from wixture.contracts.ledger import rows
from wixture.contracts.pointers import resolve
from wixture.contracts.validation import own_contract
from wixture.mockserver.app import API_TAGS, Application
from wixture.mockserver.coverage_exchanges import (
    BULK_RESULTS,
    ELIGIBILITY,
    FAULTS,
    PAGES,
    SERVER_ERROR,
    ActionOf,
    Item,
    Reader,
    shown_by,
)
from wixture.mockserver.coverage_outbox import WAYS, shown_by_outbox
from wixture.mockserver.journal import Journal
from wixture.mockserver.pages.visits import ORIGINS
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.webhooks.events import event_types

VERSION = 1
_AT_ONCE = 100
_FIRST_SERVER_ERROR, _BAD_REQUEST = 500, 400

# An app does not bring these about by what it says, but by how it is built or connected.
_NOT_ASKED_FOR = frozenset((408, 413, 414, 415, 431))


# ---- what could be met ---------------------------------------------------------------------------


@cache
def items() -> Mapping[str, tuple[str, ...]]:
    """What could be met, by dimension. An item of two words stands in a grid: its row, and its column."""
    operations = own_contract("openapi").contract.tagged(*API_TAGS)
    states = _members("State")
    return {
        "operations": tuple(operation.operation_id for operation in operations),
        "statuses": tuple(
            f"{operation.operation_id} {status}" for operation in operations for status in statuses_of(operation)
        ),
        "states": tuple(f"{kind} {state}" for kind in _members("SentIdentifierType") for state in states),
        "optInLevels": _members("OptInLevel"),
        "confirmationSources": _members("ConfirmationSource"),
        "revokeSources": _members("RevokeSource"),
        "channels": _members("Channel"),
        "eligibility": ELIGIBILITY,
        "bulkResults": BULK_RESULTS,
        "paging": PAGES,
        "links": tuple(ORIGINS),
        "faults": FAULTS,
        "eventTypes": tuple(event_types()),
        "receivedEvents": tuple(event_types()),
        "deliveries": WAYS,
        "ledgerRows": tuple(_forms_of_rows()),
    }


def statuses_of(operation: Operation) -> Iterator[str]:
    """The statuses of an operation that a suite should meet, those from 500 on as one.

    400 is only asked for where the caller sends values, for nobody's input breaks a request that has none.
    """
    says_something = operation.body is not None or operation.query_schema is not None
    for status in operation.responses:
        if status in _NOT_ASKED_FOR or (status == _BAD_REQUEST and not says_something):
            continue
        if status < _FIRST_SERVER_ERROR:
            yield str(status)
    yield SERVER_ERROR


def _members(schema: str) -> tuple[str, ...]:
    document = own_contract("openapi").contract.document
    return tuple(resolve(document, f"/components/schemas/{schema}/enum"))


def _forms_of_rows() -> Iterator[str]:
    """The forms in which each row can be met: of answers and events, and of requests."""
    for row in rows().values():
        if row.emits:
            yield from (f"{row.id} corrected", f"{row.id} documented")
        if row.lenient:
            yield from (f"{row.id} strict", f"{row.id} lenient")


# ---- what was met --------------------------------------------------------------------------------


def document(
    met: Mapping[Item, int],
    *,
    read: Mapping[str, int] | None = None,
    forgotten: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """A coverage document: how often each item was met, how much was read for that, and what was gone by then."""
    lost = {name: (forgotten or {}).get(name, 0) for name in ("exchanges", "bodies", "events")}
    return {
        "version": VERSION,
        "complete": not any(lost.values()),
        "read": {name: (read or {}).get(name, 0) for name in ("exchanges", "events", "deliveries")},
        "forgotten": lost,
        "dimensions": {
            dimension: {item: met.get((dimension, item), 0) for item in known}
            for dimension, known in items().items()
        },
    }


async def coverage_of(
    app: Application, tenants: Iterable[Tenant], *, unattributed: bool = False
) -> dict[str, Any]:
    """What the tenants' exchanges and deliveries show, and with `unattributed` those that name no tenant.

    Lets the server do other work every now and then: a full journal takes a second to read.
    """
    sums = _Sums()
    for tenant in tenants:
        await _count_exchanges(app, await app.journals.read(tenant), tenant.faults.action_of, sums)
        await _count_events(app, tenant, sums)
    if unattributed:
        await _count_exchanges(app, await app.journals.read(None), lambda _: None, sums)
    return document(sums.met, read=sums.read, forgotten=sums.forgotten)


@dataclass(frozen=True, slots=True)
class _Sums:
    met: Counter[Item] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    forgotten: Counter[str] = field(default_factory=Counter)


async def _count_exchanges(app: Application, journal: Journal, action_of: ActionOf, sums: _Sums) -> None:
    without_body, exchanges, reader = journal.bodiless, list(journal), Reader(app, action_of)
    sums.read["exchanges"] += len(exchanges)
    sums.forgotten.update({"exchanges": journal.forgotten, "bodies": without_body})
    for number, exchange in enumerate(exchanges):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        sums.met.update(shown_by(reader, exchange, whole=number >= without_body))


async def _count_events(app: Application, tenant: Tenant, sums: _Sums) -> None:
    outbox, name = app.store.outbox, tenant.instance_id
    events, deliveries = await outbox.events(name), await outbox.in_turn(name)
    sums.read.update({"events": len(events), "deliveries": len(deliveries)})
    sums.forgotten["events"] += await outbox.forgotten(name)
    as_sent = partial(app.dispatch.as_sent, tenant)
    for number, item in enumerate(shown_by_outbox(events, deliveries, as_sent)):
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        sums.met[item] += 1
