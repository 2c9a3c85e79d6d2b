"""The layout of a PostgreSQL database by its version: how it is made in an empty one, and brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wixture.mockserver.store.launch_rows import launch_of, rows_of
from wixture.mockserver.store.postgres_functions import FUNCTIONS
from wixture.mockserver.store.postgres_tables import IN_PART, TABLES
from wixture.mockserver.store.sites import NO_TENANT, Launch
from wixture.mockserver.store.store import BadState

VERSION = 2
"""The layout of today. Every change of a table or a function adds 1, and a line to MIGRATIONS."""
MIGRATIONS: Mapping[int, tuple[str, ...]] = {1: IN_PART}
"""The statements that make the layout of the next version out of one."""
_LOCK = 0x57495854
"""By which servers that start at once let one of them go first."""
_SECONDS = 600.0
"""For a statement at a start that moves much, or waits for another server that does."""
SET = "INSERT INTO wixture.state VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_COUNT = (
    "UPDATE wixture.state SET value = (convert_from(value, 'UTF8')::bigint + 1)::text::bytea "
    "WHERE name = 'starts' RETURNING convert_from(value, 'UTF8')::bigint - 1"
)
_FOLLOW = (
    "INSERT INTO wixture.seen_consents SELECT * FROM wixture.consents",
    "INSERT INTO wixture.seen_channels SELECT * FROM wixture.channels",
)
_FORGET = "TRUNCATE wixture.seen_consents, wixture.seen_channels, wixture.pending"


async def begin(
    db: Any,
    new: Callable[[], Launch],
    *,
    lagging: bool,
    to: int = VERSION,
    migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS,
) -> Launch:
    """Make what is missing, bring what is old up to date, and take the next generation: all of it or nothing.

    `new` is what the first server of a database starts from. Raises BadState for what cannot be used.
    """
    if await db.fetchval("SHOW server_encoding") != "UTF8":
        raise BadState("the database has another encoding than UTF8. Make it with createdb --encoding=UTF8.")
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_SECONDS)
        if await db.fetchval("SELECT to_regclass('wixture.layout')") is None:
            await _create(db, new())
        else:
            await _migrate(db, to, migrations)
        await _let_lag(db, lagging)
        return await _launched(db)


async def _create(db: Any, launch: Launch) -> None:
    if await db.fetchval("SELECT to_regnamespace('wixture')") is None:
        await db.execute("CREATE SCHEMA wixture")
    for statements in (*TABLES, *FUNCTIONS):
        await db.execute(statements)
    await db.execute("INSERT INTO wixture.layout VALUES ($1)", VERSION)
    await db.executemany(SET, rows_of(launch))


async def _migrate(db: Any, to: int, migrations: Mapping[int, tuple[str, ...]]) -> None:
    version = await db.fetchval("SELECT version FROM wixture.layout")
    if version is None or version > to:
        raise BadState(
            f"the schema wixture has layout {version}, of a newer Wixture; this one knows {to}. "
            "Use the newer version, or another database."
        )
    for step in range(version, to):
        for statement in migrations[step]:
            await db.execute(statement, timeout=_SECONDS)
    if version < to:
        await db.execute("UPDATE wixture.layout SET version = $1", to)


async def _let_lag(db: Any, lagging: bool) -> None:
    """Make the tables of lagging reads fit, where the last start was told otherwise than this one."""
    value = b"1" if lagging else b"0"
    if await db.fetchval("SELECT value FROM wixture.state WHERE name = 'lag'") == value:
        return
    await db.execute(_FORGET, timeout=_SECONDS)
    for statement in _FOLLOW if lagging else ():
        await db.execute(statement, timeout=_SECONDS)
    await db.execute(SET, "lag", value)


async def _launched(db: Any) -> Launch:
    """What a server starts from that finds this state, with a generation of its own."""
    generation = await db.fetchval(_COUNT)
    values = {name: bytes(value) for name, value in await db.fetch("SELECT name, value FROM wixture.state")}
    known = await db.fetch("SELECT instance_id, record FROM wixture.tenants WHERE instance_id <> $1", NO_TENANT)
    try:
        records = {instance_id: bytes(record) for instance_id, record in known}
        return launch_of(values, generation=generation, records=records)
    except KeyError as error:
        text = f"the table wixture.state lacks {error}. Bring it back, or drop the schema to begin anew."
        raise BadState(text) from error
