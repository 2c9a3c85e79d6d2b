"""Values that look right and are not, patterns that could be slow, queries that could be anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.contracts.document import SPEC_FOLDER, Contract, schemas_of
from wixture.contracts.lint.patterns import why_not_linear

QUERY = f"{CONSENTS}/query"


def _consent(**details: Any) -> dict[str, Any]:
    return {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}}


def _dated(text: str) -> dict[str, Any]:
    body = _consent(type="EMAIL", email="a@b.c")
    body["marketingConsent"]["lastConfirmationActivity"] = {"updatedDate": text}
    return body


@pytest.mark.rule("email-form")
@pytest.mark.parametrize(
    "email", ["@", "a@", "@b", "a b@c.d", "a@b@c", "a@.b", "a@b..c", "a@b\n", "\ta@b", "a" * 320 + "@b"]
)
def test_what_is_no_email_address_is_400(api: Api, email: str) -> None:
    answer = api.call("POST", CONSENTS, _consent(type="EMAIL", email=email))
    assert answer.status == 400
    assert answer.violations["marketingConsent.details.email"]["data"]["rule"] == "email-form"


@pytest.mark.rule("phone-form")
@pytest.mark.parametrize(
    "phone", ["+", "+1", "19172222222", "+0917222", "+1 917", "+1917222222222222", "+1917\n", "+١٢٣"]
)
def test_what_is_no_e164_number_is_400(api: Api, phone: str) -> None:
    answer = api.call("POST", CONSENTS, _consent(type="PHONE", phone=phone))
    assert answer.violations["marketingConsent.details.phone"]["data"]["rule"] == "phone-form"


@pytest.mark.rule("timestamp-form")
@pytest.mark.parametrize(
    "text",
    ["2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-31",
     "2024-01-31T24:00:00Z", "2024-01-31T08:00:60Z", "2024-01-31T08:00:00", "2024-01-31T08:00:00Z\n",
     "2024-01-31 08:00:00Z", "0000-01-01T00:00:00Z", "2024-01-31T08:00:00.1234567890Z"],
)  # fmt: skip
def test_what_is_no_date_of_the_calendar_is_400(api: Api, text: str) -> None:
    answer = api.call("POST", CONSENTS, _dated(text))
    assert answer.violations["marketingConsent.lastConfirmationActivity.updatedDate"]["violatedRule"] == "FORMAT"


@pytest.mark.parametrize(
    "text", ["2024-02-29T00:00:00Z", "2000-02-29T23:59:59.123456789Z", "0001-01-01T00:00:00+14:00"]
)
def test_odd_but_real_dates_are_stored_as_given(api: Api, text: str) -> None:
    answer = api.call("POST", CONSENTS, _dated(text))
    assert answer.json["marketingConsent"]["lastConfirmationActivity"]["updatedDate"] == text


@pytest.mark.rule("revision-form")
@pytest.mark.parametrize("revision", ["1\n", "01", "", "-1", "1.0", -1, 1.5, 2**63, "9" * 20, True, [1]])
def test_what_is_no_revision_is_400(api: Api, revision: Any) -> None:
    stored = api.create()
    body = {"marketingConsent": {"details": stored["details"], "state": "NEVER_CONFIRMED", "revision": revision}}
    answer = api.call("PATCH", f"{CONSENTS}/{stored['id']}", body)
    assert answer.violations["marketingConsent.revision"]["data"]["rule"] == "revision-form"


CONTRACT_PATTERNS = sorted(
    {
        schema["pattern"]
        for name in ("openapi", "control")
        for _, schema in schemas_of(Contract.load(SPEC_FOLDER / f"{name}.yaml").document)
        if "pattern" in schema
    }
)
PUMPS = ("0", "a", "a.", ".", " ", "@", "a@", "-", "+1", "2024-01-31T08:00:00.", "a-", "http://", "*", "A")


@pytest.mark.parametrize("pattern", CONTRACT_PATTERNS)
def test_every_pattern_of_the_contracts_runs_in_linear_time(pattern: str) -> None:
    assert why_not_linear(pattern) is None
    texts = [
        start + (pump * 100_000)[:100_000] + end
        for pump in PUMPS
        for start in ("", "a@")
        for end in ("", "\n", "!")
    ]
    program = "import json, re, sys; p, ts = json.load(sys.stdin); c = re.compile(p); [c.search(t) for t in ts]"
    # A quadratic pattern would need hours for these texts; the limit only has to be beyond a busy machine.
    subprocess.run(
        [sys.executable, "-c", program], input=json.dumps([pattern, texts]), text=True, check=True, timeout=60
    )
    re.compile(pattern)


# ---- queries -------------------------------------------------------------------------------------


@pytest.mark.rule(
    "query-filterable-fields", "query-identifier-operators", "query-state-operators", "query-date-operators"
)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"filter": {"details.emial": "a"}}, "query.filter.details.emial"),
        ({"filter": {"details.email": {"$contains": "a"}}}, "query.filter.details.email.$contains"),
        ({"filter": {"state": {"$startsWith": "C"}}}, "query.filter.state.$startsWith"),
        ({"filter": {"state": "CONFRIMED"}}, "query.filter.state"),
        ({"filter": {"createdDate": {"$in": []}}}, "query.filter.createdDate.$in"),
        ({"filter": {"createdDate": {"$gt": "yesterday"}}}, "query.filter.createdDate.$gt"),
        ({"filter": {"id": {"$in": ["x"] * 101}}}, "query.filter.id.$in"),
        ({"filter": {"$nor": []}}, "query.filter.$nor"),
        ({"filter": []}, "query.filter"),
        ({"cursorPaging": {"limit": -1}}, "query.cursorPaging.limit"),
        ({"cursorPaging": {"limit": 0}}, "query.cursorPaging.limit"),
        ({"cursorPaging": {"limit": 101}}, "query.cursorPaging.limit"),
        ({"cursorPaging": {"limit": "1"}}, "query.cursorPaging.limit"),
        ({"cursorPaging": {"limit": 1.5}}, "query.cursorPaging.limit"),
        ({"cursorPaging": {"offset": 1}}, "query.cursorPaging.offset"),
        ({"sort": [{"fieldName": "id"}]}, "query.sort[0].fieldName"),
        ({"sort": [{"fieldName": "createdDate", "order": "desc"}]}, "query.sort[0].order"),
        ({"sort": [{"fieldName": "createdDate"}] * 6}, "query.sort"),
        ({"cursorPaging": {"cursor": "x" * 16_001}}, "query.cursorPaging.cursor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_query_that_breaks_a_rule_is_400_and_names_the_field(
    api: Api, query: dict[str, Any], field: str
) -> None:
    answer = api.call("POST", QUERY, {"query": query})
    assert answer.status == 400
    assert list(answer.violations) == [field]
    assert answer.violations[field]["data"]["rule"].startswith(("query-", "unknown-field", "timestamp-", "state-"))


@pytest.mark.rule("query-filter-size")
def test_a_filter_may_nest_eight_levels_and_no_more(api: Api) -> None:
    def nested(levels: int) -> dict[str, Any]:
        inner: dict[str, Any] = {"state": "CONFIRMED"}
        for _ in range(levels):
            inner = {"$not": inner}
        return {"query": {"filter": inner}}

    assert api.call("POST", QUERY, nested(8)).status == 200
    answer = api.call("POST", QUERY, nested(9))
    assert answer.violations["query.filter"]["data"]["rule"] == "query-filter-size"


@pytest.mark.rule("query-filter-size")
def test_a_filter_of_more_than_8_kb_is_400(api: Api) -> None:
    answer = api.call("POST", QUERY, {"query": {"filter": {"id": "x" * 8200}}})
    assert answer.violations["query.filter"]["violatedRule"] == "MAX_SIZE"


def test_a_filter_with_hundreds_of_conditions_is_answered(api: Api) -> None:
    conditions = [{"id": str(number)} for number in range(500)]
    assert api.call("POST", QUERY, {"query": {"filter": {"$or": conditions}}}).status == 200


def _cursor(api: Api) -> str:
    for name in ("a", "b", "c"):
        api.create(f"{name}@example.com")
    answer = api.call("POST", QUERY, {"query": {"cursorPaging": {"limit": 1}}})
    return str(answer.json["pagingMetadata"]["cursors"]["next"])


@pytest.mark.rule("query-cursor")
def test_a_cursor_with_any_character_changed_is_400(api: Api) -> None:
    cursor = _cursor(api)
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        forged = cursor[:place] + other + cursor[place + 1 :]
        answer = api.call("POST", QUERY, {"query": {"cursorPaging": {"cursor": forged}}})
        assert answer.violations["query.cursorPaging.cursor"]["data"]["rule"] == "query-cursor", place


@pytest.mark.rule("query-cursor")
def test_another_tenants_cursor_is_400(api: Api) -> None:
    cursor = _cursor(api)
    other = api.of("e0000000-0000-4000-8000-000000000002")
    answer = other.call("POST", QUERY, {"query": {"cursorPaging": {"cursor": cursor}}})
    assert list(answer.violations) == ["query.cursorPaging.cursor"]


@pytest.mark.rule("query-cursor-stands-alone")
def test_filter_and_sort_beside_a_cursor_are_ignored(api: Api) -> None:
    cursor = _cursor(api)
    alone = api.call("POST", QUERY, {"query": {"cursorPaging": {"cursor": cursor}}}).json
    beside = {
        "filter": {"state": "REVOKED"},
        "sort": [{"fieldName": "createdDate"}],
        "cursorPaging": {"cursor": cursor},
    }
    assert api.call("POST", QUERY, {"query": beside}).json == alone
    assert alone["pagingMetadata"]["count"] == 2


@pytest.mark.rule("repeated-query-parameter", "unknown-query-parameter")
@pytest.mark.parametrize(
    ("query", "status"),
    [("type=EMAIL&type=EMAIL&email=a%40b.c", 400), ("type=EMAIL&email=a%40b.c&emial=x", 400), ("type=%ff", 400),
     ("type=EMAIL&email=a%00%40b.c", 400), ("type=EMAIL&email=a%40b.c", 404), ("&".join(["a=1"] * 100), 400)],
)  # fmt: skip
def test_a_query_string_is_read_strictly(api: Api, query: str, status: int) -> None:
    assert api.call("GET", f"{CONSENTS}/get-by", query=query).status == status


@pytest.mark.parametrize(
    "path", ["/%00", "/..%2f", "/%2e%2e", "/" + "a" * 8000, "//", "/%ff", "/null", "/undefined", "/a b"]
)
def test_an_odd_id_is_404_and_never_500(api: Api, path: str) -> None:
    assert api.call("GET", CONSENTS + path).status == 404
    assert api.call("DELETE", CONSENTS + path).status == 404
