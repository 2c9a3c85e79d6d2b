"""The languages of the pages: which one is spoken, that none lacks a text, how addresses are masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from wixture.mockserver.pages.masking import masked
from wixture.mockserver.pages.words import LANGUAGES, language_of, words

TITLES = {
    "en": "Unsubscribe?",
    "de": "Abmelden?",
    "es": "¿Darse de baja?",
    "fr": "Se désinscrire\u00a0?",
    "he": "לבטל את ההרשמה?",
}

OUTCOMES = {
    "CONFIRMATION": ("open", "done", "used", "revoked", "closed"),
    "REVOKE_CONFIRMATION": ("open", "done", "used"),
}
PAGES = ["/invalid", *(f"/{kind}/{outcome}" for kind, outcomes in OUTCOMES.items() for outcome in outcomes)]
NEEDED = {"/footer", *(f"{page}/{part}" for page in PAGES for part in ("title", "text", "note"))}
NEEDED |= {f"/{kind}/open/button" for kind in OUTCOMES}


def _texts(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield path, node
        return
    for name, inner in node.items():
        yield from _texts(inner, f"{path}/{name}")


def test_every_language_has_every_text_and_no_other():
    assert set(words()) == set(LANGUAGES) == set(TITLES)
    for language in LANGUAGES:
        there = dict(_texts(words()[language]))
        assert set(there) == NEEDED, language
        assert all(text.strip() == text != "" for text in there.values()), language


def test_every_text_names_the_address_where_the_english_one_does():
    english = dict(_texts(words()["en"]))
    for language in LANGUAGES:
        for path, text in _texts(words()[language]):
            assert re.findall(r"\{.*?\}", text) == re.findall(r"\{.*?\}", english[path]), f"{language}{path}"


def test_no_text_was_left_in_english():
    english = dict(_texts(words()["en"]))
    for language in LANGUAGES[1:]:
        same = [path for path, text in _texts(words()[language]) if text == english[path]]
        assert same == [], language


@pytest.mark.rule("link-language")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_speaks_the_language_of_its_link(visitor, language):
    visitor.upsert("CONFIRMED")
    page = visitor.open(visitor.link_in(language), accept_language="es")
    assert page.title == TITLES[language]
    direction = "rtl" if language == "he" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in page.html


@pytest.mark.rule("link-language")
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_language_of_its_own_a_page_speaks_the_browsers(visitor, language):
    page = visitor.open(visitor.link("CONFIRMED"), accept_language=f"pt;q=0.9, {language}-XX;q=0.8")
    assert page.title == TITLES[language]


@pytest.mark.rule("link-language")
@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("de-AT", "", "de"),
        ("HE", "", "he"),
        ("iw", "", "he"),
        ("pt-BR", "de", "en"),
        (None, "", "en"),
        (None, "de", "de"),
        (None, "fr-CH, de;q=0.9", "fr"),
        (None, "de;q=0.2, es ;q=0.9", "es"),
        (None, "de;q=0, fr;q=0.1", "fr"),
        (None, "*", "en"),
        (None, "ja, *;q=0.5, de;q=0.1", "en"),
        (None, "de;q=x, ;;, =", "en"),
        (None, "de;q=nan, fr", "fr"),
        (None, "ja," * 5000 + "de", "en"),
    ],
)
def test_the_language_of_a_page(wanted, accepted, language):
    assert language_of(wanted, accepted) == language


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@example.com", "a•••@e•••.com"),
        ("a@example.com", "a•••@e•••.com"),
        (" Ada.Lovelace+news@mail.shop.example ", "A•••@m•••.example"),
        ("ada@localhost", "a•••@l•••"),
        ("\u202eada@example.com", "•••@e•••.com"),
        ("<b>@example.com", "<•••@e•••.com"),
    ],
)
def test_an_email_address_is_masked(address, shown):
    assert masked({"type": "EMAIL", "email": address}) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+19172222222", "+19•••••22"), ("+4912345", "+49•••••45"), ("+491234", "+4•••••"), ("+12", "+1•••••")],
)
def test_a_phone_number_is_masked(number, shown):
    assert masked({"type": "PHONE", "phone": number}) == shown
