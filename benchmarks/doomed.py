"""A server that kills itself at a place of its own code: `python -m benchmarks.doomed STORE PLACE:NUMBER`.

The places lie between what must hold together: a change, its event in the outbox, the commit, the sending of the
delivery and the mark that it was sent. At the NUMBERth passing the process is gone as by kill -9. The server is
the one that `wixture serve` runs, but for the warming up.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wixture.mockserver.mock import Mock
from wixture.mockserver.opening import Opened, kept_launch
from wixture.mockserver.server import HttpServer, run
from wixture.mockserver.settings import SQLITE, Settings
from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.postgres_outbox import PostgresOutbox
from wixture.mockserver.store.sqlite_file import SqliteFile
from wixture.mockserver.store.sqlite_outbox import SqliteOutbox
from wixture.mockserver.webhooks.outcomes import Posted
from wixture.mockserver.webhooks.post import Poster

PLACES = (
    "before the outbox",
    "before the commit",
    "after the commit",
    "before the send",
    "after the send",
    "after the mark",
)


class Doom:
    """Where and when the process ends."""

    def __init__(self, place: str, number: int) -> None:
        self._place = place
        self._left = number

    def passing(self, place: str) -> None:
        """End here, if it is the place and the time."""
        if place == self._place:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class DoomedOutbox(SqliteOutbox):
    """An outbox with places to die at."""

    doom: Doom

    def write(self, *arguments: Any) -> Any:
        self.doom.passing("before the outbox")
        written = super().write(*arguments)
        self.doom.passing("before the commit")
        return written

    async def record(self, *arguments: Any, **more: Any) -> None:
        await super().record(*arguments, **more)
        self.doom.passing("after the mark")


class DoomedStore(SqliteFile):
    """A file with places to die at."""

    doom: Doom

    def begin_to_end(self, doom: Doom) -> None:
        """From now on it may end."""
        self.doom = doom
        self.outbox = DoomedOutbox(self._db, self._key, self._known_key, self._transactions)
        self.outbox.doom = doom

    async def commit(self, *arguments: Any, **more: Any) -> int | None:
        version = await super().commit(*arguments, **more)
        self.doom.passing("after the commit")
        return version


class DoomedDatabaseOutbox(PostgresOutbox):
    """An outbox in a database with a place to die at: a commit is one statement, and has none within."""

    doom: Doom

    async def record(self, *arguments: Any, **more: Any) -> None:
        await super().record(*arguments, **more)
        self.doom.passing("after the mark")


class DoomedDatabase(PostgresStore):
    """A database whose server has places to die at."""

    doom: Doom

    def begin_to_end(self, doom: Doom) -> None:
        """From now on it may end."""
        self.doom = doom
        self.outbox = DoomedDatabaseOutbox(self._pool)
        self.outbox.doom = doom

    async def commit(self, *arguments: Any, **more: Any) -> int | None:
        self.doom.passing("before the outbox")
        statement = asyncio.ensure_future(super().commit(*arguments, **more))
        await asyncio.sleep(0)  # it is on its way to the database
        self.doom.passing("before the commit")
        version = await statement
        self.doom.passing("after the commit")
        return version


class DoomedPoster(Poster):
    """Outgoing HTTP with places to die at."""

    doom: Doom

    async def post(self, url: str, body: bytes) -> Posted:
        self.doom.passing("before the send")
        posted = await super().post(url, body)
        self.doom.passing("after the send")
        return posted


def main(arguments: Sequence[str]) -> None:
    """Serve on a free port until the end."""
    address, place, number = arguments[0], *arguments[1].split(":")
    settings, doom = Settings(store=address), Doom(place, int(number))
    store: DoomedStore | DoomedDatabase
    if address.startswith(SQLITE):
        store = DoomedStore.open(Path(address.removeprefix(SQLITE)), lambda: kept_launch(settings))
    else:
        store = DoomedDatabase.open(address, lambda: kept_launch(settings))
    store.begin_to_end(doom)
    mock = Mock(settings, opened=Opened(store, store.launch))
    posts = DoomedPoster(mock.app.dispatch.policy)
    posts.doom = doom
    mock.app.dispatch.send_by(posts)

    def ready(server: HttpServer) -> None:
        print(f"wixture ready on {server.url}", flush=True)

    run(mock, "127.0.0.1", 0, on_ready=ready, lifespan=mock.lifespan, on_stop=mock.retire)


if __name__ == "__main__":
    main(sys.argv[1:])
