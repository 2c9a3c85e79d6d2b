"""Opens the state that a server was told to use, and says what the server starts from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wixture.mockserver.clock import new_random_seed, wall_microseconds
from wixture.mockserver.keys import make_keys
from wixture.mockserver.settings import POSTGRES, SQLITE, Settings
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.sqlite import SqliteStore
from wixture.mockserver.store.store import BadState, Store

if TYPE_CHECKING:
    from wixture.mockserver.store.sqlite_file import HeldFile


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, and what its server starts from."""

    store: Store
    launch: Launch


def begin(settings: Settings, store: Store | None) -> Opened:
    """A store that was made just now; without one, what the settings name. Raises BadState, or StateInUse."""
    return open_state(settings) if store is None else Opened(store, new_launch(settings))


def open_state(settings: Settings) -> Opened:
    """The store that the settings name. Raises BadState, or StateInUse."""
    if settings.store.startswith(POSTGRES):
        return _open_database(settings)
    if not settings.store.startswith(SQLITE):
        return Opened(SqliteStore(lag_ms=settings.consistency_ms), new_launch(settings))
    from wixture.mockserver.store.sqlite_file import SqliteFile

    path = _path(settings)
    store = SqliteFile.open(path, lambda: kept_launch(settings), lag_ms=settings.consistency_ms)
    return Opened(store, store.launch)


def hand_over(store: Store) -> HeldFile | None:
    """Let go of a state that was opened here, for other processes to join; what is held of a file meanwhile."""
    from wixture.mockserver.store.sqlite_file import SqliteFile

    return store.hand_over() if isinstance(store, SqliteFile) else None


def join_state(settings: Settings) -> Opened:
    """The state that another process of the same server has opened and handed over. Raises BadState."""
    if settings.store.startswith(POSTGRES):
        return _open_database(settings)
    from wixture.mockserver.store.sqlite_shared import SharedFile

    path = _path(settings)
    store = SharedFile.join(path, lag_ms=settings.consistency_ms)
    return Opened(store, store.launch)


def _path(settings: Settings) -> Path:
    """Where the state file is: by its own name, not that of a link, as what stands beside it goes by that name."""
    return Path(os.path.realpath(settings.store.removeprefix(SQLITE)))


def _open_database(settings: Settings) -> Opened:
    try:
        from wixture.mockserver.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise BadState("PostgreSQL needs an extra: pip install 'wixture[postgres]'.") from error
    store = PostgresStore.open(settings.store, lambda: kept_launch(settings), lag_ms=settings.consistency_ms)
    return Opened(store, store.launch)


def new_launch(settings: Settings) -> Launch:
    """What a server starts from that finds no state."""
    random_seed = new_random_seed() if settings.random_seed is None else settings.random_seed
    return Launch(keys=make_keys(settings.random_seed), random_seed=random_seed)


def kept_launch(settings: Settings) -> Launch:
    """The same for a state that is kept: with the key that signs webhooks, for receivers go on knowing it."""
    from wixture.mockserver.webhooks.signing import new_key

    launch = new_launch(settings)
    signing = () if settings.signing_key else (new_key().private_pem(),)
    return Launch(launch.keys, launch.random_seed, made=wall_microseconds(), signing_keys=signing)
