"""Looks at a state file before anything is written: whether it is ours, of our time, and sound."""

from __future__ import annotations

import logging
import sqlite3
import stat
import time
from pathlib import Path

from wixture.mockserver.store.seal import holds, is_sealed
from wixture.mockserver.store.sqlite_layout import APPLICATION_ID, VERSION, version_of
from wixture.mockserver.store.store import BadState

log = logging.getLogger("wixture.store")

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_VERSION, _APPLICATION = slice(60, 64), slice(68, 72)
_SECONDS = 1.0
"""How long a file may be looked through at a start."""
_STEPS = 10_000
_NEXT = "Use another path, or bring back a copy from before."


def look_at_header(path: Path) -> None:
    """Refuse what is there but no state file of this version or an older one. Raises BadState or OSError."""
    if path.is_dir():
        raise BadState(f"{path} is a directory; give the path of a file, such as {path / 'state.db'}.")
    if not path.exists():
        return
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise BadState(f"{path} is no ordinary file. Use another path.")
    if about.st_nlink > 1:
        text = f"{path} has {about.st_nlink} names (hard links): another server could have it open by another one."
        raise BadState(f"{text} Remove all names but one, or make a copy.")
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER:
        raise BadState(f"{path} is cut off: it has {len(header)} bytes and no state in them. {_NEXT}")
    if header[: len(_MAGIC)] != _MAGIC or int.from_bytes(header[_APPLICATION], "big") != APPLICATION_ID:
        raise BadState(f"{path} is no state file of Wixture, and stays as it is. Use another path.")
    _check_version(path, int.from_bytes(header[_VERSION], "big"))


def _check_version(path: Path, version: int) -> None:
    if not 1 <= version <= VERSION:
        text = f"{path} is a state of layout {version}; this version of Wixture reads up to {VERSION}."
        raise BadState(f"{text} Use a newer one.")


def inspect(path: Path) -> bool:
    """Whether a file carries a seal, which holds. Raises BadState for a file that is not sound.

    With a log beside it, it carries none, and is nothing by itself: a kill can leave it half brought up to date.
    """
    log_of_it = path.with_name(path.name + "-wal")
    try:
        sealed = not (log_of_it.exists() and log_of_it.stat().st_size) and is_sealed(path)
        sound = holds(path) if sealed else _is_whole(path)
    except sqlite3.OperationalError as error:
        raise BadState(f"{path} cannot be used as a state file: {error}.") from error
    except (sqlite3.DatabaseError, ValueError) as error:
        raise BadState(f"{path} is damaged: {error}. {_NEXT}") from error
    if not sound:
        raise BadState(f"{path} is damaged: its bytes are not those that were written. {_NEXT}")
    return sealed


def _is_whole(path: Path) -> bool:
    """Whether a file and its log fit together; what takes too long to find out counts as whole."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        _check_version(path, version_of(db))
        end = time.monotonic() + _SECONDS
        db.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        log.warning("%s is too large to be looked through at a start", path)
        return True
    finally:
        db.close()
