"""The seal of a state file: a digest of all its bytes, kept within it while nobody has it open.

SQLite notices a broken structure, but not a bit that fell over in the middle of a text. So a file that is closed
is sealed, and a seal that does not hold stops the next start. Whoever opens the file breaks the seal first: after
a kill there is none, and the structure alone is looked at.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

TABLE = """
CREATE TABLE seal (mark TEXT NOT NULL);
INSERT INTO seal VALUES ('wixture seal: ' || printf('%064d', 0));
"""
_MARK = b"wixture seal: "
_NO_SEAL = b"0" * 64
_PIECE = 1 << 20
MOST_BYTES = 512 * 1024 * 1024
"""Larger files are not sealed: to read them again would take longer than a start may."""


def is_sealed(path: Path) -> bool:
    """Whether a file without a log carries a seal.

    Raises sqlite3.DatabaseError or ValueError where there is no place for it.
    """
    with path.open("rb") as file:
        file.seek(_place(path))
        return file.read(len(_NO_SEAL)) != _NO_SEAL


def remove_seal(db: sqlite3.Connection) -> None:
    """Break the seal of an open database, should it carry one: it came with a log that is not its own."""
    none = (_MARK + _NO_SEAL).decode()
    db.execute("UPDATE seal SET mark = ? WHERE mark <> ?", (none, none))


def holds(path: Path) -> bool:
    """Whether the bytes of a sealed file are those that were sealed."""
    place = _place(path)
    with path.open("rb") as file:
        file.seek(place)
        return file.read(len(_NO_SEAL)) == _digest(path, place)


def seal(path: Path) -> None:
    """Seal a file that nobody has open, unless it is too large for that."""
    if path.stat().st_size <= MOST_BYTES:
        place = _place(path)
        _put(path, place, _digest(path, place))


def unseal(path: Path) -> None:
    """Break the seal, before the file is changed."""
    _put(path, _place(path), _NO_SEAL)


def _place(path: Path) -> int:
    """Where the seal's digits are in the file: in the page of its table, which never moves."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'seal'").fetchone() or (0,)
        (size,) = db.execute("PRAGMA page_size").fetchone()
    finally:
        db.close()
    with path.open("rb") as file:
        file.seek(max(0, page - 1) * size)
        offset = file.read(size).find(_MARK)
    if not page or offset < 0:
        raise ValueError("the seal is missing")
    return int((page - 1) * size + offset + len(_MARK))


def _digest(path: Path, place: int) -> bytes:
    """The digest of a file as if it had no seal."""
    found = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        found.update(file.read(place))
        found.update(_NO_SEAL)
        file.seek(place + len(_NO_SEAL))
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest().encode()


def _put(path: Path, place: int, digits: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        file.seek(place)
        file.write(digits)
        os.fsync(file.fileno())
