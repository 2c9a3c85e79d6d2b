"""The journal of a run: written before a write, readable after a crash, refused when it is none."""

from __future__ import annotations

import json
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wixture.contracts.targets.address import parse_address
from wixture.contracts.targets.pace import Stopped
from wixture.contracts.targets.run_journal import BadJournal, Claim, RunJournal, read_journal

ADDRESS = parse_address("https://www.wixapis.com")
RUN = "260101abcdefgh"
ADA = Claim("EMAIL", "ada@example.com")


def begun(folder: Path) -> RunJournal:
    journal = RunJournal(folder / "runs", RUN, ADDRESS, "site")
    journal.claim(ADA)
    journal.call("createMarketingConsent", "/x")
    journal.made("id-1", ADA)
    return journal


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.claim(Claim("PHONE", "+12025550100"))
    journal.gone("id-1")
    left = read_journal(journal.path)
    assert (left.run, left.target, left.instance_id) == (RUN, "https://www.wixapis.com", "site")
    assert left.claims == {ADA: {"id-1"}, Claim("PHONE", "+12025550100"): set()}
    assert left.gone == {"id-1"}


def test_a_run_that_only_reads_leaves_no_file(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path / "runs", RUN, ADDRESS)
    journal.close()
    assert not (tmp_path / "runs").exists()


def test_a_journal_is_its_owners_alone(tmp_path: Path) -> None:
    path = begun(tmp_path).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_line_is_in_the_file_when_the_call_returns(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path, RUN, ADDRESS)
    journal.claim(ADA)
    assert json.loads(journal.path.read_text().splitlines()[-1]) == {"claim": "EMAIL", "value": "ada@example.com"}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writing more to a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", range(0, 220, 11))
def test_a_journal_that_cannot_be_written_stops_the_run_and_stays_readable(tmp_path: Path, room: int) -> None:
    journal = RunJournal(tmp_path, RUN, ADDRESS)

    def claim_nine() -> None:
        for number in range(9):
            journal.claim(Claim("EMAIL", f"{number}@example.com"))

    with files_of_at_most(room), pytest.raises(Stopped, match="--runs"):
        claim_nine()
    journal.claim(ADA)  # there is room again
    assert read_journal(journal.path).claims.keys() == journal.claims
    journal.close()


def test_no_two_runs_write_one_journal(tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(Stopped, match="File exists"):
        RunJournal(tmp_path / "runs", RUN, ADDRESS).claim(ADA)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_last_line_that_was_cut_short_is_no_line(tmp_path: Path, cut: int) -> None:
    path = begun(tmp_path).path
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert ADA in read_journal(path).claims
    assert read_journal(path).claims[ADA] <= {"id-1"}


def test_a_resumed_journal_goes_on_after_a_line_that_was_cut_short(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.close()
    first.path.write_bytes(first.path.read_bytes()[:-5])
    again = RunJournal(first.path.parent, RUN, ADDRESS, resumed=True)
    again.gone("id-1")
    left = read_journal(first.path)
    assert left.gone == {"id-1"}
    assert left.claims == {ADA: set()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\n",
        "[]\n",
        "{}\n",
        '{"run": "260101abcdefgh", "format": 2, "target": "https://x"}\n',
        '{"run": "260101abcdefgh", "format": 1}\n',
        '{"run": "260101abcdefgh", "format": 1, "target": "https://x"}\n{"claim": "FAX", "value": "1"}\n',
        '{"run": "260101abcdefgh", "format": 1, "target": "https://x"}\n{"made": 7, "of": "EMAIL", "value": ""}\n',
        '{"run": "260101abcdefgh", "format": 1, "target": "https://x"}\n{"made": "i"}\n',
        "[" * 50_000 + "\n",
        '{"run": "", "format": 1, "target": "https://x"}\n',
        '{"run": "a", "format": 1, "target": "https://x"}\n',
        '{"run": "../../../../x1", "format": 1, "target": "https://x"}\n',
    ],
)
def test_what_is_no_journal_is_refused_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "j"
    path.write_text(text)
    with pytest.raises(BadJournal, match="journal"):
        read_journal(path)


@pytest.mark.parametrize(
    ("details", "claim"),
    [
        ({"type": "EMAIL", "email": " Ada@Example.com "}, ADA),
        ({"type": "PHONE", "phone": "+1"}, Claim("PHONE", "+1")),
        ({"type": "EMAIL", "phone": "+1"}, None),
        ({"type": "EMAIL", "email": 7}, None),
        ({"type": ["EMAIL"]}, None),
        ({}, None),
    ],
)
def test_a_claim_is_on_what_details_name(details: dict[str, object], claim: Claim | None) -> None:
    assert Claim.of(details) == claim
