"""Transactions of an SQLite database: whole ones, and cheap ones in memory.

They are classes that are entered again and again: a generator for each would be costly.
"""

from __future__ import annotations

import sqlite3

_SHARING = 32
"""Commits that share one transaction."""


class Whole:
    """All of what is written within, or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


class Shared:
    """All of what is written within, or nothing, as part of a transaction that others share.

    Each transaction copies every page that it touches for a ROLLBACK. Nobody else reads a database in memory, and
    it ends with the process, so that it does not matter there when a transaction ends.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._sharing = 0

    def join(self) -> None:
        """Be within the shared transaction, for statements each of which leaves nothing behind when it fails."""
        if self._sharing >= _SHARING and self._db.in_transaction:
            self._db.execute("COMMIT")
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._sharing = 0
        self._sharing += 1

    def __enter__(self) -> None:
        self.join()
        self._db.execute("SAVEPOINT step")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._db.execute("ROLLBACK TO step")
        self._db.execute("RELEASE step")


class Transactions:
    """Those of one database, which nobody else writes while one is open: `whole`, and `step` for each commit."""

    def __init__(self, db: sqlite3.Connection, *, in_memory: bool) -> None:
        self.whole = Whole(db)
        self._shared = Shared(db) if in_memory else None
        self.step: Whole | Shared = self._shared or self.whole

    def join(self) -> bool:
        """Whether there is a transaction that commits share; they are within it then."""
        if self._shared is None:
            return False
        self._shared.join()
        return True
