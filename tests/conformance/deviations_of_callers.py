"""Deviations in who may call, in what is refused, in followed channels, in tokens and in events."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from conformance.planting import (
    CHANNELS,
    CREATE,
    EVENTS,
    FOLLOW,
    GET_BY,
    LIST,
    QUERY,
    REMOVE,
    TOKEN,
    accepting,
    deviation,
    in_answers,
    put,
    without,
)
from conformance.proxy import Asked, broken_rules, envelope, parsed, refused_with, saying

from wixture.mockserver.messages import JSON_TYPE, Request, Response

# ---- who may call --------------------------------------------------------------------------------


async def _let_in(asked: Asked, response: Response, *, when: bool) -> Response:
    if asked.operation in (None, TOKEN) or response.status not in (401, 403) or not when:
        return response
    identity = "MEMBER" if asked.operation in (LIST, FOLLOW) else "APP"
    return await asked.answer(asked.with_headers(authorization=await asked.token(identity)))


@deviation
async def calls_without_a_token_are_answered(asked: Asked) -> Response:
    response = await asked.answer()
    return await _let_in(asked, response, when=not asked.request.headers.get("authorization"))


@deviation
async def any_token_is_good(asked: Asked) -> Response:
    response = await asked.answer()
    sent = asked.request.headers.get("authorization", "")
    return await _let_in(asked, response, when=response.status == 401 and bool(sent))


@deviation
async def expired_token_is_good(asked: Asked) -> Response:
    response = await asked.answer()
    return await _let_in(asked, response, when=b"has expired" in response.body)


@deviation
async def wrong_token_is_403(asked: Asked) -> Response:
    response = await asked.answer()
    wrong = asked.operation not in (None, TOKEN) and response.status == 401
    return envelope(response, 403, "PERMISSION_DENIED") if wrong else response


@deviation
async def missing_token_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    missing = asked.operation not in (None, TOKEN) and response.status == 401
    missing = missing and not asked.request.headers.get("authorization")
    return envelope(response, 400, "INVALID_ARGUMENT") if missing else response


@deviation
async def bearer_is_not_understood(asked: Asked) -> Response:
    bearer = asked.operation and asked.request.headers.get("authorization", "")[:7].lower() == "bearer "
    return await asked.answer(asked.with_headers(authorization="x") if bearer else None)


@deviation
async def raw_token_is_not_understood(asked: Asked) -> Response:
    sent = asked.request.headers.get("authorization", "")
    raw = asked.operation not in (None, TOKEN) and sent and sent[:7].lower() != "bearer "
    return await asked.answer(asked.with_headers(authorization="x") if raw else None)


@deviation
async def member_may_read_and_write_consents(asked: Asked) -> Response:
    response = await asked.answer()
    refused = response.status == 403 and asked.operation not in (LIST, FOLLOW)
    return await _let_in(asked, response, when=refused)


@deviation
async def refused_identity_is_401(asked: Asked) -> Response:
    response = await asked.answer()
    refused = asked.operation not in (None, TOKEN) and response.status == 403
    return envelope(response, 401, "UNAUTHENTICATED") if refused else response


@deviation
async def app_may_follow_a_channel(asked: Asked) -> Response:
    response = await asked.answer()
    return await _let_in(asked, response, when=asked.operation == FOLLOW and response.status == 403)


@deviation
async def app_may_list_followed_channels(asked: Asked) -> Response:
    response = await asked.answer()
    return await _let_in(asked, response, when=asked.operation == LIST and response.status == 403)


@deviation
async def api_key_needs_no_site(asked: Asked) -> Response:
    response = await asked.answer()
    rules = [rule for rule, _ in broken_rules(response)]
    return await _let_in(asked, response, when="api-key-needs-site" in rules)


@deviation
async def visitor_may_not_list_followed_channels(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != LIST or response.status != 200:
        return response
    caller = asked.mock.app.auth.identify(asked.request)
    return envelope(response, 403, "PERMISSION_DENIED") if caller.identity == "VISITOR" else response


# ---- followed channels ---------------------------------------------------------------------------


@deviation
async def channel_can_be_followed_twice(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != FOLLOW or response.status != 409:
        return response
    listed = parsed(await asked.call("GET", CHANNELS))["followedChannels"]
    wanted = asked.sent["followedChannel"]["channel"]
    found = next(one for one in listed if one["channel"] == wanted)
    return saying(response, {"followedChannel": found}, status=200)


@in_answers(of=(LIST,))
def channels_come_oldest_first(body: Any, asked: Asked) -> None:
    body["followedChannels"].reverse()


@in_answers(of=(LIST,))
def followed_channel_is_not_listed(body: Any, asked: Asked) -> None:
    del body["followedChannels"][:1]


@in_answers(of=(LIST,))
def channel_is_listed_twice(body: Any, asked: Asked) -> None:
    body["followedChannels"] += body["followedChannels"][:1]


@in_answers(of=(FOLLOW,))
def following_answers_another_account(body: Any, asked: Asked) -> None:
    body["followedChannel"]["accountId"] = "99999999-0000-4000-8000-000000000009"


@in_answers(of=(FOLLOW,))
def following_answers_another_channel(body: Any, asked: Asked) -> None:
    body["followedChannel"]["channel"] = "TIKTOK" if body["followedChannel"]["channel"] != "TIKTOK" else "X"


@in_answers(of=(LIST, FOLLOW))
def channels_of_all_accounts_are_listed(body: Any, asked: Asked) -> None:
    seen: dict[str, Any] = asked.memory.setdefault("seen", {})
    for one in body.get("followedChannels", [body.get("followedChannel")]):
        seen[one["id"]] = one
    if "followedChannels" in body:
        body["followedChannels"] = [*seen.values()][::-1]


@deviation
async def channel_that_is_off_can_be_followed(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != FOLLOW or response.status != 428:
        return response
    made = {
        "id": "99999999-0000-4000-8000-000000000009",
        "accountId": "99999999-0000-4000-8000-000000000008",
        "channel": asked.sent["followedChannel"]["channel"],
        "createdDate": "2024-01-31T08:00:00.000Z",
    }
    return saying(response, {"followedChannel": made}, status=200)


# ---- what should be refused ----------------------------------------------------------------------


@deviation
async def body_of_any_type_is_read(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation in (None, TOKEN) or response.status != 415:
        return response
    return await asked.answer(asked.with_headers(content_type=JSON_TYPE))


@deviation
async def unsupported_type_is_400(asked: Asked) -> Response:
    response = await asked.answer()
    return envelope(response, 400, "INVALID_ARGUMENT") if response.status == 415 and asked.operation else response


@deviation
async def broken_json_is_500(asked: Asked) -> Response:
    response = await asked.answer()
    broken = asked.operation not in (None, TOKEN) and refused_with(response) == "MOCK_BAD_JSON"
    return envelope(response, 500, "INTERNAL") if broken else response


@deviation
async def broken_json_is_an_empty_object(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation == QUERY and refused_with(response) == "MOCK_BAD_JSON":
        return await asked.answer(asked.with_body({"query": {}}))
    return response


@deviation
async def unknown_parameters_are_accepted(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET_BY or not any(
        rule == "unknown-query-parameter" for rule, _ in broken_rules(response)
    ):
        return response
    known = {
        name: said for name, said in asked.query.items() if name in ("type", "email", "phone", "linkLanguage")
    }
    return await asked.answer(asked.with_query(known))


@deviation
async def get_by_takes_its_parameters_from_a_body(asked: Asked) -> Response:
    response = await asked.answer()
    sent = asked.sent
    if asked.operation != GET_BY or response.status != 400 or not isinstance(sent, dict):
        return response
    return await asked.answer(replace(asked.with_query({key: str(said) for key, said in sent.items()}), body=b""))


@deviation
async def get_by_needs_no_type(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != GET_BY or response.status != 400 or "type" in asked.query:
        return response
    kind = "EMAIL" if "email" in asked.query else "PHONE"
    return await asked.answer(asked.with_query({**asked.query, "type": kind}))


@deviation
async def path_that_nobody_has_is_200(asked: Asked) -> Response:
    response = await asked.answer()
    nobody = asked.operation is None and response.status == 404
    return saying(response, {}, status=200) if nobody else response


@deviation
async def wrong_method_is_404(asked: Asked) -> Response:
    response = await asked.answer()
    wrong = asked.operation is None and response.status == 405
    return envelope(response, 404, "NOT_FOUND") if wrong else response


@deviation
async def wrong_method_names_no_right_one(asked: Asked) -> Response:
    response = await asked.answer()
    headers = {name: said for name, said in response.headers.items() if name.lower() != "allow"}
    return replace(response, headers=headers)


def _flat_upsert(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    flat = isinstance(sent, dict) and "details" in sent and "marketingConsent" not in sent
    return asked.with_body({"marketingConsent": sent}) if flat else None


def _with_activities(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    consent = sent.get("marketingConsent", sent) if isinstance(sent, dict) else None
    if not isinstance(consent, dict):
        return None
    for name in (
        ("lastRevokeActivity",)
        if asked.operation == REMOVE
        else ("lastConfirmationActivity", "lastRevokeActivity")
    ):
        consent.setdefault(name, {})
    return asked.with_body(sent)


def _with_state(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    if (
        not isinstance(sent, dict)
        or not isinstance(sent.get("marketingConsent"), dict)
        or asked.operation == CREATE
    ):
        return None
    sent["marketingConsent"].setdefault("state", "NEVER_CONFIRMED")
    return asked.with_body(sent)


def _one_identifier(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    details = (sent.get("marketingConsent") or sent).get("details") if isinstance(sent, dict) else None
    if not isinstance(details, dict) or "type" not in details:
        return None
    for name in {"email", "phone"} - {str(details["type"]).lower()}:
        details.pop(name, None)
    return asked.with_body(sent)


_NEEDED = (
    "create-required-fields",
    "create-needs-confirmation-activity",
    "confirmation-activity-required",
    "revoke-activity-required",
    "upsert-required-fields",
    "update-required-fields",
    "remove-required-fields",
)

accepting("unknown fields are accepted", rules=("unknown-field", "consent-wrapper"), repair=without)
accepting(
    "flat consent is accepted",
    rules=("consent-wrapper", "unknown-field", "upsert-required-fields"),
    repair=_flat_upsert,
)
accepting("unknown state is accepted", rules=("state-known",), repair=put("NEVER_CONFIRMED"))
accepting("unknown source is accepted", rules=("confirmation-source-known", "revoke-source-known"), repair=without)
accepting("unknown opt in level is accepted", rules=("opt-in-level-known",), repair=without)
accepting("unknown channel is accepted", rules=("channel-known",), repair=put("TIKTOK"))
accepting("any text is a phone number", rules=("phone-form",), repair=put("+15005550006"))
accepting("any text is an email address", rules=("email-form",), repair=put("nobody@example.com"))
accepting("any text is a date", rules=("timestamp-form",), repair=put("2024-01-31T08:00:00Z"))
accepting("any text is a revision", rules=("revision-form",), repair=without)
accepting("missing activities are made up", rules=_NEEDED, repair=_with_activities)
accepting("missing state is made up", rules=_NEEDED, repair=_with_state)
accepting("both identifiers are accepted", rules=("details-one-identifier",), repair=_one_identifier)
accepting("any mask is accepted", rules=("mask-paths",), repair=lambda asked, _: _no_mask(asked))


def _no_mask(asked: Asked) -> Request:
    sent = asked.sent
    sent.pop("mask", None)
    return asked.with_body(sent)


# ---- tokens --------------------------------------------------------------------------------------


def _fields(asked: Asked) -> dict[str, str]:
    sent = asked.sent
    if isinstance(sent, dict):
        return sent
    return dict(parse_qsl(asked.request.body.decode()))


@deviation
async def wrong_secret_gets_a_token(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != TOKEN or response.status != 401:
        return response
    good = {
        **_fields(asked),
        "client_id": asked.mock.app.settings.app_id,
        "client_secret": asked.mock.app.settings.app_secret,
    }
    return await asked.answer(asked.with_body(good))


@in_answers(of=(TOKEN,))
def token_type_is_another(body: Any, asked: Asked) -> None:
    body["token_type"] = "MAC"


@in_answers(of=(TOKEN,))
def token_answer_is_in_camel_case(body: Any, asked: Asked) -> None:
    body["accessToken"] = body.pop("access_token")


@in_answers(of=(TOKEN,))
def token_lifetime_is_a_text(body: Any, asked: Asked) -> None:
    body["expires_in"] = str(body["expires_in"])


@in_answers(of=(TOKEN,))
def issued_token_is_not_good(body: Any, asked: Asked) -> None:
    body["access_token"] += "x"


@deviation
async def refused_grant_is_200(asked: Asked) -> Response:
    response = await asked.answer()
    return replace(response, status=200) if asked.operation == TOKEN and response.status >= 400 else response


@deviation
async def refused_grant_has_the_apis_envelope(asked: Asked) -> Response:
    response = await asked.answer()
    refused = asked.operation == TOKEN and response.status >= 400
    return envelope(response, response.status, "UNAUTHENTICATED") if refused else response


@deviation
async def token_answer_may_be_cached(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != TOKEN:
        return response
    headers = {name: said for name, said in response.headers.items() if name.lower() != "cache-control"}
    return replace(response, headers=headers)


# ---- events --------------------------------------------------------------------------------------


def _telling(name: str, change: Any) -> None:
    async def plant(asked: Asked) -> Response:
        response = await asked.answer()
        if asked.request.path != EVENTS or response.status != 200:
            return response
        body = parsed(response)
        body["events"] = change(body["events"])
        return saying(response, body)

    plant.__name__ = name
    deviation(plant)


def _each(change: Any) -> Any:
    def all_of(events: list[Any]) -> list[Any]:
        for event in events:
            change(event)
        return events

    return all_of


def _with(**changes: Any) -> Any:
    def change(event: dict[str, Any]) -> None:
        target = event.get("event", event)
        for name, value in changes.items():
            target[name] = value(target[name]) if callable(value) else value

    return _each(change)


def _kind_lost(kind: str) -> Any:
    return lambda events: [event for event in events if kind not in json.dumps(event)[:400]]


_telling(
    "event of a creation is missing",
    lambda events: [one for one in events if "createdEvent" not in json.dumps(one)],
)
_telling(
    "event of an update is missing",
    lambda events: [one for one in events if "updatedEvent" not in json.dumps(one)],
)
_telling(
    "event of a deletion is missing",
    lambda events: [one for one in events if "deletedEvent" not in json.dumps(one)],
)
_telling("every event comes twice", lambda events: [one for event in events for one in (event, event)])
_telling("events name another entity", _with(entityId="99999999-0000-4000-8000-000000000009"))
_telling("events do not count", _with(entityEventSequence="1"))
