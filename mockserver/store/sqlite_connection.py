"""Connections to a state file, whose failures for want of a disk are told as the store's."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from wixture.mockserver.store.store import StorageUnavailable

_UNAVAILABLE = frozenset(
    (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    )
)
_WAL_PAGES = 64_000
"""Pages in the log that a commit waits for: 256 MB, should the thread fall behind."""
_PRAGMAS = (
    "PRAGMA synchronous = NORMAL",  # the kernel has a commit before it is acknowledged: kill -9 loses none
    f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)
OPENING_MS = 5000
"""How long the statements of a start wait for other processes."""


class FileConnection(sqlite3.Connection):
    """A connection whose failures for want of a disk are StorageUnavailable; `failed` says that there was one."""

    failed = False

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement."""
        try:
            return super().execute(*arguments)
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement for each of several rows."""
        try:
            return super().executemany(*arguments)
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.DatabaseError) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in _UNAVAILABLE:
            return error
        self.failed |= code != sqlite3.SQLITE_BUSY
        return StorageUnavailable(str(error))


def connected(path: Path) -> FileConnection:
    """A connection to a state file that is there."""
    db: FileConnection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        factory=FileConnection,
    )
    for pragma in (*_PRAGMAS, f"PRAGMA busy_timeout = {OPENING_MS}"):
        db.execute(pragma)
    return db
