"""Runs to be printed: one with everything in it, and what a hostile target would have said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wixture.contracts.document import SPEC_FOLDER, Contract
from wixture.contracts.findings import CheckResult, Covered, Exchanged, Finding, Forms, Run

POINTER = "/components/schemas/CommunicationEligibility/properties/granted"
KEYWORDS = ("type", "required", "enum", "format", "pattern", "maxLength", "minItems", "unevaluatedProperties")
STATUSES = (200, 400, 401, 403, 404, 409, 429)


def exchange(**fields: Any) -> Exchanged:
    """An answer with the eligibility misspelt, or as the fields say."""
    usual: dict[str, Any] = {
        "method": "GET",
        "url": "https://target.example.com/marketing-consent/v1/marketing-consent/get-by?identifier.type=EMAIL",
        "status": 200,
        "request_headers": {"Accept": "application/json", "User-Agent": "wixture"},
        "response_headers": {"Content-Type": "application/json", "X-Request-Id": "1700000000.1"},
        "response_body": {"marketingConsent": {"id": "1"}, "communicationEligibility": {"grated": True}},
        "duration_ms": 41.5,
    }
    return Exchanged(**{**usual, **fields})


def finding(**fields: Any) -> Finding:
    """A misspelt field in an answer, or as the fields say."""
    usual: dict[str, Any] = {
        "check": "response-schema",
        "severity": "error",
        "title": "An answer has a field that the contract does not know",
        "message": "communicationEligibility.grated is no field here. Closest: granted.\nRead granted instead.",
        "evidence": "documented",
        "operation_id": "getMarketingConsentByIdentifier",
        "pointer": "/communicationEligibility/grated",
        "spec_pointer": POINTER,
        "rule": "unknown-field",
        "row": "eligibility-grated",
        "exchange": exchange(),
    }
    return Finding(**{**usual, **fields})


def coverage() -> tuple[Covered, ...]:
    """Some of every operation met, some not."""
    names = list(Contract.load(SPEC_FOLDER / "openapi.yaml").operations)
    return tuple(
        Covered(name, status, met, {keyword: met * (len(keyword) % 3) for keyword in KEYWORDS[: 4 + place % 5]})
        for place, name in enumerate(names)
        for status in STATUSES
        if (met := (7 * place + status) % 5 * (1 if status != 200 else 400)) >= 0
    )


CHECKS = (
    CheckResult("response-schema", "Every answer keeps the schema of its status", "error", "failed", 512),
    CheckResult("status-known", "Every status is one that the contract has", "error", "passed", 512),
    CheckResult(
        "events-arrive", "Every change is told", "error", "skipped", 0, "the target sends no webhooks here"
    ),
    CheckResult("answers-soon", "Answers come within a second", "warning", "failed", 512),
)
FINDINGS = (
    finding(severity="note", check="answers-soon", title="One answer is slow", rule=None, row=None, exchange=None),
    finding(),
    finding(
        check="answers-soon",
        severity="warning",
        title="An answer did not come",
        message="Nothing was answered within 30 s; an answer was expected within one. See the target's log.",
        evidence="inferred",
        operation_id="queryMarketingConsent",
        pointer=None,
        spec_pointer=None,
        rule=None,
        row=None,
        exchange=exchange(method="POST", status=None, response_headers={}, response_body=None),
    ),
)


def run(**fields: Any) -> Run:
    """A run with everything in it, or as the fields say."""
    usual: dict[str, Any] = {
        "tool": "conform",
        "version": "0.1.0",
        "target": "https://target.example.com",
        "started": "2024-01-31T08:00:00Z",
        "seconds": 83.25,
        "checks": CHECKS,
        "findings": FINDINGS,
        "coverage": coverage(),
        "forms": {"eligibility-grated": Forms(3, 1), "entity-dates-snake-case": Forms(40, 0)},
        "notes": ("Only operations without side effects were called; --allow-writes adds others.",),
        "random_seed": 7,
    }
    return Run(**{**usual, **fields})


def empty() -> Run:
    """A run that found nothing, asked nothing and met nothing."""
    return run(checks=(), findings=(), coverage=(), forms={}, notes=(), random_seed=None, tool="judge")


def everywhere(text: str) -> Run:
    """A run whose target said this in every place where it can say something."""
    sent = exchange(
        url=f"https://target.example.com/cb?x={text}",
        request_headers={"X-Sent": text, "Authorization": f"Bearer {text}"},
        request_body={"in": [text, {text: text}]},
        response_headers={"Location": f"https://target.example.com/?code={text}", "X-Echo": f"a {text} b"},
        response_body=f"<p>{text}</p>",
    )
    many: Mapping[str, Any] = {"title": f"Said {text}", "message": f"It said «{text}».", "pointer": f"/{text}/0"}
    checks = (
        CheckResult("response-schema", f"Promise {text}", "error", "failed", 1),
        CheckResult("skipped", "A promise", "error", "skipped", 0, f"It said {text}"),
    )
    found = (
        finding(**many, exchange=sent),
        finding(**many, exchange=exchange(request_body=_raw(text), response_body=_raw(f"[{text}]"))),
    )
    return run(target=f"https://{text}@target.example.com/?{text}", checks=checks, findings=found, notes=(text,))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "replace")
