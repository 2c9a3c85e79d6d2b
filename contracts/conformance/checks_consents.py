"""What a consent goes through: making, changing, removing; its revisions and dates; what must stay as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.conformance.flow import MISSING, Flow, Problem, Step, at
from wixture.contracts.conformance.promise import promise
from wixture.contracts.judging.instants import instant
from wixture.contracts.violations import shown

_WRITES = {
    "createMarketingConsent",
    "updateMarketingConsent",
    "upsertMarketingConsent",
    "removeMarketingConsent",
    "bulkUpsertMarketingConsent",
}


def written(flow: Flow) -> Iterator[tuple[Step, Mapping[str, Any], str]]:
    """Every consent that a write answered: its step, the consent, and its pointer, in order."""
    for step in flow:
        if step.operation.operation_id not in _WRITES or step.status != 200:
            continue
        if step.consent:
            yield step, step.consent, "/marketingConsent"
        results = step.at("/results")
        for index, result in enumerate(results if isinstance(results, list) else ()):
            consent = at(result, "/marketingConsent")
            if isinstance(consent, dict):
                yield step, consent, f"/results/{index}/marketingConsent"


def _pairs(flow: Flow) -> Iterator[tuple[Mapping[str, Any], Step, Mapping[str, Any], str]]:
    """Each write of a consent that was written before: what it was, and the step, what it is, and its pointer."""
    last: dict[Any, Mapping[str, Any]] = {}
    for step, consent, pointer in written(flow):
        entity_id = str(consent.get("id"))
        if entity_id in last:
            yield last[entity_id], step, consent, pointer
        last[entity_id] = consent


def _number(consent: Mapping[str, Any]) -> int | None:
    revision = consent.get("revision")
    return int(revision) if isinstance(revision, str) and revision.isascii() and revision.isdigit() else None


# ---- creating ------------------------------------------------------------------------------------


@promise("create-stores-confirmed", "Create stores CONFIRMED, whatever state it is sent", rule="create-confirms")
def create_confirms(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("created")
    yield from flow.holds("created", "/marketingConsent/state", "CONFIRMED")
    yield from flow.holds("read", "/marketingConsent/state", "CONFIRMED")


@promise("read-only-fields-ignored", "Read-only fields of a request are ignored", rule="read-only-ignored")
def read_only_fields_ignored(flow: Flow) -> Iterator[Problem]:
    step = flow["created"]
    sent = step.body["marketingConsent"]
    for name in ("id", "revision", "createdDate", "updatedDate"):
        if name in sent and step.consent.get(name) == sent[name]:
            yield step.problem(f"{name} was taken from the request.", f"/marketingConsent/{name}")


@promise(
    "values-kept",
    "Addresses, texts and app fields come back as they were sent",
    rule="email-compared-trimmed-lower-case",
)
def values_kept(flow: Flow) -> Iterator[Problem]:
    for name in ("created", "read"):
        sent = flow["created"].body["marketingConsent"]
        yield from _holds_all(flow, name, sent["details"], "/marketingConsent/details")
        yield from _holds_all(
            flow, name, sent["lastConfirmationActivity"], "/marketingConsent/lastConfirmationActivity"
        )
        if "extendedFields" in sent:
            yield from _holds_all(flow, name, sent["extendedFields"], "/marketingConsent/extendedFields")


def _holds_all(flow: Flow, name: str, sent: Mapping[str, Any], pointer: str) -> Iterator[Problem]:
    for key, value in sent.items():
        yield from flow.holds(name, f"{pointer}/{key}", value)


@promise("first-revision-is-one", "A new consent has revision 1", rule="revision-counts-changes")
def first_revision_is_one(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("created", "/marketingConsent/revision", "1")


@promise(
    "duplicate-conflicts", "Creating for an address that has a consent is 409", rule="create-duplicate-conflicts"
)
def duplicate_conflicts(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("created again", 409, "ALREADY_EXISTS")
    yield from flow.answered("created in capitals", 409, "ALREADY_EXISTS")


@promise(
    "upsert-finds-by-identifier",
    "Upsert changes the consent that an address has",
    rule="upsert-finds-by-identifier",
)
def upsert_finds_by_identifier(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("upserted")
    yield from flow.holds("upserted", "/marketingConsent/id", flow["created"].at("/marketingConsent/id"))


@promise("one-consent-an-address", "An address has one consent at most", rule="consent-one-per-identifier")
def one_consent_an_address(flow: Flow) -> Iterator[Problem]:
    found = flow["queried"].items
    if len(found) != 1:
        yield flow["queried"].problem(
            f"Expected one consent of the address, got {len(found)}.", "/marketingConsent"
        )


@promise(
    "details-repeated-in-any-case",
    "An update may repeat the address in capitals",
    rule="email-compared-trimmed-lower-case",
)
def details_repeated_in_any_case(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("in capitals")


@promise("upsert-creates", "Upsert makes a consent where none is", rule="upsert-finds-by-identifier")
def upsert_creates(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("anew")
    yield from flow.holds("anew", "/marketingConsent/state", "NEVER_CONFIRMED")


@promise("delete-frees-the-address", "After a deletion the address can have a new consent", rule="delete-is-final")
def delete_frees_the_address(flow: Flow) -> Iterator[Problem]:
    step = flow["anew"]
    if step.consent.get("id") == flow["created"].consent.get("id"):
        yield step.problem("The consent that was deleted is back.", "/marketingConsent/id")
    yield from flow.holds("anew", "/marketingConsent/revision", "1")


# ---- changing ------------------------------------------------------------------------------------


@promise("writes-answer", "A write that is right is answered 200 with the consent", rule="success-is-200-json")
def writes_answer(flow: Flow) -> Iterator[Problem]:
    expected = {
        "stale",
        "other details",
        "created again",
        "created in capitals",
        "deleted again",
        "updated deleted",
        "early",
        "odd revision",
        "activity alone",
    }
    for step in flow:
        if step.operation.operation_id not in _WRITES or step.name in (
            *expected,
            "no such path",
            "empty",
            "no info",
        ):
            continue
        if step.status != 200 or not (step.consent or step.at("/results") is not MISSING):
            yield step.problem(f"Expected 200 with what was stored, got {step.status}.")


@promise("revision-grows", "Each change adds 1 to the revision", rule="revision-counts-changes")
def revision_grows(flow: Flow) -> Iterator[Problem]:
    for before, step, after, pointer in _pairs(flow):
        old, new = _number(before), _number(after)
        if old is None or new is None or new == old + 1 or (new == old and _keeps(before, after)):
            continue
        yield step.problem(f"Revision {old} was followed by {new}.", f"{pointer}/revision")


def _keeps(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether nothing changed, so that the revision may stay."""
    return after.get("updatedDate") == before.get("updatedDate") and after.get("state") == before.get("state")


