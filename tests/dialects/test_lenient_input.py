"""Lenient input: for each row, what strict input refuses and lenient input takes as it was meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api

from wixture.contracts.ledger import rows

EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
FORM = {"source": "FORM"}
PAST = "2021-05-05T00:00:00Z"
LENIENT = {"x-wixture-input": "lenient"}
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"

Make = Callable[[Api, Mapping[str, str]], Answer]


def consent(**fields: Any) -> dict[str, Any]:
    return {"details": EMAIL, "state": "CONFIRMED", "lastConfirmationActivity": FORM, **fields}


def upsert(api: Api, headers: Mapping[str, str], **fields: Any) -> Answer:
    return api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": consent(**fields)}, headers=dict(headers))


def of_stored(api: Api) -> str:
    """The path of a consent that is there."""
    return f"{CONSENTS}/{api.create()['id']}"


def update(api: Api, headers: Mapping[str, str], body: Any) -> Answer:
    return api.call("PATCH", of_stored(api), body, headers=dict(headers))


def stored_then(method: str, path: str, body: Any = None, **more: Any) -> Make:
    """A call about Ada's consent, made before."""

    def make(api: Api, headers: Mapping[str, str]) -> Answer:
        api.create()
        return api.call(
            method,
            CONSENTS + path,
            body,
            headers={**more.get("headers", {}), **headers},
            query=more.get("query", ""),
        )

    return make


def by_member(method: str) -> Make:
    def make(api: Api, headers: Mapping[str, str]) -> Answer:
        api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
        return api.call(method, CHANNELS, identity="MEMBER", headers=dict(headers))

    return make


REVOKED: dict[str, Any] = {"details": EMAIL, "state": "REVOKED"}

CASES: dict[str, tuple[str, Make, int]] = {
    # what: row, how it is sent, what strict input answers
    "snake case dates in create": (
        "entity-dates-snake-case",
        lambda api, headers: api.call(
            "POST",
            CONSENTS,
            {"marketingConsent": consent(created_date=PAST, updated_date=PAST)},
            headers=dict(headers),
        ),
        400,
    ),
    "snake case dates in upsert": (
        "entity-dates-snake-case",
        lambda api, headers: upsert(api, headers, created_date=PAST),
        400,
    ),
    "a snake case date of a confirmation": (
        "activity-date-snake-case",
        lambda api, headers: upsert(api, headers, lastConfirmationActivity={**FORM, "updated_date": PAST}),
        400,
    ),
    "a snake case date in remove": (
        "activity-date-snake-case",
        stored_then("POST", "/remove", {"details": EMAIL, "lastRevokeActivity": {**FORM, "updated_date": PAST}}),
        400,
    ),
    "cursor_paging": (
        "query-cursor-paging-snake-case",
        stored_then("POST", "/query", {"query": {"cursor_paging": {"limit": 1}}}),
        400,
    ),
    "field_name": (
        "query-cursor-paging-snake-case",
        stored_then("POST", "/query", {"query": {"sort": [{"field_name": "createdDate"}]}}),
        400,
    ),
    "a flat upsert": (
        "upsert-without-wrapper",
        lambda api, headers: api.call("POST", f"{CONSENTS}/upsert", consent(), headers=dict(headers)),
        400,
    ),
    "an activity below info in upsert": (
        "activities-below-info",
        lambda api, headers: api.call(
            "POST",
            f"{CONSENTS}/upsert",
            {
                "marketingConsent": {"details": EMAIL, "state": "CONFIRMED"},
                "info": {"lastConfirmationActivity": FORM},
            },
            headers=dict(headers),
        ),
        400,
    ),
    "an activity below info in remove": (
        "activities-below-info",
        stored_then("POST", "/remove", {"details": EMAIL, "info": {"lastRevokeActivity": FORM}}),
        400,
    ),
    "get-by with details in the body": (
        "get-by-with-a-body",
        stored_then("GET", "/get-by", {"details": EMAIL}),
        400,
    ),
    "get-by with a flat body": ("get-by-with-a-body", stored_then("GET", "/get-by", EMAIL), 400),
    "get-by with prefixed parameters": (
        "get-by-parameter-names",
        stored_then("GET", "/get-by", query="details.type=EMAIL&details.email=ada@example.com"),
        400,
    ),
    "listing channels by POST": ("list-channels-by-post", by_member("POST"), 400),
    "a query by PATCH": ("query-by-patch", stored_then("PATCH", "/query", {"query": {}}), 400),
    "a form's content type": (
        "curl-no-content-type",
        stored_then(
            "POST", "/query", {"query": {}}, headers={"content-type": "application/x-www-form-urlencoded"}
        ),
        415,
    ),
    "plain text": (
        "curl-no-content-type",
        stored_then("POST", "/query", {"query": {}}, headers={"content-type": "text/plain; charset=utf-8"}),
        415,
    ),
    "no content type": (
        "curl-no-content-type",
        stored_then("POST", "/query", {"query": {}}, headers={"content-type": ""}),
        415,
    ),
    "an update that revokes without an activity": (
        "update-revokes-without-activity",
        lambda api, headers: update(api, headers, {"marketingConsent": REVOKED}),
        400,
    ),
    "an update that revokes by a mask": (
        "update-revokes-without-activity",
        lambda api, headers: update(api, headers, {"marketingConsent": REVOKED, "mask": {"paths": ["state"]}}),
        400,
    ),
    "an upsert that revokes without an activity": (
        "update-revokes-without-activity",
        lambda api, headers: api.call(
            "POST", f"{CONSENTS}/upsert", {"marketingConsent": REVOKED}, headers=dict(headers)
        ),
        400,
    ),
    "remove without an activity": (
        "remove-without-activity",
        stored_then("POST", "/remove", {"details": EMAIL}),
        400,
    ),
    "an update without details": (
        "mask-without-details",
        lambda api, headers: update(
            api, headers, {"marketingConsent": {"state": "CONFIRMED", "lastConfirmationActivity": FORM}}
        ),
        400,
    ),
    "a sort by id": (
        "sort-by-id",
        stored_then("POST", "/query", {"query": {"sort": [{"fieldName": "id", "order": "DESC"}]}}),
        400,
    ),
}
every_case = pytest.mark.parametrize(("row", "make", "strict"), CASES.values(), ids=list(CASES))


