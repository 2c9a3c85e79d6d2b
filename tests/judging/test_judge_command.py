"""`wixture judge`: what it says of a file, how it ends, and what it never prints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from canaries import CANARIES, ENCODINGS, leaked
from click.testing import CliRunner, Result
from conftest import Api
from judging.deviations import CONSENTS, ID, RIGHT, TOKEN, consent, exchange

from wixture.cli import main
from wixture.contracts.findings import Exchanged, exchange_dict
from wixture.contracts.judging.verdict import MOST_FINDINGS, MOST_SECRETS
from wixture.contracts.reports.write import KINDS

Judge = Callable[..., Result]
WRONG = replace(RIGHT["get"], response_body={"marketingConsent": consent(states="x")})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "traffic.ndjson"


def write_lines(file: Path, exchanges: Iterable[Exchanged]) -> Path:
    """Writes exchanges in our own form."""
    file.write_text("".join(json.dumps(exchange_dict(one)) + "\n" for one in exchanges))
    return file


@pytest.fixture
def judge(file: Path) -> Judge:
    """Judges exchanges; the command's own exceptions would fail the test."""

    def run(exchanges: Iterable[Exchanged] | Path, *options: str) -> Result:
        path = exchanges if isinstance(exchanges, Path) else write_lines(file, exchanges)
        return CliRunner().invoke(main, ["judge", str(path), *options], catch_exceptions=False)

    return run


def result_of(ran: Result) -> dict[str, Any]:
    assert ran.exit_code in (0, 1), ran.output
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


# ---- how it ends ---------------------------------------------------------------------------------


def test_right_traffic_ends_with_0(judge: Judge) -> None:
    ran = judge([one for call, one in RIGHT.items() if call != "invalid"])
    assert ran.exit_code == 0, ran.stdout
    assert "no findings" in ran.stdout


def test_an_answer_that_breaks_the_contract_ends_with_1(judge: Judge) -> None:
    ran = judge([RIGHT["get"], WRONG, WRONG])
    assert ran.exit_code == 1
    assert "marketingConsent.states is no field here. Closest: state." in ran.stdout
    assert "First at line 2, and 1 more like it." in ran.stdout


def test_only_requests_or_only_answers_are_judged_when_asked(judge: Judge) -> None:
    bad_request = replace(RIGHT["get"], url=f"{CONSENTS}/{ID}?unknown=1")
    assert judge([bad_request], "--responses-only").exit_code == 0
    assert judge([bad_request], "--requests-only").exit_code == 1
    assert judge([WRONG], "--requests-only").exit_code == 0
    ran = judge([WRONG], "--requests-only", "--responses-only")
    assert ran.exit_code == 2
    assert "leave nothing to judge" in ran.stderr


def test_traffic_of_nobody_here_ends_with_2(judge: Judge) -> None:
    ran = judge([exchange("GET", "https://other.example/x", None, {})])
    assert ran.exit_code == 2
    assert "has nothing to judge" in ran.stderr
    assert "other.example 1" in ran.stderr
    assert "wixture routes" in ran.stderr


def test_a_bad_line_ends_with_2_and_is_named(judge: Judge, file: Path) -> None:
    file.write_text(json.dumps(exchange_dict(WRONG)) + "\n{nonsense\n")
    ran = judge(file)
    assert ran.exit_code == 2
    assert "traffic.ndjson, line 2: this is no JSON" in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize("option", ["nonsense", "pdf=x", "html="])
def test_a_wrong_report_ends_with_2_before_anything_is_read(judge: Judge, option: str) -> None:
    ran = judge([WRONG], "--report", option)
    assert ran.exit_code == 2
    assert "is no" in ran.stderr


def test_a_file_that_is_missing_ends_with_2(judge: Judge, tmp_path: Path) -> None:
    assert judge(tmp_path / "nowhere.har").exit_code == 2
    assert judge(tmp_path).exit_code == 2


# ---- what is judged ------------------------------------------------------------------------------


def test_any_host_counts_and_one_can_be_asked_for(judge: Judge) -> None:
    there = replace(WRONG, url=WRONG.url.replace("www.wixapis.com", "127.0.0.1:8787"))
    both = [RIGHT["get"], there]
    notes = result_of(judge(both, "--format", "json"))["notes"]
    assert notes[0] == "2 of 2 exchanges are of operations of the contract, on 127.0.0.1:8787, www.wixapis.com."
    ran = judge(both, "--host", "WWW.wixapis.com", "--format", "json")
    assert ran.exit_code == 0
    assert result_of(ran)["notes"][1] == "Left out, of other hosts or paths: 1 (127.0.0.1:8787 1)."
    assert judge(both, "--host", "127.0.0.1").exit_code == 1


