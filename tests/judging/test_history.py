"""The history of a target: what is written is read again, whatever broke off, and only changes are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wixture.contracts.findings import Forms
from wixture.contracts.judging.history import BadHistory, Past, append, changes, contradictions, last_of

BEFORE = Past("2024-01-01T00:00:00Z", "a.example", "1.0", {"eligibility-grated": Forms(12, 0)}, ("request-id",))
NOW = Past("2024-02-01T00:00:00Z", "a.example", "1.1", {"eligibility-grated": Forms(0, 3)}, ("body-valid",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.ndjson"


def test_the_newest_run_of_the_same_target_is_found(path: Path) -> None:
    other = Past("2024-03-01T00:00:00Z", "b.example", "1.1")
    for past in (BEFORE, NOW, other):
        append(path, past)
    assert last_of(path, "a.example") == NOW
    assert last_of(path, "b.example") == other
    assert last_of(path, "c.example") is None


def test_there_is_no_run_before_the_first(path: Path) -> None:
    assert last_of(path, "a.example") is None
    path.write_bytes(b"")
    assert last_of(path, "a.example") is None


@pytest.mark.parametrize("kept", range(1, 200, 9))
def test_a_line_that_was_cut_off_counts_as_never_written(path: Path, kept: int) -> None:
    append(path, BEFORE)
    whole = path.read_bytes()
    append(path, NOW)
    path.write_bytes(path.read_bytes()[: len(whole) + kept])
    assert last_of(path, "a.example") == BEFORE
    append(path, NOW)
    assert last_of(path, "a.example") == NOW
    assert len(path.read_bytes().splitlines()) == 2


def test_a_first_line_that_was_cut_off_is_none(path: Path) -> None:
    append(path, BEFORE)
    whole = path.read_bytes()
    for kept in range(1, len(whole) - 1):
        path.write_bytes(whole[:kept])
        assert last_of(path, "a.example") is None
    append(path, NOW)
    assert last_of(path, "a.example") == NOW


def test_a_line_whole_but_for_its_end_counts(path: Path) -> None:
    append(path, BEFORE)
    path.write_bytes(path.read_bytes()[:-1])
    assert last_of(path, "a.example") == BEFORE
    append(path, NOW)
    assert [json.loads(line)["at"] for line in path.read_text().splitlines()] == [BEFORE.at, NOW.at]


@pytest.mark.parametrize(
    "content",
    [
        b"# My diary\n",
        b"# My diary",
        b"{}\n",
        b"[]\n",
        b"\xff\xfe\x00\n",
        b'{"type": "wixture-history"}\n',
        b"\x00" * 50,
    ],
)
def test_a_file_that_is_no_history_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BadHistory, match=r"is no history of runs: its line 1 is no run\. Name another file"):
        append(path, NOW)
    assert path.read_bytes() == content


def test_a_foreign_line_between_runs_is_refused_with_its_number(path: Path) -> None:
    append(path, BEFORE)
    path.write_bytes(path.read_bytes() + b"hello\n")
    append_refused = "its line 2 is no run"
    with pytest.raises(BadHistory, match=append_refused):
        last_of(path, "a.example")


def test_a_form_that_changed_is_told_with_both_counts() -> None:
    assert "eligibility-grated: was granted 12×, now grated 3×" in changes(BEFORE, NOW)


def test_a_check_that_broke_or_was_mended_is_told() -> None:
    told = changes(BEFORE, NOW)
    assert "body-valid: was kept on 2024-01-01T00:00:00Z, now broken" in told
    assert "request-id: was broken on 2024-01-01T00:00:00Z, not met now" in told


def test_more_of_the_same_form_is_no_change() -> None:
    more = Past("2024-02-01T00:00:00Z", "a.example", "1.1", {"eligibility-grated": Forms(99, 0)}, ("request-id",))
    assert changes(BEFORE, more) == []


def test_a_form_that_only_one_run_met_is_no_change() -> None:
    assert changes(Past("x", "a", "1"), NOW) == ["body-valid: was kept on x, now broken"]


def test_a_row_of_another_version_is_told_without_its_names() -> None:
    before = Past("x", "a", "1", {"gone-row": Forms(1, 0)})
    assert changes(before, Past("y", "a", "1", {"gone-row": Forms(1, 2)})) == [
        "gone-row: was corrected 1×, now corrected 1× and documented 2×"
    ]


def test_a_contradicted_row_is_an_error_where_the_contract_is_broken_and_else_a_note() -> None:
    forms = {"eligibility-grated": Forms(0, 3), "revoked-without-revoke-activity": Forms(1, 1)}
    forms |= {"entity-dates-snake-case": Forms(5, 0)}
    found = contradictions(forms, {"eligibility-grated"})
    assert [(one.row, one.severity) for one in found] == [
        ("eligibility-grated", "error"),
        ("revoked-without-revoke-activity", "note"),
    ]
    assert "grated 3×" in found[0].message
    assert NOW.contradicted == ("eligibility-grated",)
