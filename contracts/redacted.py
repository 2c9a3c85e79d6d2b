"""A run that may be shown: the only kind that reports print."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from wixture.contracts.findings import CheckResult, Exchanged, Finding, Run
from wixture.contracts.secrets import Redactor


@dataclass(frozen=True, slots=True)
class RedactedRun(Run):
    """A run without secrets and people. `redacted` makes it, and nothing else should."""


def redacted(run: Run, redactor: Redactor) -> RedactedRun:
    """The run without what the redactor knows, in every text of it: names, messages, URLs, headers and bodies.

    Words of the model (severity, outcome, evidence) and numbers that were counted stay.
    """
    values = {field.name: getattr(run, field.name) for field in fields(Run)}
    said = redactor.text
    return RedactedRun(
        **{
            **values,
            "target": said(run.target),
            "checks": tuple(_check(result, redactor) for result in run.checks),
            "findings": tuple(redacted_finding(finding, redactor) for finding in run.findings),
            "coverage": tuple(
                replace(
                    covered,
                    operation_id=said(covered.operation_id),
                    keywords={said(keyword): count for keyword, count in covered.keywords.items()},
                )
                for covered in run.coverage
            ),
            "forms": {said(row): forms for row, forms in run.forms.items()},
            "notes": tuple(said(note) for note in run.notes),
            "tool": said(run.tool),
            "version": said(run.version),
            "started": said(run.started),
        }
    )


def _check(result: CheckResult, redactor: Redactor) -> CheckResult:
    return replace(
        result,
        check=redactor.text(result.check),
        title=redactor.text(result.title),
        reason=_maybe(result.reason, redactor),
    )


def redacted_finding(finding: Finding, redactor: Redactor) -> Finding:
    """The finding and its exchange without what the redactor knows."""
    return replace(
        finding,
        check=redactor.text(finding.check),
        title=redactor.text(finding.title),
        message=redactor.text(finding.message),
        operation_id=_maybe(finding.operation_id, redactor),
        pointer=_maybe(finding.pointer, redactor),
        spec_pointer=_maybe(finding.spec_pointer, redactor),
        rule=_maybe(finding.rule, redactor),
        row=_maybe(finding.row, redactor),
        exchange=None if finding.exchange is None else _exchange(finding.exchange, redactor),
    )


def _exchange(exchange: Exchanged, redactor: Redactor) -> Exchanged:
    return replace(
        exchange,
        method=redactor.text(exchange.method),
        url=redactor.text(exchange.url),
        request_headers=redactor.headers(exchange.request_headers),
        request_body=redactor.value(exchange.request_body),
        response_headers=redactor.headers(exchange.response_headers),
        response_body=redactor.value(exchange.response_body),
    )


def _maybe(text: str | None, redactor: Redactor) -> str | None:
    return None if text is None else redactor.text(text)
