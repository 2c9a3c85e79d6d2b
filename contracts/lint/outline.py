"""What the lint's rules look at: a document as plain JSON, and every node that OpenAPI gives a meaning."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NamedTuple

from wixture.contracts import pointers

Severity = Literal["error", "warning"]
Role = Literal["path", "webhook", "callback"]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_DEPTH = 100
MAX_NODES = 1_000_000


class Problem(NamedTuple):
    """What a rule found: where, and what to say about it. The rule's name is added by `lint`."""

    pointer: str
    message: str
    severity: Severity = "error"


class EndlessDocumentError(ValueError):
    """The document nests, or repeats itself through YAML aliases, beyond what can be looked at."""


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON object with a meaning: its kind is the OpenAPI name of what it is (`operation`, `schema`)."""

    kind: str
    pointer: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, who calls it, and its parameters with those of its path, references followed."""

    node: Node
    role: Role
    parameters: tuple[Node, ...]

    @property
    def id(self) -> str:
        return text(self.node.value.get("operationId"))

    def has_parameter(self, place: str, name: str) -> bool:
        """Is there a parameter `name`? Any `place` (path, query, header, cookie) will do when it is empty."""
        found = (each.value for each in self.parameters if each.value.get("name") == name)
        return any(not place or each.get("in") == place for each in found)


@dataclass(frozen=True, slots=True)
class Outline:
    """A document: its plain JSON, its nodes by pointer in document order, and what was no JSON in it."""

    root: dict[str, Any]
    nodes: dict[str, Node]
    foreign: tuple[Problem, ...]

    def of(self, *kinds: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind in kinds]

    def landing(self, node: Node) -> Node | None:
        """The node that `node` refers to, or itself; None when a reference leads nowhere."""
        try:
            pointer = pointers.landing(self.root, node.pointer)
            value = pointers.resolve(self.root, pointer)
        except (LookupError, ValueError):
            return None
        return Node(node.kind, pointer, value) if isinstance(value, dict) else None

    def entries(self, node: Node, key: str) -> Iterator[tuple[str, Node]]:
        """The objects in the mapping at `key` of `node` by name, references followed."""
        for name, value in mapping(node.value.get(key)).items():
            landed = self.landing(Node("", node.pointer + pointers.join(key, name), mapping(value)))
            if landed:
                yield name, landed

    def json_media(self, node: Node | None) -> list[Node]:
        """The media types of a request body or response that are JSON."""
        entries = self.entries(node, "content") if node else ()
        return [media for name, media in entries if is_json(name)]

    def request_body(self, operation: Operation) -> Node | None:
        body = operation.node.value.get("requestBody")
        pointer = operation.node.pointer + "/requestBody"
        return self.landing(Node("request body", pointer, body)) if isinstance(body, dict) else None


