"""A state file that another process keeps from being written: reads go on, writes wait, and not for long."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wixture.mockserver.app import Application
from wixture.mockserver.messages import ById
from wixture.mockserver.settings import Settings
from wixture.mockserver.store import sqlite_transactions
from wixture.mockserver.store.sqlite_file import SqliteFile
from wixture.mockserver.store.sqlite_shared import SharedFile
from wixture.mockserver.store.store import StorageUnavailable

from .conftest import LAUNCH
from .entities import consent, created, guid

TENANT = guid(1, kind=0xB)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=["file", "shared file"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[SqliteFile]:
    store = SqliteFile.open(path, lambda: LAUNCH)
    held = None
    if request.param == "shared file":
        held = store.hand_over()
        store = SharedFile.join(path)
    yield store
    asyncio.run(store.close())
    if held is not None:
        held.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else writes, and takes a long time."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        db.execute("ROLLBACK")
        db.close()


def test_while_another_process_writes_reads_are_answered_and_writes_wait(store: SqliteFile, path: Path) -> None:
    async def run() -> None:
        await store.commit(TENANT, [created(consent(1))], now=0)
        with locked(path):
            writes = [asyncio.ensure_future(store.commit(TENANT, [created(consent(n))], now=0)) for n in (2, 3)]
            for _ in range(5):
                found = await store.find(TENANT, ById(guid(1)), now=0)
                assert len(found.entities) == 1
                await asyncio.sleep(0.01)
            assert not any(write.done() for write in writes)
        await asyncio.gather(*writes)
        assert len((await store.snapshot(TENANT))["marketingConsents"]) == 3

    asyncio.run(run())


def test_who_waited_in_vain_is_refused_and_those_after_at_once_until_it_is_free(
    store: SqliteFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_transactions, "LOCK_SECONDS", 0.05)

    async def run() -> None:
        pauses: list[float] = []
        really_sleep = asyncio.sleep

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            await really_sleep(seconds)

        monkeypatch.setattr(sqlite_transactions.asyncio, "sleep", sleep)
        with locked(path):
            with pytest.raises(StorageUnavailable, match="another process keeps the file from being written"):
                await store.commit(TENANT, [created(consent(1))], now=0)
            waited = len(pauses)
            for write in (
                store.commit(TENANT, [created(consent(1))], now=0),
                store.load(TENANT, [], replace=True),
                store.forget(TENANT),
                store.sites.save(TENANT, b"{}"),
                store.outbox.claim(TENANT, "http://127.0.0.1:9", worker="1", now=0, until=1),
            ):
                with pytest.raises(StorageUnavailable):
                    await write
            assert len(pauses) == waited > 0
            assert "another process" in str(await store.check())
        assert await store.check() is None
        await store.commit(TENANT, [created(consent(1))], now=0)

    asyncio.run(run())


def test_a_worker_starts_to_read_while_nothing_can_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteFile.open(path, lambda: LAUNCH)
    asyncio.run(store.commit(TENANT, [created(consent(1))], now=0))
    held = store.hand_over()
    known = {store.launch.generation}
    with locked(path):
        monkeypatch.setattr("wixture.mockserver.store.sqlite_connection.OPENING_MS", 1)
        readers = [SharedFile.join(path) for _ in range(2)]
        known |= {reader.launch.generation for reader in readers}
        assert len(known) == 3, "each has a number that no other has"
        found = asyncio.run(readers[0].find(TENANT, ById(guid(1)), now=0))
        assert len(found.entities) == 1
    for reader in readers:
        asyncio.run(reader.close())
    held.close()


def test_who_does_not_wait_any_more_has_written_nothing(path: Path) -> None:
    async def run() -> None:
        app = Application(Settings(store=f"sqlite:{path}", clock="2024-01-31T08:00:00Z"))
        tenant = app.tenants.get(app.settings.instance_id)
        change, now = created(consent(1)), tenant.clock.now()
        with locked(path):
            commit = app.commit(tenant, [change], app.own_caller(tenant), origin="test", now=now)
            waiting = asyncio.ensure_future(commit)
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert (sum(app.tally.events.values()), app.tally.commits) == (0, {"failed": 1})
        assert (await app.store.snapshot(tenant.instance_id))["marketingConsents"] == []
        await app.store.close()

    asyncio.run(run())
