"""What was met of a contract: answers by operation and status, and the schema keywords that had a say in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wixture.contracts.document import Contract, Operation
from wixture.contracts.findings import Covered
from wixture.contracts.places import whole
from wixture.contracts.pointers import resolve
from wixture.contracts.validation import ABSENT

# Which keywords say something about a value of a type; those that only describe say nothing.
_OF_ALL = ("type", "enum", "const", "not", "if", "anyOf", "oneOf")
_OF_TEXT = ("minLength", "maxLength", "pattern", "format")
_OF_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format")
_OF_LIST = ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains")
_OF_OBJECT = tuple(
    """properties required minProperties maxProperties additionalProperties unevaluatedProperties
    patternProperties propertyNames dependentRequired""".split()
)
_BY_TYPE: Mapping[type, tuple[str, ...]] = {
    str: _OF_TEXT,
    int: _OF_NUMBER,
    float: _OF_NUMBER,
    list: _OF_LIST,
    dict: _OF_OBJECT,
}
MOST_PLACES = 20_000
"""How many places of one body are looked at: the largest right answer has fewer."""


@dataclass(frozen=True, slots=True)
class _Node:
    """What the contract says at one place: by type of value its keywords, and the schemas below."""

    keywords: Mapping[type, tuple[str, ...]]
    properties: Mapping[str, Sequence[Any]]
    others: Sequence[Any]
    items: Sequence[Any]


class Coverage:
    """Counts what it saw. Start with nothing; `covered` can be asked at any time."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._counts: Counter[tuple[str, int]] = Counter()
        self._keywords: dict[tuple[str, int], Counter[str]] = {}
        self._nodes: dict[tuple[int, ...], _Node] = {}

    def saw(self, operation: Operation, status: int, body: Any = ABSENT) -> None:
        """Counts one answer: its status, and with a JSON body the keywords that judge something in it."""
        key = (operation.operation_id, status)
        self._counts[key] += 1
        met = self._keywords.setdefault(key, Counter())
        pointer = operation.responses.get(status)
        if pointer is not None and body is not ABSENT:
            self._count(met, resolve(self._contract.document, pointer), body)

    def _count(self, met: Counter[str], schema: Any, body: Any) -> None:
        waiting: list[tuple[Sequence[Any], Any]] = [([schema], body)]
        for _ in range(MOST_PLACES):
            if not waiting:
                return
            schemas, value = waiting.pop()
            node = self._node(schemas)
            met.update(node.keywords.get(type(value), node.keywords[object]))
            waiting.extend(_below(node, value))

    def _node(self, schemas: Sequence[Any]) -> _Node:
        key = tuple(map(id, schemas))  # they live as long as the contract
        if key not in self._nodes:
            self._nodes[key] = _read(self._contract.document, schemas)
        return self._nodes[key]

    def covered(self) -> tuple[Covered, ...]:
        """Every operation with each status that it declares or was met with, in the contract's order."""
        return tuple(self._all())

    def _all(self) -> Iterator[Covered]:
        for name, operation in self._contract.operations.items():
            others = sorted(status for met, status in self._counts if met == name)
            for status in dict.fromkeys((*operation.responses, *others)):
                keywords = self._keywords.get((name, status), Counter())
                yield Covered(name, status, self._counts[name, status], dict(sorted(keywords.items())))


def _below(node: _Node, value: Any) -> Iterator[tuple[Sequence[Any], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            schemas = node.properties.get(name, node.others)
            if schemas:
                yield schemas, inner
    elif isinstance(value, list) and node.items:
        yield from ((node.items, inner) for inner in value)


def _read(document: Any, schemas: Sequence[Any]) -> _Node:
    held = [schema for schema in whole(document, schemas) if isinstance(schema, dict)]
    properties: dict[str, list[Any]] = {}
    for schema in held:
        for name, inner in schema.get("properties", {}).items():
            properties.setdefault(name, []).append(inner)
    said = {kind: _said(held, (*_OF_ALL, *own)) for kind, own in _BY_TYPE.items()}
    return _Node(
        keywords={**said, object: _said(held, _OF_ALL)},
        properties=properties,
        others=[inner for schema in held if isinstance(inner := schema.get("additionalProperties"), dict)],
        items=[schema["items"] for schema in held if "items" in schema],
    )


def _said(held: Sequence[Mapping[str, Any]], keywords: Sequence[str]) -> tuple[str, ...]:
    return tuple(keyword for schema in held for keyword in keywords if keyword in schema)
