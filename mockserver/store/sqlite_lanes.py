"""Which process sends to which receiver, in an SQLite database: one at a time, and another once that is gone."""

from __future__ import annotations

import sqlite3

TABLES = """
CREATE TABLE lanes (
  tenant INTEGER NOT NULL, url TEXT NOT NULL, worker TEXT NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (tenant, url)
) WITHOUT ROWID;
"""
_CLAIM = (
    "INSERT INTO lanes VALUES (?, ?, ?, ?) ON CONFLICT (tenant, url) "
    "DO UPDATE SET worker = excluded.worker, until = excluded.until "
    "WHERE worker = excluded.worker OR until <= ? OR until > ?"
)


def claim(db: sqlite3.Connection, key: int, url: str, *, worker: str, now: int, until: int) -> bool:
    """Whether the lane is the worker's until then.

    A claim that ends later than two of the same length is of before the clock went back, and counts for nothing.
    """
    return db.execute(_CLAIM, (key, url, worker, until, now, until + (until - now))).rowcount == 1


def release(db: sqlite3.Connection, key: int, url: str, *, worker: str) -> None:
    """Let go of a lane, if it is the worker's."""
    db.execute("DELETE FROM lanes WHERE tenant = ? AND url = ? AND worker = ?", (key, url, worker))


def clear_all(db: sqlite3.Connection) -> None:
    """Forget every claim: whoever had one is gone."""
    db.execute("DELETE FROM lanes")


def clear(db: sqlite3.Connection, key: int) -> None:
    """Forget who sends for a tenant that is gone."""
    db.execute("DELETE FROM lanes WHERE tenant = ?", (key,))
