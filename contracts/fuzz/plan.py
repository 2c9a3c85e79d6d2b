"""What a fuzzing run is to do, and the settings of the engine that say so. Pure: nothing is sent here."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from wixture.contracts.findings import Exchanged, Finding
    from wixture.contracts.targets.identities import Identity

Phase = Literal["examples", "coverage", "fuzzing", "stateful"]
PHASES: tuple[Phase, ...] = ("examples", "coverage", "fuzzing", "stateful")
ENUMERATED: frozenset[Phase] = frozenset({"examples", "coverage"})
"""Phases whose cases are written out one by one: a failure does not end them, and needs no shrinking."""

MAX_EXAMPLES = 50
_SAFE_METHODS = ("GET", "OPTIONS", "TRACE")
"""The methods that a path is tried with on another machine, although it does not have them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: the contract, what of it, and how much. `callers` says who may call each operation, by its ID.

    `operations` are those to call; None stands for all of a contract whose operations may have no ID.
    """

    document: Mapping[str, Any]
    url: str
    random_seed: int
    operations: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    callers: Mapping[str, tuple[Identity, ...]] = field(default_factory=dict)
    phases: tuple[Phase, ...] = PHASES
    max_examples: int = MAX_EXAMPLES
    max_time: int | None = None
    is_own: bool = True
    is_loopback: bool = True

    def of(
        self,
        document: Mapping[str, Any],
        *,
        callers: Mapping[str, tuple[Identity, ...]] | None = None,
        methods: tuple[str, ...] | None = None,
    ) -> Plan:
        """The same plan for a document: for the operations with these callers, or for these methods."""
        operations = tuple(callers) if callers is not None else self.operations
        return replace(self, document=document, operations=operations, methods=methods, callers=callers or {})

    def passes(self) -> list[Pass]:
        """The parts of the run, each with its share of the time: what is enumerated first, then what is drawn."""
        listed = tuple(phase for phase in self.phases if phase in ENUMERATED)
        drawn = tuple(phase for phase in self.phases if phase not in ENUMERATED)
        found = [Pass(listed, goes_on=True), Pass(drawn, goes_on=False)]
        return [one for one in found if one.phases]

    def settings(self, part: Pass, seconds: int | None) -> dict[str, Any]:
        """The engine's settings for a part of the run. Nothing is kept on disk, and chance has one source."""
        settings: dict[str, Any] = {
            "base-url": self.url,
            "seed": self.random_seed,
            "workers": 1,
            "continue-on-failure": part.goes_on,
            "max-redirects": 0,
            "cache": {"enabled": False},
            "output": {"truncation": {"enabled": False}},  # a secret that is cut in two is not found any more
            "generation": {"database": "none", "max-examples": self.max_examples},
            "phases": {phase: {"enabled": phase in part.phases} for phase in PHASES},
        }
        if not self.is_loopback:
            settings["phases"]["coverage"]["unexpected-methods"] = list(_SAFE_METHODS)
        if seconds is not None:
            settings["max-time"] = max(1, seconds)
        return settings


@dataclass(frozen=True, slots=True)
class Pass:
    """A part of a run: its phases, and whether an operation goes on after its first failure."""

    phases: tuple[Phase, ...]
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """What a check of the engine, or of ours, found: in words, with the exchanges that lead to it."""

    check: str
    operation_id: str
    title: str
    message: str
    phase: str
    steps: tuple[Exchanged, ...]
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the engine did with one operation, or one sequence of them."""

    phase: str
    label: str
    cases: int = 0
    checked: Mapping[str, int] = field(default_factory=dict)
    met: Mapping[tuple[str, int], int] = field(default_factory=dict)
    failed: tuple[Failed, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """A phase begins."""

    phase: str


@dataclass(frozen=True, slots=True)
class Broke:
    """The engine could not do something: with which operation, and why."""

    label: str
    message: str


Event = Seen | Began | Broke


def for_the_engine(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of our contract without formats that a pattern stands beside.

    There the pattern is the contract, and the engine's own idea of the format another one: it would make addresses
    that the pattern refuses, and call addresses wrong that the pattern allows.
    """
    copied: dict[str, Any] = copy.deepcopy(dict(document))
    stack: list[Any] = [copied]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if "pattern" in node and isinstance(node.get("format"), str):
                del node["format"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return copied


def share(seconds: int | None, parts: Iterable[Pass]) -> int | None:
    """How long the first of the parts may take: half of the time when others follow."""
    left = len(list(parts))
    return None if seconds is None else max(1, seconds // min(left, 2))
