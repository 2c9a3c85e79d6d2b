"""What happened in a scenario: its steps by name, and what a check may ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wixture.contracts.document import Operation
from wixture.contracts.findings import Exchanged
from wixture.contracts.pointers import resolve
from wixture.contracts.violations import shown

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "nothing"})()
"""What stands at a pointer that leads nowhere."""


class StepLost(Exception):
    """A check asks for a step that could not be made. The text says which, and why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as promised: in words, with the exchange that shows it and where it stands there."""

    message: str
    exchange: Exchanged
    operation_id: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a scenario and its answer: the last, of a read made again. `pages` holds all of a walk.

    `answer` and `pages` are bodies, with the documentation's names put right where they stood there: the check of
    the schema tells of that, and it need not hide what else there is.
    """

    name: str
    operation: Operation
    identity: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    exchange: Exchanged
    answer: Any
    pages: tuple[Any, ...] = ()

    @property
    def status(self) -> int | None:
        """The status of the answer; None when there was none."""
        return self.exchange.status

    def at(self, pointer: str) -> Any:
        """What stands at a pointer of the answer; MISSING when nothing does."""
        return at(self.answer, pointer)

    @property
    def consent(self) -> Mapping[str, Any]:
        """The consent of the answer; empty when there is none."""
        found = self.at("/marketingConsent")
        return found if isinstance(found, dict) else {}

    @property
    def items(self) -> list[Any]:
        """The consents of a query, of all pages of a walk."""
        lists = (at(page, "/marketingConsent") for page in self.pages or (self.answer,))
        return [item for found in lists if isinstance(found, list) for item in found]

    def problem(self, message: str, pointer: str | None = None) -> Problem:
        """A problem that this step's exchange shows."""
        return Problem(message, self.exchange, self.operation.operation_id, pointer)


@dataclass(slots=True)
class Flow:
    """A scenario as it went. `lost` says of each step that was not made why not."""

    name: str
    steps: dict[str, Step] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    events: list[Mapping[str, Any]] | None = None
    clock_runs: bool = True

    def __getitem__(self, name: str) -> Step:
        if name not in self.steps:
            raise StepLost(f"the step `{name}` was not made: {self.lost.get(name, 'it comes later')}")
        return self.steps[name]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps.values())

    def answered(self, name: str, status: int, code: str | None = None) -> Iterator[Problem]:
        """A problem unless a step was answered by this status, and by this code of an application error."""
        step = self[name]
        if step.status != status:
            yield step.problem(f"Expected status {status}, got {_told(step.status)}.")
        elif code is not None:
            yield from self.holds(name, "/details/applicationError/code", code)

    def refused(self, *names: str) -> Iterator[Problem]:
        """A problem for each step that was not answered by 400."""
        for name in names:
            yield from self.answered(name, 400)

    def holds(self, name: str, pointer: str, expected: Any) -> Iterator[Problem]:
        """A problem unless a value stands at a pointer of a step's answer; MISSING expects that nothing does."""
        step = self[name]
        found = step.at(pointer)
        absent = expected is MISSING and found is None
        if not absent and (type(found) is not type(expected) or found != expected):
            said = "nothing" if expected is MISSING else shown(expected)
            yield step.problem(f"Expected {said} at {pointer}, got {_shown(found)}.", pointer)

    def ok(self, *names: str) -> Iterator[Problem]:
        """A problem for each step that was not answered by 200."""
        for name in names:
            yield from self.answered(name, 200)


def at(body: Any, pointer: str) -> Any:
    """What stands at a pointer of a body; MISSING when nothing does."""
    try:
        return resolve(body, pointer)
    except (LookupError, ValueError, TypeError):
        return MISSING


def _told(status: int | None) -> str:
    return "no answer" if status is None else str(status)


def _shown(value: Any) -> str:
    return "nothing" if value is MISSING else shown(value)
