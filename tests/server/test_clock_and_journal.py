"""Time and chance repeat exactly; the journal stays bounded."""

from __future__ import annotations

import re

import pytest

from wixture.mockserver.clock import Chance, Clock, derived_id
from wixture.mockserver.instants import from_text, sort_key, to_text
from wixture.mockserver.journal import MOST_BYTES, Budget, Journal
from wixture.mockserver.messages import Request, Response

GUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


def test_ids_are_guids_that_follow_from_seed_name_and_count_alone() -> None:
    one, same, other_seed, other_name = (
        Chance(seed, name) for seed, name in ((1, "a"), (1, "a"), (2, "a"), (1, "b"))
    )
    ids = [one.new_id() for _ in range(100)]
    assert all(GUID_4.match(found) for found in ids)
    assert len(set(ids)) == 100
    same.bytes("link", 48)  # another purpose shifts nothing
    same.new_id("request")
    assert [same.new_id() for _ in range(100)] == ids
    assert not {other_seed.new_id() for _ in range(100)} & set(ids)
    assert not {other_name.new_id() for _ in range(100)} & set(ids)
    assert GUID_4.match(derived_id("account", "x"))


def test_a_clock_stands_jumps_moves_and_returns() -> None:
    clock = Clock("2024-01-31T08:00:00Z")
    assert (clock.now_text(), clock.frozen) == ("2024-01-31T08:00:00.000Z", True)
    clock.advance(0.25)
    assert clock.now_text() == "2024-01-31T08:00:00.250Z"
    clock.set(from_text("1999-12-31T23:59:59Z"), frozen=False)
    assert clock.now_text().startswith(("1999-12-31T23:59:59", "2000-01-01T00:00:00"))
    clock.reset()
    assert clock.now_text() == "2024-01-31T08:00:00.000Z"
    with pytest.raises(ValueError, match="year 9999"):
        clock.advance(1e15)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2024-01-31T08:00:00Z", "2024-01-31T08:00:00.000000000"),
        ("2024-01-31T08:00:00.5Z", "2024-01-31T08:00:00.500000000"),
        ("2024-01-31T08:00:00.123456789+02:30", "2024-01-31T05:30:00.123456789"),
        ("2023-12-31T23:30:00-01:00", "2024-01-01T00:30:00.000000000"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T00:00:00.000000000"),
        ("9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.000000000"),
    ],
)
def test_a_sort_key_is_the_instant_in_utc_with_nine_digits(text: str, key: str) -> None:
    assert sort_key(text) == key


def test_an_instant_survives_being_written_and_read() -> None:
    for text in (
        "1970-01-01T00:00:00.000Z",
        "2038-01-19T03:14:08.001Z",
        "1969-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00.000Z",
    ):
        assert to_text(from_text(text)) == text


def _note(journal: Journal, number: int, request: Request, response: Response) -> None:
    journal.note(request, response, (str(number), 0, None, None, None, (), None, (), 0))


def test_the_journal_keeps_the_newest() -> None:
    journal = Journal(size=3)
    for number in range(10):
        _note(journal, number, Request("GET", "/"), Response(200))
    assert [exchange.id for exchange in journal] == ["7", "8", "9"]


def test_journals_share_a_budget_and_an_exchange_without_a_body_counts_too() -> None:
    budget = Budget(limit=100_000)
    journals = [Journal(1000, budget) for _ in range(3)]
    for number in range(100):
        for journal in journals:
            request = Request("GET", "/" + "x" * 1000, headers={"a": "y" * 1000})
            _note(journal, number, request, Response(200))
    assert budget.used <= 100_000 + 3 * 2001
    assert all(0 < len(journal) < 100 for journal in journals)
    for journal in journals:
        journal.clear()
    assert budget.used == 0


def test_the_journal_lets_go_of_old_bodies_before_it_grows_beyond_its_bytes() -> None:
    journal = Journal(size=1000)
    body = b"x" * (1024 * 1024)
    for number in range(200):
        _note(journal, number, Request("GET", "/", body=body), Response(200, body))
    held = [exchange for exchange in journal if exchange.request.body]
    assert len(journal) == 200
    assert [exchange.id for exchange in held] == [str(number) for number in range(169, 200)]
    assert sum(len(found.request.body) + len(found.response.body) for found in journal) <= MOST_BYTES