def test_every_row_that_lenient_input_accepts_has_a_case() -> None:
    assert {row for row, _, _ in CASES.values()} == {row.id for row in rows().values() if row.lenient}


@every_case
def test_coverage_has_the_row_refused_by_strict_and_taken_by_lenient_input(
    api: Api, row: str, make: Make, strict: int
) -> None:
    seen = []
    for tenant, headers in (("b0000000-0000-4000-8000-00000000000a", {}), (api.tenant, LENIENT)):
        make(api.of(tenant), headers)
        counts = api.of(tenant).control("GET", "/coverage").json["dimensions"]["ledgerRows"]
        seen.append(
            {item: count for item, count in counts.items() if item.endswith((" strict", " lenient")) and count}
        )
    assert seen == [{f"{row} strict": 1}, {f"{row} lenient": 1}], strict


@every_case
def test_strict_input_refuses_it(api: Api, row: str, make: Make, strict: int) -> None:
    assert make(api, {}).status == strict, row


@every_case
def test_lenient_input_takes_it_and_the_journal_names_the_row(api: Api, row: str, make: Make, strict: int) -> None:
    answer = make(api, LENIENT)
    assert answer.status == 200, (answer.json, strict)
    assert row in api.control("GET", "/exchanges").json["exchanges"][-1]["ledgerRows"]


@every_case
def test_a_lenient_server_takes_it_and_a_request_can_ask_for_strict_input(
    make_api: Callable[..., Api], row: str, make: Make, strict: int
) -> None:
    lenient = make_api(clock="2024-01-31T08:00:00Z", random_seed=1, input="lenient")
    assert make(lenient.of("e0000000-0000-4000-8000-000000000001"), {}).status == 200, row
    assert make(lenient, {"x-wixture-input": "strict"}).status == strict


# ---- what was meant ------------------------------------------------------------------------------


def test_a_flat_upsert_stores_the_consent_that_was_meant(api: Api) -> None:
    answer = api.call("POST", f"{CONSENTS}/upsert", consent(), headers=LENIENT)
    assert answer.json["marketingConsent"]["lastConfirmationActivity"]["source"] == "FORM"


def test_a_flat_upsert_may_have_what_else_the_page_prints(api: Api) -> None:
    sent = consent(created_date=PAST, lastConfirmationActivity={**FORM, "updated_date": PAST})
    answer = api.call("POST", f"{CONSENTS}/upsert", sent, headers=LENIENT)
    assert answer.json["marketingConsent"]["lastConfirmationActivity"]["updatedDate"] == PAST


