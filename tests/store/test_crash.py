"""kill -9 under write load, over and over: a hundred cycles of each kind of state, a thousand by `make crash`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.crash import crash
from benchmarks.crash_clients import Known
from benchmarks.crash_judge import problems
from benchmarks.crash_servers import databases, files
from databases import fresh_database


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost_and_nothing_is_half_done_whenever_a_server_is_killed(
    tmp_path: Path, seed: int
) -> None:
    tally = crash(50, lanes=1, seed=seed, new_state=files(tmp_path))
    assert tally.problems == []
    assert (tally.cycles, len(tally.killed_at)) == (50, 8)
    assert tally.deliveries >= tally.events >= tally.acknowledged > 100


def test_nothing_acknowledged_is_lost_when_servers_of_a_database_are_killed() -> None:
    tally = crash(40, lanes=1, seed=3, new_state=databases(fresh_database()))
    assert tally.problems == []
    assert (tally.cycles, len(tally.killed_at)) == (40, 8)
    assert tally.deliveries >= tally.events >= tally.acknowledged > 100


def test_nothing_acknowledged_is_lost_when_one_of_two_servers_of_a_database_is_killed() -> None:
    tally = crash(48, lanes=1, seed=5, new_state=databases(fresh_database()), servers=2)
    assert tally.problems == []
    assert (tally.cycles, len(tally.killed_at)) == (48, 8)
    assert tally.deliveries >= tally.events >= tally.acknowledged > 100


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_when_workers_are_killed_one_by_one(tmp_path: Path, kind: str) -> None:
    new_state = files(tmp_path) if kind == "sqlite" else databases(fresh_database())
    tally = crash(12, lanes=1, seed=4, new_state=new_state, workers=3)
    assert tally.problems == []
    assert tally.cycles == 12
    assert tally.killed_at["one worker"] >= 3
    assert tally.deliveries >= tally.events >= tally.acknowledged > 50


# ---- the judge -----------------------------------------------------------------------------------


def event(slug: str, sequence: int, *, id_: str = "1", email: str = "ada") -> dict[str, Any]:
    content = {"createdEvent": {"entity": {"details": {"email": email}}}} if slug == "created" else {}
    return {"event": {"entityId": id_, "slug": slug, "entityEventSequence": str(sequence), **content}}


def stored(revision: int, *, id_: str = "1", email: str = "ada") -> dict[str, Any]:
    return {"id": id_, "revision": str(revision), "details": {"email": email}}


CREATED, UPDATED, DELETED = event("created", 1), event("updated", 2), event("deleted", 3)


def test_a_history_without_a_gap_has_no_problem() -> None:
    assert not [*problems({"ada": Known(2)}, [stored(2)], [CREATED, UPDATED])]
    assert not [*problems({"ada": Known(3, is_deleted=True)}, [], [CREATED, UPDATED, DELETED])]


@pytest.mark.parametrize(
    ("known", "state", "events"),
    [
        (Known(1, in_doubt=True), [stored(1)], [CREATED]),
        (Known(1, in_doubt=True), [stored(2)], [CREATED, UPDATED]),
        (Known(2, in_doubt=True), [], [CREATED, UPDATED, DELETED]),
        (Known(0, in_doubt=True), [], []),
    ],
    ids=["before an update", "after it", "after a delete", "before a create"],
)
def test_a_write_without_an_answer_may_be_there_or_not(known: Known, state: list[Any], events: list[Any]) -> None:
    assert not [*problems({"ada": known}, state, events)]


@pytest.mark.parametrize(
    ("known", "state", "events", "says"),
    [
        (Known(1), [], [], "stored, and is not there"),
        (Known(2), [stored(1)], [CREATED], "acknowledged up to 2"),
        (Known(1), [stored(2)], [CREATED, UPDATED], "acknowledged up to 1"),
        (Known(2), [stored(2)], [CREATED], "revisions are"),
        (Known(2), [stored(2)], [CREATED, event("updated", 3)], "events of the revisions [1, 3]"),
        (Known(2), [stored(2)], [CREATED, UPDATED, UPDATED], "events of the revisions [1, 2, 2]"),
        (Known(1), [], [CREATED], "revisions are"),
        (Known(3, is_deleted=True), [stored(2)], [CREATED, UPDATED, DELETED], "was deleted, and is there"),
        (Known(1), [stored(1)], [CREATED, event("created", 1, id_="2", email="b")], "b was never asked for"),
    ],
    ids=["lost", "lost update", "unasked", "no event", "gap", "twice", "no entity", "came back", "of nobody"],
)
def test_what_is_lost_doubled_or_half_done_is_seen(
    known: Known, state: list[Any], events: list[Any], says: str
) -> None:
    assert says in "\n".join(problems({"ada": known}, state, events))
