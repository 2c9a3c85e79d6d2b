"""Rules on `$ref`: every one is local and leads somewhere, and every component is referred to."""

import re
from collections.abc import Iterator
from typing import Any

from wixture.contracts import pointers
from wixture.contracts.lint.outline import Node, Outline, Problem, mapping, short

_COUNTED = ("schemas", "responses", "parameters")


def refs_resolve(outline: Outline) -> Iterator[Problem]:
    for node in outline.nodes.values():
        if "$ref" in node.value:
            reason = _why_unresolved(outline, node)
            yield from [Problem(node.pointer + "/$ref", reason)] if reason else []
        if node.kind == "schema" and "$id" in node.value:
            yield Problem(
                node.pointer + "/$id", "`$id` changes what `#/…` means below it; expected none. Remove it."
            )


def _why_unresolved(outline: Outline, node: Node) -> str | None:
    ref = node.value["$ref"]
    if not isinstance(ref, str):
        return f"`$ref` is {short(ref)}; expected a text such as '#/components/schemas/Name'."
    if not ref.startswith("#"):
        kind = "address" if re.match(r"https?:", ref) else "file"
        return f"{short(ref)!r} is in another {kind}, which is never read. Copy its target into this document."
    try:
        target = pointers.from_ref(ref)
        pointers.landing(outline.root, node.pointer)
        found = pointers.resolve(outline.root, target)
    except (LookupError, ValueError) as error:
        return f"{error.args[0]} Correct the reference or add its target."
    return _why_unfit(outline, node, target=target, found=found)


def _why_unfit(outline: Outline, node: Node, *, target: str, found: object) -> str | None:
    if not isinstance(found, dict) and not (node.kind == "schema" and isinstance(found, bool)):
        return f"{target!r} is {short(found)}; expected a {node.kind}. Refer to one."
    known = outline.nodes.get(target)
    if known and known.kind != node.kind:
        return f"{target!r} is a {known.kind}; expected a {node.kind}. Refer to one."
    return None


def unused_components(outline: Outline) -> Iterator[Problem]:
    references = list(_references(outline))
    for section in _COUNTED:
        for name in mapping(mapping(outline.root.get("components")).get(section)):
            pointer = pointers.join("components", section, name)
            if not any(_uses(source, target, pointer) for source, target in references):
                said = f"Nothing refers to {name}; expected a `$ref` to it. Refer to it or remove it."
                yield Problem(pointer, said, "warning")


def _uses(source: str, target: str, component: str) -> bool:
    """Does the reference lead from outside `component` to it or into it?"""
    return f"{target}/".startswith(f"{component}/") and not f"{source}/".startswith(f"{component}/")


def _references(outline: Outline) -> Iterator[tuple[str, str]]:
    for node in outline.nodes.values():
        mapped = mapping(mapping(node.value.get("discriminator")).get("mapping")).values()
        for ref in (node.value.get("$ref"), *mapped, *_in_extensions(node.value)):
            if isinstance(ref, str):
                yield node.pointer, _target(ref)


def _in_extensions(value: dict[str, Any]) -> Iterator[Any]:
    """The references inside a node's own `x-` fields, however deep."""
    stack = [inner for key, inner in value.items() if str(key).startswith("x-")]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield node.get("$ref")
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _target(ref: str) -> str:
    try:
        return pointers.from_ref(ref)
    except ValueError:
        return pointers.join("components", "schemas", ref)
