"""Changes as people and programs read them: text, JSON, Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from wixture.contracts.changes.comparison import Change
from wixture.contracts.changes.kinds import SEVERITIES

NAMED = 3


def counted(changes: Sequence[Change]) -> str:
    """How many changes there are of each severity."""
    counts = [sum(change.severity == severity for change in changes) for severity in SEVERITIES]
    return f"{counts[0]} breaking, {counts[1]} {'warning' if counts[1] == 1 else 'warnings'}, {counts[2]} other"


def as_text(changes: Sequence[Change]) -> str:
    """Changes by operation, the gravest group first, and their counts at the end."""
    return "\n".join([*_text(changes), counted(changes)]) + "\n"


def _text(changes: Sequence[Change]) -> Iterator[str]:
    for heading, members in _grouped(changes):
        yield heading
        for change in members:
            yield f"  {change.severity:8} [{change.kind}] {change.words}"
            yield f"           {_places(change)}"
        yield ""


def _grouped(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    groups: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        groups.setdefault(change.where, []).append(change)
    for where, members in groups.items():
        more = f" and {len(where) - NAMED} more" if len(where) > NAMED else ""
        yield f"{', '.join(where[:NAMED])}{more}: {counted(members)}", members


def _places(change: Change) -> str:
    if change.old == change.new:
        return f"at {change.old or '/'}"
    places = (("old", change.old), ("new", change.new))
    return ", ".join(f"{name} {place or '/'}" for name, place in places if place is not None)


def as_markdown(changes: Sequence[Change]) -> str:
    """Changes as a table for each operation."""
    return "\n".join(_markdown(changes)) + "\n"


def _markdown(changes: Sequence[Change]) -> Iterator[str]:
    yield from ("# Changes of the contract", "", counted(changes))
    for heading, members in _grouped(changes):
        yield from ("", f"## {heading}", "", "| severity | kind | what | where |", "|---|---|---|---|")
        for change in members:
            yield f"| {change.severity} | `{change.kind}` | {_cell(change.words)} | `{_cell(_places(change))}` |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def as_json(changes: Sequence[Change]) -> str:
    """Changes as a JSON list: kind, severity, where, old, new, words."""
    return json.dumps([asdict(change) for change in changes], indent=2, ensure_ascii=False) + "\n"


FORMS: dict[str, Callable[[Sequence[Change]], str]] = {"text": as_text, "json": as_json, "markdown": as_markdown}
