"""Commits to a file in one turn of the loop share a transaction: together on the disk, apart in all else."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from wixture.mockserver.messages import ById
from wixture.mockserver.store.sqlite_file import SqliteFile
from wixture.mockserver.store.store import Conflict, StorageUnavailable

from .conftest import LAUNCH
from .entities import consent, created, guid
from .kills import killed

TENANT, OTHER = guid(1, kind=0xB), guid(2, kind=0xB)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def store(path: Path, runner: asyncio.Runner) -> Iterator[SqliteFile]:
    store = SqliteFile.open(path, lambda: LAUNCH)
    yield store
    runner.run(store.close())


def left_by_a_kill(path: Path, into: Path) -> set[str]:
    """The IDs that the next process would find now."""

    async def ids() -> set[str]:
        store = SqliteFile.open(killed(path, into), lambda: LAUNCH)
        found = [
            one["id"] for tenant in (TENANT, OTHER) for one in (await store.snapshot(tenant))["marketingConsents"]
        ]
        await store.close()
        return set(found)

    return asyncio.run(ids())


@contextmanager
def files_that_may_not_grow() -> Iterator[None]:
    """For a moment this process can add nothing to any file of more than 64 KB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_conflict_takes_back_its_own_writes_alone(
    store: SqliteFile, runner: asyncio.Runner, path: Path, tmp_path: Path
) -> None:
    async def all_at_once() -> list[object]:
        pairs = [(1, 2), (3, 1), (4, 5), (5, 6)]
        changes = [[created(consent(first)), created(consent(second))] for first, second in pairs]
        commits = (store.commit(TENANT, change, now=0) for change in changes)
        return await asyncio.gather(*commits, return_exceptions=True)

    first, second, third, fourth = runner.run(all_at_once())
    assert (first, third) == (None, None)
    assert isinstance(second, Conflict)
    assert isinstance(fourth, Conflict)
    assert left_by_a_kill(path, tmp_path / "killed") == {guid(number) for number in (1, 2, 4, 5)}


def test_nobody_is_answered_before_the_commit_is_made(
    store: SqliteFile, runner: asyncio.Runner, path: Path, tmp_path: Path
) -> None:
    async def look() -> list[str]:
        steps: list[str] = []

        async def write() -> None:
            await store.commit(TENANT, [created(consent(1))], now=0)
            steps.append("written")

        async def read() -> None:
            found = await store.find(TENANT, ById(guid(1)), now=0)
            steps.append(f"sees {len(found.entities)}, {len(left_by_a_kill_in_a_thread())} kept")
            await store.settled()
            steps.append(f"answers, {len(left_by_a_kill_in_a_thread())} kept")

        await asyncio.gather(write(), read())
        return steps

    numbers = iter("ab")

    def left_by_a_kill_in_a_thread() -> set[str]:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(left_by_a_kill, path, tmp_path / next(numbers)).result()

    runner.run(store.commit(OTHER, [created(consent(7))], now=0))
    assert sorted(runner.run(look())) == ["answers, 2 kept", "sees 1, 1 kept", "written"]


def test_when_the_commit_fails_all_of_it_are_told_and_nothing_of_it_is_there(
    store: SqliteFile, runner: asyncio.Runner
) -> None:
    async def all_at_once() -> list[object]:
        big = {"description": "x" * 60_000}
        commits = [
            store.commit(tenant, [created(consent(number, **big))], now=0)
            for tenant in (TENANT, OTHER)
            for number in range(1, 9)
        ]
        return await asyncio.gather(*commits, return_exceptions=True)

    with files_that_may_not_grow():
        failed = runner.run(all_at_once())
    assert {type(one) for one in failed} == {StorageUnavailable}
    for tenant in (TENANT, OTHER):
        assert runner.run(store.snapshot(tenant))["marketingConsents"] == []
    assert runner.run(all_at_once()) == [None] * 16
    assert len(runner.run(store.snapshot(OTHER))["marketingConsents"]) == 8


def test_someone_who_no_longer_waits_takes_nothing_from_the_others(
    store: SqliteFile, runner: asyncio.Runner
) -> None:
    async def all_at_once() -> list[object]:
        tasks = [asyncio.ensure_future(store.commit(TENANT, [created(consent(n))], now=0)) for n in range(1, 4)]
        asyncio.get_running_loop().call_soon(tasks[0].cancel)
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = runner.run(all_at_once())
    assert isinstance(first, asyncio.CancelledError)
    assert others == [None, None]
    assert len(runner.run(store.snapshot(TENANT))["marketingConsents"]) == 3