def mapping(value: Any) -> dict[str, Any]:
    """`value` when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: Any) -> list[Any]:
    """`value` when it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """`value` when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def short(value: object, *, limit: int = 200) -> str:
    """`value` as one line of at most `limit` characters."""
    line = " ".join(str(value).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def is_json(media_type: str) -> bool:
    name = media_type.partition(";")[0].strip().lower()
    return name == "application/json" or name.endswith("+json")


_SCHEMA = {
    **dict.fromkeys(("items", "contains", "propertyNames", "contentSchema"), ("one", "schema")),
    **dict.fromkeys(("not", "if", "then", "else"), ("one", "schema")),
    **dict.fromkeys(("additionalProperties", "unevaluatedProperties"), ("one", "schema")),
    **dict.fromkeys(("unevaluatedItems",), ("one", "schema")),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), ("list", "schema")),
    **dict.fromkeys(("properties", "patternProperties", "dependentSchemas", "$defs"), ("map", "schema")),
}
_PARAMETER = {
    "schema": ("one", "schema"),
    "content": ("map", "media type"),
    "examples": ("map", "example"),
}
_GRAMMAR: dict[str, dict[str, tuple[str, str]]] = {
    "document": {
        "paths": ("one", "paths"),
        "webhooks": ("map", "path item"),
        "components": ("one", "components"),
    },
    "paths": {"*": ("one", "path item")},
    "components": {
        "schemas": ("map", "schema"),
        "responses": ("map", "response"),
        "parameters": ("map", "parameter"),
        "examples": ("map", "example"),
        "requestBodies": ("map", "request body"),
        "headers": ("map", "header"),
        "securitySchemes": ("map", "security scheme"),
        "links": ("map", "link"),
        "callbacks": ("map", "callback"),
        "pathItems": ("map", "path item"),
    },
    "path item": {
        "parameters": ("list", "parameter"),
        **dict.fromkeys(METHODS, ("one", "operation")),
    },
    "operation": {
        "parameters": ("list", "parameter"),
        "requestBody": ("one", "request body"),
        "responses": ("one", "responses"),
        "callbacks": ("map", "callback"),
    },
    "callback": {"*": ("one", "path item")},
    "responses": {"*": ("one", "response")},
    "request body": {"content": ("map", "media type")},
    "response": {
        "headers": ("map", "header"),
        "content": ("map", "media type"),
        "links": ("map", "link"),
    },
    "media type": {
        "schema": ("one", "schema"),
        "examples": ("map", "example"),
        "encoding": ("map", "encoding"),
    },
    "encoding": {"headers": ("map", "header")},
    "parameter": _PARAMETER,
    "header": _PARAMETER,
    "schema": _SCHEMA,
    "example": {},
    "link": {},
    "security scheme": {},
}


def outlined(document: Any) -> Outline:
    """The outline of `document`. Raises EndlessDocumentError; whatever else is wrong stays for the rules."""
    foreign: list[Problem] = []
    root = mapping(_plain(document, "", foreign=foreign, counter=count()))
    return Outline(root, {node.pointer: node for node in _walk(root)}, tuple(foreign))


def _walk(root: dict[str, Any]) -> Iterator[Node]:
    waiting = [Node("document", "", root)]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(_children(node))))


def _children(node: Node) -> Iterator[Node]:
    grammar = _GRAMMAR[node.kind]
    for key, value in node.value.items():
        shape, kind = grammar.get(key) or grammar.get("*") or ("none", "")
        if "*" in grammar and (key.startswith("x-") or key == "$ref"):
            continue
        for pointer, child in _shaped(shape, node.pointer + pointers.join(key), value):
            if isinstance(child, dict):
                yield Node(kind, pointer, child)


def _shaped(shape: str, pointer: str, value: Any) -> Iterator[tuple[str, Any]]:
    if shape == "one":
        yield pointer, value
    if shape == "map":
        yield from ((pointer + pointers.join(name), child) for name, child in mapping(value).items())
    if shape == "list":
        yield from ((pointer + pointers.join(index), child) for index, child in enumerate(listing(value)))


def _plain(value: Any, pointer: str, *, foreign: list[Problem], counter: Iterator[int]) -> Any:
    """`value` with nothing in it but JSON; what YAML made of unquoted text is told to `foreign`."""
    if next(counter) > MAX_NODES or pointer.count("/") > MAX_DEPTH:
        raise EndlessDocumentError(
            f"The document has more than {MAX_DEPTH} levels or {MAX_NODES} values; expected less. "
            "Look for a YAML alias that contains itself."
        )
    if isinstance(value, dict):
        return _plain_object(value, pointer, foreign=foreign, counter=counter)
    if isinstance(value, list):
        items = ((pointer + pointers.join(index), item) for index, item in enumerate(value))
        return [_plain(item, where, foreign=foreign, counter=counter) for where, item in items]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    kind = type(value).__name__
    foreign.append(Problem(pointer, f"{value} was read as {kind}, which JSON does not have. Put it in quotes."))
    return str(value)


def _plain_object(
    value: dict[Any, Any], pointer: str, *, foreign: list[Problem], counter: Iterator[int]
) -> dict[str, Any]:
    odd = [key for key in value if not isinstance(key, str)]
    says = "The key {} was read as {}; JSON keys are strings. Put it in quotes."
    foreign.extend(Problem(pointer, says.format(key, type(key).__name__)) for key in odd)
    entries = ((str(key), pointer + pointers.join(str(key)), child) for key, child in value.items())
    return {key: _plain(child, where, foreign=foreign, counter=counter) for key, where, child in entries}


def operations(outline: Outline) -> list[Operation]:
    """Every operation in document order: under paths, webhooks, callbacks and `components.pathItems`."""
    outgoing = {
        text(node.value.get("$ref"))[1:]
        for node in outline.of("path item")
        if node.pointer.startswith("/webhooks/")
    }
    return [_operation(outline, node, outgoing=outgoing) for node in outline.of("operation")]


def _operation(outline: Outline, node: Node, *, outgoing: set[str]) -> Operation:
    path_item, _, _ = node.pointer.rpartition("/")
    return Operation(node, _role(path_item, outgoing), tuple(_parameters(outline, path_item, node)))


def _role(path_item: str, outgoing: set[str]) -> Role:
    match pointers.split(path_item):
        case ["webhooks", _]:
            return "webhook"
        case ["paths", _]:
            return "path"
        case ["components", "pathItems", _]:
            return "webhook" if path_item in outgoing else "path"
    return "callback"


def _parameters(outline: Outline, path_item: str, node: Node) -> Iterator[Node]:
    for owner in (path_item, node.pointer):
        for index, value in enumerate(listing(outline.nodes[owner].value.get("parameters"))):
            pointer = owner + pointers.join("parameters", index)
            landed = outline.landing(Node("parameter", pointer, mapping(value)))
            if landed:
                yield landed
