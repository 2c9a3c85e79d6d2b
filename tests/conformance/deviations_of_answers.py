"""Deviations in the form of answers: names, types, statuses, headers, errors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.planting import (
    BULK,
    CREATE,
    DELETE,
    FOLLOW,
    GET,
    GET_BY,
    LIST,
    QUERY,
    REMOVE,
    TOKEN,
    UPDATE,
    UPSERT,
    deviation,
    in_answers,
    in_consents,
    in_requests,
)
from conformance.proxy import Asked, envelope, parsed, saying, without_header

from wixture.mockserver.messages import Response

ONE_CONSENT = (GET, GET_BY, CREATE, UPDATE, REMOVE, UPSERT)
_DATES = {"createdDate": "created_date", "updatedDate": "updated_date"}


# ---- names and types -----------------------------------------------------------------------------


@in_answers(of=(GET_BY,))
def eligibility_says_grated(body: Any, asked: Asked) -> None:
    body["communicationEligibility"]["grated"] = body["communicationEligibility"].pop("granted")


@in_consents
def dates_in_snake_case(consent: dict[str, Any], asked: Asked) -> None:
    for name, snake in _DATES.items():
        consent[snake] = consent.pop(name)


@in_consents
def revision_is_a_number(consent: dict[str, Any], asked: Asked) -> None:
    consent["revision"] = int(consent["revision"])


@in_consents
def dates_without_a_zone(consent: dict[str, Any], asked: Asked) -> None:
    for name in _DATES:
        consent[name] = consent[name].rstrip("Z")


@in_consents
def dates_are_numbers(consent: dict[str, Any], asked: Asked) -> None:
    for name in _DATES:
        consent[name] = 1_700_000_000_000


@in_consents
def state_in_small_letters(consent: dict[str, Any], asked: Asked) -> None:
    consent["state"] = consent["state"].lower()


@in_consents
def state_is_missing(consent: dict[str, Any], asked: Asked) -> None:
    del consent["state"]


@in_consents
def id_has_another_name(consent: dict[str, Any], asked: Asked) -> None:
    consent["_id"] = consent.pop("id")


@in_consents
def details_are_flat(consent: dict[str, Any], asked: Asked) -> None:
    consent.update(consent.pop("details"))


@in_answers(of=ONE_CONSENT)
def entity_has_no_wrapper(body: Any, asked: Asked) -> Any:
    return body["marketingConsent"]


@in_answers(of=(QUERY,))
def query_answers_in_the_plural(body: Any, asked: Asked) -> None:
    body["marketingConsents"] = body.pop("marketingConsent")


@in_answers(of=(QUERY,))
def paging_metadata_is_missing(body: Any, asked: Asked) -> None:
    del body["pagingMetadata"]


@in_answers(of=(LIST,))
def channels_are_a_bare_list(body: Any, asked: Asked) -> Any:
    return body["followedChannels"]


@in_answers(of=(LIST, FOLLOW))
def channel_has_a_name_the_contract_lacks(body: Any, asked: Asked) -> None:
    one = body.get("followedChannel")
    for channel in [one] if one else body["followedChannels"]:
        channel["channel"] = {"X": "TWITTER"}.get(channel["channel"], channel["channel"].title())


# ---- statuses, bodies, headers -------------------------------------------------------------------


@deviation
async def create_is_201(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, status=201) if asked.operation == CREATE and response.status == 200 else response


@deviation
async def delete_is_204(asked: Asked) -> Response:
    response = await asked.answer()
    gone = asked.operation == DELETE and response.status == 200
    return replace(response, status=204, body=b"") if gone else response


@deviation
async def remove_is_204(asked: Asked) -> Response:
    response = await asked.answer()
    removed = asked.operation == REMOVE and response.status == 200
    return replace(response, status=204, body=b"") if removed else response


@deviation
async def bulk_is_207(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, status=207) if asked.operation == BULK and response.status == 200 else response


@deviation
async def get_has_an_empty_body(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, body=b"") if asked.operation == GET and response.status == 200 else response


@deviation
async def delete_has_an_empty_body(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, body=b"") if asked.operation == DELETE and response.status == 200 else response


@deviation
async def query_answers_html(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, content_type="text/html") if asked.operation == QUERY else response


@deviation
async def upsert_answer_is_cut_short(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, body=response.body[:-9]) if asked.operation == UPSERT else response


@deviation
async def query_answers_500(asked: Asked) -> Response:
    response = await asked.answer()
    return envelope(response, 500, "INTERNAL") if asked.operation == QUERY else response


@deviation
async def request_id_is_missing(asked: Asked) -> Response:
    return without_header(await asked.answer()) if asked.operation else await asked.answer()


@deviation
async def request_id_is_always_the_same(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, headers={**response.headers, "X-Wix-Request-Id": "1700000000.1234"})


# ---- errors --------------------------------------------------------------------------------------


@deviation
async def errors_have_no_envelope(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation in (None, TOKEN) or response.status < 400:
        return response
    return saying(response, {"error": "planted", "status": response.status})


@deviation
async def errors_are_pages(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation is None or response.status < 400:
        return response
    return replace(response, body=b"<!doctype html><title>Oops</title>", content_type="text/html")


@deviation
async def errors_have_empty_details(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation in (None, TOKEN) or response.status < 400:
        return response
    return saying(response, {"message": "planted", "details": {}})


@deviation
async def errors_have_no_message(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation in (None, TOKEN) or response.status < 400:
        return response
    return saying(response, {"details": parsed(response)["details"]})


@deviation
async def violations_name_no_field(asked: Asked) -> Response:
    response = await asked.answer()
    body = parsed(response)
    if response.status != 400 or "validationError" not in (body or {}).get("details", {}):
        return response
    for found in body["details"]["validationError"]["fieldViolations"]:
        del found["field"]
    return saying(response, body)


@deviation
async def missing_entity_is_200_with_an_error(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, status=200) if asked.operation == GET and response.status == 404 else response


@deviation
async def missing_entity_is_200_and_empty(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation == GET and response.status == 404
    return saying(response, {}, status=200) if missing else response


@deviation
async def missing_entity_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation == GET and response.status == 404
    return envelope(response, 400, "INVALID_ARGUMENT") if missing else response


@deviation
async def missing_entity_is_403(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation in (GET, UPDATE, DELETE) and response.status == 404
    return envelope(response, 403, "PERMISSION_DENIED") if missing else response


@deviation
async def malformed_id_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    named = asked.path.get("marketingConsentId", "")
    bad = (
        response.status == 404
        and named
        and re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", named) is None
    )
    return envelope(response, 400, "INVALID_ARGUMENT") if bad else response


@deviation
async def unknown_identifier_is_200_and_empty(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation == GET_BY and response.status == 404
    return saying(response, {}, status=200) if missing else response


@deviation
async def unknown_identifier_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation == GET_BY and response.status == 404
    return envelope(response, 400, "INVALID_ARGUMENT") if missing else response


@deviation
async def delete_of_unknown_is_200(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation == DELETE and response.status == 404
    return saying(response, {}, status=200) if missing else response


@deviation
async def update_of_unknown_is_200(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != UPDATE or response.status != 404:
        return response
    dates = dict.fromkeys(("createdDate", "updatedDate"), "2024-01-31T08:00:00.000Z")
    made = {**asked.sent["marketingConsent"], **dates, "id": asked.path["marketingConsentId"], "revision": "1"}
    return saying(response, {"marketingConsent": {"extendedFields": {}, **made}}, status=200)


@deviation
async def remove_of_unknown_is_200(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != REMOVE or response.status != 404:
        return response
    made = {
        **asked.sent,
        "id": "99999999-0000-4000-8000-000000000009",
        "revision": "1",
        "state": "REVOKED",
        "extendedFields": {},
        "createdDate": "2024-01-31T08:00:00.000Z",
        "updatedDate": "2024-01-31T08:00:00.000Z",
    }
    return saying(response, {"marketingConsent": made}, status=200)


@deviation
async def conflict_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    return envelope(response, 400, "ALREADY_EXISTS") if response.status == 409 else response


@deviation
async def bad_request_is_422(asked: Asked) -> Response:
    response = await asked.answer()
    bad = asked.operation not in (None, TOKEN) and response.status == 400
    return replace(response, status=422) if bad else response


# ---- what is answered is what was sent -----------------------------------------------------------


@in_consents
def email_is_answered_in_small_letters(consent: dict[str, Any], asked: Asked) -> None:
    if "email" in consent["details"]:
        consent["details"]["email"] = consent["details"]["email"].lower()


@in_consents
def description_loses_what_is_no_ascii(consent: dict[str, Any], asked: Asked) -> None:
    _describe(consent, lambda text: text.encode("ascii", "replace").decode())


@in_consents
def description_is_escaped_for_html(consent: dict[str, Any], asked: Asked) -> None:
    _describe(consent, lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))


@in_consents
def description_is_trimmed(consent: dict[str, Any], asked: Asked) -> None:
    _describe(consent, str.strip)


@in_consents
def description_is_cut(consent: dict[str, Any], asked: Asked) -> None:
    _describe(consent, lambda text: text[:16])


def _describe(consent: dict[str, Any], change: Any) -> None:
    for name in ("lastConfirmationActivity", "lastRevokeActivity"):
        activity = consent.get(name, {})
        if "description" in activity:
            activity["description"] = change(activity["description"])


@in_consents
def phone_loses_its_plus(consent: dict[str, Any], asked: Asked) -> None:
    if "phone" in consent["details"]:
        consent["details"]["phone"] = consent["details"]["phone"].lstrip("+")


@in_consents
def source_of_an_activity_is_lost(consent: dict[str, Any], asked: Asked) -> None:
    for name in ("lastConfirmationActivity", "lastRevokeActivity"):
        if name in consent:
            consent[name]["source"] = "UNKNOWN_SOURCE"


@in_consents
def opt_in_level_is_always_double(consent: dict[str, Any], asked: Asked) -> None:
    if "lastConfirmationActivity" in consent:
        consent["lastConfirmationActivity"]["optInLevel"] = "DOUBLE_CONFIRMATION"


@in_requests(of=(CREATE, UPDATE, UPSERT))
def date_of_an_activity_is_the_servers(sent: Any, asked: Asked) -> None:
    for name in ("lastConfirmationActivity", "lastRevokeActivity"):
        sent["marketingConsent"].get(name, {}).pop("updatedDate", None)


@in_answers(of=(CREATE, UPDATE, UPSERT))
def date_of_an_activity_is_not_filled_in(body: Any, asked: Asked) -> None:
    given = asked.sent["marketingConsent"].get("lastConfirmationActivity") or {}
    if not given.get("updatedDate"):
        body["marketingConsent"].get("lastConfirmationActivity", {}).pop("updatedDate", None)


@in_answers(of=(CREATE, UPDATE, UPSERT))
def date_of_an_activity_defaults_to_1970(body: Any, asked: Asked) -> None:
    given = asked.sent["marketingConsent"].get("lastConfirmationActivity") or {}
    if not given.get("updatedDate") and "lastConfirmationActivity" in body["marketingConsent"]:
        body["marketingConsent"]["lastConfirmationActivity"]["updatedDate"] = "1970-01-01T00:00:00.000Z"
