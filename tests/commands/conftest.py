"""Runs the command `wixture` as a user does: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WIXTURE = Path(sys.executable).with_name("wixture")
Run = Callable[..., subprocess.CompletedProcess[str]]


def _environment(more: dict[str, str], home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WIXTURE_")}
    recheck = os.environ["WIXTURE_RECHECK"]
    return {**kept, "WIXTURE_HOME": str(home), "WIXTURE_RECHECK": recheck, **more}


@pytest.fixture
def wixture(tmp_path: Path) -> Run:
    """Runs a command to its end."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [WIXTURE, *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=_environment(environment, tmp_path),
            cwd=tmp_path,
        )

    return run


class Served:
    """A running `wixture serve` and what it printed when it was ready."""

    def __init__(self, process: subprocess.Popen[str], lines: list[str]) -> None:
        self.process = process
        self.lines = lines
        self.url = lines[0].removeprefix("wixture ready on ")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers on free ports and ends them after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> Served:
        process = subprocess.Popen(
            [WIXTURE, "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(environment, tmp_path),
            cwd=tmp_path,
        )
        running.append(process)
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n")]
        assert lines[0].startswith("wixture ready on "), lines[0] + process.stdout.read()
        while not lines[-1].startswith("  control API"):
            lines.append(process.stdout.readline().rstrip("\n"))
        return Served(process, lines)

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
