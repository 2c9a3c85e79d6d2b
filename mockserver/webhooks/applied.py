"""What a consumer shows of what it has applied, in either of two shapes. Pure.

`{"events": ["<event ID>", …]}` lists each application of an event, in order: one that was applied twice stands
twice. `{"consents": {"<entity ID>": {"revision": "2", "state": "REVOKED", "applied": 2}}}` is the state of each
entity, by revision or state or both; `applied`, how many events changed it, shows that none counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.mockserver.webhooks.series import Minted

SHAPES = '{"events": ["<event ID>", …]} or {"consents": {"<ID>": {"revision": "2", "state": "REVOKED"}}}'


class BadState(ValueError):
    """What a consumer shows cannot be read. The text says what was found and what is expected."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What has been applied: event IDs in order, or entities by ID; None for what a consumer does not show."""

    events: Sequence[str] | None = None
    entities: Mapping[str, Mapping[str, Any]] | None = field(default=None)

    def times(self, minted: Minted) -> int | None:
        """How often an event was applied; None when that is not shown."""
        return None if self.events is None else self.events.count(minted.event_id)

    def has(self, minted: Minted) -> bool | None:
        """Whether an event was applied, by its ID or by what its entity is now; None when that is not shown."""
        if self.events is not None:
            return minted.event_id in self.events
        return self._looks_like(minted)

    def knows(self, minted: Minted) -> bool | None:
        """Whether an event, or its entity, is there at all: what must not be, of a forged one."""
        if self.events is not None and minted.event_id in self.events:
            return True
        if self.entities is not None:
            return minted.entity["id"] in self.entities
        return None if self.events is None else False

    def changes(self, minted: Minted) -> int | None:
        """How many events changed an entity; None when that is not shown."""
        shown = (self.entities or {}).get(minted.entity["id"])
        count = shown.get("applied") if shown else None
        return count if isinstance(count, int) else None

    def is_stale(self, older: Minted, newer: Minted) -> bool | None:
        """Whether an older event was applied after a newer one; None when that cannot be told."""
        if self.events is not None:
            if newer.event_id not in self.events:
                return None
            last = [place for place, event_id in enumerate(self.events) if event_id == older.event_id]
            return bool(last) and last[-1] > self.events.index(newer.event_id)
        return self._looks_like(older)

    def _looks_like(self, minted: Minted) -> bool | None:
        if self.entities is None or "revision" not in minted.entity:
            return None
        shown = self.entities.get(minted.entity["id"])
        if shown is None:
            return False
        told = [str(shown[name]) == minted.entity[name] for name in ("revision", "state") if name in shown]
        return all(told) if told else None


def read_applied(body: bytes) -> Applied:
    """What a consumer shows, from JSON in either shape or both. Raises BadState."""
    try:
        shown = parse_json(body)
    except BadJson as error:
        raise BadState(f"What it answers cannot be read. {error} Expected {SHAPES}.") from error
    events, entities = (shown.get("events"), shown.get("consents")) if isinstance(shown, dict) else (None, None)
    if events is None and entities is None:
        raise BadState(f"What it answers has neither events nor consents. Expected {SHAPES}.")
    if not isinstance(events, list | None) or not all(isinstance(one, str) for one in events or ()):
        raise BadState(f"Its events are no list of event IDs. Expected {SHAPES}.")
    if not isinstance(entities, dict | None) or not all(
        isinstance(one, dict) for one in (entities or {}).values()
    ):
        raise BadState(f"Its consents are no object of objects by ID. Expected {SHAPES}.")
    return Applied(
        None if events is None else [one.lower() for one in events],
        None if entities is None else {name.lower(): one for name, one in entities.items()},
    )
