"""The store in a file: found or made, looked at before it is used, and safe from kill -9."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from wixture.mockserver.clock import entropy
from wixture.mockserver.store import sqlite_lanes, sqlite_sites
from wixture.mockserver.store.file_lock import FileLock
from wixture.mockserver.store.inspection import inspect, look_at_header
from wixture.mockserver.store.seal import remove_seal, seal, unseal
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.sqlite import SqliteStore
from wixture.mockserver.store.sqlite_connection import FileConnection, connected
from wixture.mockserver.store.sqlite_layout import create, migrate
from wixture.mockserver.store.sqlite_transactions import SHORT_MS
from wixture.mockserver.store.store import BadState, StorageUnavailable

log = logging.getLogger("wixture.store")

_LOG_BYTES = 16 * 1024 * 1024
"""So long may the log be before it is brought into the file, on a thread."""
_COMMITS = 32
"""Commits between two looks at the log."""
_TRIAL_BYTES = 256 * 1024


class SqliteFile(SqliteStore):
    """Entities, events, records and keys in a file. Use `open`; `launch` is what a server starts from."""

    survives = True

    def __init__(self, path: Path, lock: FileLock | None, db: FileConnection, *, lag_ms: int = 0) -> None:
        """`lock` is what no other process has; without one, another holds it for this process."""
        super().__init__(db, lag_ms=lag_ms)
        self._file = db
        self._commits = 0
        self._bringing_in: asyncio.Task[None] | None = None
        self._path = path
        self._lock = lock
        self.launch: Launch = self._begun()
        if sqlite_sites.lagged(db) != (lag_ms > 0):
            with self._transactions.whole:
                self._entities.begin(followed=lag_ms == 0)
                sqlite_sites.note_lag(db, lagging=lag_ms > 0)
        db.execute(f"PRAGMA busy_timeout = {SHORT_MS}")

    @classmethod
    def open(cls, path: Path, new: Callable[[], Launch], *, lag_ms: int = 0) -> Self:
        """The store in a file, which is made when there is none: `new` is what its server starts from then.

        Raises BadState for a file that is no sound state of this version or an older one, and leaves it as it is;
        raises StateInUse while another process has it.
        """
        try:
            look_at_header(path)
            _make_folder(path.parent)
            lock = FileLock(_beside(path, "-lock"))
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            return cls._opened(path, lock, new, lag_ms)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _opened(cls, path: Path, lock: FileLock, new: Callable[[], Launch], lag_ms: int) -> Self:
        try:
            if not path.exists():
                _make(path, new())
            if inspect(path):
                unseal(path)
            db = connected(path)
            try:
                _shorten_log(path, db)
                migrate(db)
                return cls(path, lock, db, lag_ms=lag_ms)
            except BaseException:
                db.close()
                raise
        except OSError as error:
            raise _unusable(path, error) from error
        except (sqlite3.Error, StorageUnavailable, KeyError, ValueError) as error:
            raise BadState(f"{path} cannot be used as a state file: {error}.") from error

    def _begun(self) -> Launch:
        """What this start starts from; the next one is told that it is another."""
        launch = sqlite_sites.launched(self._db)
        try:
            remove_seal(self._db)
            sqlite_lanes.clear_all(self._db)
            sqlite_sites.count_start(self._db, launch.generation)
        except StorageUnavailable:  # reads can go on
            launch = with_a_number_of_its_own(launch)
        return launch

    async def commit(self, *arguments: Any, **more: Any) -> int | None:
        """Write all changes, or nothing; see SqliteStore."""
        self._commits += 1
        try:
            return await super().commit(*arguments, **more)
        except StorageUnavailable:
            self._commits = _COMMITS  # it may be the log that has filled the disk
            raise
        finally:
            if self._commits >= _COMMITS:
                self._commits = 0
                self._look_at_log()

    def _look_at_log(self) -> None:
        if self._bringing_in is None and _length(_beside(self._path, "-wal")) > _LOG_BYTES:
            self._bringing_in = asyncio.get_running_loop().create_task(self._bring_in(), name="state file")

    async def _bring_in(self) -> None:
        """Bring the log into the file while requests go on, and then what was added to it meanwhile."""
        try:
            await asyncio.to_thread(_checkpoint, self._path)
            self._transactions.end()
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except (StorageUnavailable, sqlite3.Error) as error:
            log.warning("the log of %s stays as long as it is: %s", self._path, error)
        finally:
            self._bringing_in = None

    async def check(self) -> str | None:
        """Why nothing can be written now, found out by writing; None when it can."""
        try:
            await self._transactions.turn()
            # Where there was no room for a change, there can still be room for less than one.
            for size in (_TRIAL_BYTES, 0) if self._file.failed else (0,):
                with self._transactions.whole:
                    sqlite_sites.try_out(self._db, size)
        except StorageUnavailable as error:
            return str(error)
        self._file.failed = False
        return None

    async def close(self) -> None:
        """Bring everything into the file, seal it and let go of it."""
        if self._bringing_in is not None:
            await self._bringing_in
        self._transactions.end()
        if self._lock is None:
            self._db.close()
        else:
            _put_away(self._path, self._lock, self._db)

    def hand_over(self) -> HeldFile:
        """Close the file for other processes to open: this one only keeps others away."""
        assert self._lock is not None  # noqa: S101  # only who has the lock can hand it over
        self._transactions.end()
        self._db.close()
        return HeldFile(self._path, self._lock)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A state file that workers have open, and its lock."""

    path: Path
    lock: FileLock

    def close(self) -> None:
        """Put the file away, once all workers have ended."""
        try:
            db = connected(self.path)
        except (StorageUnavailable, sqlite3.Error):
            self.lock.release()
        else:
            _put_away(self.path, self.lock, db)


