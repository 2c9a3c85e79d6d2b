"""Our own contracts, damaged place by place: no change goes unsaid, and what is called breaking does break."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from wixture.contracts.changes.changes import changes
from wixture.contracts.changes.comparison import Change
from wixture.contracts.document import SPEC_FOLDER, read_document
from wixture.contracts.pointers import join, resolve, split
from wixture.contracts.yaml_text import BadDocument

CONTRACTS = {name: read_document(SPEC_FOLDER / f"{name}.yaml") for name in ("openapi", "control")}
ROUNDS = 4


def _leaves(node: Any, pointer: str = "") -> Iterator[str]:
    if isinstance(node, dict | list) and node:
        keys = node if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield from _leaves(node[key], pointer + join(key))
    else:
        yield pointer


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return ["x"] if value == [] else {"x": "y"}


def _speaks_of(change: Change, pointer: str) -> bool:
    """Whether a change points at a place, at what holds it, or, where it was empty, at what is in it now.

    Another condition speaks for what holds on it.
    """
    places = [place for place in (change.old, change.new) if place is not None]
    places += [place.removesuffix("/if") + branch for place in places for branch in ("/then", "/else")
               if change.kind.endswith("-if-changed")]  # fmt: skip
    within = (pointer + "/x", pointer + "/0")
    return any((pointer + "/").startswith(place + "/") or place in within for place in places)


@pytest.mark.parametrize("turn", range(ROUNDS))
@pytest.mark.parametrize("name", CONTRACTS)
def test_no_value_of_our_contract_changes_in_silence(name: str, turn: int) -> None:
    """A part of all values is changed at once, save references and what a thing is found by."""
    old = CONTRACTS[name]
    new = copy.deepcopy(old)
    ours = [one for one in _leaves(old) if split(one)[-1] not in ("$ref", "in", "name", "operationId", "openapi")]
    ours = ours[turn::ROUNDS]
    for pointer in ours:
        holder, key = resolve(new, pointer.rpartition("/")[0]), split(pointer)[-1]
        at = int(key) if isinstance(holder, list) else key
        holder[at] = _changed(holder[at])
    found = changes(old, new)
    assert [pointer for pointer in ours if not any(_speaks_of(change, pointer) for change in found)] == []


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_keyword_of_our_contract_goes_in_silence(name: str) -> None:
    old = CONTRACTS[name]
    seen: dict[str, str] = {}
    for pointer in _leaves(old):
        steps = split(pointer)
        for depth in range(1, len(steps) + 1):
            if not steps[depth - 1].isdigit():
                seen.setdefault(steps[depth - 1], join(*steps[:depth]))
    chosen = random.Random(name).sample(sorted(seen.values()), 12)
    for pointer in [one for one in chosen if one != "/openapi"]:
        new = copy.deepcopy(old)
        del resolve(new, pointer.rpartition("/")[0])[split(pointer)[-1]]
        assert changes(old, new), f"{pointer} went in silence"
        assert changes(new, old), f"{pointer} came in silence"


def test_a_reference_that_leads_elsewhere_is_told() -> None:
    old = CONTRACTS["openapi"]
    for pointer in [one for one in _leaves(old) if one.endswith("/$ref") and "schemas" in resolve(old, one)][::40]:
        new = copy.deepcopy(old)
        resolve(new, pointer.removesuffix("/$ref"))["$ref"] = "#/components/schemas/Guid"
        assert changes(old, new) or resolve(old, pointer) == "#/components/schemas/Guid", pointer


def test_junk_in_a_document_is_compared_or_refused_but_never_crashes() -> None:
    chance = random.Random(7)
    old = CONTRACTS["control"]
    for pointer in chance.sample(sorted(_leaves(old)), 12):
        steps = split(pointer)
        place = join(*steps[: chance.randint(1, len(steps))])
        new = copy.deepcopy(old)
        holder, key = resolve(new, place.rpartition("/")[0]), split(place)[-1]
        holder[int(key) if isinstance(holder, list) else key] = chance.choice(
            [None, 7, "x", [], [7], {"a": []}, True]
        )
        with contextlib.suppress(BadDocument):
            assert changes(old, new) + changes(new, old) or old == new


def _request(schema: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": schema}}}
    return {"openapi": "3.1.0", "paths": {"/a": {"post": {"operationId": "send", "requestBody": body}}}}


OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({"type": ["string", "null"]}, {"type": "string"}, None),
        ({"type": "string"}, {"type": "integer"}, "a"),
        ({"enum": ["A", "B"]}, {"enum": ["A"]}, "B"),
        ({"enum": ["A"]}, {"enum": ["B"]}, "A"),
        ({}, {"enum": ["A"]}, "B"),
        ({}, {"pattern": "^a"}, "b"),
        ({"maxLength": 3}, {"maxLength": 2}, "abc"),
        ({"minimum": 1}, {"minimum": 2}, 1),
        ({"maxItems": 2}, {"maxItems": 1}, [1, 2]),
        ({}, {"uniqueItems": True}, [1, 1]),
        ({}, {"multipleOf": 2}, 3),
        (OBJECT, {**OBJECT, "required": ["a"]}, {}),
        (OBJECT, {**OBJECT, "additionalProperties": False}, {"b": 1}),
        (OBJECT, {**OBJECT, "additionalProperties": {"type": "string"}}, {"b": 1}),
        ({**OBJECT, "additionalProperties": False}, {"additionalProperties": False}, {"a": "b"}),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 1}]}, 2),
        ({}, {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}),
        ({}, {"not": {"const": 1}}, 1),
        ({}, {"dependentRequired": {"a": ["b"]}}, {"a": 1}),
        ({"items": {}}, {"items": {"type": "string"}}, [1]),
        ({}, {"propertyNames": {"maxLength": 1}}, {"ab": 1}),
        ({}, {"patternProperties": {"^a": {"type": "string"}}}, {"a": 1}),
        ({}, {"contains": {"const": 1}}, [2]),
        ({"allOf": [OBJECT]}, {"allOf": [OBJECT, {"minProperties": 1}]}, {}),
    ],
)
def test_what_is_called_breaking_refuses_a_message_that_was_taken(old: Any, new: Any, message: Any) -> None:
    assert jsonschema_rs.Draft202012Validator(old).is_valid(message)
    assert not jsonschema_rs.Draft202012Validator(new).is_valid(message)
    assert "breaking" in {change.severity for change in changes(_request(old), _request(new))}
