"""Values on their way into statements for PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from wixture.mockserver.instants import sort_key
from wixture.mockserver.messages import Change, Entity, identifier_of
from wixture.mockserver.store.sql import QuestionMarks

_KINDS = {"created": "c+", "updated": "c~", "deleted": "c-"}
TENANT = "tenant = (SELECT tenant FROM wixture.tenants WHERE instance_id = $1)"
"""That a row is of the tenant with the instance ID that is a statement's first value."""


class Numbers(QuestionMarks):
    """Values for `$1` placeholders. A tenant is its instance ID: others make and forget some."""

    ids_cover = True
    names_indexes = False

    def add(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(storable(value) if isinstance(value, str) else value)
        return f"${len(self.values)}"

    def add_unseen(self, value: Any) -> str:
        """The placeholder of a text at which no plan is to look: its own one would not be worth its making."""
        return f"(SELECT {self.add(value)}::text)"

    def one_of(self, column: str, values: Sequence[Any]) -> str:
        """That a column has one of some values: one statement for any number of them."""
        return f"{column} = ANY((SELECT {self.add([storable(value) for value in values])}::text[])::text[])"

    def at_most(self, count: int) -> str:
        """How many rows a statement stops at, in its text: a plan for any number would be one for many."""
        return str(count)

    def of_tenant(self, tenant: Any) -> str:
        """That a row is a tenant's."""
        return f"tenant = (SELECT tenant FROM wixture.tenants WHERE instance_id = {self.add(tenant)})"  # noqa: S608


def storable(text: str) -> str:
    """A text as PostgreSQL can hold it, which has no zero byte: as two characters, in an order that stays."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def columns_of(changes: Sequence[Change]) -> list[tuple[Any, ...]]:
    """Changes as the function `write` takes them."""
    return list(zip(*map(_row, changes), strict=True))


def _row(change: Change) -> tuple[Any, ...]:
    entity = change.entity
    if change.entity_type == "followed_channel":
        return _channel(change, entity)
    base = int(change.based_on or 0)
    if change.kind == "deleted":
        return ("c-", storable(entity["id"]), None, None, None, None, None, None, base, None)
    email = phone = None
    if change.kind == "created":
        identifier = identifier_of(entity["details"])
        if identifier.type == "EMAIL":
            email = storable(identifier.key)
        else:
            phone = storable(identifier.key)
    made, changed = entity["createdDate"], entity["updatedDate"]
    created = sort_key(made)
    return (
        _KINDS[change.kind],
        storable(entity["id"]),
        email,
        phone,
        entity["state"],
        created,
        created if changed == made else sort_key(changed),
        int(entity["revision"]),
        base,
        orjson.dumps(entity),
    )


def _channel(change: Change, entity: Entity) -> tuple[Any, ...]:
    if change.kind != "created":
        return ("f-", storable(entity["id"]), *(None,) * 8)
    created = sort_key(entity["createdDate"])
    account, channel = storable(entity["accountId"]), storable(entity["channel"])
    return (
        "f+",
        storable(entity["id"]),
        account,
        channel,
        None,
        created,
        None,
        None,
        None,
        orjson.dumps(entity),
    )