def with_a_number_of_its_own(launch: Launch) -> Launch:
    """A start that cannot be counted, with a number that no other start will ever have."""
    return replace(launch, generation=int.from_bytes(entropy(6), "big"))


def _put_away(path: Path, lock: FileLock, db: sqlite3.Connection) -> None:
    """Bring everything into a file that nobody else has open, seal it and let go of it."""
    with suppress(StorageUnavailable, sqlite3.Error):
        db.execute(f"PRAGMA busy_timeout = {SHORT_MS}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    try:
        if not _beside(path, "-wal").exists():
            seal(path)
    except (OSError, sqlite3.Error, ValueError) as error:
        log.warning("%s stays without a seal: %s", path, type(error).__name__)
    finally:
        lock.release()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _unusable(path: Path, error: OSError) -> BadState:
    how = "Let this user write in its folder, or use another path."
    return BadState(f"{path} cannot be used as a state file: {error.strerror}. {how}")


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # somebody has removed it
        return 0


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it where there are none, for this user alone."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _make(path: Path, launch: Launch) -> None:
    """Make a state under another name, whole, and give it its own name then: a kill leaves no half of one."""
    if _beside(path, "-wal").exists():
        text = f"{path} is gone, but its log {path.name}-wal is there. Bring the file back, or remove the log too."
        raise BadState(text)
    unfinished = _beside(path, "-new")
    for ending in ("", "-journal", "-wal", "-shm"):
        _beside(unfinished, ending).unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        db = sqlite3.connect(unfinished, isolation_level=None)
        try:
            create(db)
            sqlite_sites.found(db, launch)
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _shorten_log(path: Path, db: sqlite3.Connection) -> None:
    """Bring in what kills have left in the log, if it is much: each start reads all of it."""
    if _length(_beside(path, "-wal")) > _LOG_BYTES:
        with suppress(StorageUnavailable):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _checkpoint(path: Path) -> None:
    """Bring what is in the log into the file, with a connection of one's own."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        db.close()
