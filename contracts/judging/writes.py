"""What the answer to a write promises: the state, the revision and the activities that follow from the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.judging.instants import instant
from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_CREATE, _UPDATE, _UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
_REMOVE, _BULK = "removeMarketingConsent", "bulkUpsertMarketingConsent"
_PLACE = "/marketingConsent"
_UNKNOWN = {"source": "UNKNOWN_SOURCE", "optInLevel": "UNKNOWN_OPT_IN_LEVEL"}
_ACTIVITIES = {
    "lastConfirmationActivity": ("source", "description", "updatedDate", "optInLevel"),
    "lastRevokeActivity": ("source", "description", "updatedDate"),
}


def _answered(judged: Judged) -> Mapping[str, Any]:
    return mapping(judged.answer.get("marketingConsent"))


def _sent(judged: Judged) -> Mapping[str, Any]:
    sent: Mapping[str, Any] = judged.sent["marketingConsent"]
    return sent


def _has_mask(judged: Judged) -> bool:
    return bool(judged.sent.get("mask"))


@exchange_check(
    "create-confirms",
    "A created consent is CONFIRMED",
    rule="create-confirms",
    spec="/components/schemas/CreatedMarketingConsent/properties/state",
    when=success_of(_CREATE),
)
def create_confirms(judged: Judged) -> Iterator[Said]:
    """Whatever state the request names."""
    state = _answered(judged).get("state")
    if isinstance(state, str) and state != "CONFIRMED":
        yield Said(f"state is {shown(state)}; create always makes CONFIRMED.", f"{_PLACE}/state")


@exchange_check(
    "created-revision-is-1",
    "A created consent has revision 1",
    rule="revision-counts-changes",
    spec="/components/schemas/Revision",
    when=success_of(_CREATE),
)
def created_revision_is_1(judged: Judged) -> Iterator[Said]:
    """Nothing changed it yet."""
    revision = _answered(judged).get("revision", "1")
    if revision != "1":
        yield Said(f"revision is {shown(revision)}; a new consent has '1'.", f"{_PLACE}/revision")


@exchange_check(
    "state-follows-request",
    "Update and upsert set the state of the request",
    rule="state-follows-request",
    spec="/components/schemas/State",
    when=success_of(_UPDATE, _UPSERT, asked=True),
)
def state_follows_request(judged: Judged) -> Iterator[Said]:
    """But for an email consent asked to become UNKNOWN_STATE, and for what a mask leaves out."""
    wanted, found = _sent(judged)["state"], _answered(judged).get("state")
    if not _has_mask(judged) and isinstance(found, str):
        yield from _other_state(_sent(judged), found, f"{_PLACE}/state", wanted)


def _other_state(sent: Mapping[str, Any], found: str, place: str, wanted: str) -> Iterator[Said]:
    keeps = wanted == "UNKNOWN_STATE" and sent["details"]["type"] == "EMAIL"
    if found != wanted and not keeps:
        yield Said(f"state is {shown(found)}; {wanted} was asked for.", place)


@exchange_check(
    "bulk-state-follows-request",
    "Each consent of a bulk gets the state that was asked for",
    rule="state-follows-request",
    spec="/components/schemas/State",
    when=success_of(_BULK, asked=True),
)
def bulk_state_follows_request(judged: Judged) -> Iterator[Said]:
    """Those that were stored, one by one."""
    _, schema = judged.operation.item_schema or ("", "")
    sent, results = judged.sent["info"], judged.answer.get("results")
    for index, result in enumerate(results if isinstance(results, list) else []):
        if index < len(sent) and judged.validation.accepts(schema, sent[index]):
            found = mapping(mapping(result).get("marketingConsent")).get("state")
            if isinstance(found, str):
                place = f"/results/{index}/marketingConsent/state"
                yield from _other_state(sent[index], found, place, sent[index]["state"])


@exchange_check(
    "remove-revokes",
    "A removed consent is REVOKED",
    rule="remove-revokes",
    spec="/components/schemas/State",
    when=success_of(_REMOVE),
)
def remove_revokes(judged: Judged) -> Iterator[Said]:
    """The consent stays, in that state."""
    state = _answered(judged).get("state")
    if isinstance(state, str) and state != "REVOKED":
        yield Said(f"state is {shown(state)}; remove makes REVOKED.", f"{_PLACE}/state")


@exchange_check(
    "update-raises-revision",
    "An update answers the revision after the one it was based on",
    rule="revision-counts-changes",
    spec="/components/schemas/Revision",
    when=success_of(_UPDATE, asked=True),
)
def update_raises_revision(judged: Judged) -> Iterator[Said]:
    """One more; the same where UNKNOWN_STATE was asked for and nothing changed."""
    based_on, found = _sent(judged).get("revision"), _answered(judged).get("revision")
    if based_on is None or not isinstance(found, str) or not found.isdecimal() or len(found) > 19:
        return
    unchanged = {int(based_on)} if _sent(judged)["state"] == "UNKNOWN_STATE" else set()
    if int(found) not in {int(based_on) + 1} | unchanged:
        said = f"revision is {shown(found)} after a change of revision {int(based_on)}; one more was expected."
        yield Said(said, f"{_PLACE}/revision")


@exchange_check(
    "activities-echoed",
    "The consent answered has the activity that was sent",
    rule="activity-defaults-unknown",
    spec="/components/schemas/LastConfirmationActivity",
    when=success_of(_CREATE, _UPDATE, _UPSERT, _REMOVE, asked=True),
)
def activities_echoed(judged: Judged) -> Iterator[Said]:
    """Each part as sent; source and level unknown where they were not. A mask may leave an activity out."""
    if judged.operation.operation_id != _REMOVE and _has_mask(judged):
        return
    sent = judged.sent if judged.operation.operation_id == _REMOVE else _sent(judged)
    for name, parts in _ACTIVITIES.items():
        wanted, found = mapping(sent.get(name)), mapping(_answered(judged).get(name))
        for part in parts if sent.get(name) is not None and found else ():
            if not _same(part, wanted.get(part), found.get(part)):
                said = f"{name}.{part} is {shown(found.get(part))}; {shown(wanted.get(part))} was sent."
                yield Said(said, f"{_PLACE}/{name}/{part}")


def _same(part: str, sent: object, found: object) -> bool:
    """Whether a part of an activity was kept. A date that was not sent is the server's own."""
    if part == "updatedDate":
        return sent is None or found is None or instant(sent) == instant(found)
    if sent is None:
        return found is None or found == _UNKNOWN.get(part, "")
    return found == sent


@exchange_check(
    "delete-answers-nothing",
    "A deletion answers an empty object",
    rule="success-is-200-json",
    spec="/components/schemas/DeleteMarketingConsentResponse",
    when=success_of("deleteMarketingConsent"),
)
def delete_answers_nothing(judged: Judged) -> Iterator[Said]:
    """Nothing is left to tell."""
    if judged.answer:
        names = ", ".join(shown(name) for name in list(judged.answer)[:5])
        yield Said(f"The answer has {names}; an empty object was expected.", "")


CHECKS = (
    create_confirms,
    created_revision_is_1,
    state_follows_request,
    bulk_state_follows_request,
    remove_revokes,
    update_raises_revision,
    activities_echoed,
    delete_answers_nothing,
)