def test_a_snake_case_date_of_an_activity_is_stored(api: Api) -> None:
    answer = upsert(api, LENIENT, lastConfirmationActivity={**FORM, "updated_date": PAST})
    assert answer.json["marketingConsent"]["lastConfirmationActivity"]["updatedDate"] == PAST


def test_a_snake_case_date_of_a_consent_is_read_only_like_the_right_one(api: Api) -> None:
    answer = upsert(api, LENIENT, created_date=PAST)
    assert answer.json["marketingConsent"]["createdDate"] == "2024-01-31T08:00:00.000Z"


def test_of_two_spellings_of_one_field_the_documented_one_stays_unknown(api: Api) -> None:
    activity = {"updatedDate": PAST, "updated_date": PAST}
    answer = upsert(api, LENIENT, lastConfirmationActivity=activity)
    assert answer.violations.keys() == {"marketingConsent.lastConfirmationActivity.updated_date"}


def test_revoking_without_an_activity_makes_one_of_unknown_source_now(api: Api) -> None:
    answer = update(api, LENIENT, {"marketingConsent": REVOKED})
    assert answer.json["marketingConsent"]["lastRevokeActivity"] == {
        "source": "UNKNOWN_SOURCE",
        "updatedDate": "2024-01-31T08:00:00.000Z",
    }


@pytest.mark.parametrize("mask", ["state", ["state"], {"paths": ["state"]}], ids=["text", "list", "object"])
def test_a_mask_lets_the_activity_that_was_missing_through(api: Api, mask: Any) -> None:
    answer = update(api, LENIENT, {"marketingConsent": REVOKED, "mask": mask})
    assert answer.json["marketingConsent"]["state"] == "REVOKED"
    assert answer.json["marketingConsent"]["lastRevokeActivity"]["source"] == "UNKNOWN_SOURCE"


@pytest.mark.parametrize("way", ["update", "update by a mask", "upsert", "bulk"])
def test_revoking_again_without_an_activity_keeps_the_one_that_is_stored(api: Api, way: str) -> None:
    path = of_stored(api)
    activity = {"source": "IN_PERSON", "updatedDate": PAST}
    api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": activity})
    sent: dict[str, tuple[str, str, Any]] = {
        "update": ("PATCH", path, {"marketingConsent": REVOKED}),
        "update by a mask": ("PATCH", path, {"marketingConsent": REVOKED, "mask": "state"}),
        "upsert": ("POST", f"{CONSENTS}/upsert", {"marketingConsent": REVOKED}),
        "bulk": ("POST", BULK, {"info": [REVOKED]}),
    }
    method, where, body = sent[way]
    answer = api.call(method, where, body, headers=LENIENT)
    assert answer.status == 200, answer.json
    assert api.call("GET", path).json["marketingConsent"]["lastRevokeActivity"] == activity


def test_an_update_without_details_keeps_them(api: Api) -> None:
    body = {"marketingConsent": {"state": "CONFIRMED", "lastConfirmationActivity": FORM}}
    assert update(api, LENIENT, body).json["marketingConsent"]["details"] == EMAIL


def test_an_update_without_details_of_an_unknown_consent_is_not_found(api: Api) -> None:
    body = {"marketingConsent": {"state": "CONFIRMED", "lastConfirmationActivity": FORM}}
    answer = api.call("PATCH", f"{CONSENTS}/e0000000-0000-4000-8000-000000000009", body, headers=LENIENT)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("order", "backwards"), [("ASC", False), ("DESC", True)])
def test_a_sort_by_id_sorts_by_id_and_its_cursors_go_on(api: Api, order: str, backwards: bool) -> None:
    ids = sorted((api.create(f"{name}@example.com")["id"] for name in "abcde"), reverse=backwards)
    query: dict[str, Any] = {"sort": [{"fieldName": "id", "order": order}], "cursorPaging": {"limit": 2}}
    seen: list[str] = []
    while True:
        page = api.call("POST", f"{CONSENTS}/query", {"query": query}, headers=LENIENT).json
        seen += [entity["id"] for entity in page["marketingConsent"]]
        if page["pagingMetadata"]["cursors"]["next"] is None:
            break
        query = {"cursorPaging": {"limit": 2, "cursor": page["pagingMetadata"]["cursors"]["next"]}}
    assert seen == ids


