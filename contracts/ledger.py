"""The rows of spec/ledger.yaml: where the vendor's pages and the contract differ, and how to print them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.steps import Step, read_steps
from wixture.contracts.yaml_text import read_yaml

_KINDS = {"defect": "Defects", "confirmed": "Looks wrong, is right", "external": "On other pages"}
_MARKDOWN = re.compile(r"([\\`*_<>\[\]])")


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of one page. `quote` stands on one of them; `reason` says why nothing is quoted."""

    page: str
    lines: tuple[int | str, ...]
    quote: str = ""
    reason: str = ""

    @property
    def cited(self) -> str:
        """Page and lines as the rulebook cites them: `marketing-consent:80-81,106`."""
        return f"{self.page}:{','.join(map(str, self.lines))}"

    @property
    def numbers(self) -> tuple[int, ...]:
        """Every line, the ranges written out."""
        ends = ([int(end) for end in str(part).split("-")] for part in self.lines)
        return tuple(number for found in ends for number in range(found[0], found[-1] + 1))


@dataclass(frozen=True, slots=True)
class Row:
    """One inconsistency. An external row has no places and says `elsewhere` which pages are meant."""

    id: str
    title: str
    kind: str
    where: tuple[Place, ...]
    elsewhere: str
    documented: str
    witnesses: Mapping[str, str]
    chosen: str
    why: str
    contract: tuple[str, ...]
    not_in_contract: str
    lenient: tuple[Step, ...]
    emits: tuple[Step, ...]

    @property
    def group(self) -> tuple[str, str]:
        """Kind, and the page or pages."""
        return self.kind, " and ".join(dict.fromkeys(place.page for place in self.where))


@cache
def rows() -> Mapping[str, Row]:
    """All rows by ID. Read from the file once, when the first one is needed."""
    table = read_yaml((SPEC_FOLDER / "ledger.yaml").read_text(encoding="utf-8"))["rows"]
    return {raw["id"]: _row(raw) for raw in table}


def _row(raw: Mapping[str, Any]) -> Row:
    where, contract = raw["where"], raw["contract"]
    return Row(
        **{name: raw[name] for name in raw if name not in ("where", "contract", "lenient", "emits")},
        lenient=read_steps(raw["id"], raw["lenient"]),
        emits=read_steps(raw["id"], raw["emits"]),
        where=() if isinstance(where, str) else tuple(_place(place) for place in where),
        elsewhere=where if isinstance(where, str) else "",
        contract=tuple(contract) if isinstance(contract, list) else (),
        not_in_contract="" if isinstance(contract, list) else contract["none"],
    )


def _place(raw: Mapping[str, Any]) -> Place:
    return Place(**{**raw, "lines": tuple(raw["lines"])})


def as_text(chosen: Iterable[Row]) -> str:
    """Rows for a terminal, by kind and page: ID, lines, quotes, documented → chosen, why."""
    return "".join(f"{line}\n" for line in _text(chosen)).removeprefix("\n")


def _text(chosen: Iterable[Row]) -> Iterator[str]:
    for heading, members in _grouped(chosen):
        yield from ("", heading)
        for row in members:
            yield from ("", f"  {row.id}: {row.title}")
            yield from (f"    {line}" for line in _where(row))
            yield from (f"    {row.documented} → {row.chosen}", f"    {row.why}")


def _grouped(chosen: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Headings with their rows: kinds in their order, within a kind the pages as they come up."""
    listed = list(chosen)
    groups = list(dict.fromkeys(row.group for row in listed))
    order = sorted(listed, key=lambda row: (list(_KINDS).index(row.kind), groups.index(row.group)))
    for (kind, pages), members in groupby(order, key=lambda row: row.group):
        yield f"{_KINDS[kind]}: {pages}" if pages else _KINDS[kind], list(members)


def _where(row: Row) -> Iterator[str]:
    if row.elsewhere:
        yield row.elsewhere
    for place in row.where:
        yield f"{place.cited}  {place.quote or place.reason}"


def as_markdown(chosen: Iterable[Row]) -> str:
    """Rows for a page, in the groups of the text: everything a row has, under a heading of its own."""
    return "".join(f"{line}\n" for line in _markdown(chosen)).removeprefix("\n")


def _markdown(chosen: Iterable[Row]) -> Iterator[str]:
    for heading, members in _grouped(chosen):
        yield from ("", f"## {heading}")
        for row in members:
            yield from ("", f"### {row.id}", "", _plain(row.title), "")
            yield from (f"- **{name}**: {value}" for name, value in _fields(row))


def _fields(row: Row) -> Iterator[tuple[str, str]]:
    """What a row says, by name, as Markdown."""
    if row.elsewhere:
        yield "where", _plain(row.elsewhere)
    for place in row.where:
        words = f"`{place.quote}`" if place.quote else _plain(place.reason)
        yield "where", f"{place.cited}: {words}"
    yield "documented", _plain(row.documented)
    yield "witnesses", "; ".join(f"{name}: {_plain(said)}" for name, said in row.witnesses.items())
    yield "chosen", _plain(row.chosen)
    yield "why", _plain(row.why)
    yield "contract", ", ".join(f"`{pointer}`" for pointer in row.contract) or _plain(row.not_in_contract)
    yield "lenient input accepts", _said(row.lenient)
    yield "the documented dialect emits", _said(row.emits)


def _said(steps: tuple[Step, ...]) -> str:
    return "; ".join(_plain(step.says()) for step in steps) or "nothing"


def _plain(text: str) -> str:
    """Words that Markdown shows as they are."""
    return _MARKDOWN.sub(r"\\\1", text)


def as_json(chosen: Iterable[Row]) -> str:
    """Rows as a JSON list, each with the fields it has in the file."""
    return json.dumps([_raw(row) for row in chosen], indent=2, ensure_ascii=False) + "\n"


def _raw(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "kind": row.kind,
        "where": row.elsewhere or [_raw_place(place) for place in row.where],
        "documented": row.documented,
        "witnesses": dict(row.witnesses),
        "chosen": row.chosen,
        "why": row.why,
        "contract": list(row.contract) or {"none": row.not_in_contract},
        "lenient": [dict(step.raw) for step in row.lenient] or "nothing",
        "emits": [dict(step.raw) for step in row.emits] or "nothing",
    }


def _raw_place(place: Place) -> dict[str, Any]:
    words = {"quote": place.quote} if place.quote else {"reason": place.reason}
    return {"page": place.page, "lines": list(place.lines), **words}
