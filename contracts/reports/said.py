"""Words that several kinds of report have in common. No text of a target reaches a terminal or a parser raw."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.findings import Finding, Run
from wixture.contracts.ledger import rows
from wixture.contracts.rulebook import rules

SHOWN = 4000

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def harmless(text: str) -> str:
    """The text with each character that steers a terminal, or that XML forbids, written as its number."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as JSON that every encoding can write: half a character is written as its number."""
    text = json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _finite(value: Any) -> Any:
    """The value with the numbers that JSON does not have as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def counted(count: int, noun: str) -> str:
    """How many: `1 error`, `1,200 errors`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def summary(run: Run) -> str:
    """How the run went, in one line."""
    found = ", ".join(counted(count, name) for name, count in run.counted().items() if count) or "no findings"
    how = {name: sum(result.outcome == name for result in run.checks) for name in ("passed", "failed", "skipped")}
    checks = ", ".join(f"{count:,} {name}" for name, count in how.items() if count) or "none"
    return f"{found}; checks: {checks}; {run.seconds:,.1f} s"


def source_of(finding: Finding) -> str:
    """What speaks for the promise: the rule in its words, the ledger's row, or only how well it is known."""
    rule = rules().get(finding.rule or "")
    row = rows().get(finding.row or "")
    if rule is not None:
        return f"{rule.cited} [{rule.id}]"
    if row is not None:
        return f"{row.title} ({finding.evidence}: ledger row {row.id})"
    return f"Evidence: {finding.evidence}."


def body_text(body: Any) -> str:
    """A body for reading: JSON on its lines, at most SHOWN characters."""
    if body is None:
        return ""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "backslashreplace")
    text = body if isinstance(body, str) else json_text(body, indent=2)
    rest = len(text) - SHOWN
    return harmless(text if rest <= 0 else f"{text[:SHOWN]}\n… and {counted(rest, 'character')} more")


def message_text(line: str, headers: Mapping[str, str], body: Any) -> str:
    """A request or an answer for reading: its first line, its headers, its body."""
    return "\n".join(_message(line, headers, body))


def _message(line: str, headers: Mapping[str, str], body: Any) -> Iterator[str]:
    yield harmless(line)
    yield from (harmless(f"{name}: {value}") for name, value in headers.items())
    text = body_text(body)
    if text:
        yield from ("", text)
