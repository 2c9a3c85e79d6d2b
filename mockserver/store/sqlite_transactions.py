"""Transactions of an SQLite database: whole ones, cheap ones in memory, and grouped ones in a file.

They are classes that are entered again and again: a generator for each would be costly.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable

from wixture.mockserver.store.store import Abandoned, StorageUnavailable

_SHARING = 32
"""Commits that share one transaction."""
LOCK_SECONDS = 2.0
"""How long other processes may keep this one from writing: half of what a claim to a receiver is good for."""
SHORT_MS = 100
"""How long a statement waits for other processes by itself, and all that this one does with it."""
_PAUSE = 0.003


class Whole:
    """All of what is written within, or nothing."""

    def __init__(self, db: sqlite3.Connection, on_loss: Callable[[], None]) -> None:
        """`on_loss` is called when what was written is taken back."""
        self._db = db
        self._on_loss = on_loss

    def __enter__(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if kind is not None:
                self._on_loss()
            if self._db.in_transaction:  # SQLite ends some by itself when the disk is full
                self._db.execute("ROLLBACK")


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


class Grouped:
    """All of what is written within, or nothing, in a commit with all that is written in one turn of the loop.

    A commit to a file costs ten times what its statements do. Nobody is answered before it is made: `settled`.
    """

    def __init__(self, db: sqlite3.Connection, on_loss: Callable[[], None]) -> None:
        """`on_loss` is called when writes that seemed to be made are not."""
        self._db = db
        self._on_loss = on_loss
        self._is_open = False
        self._is_used = False
        self._kept_since: float | None = None
        self._waiting: list[asyncio.Future[Exception | None]] = []

    async def turn(self) -> None:
        """Return when no other process writes, within a transaction that ends with this turn of the loop.

        Reads are answered meanwhile. Raises StorageUnavailable once others have kept it for too long, and at once
        as long as they keep it then; raises Abandoned.
        """
        while not self._db.in_transaction and not self._begins():
            now = time.monotonic()
            self._kept_since = self._kept_since or now
            if now - self._kept_since >= LOCK_SECONDS:
                raise StorageUnavailable("another process keeps the file from being written")
            try:
                await asyncio.sleep(_PAUSE)
            except asyncio.CancelledError as error:
                raise Abandoned from error
        self._kept_since = None

    def _begins(self) -> bool:
        """Begin a transaction, unless another process is in one."""
        self._db.execute("PRAGMA busy_timeout = 0")
        try:
            self.begin()
        except StorageUnavailable as error:
            if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        finally:
            self._db.execute(f"PRAGMA busy_timeout = {SHORT_MS}")
        return True

    def begin(self) -> None:
        """Be within a transaction that ends with this turn of the loop: other processes wait for that."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._is_open, self._is_used = True, False
            asyncio.get_running_loop().call_soon(self.end)

    def take(self) -> bool:
        """Whether there is a transaction in which nobody has written yet: it is the caller's to end then."""
        if not self._is_open or self._is_used or not self._db.in_transaction:
            return False
        self._ended(None)
        return True

    def __enter__(self) -> None:
        self.begin()
        self._is_used = True
        self._db.execute("SAVEPOINT step")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if kind is not None:
                self._db.execute("ROLLBACK TO step")
            self._db.execute("RELEASE step")
        except Exception as lost:  # SQLite ends some by itself when the disk is full
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._ended(StorageUnavailable(str(error or lost)))
            raise StorageUnavailable(str(error or lost)) from lost

    def end(self) -> None:
        """Commit what is open, and let those who wait for it know how that went."""
        if not self._is_open:
            return
        try:
            self._db.execute("COMMIT")
        except Exception as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._ended(error)
        else:
            self._ended(None)

    def _ended(self, error: Exception | None) -> None:
        self._is_open = False
        if error is not None:
            self._on_loss()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(error)

    async def settled(self) -> None:
        """Return when what was written, or read, so far is committed. Raises what the commit raised."""
        if self._is_open:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            error = await waiting
            if error is not None:
                raise error


class WholeOfFile(Whole):
    """All of what is written within, or nothing, after what others have written."""

    def __init__(self, db: sqlite3.Connection, grouped: Grouped, on_loss: Callable[[], None]) -> None:
        super().__init__(db, on_loss)
        self._grouped = grouped

    def __enter__(self) -> None:
        if not self._grouped.take():
            self._grouped.end()
            super().__enter__()


class Transactions:
    """Those of one database, which nobody else writes while one is open: `whole`, and `step` for each commit."""

    def __init__(self, db: sqlite3.Connection, *, in_memory: bool, on_loss: Callable[[], None]) -> None:
        self._shared = Shared(db) if in_memory else None
        self._grouped = None if in_memory else Grouped(db, on_loss)
        self.whole = WholeOfFile(db, self._grouped, on_loss) if self._grouped else Whole(db, on_loss)
        self.step: Shared | Grouped | Whole = self._shared or self._grouped or self.whole

    def join(self) -> bool:
        """Whether there is a transaction that commits share; they are within it then."""
        if self._shared is None:
            return False
        self._shared.join()
        return True

    async def turn(self) -> None:
        """Return when this process may write, where others write, too. Raises StorageUnavailable."""
        if self._grouped is not None:
            await self._grouped.turn()

    def begin(self) -> None:
        """Be within a transaction, where a file is written: what is read now holds until it is committed."""
        if self._grouped is not None:
            self._grouped.begin()

    def end(self) -> None:
        """Have everything committed before it is read by whoever tells others of it."""
        if self._grouped is not None:
            self._grouped.end()

    async def settled(self) -> None:
        """Return when what was written, or read, so far is committed. Raises StorageUnavailable."""
        if self._grouped is not None:
            await self._grouped.settled()
