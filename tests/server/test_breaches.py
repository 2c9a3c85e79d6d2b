"""A request that is not even an operation's, or no JSON, breaks the contract too: the journal says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CONSENTS, Api


def broken(api: Api) -> list[dict[str, Any]]:
    answer = api.control("GET", "/exchanges", query=f"instance={api.tenant}&violations=true")
    return [found for exchange in answer.json["exchanges"] for found in exchange["violations"]]


@pytest.mark.rule("operation-known")
@pytest.mark.parametrize(("method", "path", "status"), [("PUT", CONSENTS, 405), ("GET", "/nowhere/v1/x", 404)])
def test_a_request_that_is_no_operations_is_a_breach_with_the_nearest_one(
    api: Api, method: str, path: str, status: int
) -> None:
    assert api.call(method, path).status == status
    (found,) = broken(api)
    assert (found["where"], found["rule"]) == ("path", "operation-known")
    assert f"No operation matches {method} {path}" in found["description"]


def test_a_body_that_is_no_json_or_not_declared_so_is_a_breach(api: Api) -> None:
    assert api.call("POST", CONSENTS, raw=b"{").status == 400
    assert api.call("POST", CONSENTS, raw=b"{}", headers={"content-type": "text/plain"}).status == 415
    assert [found["rule"] for found in broken(api)] == ["json-body", "json-content-type"]
    assert all(found["specPointer"].startswith("/paths/~1marketing-consent") for found in broken(api))


def test_a_refusal_by_state_or_by_right_is_no_breach(api: Api) -> None:
    api.create()
    ada = {"details": {"type": "EMAIL", "email": "ada@example.com"}, "lastConfirmationActivity": {}}
    assert api.call("GET", f"{CONSENTS}/b0000000-0000-4000-8000-0000000000aa").status == 404
    assert api.call("GET", f"{CONSENTS}/b0000000-0000-4000-8000-0000000000aa", identity="MEMBER").status == 403
    assert api.call("POST", CONSENTS, {"marketingConsent": ada}).status == 409
    assert broken(api) == []


def test_a_breach_is_still_told_when_a_load_of_requests_has_pushed_it_out(make_api: Callable[..., Api]) -> None:
    api = make_api(journal_size=3)
    for number in range(30):
        body = {"marketingConsent": {"nope": "x" * 1000}}
        assert api.call("POST", CONSENTS, body, query=f"n={number}").status == 400
    for _ in range(5):
        assert api.call("POST", f"{CONSENTS}/query", {"query": {}}).status == 200
    exchanges = api.control("GET", "/exchanges", query=f"instance={api.tenant}").json["exchanges"]
    told = api.control("GET", "/exchanges", query=f"instance={api.tenant}&violations=true").json["exchanges"]
    assert len(exchanges) == 3
    assert [one["request"]["path"] for one in told] == [f"{CONSENTS}?n={number}" for number in range(10, 30)]
    assert all(one["violations"] for one in told)
    assert {one["request"]["body"] for one in told} == {None}
    api.control("DELETE", "/exchanges", query=f"instance={api.tenant}")
    assert broken(api) == []