def test_aliases_of_a_path_count(judge: Judge) -> None:
    alias = replace(WRONG, url=f"https://site.example/_api/marketing/v1/marketing-consent/{ID}")
    assert judge([alias]).exit_code == 1


def test_an_exchange_without_an_answer_is_told_and_no_failure(judge: Judge) -> None:
    ran = judge([replace(RIGHT["get"], status=None, response_body=None)], "--format", "json")
    assert ran.exit_code == 0
    assert "1 exchange had no answer." in result_of(ran)["notes"]


def test_coverage_counts_what_was_met(judge: Judge) -> None:
    read = result_of(judge([RIGHT["get"], RIGHT["get"], RIGHT["not found"]], "--format", "json"))
    met = {(one["operationId"], one["status"]): one["count"] for one in read["coverage"] if one["count"]}
    assert met == {("getMarketingConsent", 200): 2, ("getMarketingConsent", 404): 1}
    (success,) = (one for one in read["coverage"] if one["count"] == 2)
    assert success["keywords"]["pattern"] > 5


def test_a_check_that_nothing_could_show_is_skipped(judge: Judge) -> None:
    checks = {one["check"]: one for one in result_of(judge([RIGHT["get"]], "--format", "json"))["checks"]}
    assert checks["body-valid"]["outcome"] == "passed"
    assert checks["channels-once"]["outcome"] == "skipped"
    assert checks["channels-once"]["reason"] == "the traffic has nothing that could show it"


def test_documented_forms_are_counted_and_contradict_the_ledger(judge: Judge) -> None:
    printed = consent(created_date="2024-02-01T08:00:00Z", updated_date="2024-02-01T08:00:00Z")
    del printed["createdDate"], printed["updatedDate"]
    ran = judge([replace(RIGHT["get"], response_body={"marketingConsent": printed})], "--format", "json")
    read = result_of(ran)
    assert read["forms"] == {"entity-dates-snake-case": {"corrected": 0, "documented": 1}}
    rows = [(one["check"], one["severity"], one["row"]) for one in read["findings"]]
    assert rows[-1] == ("chosen-form", "error", "entity-dates-snake-case")
    assert {row for _, _, row in rows} == {"entity-dates-snake-case"}


def test_the_mocks_own_journal_has_no_findings(api: Api, judge: Judge, file: Path) -> None:
    stored = api.create("ada@example.com")
    api.call("GET", f"/marketing-consent/v1/marketing-consent/{stored['id']}")
    api.call("POST", "/marketing-consent/v1/marketing-consent/query", {"query": {}})
    api.call("GET", "/loyalty-social-media/v1/followed-channels", identity="MEMBER")
    file.write_text(json.dumps(api.control("GET", "/exchanges").json))
    ran = judge(file, "--format", "json")
    assert ran.exit_code == 0, ran.stdout
    assert result_of(ran)["findings"] == []


# ---- reports and history -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_report_is_printed_and_written(judge: Judge, tmp_path: Path, kind: str) -> None:
    ran = judge([WRONG], "--format", kind, "--report", f"{kind}={tmp_path / 'report'}")
    assert ran.exit_code == 1
    written = (tmp_path / "report").read_text()
    assert "body-valid" in written or kind == "html"
    assert ran.stdout.strip()[:20] == written.strip()[:20]


def test_a_second_run_tells_what_changed(judge: Judge, tmp_path: Path) -> None:
    history = ("--history", str(tmp_path / "history.ndjson"))
    first = judge([RIGHT["get by"]], *history)
    assert "has no earlier run on www.wixapis.com." in first.stdout
    again = judge([RIGHT["get by"]], *history)
    assert re.search(r"note: Nothing changed since 20..-..-..T..:..:..Z\.", again.stdout)
    eligibility = dict(RIGHT["get by"].response_body["communicationEligibility"])
    eligibility["grated"] = eligibility.pop("granted")
    body = {**RIGHT["get by"].response_body, "communicationEligibility": eligibility}
    changed = judge([replace(RIGHT["get by"], response_body=body)] * 3, *history)
    assert "note: eligibility-grated: was granted 1×, now grated 3×" in changed.stdout
    assert changed.exit_code == 1


