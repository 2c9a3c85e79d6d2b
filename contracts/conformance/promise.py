"""The register of checks over a flow: one function for each promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from wixture.contracts.conformance.flow import Flow, Problem
from wixture.contracts.findings import Evidence, Severity
from wixture.contracts.rulebook import rules

Keep = Callable[[Flow], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its ID, what it says, the rule of spec/rules.yaml behind it, and the function that asks."""

    id: str
    title: str
    severity: Severity
    rule: str
    problems: Keep

    @property
    def evidence(self) -> Evidence:
        """What speaks for it: its rule's."""
        return cast("Evidence", rules()[self.rule].evidence)


PROMISES: dict[str, Promise] = {}
"""All promises by ID, in the order in which they are told; filled by importing the modules of checks."""


def promise(name: str, title: str, *, rule: str, severity: Severity = "error") -> Callable[[Keep], Keep]:
    """Enter a function as the check of a promise."""

    def enter(keep: Keep) -> Keep:
        if name in PROMISES:
            raise ValueError(f"Two checks are called {name!r}.")
        PROMISES[name] = Promise(name, title, severity, rule, keep)
        return keep

    return enter
