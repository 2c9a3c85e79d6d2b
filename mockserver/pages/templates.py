"""Turns what a page says into HTML. The one place that knows the template engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from wixture.mockserver.pages.words import RIGHT_TO_LEFT, words
from wixture.mockserver.rules.links import Standing

FILES = Path(__file__).with_name("files")

Outcome = Standing | Literal["done", "invalid"]
"""What a page tells: how its link stands, that the click is done, or that there is no such link."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its outcome, its language, and but for `invalid` the link's type and the masked address."""

    outcome: Outcome
    language: str
    kind: str = ""
    address: str = ""


def render(page: Page) -> bytes:
    """The HTML of a page."""
    texts = words()[page.language]
    said = texts["invalid"] if page.outcome == "invalid" else texts[page.kind][page.outcome]
    direction = "rtl" if page.language in RIGHT_TO_LEFT else "ltr"
    values = {**asdict(page), **said, "footer": texts["footer"], "dir": direction}
    return filled_in(FILES / "page.html.jinja", values).encode()


def filled_in(template: Path, values: Mapping[str, Any]) -> str:
    """A template with these values in it, escaped for HTML. Raises jinja2.UndefinedError where one is missing."""
    return _template(template).render(values)


@cache
def _template(path: Path) -> Template:
    environment = Environment(
        loader=FileSystemLoader(path.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(path.name)
