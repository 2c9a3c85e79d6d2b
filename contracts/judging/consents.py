"""What answers about one consent, or a list of them, promise: values that fit together, and the one asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.judging.instants import instant
from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_CREATE, _UPDATE, _UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
_REMOVE, _GET, _GET_BY = "removeMarketingConsent", "getMarketingConsent", "getMarketingConsentByIdentifier"

_REVISION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MOST_SIGNED = 2**63
_CONSENT = "/components/schemas/MarketingConsent"


def _consents(judged: Judged) -> bool:
    return bool(judged.consents)


# ---- values --------------------------------------------------------------------------------------


@exchange_check(
    "dates-are-instants",
    "Every date is an instant that exists",
    rule="timestamp-form",
    spec="/components/schemas/Timestamp",
    when=_consents,
)
def dates_are_instants(judged: Judged) -> Iterator[Said]:
    """RFC 3339, and in the calendar, under whichever name."""
    for pointer, consent in judged.consents:
        for name in ("createdDate", "updatedDate"):
            if name in consent and instant(consent[name]) is None:
                yield Said(f"{name} is {shown(consent[name])}; an instant was expected.", f"{pointer}/{name}")
        for activity in ("lastConfirmationActivity", "lastRevokeActivity"):
            held = mapping(consent.get(activity))
            if "updatedDate" in held and instant(held["updatedDate"]) is None:
                found = shown(held["updatedDate"])
                place = f"{pointer}/{activity}/updatedDate"
                yield Said(f"{activity}.updatedDate is {found}; an instant was expected.", place)


@exchange_check(
    "updated-after-created",
    "No consent was updated before it was created",
    rule="updated-date-never-goes-back",
    spec=f"{_CONSENT}/properties/updatedDate",
    when=_consents,
)
def updated_after_created(judged: Judged) -> Iterator[Said]:
    """updatedDate ≥ createdDate."""
    for pointer, consent in judged.consents:
        created, updated = instant(consent.get("createdDate")), instant(consent.get("updatedDate"))
        if created is not None and updated is not None and updated < created:
            said = f"updatedDate {consent['updatedDate']} is before createdDate {consent['createdDate']}."
            yield Said(said, f"{pointer}/updatedDate")


@exchange_check(
    "revision-is-a-number-in-a-text",
    "Every revision is a whole number from 1, as a text",
    rule="revision-counts-changes",
    spec="/components/schemas/Revision",
    when=_consents,
)
def revision_is_a_number_in_a_text(judged: Judged) -> Iterator[Said]:
    """Decimal digits of 64 bits; no JSON number, no zero."""
    for pointer, consent in judged.consents:
        revision = consent.get("revision", "1")
        if not isinstance(revision, str) or not _REVISION.fullmatch(revision) or int(revision) >= _MOST_SIGNED:
            said = f"revision is {shown(revision)}; a text such as '1' was expected."
            yield Said(said, f"{pointer}/revision")


@exchange_check(
    "details-name-one-identifier",
    "Every consent names the one identifier of its type",
    rule="details-one-identifier",
    spec="/components/schemas/MarketingConsentDetails",
    when=_consents,
)
def details_name_one_identifier(judged: Judged) -> Iterator[Said]:
    """EMAIL has email and no phone, PHONE has phone and no email."""
    for pointer, consent in judged.consents:
        details = mapping(consent.get("details"))
        own = {"EMAIL": "email", "PHONE": "phone"}.get(str(details.get("type")))
        named = [name for name in ("email", "phone") if details.get(name) is not None]
        if own and named != [own]:
            said = f"details of type {details['type']} name {', '.join(named) or 'nothing'}; expected: {own}."
            yield Said(said, f"{pointer}/details")


# ---- what was asked for --------------------------------------------------------------------------


@exchange_check(
    "answers-the-id",
    "The consent answered is the one that was asked for",
    spec=f"{_CONSENT}/properties/id",
    evidence="documented",
    when=success_of(_GET, _UPDATE),
)
def answers_the_id(judged: Judged) -> Iterator[Said]:
    """The path's ID, whatever its case."""
    found = mapping(judged.answer.get("marketingConsent")).get("id")
    asked = judged.path.get("marketingConsentId", "")
    if isinstance(found, str) and found.lower() != asked.lower():
        yield Said(f"id is {shown(found)}; {shown(asked)} was asked for.", "/marketingConsent/id")


@exchange_check(
    "answers-the-identifier",
    "The consent answered has the address or number that was asked for",
    rule="email-compared-trimmed-lower-case",
    spec="/components/schemas/MarketingConsentDetails",
    when=success_of(_GET_BY, asked=True),
)
def answers_the_identifier(judged: Judged) -> Iterator[Said]:
    """Type and identifier of the query string."""
    yield from _other_details(judged, judged.query)


@exchange_check(
    "details-echoed",
    "The consent answered has the details that were sent",
    rule="email-compared-trimmed-lower-case",
    spec="/components/schemas/MarketingConsentDetails",
    when=success_of(_CREATE, _UPDATE, _UPSERT, _REMOVE, asked=True),
)
def details_echoed(judged: Judged) -> Iterator[Said]:
    """Type and identifier of the request's details."""
    sent = judged.sent if judged.operation.operation_id == _REMOVE else judged.sent["marketingConsent"]
    yield from _other_details(judged, sent["details"])


def _other_details(judged: Judged, asked: Mapping[str, Any]) -> Iterator[Said]:
    found = mapping(mapping(judged.answer.get("marketingConsent")).get("details"))
    if found and identifier_of(found) != identifier_of(asked):
        said = f"details are {_named(found)}; {_named(asked)} was asked for."
        yield Said(said, "/marketingConsent/details")


def email_key(email: str) -> str:
    """What two spellings of one address have in common: small letters, each by itself, without blanks around."""
    return "".join(map(str.lower, email.strip(" ")))


def identifier_of(details: Mapping[str, Any]) -> tuple[str, str]:
    """Type and identifier, as two of them are compared: addresses trimmed and in small letters."""
    kind = str(details.get("type"))
    if kind == "EMAIL":
        return kind, email_key(str(details.get("email")))
    return kind, str(details.get("phone"))


def _named(details: Mapping[str, Any]) -> str:
    kind = details.get("type")
    return f"{shown(kind)} {shown(details.get('email' if kind == 'EMAIL' else 'phone'))}"


CHECKS = (
    dates_are_instants,
    updated_after_created,
    revision_is_a_number_in_a_text,
    details_name_one_identifier,
    answers_the_id,
    answers_the_identifier,
    details_echoed,
)
