"""What the pages say, in which language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wixture.contracts.yaml_text import read_yaml

LANGUAGES = ("en", "de", "es", "fr", "he")
DEFAULT = "en"
RIGHT_TO_LEFT = ("he",)
_OLD_NAMES = {"iw": "he"}
_MOST_CHOICES = 50


@cache
def words() -> Mapping[str, Mapping[str, Any]]:
    """All texts by language, see words.yaml."""
    texts: Mapping[str, Mapping[str, Any]] = read_yaml(Path(__file__).with_name("words.yaml").read_text("utf-8"))
    return texts


def language_of(wanted: str | None, accepted: str) -> str:
    """The language of a page: that of the link, or without one what the browser accepts. 'link-language'

    `wanted` is a tag such as `de` or `pt-BR`, `accepted` the header Accept-Language. A language that the pages do
    not have is English.
    """
    if wanted is not None:
        return _known(wanted) or DEFAULT
    choices = [_choice(part) for part in accepted.split(",")[:_MOST_CHOICES]]
    choices.sort(key=lambda choice: -choice[0])
    known = (_known(tag) or (DEFAULT if tag == "*" else None) for weight, tag in choices if weight > 0)
    return next((language for language in known if language), DEFAULT)


def _choice(part: str) -> tuple[float, str]:
    """The weight and the tag of one part of Accept-Language; weight 0 for what is none."""
    tag, _, parameter = part.partition(";")
    name, _, weight = parameter.strip().partition("=")
    if not name:
        return 1, tag.strip()
    try:
        return (float(weight) if name.lower() == "q" else 0), tag.strip()
    except ValueError:
        return 0, ""


def _known(tag: str) -> str | None:
    """The language of a tag, whatever its region, if the pages have it."""
    language = tag.replace("_", "-").partition("-")[0].lower()
    language = _OLD_NAMES.get(language, language)
    return language if language in LANGUAGES else None
