"""Deviations in the life of a consent: what is stored, what changes, what is gone, who may be written to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from conformance.planting import (
    BULK,
    CONSENTS,
    CREATE,
    DELETE,
    GET,
    GET_BY,
    QUERY,
    REMOVE,
    UPDATE,
    UPSERT,
    add,
    answering,
    deviation,
    in_answers,
    in_consents,
    in_requests,
)
from conformance.proxy import Asked, consents_in, envelope, parsed, refused_with, saying

from wixture.mockserver.messages import JSON_TYPE, Request, Response, identifier_of

NEW_ID = "99999999-0000-4000-8000-{:012d}"


def _new_id(asked: Asked) -> str:
    asked.memory["ids"] = asked.memory.get("ids", 0) + 1
    return NEW_ID.format(asked.memory["ids"])


async def _of(asked: Asked, details: Any) -> dict[str, Any] | None:
    """The stored consent of an identifier."""
    try:
        wanted = identifier_of(details)
    except (KeyError, TypeError, AttributeError):
        return None
    stored = await asked.stored()
    return next((one for one in stored if identifier_of(one["details"]) == wanted), None)


async def _with_id(asked: Asked) -> dict[str, Any] | None:
    """The stored consent whose ID stands in the path."""
    wanted = asked.path.get("marketingConsentId")
    return next((one for one in await asked.stored() if one["id"] == wanted), None)


# ---- create --------------------------------------------------------------------------------------


@deviation
async def create_stores_the_requested_state(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != CREATE or response.status != 200:
        return response
    sent, body = asked.sent["marketingConsent"], parsed(response)
    if sent.get("state") in (None, "CONFIRMED"):
        return response
    wanted = {**sent, "lastRevokeActivity": sent.get("lastRevokeActivity") or {}}
    path = f"{CONSENTS}/{body['marketingConsent']['id']}"
    return await asked.call("PATCH", path, {"marketingConsent": wanted})


@deviation
async def create_of_a_known_identifier_answers_what_is_there(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != CREATE or response.status != 409:
        return response
    return saying(
        response, {"marketingConsent": await _of(asked, asked.sent["marketingConsent"]["details"])}, status=200
    )


@deviation
async def create_of_a_known_identifier_makes_another(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != CREATE or response.status != 409:
        return response
    stored = await _of(asked, asked.sent["marketingConsent"]["details"])
    return saying(response, {"marketingConsent": {**(stored or {}), "id": _new_id(asked)}}, status=200)


@deviation
async def create_of_a_known_identifier_updates_it(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != CREATE or response.status != 409:
        return response
    sent = {**asked.sent["marketingConsent"], "state": "CONFIRMED"}
    return await asked.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": sent})


@deviation
async def create_tells_email_addresses_apart_by_case(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != CREATE or response.status != 409:
        return response
    details = asked.sent["marketingConsent"]["details"]
    stored = await _of(asked, details)
    if stored is None or stored["details"] == details:
        return response
    return saying(response, {"marketingConsent": {**stored, "details": details, "id": _new_id(asked)}}, status=200)


@in_answers(of=(CREATE, UPSERT))
def id_of_the_request_is_taken(body: Any, asked: Asked) -> None:
    sent = asked.sent["marketingConsent"]
    body["marketingConsent"]["id"] = sent.get("id") or body["marketingConsent"]["id"]


@in_answers(of=(CREATE, UPSERT, UPDATE))
def created_date_of_the_request_is_taken(body: Any, asked: Asked) -> None:
    sent = asked.sent["marketingConsent"]
    body["marketingConsent"]["createdDate"] = sent.get("createdDate") or body["marketingConsent"]["createdDate"]


@in_answers(of=(CREATE, UPSERT, UPDATE))
def updated_date_of_the_request_is_taken(body: Any, asked: Asked) -> None:
    sent = asked.sent["marketingConsent"]
    body["marketingConsent"]["updatedDate"] = sent.get("updatedDate") or body["marketingConsent"]["updatedDate"]


@in_answers(of=(CREATE, UPSERT))
def revision_of_the_request_is_taken(body: Any, asked: Asked) -> None:
    sent = asked.sent["marketingConsent"]
    body["marketingConsent"]["revision"] = str(sent.get("revision") or body["marketingConsent"]["revision"])


@in_consents
def revisions_begin_at_zero(consent: dict[str, Any], asked: Asked) -> None:
    consent["revision"] = str(int(consent["revision"]) - 1)


# ---- revisions and dates -------------------------------------------------------------------------


@deviation
async def revision_stands_still(asked: Asked) -> Response:
    sent = asked.sent
    if asked.operation == UPDATE and isinstance(sent, dict) and isinstance(sent.get("marketingConsent"), dict):
        sent["marketingConsent"].pop("revision", None)
        response = await asked.answer(asked.with_body(sent))
    else:
        response = await asked.answer()
    body = parsed(response)
    for consent in consents_in(body) if asked.operation and response.status == 200 else ():
        consent["revision"] = "1"
    return saying(response, body) if asked.operation else response


@in_consents
def revision_grows_by_two(consent: dict[str, Any], asked: Asked) -> None:
    consent["revision"] = str(2 * int(consent["revision"]) - 1)


@in_answers(of=(UPDATE,))
def update_answers_the_revision_of_before(body: Any, asked: Asked) -> None:
    body["marketingConsent"]["revision"] = str(int(body["marketingConsent"]["revision"]) - 1)


@in_requests(of=(UPDATE,))
def stale_revision_is_accepted(sent: Any, asked: Asked) -> None:
    sent["marketingConsent"].pop("revision", None)


@deviation
async def stale_revision_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    stale = asked.operation == UPDATE and response.status == 409
    return envelope(response, 400, "INVALID_REVISION") if stale else response


@deviation
async def update_needs_a_revision(asked: Asked) -> Response:
    response = await asked.answer()
    if (
        asked.operation != UPDATE
        or response.status != 200
        or asked.sent["marketingConsent"].get("revision") is not None
    ):
        return response
    return envelope(response, 409, "INVALID_REVISION")


@in_consents
def updated_date_never_moves(consent: dict[str, Any], asked: Asked) -> None:
    consent["updatedDate"] = consent["createdDate"]


@in_answers(of=(UPDATE, UPSERT, REMOVE))
def updated_date_goes_back(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["revision"] != "1":
        body["marketingConsent"]["updatedDate"] = "2001-09-09T01:46:40.000Z"


@in_consents
def created_date_moves_with_updates(consent: dict[str, Any], asked: Asked) -> None:
    consent["createdDate"] = consent["updatedDate"]


@in_answers(of=(UPDATE,))
def update_gives_a_new_id(body: Any, asked: Asked) -> None:
    body["marketingConsent"]["id"] = _new_id(asked)


# ---- update and masks ----------------------------------------------------------------------------


@in_requests(of=(UPDATE,))
def mask_is_ignored(sent: Any, asked: Asked) -> None:
    sent.pop("mask", None)


@in_requests(of=(UPDATE,))
def mask_overwrites_siblings(sent: Any, asked: Asked) -> None:
    mask = sent.get("mask")
    paths = mask.split(",") if isinstance(mask, str) else mask.get("paths", []) if isinstance(mask, dict) else mask
    if paths:
        sent["mask"] = [path.partition(".")[0] for path in paths]


@in_requests(of=(UPDATE,))
def absent_fields_are_wiped(sent: Any, asked: Asked) -> None:
    if not sent.get("mask"):
        needed = {"PENDING": "lastConfirmationActivity", "CONFIRMED": "lastConfirmationActivity"}
        kept = needed.get(sent["marketingConsent"]["state"], "lastRevokeActivity")
        sent["mask"] = [*{"state", "lastConfirmationActivity", "lastRevokeActivity", "extendedFields", kept}]


@deviation
async def update_changes_nothing(asked: Asked) -> Response:
    stored = await _with_id(asked) if asked.operation == UPDATE else None
    response = await asked.answer()
    if stored is None or response.status != 200:
        return response
    body = parsed(response)
    kept = {**body["marketingConsent"], "state": stored["state"]}
    return saying(response, {**body, "marketingConsent": kept})


@deviation
async def update_is_answered_but_not_stored(asked: Asked) -> Response:
    if asked.operation != UPDATE:
        return await asked.answer()
    state = await asked.mock.app.store.snapshot(asked.instance_id)
    response = await asked.answer()
    if response.status == 200:
        before = {"marketingConsents": state["marketingConsents"], "followedChannels": state["followedChannels"]}
        await _put_back(asked, before)
    return response


async def _put_back(asked: Asked, state: Any) -> None:
    headers = {"host": "127.0.0.1", "content-type": JSON_TYPE}
    about = {"version": 1, **state}
    query = f"instance={asked.instance_id}"
    put = await asked.mock.handle(Request("PUT", "/_mock/state", query, headers, json.dumps(about).encode()))
    assert put.status == 200, put.body


@deviation
async def update_takes_other_details(asked: Asked) -> Response:
    response = await asked.answer()
    stored = await _with_id(asked) if asked.operation == UPDATE and response.status == 400 else None
    if stored is None:
        return response
    sent = asked.sent
    details = sent["marketingConsent"]["details"]
    sent["marketingConsent"]["details"] = stored["details"]
    again = await asked.answer(asked.with_body(sent))
    if again.status != 200:
        return response
    body = parsed(again)
    body["marketingConsent"]["details"] = details
    return saying(again, body)


@deviation
async def update_of_one_field_needs_no_state(asked: Asked) -> Response:
    response = await asked.answer()
    stored = await _with_id(asked) if asked.operation == UPDATE and response.status == 400 else None
    sent = asked.sent
    if stored is None or not isinstance(sent.get("marketingConsent"), dict) or "state" in sent["marketingConsent"]:
        return response
    sent["marketingConsent"] = {**stored, **sent["marketingConsent"]}
    return await asked.answer(asked.with_body(sent))


# ---- states --------------------------------------------------------------------------------------


@deviation
async def unknown_state_resets_an_email_consent(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation is None or response.status != 200:
        return response
    reset: set[str] = asked.memory.setdefault("reset", set())
    body = parsed(response)
    for index, consent in enumerate(consents_in(body)):
        if asked.operation in (UPDATE, UPSERT, REMOVE, BULK, CREATE):
            sent = asked.sent["info"][index] if asked.operation == BULK else asked.sent.get("marketingConsent", {})
            unknown = sent.get("state") == "UNKNOWN_STATE" and "email" in consent["details"]
            (reset.add if unknown else reset.discard)(consent["id"])
        if consent["id"] in reset:
            consent["state"] = "UNKNOWN_STATE"
    return saying(response, body)


@deviation
async def unknown_state_is_refused_for_an_email_consent(asked: Asked) -> Response:
    response = await asked.answer()
    sent = asked.sent
    if asked.operation not in (UPDATE, UPSERT) or response.status != 200:
        return response
    asks = sent["marketingConsent"]["state"] == "UNKNOWN_STATE" and "email" in sent["marketingConsent"]["details"]
    return envelope(response, 400, "INVALID_ARGUMENT") if asks else response


@in_answers(of=(UPDATE, UPSERT))
def unknown_state_that_changes_nothing_raises_the_revision(body: Any, asked: Asked) -> None:
    if asked.sent["marketingConsent"]["state"] == "UNKNOWN_STATE":
        body["marketingConsent"]["revision"] = str(int(body["marketingConsent"]["revision"]) + 1)


@deviation
async def revoked_cannot_be_confirmed_again(asked: Asked) -> Response:
    sent = asked.sent
    if asked.operation in (UPDATE, UPSERT) and isinstance(sent, dict):
        details = (sent.get("marketingConsent") or {}).get("details")
        stored = await _with_id(asked) if asked.operation == UPDATE else await _of(asked, details)
        if stored and stored["state"] == "REVOKED" and sent["marketingConsent"].get("state") == "CONFIRMED":
            return envelope(await asked.answer(), 428, "FAILED_PRECONDITION")
    return await asked.answer()


@in_requests(of=(UPSERT,))
def upsert_always_confirms(sent: Any, asked: Asked) -> None:
    sent["marketingConsent"].update(state="CONFIRMED")
    sent["marketingConsent"].setdefault("lastConfirmationActivity", {})


@in_answers(of=(UPSERT,))
def upsert_makes_a_second_entity(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["revision"] != "1":
        body["marketingConsent"].update(id=_new_id(asked), revision="1")


@deviation
async def upsert_of_a_known_identifier_conflicts(asked: Asked) -> Response:
    sent = asked.sent
    if asked.operation == UPSERT and isinstance(sent, dict):
        known = await _of(asked, (sent.get("marketingConsent") or {}).get("details"))
        response = await asked.answer()
        return envelope(response, 409, "ALREADY_EXISTS") if known and response.status == 200 else response
    return await asked.answer()


@deviation
async def upsert_of_a_new_identifier_is_404(asked: Asked) -> Response:
    response = await asked.answer()
    made = asked.operation == UPSERT and response.status == 200
    if made and parsed(response)["marketingConsent"]["revision"] == "1":
        return envelope(response, 404, "NOT_FOUND")
    return response


# ---- remove and delete ---------------------------------------------------------------------------


@deviation
async def remove_does_not_revoke(asked: Asked) -> Response:
    kept: dict[str, str] = asked.memory.setdefault("kept", {})
    stored = await _of(asked, (asked.sent or {}).get("details")) if asked.operation == REMOVE else None
    response = await asked.answer()
    if asked.operation is None or response.status != 200:
        return response
    body = parsed(response)
    if stored is not None:
        kept.setdefault(stored["id"], stored["state"])
    for consent in consents_in(body):
        if asked.operation in (UPDATE, UPSERT, BULK):
            kept.pop(consent["id"], None)
        consent["state"] = kept.get(consent["id"], consent["state"])
    return saying(response, body)


@in_requests(of=(REMOVE,))
def remove_loses_the_revoke_activity(sent: Any, asked: Asked) -> None:
    sent["lastRevokeActivity"] = {}


@deviation
async def remove_deletes(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation == REMOVE and response.status == 200:
        await asked.call("DELETE", f"{CONSENTS}/{parsed(response)['marketingConsent']['id']}")
    return response


@deviation
async def removed_consent_cannot_be_read(asked: Asked) -> Response:
    response = await asked.answer()
    revoked = asked.operation in (GET, GET_BY) and response.status == 200
    if revoked and parsed(response)["marketingConsent"]["state"] == "REVOKED":
        return envelope(response, 404, "NOT_FOUND")
    return response


@deviation
async def remove_again_is_409(asked: Asked) -> Response:
    stored = await _of(asked, (asked.sent or {}).get("details")) if asked.operation == REMOVE else None
    response = await asked.answer()
    again = stored is not None and stored["state"] == "REVOKED"
    return envelope(response, 409, "ALREADY_EXISTS") if again and response.status == 200 else response


@deviation
async def deleted_consent_can_still_be_read(asked: Asked) -> Response:
    gone: dict[str, Any] = asked.memory.setdefault("gone", {})
    stored = await _with_id(asked) if asked.operation == DELETE else None
    response = await asked.answer()
    if stored is not None and response.status == 200:
        gone[stored["id"]] = stored
    if asked.operation == GET and response.status == 404 and asked.path["marketingConsentId"] in gone:
        return saying(response, {"marketingConsent": gone[asked.path["marketingConsentId"]]}, status=200)
    return response


@deviation
async def deleted_consent_is_still_found_by_its_identifier(asked: Asked) -> Response:
    gone: dict[str, Any] = asked.memory.setdefault("gone", {})
    stored = await _with_id(asked) if asked.operation == DELETE else None
    response = await asked.answer()
    if stored is not None and response.status == 200:
        gone[repr(identifier_of(stored["details"]))] = stored
    if asked.operation == GET_BY and response.status == 404:
        found = gone.get(repr(identifier_of(asked.query)))
        eligible = {"granted": False, "revokeConfirmationLink": None, "reason": "It was deleted."}
        if found:
            return saying(response, {"marketingConsent": found, "communicationEligibility": eligible}, status=200)
    return response


@deviation
async def delete_only_revokes(asked: Asked) -> Response:
    stored = await _with_id(asked) if asked.operation == DELETE else None
    if stored is None:
        return await asked.answer()
    body = {"details": stored["details"], "lastRevokeActivity": {}}
    response = await asked.call("POST", f"{CONSENTS}/remove", body)
    return saying(response, {}) if response.status == 200 else response


@deviation
async def deleted_consent_is_still_queried(asked: Asked) -> Response:
    gone: list[Any] = asked.memory.setdefault("gone", [])
    stored = await _with_id(asked) if asked.operation == DELETE else None
    response = await asked.answer()
    if stored is not None and response.status == 200:
        gone.append(stored)
    if asked.operation == QUERY and response.status == 200:
        body, asks = parsed(response), str(asked.sent["query"].get("filter", "")).lower()
        found = [
            one for one in gone if one["id"] in asks or one["details"].get("email", "-").strip().lower() in asks
        ]
        body["marketingConsent"] += found
        body["pagingMetadata"]["count"] += len(found)
        return saying(response, body)
    return response


# ---- get-by, links, eligibility ------------------------------------------------------------------


@deviation
async def get_by_tells_email_addresses_apart_by_case(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET_BY or response.status != 200 or "email" not in asked.query:
        return response
    same = parsed(response)["marketingConsent"]["details"]["email"] == asked.query["email"]
    return response if same else envelope(response, 404, "NOT_FOUND")


@deviation
async def get_by_answers_somebody_elses_consent(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET_BY or response.status != 200:
        return response
    found = parsed(response)["marketingConsent"]
    other = next((one for one in await asked.stored() if one["id"] != found["id"]), None)
    if other is None:
        return response
    details = other["details"]
    return await asked.answer(asked.with_query(details))


@deviation
async def get_answers_another_consent(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET or response.status != 200:
        return response
    other = next((one for one in await asked.stored() if one["id"] != asked.path["marketingConsentId"]), None)
    return saying(response, {"marketingConsent": other}) if other else response


@in_answers(of=(GET_BY,))
def get_by_gives_no_link(body: Any, asked: Asked) -> None:
    body["communicationEligibility"]["revokeConfirmationLink"] = None


@in_answers(of=(GET_BY,))
def get_by_gives_no_reason(body: Any, asked: Asked) -> None:
    body["communicationEligibility"]["reason"] = ""


_SWAPPED = {"CONFIRMATION": "REVOKE_CONFIRMATION", "REVOKE_CONFIRMATION": "CONFIRMATION"}
_ANY_LINK = "https://site.example/_manage-consent/unsubscribe?token=JWE.eyJhbGciOiJBMTI4S1cifQ.a.b.c.d"


@in_answers(of=(CREATE, UPDATE, UPSERT))
def link_has_the_other_type(body: Any, asked: Asked) -> None:
    if "link" in body:
        body["link"]["type"] = _SWAPPED[body["link"]["type"]]


@in_answers(of=(UPDATE, UPSERT))
def link_of_pending_is_missing(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["state"] == "PENDING":
        body.pop("link", None)


@in_answers(of=(CREATE, UPDATE, UPSERT))
def link_of_confirmed_is_missing(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["state"] == "CONFIRMED":
        body.pop("link", None)


@in_answers(of=(UPDATE, UPSERT))
def link_of_revoked_is_present(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["state"] == "REVOKED":
        body["link"] = {"type": "REVOKE_CONFIRMATION", "url": _ANY_LINK}


@in_answers(of=(UPDATE, UPSERT))
def link_of_never_confirmed_is_present(body: Any, asked: Asked) -> None:
    if body["marketingConsent"]["state"] == "NEVER_CONFIRMED":
        body["link"] = {"type": "CONFIRMATION", "url": _ANY_LINK}


@in_answers(of=(CREATE, UPDATE, UPSERT))
def link_is_a_bare_text(body: Any, asked: Asked) -> None:
    if "link" in body:
        body["link"] = body["link"]["url"]


def _eligibility_of(state: str, channel: str) -> None:
    def alter(body: Any, asked: Asked) -> None:
        consent, eligible = body["marketingConsent"], body["communicationEligibility"]
        if (consent["state"], consent["details"]["type"]) == (state, channel):
            granted = not eligible["granted"]
            link = _ANY_LINK if granted else None
            eligible.update(granted=granted, revokeConfirmationLink=link, reason="" if granted else "Planted.")

    add(f"eligibility is wrong for {state} {channel}", answering(alter, (GET_BY,)))


for _state in ("CONFIRMED", "NEVER_CONFIRMED", "UNKNOWN_STATE", "PENDING", "REVOKED"):
    for _channel in ("EMAIL", "PHONE"):
        _eligibility_of(_state, _channel)


# ---- bulk ----------------------------------------------------------------------------------------


@in_requests(of=(BULK,))
def bulk_loses_its_last_item(sent: Any, asked: Asked) -> None:
    sent["info"] = sent["info"][:-1] or sent["info"]


@in_answers(of=(BULK,))
def bulk_loses_its_last_result(body: Any, asked: Asked) -> None:
    body["results"] = body["results"][:-1]


@in_answers(of=(BULK,))
def bulk_counts_items_from_one(body: Any, asked: Asked) -> None:
    for result in body["results"]:
        result["originalIndex"] += 1


@in_answers(of=(BULK,))
def bulk_counts_every_item_as_a_success(body: Any, asked: Asked) -> None:
    body["metadata"] = {"totalSuccess": len(body["results"]), "totalFailure": 0}


@in_answers(of=(BULK,))
def bulk_counts_one_success_too_many(body: Any, asked: Asked) -> None:
    body["metadata"]["totalSuccess"] += 1


@deviation
async def bulk_stops_at_an_error(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != BULK or response.status != 200:
        return response
    results = parsed(response)["results"]
    first = next((place for place, result in enumerate(results) if "error" in result), len(results))
    metadata = {"totalSuccess": first, "totalFailure": int(first < len(results))}
    return saying(response, {"results": results[: first + 1], "metadata": metadata})


@deviation
async def bulk_with_a_bad_item_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    bad = asked.operation == BULK and response.status == 200
    if bad and any("error" in result for result in parsed(response)["results"]):
        return envelope(response, 400, "INVALID_ARGUMENT")
    return response


@deviation
async def bulk_applies_from_the_end(asked: Asked) -> Response:
    sent = asked.sent
    if asked.operation != BULK or not isinstance(sent, dict) or not isinstance(sent.get("info"), list):
        return await asked.answer()
    response = await asked.answer(asked.with_body({"info": sent["info"][::-1]}))
    if response.status != 200:
        return response
    body = parsed(response)
    last = len(body["results"]) - 1
    results = [{**one, "originalIndex": last - one["originalIndex"]} for one in body["results"][::-1]]
    return saying(response, {**body, "results": results})


@in_answers(of=(BULK,))
def bulk_results_come_in_another_order(body: Any, asked: Asked) -> None:
    body["results"].reverse()


@in_answers(of=(BULK,))
def bulk_says_no_error(body: Any, asked: Asked) -> None:
    for result in body["results"]:
        result.pop("error", None)


@deviation
async def empty_bulk_is_accepted(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation == BULK and response.status == 400 and (asked.sent or {}).get("info") == []:
        return saying(response, {"results": [], "metadata": {"totalSuccess": 0, "totalFailure": 0}}, status=200)
    return response


# ---- sites ---------------------------------------------------------------------------------------


@deviation
async def get_reads_another_sites_consent(asked: Asked) -> Response:
    response = await asked.answer()
    return await _of_another_site(asked, response) if asked.operation == GET else response


@deviation
async def another_sites_consent_can_be_deleted(asked: Asked) -> Response:
    response = await asked.answer()
    return await _of_another_site(asked, response) if asked.operation == DELETE else response


@deviation
async def another_sites_consent_can_be_updated(asked: Asked) -> Response:
    response = await asked.answer()
    return await _of_another_site(asked, response) if asked.operation == UPDATE else response


@deviation
async def another_sites_consent_is_403(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET or response.status != 404:
        return response
    there = (await _of_another_site(asked, response)).status == 200
    return envelope(response, 403, "PERMISSION_DENIED") if there else response


@deviation
async def get_by_finds_another_sites_consent(asked: Asked) -> Response:
    response = await asked.answer()
    return await _of_another_site(asked, response) if asked.operation == GET_BY else response


async def _of_another_site(asked: Asked, response: Response) -> Response:
    if refused_with(response) != "NOT_FOUND":
        return response
    for tenant in list(asked.mock.app.tenants.all()):
        token = await asked.token("APP", tenant.instance_id)
        there = await asked.answer(asked.with_headers(authorization=token))
        if there.status == 200:
            return there
    return response


@deviation
async def query_shows_every_site(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != QUERY or response.status != 200:
        return response
    body = parsed(response)
    for tenant in list(asked.mock.app.tenants.all()):
        if tenant.instance_id != asked.instance_id:
            token = await asked.token("APP", tenant.instance_id)
            query = {"query": {key: part for key, part in asked.sent["query"].items() if key != "cursorPaging"}}
            theirs = replace(asked, request=asked.with_body(query)).with_headers(authorization=token)
            there = await asked.answer(theirs)
            body["marketingConsent"] += parsed(there).get("marketingConsent", [])
    body["pagingMetadata"]["count"] = len(body["marketingConsent"])
    return saying(response, body)
