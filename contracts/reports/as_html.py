"""A run as one HTML page with pictures of what was met. It needs no script, no network and no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from wixture.contracts.findings import Covered, Exchanged, Finding
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.places import place_of
from wixture.contracts.reports.said import counted, harmless, message_text, source_of, summary

_FILES = Path(__file__).with_name("files")
_LYING = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """A picture: names of rows and columns, and how often each cell was met. A cell that cannot be is absent."""

    id: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], int]

    @property
    def head(self) -> int:
        """How high the columns' names stand: lying, or turned by half a right angle where one is long."""
        longest = max(map(len, self.columns), default=0)
        return 22 if longest <= _LYING else 16 + 6 * longest

    @property
    def met(self) -> int:
        """How many cells were met."""
        return sum(count > 0 for count in self.cells.values())


def render(run: RedactedRun) -> str:
    """The run as a page. What a target sent is text in it, never markup."""
    css = (_FILES / "report.css").read_text(encoding="utf-8")
    values = {
        "run": run,
        "css": css,
        "css_hash": base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        "summary": summary(run),
        "found": run.by_severity(),
        "counts": {name: count for name, count in run.counted().items() if count},
        "statuses": by_status(run.coverage),
        "keywords": by_keyword(run.coverage),
        "each": by_operation(run.coverage),
        "place_of": place_of,
        "source_of": source_of,
        "messages": _messages,
        "counted": counted,
        "short": _short,
    }
    return harmless(_template().render(values).lstrip())


def by_status(coverage: Iterable[Covered]) -> Grid:
    """Operations and the statuses they answered with."""
    cells: dict[tuple[str, str], int] = {}
    for covered in coverage:
        place = covered.operation_id, str(covered.status)
        cells[place] = cells.get(place, 0) + covered.count
    return _grid("statuses", "answers by status", cells, ordered=True)


def by_keyword(coverage: Iterable[Covered]) -> Grid:
    """Operations and the schema keywords that had something to say in any of their answers."""
    cells: dict[tuple[str, str], int] = {}
    for covered in coverage:
        for keyword, count in covered.keywords.items():
            place = covered.operation_id, keyword
            cells[place] = cells.get(place, 0) + count
    return _grid("keywords", "schema keywords", cells)


def by_operation(coverage: Iterable[Covered]) -> list[Grid]:
    """Of each operation its statuses and their keywords."""
    cells: dict[str, dict[tuple[str, str], int]] = {}
    for covered in coverage:
        for keyword, count in covered.keywords.items():
            cells.setdefault(covered.operation_id, {})[str(covered.status), keyword] = count
    return [_grid(f"of-{number}", name, found) for number, (name, found) in enumerate(cells.items())]


def _grid(name: str, title: str, cells: dict[tuple[str, str], int], *, ordered: bool = False) -> Grid:
    columns = dict.fromkeys(column for _, column in cells)
    return Grid(
        name,
        title,
        tuple(dict.fromkeys(row for row, _ in cells)),
        tuple(sorted(columns) if ordered else columns),
        cells,
    )


def _messages(finding: Finding) -> list[tuple[str, str]]:
    """The request and the answer that show it, each with its heading."""
    sent: Exchanged | None = finding.exchange
    if sent is None:
        return []
    asked = message_text(f"{sent.method} {sent.url}", sent.request_headers, sent.request_body)
    if sent.status is None:
        return [("Request", asked), ("Answer", "none")]
    return [
        ("Request", asked),
        ("Answer", message_text(f"{sent.status}", sent.response_headers, sent.response_body)),
    ]


def _short(count: int) -> str:
    """A count that fits a cell."""
    return str(count) if count < 1000 else f"{min(count // 1000, 999)}k"


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")
