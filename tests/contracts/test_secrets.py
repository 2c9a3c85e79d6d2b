"""No secret is left of a text, however it is spelt; what is no secret stays; long texts cost no more than long."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import pytest
from canaries import CANARIES, ENCODINGS, leaked
from hypothesis import given, settings
from hypothesis import strategies as st

from wixture.contracts.secrets import REPLACED, Redactor, mask

every_canary = pytest.mark.parametrize("canary", CANARIES.values(), ids=list(CANARIES))
every_encoding = pytest.mark.parametrize("encode", ENCODINGS.values(), ids=list(ENCODINGS))
REDACTOR = Redactor(CANARIES.values())
BEFORE, AFTER = "It was said: «", "» and no more."


@every_canary
@every_encoding
def test_no_secret_is_left_and_nothing_else_is_taken(canary: str, encode: Callable[[str], str]) -> None:
    said = encode(canary)
    shown = REDACTOR.text(BEFORE + said + AFTER)
    assert shown.startswith(BEFORE)
    assert shown.endswith(AFTER)
    assert REPLACED in shown
    assert leaked(encode(canary), canary)  # the reader would have found it
    assert leaked(shown, canary) == []


@every_canary
@every_encoding
def test_bytes_are_redacted_like_texts(canary: str, encode: Callable[[str], str]) -> None:
    text = BEFORE + encode(canary) + AFTER
    assert REDACTOR.bytes(b"\xff\xfe" + text.encode()) == b"\xff\xfe" + REDACTOR.text(text).encode()


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "latin-1"])
def test_a_secret_in_another_character_set_is_found(charset: str) -> None:
    for name in ("plain", "letters"):
        shown = REDACTOR.bytes(b"<" + CANARIES[name].encode(charset) + b">")
        assert b"***" in shown
        assert b"wixture" not in shown.replace(b"\0", b"")
        assert b"nary" not in shown.replace(b"\0", b"")


def test_a_long_secret_is_found_where_it_was_cut_short() -> None:
    token = CANARIES["token"]
    assert REDACTOR.text(f"unknown token {token[:60]}…") == "unknown token ***…"
    assert REDACTOR.text(base64.b64encode(token.encode())[:80].decode()) == REPLACED


def test_the_longest_of_nested_secrets_is_replaced_once() -> None:
    redactor = Redactor(["secret-one", "prefix-secret-one-suffix"])
    assert redactor.text("(prefix-secret-one-suffix) secret-one") == "(***) ***"


def test_a_short_secret_is_replaced_only_as_a_whole_word() -> None:
    redactor = Redactor(["abc", "7", ""])
    assert redactor.text("abc, abcd; cabc (abc) 17 7") == "***, abcd; cabc (***) 17 ***"


def test_values_are_redacted_in_names_texts_and_numbers() -> None:
    redactor = Redactor(["12345678", "canary-value"])
    value = {"canary-value": [12345678, 1, True, None, 1.5, {"in": "x canary-value"}]}
    assert redactor.value(value) == {"***": ["***", 1, True, None, 1.5, {"in": "x ***"}]}


def test_headers_that_carry_credentials_keep_only_their_names() -> None:
    headers = {"Authorization": "Bearer unknown", "set-cookie": "a=b", "Location": "/x?code=canary-code", "A": "b"}
    shown = {"Authorization": "***", "set-cookie": "***", "Location": "/x?code=***", "A": "b"}
    assert Redactor(["canary-code"]).headers(headers) == shown


def test_a_redactor_learns_and_shows_nothing_of_what_it_knows() -> None:
    first = Redactor(["canary-one"], ["ada@example.com"])
    second = first.also(["canary-two"], ["bob@example.com"])
    assert second.text("canary-one canary-two") == "*** ***"
    assert first.text("canary-two") == "canary-two"
    assert "canary" not in repr(second)
    assert "ada" not in repr(second)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to ada@example.com.", "to a***@example.com."),
        ("?email=ada.l+x%40example.com&b=1", "?email=a***%40example.com&b=1"),
        ('"ada\\u0040example.com"', '"a***\\u0040example.com"'),
        ("<ada&#64;example.com>", "<a***&#64;example.com>"),
        ("call +19172222222, now", "call +19***22, now"),
        ("call +1 (917) 222-2222", "call +19***22"),
        ("?phone=%2B19172222222", "?phone=+19***22"),
        ("2024-01-31T08:00:00+0000 and 1+1=2, 12345678", "2024-01-31T08:00:00+0000 and 1+1=2, 12345678"),
        ("an @ alone, a@, @b", "an @ alone, a@, @b"),
    ],
)
def test_people_are_masked_by_form(text: str, shown: str) -> None:
    assert Redactor([]).text(text) == shown
    assert Redactor([]).text(shown) == shown


def test_people_are_masked_by_value_where_no_form_tells() -> None:
    redactor = Redactor([], ["ada@example.com", "+1 917 222 2222"])
    encoded = base64.b64encode(b"it is ada@example.com!").decode()
    assert "YWRhQGV4YW1wbGUuY29t" not in redactor.text(encoded)
    assert redactor.text("19172222222 ADA@EXAMPLE.COM") == "+19***22 a***@example.com"
    assert redactor.value({"phone": 19172222222}) == {"phone": "+19***22"}


def test_a_mask_tells_one_person_from_another_and_no_more() -> None:
    assert mask("ada@example.com") == "a***@example.com"
    assert mask("+19172222222") == "+19***22"
    assert mask("Ada Lovelace") == REPLACED


@settings(deadline=None)
@given(st.text(max_size=200).map(lambda text: re.sub(r"[@+%\\&]", " ", text)))
def test_text_without_secrets_and_people_is_left_as_it_is(text: str) -> None:
    assert Redactor(["canary-that-no-text-has"]).text(text) == text


@settings(deadline=None)
@given(st.text(min_size=6, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_secret_is_found_in_any_surroundings(secret: str, before: str, behind: str) -> None:
    if len("".join(secret.split()).strip("\0")) < 6 or not re.fullmatch(r"[!-~]+", secret):
        return
    shown = Redactor([secret]).text(before + secret + behind)
    assert secret not in shown or secret in (before + REPLACED + behind)


HOSTILE = {
    "letters": "a",
    "beginnings of a secret": CANARIES["plain"][:-1],
    "secrets": CANARIES["plain"],
    "percent": "%41",
    "percent of percent": "%25",
    "entities": "&amp;",
    "half entities": "&#",
    "numbers of entities": "&#0000000000",
    "escapes": "\\u0061",
    "backslashes": "\\",
    "addresses": "a@",
    "numbers": "+1",
    "digits": "1",
    "spaces": " \n",
    "NUL": "\0",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=list(HOSTILE))
def test_a_long_hostile_text_takes_no_more_steps_than_it_is_long(unit: str) -> None:
    """Half a megabyte ends within the suite's patience; what is quadratic takes hours."""
    text = unit * (500_000 // len(unit))
    shown = REDACTOR.text(text + CANARIES["guid"])
    assert CANARIES["guid"] not in shown
    assert CANARIES["plain"] not in shown
