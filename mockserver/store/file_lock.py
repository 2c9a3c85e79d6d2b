"""A lock beside a file: whoever holds it is the only process that may use the file. A kill lets go of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wixture.mockserver.store.store import StateInUse


class FileLock:
    """The lock of one path, held from the start on. Raises StateInUse, or OSError where no file can be made."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            raise StateInUse("another process has it open") from error

    def release(self) -> None:
        """Let go, once. The file stays: to remove it would let two hold a lock each."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