def test_bulk_items_are_rewritten_one_by_one(api: Api) -> None:
    info = [consent(created_date=PAST), REVOKED, {"state": "CONFIRMED"}, 7]
    answer = api.call("POST", BULK, {"info": info}, headers=LENIENT)
    assert answer.status == 200
    assert ["error" in result for result in answer.json["results"]] == [False, False, True, True]


def test_listing_by_post_answers_the_list_and_with_a_body_it_creates(api: Api) -> None:
    body = {"followedChannel": {"channel": "X"}}
    created = api.call("POST", CHANNELS, body, identity="MEMBER", headers=LENIENT)
    listed = api.call("POST", CHANNELS, identity="MEMBER", headers=LENIENT)
    assert listed.json == {"followedChannels": [created.json["followedChannel"]]}


# ---- what lenient input does not do --------------------------------------------------------------


def test_what_no_row_names_stays_refused_and_is_named_in_the_right_form(api: Api) -> None:
    answer = upsert(api, LENIENT, updated_on=PAST)
    assert answer.violations.keys() == {"marketingConsent.updated_on"}


def test_what_is_right_already_needs_no_row(api: Api) -> None:
    assert upsert(api, LENIENT).status == 200
    assert api.control("GET", "/exchanges").json["exchanges"][-1]["ledgerRows"] == []


def test_a_body_that_is_no_json_stays_refused(api: Api) -> None:
    headers = {**LENIENT, "content-type": "text/plain"}
    assert api.call("POST", f"{CONSENTS}/query", raw=b"query=1", headers=headers).status == 400


def test_another_content_type_stays_refused(api: Api) -> None:
    headers = {**LENIENT, "content-type": "application/xml"}
    assert api.call("POST", f"{CONSENTS}/query", {"query": {}}, headers=headers).status == 415


def test_a_get_by_with_parameters_reads_no_body(api: Api) -> None:
    api.create()
    query = "type=EMAIL&email=ada@example.com"
    assert api.call("GET", f"{CONSENTS}/get-by", raw=b"{", query=query, headers=LENIENT).status == 200


@pytest.mark.parametrize("header", ["x-wixture-input", "x-wixture-dialect"])
def test_an_unknown_choice_is_refused_and_the_choices_are_named(api: Api, header: str) -> None:
    answer = api.call("GET", CONSENTS + "/x", headers={header: "loose"})
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")
    assert f"The header {header} is 'loose'; use " in answer.json["message"]


@pytest.mark.parametrize(
    "body", [[], 7, "x", None, {"marketingConsent": []}, {"info": 7}, {"query": {"sort": {}}}]
)
@pytest.mark.parametrize("path", ["/upsert", "/query", "/remove", ""])
def test_a_body_of_another_shape_is_refused_like_in_strict_input(api: Api, path: str, body: Any) -> None:
    raw = b"null" if body is None else None
    answer = api.call("POST", CONSENTS + path, body, raw=raw, headers=LENIENT)
    assert answer.status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CONSENTS),
        ("PATCH", f"{CONSENTS}/e0000000-0000-4000-8000-000000000009"),
        ("POST", f"{CONSENTS}/remove"),
        ("POST", f"{CONSENTS}/query"),
        ("PATCH", f"{CONSENTS}/query"),
        ("POST", f"{CONSENTS}/upsert"),
        ("POST", BULK),
    ],
)
def test_a_body_that_is_missing_is_named(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path, headers=LENIENT)
    assert (answer.status, answer.violations.keys()) == (400, {"body"})


def test_get_by_without_parameters_and_body_names_the_parameter(api: Api) -> None:
    answer = api.call("GET", f"{CONSENTS}/get-by", headers=LENIENT)
    assert (answer.status, answer.violations.keys()) == (400, {"type"})


def test_what_is_refused_is_named_whatever_the_content_type(api: Api) -> None:
    """Also on a path that another operation has too, which may be what was meant."""
    headers = {**LENIENT, "content-type": "application/x-www-form-urlencoded"}
    body = {"marketingConsent": consent(updated_on=PAST)}
    answer = api.call("POST", f"{CONSENTS}/upsert", body, headers=headers)
    assert (answer.status, answer.violations.keys()) == (400, {"marketingConsent.updated_on"})
