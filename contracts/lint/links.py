"""The rule on links: each leads from what a response declares to an operation that can take it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wixture.contracts import pointers
from wixture.contracts.lint.outline import Node, Operation, Outline, Problem, mapping, operations, short
from wixture.contracts.lint.schemas import undeclared

_EXPRESSION = re.compile(
    r"\$(?:url|method|statusCode"
    r"|(?:request|response)\.header\.[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    r"|request\.(?P<place>query|path)\.(?P<name>.+)"
    r"|(?P<message>request|response)\.body(?:#(?P<pointer>.*))?)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Link:
    """A link, the operation it leads from and the response that carries it."""

    node: Node
    operation: Operation
    response: Node


def links_resolve(outline: Outline) -> Iterator[Problem]:
    known = operations(outline)
    for link in _links(outline, known):
        target = _target(link.node, known)
        if isinstance(target, Operation):
            yield from _unknown_parameters(link.node, target)
        else:
            yield target
        for pointer, expression in _expressions(link.node):
            reason = _why_empty(outline, link, expression)
            if reason:
                yield Problem(pointer, f"{short(expression)!r} {reason}")


def _links(outline: Outline, known: list[Operation]) -> Iterator[_Link]:
    for operation in known:
        for _, response in outline.entries(operation.node, "responses"):
            for _, node in outline.entries(response, "links"):
                yield _Link(node, operation, response)


def _target(link: Node, known: list[Operation]) -> Operation | Problem:
    name, ref = link.value.get("operationId"), link.value.get("operationRef")
    if (name is None) is (ref is None):
        return Problem(link.pointer, "The link needs one of `operationId` and `operationRef`; expected the first.")
    found = [each for each in known if (each.id and each.id == name) or f"#{each.node.pointer}" == ref]
    if found:
        return found[0]
    key = "operationRef" if name is None else "operationId"
    names = short(", ".join(sorted(each.id for each in known if each.id)))
    said = f"The link leads to {short(name or ref)}, which is no operation here; expected one of {names}."
    return Problem(f"{link.pointer}/{key}", f"{said} Correct the name.")


def _unknown_parameters(link: Node, target: Operation) -> Iterator[Problem]:
    takes = [f"{each.value.get('in')}.{each.value.get('name')}" for each in target.parameters]
    for key in mapping(link.value.get("parameters")):
        place, _, name = key.partition(".")
        placed = place in ("path", "query", "header", "cookie") and target.has_parameter(place, name)
        if not placed and not target.has_parameter("", key):
            said = f"{target.id or target.node.pointer} has no parameter {key}"
            expected = f"expected one of {short(', '.join(takes) or 'none')}. Correct the name."
            yield Problem(link.pointer + pointers.join("parameters", key), f"{said}; {expected}")


def _expressions(link: Node) -> Iterator[tuple[str, str]]:
    """Every runtime expression in the link's parameters and request body, with the pointer of its text."""
    waiting: list[tuple[str, Any]] = [
        (f"{link.pointer}/{key}", link.value[key]) for key in ("parameters", "requestBody") if key in link.value
    ]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str):
            found = [value] if value.startswith("$") else re.findall(r"\{(\$[^}]*)\}", value)
            yield from ((pointer, expression) for expression in found)
        if isinstance(value, dict | list):
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend((pointer + pointers.join(key), child) for key, child in pairs)


def _why_empty(outline: Outline, link: _Link, expression: str) -> str | None:
    """Why `expression` is malformed or has no value when the link is followed, or None."""
    match = _EXPRESSION.fullmatch(expression)
    if not match:
        return "is no runtime expression; expected for example $response.body#/id or $request.path.id."
    place, name = match["place"], match["name"]
    if place and not link.operation.has_parameter(place, name):
        of = link.operation.id or link.operation.node.pointer
        return f"names no {place} parameter of {of}; expected a declared one. Correct the name."
    if match["message"] and match["pointer"] is not None:
        carrier = link.response if match["message"] == "response" else outline.request_body(link.operation)
        return _why_undeclared(outline, carrier, match["pointer"])
    return None


def _why_undeclared(outline: Outline, carrier: Node | None, pointer: str) -> str | None:
    schemas = [f"{media.pointer}/schema" for media in outline.json_media(carrier) if "schema" in media.value]
    if not schemas:
        return "points into a body that is no JSON with a schema; expected one. Declare the body."
    try:
        missing = undeclared(outline, schemas, pointers.split(pointer))
    except ValueError:
        return "has no JSON pointer after '#'; expected for example #/id. Correct it."
    if missing is None:
        return None
    return f"points at {missing!r}, which the schema does not declare; expected a declared place. Correct it."
