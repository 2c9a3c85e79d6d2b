"""Marketing consents: what each operation does to the consents it finds.

The names in single quotes are rows of spec/rules.yaml, which says where each rule comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wixture.mockserver.instants import sort_key
from wixture.mockserver.messages import (
    ById,
    ByIdentifier,
    Call,
    Change,
    Decision,
    Entity,
    Found,
    Identifier,
    identifier_of,
)
from wixture.mockserver.refusals import Refusal, invalid_field
from wixture.mockserver.rules import query
from wixture.mockserver.rules.consent_fields import change_fields, new_fields
from wixture.mockserver.rules.world import Rule, World

# 'link-by-state'
LINK_TYPES = {"PENDING": "CONFIRMATION", "CONFIRMED": "REVOKE_CONFIRMATION"}

# 'eligibility-by-state-and-channel': state → channels that may be written to
ELIGIBLE: Mapping[str, tuple[str, ...]] = {
    "CONFIRMED": ("EMAIL", "PHONE"),
    "NEVER_CONFIRMED": ("EMAIL",),
    "UNKNOWN_STATE": ("EMAIL",),
    "PENDING": (),
    "REVOKED": (),
}
REASONS = {
    "PENDING": "The visitor has not confirmed yet.",
    "REVOKED": "The visitor has revoked the consent.",
    "NEVER_CONFIRMED": "The visitor has never confirmed messages to this phone number.",
    "UNKNOWN_STATE": "The state of the consent to this phone number is unknown.",
}


# ---- reading -------------------------------------------------------------------------------------


def find_by_id(call: Call, _: World) -> ById:
    """The consent whose ID stands in the path."""
    return ById(call.path["marketingConsentId"])


def get(call: Call, found: Found, _: World) -> Decision:
    """The consent, whatever its state. 'malformed-id-not-found'"""
    if not found.entities:
        raise _not_found(_named_by_id(call))
    return Decision({"marketingConsent": found.first_for_answer()})


def find_by_parameters(call: Call, _: World) -> ByIdentifier:
    """The consent whose identifier stands in the query string."""
    return ByIdentifier((identifier_of(call.query),))


def get_by_identifier(call: Call, found: Found, world: World) -> Decision:
    """The consent and whether messages may be sent. 'get-by-unknown-not-found'"""
    consent = _the_one(found, "this identifier", rule="get-by-unknown-not-found")
    state, channel = consent["state"], consent["details"]["type"]
    granted = channel in ELIGIBLE[state]
    language = call.query.get("linkLanguage")
    eligibility = {
        "granted": granted,
        "revokeConfirmationLink": world.link("REVOKE_CONFIRMATION", consent, language) if granted else None,
        "reason": "" if granted else REASONS[state],
    }
    return Decision({"marketingConsent": found.first_for_answer(), "communicationEligibility": eligibility})


# ---- writing -------------------------------------------------------------------------------------


def find_by_body(call: Call, _: World) -> ByIdentifier:
    """The consent with the identifier of the request's consent."""
    return ByIdentifier((identifier_of(call.body["marketingConsent"]["details"]),), latest=True)


def create(call: Call, found: Found, world: World) -> Decision:
    """A confirmed consent. 'create-confirms', 'create-duplicate-conflicts'"""
    sent = call.body["marketingConsent"]
    if found.entities:
        kind = "email address" if sent["details"]["type"] == "EMAIL" else "phone number"
        raise Refusal(
            "ALREADY_EXISTS",
            f"This {kind} has a marketing consent already. Use upsert to change it.",
            rule="create-duplicate-conflicts",
            data={"id": found.entities[0]["id"]},
        )
    change = _insert({**sent, "state": "CONFIRMED"}, world)
    return Decision(_with_link(change.entity, world), (change,))


def find_for_change(call: Call, _: World) -> ById:
    """The consent whose ID stands in the path, past any lag of reads."""
    return ById(call.path["marketingConsentId"], latest=True)


def update(call: Call, found: Found, world: World) -> Decision:
    """The consent with the request's changes. 'revision-must-match', 'details-cannot-change'"""
    stored = _the_one(found, _named_by_id(call))
    sent = call.body["marketingConsent"]
    _refuse_stale_revision(stored, sent)
    _refuse_other_details(stored, sent)
    consent, changes = change_consent(stored, sent, now=world.now, mask=call.body.get("mask"))
    return Decision(_with_link(consent, world), changes)


def _refuse_stale_revision(stored: Entity, sent: Mapping[str, Any]) -> None:
    revision = sent.get("revision")
    if revision is not None and int(revision) != int(stored["revision"]):
        raise Refusal(
            "INVALID_REVISION",
            f"The consent has revision {stored['revision']}, not {int(revision)}. Read it again, then update.",
            rule="revision-must-match",
            data={"currentRevision": stored["revision"]},
        )


def _refuse_other_details(stored: Entity, sent: Mapping[str, Any]) -> None:
    if identifier_of(sent["details"]) != identifier_of(stored["details"]):
        key = "email" if stored["details"]["type"] == "EMAIL" else "phone"
        raise invalid_field(
            "marketingConsent.details",
            f"must repeat the {key} that is stored; to use another one, create or upsert its own consent",
            "details-cannot-change",
        )


def find_for_removal(call: Call, _: World) -> ByIdentifier:
    """The consent with the identifier at the top level of the request."""
    return ByIdentifier((identifier_of(call.body["details"]),), latest=True)


