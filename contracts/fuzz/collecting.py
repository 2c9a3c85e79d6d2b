"""Gathers what a fuzzing run found out: each failure once, by its smallest request, with how to see it again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from wixture.contracts.document import Operation
from wixture.contracts.findings import SEVERITIES, CheckResult, Covered, Finding, Severity
from wixture.contracts.fuzz.own_checks import OwnChecks, evidence_of
from wixture.contracts.fuzz.plan import Broke, Event, Failed, Seen
from wixture.contracts.fuzz.reproducers import curl, expected_of, pytest_test, texts_of

OWN = "wixture_checks"
"""The name by which the engine knows all of our own checks."""

BROKEN = "run-complete"

_TITLES = {
    "not-a-server-error": "No answer is a server error",
    "status-code-conformance": "Every status is a declared one",
    "content-type-conformance": "Every answer has a declared content type",
    "response-headers-conformance": "Every declared header is there, and keeps its schema",
    "response-schema-conformance": "Every body keeps the schema of its status",
    "negative-data-rejection": "What breaks the schema is refused",
    "positive-data-acceptance": "What keeps the schema is taken",
    "use-after-free": "What was deleted is gone",
    "ensure-resource-availability": "What was made is there",
    "missing-required-header": "A request without a required header is refused",
    "ignored-auth": "Nobody gets in without a token, or with a wrong one",
    "object-level-authorization": "Nobody reads what another one made",
    "unsupported-method": "A method that a path does not have is 405",
    "allow-header-conformance": "405 says in Allow what would be right",
    BROKEN: "Every operation could be fuzzed",
}


def name_of(check: str) -> str:
    """A check's name as we write names."""
    return check.replace("_", "-")


def _never(_: str) -> bool:
    return False


@dataclass(slots=True)
class Collector:
    """What was seen so far. `own` are our own checks.

    `has_secret` says whether a text has one in it, `has_people` whether it names somebody who may be real.
    """

    operations: Mapping[str, Operation]
    own: OwnChecks | None = None
    has_secret: Callable[[str], bool] = _never
    has_people: Callable[[str], bool] = _never
    cases: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    met: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[Broke] = field(default_factory=list)
    _failed: dict[tuple[str, str, str], Failed] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Broke) and event not in self.broken:
            self.broken.append(event)
        if not isinstance(event, Seen):
            return
        self.cases[event.phase] += event.cases
        self.checked.update(event.checked)
        self.met.update(event.met)
        for failed in event.failed:
            key = (failed.finding.check if failed.finding else failed.check, failed.operation_id, _kind(failed))
            if key not in self._failed or _size(failed) < _size(self._failed[key]):
                self._failed[key] = failed

    @property
    def failures(self) -> int:
        """How many failures were found, each counted once."""
        return len(self._failed) + len(self.broken)

    def findings(self) -> tuple[Finding, ...]:
        """A finding for each failure, and for each operation that could not be fuzzed."""
        warned = self.own.warned.values() if self.own else ()
        return (*map(self._finding, self._failed.values()), *map(_broken, self.broken), *warned)

    def checks(self) -> tuple[CheckResult, ...]:
        """How each check went. One that never had anything to say was not asked."""
        failed: dict[str, Severity] = {}
        for finding in self.findings():
            failed[finding.check] = min(failed.get(finding.check, "note"), finding.severity, key=SEVERITIES.index)
        counts = {name_of(check): count for check, count in self.checked.items() if check != OWN}
        titles = {**_TITLES, **(self.own.titles if self.own else {})}
        counts.update({name: self.own.asked[name] for name in self.own.titles} if self.own else {})
        counts[BROKEN] = len(self.operations)
        return tuple(
            _result(name, titles.get(name, name), count, failed) for name, count in sorted(counts.items())
        )

    def coverage(self) -> tuple[Covered, ...]:
        """Each operation's statuses, and how often they were met; zero for what is declared and was not."""
        declared = {(name, status): 0 for name, found in self.operations.items() for status in found.responses}
        counted = {**declared, **self.met}
        return tuple(Covered(name, status, count) for (name, status), count in sorted(counted.items()))

    def _finding(self, failed: Failed) -> Finding:
        operation = self.operations.get(failed.operation_id)
        check = failed.finding.check if failed.finding else name_of(failed.check)
        message = "\n\n".join([failed.message.strip(), *self._again(check, failed, operation)])
        if failed.finding is not None:
            return replace(failed.finding, message=message)
        return Finding(
            check=check,
            severity="error",
            title=failed.title,
            message=message,
            evidence=evidence_of(operation),
            operation_id=failed.operation_id,
            spec_pointer=None if operation is None else operation.pointer,
            exchange=failed.steps[-1] if failed.steps else None,
        )

    def _again(self, check: str, failed: Failed, operation: Operation | None) -> Iterator[str]:
        """How to see a failure again, unless that would tell a secret."""
        texts = list(texts_of(failed.steps))
        if not texts or any(map(self.has_secret, texts)):
            return
        parted = not any(map(self.has_people, texts))
        lines = (curl(step, parted=parted) for step in failed.steps)
        yield "Again, in a shell:\n" + "\n".join(lines)
        declared = list(operation.responses) if operation else []
        expected = expected_of(check, failed.steps[-1], declared, is_own=failed.finding is not None)
        name = f"{failed.operation_id} {check}"
        yield "Again, as a test:\n" + pytest_test(name, failed.steps, expected, parted=parted)


def _kind(failed: Failed) -> str:
    """What tells two failures of one check apart: their words, without the values in them, and the status."""
    status = failed.steps[-1].status if failed.steps else None
    return f"{status} {re.sub(r'[0-9]+|`[^`]*`', '*', failed.title)}"


def _size(failed: Failed) -> tuple[int, int]:
    return len(failed.steps), sum(len(step.url) + len(repr(step.request_body)) for step in failed.steps)


def _result(name: str, title: str, count: int, failed: Mapping[str, Severity]) -> CheckResult:
    if name in failed:
        return CheckResult(name, title, failed[name], "failed", count)
    if count:
        return CheckResult(name, title, "error", "passed", count)
    return CheckResult(name, title, "error", "skipped", 0, "no answer of this run was of that kind")


def _broken(broke: Broke) -> Finding:
    return Finding(
        check=BROKEN,
        severity="error",
        title=f"{broke.label} could not be fuzzed",
        message=broke.message,
        evidence="measured",
        operation_id=broke.label,
    )
