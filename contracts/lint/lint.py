"""Lint an OpenAPI 3.1 document against our own rules: `wixture spec check FILE`. Reads no network.

`lint` runs every general rule, and those optional ones that the document asks for by name in
`info.x-lint`. A rule is a function from an outline to problems; `RULES` lists them all.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wixture.contracts import pointers
from wixture.contracts.lint import document, examples, links, operations, references, schemas
from wixture.contracts.lint.outline import (
    EndlessDocumentError,
    Outline,
    Problem,
    Severity,
    listing,
    mapping,
    outlined,
    short,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What `rule` found: `pointer` is a place that exists in the document, `message` says what to do."""

    rule: str
    pointer: str
    message: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule checks, in one sentence; an optional one runs where `info.x-lint` lists its name."""

    check: Callable[[Outline], Iterator[Problem]]
    description: str
    optional: bool = False


def known_rules(outline: Outline) -> Iterator[Problem]:
    for index, name in enumerate(listing(mapping(outline.root.get("info")).get("x-lint"))):
        if str(name) not in RULES:
            optional = ", ".join(each for each, rule in RULES.items() if rule.optional)
            said = f"`x-lint` asks for {short(name)}, which is no rule; expected some of {optional}."
            yield Problem(f"/info/x-lint/{index}", f"{said} Correct the name.")


RULES: dict[str, Rule] = {
    "json-values": Rule(document.json_values, "Keys are strings and values are JSON."),
    "known-rules": Rule(known_rules, "`info.x-lint` lists names of rules."),
    "openapi-version": Rule(document.openapi_version, "The document is OpenAPI 3.1."),
    "valid-document": Rule(document.valid_document, "openapi-spec-validator accepts the document."),
    "refs-resolve": Rule(references.refs_resolve, "Every `$ref` is local and leads to what it should."),
    "unused-components": Rule(references.unused_components, "Something refers to every component."),
    "operation-id": Rule(operations.operation_ids, "Operations have unique camelCase ids."),
    "operation-security": Rule(
        operations.operation_security, "Operations name existing security; webhooks have none."
    ),
    "error-responses": Rule(operations.error_responses, "Operations have 4xx responses, secured ones 401."),
    "side-effects": Rule(
        operations.side_effects, "Operations state side effects and their cleanup.", optional=True
    ),
    "evidence": Rule(operations.evidence, "Operations and webhooks state how they are known.", optional=True),
    "descriptions": Rule(operations.descriptions, "Operations and properties are described."),
    "tags-known": Rule(operations.tags_known, "Tags that are used are declared."),
    "examples-valid": Rule(examples.examples_valid, "Examples keep their schemas and are not external."),
    "example-present": Rule(examples.example_present, "JSON requests and 200 responses have an example."),
    "links-resolve": Rule(links.links_resolve, "Links lead to operations, from declared values."),
    "patterns-linear": Rule(schemas.patterns_linear, "Patterns are linear and mean the same in every engine."),
    "format-has-pattern": Rule(schemas.format_has_pattern, "A string with a format has a pattern too."),
    "closed-objects": Rule(
        schemas.closed_objects, "Objects in request bodies refuse undeclared properties.", optional=True
    ),
}


def lint(document: dict[str, Any]) -> list[Finding]:
    """What our rules find in `document`, in its order. Never raises, however malformed it is."""
    try:
        outline = outlined(document)
    except EndlessDocumentError as error:
        return [Finding("json-values", "", str(error), "error")]
    asked = listing(mapping(outline.root.get("info")).get("x-lint"))
    chosen = {name: rule for name, rule in RULES.items() if not rule.optional or name in asked}
    found = [finding for name, rule in chosen.items() for finding in _findings(name, rule, outline)]
    order = _order(outline.root)
    return sorted(dict.fromkeys(found), key=lambda finding: order.get(finding.pointer, 0))


def _findings(name: str, rule: Rule, outline: Outline) -> Iterable[Finding]:
    try:
        problems = list(rule.check(outline))
    except RecursionError:
        problems = [Problem("", "The rule gave up on schemas that nest too deeply. Simplify them.")]
    return [Finding(name, each.pointer, each.message, each.severity) for each in problems]


def _order(root: dict[str, Any]) -> dict[str, int]:
    """Which pointer comes when in the document."""
    order: dict[str, int] = {}
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        pointer, node = waiting.pop()
        order[pointer] = len(order)
        children = node.items() if isinstance(node, dict) else enumerate(listing(node))
        waiting.extend(reversed([(pointer + pointers.join(key), child) for key, child in children]))
    return order