def remove(call: Call, found: Found, world: World) -> Decision:
    """The consent, revoked. 'remove-revokes', 'remove-again-succeeds'"""
    stored = _the_one(found, "this identifier", rule="remove-unknown-not-found")
    sent = {"state": "REVOKED", "lastRevokeActivity": call.body["lastRevokeActivity"]}
    consent, changes = change_consent(stored, sent, now=world.now)
    return Decision({"marketingConsent": consent}, changes)


def delete(call: Call, found: Found, _: World) -> Decision:
    """Nothing is left. 'delete-is-final'"""
    stored = _the_one(found, _named_by_id(call), rule="delete-is-final")
    return Decision({}, (Change("deleted", "marketing_consent", stored, based_on=stored["revision"]),))


def upsert(call: Call, found: Found, world: World) -> Decision:
    """The identifier's consent, made or changed. 'upsert-finds-by-identifier'"""
    stored = found.entities[0] if found.entities else None
    consent, changes = _upsert(stored, call.body["marketingConsent"], world)
    return Decision(_with_link(consent, world), changes)


def find_for_bulk(call: Call, _: World) -> ByIdentifier:
    """The consents of all good elements."""
    good = (sent for index, sent in enumerate(call.body["info"]) if index not in call.item_errors)
    identifiers = dict.fromkeys(identifier_of(sent["details"]) for sent in good)
    return ByIdentifier(tuple(identifiers), latest=True)


def bulk_upsert(call: Call, found: Found, world: World) -> Decision:
    """A result for each element, applied in order. 'bulk-item-error', 'bulk-in-order'"""
    known = {identifier_of(entity["details"]): entity for entity in found.entities}
    changes: list[Change] = []
    results: list[dict[str, Any]] = []
    for index, sent in enumerate(call.body["info"]):
        if index in call.item_errors:
            results.append({"originalIndex": index, "error": call.item_errors[index]})
        else:
            results.append({"originalIndex": index, **_upsert_one(known, sent, changes, world)})
    failed = len(call.item_errors)
    metadata = {"totalSuccess": len(results) - failed, "totalFailure": failed}
    return Decision({"results": results, "metadata": metadata}, tuple(changes))


def _upsert_one(
    known: dict[Identifier, Entity], sent: Mapping[str, Any], changes: list[Change], world: World
) -> dict[str, Any]:
    identifier = identifier_of(sent["details"])
    consent, made = _upsert(known.get(identifier), sent, world)
    known[identifier] = consent
    changes.extend(made)
    return _with_link(consent, world)


# ---- what they share -----------------------------------------------------------------------------


def _upsert(stored: Entity | None, sent: Mapping[str, Any], world: World) -> tuple[Entity, tuple[Change, ...]]:
    if stored is not None:
        return change_consent(stored, sent, now=world.now)
    change = _insert(sent, world)
    return change.entity, (change,)


def _insert(sent: Mapping[str, Any], world: World) -> Change:
    fields = new_fields(sent, now=world.now)
    dates = {"createdDate": world.now, "updatedDate": world.now}
    return Change("created", "marketing_consent", {"id": world.new_id(), "revision": "1", **fields, **dates})


def change_consent(
    stored: Entity, sent: Mapping[str, Any], *, now: str, mask: Any = None
) -> tuple[Entity, tuple[Change, ...]]:
    """The consent after a change, and the change: none when UNKNOWN_STATE was asked for and nothing differs."""
    changed = change_fields(stored, sent, now=now, mask=mask)
    if sent["state"] == "UNKNOWN_STATE" and changed == stored:  # 'no-change-no-revision'
        return stored, ()
    changed["revision"] = str(int(stored["revision"]) + 1)  # 'revision-counts-changes'
    changed["updatedDate"] = max(now, stored["updatedDate"], key=sort_key)  # 'updated-date-never-goes-back'
    return changed, (Change("updated", "marketing_consent", changed, based_on=stored["revision"]),)


def _with_link(consent: Entity, world: World) -> dict[str, Any]:
    kind = LINK_TYPES.get(consent["state"])
    if kind is None:
        return {"marketingConsent": consent}
    return {"marketingConsent": consent, "link": {"type": kind, "url": world.link(kind, consent, None)}}


def _the_one(found: Found, name: str, *, rule: str = "malformed-id-not-found") -> Entity:
    if not found.entities:
        raise _not_found(name, rule=rule)
    return found.entities[0]


def _not_found(name: str, *, rule: str = "malformed-id-not-found") -> Refusal:
    return Refusal("NOT_FOUND", f"Marketing consent not found: no consent of this site has {name}.", rule=rule)


def _named_by_id(call: Call) -> str:
    return f"the ID {call.path['marketingConsentId'][:60]!r}"


OPERATIONS: Mapping[str, Rule] = {
    "getMarketingConsent": Rule(find_by_id, get),
    "getMarketingConsentByIdentifier": Rule(find_by_parameters, get_by_identifier),
    "createMarketingConsent": Rule(find_by_body, create),
    "updateMarketingConsent": Rule(find_for_change, update),
    "removeMarketingConsent": Rule(find_for_removal, remove),
    "deleteMarketingConsent": Rule(find_for_change, delete),
    "queryMarketingConsent": Rule(query.find_page, query.answer_page),
    "upsertMarketingConsent": Rule(find_by_body, upsert),
    "bulkUpsertMarketingConsent": Rule(find_for_bulk, bulk_upsert),
}
