"""The table of verdicts: `verdicts.yaml` with names for what stands in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wixture.contracts.yaml_text import read_yaml

from .samples import SHELL

NOTHING = "nothing is sent"


@dataclass(frozen=True)
class Verdict:
    """What the mock answered, or that nothing reached it. An unknown key is an error."""

    status: int | None = None
    by: str | None = None
    rule: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def works(self) -> bool:
        """Whether the operation that was meant did what was asked."""
        return self.status == 200 and self.by is None


@dataclass(frozen=True)
class Entry:
    """One curl of a page and its verdicts, by the way it is run and the kind of input."""

    page: str
    line: int
    operation: str
    identity: str
    seeded: bool
    breaks: tuple[str, ...]
    harmless: tuple[str, ...]
    verdicts: Mapping[tuple[str, str], Verdict]

    @property
    def name(self) -> str:
        """Where it stands, as the rulebook cites it."""
        return f"{self.page}:{self.line}"

    def left(self, how: str) -> list[str]:
        """The rows that still stand when it is run `printed` or `repaired`."""
        return [row for row in self.breaks if how == "printed" or row not in SHELL]


def entries() -> list[Entry]:
    """Every entry of the table, in its order."""
    table = read_yaml((Path(__file__).parent / "verdicts.yaml").read_text(encoding="utf-8"), unique_keys=True)
    return [_entry(dict(raw)) for raw in table]


def _entry(raw: dict[str, Any]) -> Entry:
    runs = {how: raw.pop(how) for how in ("printed", "repaired")}
    verdicts = {(how, kind): _verdict(said) for how, kinds in runs.items() for kind, said in kinds.items()}
    rows = {name: tuple(raw.pop(name)) for name in ("breaks", "harmless")}
    return Entry(**raw, **rows, verdicts=verdicts)


def _verdict(said: str | dict[str, Any]) -> Verdict:
    if isinstance(said, dict):
        return Verdict(**said)
    assert said == NOTHING, f"{said!r} is no verdict: {NOTHING!r}, or an answer"
    return Verdict()
