"""The tables of entities in SQLite, an index behind each constant cost, and what the planner is told of them."""

from __future__ import annotations

import sqlite3

from wixture.mockserver.store.sql_pages import PART

TABLES_OF_CONSENTS = ("consents", "seen_consents")
CONSENTS = """
CREATE TABLE {name} (
  tenant INTEGER NOT NULL, id TEXT NOT NULL, email TEXT, phone TEXT, state TEXT NOT NULL,
  created TEXT NOT NULL, updated TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX {name}_email ON {name} (tenant, email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX {name}_phone ON {name} (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX {name}_state ON {name} (tenant, state, id);
CREATE INDEX {name}_created ON {name} (tenant, created, id);
CREATE INDEX {name}_updated ON {name} (tenant, updated, id);
"""
IN_PART = "".join(
    f"CREATE INDEX {{name}}_{column}_in_part ON {{name}} (tenant, {PART}, {column}) WHERE {column} IS NOT NULL;"
    for column in ("email", "phone")
)
"""For the beginnings of texts that many have: see sql_pages.py."""
CHANNELS = """
CREATE TABLE {name} (
  tenant INTEGER NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL, id TEXT NOT NULL,
  created TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (tenant, account, channel)
) WITHOUT ROWID;
CREATE UNIQUE INDEX {name}_id ON {name} (tenant, id);
"""
OTHERS = """
CREATE TABLE tenants (
  tenant INTEGER PRIMARY KEY, instance_id TEXT NOT NULL UNIQUE, record BLOB NOT NULL DEFAULT X'7B7D',
  events_gone INTEGER NOT NULL DEFAULT 0, exchanges_gone INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE pending (
  position INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, due INTEGER NOT NULL, change BLOB NOT NULL
);
CREATE INDEX pending_order ON pending (tenant, position);
CREATE INDEX pending_due ON pending (tenant, due);
"""

# The planner takes a tenant for ten rows unless it is told otherwise, and then walks through all of them.
_COUNTS = {
    "": "1000000 1000000 1",
    "_email": "500000 500000 1",
    "_phone": "500000 500000 1",
    "_email_in_part": "500000 500000 2000 1",
    "_phone_in_part": "500000 500000 2000 1",
    "_state": "1000000 1000000 200000 1",
    "_created": "1000000 1000000 2 1",
    "_updated": "1000000 1000000 2 1",
}


def tell_planner(db: sqlite3.Connection) -> None:
    """Give a new database the statistics of a large tenant, so that plans are those for many rows."""
    db.executescript("ANALYZE; DELETE FROM sqlite_stat1")
    rows = [(name, name + index, counts) for name in TABLES_OF_CONSENTS for index, counts in _COUNTS.items()]
    db.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", rows)
    db.execute("ANALYZE sqlite_master")
