"""The layout of an SQLite database by its version: how a new one is made, and an older one brought up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from wixture.mockserver.store import sqlite_lanes, sqlite_outbox, sqlite_sites
from wixture.mockserver.store.seal import TABLE as SEAL
from wixture.mockserver.store.sqlite_tables import (
    CHANNELS,
    CONSENTS,
    IN_PART,
    OTHERS,
    TABLES_OF_CONSENTS,
    tell_planner,
)

APPLICATION_ID = 0x57495854
"""By which a file is known to be ours: `PRAGMA application_id`."""
VERSION = 3
"""The layout of today: `PRAGMA user_version`. Every change of a table adds 1, and a line to MIGRATIONS."""
MIGRATIONS: Mapping[int, str] = {
    1: "ALTER TABLE tenants ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"
    + sqlite_sites.VERSIONS
    + sqlite_lanes.TABLES,
    2: "".join(IN_PART.format(name=name) for name in TABLES_OF_CONSENTS),
}
"""The statements that make the layout of the next version out of one."""


def create(db: sqlite3.Connection) -> None:
    """Make all tables in an empty database."""
    for name in TABLES_OF_CONSENTS:
        db.executescript((CONSENTS + IN_PART).format(name=name))
    for name in ("channels", "seen_channels"):
        db.executescript(CHANNELS.format(name=name))
    for tables in (OTHERS, sqlite_outbox.TABLES, sqlite_lanes.TABLES, sqlite_sites.TABLES, SEAL):
        db.executescript(tables)
    tell_planner(db)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def version_of(db: sqlite3.Connection) -> int:
    """The version of a database's layout."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection, *, to: int = VERSION, migrations: Mapping[int, str] = MIGRATIONS) -> None:
    """Bring an older layout up to date, all steps or none."""
    version = version_of(db)
    if version == to:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, to):
            for statement in migrations[step].split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {to}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    tell_planner(db)
