"""Seed documents and snapshots: entities that come in without going through the APIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wixture.mockserver.messages import Change, Entity
from wixture.mockserver.rules.consent_fields import ACTIVITY_OF, new_fields


def seed_changes(
    seed: Mapping[str, Any], *, now: str, new_id: Callable[[], str], account_of: Callable[[str], str]
) -> list[Change]:
    """The entities of a valid seed document, read-only fields as given and the rest filled in.

    `now` is the text of the instant, `account_of` the loyalty account of a member.
    """
    consents = [_consent(item, now, new_id) for item in seed.get("marketingConsents", ())]
    follows = [_follow(item, now, new_id, account_of) for item in seed.get("followedChannels", ())]
    return [*_created("marketing_consent", consents), *_created("followed_channel", follows)]


def place_of(position: int | None, document: Mapping[str, Any]) -> str:
    """The name of the entity at a position of the changes that a seed or snapshot makes."""
    consents = len(document.get("marketingConsents", ()))
    if position is None:
        return "An entity"
    if position < consents:
        return f"marketingConsents[{position}]"
    return f"followedChannels[{position - consents}]"


def snapshot_changes(snapshot: Mapping[str, Any]) -> list[Change]:
    """The entities of a valid snapshot, as they are; an ID in capitals becomes one in lower case, as in a seed."""
    consents, follows = (
        [_lowered(item) for item in snapshot[kind]] for kind in ("marketingConsents", "followedChannels")
    )
    return [*_created("marketing_consent", consents), *_created("followed_channel", follows)]


def _lowered(item: Entity) -> Entity:
    return item if item["id"].islower() else {**item, "id": item["id"].lower()}


def _created(entity_type: Any, entities: Sequence[Entity]) -> list[Change]:
    return [Change("created", entity_type, entity) for entity in entities]


def _consent(item: Mapping[str, Any], now: str, new_id: Callable[[], str]) -> Entity:
    state = item.get("state", "CONFIRMED")
    activity = ACTIVITY_OF.get(state)
    filled = {**item, "state": state}
    if activity and filled.get(activity) is None:
        filled[activity] = {}
    created = item.get("createdDate", now)
    return {
        "id": item["id"].lower() if "id" in item else new_id(),
        "revision": item.get("revision", "1"),
        **new_fields(filled, now=created),
        "createdDate": created,
        "updatedDate": item.get("updatedDate", created),
    }


def _follow(
    item: Mapping[str, Any], now: str, new_id: Callable[[], str], account_of: Callable[[str], str]
) -> Entity:
    return {
        "id": item["id"].lower() if "id" in item else new_id(),
        "accountId": item["accountId"].lower() if "accountId" in item else account_of(item["memberId"].lower()),
        "channel": item["channel"],
        "createdDate": item.get("createdDate", now),
    }
