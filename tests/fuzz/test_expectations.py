"""Every status that a run is told to expect: named, reasoned, needed, and never more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import CONSENTS, Api
from schemathesis.checks import CHECKS, load_all_checks
from tests.fuzz.sites import CONTRACT

from wixture.contracts.fuzz.expectations import (
    CONDITIONS,
    BadExpectation,
    Expectation,
    expectation,
    expectations,
)
from wixture.contracts.fuzz.outgoing import Outgoing
from wixture.mockserver.messages import Request

ROWS = {row.id: row for row in expectations()}
QUERY, TOKEN = f"{CONSENTS}/query", "/oauth2/token"
ADA: dict[str, Any] = {"details": {"type": "EMAIL", "email": "ada@example.com"}, "state": "NEVER_CONFIRMED"}


def _deep(levels: int) -> Any:
    return [] if levels == 1 else [_deep(levels - 1)]


def _of(details: Any = None, **more: Any) -> bytes:
    return json.dumps({"marketingConsent": {**ADA, **(details or {})}, **more}).encode()


NEEDED: dict[str, tuple[str, str, str, bytes]] = {
    "grants-are-not-made-by-chance": ("issueToken", "POST", TOKEN, b'{"grant_type": "x"}'),
    "one-identifier-in-the-query": (
        "getMarketingConsentByIdentifier", "GET", f"{CONSENTS}/get-by?type=EMAIL&phone=%2B4930123", b"",
    ),
    "cursors-are-sealed": (
        "queryMarketingConsent", "POST", QUERY, b'{"query": {"cursorPaging": {"cursor": "x"}}}',
    ),
    "filters-have-a-size": (
        "queryMarketingConsent", "POST", QUERY, b'{"query": {"filter": ' + b'{"$not": ' * 9 + b"{}" + b"}" * 11,
    ),
    "masks-name-fields": ("updateMarketingConsent", "PATCH", f"{CONSENTS}/ID", _of(mask="nothing")),
    "an-update-repeats-what-is-stored": (
        "updateMarketingConsent", "PATCH", f"{CONSENTS}/ID", _of({"details": {"type": "EMAIL", "email": "b@b"}}),
    ),
    "request-line-of-8-kilobytes": ("getMarketingConsent", "GET", f"{CONSENTS}/{'0' * 8192}", b""),
    "too-long-is-refused-as-too-long": ("getMarketingConsent", "GET", f"{CONSENTS}/{'0' * 8193}", b""),
    "nothing-stores-a-null-character": (
        "queryMarketingConsent", "POST", QUERY, b'{"query": {"filter": {"id": "\\u0000"}}}',
    ),
    "bodies-of-64-levels": (
        "createMarketingConsent", "POST", CONSENTS,
        _of({"lastConfirmationActivity": {}, "extendedFields": {"namespaces": {"a": {"b": _deep(70)}}}}),
    ),
    "static-paths-answer-for-ids-too": ("queryMarketingConsent", "OPTIONS", QUERY, b""),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_names_operations_and_a_check_that_exist(row: Expectation) -> None:
    load_all_checks()
    assert row.operations <= CONTRACT.operations.keys()
    assert row.check in CHECKS.get_all_names()
    assert row.when in CONDITIONS
    assert len(row.reason) > 50


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_needed_by_a_request_of_which_the_mock_answers_so(name: str, api: Api) -> None:
    operation_id, method, target, body = NEEDED[name]
    target = target.replace("ID", api.create()["id"] if "ID" in target else "")
    path, _, query = target.partition("?")
    headers = {"authorization": api.token("APP"), "content-type": "application/json"} if body else {}
    row = ROWS[name]
    if len(target) > 8190:
        status, answer = 414, None  # the connection says so, before the application is asked
    else:
        said = api.send(Request(method, path, query, {"authorization": api.token("APP"), **headers}, body))
        status, answer = said.status, said.json
    outgoing = Outgoing(method, target, headers, body)
    assert row.covers(row.check, operation_id, status, outgoing, answer)
    assert not row.covers(row.check, operation_id, 200, outgoing, answer)
    assert not row.covers("not_a_server_error", operation_id, status, outgoing, answer)
    assert not row.covers(row.check, "listFollowedChannels", status, outgoing, answer)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.when != "always"])
def test_a_row_expects_nothing_of_other_requests(name: str) -> None:
    row, operation_id = ROWS[name], NEEDED[name][0]
    plain = Outgoing("GET", f"{CONSENTS}/get-by?type=EMAIL&email=a%40b.de", {}, b'{"a": "\\\\u0000"}')
    assert not any(row.covers(row.check, operation_id, status, plain, None) for status in row.statuses)


def test_a_refusal_by_another_rule_is_not_expected() -> None:
    row, (operation_id, method, target, body) = ROWS["cursors-are-sealed"], NEEDED["cursors-are-sealed"]
    outgoing = Outgoing(method, target, {}, body)
    refused = {"details": {"validationError": {"fieldViolations": [{"data": {"rule": "query-cursor"}}]}}}
    assert row.covers(row.check, operation_id, 400, outgoing, refused)
    refused["details"]["validationError"]["fieldViolations"].append({"data": {"rule": "query-page-limit"}})
    assert not row.covers(row.check, operation_id, 400, outgoing, refused)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"when": "sometimes"}, "when: 'sometimes' is none of"),
        ({"reason": "because"}, "say in a sentence why"),
        ({"rules": ["no-rule"]}, "there is no rule 'no-rule'"),
        ({"because": "x"}, "['because'] is missing, or unknown"),
    ],
)
def test_a_row_that_is_none_is_refused(change: dict[str, Any], says: str) -> None:
    row = {
        "id": "a", "check": "c", "operations": [], "statuses": [400], "when": "always",
        "reason": "A sentence of six words and more.",
    }  # fmt: skip
    assert expectation(row).id == "a"
    with pytest.raises(BadExpectation) as refused:
        expectation({**row, **change})
    assert says in str(refused.value)


def test_conditions_hold_at_their_limits_and_not_before() -> None:
    deep = Outgoing("POST", "/", {}, json.dumps(_deep(65)).encode())
    assert CONDITIONS["body-over-64-levels"](deep)
    assert not CONDITIONS["body-over-64-levels"](Outgoing("POST", "/", {}, json.dumps(_deep(64)).encode()))
    assert not CONDITIONS["target-over-8190-bytes"](Outgoing("GET", "/" * 8190, {}))
    assert CONDITIONS["target-over-8190-bytes"](Outgoing("GET", "/" * 8191, {}))
