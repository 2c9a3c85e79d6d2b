"""The fields of a marketing consent: how a new one is filled in and how a request changes a stored one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wixture.contracts.violations import nearest
from wixture.mockserver.messages import Entity
from wixture.mockserver.refusals import invalid_field

ACTIVITIES: Mapping[str, tuple[str, ...]] = {
    "lastConfirmationActivity": ("source", "description", "updatedDate", "optInLevel"),
    "lastRevokeActivity": ("source", "description", "updatedDate"),
}
_ORDER = """id revision details state lastConfirmationActivity lastRevokeActivity extendedFields
    createdDate updatedDate""".split()
_READ_ONLY = ("id", "revision", "createdDate", "updatedDate")
_FIXED = ("details", "details.type", "details.email", "details.phone")
ACTIVITY_OF: Mapping[str, str] = {
    "PENDING": "lastConfirmationActivity",
    "CONFIRMED": "lastConfirmationActivity",
    "REVOKED": "lastRevokeActivity",
}
ACTIVITY_RULES = {
    "lastConfirmationActivity": "confirmation-activity-required",
    "lastRevokeActivity": "revoke-activity-required",
}
_MASKABLE = (
    "state",
    *ACTIVITIES,
    *(f"{name}.{part}" for name, parts in ACTIVITIES.items() for part in parts),
    "extendedFields",
    "extendedFields.namespaces",
)
_KNOWN_PATHS = frozenset((*_MASKABLE, *_FIXED, *_READ_ONLY))


def new_fields(sent: Mapping[str, Any], *, now: str) -> Entity:
    """The caller's fields of a new consent, in the order of the API's answers."""
    fields: Entity = {"details": _without_nulls(sent["details"]), "state": sent["state"]}
    for name in ACTIVITIES:
        if sent.get(name) is not None:
            fields[name] = _activity(name, sent[name], now)
    fields["extendedFields"] = _without_nulls(sent.get("extendedFields") or {})
    return fields


def change_fields(stored: Entity, sent: Mapping[str, Any], *, now: str, mask: Any = None) -> Entity:
    """A stored consent with the request's fields. Raises Refusal for a mask that names no field.

    Without a mask, or with an empty one, present fields replace and absent ones stay. With one, only its paths
    change.
    """
    changed = dict(stored)
    paths = _mask_paths(mask)
    for path in paths:
        _change_path(changed, sent, path, now)
    if not paths:
        _replace(changed, sent, now)
    changed["state"] = _next_state(stored, changed["state"])
    if paths:
        _refuse_lost_activity(changed)
    return {name: changed[name] for name in _ORDER if name in changed}


def _replace(changed: Entity, sent: Mapping[str, Any], now: str) -> None:
    changed["state"] = sent["state"]
    for name in ACTIVITIES:
        if sent.get(name) is not None:
            changed[name] = _activity(name, sent[name], now)
    if sent.get("extendedFields") is not None:
        changed["extendedFields"] = _without_nulls(sent["extendedFields"])


def _refuse_lost_activity(changed: Entity) -> None:
    """A mask must not leave a state without the activity that belongs to it."""
    needed = ACTIVITY_OF.get(changed["state"])
    if needed is not None and needed not in changed:
        problem = f"leaves {changed['state']} without {needed}"
        raise invalid_field("mask", problem, ACTIVITY_RULES[needed], closest=needed)


def _next_state(stored: Entity, wanted: str) -> str:
    """'state-follows-request', but for 'email-keeps-state-on-unknown'."""
    if wanted == "UNKNOWN_STATE" and stored["details"]["type"] == "EMAIL":
        return str(stored["state"])
    return wanted


def _activity(name: str, sent: Mapping[str, Any], now: str) -> dict[str, Any]:
    """'activity-defaults-unknown', 'activity-date-defaults-to-now'"""
    filled = {
        "source": sent.get("source") or "UNKNOWN_SOURCE",
        "description": sent.get("description"),
        "updatedDate": sent.get("updatedDate") or now,
        "optInLevel": sent.get("optInLevel") or "UNKNOWN_OPT_IN_LEVEL",
    }
    return {part: filled[part] for part in ACTIVITIES[name] if filled[part] is not None}


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if inner is not None}  # 'null-is-absent'


# ---- masks ---------------------------------------------------------------------------------------


def _mask_paths(mask: Any) -> list[str]:
    """The paths of a mask in any of its three forms, none where there is none."""
    if mask is None:
        return []
    if isinstance(mask, str):
        paths: Iterable[str] = mask.split(",")
    else:
        paths = mask.get("paths", ()) if isinstance(mask, dict) else mask
    named = [path.strip() for path in paths if path.strip()]
    unknown = [path for path in named if path not in _KNOWN_PATHS and not _is_namespace(path)]
    if unknown:
        shown = ", ".join(repr(path[:60]) for path in unknown[:10])
        meant = unknown[0].removeprefix("marketingConsent.")
        problem = f"names {shown}, which is no field of a consent"
        raise invalid_field("mask", problem, "mask-paths", closest=nearest(meant, _MASKABLE))
    return named


def _is_namespace(path: str) -> bool:
    head, _, name = path.rpartition(".")
    return head == "extendedFields.namespaces" and bool(name)


def _change_path(changed: Entity, sent: Mapping[str, Any], path: str, now: str) -> None:
    name, _, part = path.partition(".")
    if name in ACTIVITIES:
        _change_activity(changed, sent.get(name), name, part, now)
    elif name == "extendedFields":
        _change_extended_fields(changed, sent.get(name) or {}, part)
    elif name == "state":
        changed["state"] = sent["state"]


def _change_activity(changed: Entity, sent: Mapping[str, Any] | None, name: str, part: str, now: str) -> None:
    if not part and sent is None:
        changed.pop(name, None)
        return
    value = (sent or {}).get(part)
    if part and value is None and name not in changed:
        return  # there is nothing to clear
    merged = {**changed.get(name, {}), part: value} if part else sent
    changed[name] = _activity(name, merged or {}, now)


def _change_extended_fields(changed: Entity, sent: Mapping[str, Any], part: str) -> None:
    namespaces = sent.get("namespaces") or {}
    _, _, name = part.partition(".")
    if not name:
        changed["extendedFields"] = {"namespaces": namespaces} if namespaces else {}
        return
    kept = dict(changed.get("extendedFields", {}).get("namespaces", {}))
    kept.pop(name, None)
    if name in namespaces:
        kept[name] = namespaces[name]
    changed["extendedFields"] = {"namespaces": kept} if kept else {}
