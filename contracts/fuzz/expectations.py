"""What a run expects beyond the fuzzer's defaults: spec/fuzz.yaml, each row with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.fuzz.outgoing import Outgoing, texts
from wixture.contracts.rulebook import rules
from wixture.contracts.yaml_text import read_yaml

LONGEST_TARGET = 8190
"""Bytes of a request target; the line around it makes 8 KB."""

DEEPEST = 64


class BadExpectation(ValueError):
    """A row of spec/fuzz.yaml is none. The text says which, and what is wrong."""


def _holds_null_character(outgoing: Outgoing) -> bool:
    return any("\x00" in text for text in texts(_loosely(outgoing.body)))


def _is_deep(outgoing: Outgoing) -> bool:
    level, deepest = [_loosely(outgoing.body)], 0
    while level := [node for node in level if isinstance(node, dict | list)]:
        deepest += 1
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
    return deepest > DEEPEST


def _is_long(outgoing: Outgoing) -> bool:
    return len(outgoing.target) > LONGEST_TARGET


def _names_two_identifiers(outgoing: Outgoing) -> bool:
    """Whether a query names other than just the one identifier that its type says."""
    sent = dict(outgoing.query)
    meant = {"EMAIL": "email", "PHONE": "phone"}.get(sent.get("type", ""), "")
    return {name for name in ("email", "phone") if name in sent} != {meant}


def _has_cursor(outgoing: Outgoing) -> bool:
    node = outgoing.json
    for name in ("query", "cursorPaging", "cursor"):
        node = node.get(name) if isinstance(node, dict) else None
    return isinstance(node, str)


def _has_mask(outgoing: Outgoing) -> bool:
    return isinstance(outgoing.json, dict) and bool(outgoing.json.get("mask"))


def _has_filter(outgoing: Outgoing) -> bool:
    query = outgoing.json.get("query") if isinstance(outgoing.json, dict) else None
    return isinstance(query, dict) and bool(query.get("filter"))


def _always(_: Outgoing) -> bool:
    return True


def _loosely(body: bytes | None) -> Any:
    """The body as most readers of JSON take it, also what ours refuses."""
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None


CONDITIONS: Mapping[str, Callable[[Outgoing], bool]] = {
    "always": _always,
    "null-character-in-body": _holds_null_character,
    "body-over-64-levels": _is_deep,
    "target-over-8190-bytes": _is_long,
    "cursor-in-query": _has_cursor,
    "mask-in-body": _has_mask,
    "filter-in-query": _has_filter,
    "not-the-one-identifier-of-the-type": _names_two_identifiers,
}
"""What a row may say of the request: it holds for those alone."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A status that a check would call a failure, and why it is none: for which operations and requests.

    Where an answer names the rules that it goes by, as the mock's do, they must be among `rules`.
    """

    id: str
    check: str
    operations: frozenset[str]
    statuses: frozenset[int]
    when: str
    reason: str
    rules: frozenset[str] = frozenset()

    def covers(self, check: str, operation_id: str, status: int, outgoing: Outgoing, answer: Any) -> bool:
        """Whether this is what was expected."""
        named = check == self.check and operation_id in self.operations and status in self.statuses
        return named and set(_rules_in(answer)) <= self.rules and CONDITIONS[self.when](outgoing)


def _rules_in(answer: Any) -> Iterator[str]:
    """The rules that a refusal names in its `data`."""
    stack = [answer]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            data = node.get("data")
            if isinstance(data, dict) and isinstance(data.get("rule"), str):
                yield data["rule"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


@cache
def expectations() -> tuple[Expectation, ...]:
    """The rows of spec/fuzz.yaml. Raises BadExpectation for one that is incomplete or names what there is not."""
    document = read_yaml((SPEC_FOLDER / "fuzz.yaml").read_text(encoding="utf-8"))
    return tuple(expectation(row) for row in document["expected"])


def expectation(row: Mapping[str, Any]) -> Expectation:
    """One row, checked. Raises BadExpectation."""
    missing = {"id", "check", "operations", "statuses", "when", "reason"} ^ (row.keys() - {"rules"})
    if missing:
        raise BadExpectation(f"{row.get('id', row)}: {sorted(missing)} is missing, or unknown.")
    if row["when"] not in CONDITIONS:
        raise BadExpectation(f"{row['id']}: when: {row['when']!r} is none of {', '.join(CONDITIONS)}.")
    unknown = sorted(set(row.get("rules", ())) - rules().keys())
    if unknown:
        raise BadExpectation(f"{row['id']}: there is no rule {unknown[0]!r} in spec/rules.yaml.")
    if len(str(row["reason"]).split()) < 6:
        raise BadExpectation(f"{row['id']}: say in a sentence why this status is right.")
    return Expectation(
        id=row["id"],
        check=row["check"],
        operations=frozenset(row["operations"]),
        statuses=frozenset(row["statuses"]),
        when=row["when"],
        reason=" ".join(row["reason"].split()),
        rules=frozenset(row.get("rules", ())),
    )
