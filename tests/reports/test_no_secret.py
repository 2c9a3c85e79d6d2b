"""Secrets that a target says back in every place, in every spelling, are in no byte of any report."""

from __future__ import annotations

from pathlib import Path

import pytest
from canaries import CANARIES, ENCODINGS, leaked
from reports import runs

from wixture.contracts.redacted import redacted
from wixture.contracts.reports.write import KINDS, write
from wixture.contracts.secrets import Redactor

every_kind = pytest.mark.parametrize("kind", KINDS)
REDACTOR = Redactor(CANARIES.values(), ["ada.canary@example.com", "+19175551234"])


@every_kind
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_report_holds_a_secret(kind: str, encoding: str, tmp_path: Path) -> None:
    said = " | ".join(ENCODINGS[encoding](canary) for canary in CANARIES.values())
    write(redacted(runs.everywhere(said), REDACTOR), f"{kind}={tmp_path / 'report'}")
    printed = (tmp_path / "report").read_text(encoding="utf-8")
    assert "***" in printed
    assert [name for name, canary in CANARIES.items() if leaked(printed, canary)] == []


@every_kind
def test_no_report_holds_a_person(kind: str, tmp_path: Path) -> None:
    for number, said in enumerate(
        ("ada.canary@example.com", "+19175551234", "ada.canary%40example.com", "bob@example.org")
    ):
        file = tmp_path / str(number)
        write(redacted(runs.everywhere(said), REDACTOR), f"{kind}={file}")
        printed = file.read_text(encoding="utf-8")
        assert not any(part in printed for part in ("ada.canary", "9175551", "bob@"))


def test_the_model_s_own_words_stay() -> None:
    run = redacted(runs.run(), Redactor(["passed", "failed", "skipped", "documented", "error"]))
    assert [result.outcome for result in run.checks] == ["failed", "passed", "skipped", "failed"]
    assert run.findings[1].evidence == "documented"
