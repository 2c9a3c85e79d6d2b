"""The domain event of each committed change: exactly one, its body as the contract's third layer says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from wixture.contracts.validation import Validation, own_contract
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Caller, Change, IdentityType

IDENTITIES: Mapping[IdentityType, tuple[str, str]] = {
    # identity of the caller: type in an event, the member that holds the ID
    "APP": ("APP", "appId"),
    "WIX_USER": ("WIX_USER", "wixUserId"),
    "MEMBER": ("MEMBER", "memberId"),
    "VISITOR": ("ANONYMOUS_VISITOR", "anonymousVisitorId"),
}


@cache
def event_types() -> Mapping[str, str]:
    """The full type of each event by its short name: `wix.….marketing_consent_created`."""
    return {name: webhook["x-event-type"] for name, webhook in own_contract("openapi").contract.webhooks.items()}


def short_name(event_type: str) -> str | None:
    """The short name of an event that is named short or in full; None for an unknown one."""
    names = event_types()
    return event_type if event_type in names else next((key for key in names if names[key] == event_type), None)


def identity_of(caller: Caller) -> dict[str, str]:
    """Who caused an event, with the one ID that the type names. 'event-identity-of-the-caller'"""
    kind, member = IDENTITIES[caller.identity]
    return {"identityType": kind, member: caller.subject_id}


def events_of(
    changes: Iterable[Change],
    caller: Caller,
    *,
    origin: str,
    now: int,
    new_id: Callable[[], str],
    anonymized: bool = False,
) -> tuple[DomainEvent, ...]:
    """An event for each change, in order. `origin` names the action, `anonymized` a privacy erasure.

    Raises ValueError for an event that breaks the contract: a bug of the mock.
    """
    identity = orjson.dumps(identity_of(caller))
    common = {
        "eventTime": to_text(now),
        "triggeredByAnonymizeRequest": anonymized,
        "originatedFrom": origin,
    }
    told = ((change, _told(change.entity_type, change.kind)) for change in changes)
    return tuple(
        _event(change, event, common, identity, now, new_id())
        for change, event in told
        if event is not None  # nobody is told that a channel is followed no longer
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What the contract says about one kind of event."""

    name: str
    entity_fqdn: str
    pointer: str


@cache
def _told(entity_type: str, kind: str) -> _Told | None:
    name = f"{entity_type}_{kind}"
    if name not in event_types():
        return None
    return _Told(name, event_types()[name].removesuffix(f"_{kind}"), _pointer(own_contract("openapi"), name))


def _event(
    change: Change, told: _Told, common: Mapping[str, Any], identity: bytes, now: int, event_id: str
) -> DomainEvent:
    body = {
        "id": event_id,
        "entityFqdn": told.entity_fqdn,
        "slug": change.kind,
        "entityId": change.entity["id"],
        **_happened(change),
        **common,
        "entityEventSequence": str(_sequence(change)),
    }
    if not own_contract("openapi").accepts(told.pointer, body):
        check_event(own_contract("openapi"), told.name, body)
    return DomainEvent(event_id, told.name, change.entity["id"], now, orjson.dumps(body), identity)


def _happened(change: Change) -> dict[str, Any]:
    """'created-event-full-entity', 'updated-event-current-entity', 'deleted-event-empty'"""
    if change.kind == "created":
        return {"createdEvent": {"entity": change.entity}}
    if change.kind == "updated":
        return {"updatedEvent": {"currentEntity": change.entity}}
    return {"deletedEvent": {}}


def _sequence(change: Change) -> int:
    """One more with each event of an entity: its revision, and one more for its end. 'event-sequence-grows'"""
    revision = int(change.entity.get("revision", 1))
    return revision + 1 if change.kind == "deleted" else revision


def check_event(validation: Validation, name: str, body: Any) -> None:
    """Raise ValueError, with the reasons, for a domain event that breaks a contract."""
    pointer = _pointer(validation, name)
    if not validation.accepts(pointer, body):
        found = validation.violations(pointer, body, where="body")
        reasons = "; ".join(f"{item.field} {item.problem}" for item in found)
        raise ValueError(f"the mock's own event {name} breaks the contract: {reasons}")


def _pointer(validation: Validation, name: str) -> str:
    return str(validation.contract.webhooks[name]["x-domain-event"]["$ref"].removeprefix("#"))
