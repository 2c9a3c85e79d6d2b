"""A process that has everything imported, and forks for each command: a command starts in milliseconds.

It reads a JSON object a line (`arguments`, `environment`, `folder`, `output`), and writes the command's process ID
when it is started and its exit code when it has ended, negative for a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wixture.contracts.validation import own_contract

_HERE = Path(__file__)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and all that it printed."""

    code: int
    output: str


class Commands:
    """Runs `wixture` commands, one at a time."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        started: Callable[[int], None] = lambda _: None,
    ) -> Ended:
        """Run a command to its end; `started` is told its process ID."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = self._folder / "output.txt"
        asked = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(self._folder),
            "output": str(output),
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        started(int(self._process.stdout.readline()))
        code = int(self._process.stdout.readline())
        return Ended(code, output.read_text(encoding="utf-8", errors="replace"))


@contextmanager
def commands(folder: Path) -> Iterator[Commands]:
    """The commands, run in a folder."""
    kept = {name: said for name, said in os.environ.items() if not name.startswith("WIXTURE_")}
    process = subprocess.Popen(
        [sys.executable, str(_HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept
    )
    try:
        yield Commands(process, folder)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _serve() -> None:
    for name in ("wixture.contracts.conformance.checks", "wixture.contracts.conformance.conforming"):
        importlib.import_module(name)
    importlib.import_module("wixture.contracts.targets.cleanup_cli")
    own_contract("openapi")
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            _command(asked["arguments"], asked["environment"], asked["folder"], asked["output"])
        _tell(process)
        _, status = os.waitpid(process, 0)
        _tell(os.waitstatus_to_exitcode(status))


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _command(arguments: Sequence[str], environment: Mapping[str, str], folder: str, output: str) -> None:
    """The forked process: it ends with the command."""
    from wixture.cli import main

    code = 1
    try:
        os.chdir(folder)
        os.environ.update(environment)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        main(list(arguments))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
