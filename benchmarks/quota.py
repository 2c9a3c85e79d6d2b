"""A share of a core for each of some processes, whatever else the machine does: by the kernel's control groups.

So one worker and two are compared on a machine that has no core to spare for the load generator.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_OLD, _NEW = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
_PERIOD_US = 10_000


class Unavailable(Exception):
    """This machine, or this user, cannot give out shares; the text says why."""


@contextmanager
def each_at_most(share: float, pids: Sequence[int]) -> Iterator[None]:
    """No process gets more than that share of a core until the block ends. Raises Unavailable."""
    made: list[Path] = []
    try:
        for pid in pids:
            made.append(_group(f"wixture-{os.getpid()}-{pid}", share))
            (made[-1] / "cgroup.procs").write_text(str(pid))
        yield
    except OSError as error:
        raise Unavailable(f"control groups cannot be made here: {error}") from error
    finally:
        for group in made:
            _remove(group)


def _group(name: str, share: float) -> Path:
    quota = round(share * _PERIOD_US)
    old = _OLD.exists()
    group = (_OLD if old else _NEW) / name
    group.mkdir()
    if old:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
    return group


def _remove(group: Path) -> None:
    with suppress(OSError):
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
    for _ in range(100):  # the kernel needs a moment to find it empty
        try:
            return group.rmdir()
        except OSError:
            time.sleep(0.01)
    return None
