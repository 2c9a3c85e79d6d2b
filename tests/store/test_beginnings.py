"""The beginning of a text that few have, or many, or all: a page is the same whichever way is taken to it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wixture.mockserver.messages import Condition, Entity, Page
from wixture.mockserver.store import sql_pages

from .conftest import OpenStore, Tenant
from .entities import consent, created

SIZE = 1500
BEGINNINGS = ("", "u", "u0", "u00", "u000", "u0007", "v")
"""Of some 750, as many, 500, 50, 5, one and none of the addresses; of numbers, where "u" is +1."""


def _population(new_id: Callable[[random.Random], str]) -> list[Entity]:
    rng = random.Random(1)
    named: list[dict[str, str]] = [
        {"phone": f"+1{number:04}"} if number % 2 else {"email": f"u{number:04}@x.example"}
        for number in range(SIZE)
    ]
    states = rng.choices(["REVOKED", "CONFIRMED"], weights=[1, 5], k=SIZE)
    return [
        consent(number, id=new_id(rng), state=state, **name)
        for number, (name, state) in enumerate(zip(named, states, strict=True))
    ]


def _anywhere(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def _side_by_side(rng: random.Random) -> str:
    """As somebody counts who gives IDs by hand: but for the last ones all are in one part."""
    return f"{rng.choice(['a0', 'a0', 'a0', 'ff'])}{_anywhere(rng)[2:]}"


POPULATIONS = {"IDs by chance": _population(_anywhere), "IDs side by side": _population(_side_by_side)}


@pytest.fixture(scope="module", params=POPULATIONS)
def filled(request: pytest.FixtureRequest, open_store: OpenStore) -> tuple[Tenant, list[Entity]]:
    population = POPULATIONS[request.param]
    tenant = open_store(0)
    tenant.load(*map(created, population))
    return tenant, population


def _let(monkeypatch: pytest.MonkeyPatch, *, few: int) -> None:
    """Have the ways to a page part at numbers that a small store reaches."""
    monkeypatch.setattr(sql_pages, "FEW", few)
    monkeypatch.setattr(sql_pages, "SORTABLE", few)
    monkeypatch.setattr(sql_pages, "MANY", few // 2)
    monkeypatch.setattr(sql_pages, "_TRIED", ((1, few // 2), (8, few), (64, few)))


def _column(entity: Entity, name: str) -> str:
    return str(entity["details"].get(name, ""))


def _expected(population: list[Entity], column: str, start: str) -> list[str]:
    matching = [one for one in population if column in one["details"] and _column(one, column).startswith(start)]
    return sorted(one["id"] for one in matching)


def _places(ids: list[str]) -> Iterator[int]:
    size = len(ids)
    yield from {place for place in (0, 1, size // 3, size - 6, size - 2, size - 1) if 0 <= place < size}


def _ask(tenant: Tenant, condition: Condition, limit: int, after: str | None, **more: Any) -> list[str]:
    page = Page(condition, None, more.pop("sort", ()), limit, None if after is None else (after,), **more)
    return [one["id"] for one in tenant.find(page)]


@pytest.mark.parametrize("few", [3, 25, 100, 1000])
@pytest.mark.parametrize("limit", [0, 1, 5, 40])
@pytest.mark.parametrize("column", ["email", "phone"])
def test_a_page_of_a_beginning_has_all_that_begin_so_in_the_order_of_ids(
    filled: tuple[Tenant, list[Entity]], monkeypatch: pytest.MonkeyPatch, few: int, limit: int, column: str
) -> None:
    tenant, population = filled
    _let(monkeypatch, few=few)
    for start in BEGINNINGS if column == "email" else [start.replace("u", "+1") for start in BEGINNINGS]:
        condition = ("prefix", column, start)
        ids = _expected(population, column, start)
        assert _ask(tenant, condition, limit, None) == ids[: limit + 1]
        assert _ask(tenant, condition, limit, None, backwards=True) == ids[::-1][: limit + 1]
        for place in _places(ids):
            after, before = ids[place + 1 :], ids[:place]
            assert _ask(tenant, condition, limit, ids[place]) == after[: limit + 1]
            assert _ask(tenant, condition, limit, ids[place], backwards=True) == before[::-1][: limit + 1]


@pytest.mark.parametrize("few", [3, 25, 1000])
def test_what_else_is_asked_for_holds_too(
    filled: tuple[Tenant, list[Entity]], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    tenant, population = filled
    _let(monkeypatch, few=few)
    revoked = {one["id"] for one in population if one["state"] == "REVOKED"}
    for start in BEGINNINGS:
        ids = _expected(population, "email", start)
        both = ("all", (("prefix", "email", start), ("eq", "state", "REVOKED")))
        assert _ask(tenant, both, 7, None) == [one for one in ids if one in revoked][:8]
        by_date = _ask(tenant, ("prefix", "email", start), 7, None, sort=(("created", True),))
        assert by_date == ids[::-1][:8]  # all were made at one instant


def test_reads_that_lag_have_the_same_pages(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, population = open_store(1000), POPULATIONS["IDs by chance"]
    tenant.load(*map(created, population))
    for few in (3, 25, 100):
        _let(monkeypatch, few=few)
        for start in BEGINNINGS:
            ids = _expected(population, "email", start)
            assert _ask(tenant, ("prefix", "email", start), 5, None) == ids[:6]


def test_each_way_to_a_page_is_taken(filled: tuple[Tenant, list[Entity]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above would be hollow otherwise."""
    tenant, population = filled
    ways: set[int | str] = set()
    gathering, walked = sql_pages._Pages._gathering, sql_pages._Pages._walked

    def gather(self: Any, parts: Any, **more: Any) -> Any:
        ways.add("walked" if more else "all" if parts is None else len(parts))
        return gathering(self, parts, **more)

    def walk(self: Any, **more: Any) -> Any:
        ways.add("walked")
        return walked(self, **more)

    monkeypatch.setattr(sql_pages._Pages, "_gathering", gather)
    monkeypatch.setattr(sql_pages._Pages, "_walked", walk)
    for few in (3, 25, 100, 1000):
        _let(monkeypatch, few=few)
        for limit in (0, 1, 5, 40):
            for start in BEGINNINGS:
                _ask(tenant, ("prefix", "email", start), limit, None)
    assert {"all", "walked"} <= ways
    if population is POPULATIONS["IDs by chance"]:
        assert ways == {"all", "walked", 1, 8, 64}
