"""Every place of a value, and what a contract says about it: the schemas that hold there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wixture.contracts.pointers import from_ref, resolve

Path = tuple[str | int, ...]
"""The steps to a place: names and positions."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a value. `schemas` are those that hold there whatever the value is."""

    path: Path
    value: Any
    schemas: tuple[Mapping[str, Any], ...]

    def says(self, keyword: str) -> Any:
        """What the first schema that has a keyword says by it; None when none has."""
        return next((schema[keyword] for schema in self.schemas if keyword in schema), None)

    @property
    def properties(self) -> dict[str, Sequence[Mapping[str, Any]]]:
        """The schemas of each property that is declared here, references not followed."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for schema in self.schemas:
            for name, inner in schema.get("properties", {}).items():
                found.setdefault(name, []).append(inner)
        return dict(found)


def places_of(document: Any, pointer: str, value: Any) -> Iterator[Place]:
    """The places of a value that keeps the schema at `pointer`, outer ones first."""
    yield from _below(document, (), value, [resolve(document, pointer)])


def whole(document: Any, schemas: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The schemas, and those that they refer to or are made of. What holds only on a condition is left out."""
    found: list[Mapping[str, Any]] = []
    waiting = list(schemas)
    while waiting:
        schema = waiting.pop(0)
        found.append(schema)
        if "$ref" in schema:
            waiting.append(resolve(document, from_ref(schema["$ref"])))
        waiting.extend(schema.get("allOf", ()))
    return tuple(found)


def _below(document: Any, path: Path, value: Any, schemas: Sequence[Mapping[str, Any]]) -> Iterator[Place]:
    here = Place(path, value, whole(document, schemas))
    yield here
    if isinstance(value, list):
        items = [schema["items"] for schema in here.schemas if "items" in schema]
        for index, item in enumerate(value):
            yield from _below(document, (*path, index), item, items)
    elif isinstance(value, dict):
        declared = here.properties
        others = [schema["additionalProperties"] for schema in here.schemas if "additionalProperties" in schema]
        for name, inner in value.items():
            yield from _below(document, (*path, name), inner, declared.get(name, others))
