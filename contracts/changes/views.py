"""A schema as its readers see it: its own keywords and those of what it refers to or is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from wixture.contracts.changes.comparison import at, look, target
from wixture.contracts.changes.kinds import LOWER_BOUNDS, OTHER_FIELDS
from wixture.contracts.pointers import join

TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))


@dataclass(frozen=True, slots=True)
class View:
    """Schemas that hold together at one place. Each part is a schema object with its pointer."""

    document: Any
    parts: tuple[tuple[str, dict[str, Any]], ...]
    stands: dict[str, list[tuple[str, Any]]]

    def having(self, keyword: str) -> list[tuple[str, Any]]:
        """Where a keyword stands in the parts, and its value."""
        return self.stands.get(keyword, [])

    @property
    def types(self) -> frozenset[str]:
        """The types that are taken: those of every part at once. An integer is a number."""
        taken = TYPES
        for _, part in self.parts:
            names = part.get("type")
            if isinstance(names, str | list):
                several = {names} if isinstance(names, str) else {str(name) for name in names}
                several |= {"integer"} if "number" in several else set()
                several |= {"null"} if part.get("nullable") is True else set()
                taken = taken & several
        return taken

    @property
    def values(self) -> dict[str, str] | None:
        """The values that are taken, as JSON, and the pointer of each; None when they are not listed."""
        found: dict[str, str] | None = None
        for pointer, part in self.parts:
            for listed in _listed(pointer, part):
                found = listed if found is None else {one: where for one, where in found.items() if one in listed}
        return found

    @property
    def required(self) -> dict[str, str]:
        """The names of fields that must be there, and the pointer of each."""
        return {
            str(name): where + join(index)
            for where, names in reversed(self.having("required"))
            for index, name in enumerate(names if isinstance(names, list) else ())
        }

    @property
    def fields(self) -> dict[str, list[str]]:
        """The pointers of the schemas of each declared field."""
        found: dict[str, list[str]] = {}
        for where, inner in self.having("properties"):
            for name in inner if isinstance(inner, dict) else ():
                found.setdefault(name, []).append(where + join(name))
        return found

    def closed(self) -> str | None:
        """The pointer of the keyword that refuses fields that are not declared."""
        found = [where for keyword in OTHER_FIELDS for where, value in self.having(keyword) if value is False]
        return found[0] if found else None

    def bound(self, keyword: str) -> tuple[str, Any] | None:
        """The bound that counts when several parts have one, with its pointer."""
        found = self.having(keyword)
        numbers = [one for one in found if isinstance(one[1], int | float) and not isinstance(one[1], bool)]
        if not numbers:
            return found[0] if found else None
        pick = max if keyword in LOWER_BOUNDS else min
        return pick(numbers, key=lambda one: one[1])

    def inner(self, keyword: str) -> list[str]:
        """The pointers of the schemas under a keyword; one that takes everything says nothing."""
        return [where for where, value in self.having(keyword) if value not in (True, {})]


def view(document: Any, roots: Sequence[str]) -> View:
    """The view of the schemas at pointers. What holds only on a condition is no part of it."""
    parts = tuple(_parts(document, roots))
    stands: dict[str, list[tuple[str, Any]]] = {}
    for pointer, part in parts:
        for keyword, value in part.items():
            stands.setdefault(keyword, []).append((pointer + join(keyword), value))
    return View(document, parts, stands)


def _parts(document: Any, roots: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        pointer = waiting.pop(0)
        schema = look(document, pointer)
        if pointer in seen or not isinstance(schema, dict | bool) or schema is True:
            continue
        seen.add(pointer)
        yield pointer, {"enum": []} if schema is False else schema
        goal = target(document, pointer)
        waiting.extend([goal] if goal is not None else [])
        members = at(document, pointer).get("allOf")
        count = len(members) if isinstance(members, list) else 0
        waiting.extend(pointer + join("allOf", index) for index in range(count))


def _listed(pointer: str, part: dict[str, Any]) -> Iterator[dict[str, str]]:
    if "const" in part:
        yield {plain(part["const"]): pointer + "/const"}
    if isinstance(part.get("enum"), list):
        yield {plain(one): pointer + join("enum", index) for index, one in enumerate(part["enum"])}


def plain(value: Any) -> str:
    """A value as JSON, its keys sorted: equal texts are equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def same(old: Any, here: str, new: Any, there: str) -> bool:
    """Whether two places say the same once references are followed."""
    return _same(old, here, new, there, frozenset())


def _same(old: Any, here: str, new: Any, there: str, within: frozenset[tuple[str, str]]) -> bool:
    if (here, there) in within:
        return True
    within = within | {(here, there)}
    goals = target(old, here), target(new, there)
    one, other = look(old, here), look(new, there)
    if any(goals) and all(len(node) == 1 for node, goal in zip((one, other), goals, strict=True) if goal):
        return _same(old, goals[0] or here, new, goals[1] or there, within)
    if type(one) is not type(other):
        return False
    if isinstance(one, list | dict):
        keys = range(len(one)) if isinstance(one, list) else one
        alike = len(one) == len(other) if isinstance(one, list) else set(one) == set(other)
        return alike and all(_same(old, here + join(key), new, there + join(key), within) for key in keys)
    return bool(one == other)
