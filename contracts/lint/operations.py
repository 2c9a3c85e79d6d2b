"""Rules on operations: named, secured, described, and honest about errors, side effects and evidence."""

import re
from collections.abc import Iterator
from typing import Any

from wixture.contracts import pointers
from wixture.contracts.lint.outline import (
    Operation,
    Outline,
    Problem,
    listing,
    mapping,
    operations,
    short,
    text,
)
from wixture.contracts.lint.schemas import applying, schema_at

_EVIDENCE = ("measured", "documented", "inferred")
_REFINEMENT = re.compile(r"(?<!/properties)/(?:if|then|else|not)(?:/|$)")
"""Where properties are named only to say more about those that are described elsewhere."""
_SIDE_EFFECTS = ("none", "reversible", "irreversible")


def operation_ids(outline: Outline) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for operation in operations(outline):
        pointer, name = operation.node.pointer, operation.node.value.get("operationId")
        if name is None:
            yield Problem(
                pointer, "The operation has no `operationId`; expected a unique camelCase name. Add one."
            )
            continue
        if not re.fullmatch(r"[a-z][A-Za-z0-9]*", text(name)):
            said = f"`operationId: {short(name)}` is not camelCase; expected one such as getConsent. Rename it."
            yield Problem(f"{pointer}/operationId", said)
        first = seen.setdefault(str(name), pointer)
        if first != pointer:
            said = f"`operationId: {short(name)}` is taken by {first}; expected a unique name. Rename one."
            yield Problem(f"{pointer}/operationId", said)


def operation_security(outline: Outline) -> Iterator[Problem]:
    yield from _unknown_schemes(outline, "/security", outline.root.get("security"))
    for operation in operations(outline):
        pointer, own = operation.node.pointer, operation.node.value.get("security")
        if operation.role == "webhook" and own != []:
            yield Problem(
                pointer,
                "The webhook does not say `security: []`; expected it, because a global `security` would "
                "apply to it as well. Add the empty list.",
            )
        if operation.role == "path" and own is None and "security" not in outline.root:
            yield Problem(
                pointer,
                "The operation declares no `security` and there is no global one; expected a list of "
                "schemes. Add it, or `security: []` for an operation that everybody may call.",
            )
        yield from _unknown_schemes(outline, f"{pointer}/security", own)


def _unknown_schemes(outline: Outline, pointer: str, security: Any) -> Iterator[Problem]:
    components = outline.nodes.get("/components")
    schemes = dict(outline.entries(components, "securitySchemes")) if components else {}
    for index, requirement in enumerate(listing(security)):
        for name, scopes in mapping(requirement).items():
            if name not in schemes:
                said = f"The security scheme {name} does not exist; expected one of {_names(schemes)}."
                yield Problem(f"{pointer}/{index}", f"{said} Add it under components/securitySchemes.")
                continue
            unknown = set(map(str, listing(scopes))) - _scopes(schemes[name].value, given=scopes)
            for scope in sorted(unknown):
                said = f"The scheme {name} lists no scope {scope}; expected one it lists. Add it to its flows."
                yield Problem(f"{pointer}/{index}", said)


def _scopes(scheme: dict[str, Any], *, given: Any) -> set[str]:
    """The scopes that `scheme` lists; those `given` when it is of a type that lists none."""
    if scheme.get("type") != "oauth2":
        return set(map(str, listing(given)))
    flows = mapping(scheme.get("flows")).values()
    return {scope for flow in flows for scope in mapping(mapping(flow).get("scopes"))}


def _names(found: Any) -> str:
    return short(", ".join(found) or "none, as there are none")


def error_responses(outline: Outline) -> Iterator[Problem]:
    for operation in operations(outline):
        if operation.role != "path":
            continue
        responses = mapping(operation.node.value.get("responses"))
        pointer = operation.node.pointer + ("/responses" if "responses" in operation.node.value else "")
        if not any(re.fullmatch(r"4([0-9]{2}|XX)", status) for status in responses):
            yield Problem(
                pointer, "There is no 4xx response; expected at least one. Add what a wrong request gets."
            )
        if _is_secured(outline, operation) and not {"401", "4XX"} & responses.keys():
            yield Problem(pointer, "There is `security` but no 401 response; expected one. Add it.")


def _is_secured(outline: Outline, operation: Operation) -> bool:
    security = operation.node.value.get("security", outline.root.get("security"))
    return any(mapping(requirement) for requirement in listing(security))


def side_effects(outline: Outline) -> Iterator[Problem]:
    known = {operation.id for operation in operations(outline)} - {""}
    for operation in operations(outline):
        if operation.role != "path":
            continue
        pointer, effect = operation.node.pointer, operation.node.value.get("x-side-effects")
        if effect not in _SIDE_EFFECTS:
            said = f"`x-side-effects` is {short(effect)}; expected one of {', '.join(_SIDE_EFFECTS)}. State it."
            yield Problem(pointer, said)
        cleanup = text(operation.node.value.get("x-cleanup"))
        if effect in _SIDE_EFFECTS[1:] and cleanup not in known and not re.match(r"none: *\S", cleanup):
            said = f"`x-cleanup` is {short(cleanup) or 'missing'} on an operation that changes something"
            yield Problem(pointer, f"{said}; expected an operationId or 'none: ' and the reason. State it.")


def evidence(outline: Outline) -> Iterator[Problem]:
    for operation in operations(outline):
        pointer, stated = operation.node.pointer, mapping(operation.node.value.get("x-evidence"))
        if operation.role == "callback":
            continue
        if stated.get("label") not in _EVIDENCE:
            said = f"`x-evidence.label` is {short(stated.get('label'))}; expected one of {', '.join(_EVIDENCE)}."
            yield Problem(pointer, f"{said} State how the operation is known.")
        if not text(stated.get("source")).strip():
            yield Problem(
                pointer, "`x-evidence.source` is missing; expected a text. State where it is known from."
            )


def descriptions(outline: Outline) -> Iterator[Problem]:
    for operation in operations(outline):
        for key in ("summary", "description"):
            if not text(operation.node.value.get(key)).strip():
                yield Problem(
                    operation.node.pointer, f"The operation has no {key}; expected a sentence. Write it."
                )
    for schema in outline.of("schema"):
        if schema.pointer.startswith("/components/schemas/") and not _REFINEMENT.search(schema.pointer):
            yield from _undescribed(outline, schema.pointer, mapping(schema.value.get("properties")))


def _undescribed(outline: Outline, pointer: str, properties: dict[str, Any]) -> Iterator[Problem]:
    for name in properties:
        place = pointer + pointers.join("properties", name)
        parts = (schema_at(outline, part) for part in applying(outline, [place]))
        if isinstance(properties[name], dict) and not any(text(part.get("description")).strip() for part in parts):
            said = f"The property {name} has no description; expected a sentence. Write what it means."
            yield Problem(place, said, "warning")


def tags_known(outline: Outline) -> Iterator[Problem]:
    declared = {text(mapping(tag).get("name")) for tag in listing(outline.root.get("tags"))} - {""}
    for operation in operations(outline):
        for index, tag in enumerate(listing(operation.node.value.get("tags"))):
            if text(tag) not in declared:
                said = f"The tag {short(tag)} is not declared; expected one of {_names(sorted(declared))}."
                yield Problem(f"{operation.node.pointer}/tags/{index}", f"{said} Add it to the top `tags`.")
