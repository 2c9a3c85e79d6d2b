"""Each kind of report keeps its schema and says what the run found, also when a target said hostile things."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from reports import runs

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.findings import CheckResult, Run
from wixture.contracts.redacted import RedactedRun, redacted
from wixture.contracts.reports.write import KINDS, BadReport, parse, render, write
from wixture.contracts.secrets import Redactor

HOSTILE = "\x1b[2J\x00\x07\ud800\ufffe\u202e</script><b onload=x>&amp;]]>{{ 7*7 }}[go](https://evil.example)\r\n\x85\u2028é"
RUNS = {"full": runs.run(), "empty": runs.empty(), "hostile": runs.everywhere(HOSTILE)}

every_run = pytest.mark.parametrize("run", RUNS.values(), ids=list(RUNS))
every_kind = pytest.mark.parametrize("kind", KINDS)


def shown(run: Run) -> RedactedRun:
    return redacted(run, Redactor([]))


@every_run
def test_json_keeps_the_schema_in_spec(run: Run, report_schema: Any) -> None:
    assert list(report_schema.iter_errors(json.loads(render("json", shown(run))))) == []


@every_run
def test_each_line_of_ndjson_keeps_the_schema_and_the_last_is_the_run(run: Run, line_schemas: Any) -> None:
    lines = [json.loads(line) for line in render("ndjson", shown(run)).removesuffix("\n").split("\n")]
    assert [line["type"] for line in lines].index("run") == len(lines) - 1
    for line in lines[:-1]:
        assert list(line_schemas[line.pop("type")].iter_errors(line)) == []
    whole = json.loads(render("json", shown(run)))
    lines[-1].pop("type")
    assert all(whole[name] == value for name, value in lines[-1].items())


@every_run
def test_sarif_keeps_the_schema_of_its_authors(run: Run, sarif_schema: Any) -> None:
    log = json.loads(render("sarif", shown(run)))
    assert [(error.message, error.json_path) for error in sarif_schema.iter_errors(log)] == []


@every_run
def test_junit_keeps_what_ci_servers_read(run: Run, junit_schema: Any) -> None:
    assert [error.reason for error in junit_schema.iter_errors(render("junit", shown(run)))] == []


def test_a_finding_in_sarif_points_at_the_line_of_the_contract() -> None:
    results = json.loads(render("sarif", shown(runs.run())))["runs"][0]["results"]
    lines = (SPEC_FOLDER / "openapi.yaml").read_text().splitlines()
    regions = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in results]
    assert lines[regions[1] - 1].strip().startswith("granted:")
    assert lines[regions[2] - 1].strip() == "post:"  # names no place: its operation stands for it
    assert {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results} == {
        "spec/openapi.yaml"
    }


def test_a_message_in_sarif_links_nowhere() -> None:
    results = json.loads(render("sarif", shown(RUNS["hostile"])))["runs"][0]["results"]
    texts = [result["message"]["text"] for result in results]
    assert all("[go] (https://evil.example)" in text and "](" not in text for text in texts)


@pytest.mark.parametrize("kind", ["json", "ndjson", "sarif"])
def test_numbers_that_json_lacks_are_texts(kind: str) -> None:
    body = {"value": [float("nan"), float("-inf"), 1.5]}
    printed = render(kind, shown(runs.run(findings=(runs.finding(exchange=runs.exchange(response_body=body)),))))
    assert not re.search(r"[:\[,]\s*(NaN|-?Infinity)", printed)
    assert "nan" in printed


def test_a_place_that_the_contract_lacks_is_the_document() -> None:
    lost = runs.finding(spec_pointer="*** no pointer", operation_id="gone")
    log = json.loads(render("sarif", shown(runs.run(findings=(lost,)))))
    assert log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 1}


def test_a_rule_of_sarif_says_what_is_promised_and_what_speaks_for_it() -> None:
    driver = json.loads(render("sarif", shown(runs.run())))["runs"][0]["tool"]["driver"]
    rule = next(rule for rule in driver["rules"] if rule["id"] == "response-schema")
    assert rule["help"]["text"].startswith("Every answer keeps the schema of its status\n")
    assert "[unknown-field]" in rule["help"]["text"]
    assert rule["defaultConfiguration"] == {"level": "error"}


def test_junit_fails_by_errors_alone() -> None:
    suite = Xml.fromstring(render("junit", shown(runs.run())))[0]  # noqa: S314  # our own
    cases = {
        case.get("name", "").partition(":")[0]: [child.tag for child in case] for case in suite.iter("testcase")
    }
    assert cases == {
        "response-schema": ["failure"],
        "status-known": [],
        "events-arrive": ["skipped"],
        "answers-soon": ["system-out"],
    }
    counts = [suite.get(name) for name in ("tests", "failures", "skipped", "errors")]
    assert counts == ["4", "1", "1", "0"]


def test_text_says_what_happened_where_and_by_which_rule() -> None:
    said = render("text", shown(runs.run()))
    assert "error [response-schema] An answer has a field that the contract does not know in getMark" in said
    assert re.search(r"contract spec/openapi\.yaml:\d+ /components/schemas/CommunicationEligibility", said)
    assert "– Every change is told: the target sends no webhooks here" in said
    assert "POST" in said
    assert "→ no answer" in said
    last = "1 error, 1 warning, 1 note; checks: 1 passed, 2 failed, 1 skipped; 83.2 s"
    assert said.splitlines()[-1] == last


@every_kind
def test_nothing_that_a_target_says_steers_a_terminal_or_a_parser(kind: str) -> None:
    printed = render(kind, shown(RUNS["hostile"]))
    printed.encode("utf-8")
    if kind in ("text", "html", "junit"):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", printed)
    if kind == "html":
        assert "<b onload" not in printed
        assert "49" not in re.findall(r"It said «(.*?)»", printed, re.DOTALL)[0]


@every_kind
def test_the_same_run_is_printed_the_same(kind: str) -> None:
    assert render(kind, shown(runs.run())) == render(kind, shown(runs.run()))


@every_kind
def test_what_was_not_redacted_is_not_printed(kind: str) -> None:
    with pytest.raises(TypeError, match="Give redacted"):
        render(kind, runs.run())  # type: ignore[arg-type]


def test_reports_are_written_where_they_were_asked_for(tmp_path: Path) -> None:
    asked = [f"{kind}={tmp_path / kind}" for kind in KINDS]
    run = shown(RUNS["hostile"])
    assert write(run, *asked) == [tmp_path / kind for kind in KINDS]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(KINDS)
    assert all((tmp_path / kind).read_bytes().decode() == render(kind, run) for kind in KINDS)


@pytest.mark.parametrize("asked", ["html", "html=", "xml=report.xml", "=report.html"])
def test_what_is_no_report_is_refused_before_anything_is_written(asked: str, tmp_path: Path) -> None:
    with pytest.raises(BadReport, match="expected"):
        write(shown(runs.run()), f"json={tmp_path / 'a'}", asked)
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_hold_an_equals_sign() -> None:
    assert parse("html=a=b.html") == ("html", Path("a=b.html"))


def test_an_old_report_stays_when_a_new_one_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadReport, match="folder"):
        write(shown(runs.run()), f"json={tmp_path / 'taken'}")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_run_fails_by_errors_and_not_by_warnings() -> None:
    passed = CheckResult("a", "A", "error", "passed", 1)
    warned = CheckResult("b", "B", "warning", "failed", 1)
    warning = runs.finding(severity="warning")
    assert not runs.run(checks=(passed, warned), findings=(warning,)).is_failure
    assert runs.run(checks=(passed,), findings=(runs.finding(),)).is_failure
    assert runs.run(checks=(CheckResult("c", "C", "error", "failed", 1),), findings=()).is_failure


def test_a_fingerprint_is_of_what_and_where_and_not_of_values() -> None:
    first = runs.finding(pointer="/results/0/item", message="one")
    again = runs.finding(pointer="/results/17/item", message="another", exchange=None)
    assert first.fingerprint == again.fingerprint
    for other in ({"check": "x"}, {"operation_id": "x"}, {"pointer": "/x"}, {"rule": "x"}, {"spec_pointer": "/x"}):
        assert runs.finding(**other).fingerprint != runs.finding().fingerprint
