"""The table has every curl of the pages and nothing else, and its verdicts follow from the rows it names."""

from __future__ import annotations

from collections import Counter

import pytest

from wixture.contracts.document import SPEC_FOLDER, Contract
from wixture.contracts.ledger import rows

from .samples import PAGES, REPAIRS, SEEDS, SHELL, Sample
from .table import Entry, entries

ENTRIES = entries()
Pages = dict[tuple[str, int], Sample]

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def test_every_curl_of_the_pages_has_one_entry_and_every_entry_a_curl(pages: Pages) -> None:
    assert Counter((entry.page, entry.line) for entry in ENTRIES) == Counter(list(pages))


def test_no_curl_of_the_pages_is_overlooked(pages: Pages) -> None:
    """Also one that does not stand at the beginning of its line."""
    texts = [(SEEDS / row["file"]).read_text(encoding="utf-8") for row in PAGES.values()]
    assert sum(text.count("curl ") for text in texts) == len(pages) == 11


@every_entry
def test_an_entry_names_rows_of_the_ledger_once_each(entry: Entry) -> None:
    named = [*entry.breaks, *entry.harmless]
    assert set(named) <= set(rows())
    assert len(named) == len(set(named))


@every_entry
def test_an_entry_names_exactly_the_rows_that_stand_on_its_lines(pages: Pages, entry: Entry) -> None:
    lines = set(pages[entry.page, entry.line].numbers)
    about = {
        row.id
        for row in rows().values()
        if any(place.page == entry.page and lines & set(place.numbers) for place in row.where)
    }
    assert {*entry.breaks, *entry.harmless} == about


def test_every_row_that_is_about_curl_is_named() -> None:
    named = {row for entry in ENTRIES for row in (*entry.breaks, *entry.harmless)}
    about_curl = {
        row.id
        for row in rows().values()
        if row.id.startswith("curl-") or any("curl" in p.quote for p in row.where)
    }
    assert about_curl <= named


def test_every_repair_answers_a_row_that_breaks_a_curl() -> None:
    assert set(REPAIRS) == {row for entry in ENTRIES for row in entry.breaks}


def test_every_operation_of_the_two_apis_has_exactly_one_curl() -> None:
    contract = Contract.load(SPEC_FOLDER / "openapi.yaml")
    operations = [operation.operation_id for operation in contract.operations.values() if operation.security]
    assert Counter(entry.operation for entry in ENTRIES) == Counter(operations)


@every_entry
def test_an_entry_has_all_four_verdicts(entry: Entry) -> None:
    assert set(entry.verdicts) == {
        (how, kind) for how in ("printed", "repaired") for kind in ("strict", "lenient")
    }


@every_entry
@pytest.mark.parametrize("how", ["printed", "repaired"])
def test_strict_input_takes_a_curl_without_a_remaining_row_and_no_other(entry: Entry, how: str) -> None:
    assert entry.verdicts[how, "strict"].works == (entry.left(how) == [])


@every_entry
@pytest.mark.parametrize("how", ["printed", "repaired"])
def test_lenient_input_takes_a_curl_whose_remaining_rows_promise_it_and_no_other(entry: Entry, how: str) -> None:
    promised = all(rows()[row].lenient for row in entry.left(how))
    assert entry.verdicts[how, "lenient"].works == promised


@every_entry
def test_rows_about_the_shell_promise_nothing_of_lenient_input(entry: Entry) -> None:
    assert not any(rows()[row].lenient for row in entry.breaks if row in SHELL)


# ---- the repairs ---------------------------------------------------------------------------------


@every_entry
def test_a_repair_of_the_shell_changes_just_the_curls_whose_rows_name_it(pages: Pages, entry: Entry) -> None:
    sample = pages[entry.page, entry.line]
    changing = {row for row in SHELL if sample.repaired([row]) != sample.text}
    assert changing == {row for row in entry.breaks if row in SHELL}


@every_entry
def test_a_repair_of_the_shell_touches_blanks_line_breaks_and_backslashes_alone(
    pages: Pages, entry: Entry
) -> None:
    sample = pages[entry.page, entry.line]
    nothing = str.maketrans("", "", "\\ \n")
    assert sample.repaired(SHELL).translate(nothing) == sample.text.translate(nothing)


@every_entry
def test_every_repair_of_an_entry_changes_its_curl(pages: Pages, entry: Entry) -> None:
    sample = pages[entry.page, entry.line]
    unchanged = [row for row in entry.breaks if sample.repaired([row]) == sample.text]
    assert unchanged == []
