"""Removes what a run left: only what its journal names, and only what is the run's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from wixture.contracts.findings import Exchanged
from wixture.contracts.targets.run_journal import Claim, Left
from wixture.contracts.targets.target import FINDS_OWN, Target

_READ, _DELETE = "getMarketingConsent", "deleteMarketingConsent"
_ROUNDS = 5


@dataclass(slots=True)
class Cleaned:
    """How a clean-up went. `kept` says why a claim was left alone, `unsure` what could not be read or deleted."""

    deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the run is left for sure."""
        return not self.unsure


def clean_up(target: Target, left: Left, *, patience: float, saw_all: bool = False) -> Cleaned:
    """Delete what a run left behind. May raise Stopped and NoIdentity; then it can be started again.

    Reads may lag behind writes by `patience` seconds, so a deletion counts when it is seen, and a claim of which
    nothing is found is looked for once more; but not where the run `saw_all` of its answers.
    """
    cleaned = Cleaned()
    doubtful = [claim for claim in left.claims if not _clean(target, left, claim, cleaned)]
    if doubtful and patience and not saw_all:
        target.pace.rest(patience)
        for claim in doubtful:
            _clean(target, left, claim, cleaned)
    for entity_id in cleaned.deleted:
        if not _is_gone(target, entity_id, patience):
            cleaned.unsure.append(f"{entity_id} was deleted, and is still there")
    return cleaned


def _clean(target: Target, left: Left, claim: Claim, cleaned: Cleaned) -> bool:
    """Clean up one claim; whether that settles it."""
    seen = False
    for exchange in _found(target, left, claim):
        if exchange.status in (400, 404):  # not there, or nothing that could ever be
            continue
        consent = (
            exchange.response_body.get("marketingConsent") if isinstance(exchange.response_body, dict) else None
        )
        if exchange.status != 200 or not isinstance(consent, dict) or not isinstance(consent.get("id"), str):
            cleaned.unsure.append(f"{claim.kind} of the run: a read answered {exchange.status}")
            return True
        seen = True
        _delete(target, left, claim, consent, cleaned)
    return seen or bool(left.claims[claim] & left.gone)


def _found(target: Target, left: Left, claim: Claim) -> Iterator[Exchanged]:
    """What reads find of a claim: by the address or number, then by each ID that the run saw made."""
    operations = target.contract.operations
    yield target.call(operations[FINDS_OWN], query=claim.query)
    for entity_id in sorted(left.claims[claim] - left.gone):
        yield target.call(operations[_READ], path={"marketingConsentId": entity_id})


def _delete(target: Target, left: Left, claim: Claim, consent: dict[str, Any], cleaned: Cleaned) -> None:
    entity_id = consent["id"].lower()
    if entity_id in cleaned.deleted:
        return
    if not _is_own(left, claim, consent):
        cleaned.kept.append(f"{claim.kind} of the run has a consent that the run did not make: {entity_id}")
        return
    target.adopt(entity_id)
    operation = target.contract.operations[_DELETE]
    answer = target.call(operation, path={"marketingConsentId": entity_id})
    if answer.status in (200, 404):
        cleaned.deleted.append(entity_id)
    else:
        cleaned.unsure.append(f"{entity_id}: deleting it answered {answer.status}")


def _is_own(left: Left, claim: Claim, consent: dict[str, Any]) -> bool:
    """Whether a consent is the run's: it saw it made, or its name stands in what only the run could write.

    Whatever its ID, it is of an address or number that the run claimed: a target may have answered another's ID.
    """
    details = consent.get("details")
    if not isinstance(details, dict) or Claim.of(details) not in left.claims:
        return False
    made = left.claims[claim]
    if consent["id"].lower() in made:
        return True
    if any(one not in left.gone for one in made):
        return False  # the run's own has another ID
    activities = (consent.get("lastConfirmationActivity"), consent.get("lastRevokeActivity"))
    texts = [activity.get("description") for activity in activities if isinstance(activity, dict)]
    return any(isinstance(text, str) and left.run in text.lower() for text in (*texts, details.get("email")))


def _is_gone(target: Target, entity_id: str, patience: float) -> bool:
    operation = target.contract.operations[_READ]
    for turn in range(_ROUNDS):
        if target.call(operation, path={"marketingConsentId": entity_id}).status == 404:
            return True
        if not patience:
            return False
        target.pace.rest(patience * 2**turn / 2**_ROUNDS)
    return False
