"""Connections to PostgreSQL: the one file that asks the driver, whose failures `postgres_troubles` tells.

A write comes to its end even if whoever asked for it does not wait any more. A connection whose statement came to
no end is thrown away, so that none is ever used again in an unknown state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeVar

import asyncpg  # type: ignore[import-untyped]

from wixture.mockserver.store.postgres_address import Address
from wixture.mockserver.store.postgres_functions import CHANGED, LOST, TAKEN
from wixture.mockserver.store.postgres_troubles import (
    LOST_IN_FLIGHT,
    all_in_use,
    conflict,
    is_unavailable,
    unavailable,
)
from wixture.mockserver.store.store import Conflict, IdTaken, StorageUnavailable

SIZE = 10
"""Connections of one server to its database, at most."""
_PATIENCE = 5.0
"""Seconds to wait for a connection, be it for a new one or for one that others use."""
_STATEMENT = 5.0
"""Seconds that a statement may take, but for those that name another bound."""
MUCH_SECONDS = 600.0
"""Seconds for a statement that moves much."""
_LAST_SECONDS = 1.0
"""Seconds that `close` waits for those who use a connection."""
_ENDING_SECONDS = 0.1
_MOST_DEADLOCKS = 16
_SETTINGS = {
    "application_name": "wixture",
    "default_transaction_isolation": "read committed",
    "jit": "off",  # it costs more than any of our statements
    "timezone": "UTC",
    # Every statement has an index made for it, which a planner that knows no counts yet would not take.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "random_page_cost": "1.1",
}
_CLASHES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

Connection = Any
"""A connection of the driver, which has no types of its own."""
Row = Any
_Result = TypeVar("_Result")


async def connect(address: Address, *, seconds: float | None = None) -> Connection:
    """A new connection, within the seconds that there are for it. Raises what the driver raises."""
    return await asyncpg.connect(
        address.dsn,
        timeout=_PATIENCE if seconds is None else max(seconds, 0.01),
        command_timeout=_STATEMENT,
        statement_cache_size=512,
        server_settings=_SETTINGS,
    )


class Pool:
    """The connections of one server, made when they are needed, in the loop of whoever asks first."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []
        self._taken: set[Connection] = set()
        self._writes: set[asyncio.Task[Any]] = set()
        self._slots = asyncio.Semaphore(SIZE)
        self._closed = False

    async def fetch(self, sql: str, *values: Any, seconds: float | None = None) -> Sequence[Row]:
        """The rows of a statement that can be asked again when its connection turns out to be gone: it only reads.

        `seconds` is how long it may take, where that is not what statements usually may.
        """
        try:
            return await self._fetched(sql, values, seconds)
        except StorageUnavailable as error:
            cause = error.__cause__
            if self._closed or isinstance(cause, TimeoutError) or not isinstance(cause, LOST_IN_FLIGHT):
                raise
        return await self._fetched(sql, values, seconds)

    async def _fetched(self, sql: str, values: Sequence[Any], seconds: float | None) -> Sequence[Row]:
        connection = await self._take()
        sound = False
        try:
            rows: Sequence[Row] = await connection.fetch(sql, *values, timeout=seconds)
            sound = True
        except Exception as error:
            sound = _is_sound(connection, error)
            self._raise(error)
        finally:
            self._give_back(connection, sound=sound)
        return rows

    async def write(self, sql: str, *values: Any, seconds: float | None = None) -> Sequence[Row]:
        """The rows of a statement that writes, all of it or nothing."""
        return await self.transact(lambda connection: connection.fetch(sql, *values, timeout=seconds), alone=True)

    async def transact(self, body: Callable[[Connection], Awaitable[_Result]], *, alone: bool = False) -> _Result:
        """Run statements in one transaction; `alone` for a single one, which is a transaction by itself."""
        write = asyncio.get_running_loop().create_task(self._transacted(body, alone))
        self._writes.add(write)
        write.add_done_callback(self._written)
        await asyncio.wait([write])  # which goes on if whoever waits is cancelled
        return write.result()

    def _written(self, write: asyncio.Task[Any]) -> None:
        self._writes.discard(write)
        if not write.cancelled():
            write.exception()  # nobody may wait for it any more

    async def _transacted(self, body: Callable[[Connection], Awaitable[_Result]], alone: bool) -> _Result:
        for _ in range(_MOST_DEADLOCKS):
            try:
                return await self._once(body, alone)
            except _CLASHES:
                continue  # the database took all of it back, for others to go on
        raise Conflict("others keep changing the same entities")

    async def _once(self, body: Callable[[Connection], Awaitable[_Result]], alone: bool) -> _Result:
        connection = await self._take()
        sound = False
        try:
            if alone:
                result = await body(connection)
            else:
                async with connection.transaction():
                    result = await body(connection)
            sound = True
        except Exception as error:
            sound = _is_sound(connection, error)
            self._raise(error, writing=True)
        finally:
            self._give_back(connection, sound=sound)
        return result

    async def _take(self) -> Connection:
        """A connection for the caller alone, within what patience there is for all that this takes."""
        end = None
        if self._slots.locked():
            end = asyncio.get_running_loop().time() + _PATIENCE
            try:
                async with asyncio.timeout_at(end):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise all_in_use(self._address, SIZE) from error
        else:
            await self._slots.acquire()
        try:
            connection = await self._unused(end)
        except BaseException as error:
            self._slots.release()
            self._raise(error)
        self._taken.add(connection)
        return connection

    async def _unused(self, end: float | None) -> Connection:
        if self._closed:
            raise StorageUnavailable("the server stops")
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        left = None if end is None else end - asyncio.get_running_loop().time()
        return await connect(self._address, seconds=left)

    def _give_back(self, connection: Connection, *, sound: bool) -> None:
        self._taken.discard(connection)
        if sound and not self._closed:
            self._idle.append(connection)
        else:
            connection.terminate()
        self._slots.release()

    def _raise(self, error: BaseException, *, writing: bool = False) -> NoReturn:
        """Raise what the store's callers know, in the place of what the driver raises; the rest as it is."""
        code = getattr(error, "sqlstate", None)
        if code in (LOST, TAKEN, CHANGED):
            raise conflict(code, getattr(error, "detail", None)) from error
        if isinstance(error, asyncpg.UniqueViolationError):
            raise IdTaken("the ID of an event or a delivery is taken") from error
        if isinstance(error, TimeoutError):  # from those that are idle no answer would come either
            self._end_idle()
        if is_unavailable(error):
            raise unavailable(self._address, error, writing=writing) from error
        raise error

    def _end_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()

    async def close(self) -> None:
        """Let go of every connection: at once where it is idle, else once it was used, or after a second."""
        taken = 0
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                for _ in range(SIZE):
                    await self._slots.acquire()
                    taken += 1
                self._closed = True
                await asyncio.gather(*(one.close() for one in self._idle), return_exceptions=True)
        except TimeoutError:
            pass
        finally:
            self._closed = True
            self._end_idle()
            for connection in self._taken:
                connection.terminate()
            for _ in range(taken):
                self._slots.release()
        if self._writes:
            await asyncio.wait(self._writes, timeout=_ENDING_SECONDS)


def _is_sound(connection: Connection, error: Exception) -> bool:
    gone = isinstance(error, TimeoutError | OSError | asyncpg.InternalClientError) or connection.is_closed()
    return not gone and not connection.is_in_transaction()
