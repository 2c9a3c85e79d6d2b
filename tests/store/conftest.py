"""Every kind of store behind one door: a store of a new kind is one more line of `KINDS`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import orjson
import pytest
from databases import fresh_database

from wixture.mockserver.keys import make_keys
from wixture.mockserver.messages import Change, Entity, Lookup
from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.sqlite import SqliteStore
from wixture.mockserver.store.sqlite_file import SqliteFile
from wixture.mockserver.store.sqlite_shared import SharedFile
from wixture.mockserver.store.store import Snapshot, Store

from .entities import guid


async def _memory(_: Path, lag_ms: int) -> Store:
    return SqliteStore(lag_ms=lag_ms)


async def _file(folder: Path, lag_ms: int) -> Store:
    return SqliteFile.open(folder / "state.db", lambda: LAUNCH, lag_ms=lag_ms)


async def _postgres(_: Path, lag_ms: int) -> Store:
    return PostgresStore.open(fresh_database(), lambda: LAUNCH, lag_ms=lag_ms)


async def _shared_file(folder: Path, lag_ms: int) -> Store:
    """As a worker has it, whose parent would hold the lock."""
    SqliteFile.open(folder / "state.db", lambda: LAUNCH, lag_ms=lag_ms).hand_over().lock.release()
    return SharedFile.join(folder / "state.db", lag_ms=lag_ms)


LAUNCH = Launch(make_keys(1), random_seed=1, made=0)
KINDS: dict[str, Callable[[Path, int], Awaitable[Store]]] = {
    "memory": _memory,
    "file": _file,
    "postgresql": _postgres,
    "shared file": _shared_file,
}
"""How to open an empty store of each kind: given a folder of its own and the lag of its reads."""

_tenants = count(1)


class Tenant:
    """One new tenant of a store, called without await. `now` is in microseconds."""

    def __init__(self, store: Store, runner: asyncio.Runner) -> None:
        self.store = store
        self.runner = runner
        self.id = guid(next(_tenants), kind=0xB)

    def other(self) -> Tenant:
        """Another new tenant of the same store."""
        return Tenant(self.store, self.runner)

    def find(self, lookup: Lookup, *, now: int = 0) -> Sequence[Entity]:
        found = self.runner.run(self.store.find(self.id, lookup, now=now))
        return [*found.entities, *(orjson.loads(body) for body in found.stored)]

    def commit(self, *changes: Change, now: int = 0) -> None:
        self.runner.run(self.store.commit(self.id, changes, now=now))

    def load(self, *changes: Change, replace: bool = False) -> None:
        self.runner.run(self.store.load(self.id, changes, replace=replace))

    @property
    def snapshot(self) -> Snapshot:
        return self.runner.run(self.store.snapshot(self.id))


OpenStore = Callable[[int], Tenant]


@pytest.fixture(scope="module", params=KINDS)
def open_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStore]:
    """Open a store whose reads lag by some milliseconds; gives a new tenant of it."""
    with ExitStack() as at_end:
        runner = at_end.enter_context(asyncio.Runner())

        def start(lag_ms: int) -> Tenant:
            store = runner.run(KINDS[request.param](tmp_path_factory.mktemp("store"), lag_ms))
            at_end.callback(lambda: runner.run(store.close()))
            return Tenant(store, runner)

        yield start


@pytest.fixture(scope="module")
def shared(open_store: OpenStore) -> Tenant:
    """A tenant of a store without lag that the tests of a file share: take `shared.other()`."""
    return open_store(0)


@pytest.fixture
def tenant(shared: Tenant) -> Tenant:
    """A new tenant of a store without lag."""
    return shared.other()


@pytest.fixture(scope="module")
def shared_lagging(open_store: OpenStore) -> Tenant:
    return open_store(LAG // 1000)


LAG = 5_000_000


@pytest.fixture
def lagging(shared_lagging: Tenant) -> Tenant:
    """A new tenant of a store whose reads lag by LAG microseconds."""
    return shared_lagging.other()