def test_a_history_that_is_none_ends_with_2_and_stays(judge: Judge, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("Dear diary,\n")
    ran = judge([RIGHT["get"]], "--history", str(diary))
    assert ran.exit_code == 2
    assert "is no history of runs" in ran.stderr
    assert diary.read_text() == "Dear diary,\n"


# ---- what is never printed -----------------------------------------------------------------------


def _echoing(canary: str, said: str) -> list[Exchanged]:
    """What carries a canary in each place where a credential travels, and an answer that says it."""
    refused = {"message": said, "details": {"applicationError": {"code": said, "description": said}}, said: said}
    by_header = replace(RIGHT["not found"], request_headers={"Authorization": canary}, response_body=refused)
    by_bearer = replace(by_header, request_headers={"authorization": f"Bearer {canary}"})
    by_body = replace(
        RIGHT["token refused"],
        request_body={"clientSecret": canary},
        response_body={"error": said, "error_description": said},
    )
    answered = replace(RIGHT["token"], response_body={"access_token": canary, "token_type": said, "expires_in": 1})
    return [by_header, by_bearer, by_body, answered]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_credential_of_the_traffic_is_printed(judge: Judge, tmp_path: Path, encoding: str) -> None:
    exchanges = [one for canary in CANARIES.values() for one in _echoing(canary, ENCODINGS[encoding](canary))]
    reports = [option for kind in KINDS for option in ("--report", f"{kind}={tmp_path / kind}")]
    ran = judge(exchanges, *reports)
    assert ran.exit_code == 1
    assert "***" in (tmp_path / "json").read_text()
    for printed in (ran.output, *((tmp_path / kind).read_text() for kind in KINDS)):
        assert [name for name, canary in CANARIES.items() if leaked(printed, canary)] == []


def test_no_credential_is_printed_when_each_request_has_another(judge: Judge) -> None:
    tokens = [f"OauthNG.JWS.canary-number-{number:04}" for number in range(MOST_SECRETS + 10)]
    said = [
        replace(one, response_body={"x": token, "y": tokens[0]})
        for one, token in (
            (replace(RIGHT["not found"], request_headers={"Authorization": token}), token) for token in tokens
        )
    ]
    ran = judge([RIGHT["get"], *said], "--format", "json")
    assert ran.exit_code == 1
    assert "canary-number" not in ran.stdout


def test_no_person_is_printed(judge: Judge) -> None:
    wrong = replace(RIGHT["get by"], response_body={"marketingConsent": consent(x="eve@example.com +12025550147")})
    ran = judge([wrong], "--format", "json")
    assert not any(part in ran.stdout for part in ("ada@", "Ada%40", "eve@", "2025550"))


def test_nothing_that_steers_a_terminal_is_printed(judge: Judge) -> None:
    url = f"{CONSENTS}/{ID}?\x1b[2J\x07=\x9b31m"
    wrong = replace(WRONG, url=url, response_body={"\x1b]0;owned\x07": "\x1b[2J"}, method="get")
    ran = judge([wrong])
    assert ran.exit_code == 1
    assert not set(ran.output) & {"\x1b", "\x07", "\x9b"}


# ---- amounts -------------------------------------------------------------------------------------


def test_different_findings_are_told_up_to_a_number_and_all_of_them_count(judge: Judge) -> None:
    wrong = [
        replace(RIGHT["get"], response_body={"marketingConsent": consent(**{f"field{number}": 1})})
        for number in range(MOST_FINDINGS + 5)
    ]
    read = result_of(judge([*wrong, replace(RIGHT["get"], status=418)], "--format", "json"))
    assert len(read["findings"]) == MOST_FINDINGS
    told = f"only the first {MOST_FINDINGS:,} different ones are"
    assert read["notes"][-1].endswith(f" further findings not told: {told}.")
    checks = {one["check"]: one["outcome"] for one in read["checks"]}
    assert checks["status-declared"] == "failed"


def test_a_long_body_is_cut_where_it_is_a_witness(judge: Judge) -> None:
    long = replace(
        RIGHT["get"], response_body={"marketingConsent": consent(x="y" * 3_000_000)}, url=RIGHT["get"].url
    )
    assert len(judge([long], "--format", "json").stdout) < 300_000
    assert TOKEN not in judge([long]).stdout
