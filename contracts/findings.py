"""What a run found out: the one model behind every report. Values only; nothing here is redacted yet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
Evidence = Literal["measured", "documented", "inferred"]
Outcome = Literal["passed", "failed", "skipped"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
FORMAT = 1
"""The version of the JSON form; spec/report.schema.yaml is its schema."""

_INDEX = re.compile(r"/(?:0|[1-9][0-9]*)(?=/|$)")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A request that was sent and what came back; `status` is None when nothing did.

    A body is a JSON value, a text, bytes that are neither, or None when there was none.
    """

    method: str
    url: str
    status: int | None
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: Any = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: Any = None
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as promised.

    `pointer` leads into the message, `spec_pointer` into spec/openapi.yaml; `rule` is an ID of spec/rules.yaml,
    `row` one of spec/ledger.yaml.
    """

    check: str
    severity: Severity
    title: str
    message: str
    evidence: Evidence
    operation_id: str | None = None
    pointer: str | None = None
    spec_pointer: str | None = None
    rule: str | None = None
    row: str | None = None
    exchange: Exchanged | None = None

    @property
    def fingerprint(self) -> str:
        """What makes it the same finding in the next run: 32 hex digits of what and where, not of values."""
        place = None if self.pointer is None else _INDEX.sub("/*", self.pointer)
        parts = (self.check, self.operation_id, place, self.spec_pointer, self.rule, self.row)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check went: `count` is how often it was asked, `reason` why it was skipped."""

    check: str
    title: str
    severity: Severity
    outcome: Outcome
    count: int = 0
    reason: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it fails the run: a failed check that is only a warning or a note does not."""
        return self.outcome == "failed" and self.severity == "error"


@dataclass(frozen=True, slots=True)
class Covered:
    """Answers of one operation with one status, and how often each schema keyword had something to say in them.

    Zero stands for what the contract declares and nothing met.
    """

    operation_id: str
    status: int
    count: int
    keywords: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forms:
    """In which form a row of the ledger was met, and how often."""

    corrected: int = 0
    documented: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that one run of `tool` found out about `target`. `started` is an RFC 3339 instant."""

    tool: str
    version: str
    target: str
    started: str
    seconds: float
    checks: tuple[CheckResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Covered, ...] = ()
    forms: Mapping[str, Forms] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    random_seed: int | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the exit code is 1: an error was found, or a check of that severity failed."""
        found = any(finding.severity == "error" for finding in self.findings)
        return found or any(result.is_failure for result in self.checks)

    def by_severity(self) -> list[Finding]:
        """The findings, errors first."""
        return sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))

    def found_by(self, check: str) -> list[Finding]:
        """The findings of one check, in their order."""
        return [finding for finding in self.findings if finding.check == check]

    def counted(self) -> dict[Severity, int]:
        """How many findings there are of each severity."""
        return {name: sum(finding.severity == name for finding in self.findings) for name in SEVERITIES}

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON, in the form of spec/report.schema.yaml."""
        return {
            "format": FORMAT,
            "tool": self.tool,
            "version": self.version,
            "target": self.target,
            "started": self.started,
            "seconds": self.seconds,
            "randomSeed": self.random_seed,
            "failed": self.is_failure,
            "counts": dict(self.counted()),
            "checks": [check_dict(result) for result in self.checks],
            "findings": [finding_dict(finding) for finding in self.findings],
            "coverage": [covered_dict(covered) for covered in self.coverage],
            "forms": {
                row: {"corrected": forms.corrected, "documented": forms.documented}
                for row, forms in self.forms.items()
            },
            "notes": list(self.notes),
        }


def check_dict(result: CheckResult) -> dict[str, Any]:
    """How a check went, as JSON."""
    return {
        "check": result.check,
        "title": result.title,
        "severity": result.severity,
        "outcome": result.outcome,
        "count": result.count,
        "reason": result.reason,
    }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding as JSON."""
    return {
        "check": finding.check,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "evidence": finding.evidence,
        "operationId": finding.operation_id,
        "pointer": finding.pointer,
        "specPointer": finding.spec_pointer,
        "rule": finding.rule,
        "row": finding.row,
        "fingerprint": finding.fingerprint,
        "exchange": None if finding.exchange is None else exchange_dict(finding.exchange),
    }


def exchange_dict(exchange: Exchanged) -> dict[str, Any]:
    """A request and its answer as JSON; bytes that are no text lose what UTF-8 cannot say."""
    return {
        "method": exchange.method,
        "url": exchange.url,
        "status": exchange.status,
        "request": {"headers": dict(exchange.request_headers), "body": _body(exchange.request_body)},
        "response": {"headers": dict(exchange.response_headers), "body": _body(exchange.response_body)},
        "durationMs": exchange.duration_ms,
    }


def covered_dict(covered: Covered) -> dict[str, Any]:
    """What was met of an operation's status, as JSON."""
    return {
        "operationId": covered.operation_id,
        "status": covered.status,
        "count": covered.count,
        "keywords": dict(covered.keywords),
    }


def _body(body: Any) -> Any:
    return body.decode("utf-8", "backslashreplace") if isinstance(body, bytes) else body
