"""The contract with the ledger's rows applied: what answers and events look like in the documented dialect.

Each step of a row changes the schema at its place. Shared schemas on the way there are copied into the message
that the step is about, so that no other message changes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wixture.contracts.document import METHODS, Document
from wixture.contracts.pointers import from_ref, resolve
from wixture.contracts.steps import ACTIONS, Step

Emit = Callable[[str, Any], Any]
_IN_PLACE = ("allOf", "anyOf", "oneOf")
_BRANCHES = ("if", "then", "else", "not")
_KEPT = "#/components/schemas/"


def with_rows(document: Document, steps: Iterable[Step], emit: Emit) -> Document:
    """A copy of the corrected contract in which schemas and examples are the documented ones."""
    document = copy.deepcopy(document)
    document["info"]["title"] += " (documented dialect)"
    for step in sorted(steps, key=lambda step: ACTIONS.index(step.action)):
        for message in step.messages:
            _apply(document, _message(document, message), step)
    _rewrite_examples(document, emit)
    _drop_unused(document)
    return document


def _message(document: Document, name: str) -> tuple[Any, str]:
    """Where the schema of an answer or event hangs: the object that holds it, and the key."""
    if name in document["webhooks"]:
        component = document["webhooks"][name]["post"]["x-domain-event"]["$ref"].removeprefix(_KEPT)
        return document["components"]["schemas"], component
    for operation in _operations(document):
        if operation["operationId"] == name:
            return operation["responses"]["200"]["content"]["application/json"], "schema"
    raise LookupError(f"The ledger names {name!r}, which is no operation or event of the contract.")


def _operations(document: Document) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (item[method] for method in METHODS if method in item)


def _apply(document: Document, holder: tuple[Any, str], step: Step) -> None:
    for place, key in list(_places(document, *holder, step.at)):
        for part, name in list(_variants(document, place, key)):
            schema = part[name]
            changed = copy.deepcopy(schema)
            _CHANGE[step.action](changed, step.value)
            part[name] = _conditional(step.where, changed, schema) if step.where else changed


def _conditional(where: Mapping[str, str], changed: Any, otherwise: Any) -> dict[str, Any]:
    condition = {"required": list(where), "properties": {name: {"const": value} for name, value in where.items()}}
    text = otherwise.get("description", "")
    return {"description": text, "type": "object", "if": condition, "then": changed, "else": otherwise}


def _places(document: Document, holder: Any, key: Any, at: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """The holders and keys of the schemas at a place, everything on the way copied in."""
    for part, name in list(_variants(document, holder, key)):
        schema = part[name]
        if not at:
            yield part, name
        elif at[0] == "*":
            for index, _ in enumerate(schema.get("prefixItems", ())):
                yield from _places(document, schema["prefixItems"], index, at[1:])
            yield from _places(document, schema, "items", at[1:])
        elif at[0] == "+":
            schema.setdefault("prefixItems", [copy.deepcopy(schema["items"])])
            yield from _places(document, schema, "items", at[1:])
        else:
            yield from _places(document, schema["properties"], at[0], at[1:])


def _variants(document: Document, holder: Any, key: Any) -> Iterator[tuple[Any, Any]]:
    """A schema's own holder and key, or those of both branches that an earlier step made of it."""
    schema = holder[key] = _whole(document, holder[key])
    if {"if", "then", "else"} <= schema.keys():
        yield from _variants(document, schema, "then")
        yield from _variants(document, schema, "else")
    else:
        yield holder, key


def _whole(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with the one it refers to copied in."""
    if "$ref" not in schema:
        return schema
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    target = copy.deepcopy(resolve(document, from_ref(schema["$ref"])))
    return {**_whole(document, target), **beside}


# ---- what a step does to a schema ----------------------------------------------------------------


def _rename(schema: dict[str, Any], names: Mapping[str, str]) -> None:
    taken = [new for old, new in names.items() if old in schema["properties"]]
    _drop(schema, [name for name in taken if name in schema["properties"]])
    for part in _same_instance(schema):
        if "properties" in part:
            part["properties"] = {names.get(name, name): inner for name, inner in part["properties"].items()}
        if "required" in part:
            part["required"] = [names.get(name, name) for name in part["required"]]


def _drop(schema: dict[str, Any], names: Iterable[str]) -> None:
    dropped = set(names)
    for part in _same_instance(schema):
        if dropped & set(part.get("not", {}).get("required", ())):
            del part["not"]  # what is never there need not be forbidden
        part["properties"] = {
            name: inner for name, inner in part.get("properties", {}).items() if name not in dropped
        }
        part["required"] = [name for name in part.get("required", ()) if name not in dropped]
        for keyword in ("properties", "required"):
            if not part[keyword]:
                del part[keyword]


def _same_instance(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those in it that judge the same object."""
    yield schema
    for keyword in _IN_PLACE:
        for part in schema.get(keyword, ()):
            yield from _same_instance(part)
    for keyword in _BRANCHES:
        if keyword in schema:
            yield from _same_instance(schema[keyword])


def _set(schema: dict[str, Any], members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        text = schema["properties"][name].get("description", "As documented.")
        schema["properties"][name] = {"description": text, "const": value}


def _leave(_: dict[str, Any], __: Any) -> None:
    """What a step does to values alone leaves the schema as it is."""


_CHANGE: Mapping[str, Callable[[dict[str, Any], Any], None]] = {
    "rename": _rename,
    "drop": _drop,
    "set": _set,
    "differ": _leave,
}


# ---- around the schemas --------------------------------------------------------------------------


def _rewrite_examples(document: Document, emit: Emit) -> None:
    for operation in _operations(document):
        media = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if "example" in media:
            media["example"] = emit(operation["operationId"], media["example"])
        for example in media.get("examples", {}).values():
            example["value"] = emit(operation["operationId"], example["value"])
    for name, item in document["webhooks"].items():
        component = item["post"]["x-domain-event"]["$ref"].removeprefix(_KEPT)
        schema = document["components"]["schemas"][component]
        if "examples" in schema:
            schema["examples"] = [emit(name, example) for example in schema["examples"]]


def _drop_unused(document: Document) -> None:
    schemas = document["components"]["schemas"]
    while unused := schemas.keys() - set(_referenced(document)):
        for name in unused:
            del schemas[name]


def _referenced(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_KEPT)
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _referenced(child)
