"""A real PostgreSQL server for tests, started when the first of them asks, and an empty database for each."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from wixture.mockserver.store.in_thread import run_apart

_numbers = count(1)


def programs() -> Path:
    """Where the server's programs are. Without them the test is skipped, or fails where they are required."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    for place in (*places, *([Path(found).resolve().parent] if found else [])):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    text = "No PostgreSQL server is installed (apt-get install postgresql): its store is not tested."
    if "postgres" in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
        pytest.fail(f"{text} WIXTURE_REQUIRE names postgres, so this is a failure.", pytrace=False)
    pytest.skip(text)


class Server:
    """A server that can be stopped and started, and is gone with the process that has it."""

    def __init__(self) -> None:
        command = [sys.executable, Path(__file__).with_name("database_keeper.py"), programs()]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder = self._answer()
        atexit.register(self.close)

    def _answer(self) -> str:
        assert self._keeper.stdout is not None
        line = self._keeper.stdout.readline().strip()
        assert line, "the server did not start; what it said is above"
        return line

    def tell(self, order: str) -> None:
        """Have it `start`ed, `stop`ped or `kill`ed."""
        assert self._keeper.stdin is not None
        print(order, file=self._keeper.stdin, flush=True)
        assert self._answer() == "done"

    def url(self, database: str, user: str = "wixture") -> str:
        """The address of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def fresh(self) -> str:
        """The address of a new, empty database."""
        name = f"test{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}", database="postgres")
        return self.url(name)

    def execute(self, *statements: str, database: str) -> None:
        """Run statements, each by itself, as the superuser."""
        run_apart(_executed(self.url(database), statements))

    def killed(self, url: str) -> str:
        """A copy of a database as it is now; who has the one that is copied cannot use it any more."""
        old, new = name_of(url), f"test{next(_numbers)}"
        self.execute(
            f"ALTER DATABASE {old} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{old}'",  # noqa: S608
            f"CREATE DATABASE {new} TEMPLATE {old}",
            database="postgres",
        )
        return self.url(new)

    def close(self) -> None:
        if self._keeper.poll() is None:
            assert self._keeper.stdin is not None
            assert self._keeper.stdout is not None
            self._keeper.stdin.close()
            self._keeper.wait(20)
            self._keeper.stdout.close()
        atexit.unregister(self.close)


async def _executed(url: str, statements: tuple[str, ...]) -> None:
    db = await asyncpg.connect(url)
    try:
        for statement in statements:
            await db.execute(statement)
    finally:
        await db.close()


def name_of(url: str) -> str:
    """The name of the database at an address."""
    return urlsplit(url).path[1:]


def ask(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement finds in a database."""

    async def asked() -> list[tuple[Any, ...]]:
        db = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await db.fetch(sql, *values)]
        finally:
            await db.close()

    return run_apart(asked())


_shared: list[Server] = []


def shared_server() -> Server:
    """The server that the tests of this process share; none may stop it."""
    if not _shared:
        _shared.append(Server())
    return _shared[0]


def fresh_database() -> str:
    """The address of a new, empty database on the server that tests share."""
    return shared_server().fresh()
