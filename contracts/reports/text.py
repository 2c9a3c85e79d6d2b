"""A run for a terminal: the checks, then each finding with its rule and its place, then how it went."""

from __future__ import annotations

from collections.abc import Iterator

from wixture.contracts.findings import CheckResult, Finding
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.places import place_of
from wixture.contracts.reports.said import counted, harmless, source_of, summary

_MARKS = {"passed": "✓", "failed": "✗", "skipped": "–"}


def render(run: RedactedRun) -> str:
    """The run as lines of text, without colours; the last line says how it went."""
    return "".join(f"{line}\n" for part in _lines(run) for line in harmless(part).split("\n"))


def _lines(run: RedactedRun) -> Iterator[str]:
    yield f"wixture {run.tool} {run.version} against {run.target}, {run.started}"
    if run.random_seed is not None:
        yield f"random seed: {run.random_seed}"
    if run.checks:
        yield ""
        yield from (_check(result) for result in run.checks)
    for finding in run.by_severity():
        yield ""
        yield from _finding(finding)
    yield from _coverage(run)
    if run.notes:
        yield ""
        yield from (f"note: {note}" for note in run.notes)
    yield ""
    yield summary(run)


def _check(result: CheckResult) -> str:
    more = f": {result.reason}" if result.reason else f" ({counted(result.count, 'time')})"
    return f"  {_MARKS[result.outcome]} {result.title}{more}"


def _finding(finding: Finding) -> Iterator[str]:
    where = f" in {finding.operation_id}" if finding.operation_id else ""
    yield f"{finding.severity} [{finding.check}] {finding.title}{where}"
    yield from (f"  {line}" for line in finding.message.split("\n"))
    if finding.pointer:
        yield f"  at       {finding.pointer}"
    place = place_of(finding)
    yield f"  contract {place.cited}{f' {place.pointer}' if place.pointer else ''}"
    yield f"  source   {source_of(finding)}"
    if finding.row:
        yield f"  ledger   the form of the vendor's pages; see: wixture ledger {finding.row}"
    if finding.exchange is not None:
        sent = finding.exchange
        answer = "no answer" if sent.status is None else str(sent.status)
        yield f"  sent     {sent.method} {sent.url} → {answer} in {sent.duration_ms:,.0f} ms"


def _coverage(run: RedactedRun) -> Iterator[str]:
    operations = {covered.operation_id for covered in run.coverage}
    met = {covered.operation_id for covered in run.coverage if covered.count}
    if operations:
        answers = sum(covered.count > 0 for covered in run.coverage)
        yield ""
        called = f"{len(met)} of {counted(len(operations), 'operation')}"
        yield f"met: {called}, {answers} of {counted(len(run.coverage), 'answer')}"
    documented = [row for row, forms in run.forms.items() if forms.documented]
    if documented:
        yield f"documented forms met: {', '.join(documented)}"
