"""Rules on schemas: patterns, formats, closed objects; and what a schema declares, for the other rules."""

from collections.abc import Iterable, Iterator
from typing import Any

from wixture.contracts import pointers
from wixture.contracts.lint.outline import Node, Outline, Problem, listing, mapping, operations, short
from wixture.contracts.lint.patterns import why_not_linear

_FORMATS = ("date-time", "uuid", "email", "uri", "date")
_COMPOSING = ("allOf", "anyOf", "oneOf")


def patterns_linear(outline: Outline) -> Iterator[Problem]:
    for schema in outline.of("schema"):
        for pointer, pattern in _patterns(schema):
            reason = why_not_linear(pattern)
            if reason:
                said = f"The pattern {short(pattern)!r} is refused: {reason}"
                yield Problem(pointer, f"{said} Expected one that is fast and the same in every engine.")


def _patterns(schema: Node) -> Iterator[tuple[str, str]]:
    if isinstance(schema.value.get("pattern"), str):
        yield f"{schema.pointer}/pattern", schema.value["pattern"]
    for key in mapping(schema.value.get("patternProperties")):
        yield schema.pointer + pointers.join("patternProperties", key), key


def format_has_pattern(outline: Outline) -> Iterator[Problem]:
    for schema in outline.of("schema"):
        name, kind = schema.value.get("format"), schema.value.get("type", "string")
        is_text = kind == "string" or "string" in listing(kind)
        fixed = schema.value.keys() & {"pattern", "const", "enum"}
        if name in _FORMATS and is_text and not fixed:
            said = f"`format: {name}` has no `pattern` beside it; expected one, as engines differ on formats."
            yield Problem(f"{schema.pointer}/format", f"{said} Add the pattern that values must match.")


def closed_objects(outline: Outline) -> Iterator[Problem]:
    """Objects in request bodies that accept a property nobody declared.

    An object is closed by itself, by a part of it (`allOf`), or by whatever composes it.
    """
    waiting = [(pointer, False) for pointer in _request_schemas(outline)]
    seen: set[tuple[str, bool]] = set()
    while waiting:
        pointer, closed = _landed(outline, waiting.pop(0))
        if (pointer, closed) in seen:
            continue
        seen.add((pointer, closed))
        schema = schema_at(outline, pointer)
        closed = closed or _closes(outline, pointer)
        if not closed and _has_properties(schema):
            said = "The object accepts properties that it does not declare, so a typo in a request is swallowed"
            yield Problem(pointer, f"{said}; expected it to be closed. Add `unevaluatedProperties: false`.")
        waiting.extend((part, closed) for part in _parts(outline, pointer))
        waiting.extend((value, False) for value in _values(schema, pointer))


def _request_schemas(outline: Outline) -> Iterator[str]:
    for operation in operations(outline):
        body = outline.request_body(operation) if operation.role == "path" else None
        for _, media in outline.entries(body, "content") if body else ():
            if "schema" in media.value:
                yield f"{media.pointer}/schema"


def _landed(outline: Outline, place: tuple[str, bool]) -> tuple[str, bool]:
    """The place itself, or, for a bare reference, its target: a reference neither opens nor closes."""
    pointer, closed = place
    schema = schema_at(outline, pointer)
    landed = outline.landing(Node("schema", pointer, schema)) if set(schema) == {"$ref"} else None
    return (landed.pointer if landed else pointer), closed


def _has_properties(schema: dict[str, Any]) -> bool:
    kind = schema.get("type", "object")
    return bool(mapping(schema.get("properties"))) and (kind == "object" or "object" in listing(kind))


def _closes(outline: Outline, pointer: str, *, above: tuple[str, ...] = ()) -> bool:
    """Does the schema at `pointer` refuse or describe every property that it does not name?"""
    if pointer in above:
        return False
    schema = schema_at(outline, pointer)
    others = (schema.get("additionalProperties", True), schema.get("unevaluatedProperties", True))
    if any(other is False or isinstance(other, dict) for other in others):
        return True
    above = (*above, pointer)
    if any(_closes(outline, part, above=above) for part in _parts(outline, pointer, keys=("allOf",))):
        return True
    choices = [list(_choices(schema, pointer, key)) for key in ("anyOf", "oneOf")]
    return any(each and all(_closes(outline, one, above=above) for one in each) for each in choices)


def schema_at(outline: Outline, pointer: str) -> dict[str, Any]:
    """The schema at `pointer`; an empty one when there is none, or only true or false."""
    try:
        return mapping(pointers.resolve(outline.root, pointer))
    except LookupError:
        return {}


def _choices(schema: dict[str, Any], pointer: str, key: str) -> Iterator[str]:
    yield from (pointer + pointers.join(key, index) for index in range(len(listing(schema.get(key)))))


def _parts(outline: Outline, pointer: str, *, keys: Iterable[str] = _COMPOSING) -> Iterator[str]:
    """The schemas that apply to the same value: the target of a `$ref`, and those composed by `keys`."""
    schema = schema_at(outline, pointer)
    if isinstance(schema.get("$ref"), str):
        landed = outline.landing(Node("schema", pointer, schema))
        yield from [landed.pointer] if landed else []
    for key in keys:
        yield from _choices(schema, pointer, key)
    if keys is _COMPOSING:
        yield from (f"{pointer}/{key}" for key in ("then", "else") if key in schema)


def _values(schema: dict[str, Any], pointer: str) -> Iterator[str]:
    """The schemas of what is inside the value: properties and items."""
    for key in ("properties", "patternProperties"):
        yield from (pointer + pointers.join(key, name) for name in mapping(schema.get(key)))
    for key in ("items", "additionalProperties", "unevaluatedProperties"):
        if isinstance(schema.get(key), dict):
            yield f"{pointer}/{key}"
    yield from _choices(schema, pointer, "prefixItems")


def undeclared(outline: Outline, schemas: Iterable[str], steps: Iterable[str]) -> str | None:
    """The first of `steps` that no schema declares, when they lead into a value of one of `schemas`."""
    here = applying(outline, schemas)
    for step in steps:
        here = applying(outline, (inner for pointer in here for inner in _inside(outline, pointer, step)))
        if not here:
            return step
    return None


def applying(outline: Outline, schemas: Iterable[str]) -> list[str]:
    """`schemas` and whatever applies to the same value: targets of `$ref` and composed parts."""
    found: dict[str, None] = {}
    waiting = list(schemas)
    while waiting:
        pointer = waiting.pop()
        if pointer not in found:
            found[pointer] = None
            waiting.extend(_parts(outline, pointer))
    return list(found)


def _inside(outline: Outline, pointer: str, step: str) -> Iterator[str]:
    schema = schema_at(outline, pointer)
    named = mapping(schema.get("properties"))
    if step in named:
        yield pointer + pointers.join("properties", step)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield f"{pointer}/additionalProperties"
    elif step.isdigit() and int(step) < len(listing(schema.get("prefixItems"))):
        yield pointer + pointers.join("prefixItems", step)
    elif step.isdigit() and "items" in schema:
        yield f"{pointer}/items"
