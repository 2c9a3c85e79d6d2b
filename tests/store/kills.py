"""What a kill leaves: the files of an open state as they are, under another name."""

from __future__ import annotations

import shutil
from pathlib import Path


def killed(path: Path, into: Path) -> Path:
    """A copy of a state and its log as they stand now, which is what the next process would find after kill -9."""
    into.mkdir(parents=True)
    for file in (path, path.with_name(path.name + "-wal")):
        if file.exists():
            shutil.copy(file, into / file.name)
    return into / path.name
