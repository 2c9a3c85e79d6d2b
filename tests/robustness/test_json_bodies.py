"""Hostile bodies are refused with a reason, change nothing and never reach a 5xx."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import CONSENTS, Api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOOD = {
    "marketingConsent": {"details": {"type": "EMAIL", "email": "ada@example.com"}, "lastConfirmationActivity": {}}
}
NESTED = b'{"marketingConsent":' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}"


def _with_description(text: str) -> bytes:
    return ('{"marketingConsent":{"details":{"type":"EMAIL","email":"a@b.c"},"lastConfirmationActivity":'
            '{"description":' + text + "}}}").encode("utf-8", "surrogatepass")  # fmt: skip


HOSTILE = {
    "invalid": b"{",
    "blank": b"   ",
    "trailing text": json.dumps(GOOD).encode() + b" x",
    "too deep": NESTED,
    "very deep": b"[" * 100_000,
    "NaN": _with_description("NaN"),
    "Infinity": _with_description("-Infinity"),
    "1e400": _with_description("1e400"),
    "5,000 digits": _with_description("9" * 5000),
    "5,000 digits after the point": _with_description("0." + "1" * 5000),
    "lone surrogate": _with_description('"\\ud800"'),
    "U+0000": _with_description('"a\\u0000b"'),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "bad UTF-8": _with_description('"\udcff"'),
    "single quotes": b"{'marketingConsent': {}}",
    "comment": b'{"marketingConsent": {} // why not\n}',
}


@pytest.mark.rule("json-body")
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_body_that_is_no_strict_json_is_400_and_changes_nothing(api: Api, body: bytes) -> None:
    before = api.state()
    answer = api.call("POST", CONSENTS, raw=body)
    assert (answer.status, answer.code) == (400, "MOCK_BAD_JSON")
    assert len(answer.json["message"]) < 300
    assert api.state() == before


@pytest.mark.rule("json-body")
def test_a_repeated_key_is_400_and_named(api: Api) -> None:
    body = b'{"marketingConsent":{"details":{"type":"EMAIL","email":"a@b.c","email":"d@e.f"}}}'
    answer = api.call("POST", CONSENTS, raw=body)
    assert (answer.status, answer.code) == (400, "MOCK_BAD_JSON")
    assert "'email' stands twice" in answer.json["message"]


@pytest.mark.rule("json-body")
def test_an_empty_body_is_400(api: Api) -> None:
    answer = api.call("POST", CONSENTS, headers={"content-type": "application/json"})
    assert answer.status == 400
    assert answer.violations["body"]["violatedRule"] == "REQUIRED_FIELD"


@pytest.mark.rule("json-content-type")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "application/json; charset=utf-16"],
)
def test_a_body_not_sent_as_json_is_415(api: Api, kind: str) -> None:
    answer = api.call("POST", CONSENTS, GOOD, headers={"content-type": kind})
    assert (answer.status, answer.code) == (415, "MOCK_UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in answer.json["message"]


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_in_utf_8_is_taken_however_it_is_declared(api: Api, kind: str) -> None:
    assert api.call("POST", CONSENTS, GOOD, headers={"content-type": kind}).status == 200


def test_no_refusal_repeats_more_than_200_characters_of_the_input(api: Api) -> None:
    long = "x" * 5000
    for body in ({long: 1}, {"marketingConsent": {"details": {"type": long}}}, {"marketingConsent": {long: {}}}):
        answer = api.call("POST", CONSENTS, body)
        assert answer.status == 400
        assert b"x" * 200 not in answer.response.body
    assert b"x" * 200 not in api.call("GET", f"{CONSENTS}/{long}").response.body
    assert b"x" * 200 not in api.call("GET", "/" + long).response.body


def test_ten_thousand_unknown_fields_are_refused_in_a_short_answer(api: Api) -> None:
    answer = api.call("POST", CONSENTS, {f"field{number}": number for number in range(10_000)})
    assert answer.status == 400
    assert len(answer.response.body) < 100_000


FREE_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=FREE_TEXT, name=FREE_TEXT)
def test_any_text_in_a_free_text_field_comes_back_as_it_was_sent(api: Api, text: str, name: str) -> None:
    api.control("POST", "/reset")
    fields: dict[str, Any] = {
        "lastConfirmationActivity": {"description": text},
        "extendedFields": {"namespaces": {name: {text: name}}},
    }
    stored = api.create(**fields)
    again = api.call("GET", f"{CONSENTS}/{stored['id']}").json["marketingConsent"]
    assert again["lastConfirmationActivity"]["description"] == text
    assert again["extendedFields"] == fields["extendedFields"]
