"""A run as SARIF 2.1.0, for code scanning: each finding points at its line of spec/openapi.yaml."""

from __future__ import annotations

from typing import Any

from wixture.contracts.findings import CheckResult, Finding
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.places import SPEC, place_of
from wixture.contracts.reports.said import json_text, source_of, summary
from wixture.contracts.rulebook import rules


def render(run: RedactedRun) -> str:
    """The run as one SARIF log with one run in it."""
    checks = list(dict.fromkeys([*(result.check for result in run.checks), *(f.check for f in run.findings)]))
    known = {result.check: result for result in run.checks}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(run, [_rule(run, check, known.get(check)) for check in checks])},
                "automationDetails": {"id": f"wixture/{run.tool}/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(run)],
                "artifacts": [{"location": {"uri": SPEC}, "mimeType": "application/yaml"}],
                "results": [_result(finding, checks.index(finding.check)) for finding in run.findings],
                "properties": {
                    "target": run.target,
                    "randomSeed": run.random_seed,
                    "summary": summary(run),
                    "forms": run.to_dict()["forms"],
                },
            }
        ],
    }
    return json_text(log, indent=2) + "\n"


def _driver(run: RedactedRun, reporting: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": f"wixture {run.tool}", "version": run.version, "rules": reporting}


def _rule(run: RedactedRun, check: str, result: CheckResult | None) -> dict[str, Any]:
    """A check as SARIF's rule: what it promises, and the promises' sources as far as findings name them."""
    found = run.found_by(check)
    title = result.title if result else found[0].title
    severity = result.severity if result else found[0].severity
    sources = list(dict.fromkeys(source_of(finding) for finding in found))
    text = "\n".join([title, *sources])
    return {
        "id": check,
        "name": "".join(word.capitalize() for word in check.replace("_", "-").split("-")),
        "shortDescription": {"text": title},
        "help": {"text": text, "markdown": "\n".join([title, "", *(f"- {source}" for source in sources)])},
        "defaultConfiguration": {"level": severity},
        "properties": {
            "outcome": result.outcome if result else "failed",
            "count": result.count if result else len(found),
            "tags": ["contract", *sorted({finding.evidence for finding in found})],
        },
    }


def _invocation(run: RedactedRun) -> dict[str, Any]:
    notes = [{"message": {"text": note}, "level": "note"} for note in run.notes]
    skipped = [
        {"message": {"text": f"{result.check} was skipped: {result.reason}"}, "level": "note"}
        for result in run.checks
        if result.outcome == "skipped"
    ]
    return {
        "executionSuccessful": True,
        "startTimeUtc": run.started,
        "exitCode": int(run.is_failure),
        "toolExecutionNotifications": notes + skipped,
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    place = place_of(finding)
    names = {"evidence": finding.evidence, "operationId": finding.operation_id, "pointer": finding.pointer}
    names |= {"specPointer": finding.spec_pointer, "rule": finding.rule, "row": finding.row}
    made: dict[str, Any] = {
        "ruleId": finding.check,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": _said(f"{finding.title}. {finding.message} {source_of(finding)}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": SPEC, "index": 0},
                    "region": {"startLine": place.line},
                },
                "logicalLocations": [{"fullyQualifiedName": place.pointer or "/", "kind": "member"}],
            }
        ],
        "partialFingerprints": {"wixture/v1": finding.fingerprint},
        "properties": {name: value for name, value in names.items() if value is not None},
    }
    if finding.rule is not None and finding.rule in rules():
        made["properties"]["otherwise"] = rules()[finding.rule].otherwise
    return made | _web(finding)


def _said(text: str) -> str:
    """A message in which a viewer finds no link: what a target says is no place to go to."""
    return text.replace("](", "] (")


def _web(finding: Finding) -> dict[str, Any]:
    """The request and its answer, in SARIF's words for them."""
    sent = finding.exchange
    if sent is None:
        return {}
    request = {"method": sent.method, "target": sent.url, "headers": dict(sent.request_headers)}
    if sent.status is None:
        return {"webRequest": request, "webResponse": {"noResponseReceived": True}}
    return {
        "webRequest": request | _body(sent.request_body),
        "webResponse": {"statusCode": sent.status, "headers": dict(sent.response_headers)}
        | _body(sent.response_body),
    }


def _body(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, bytes):
        body = body.decode("utf-8", "backslashreplace")
    text = body if isinstance(body, str) else json_text(body)
    return {"body": {"text": text}}
