"""A run as JUnit XML: a test case for each check, as CI servers read it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from wixture.contracts.findings import CheckResult, Finding
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.places import place_of
from wixture.contracts.reports.said import harmless, source_of, summary


def render(run: RedactedRun) -> str:
    """The run as an XML document. A failure is a failed check of severity `error`; others are told beside it."""
    root = Element("testsuites", {"name": f"wixture {run.tool}", **_counts(run)})
    suite = SubElement(root, "testsuite", {"name": f"wixture {run.tool}", **_counts(run)})
    suite.set("timestamp", run.started)
    _properties(suite, run)
    for result in run.checks:
        _case(suite, run, result)
    SubElement(suite, "system-out").text = "\n".join([*run.notes, summary(run)])
    for element in root.iter():
        element.text = None if element.text is None else harmless(element.text)
        for name, value in element.attrib.items():
            element.set(name, harmless(value))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _counts(run: RedactedRun) -> dict[str, str]:
    return {
        "tests": str(len(run.checks)),
        "failures": str(sum(result.is_failure for result in run.checks)),
        "errors": "0",
        "skipped": str(sum(result.outcome == "skipped" for result in run.checks)),
        "time": f"{run.seconds:.3f}",
    }


def _properties(suite: Element, run: RedactedRun) -> None:
    values = {"version": run.version, "target": run.target}
    if run.random_seed is not None:
        values["random-seed"] = str(run.random_seed)
    for row, forms in run.forms.items():
        values[f"form.{row}"] = f"corrected {forms.corrected}, documented {forms.documented}"
    listed = SubElement(suite, "properties")
    for name, value in values.items():
        SubElement(listed, "property", {"name": name, "value": value})


def _case(suite: Element, run: RedactedRun, result: CheckResult) -> None:
    names = {"classname": f"wixture.{run.tool}", "name": f"{result.check}: {result.title}", "time": "0"}
    case = SubElement(suite, "testcase", names)
    if result.outcome == "skipped":
        SubElement(case, "skipped", {"message": result.reason or "skipped"})
        return
    told = "\n\n".join(_told(finding) for finding in run.found_by(result.check))
    if result.is_failure:
        SubElement(case, "failure", {"type": result.severity, "message": _headline(run, result)}).text = told
    elif told:
        SubElement(case, "system-out").text = told


def _headline(run: RedactedRun, result: CheckResult) -> str:
    found = run.found_by(result.check)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].title}{more}" if found else result.reason or result.title


def _told(finding: Finding) -> str:
    lines = [f"{finding.severity}: {finding.title}", finding.message]
    if finding.operation_id:
        lines.append(f"operation: {finding.operation_id}")
    if finding.pointer:
        lines.append(f"at: {finding.pointer}")
    lines += [f"contract: {place_of(finding).cited}", f"source: {source_of(finding)}"]
    if finding.exchange is not None:
        sent = finding.exchange
        lines.append(f"sent: {sent.method} {sent.url} → {sent.status or 'no answer'}")
    return "\n".join([*lines, f"fingerprint: {finding.fingerprint}"])
