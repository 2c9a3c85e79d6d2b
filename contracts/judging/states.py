"""What follows from a consent's state: the link that comes with it, and whether messages may be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_CREATE, _UPDATE, _UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
_GET_BY = "getMarketingConsentByIdentifier"
_REASON = "/communicationEligibility/reason"
_LINKS = {"PENDING": "CONFIRMATION", "CONFIRMED": "REVOKE_CONFIRMATION"}
_GRANTED: Mapping[str, tuple[str, ...]] = {
    "CONFIRMED": ("EMAIL", "PHONE"),
    "NEVER_CONFIRMED": ("EMAIL",),
    "UNKNOWN_STATE": ("EMAIL",),
    "PENDING": (),
    "REVOKED": (),
}
_PAGES = {"CONFIRMATION": "subscribe", "REVOKE_CONFIRMATION": "unsubscribe"}
_TOKEN = re.compile(r"(?:^|&)token=JWE\.[\w-]+(?:\.[\w-]*){4}(?:&|$)", re.ASCII)


# ---- links ---------------------------------------------------------------------------------------


@exchange_check(
    "link-by-state",
    "The link's type follows from the state",
    rule="link-by-state",
    spec="/components/schemas/LinkType",
    when=success_of(_CREATE, _UPDATE, _UPSERT, "bulkUpsertMarketingConsent"),
)
def link_by_state(judged: Judged) -> Iterator[Said]:
    """PENDING has a confirmation link, CONFIRMED a revoke link, others have none."""
    for pointer, consent in judged.consents:
        place = f"{pointer.removesuffix('/marketingConsent')}/link"
        link, state = _beside(judged.answer, pointer).get("link"), str(consent.get("state"))
        kind, wanted = mapping(link).get("type"), _LINKS.get(state)
        if wanted is None and link is not None:
            yield Said(f"A consent that is {shown(state)} came with a link; it has none.", place)
        elif wanted is not None and kind != wanted:
            found = "no link" if link is None else f"a link of type {shown(kind)}"
            yield Said(f"A consent that is {state} came with {found}; {wanted} was expected.", place)


def _beside(answer: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
    """The object in which a consent of a single or a bulk answer stands."""
    parts = pointer.split("/")
    return answer if parts[1] == "marketingConsent" else mapping(answer["results"][int(parts[2])])


@exchange_check(
    "link-form",
    "Every link leads to the page of its type, with a sealed token",
    rule="link-token-jwe",
    spec="/components/schemas/LinkUrl",
    when=lambda judged: bool(judged.consents),
)
def link_form(judged: Judged) -> Iterator[Said]:
    """`…/_manage-consent/subscribe` or `…/unsubscribe`, and `token=JWE.` with five parts."""
    for place, kind, url in _links(judged):
        problem = _wrong_link(kind, url)
        if problem:
            yield Said(f"The link {problem}.", place)


def _links(judged: Judged) -> Iterator[tuple[str, object, object]]:
    for pointer, _ in judged.consents:
        if pointer == "/marketingConsent" or pointer.startswith("/results/"):
            link = mapping(_beside(judged.answer, pointer).get("link"))
            if "url" in link:
                place = pointer.removesuffix("/marketingConsent")
                yield f"{place}/link/url", link.get("type"), link["url"]
    eligibility = mapping(judged.answer.get("communicationEligibility"))
    if eligibility.get("revokeConfirmationLink") is not None:
        place = "/communicationEligibility/revokeConfirmationLink"
        yield place, "REVOKE_CONFIRMATION", eligibility["revokeConfirmationLink"]


def _wrong_link(kind: object, url: object) -> str:
    page = _PAGES.get(str(kind))
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        return f"is {shown(url)}; a web address was expected"
    if page and not parts.path.endswith(f"/_manage-consent/{page}"):
        return f"of type {kind} leads to {shown(parts.path)}; …/_manage-consent/{page} was expected"
    if page and not _TOKEN.search(parts.query):
        return "has no token of the form JWE. with five parts"
    return ""


# ---- eligibility ---------------------------------------------------------------------------------


@exchange_check(
    "eligibility-by-state-and-channel",
    "Eligibility follows from state and channel",
    rule="eligibility-by-state-and-channel",
    spec="/components/schemas/CommunicationEligibility/properties/granted",
    when=success_of(_GET_BY),
)
def eligibility_by_state_and_channel(judged: Judged) -> Iterator[Said]:
    """The rule's table, where the answer shows state, type and eligibility."""
    consent = mapping(judged.answer.get("marketingConsent"))
    granted = mapping(judged.answer.get("communicationEligibility")).get("granted")
    state, kind = consent.get("state"), mapping(consent.get("details")).get("type")
    channels = _GRANTED.get(str(state))
    if channels is None or kind not in ("EMAIL", "PHONE") or not isinstance(granted, bool):
        return
    if granted != (kind in channels):
        said = f"{state} by {kind} is granted {str(granted).lower()}; expected {str(not granted).lower()}."
        yield Said(said, "/communicationEligibility/granted")


@exchange_check(
    "eligibility-has-a-link-when-granted",
    "An eligible consent comes with an unsubscribe link, another one with none",
    spec="/components/schemas/CommunicationEligibility/properties/revokeConfirmationLink",
    when=success_of(_GET_BY),
)
def eligibility_has_a_link_when_granted(judged: Judged) -> Iterator[Said]:
    """A link when granted, null when not."""
    eligibility = mapping(judged.answer.get("communicationEligibility"))
    granted, link = eligibility.get("granted"), eligibility.get("revokeConfirmationLink")
    place = "/communicationEligibility/revokeConfirmationLink"
    if granted is True and not link:
        yield Said("It is granted, and there is no link to unsubscribe by; a message needs one.", place)
    elif granted is False and link is not None:
        yield Said("It is not granted, and yet there is a link to unsubscribe by; null was expected.", place)


@exchange_check(
    "reason-when-not-granted",
    "What is not granted says why, what is granted does not",
    spec="/components/schemas/CommunicationEligibility/properties/reason",
    severity="warning",
    when=success_of(_GET_BY),
)
def reason_when_not_granted(judged: Judged) -> Iterator[Said]:
    """A text when not granted; empty, null or absent when granted."""
    eligibility = mapping(judged.answer.get("communicationEligibility"))
    granted, reason = eligibility.get("granted"), eligibility.get("reason")
    if granted is True and reason:
        yield Said(f"It is granted, and a reason against it stands there: {shown(reason)}.", _REASON)
    elif granted is False and not reason:
        yield Said("It is not granted, and no reason says why.", _REASON)


CHECKS = (
    link_by_state,
    link_form,
    eligibility_by_state_and_channel,
    eligibility_has_a_link_when_granted,
    reason_when_not_granted,
)
