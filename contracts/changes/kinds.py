"""Every kind of change, and how grave it is.

A message grows narrower or wider. Who sends it breaks when it grows narrower, who reads it when it grows wider:
so each kind about a message comes twice, as `request-…` and as `response-…`. What a webhook brings is read, what
answers it is sent.
"""

from __future__ import annotations

import re
from typing import Literal

Severity = Literal["breaking", "warning", "other"]
Side = Literal["request", "response"]
SEVERITIES: tuple[Severity, ...] = ("breaking", "warning", "other")

LOWER_BOUNDS = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties", "minContains")
UPPER_BOUNDS = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties", "maxContains")
TEXT_CONSTRAINTS = ("pattern", "format", "contentMediaType", "contentEncoding")
CLOSED_CONSTRAINTS = (
    "not uniqueItems multipleOf dependentRequired dependentSchemas patternProperties prefixItems contains".split()
)
INNER_SCHEMAS = ("items", "propertyNames", "unevaluatedItems", "contentSchema")
OTHER_FIELDS = ("additionalProperties", "unevaluatedProperties")
CHOICES = ("anyOf", "oneOf")

_NARROWER: tuple[Severity, Severity] = ("breaking", "other")
_WIDER: tuple[Severity, Severity] = ("other", "warning")
_UNREADABLE: tuple[Severity, Severity] = ("other", "breaking")  # wider in a way that no reader is ready for
_REPLACED: tuple[Severity, Severity] = ("breaking", "breaking")
_UNJUDGED: tuple[Severity, Severity] = ("warning", "warning")
_HARMLESS: tuple[Severity, Severity] = ("other", "other")


def kebab(keyword: str) -> str:
    """A keyword as it stands in the name of a kind: `maxLength` is `max-length`."""
    return re.sub(r"([A-Z])", r"-\1", keyword).lower()


def _constraints() -> dict[str, tuple[Severity, Severity]]:
    table: dict[str, tuple[Severity, Severity]] = {}
    for keyword in (*TEXT_CONSTRAINTS, *CLOSED_CONSTRAINTS, *INNER_SCHEMAS, *OTHER_FIELDS, *CHOICES, "if", "enum"):
        table[f"{kebab(keyword)}-added"] = _NARROWER
        table[f"{kebab(keyword)}-removed"] = _WIDER
    for keyword in (*TEXT_CONSTRAINTS, *CLOSED_CONSTRAINTS, *CHOICES, "if"):
        table[f"{kebab(keyword)}-changed"] = _UNJUDGED
    for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS):
        lower = keyword in LOWER_BOUNDS
        table[f"{kebab(keyword)}-added"] = _NARROWER
        table[f"{kebab(keyword)}-removed"] = _WIDER
        table[f"{kebab(keyword)}-raised"] = _NARROWER if lower else _WIDER
        table[f"{kebab(keyword)}-lowered"] = _WIDER if lower else _NARROWER
        table[f"{kebab(keyword)}-changed"] = _UNJUDGED
    return table


_OF_MESSAGES: dict[str, tuple[Severity, Severity]] = {
    **_constraints(),
    "type-narrowed": _NARROWER,
    "type-widened": _UNREADABLE,
    "type-changed": _REPLACED,
    "null-refused": _NARROWER,
    "null-accepted": _UNREADABLE,
    "enum-member-removed": _NARROWER,
    "enum-member-added": _WIDER,
    "enum-replaced": _REPLACED,
    "field-added": _HARMLESS,
    "field-removed": _REPLACED,
    "optional-field-removed": ("breaking", "warning"),
    "field-undeclared": _UNJUDGED,
    "field-now-required": _NARROWER,
    "field-now-optional": _UNREADABLE,
    "other-fields-refused": _NARROWER,
    "other-fields-accepted": _HARMLESS,
    "alternative-removed": _NARROWER,
    "alternative-added": _UNREADABLE,
    "alternative-overlap": _UNJUDGED,
    "schema-added": _NARROWER,
    "schema-removed": _WIDER,
    "body-added": _HARMLESS,
    "required-body-added": _NARROWER,
    "body-removed": _REPLACED,
    "body-now-required": _NARROWER,
    "body-now-optional": _UNREADABLE,
    "body-limit-lowered": _NARROWER,
    "body-limit-raised": _WIDER,
    "media-type-removed": _REPLACED,
    "media-type-added": _WIDER,
    "parameter-removed": _REPLACED,
    "parameter-added": _HARMLESS,
    "required-parameter-added": _NARROWER,
    "parameter-now-required": _NARROWER,
    "parameter-now-optional": _UNREADABLE,
    "header-removed": ("other", "warning"),
    "required-header-removed": ("other", "breaking"),
    "header-added": _HARMLESS,
    "header-now-required": _NARROWER,
    "header-now-optional": _UNREADABLE,
    "success-removed": _REPLACED,
    "success-added": _WIDER,
    "status-removed": _NARROWER,
    "status-added": _HARMLESS,
}

_OF_OPERATIONS: dict[str, Severity] = {
    "operation-removed": "breaking",
    "operation-moved": "breaking",
    "operation-added": "other",
    "operation-id-changed": "warning",
    "path-parameter-renamed": "other",
    "alias-removed": "breaking",
    "alias-added": "other",
    "webhook-removed": "breaking",
    "webhook-moved": "breaking",
    "webhook-added": "other",
    "event-type-changed": "breaking",
    "security-added": "breaking",
    "security-removed": "other",
    "security-alternative-removed": "breaking",
    "security-alternative-added": "other",
    "security-scheme-changed": "breaking",
    "server-removed": "breaking",
    "server-added": "other",
    "link-removed": "warning",
    "link-added": "other",
    "link-changed": "warning",
    "side-effects-changed": "warning",
}

_OF_THE_REST: dict[str, Severity] = {
    "default-changed": "warning",
    "changed-not-judged": "warning",
    "deprecation-changed": "other",
    "wording-changed": "other",
    "example-changed": "other",
    "extension-changed": "other",
    "order-changed": "other",
    "rewritten": "other",
    "component-removed": "other",
    "component-added": "other",
}

KINDS: dict[str, Severity] = {
    **{f"request-{kind}": sent for kind, (sent, _) in _OF_MESSAGES.items()},
    **{f"response-{kind}": read for kind, (_, read) in _OF_MESSAGES.items()},
    **_OF_OPERATIONS,
    **_OF_THE_REST,
}
"""The severity of every kind of change. A kind never has two."""