@promise(
    "dates-move",
    "A change moves updatedDate on, and leaves createdDate alone",
    rule="updated-date-never-goes-back",
)
def dates_move(flow: Flow) -> Iterator[Problem]:
    for before, step, after, pointer in _pairs(flow):
        if after.get("createdDate") != before.get("createdDate"):
            yield step.problem("createdDate changed.", f"{pointer}/createdDate")
        old, new = instant(before.get("updatedDate")), instant(after.get("updatedDate"))
        if old is None or new is None or before.get("revision") == after.get("revision"):
            continue
        if new < old or (new == old and flow.clock_runs):
            said = f"{shown(before['updatedDate'])} was followed by {shown(after['updatedDate'])}"
            yield step.problem(f"updatedDate does not move on: {said}.", f"{pointer}/updatedDate")


@promise(
    "activity-dated", "An activity without a date gets the server's time", rule="activity-date-defaults-to-now"
)
def activity_dated(flow: Flow) -> Iterator[Problem]:
    for name, activity in (("created", "lastConfirmationActivity"), ("removed", "lastRevokeActivity")):
        step, pointer = flow[name], f"/marketingConsent/{activity}/updatedDate"
        given, changed = instant(step.at(pointer)), instant(step.consent.get("updatedDate"))
        if given is None:
            yield step.problem("The activity has no date.", pointer)
        elif changed is not None and abs((changed[0] - given[0]).total_seconds()) > 60:
            yield step.problem("The activity's date is not the time of the change.", pointer)


@promise("absent-fields-stay", "An update leaves alone what it does not name", rule="update-without-mask")
def absent_fields_stay(flow: Flow) -> Iterator[Problem]:
    before = flow["updated"].at("/marketingConsent/lastConfirmationActivity")
    yield from flow.holds("without revision", "/marketingConsent/lastConfirmationActivity", before)
    yield from flow.holds("updated", "/marketingConsent/lastConfirmationActivity/source", "IN_PERSON")


@promise("stale-revision-conflicts", "An update with an old revision is 409", rule="revision-must-match")
def stale_revision_conflicts(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("updated")
    yield from flow.answered("stale", 409)


@promise("early-revision-conflicts", "An update with a revision to come is 409", rule="revision-must-match")
def early_revision_conflicts(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("early", 409)


@promise("refused-changes-nothing", "A change that is refused changes nothing", rule="event-per-change")
def refused_changes_nothing(flow: Flow) -> Iterator[Problem]:
    for name in ("revision", "state", "updatedDate"):
        pointer = f"/marketingConsent/{name}"
        yield from flow.holds("after stale", pointer, flow["updated"].at(pointer))


@promise(
    "update-without-revision", "An update without a revision is not checked for one", rule="revision-must-match"
)
def update_without_revision(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("without revision")


@promise("details-cannot-change", "An update cannot change whom a consent is about", rule="details-cannot-change")
def details_cannot_change(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("other details", 400)
    yield from flow.holds(
        "read removed",
        "/marketingConsent/details/email",
        flow["created"].body["marketingConsent"]["details"]["email"],
    )


# ---- removing and deleting -----------------------------------------------------------------------


@promise("remove-sets-revoked", "Remove sets REVOKED and the revoke activity", rule="remove-revokes")
def remove_revokes(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("removed")
    yield from flow.holds("removed", "/marketingConsent/state", "REVOKED")
    yield from flow.holds("removed", "/marketingConsent/lastRevokeActivity/source", "FORM")


@promise("removed-stays-readable", "A removed consent can still be read", rule="remove-revokes")
def removed_stays_readable(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("read removed")
    yield from flow.holds("read removed", "/marketingConsent/state", "REVOKED")


@promise("remove-again-succeeds", "Removing again succeeds, with the new activity", rule="remove-again-succeeds")
def remove_again_succeeds(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("removed again")
    yield from flow.holds("removed again", "/marketingConsent/lastRevokeActivity/source", "IN_PERSON")


@promise("delete-answers-empty", "A deletion is answered 200 with an empty object", rule="success-is-200-json")
def delete_answers_empty(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("deleted")
    yield from flow.holds("deleted", "", {})


@promise("deleted-is-gone", "A deleted consent is gone, for every operation", rule="delete-is-final")
def deleted_is_gone(flow: Flow) -> Iterator[Problem]:
    for name in ("read deleted", "found deleted", "deleted again", "updated deleted"):
        yield from flow.answered(name, 404, "NOT_FOUND")
    if flow["queried deleted"].items:
        yield flow["queried deleted"].problem("A query still finds it.", "/marketingConsent")
