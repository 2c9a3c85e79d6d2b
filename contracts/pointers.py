"""JSON pointers (RFC 6901) into an OpenAPI document, and the lines of the text they stand on."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def join(*parts: str | int) -> str:
    """The pointer whose steps are `parts`: `join("paths", "/a", 0)` is `/paths/~1a/0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def split(pointer: str) -> list[str]:
    """The steps of `pointer`, unescaped. Raises ValueError when it is neither empty nor starts with `/`."""
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: expected it to be empty or to start with '/'.")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def from_ref(ref: str) -> str:
    """The pointer in a local `$ref` (`#/paths/~1a%7Bid%7D`). Raises ValueError for every other reference."""
    if ref != "#" and not ref.startswith("#/"):
        raise ValueError(f"{ref!r} is no local reference: expected '#/' and a JSON pointer.")
    return unquote(ref[1:])


def to_fragment(pointer: str) -> str:
    """`pointer` as the fragment of a URI, percent-encoded where a URI asks for it."""
    return "#" + quote(pointer, safe="/~!$&'()*+,;=:@-._")


def resolve(document: Any, pointer: str) -> Any:
    """The node at `pointer`. Raises LookupError naming the first step that is missing."""
    node = document
    done: list[str] = []
    for step in split(pointer):
        node = _child(node, step, pointer=pointer, parent=join(*done))
        done.append(step)
    return node


def _child(node: Any, step: str, *, pointer: str, parent: str) -> Any:
    if isinstance(node, dict) and step in node:
        return node[step]
    if isinstance(node, list) and _is_index(step) and int(step) < len(node):
        return node[int(step)]
    where = parent or "the document"
    raise LookupError(f"{pointer!r} does not resolve: {where} {_lack(node, step)}.")


def _is_index(step: str) -> bool:
    return step == "0" or (step.isascii() and step.isdigit() and len(step) < 10 and step[0] != "0")


def _lack(node: Any, step: str) -> str:
    if isinstance(node, dict):
        names = ", ".join(str(key) for key in list(node)[:8]) or "nothing"
        return f"has no {step!r}; it has {names}{', …' if len(node) > 8 else ''}"
    if isinstance(node, list):
        return f"is a list of {len(node)} and has no item {step!r}"
    return f"is {type(node).__name__}, so it cannot have {step!r}"


def follow(document: Any, pointer: str, steps: Iterable[str | int]) -> str:
    """The canonical pointer reached from `pointer` by `steps`, the schema path of a validation error.

    Wherever a node on the way is a local reference, the walk jumps to its target; a step called
    `$ref` is that jump and nothing else. Raises LookupError when a step or a target is missing.
    """
    here = pointer
    for step in steps:
        node = resolve(document, here)
        if step == "$ref" and not _has_key_called_ref(node):
            here = _target(document, here) or here
            continue
        if isinstance(node, dict) and str(step) not in node:
            here = landing(document, here)
        here += join(step)
    return landing(document, here)


def _has_key_called_ref(node: Any) -> bool:
    return isinstance(node, dict) and "$ref" in node and not isinstance(node["$ref"], str)


def landing(document: Any, pointer: str) -> str:
    """Where the chain of local references that starts at `pointer` ends. Raises LookupError on a cycle."""
    seen: set[str] = set()
    here, after = pointer, _target(document, pointer)
    while after is not None:
        if after in seen:
            raise LookupError(f"{pointer!r} does not resolve: the references at {after!r} form a circle.")
        seen.add(after)
        here, after = after, _target(document, after)
    return here


def _target(document: Any, pointer: str) -> str | None:
    """Where the reference at `pointer` leads; None when there is no reference."""
    node = resolve(document, pointer)
    if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
        return None
    try:
        return from_ref(node["$ref"])
    except ValueError as error:
        raise LookupError(f"{pointer!r} does not resolve: {error}") from error


def line_of(text: str, pointer: str) -> int | None:
    """The line, from 1, on which the node at `pointer` begins: its key's line when it has a key.

    None when the text is no YAML or has no such node.
    """
    node, line = _composed(text), 1
    for step in split(pointer):
        node, line = _step_in_yaml(node, step)
    return None if node is None else line


@lru_cache(maxsize=1)
def _composed(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError):
        return None
    return node


def _step_in_yaml(node: yaml.Node | None, step: str) -> tuple[yaml.Node | None, int]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and _is_index(step) and int(step) < len(node.value):
        item = node.value[int(step)]
        return item, item.start_mark.line + 1
    return None, 0
