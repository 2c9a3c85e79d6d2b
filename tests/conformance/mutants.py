"""Holds conformance against mocks with bugs: `python -m tests.conformance.mutants [--short] [NAME …]`.

Each mutation of mutations.yaml is made in a process of its own, forked before anything of the mock is imported:
the module's source is changed in memory, the mock served on a thread, and a run that may do everything must fail.
Exits 1 when a mutant survives that mutants_survived.yaml does not explain, or one that it explains does not.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import yaml

_HERE = Path(__file__).parent
_MOCK = _HERE.parent.parent / "mockserver"
_WORKERS = 2
SHORT = 20
"""How many mutations are taken by --short."""

_ENDS = {0: "survived", 1: "caught", 2: "broke"}


@dataclass(frozen=True)
class Mutation:
    """`old` stands exactly once in the source of `wixture.mockserver.MODULE`, and becomes `new`."""

    name: str
    module: str
    old: str
    new: str

    @property
    def full_module(self) -> str:
        """The module's name."""
        return f"wixture.mockserver.{self.module}"

    def source(self) -> str:
        """The module's source, mutated. Raises ValueError where the text does not stand there once."""
        text = _MOCK.joinpath(*self.module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: the text stands {text.count(self.old)} times in {self.module}, not once"
            )
        return text.replace(self.old, self.new)


def mutations() -> tuple[Mutation, ...]:
    """Every mutation."""
    read = yaml.safe_load((_HERE / "mutations.yaml").read_text(encoding="utf-8"))
    return tuple(Mutation(module=module, **row) for module, rows in read.items() for row in rows)


def survivors() -> Mapping[str, str]:
    """Those that are known to survive, each with the reason."""
    read = yaml.safe_load((_HERE / "mutants_survived.yaml").read_text(encoding="utf-8"))
    return dict(read or {})


def chosen(names: Sequence[str], *, short: bool) -> list[Mutation]:
    """The mutations that are asked for: those named, or all, or some of each module."""
    every = mutations()
    if names:
        return [one for one in every if any(name in one.name for name in names)]
    known = survivors()
    told = [one for one in every if one.name not in known]
    return told[:: max(1, len(told) // SHORT)][:SHORT] if short else list(every)


# ---- in the forked process -----------------------------------------------------------------------


def _put_in(mutation: Mutation) -> None:
    """Make the import system read the mutated source."""
    loaded = {name for name in sys.modules if name.startswith("wixture.mockserver.")}
    assert loaded <= {"wixture.mockserver.settings"}, loaded
    source, read = mutation.source(), SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        mutated = name == mutation.full_module
        return compile(source, loader.path, "exec") if mutated else read(loader, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]  # of this process alone


def is_caught(mutation: Mutation) -> bool:
    """Whether a run against the mutant fails. The process is good for nothing else afterwards."""
    _put_in(mutation)
    from conformance.conforming import conformed
    from conformance.proxy import deviating

    assert mutation.full_module in sys.modules
    with deviating() as server:
        return conformed(server.url).failed


def _judge(mutation: Mutation) -> int:
    logging.disable()  # a mutant that fails says so in its answers
    try:
        return 1 if is_caught(mutation) else 0
    except BaseException:
        traceback.print_exc()
        return 2


# ---- in the first process ------------------------------------------------------------------------


def judged(asked: Sequence[Mutation], workers: int = _WORKERS) -> Iterator[tuple[Mutation, str]]:
    """How each went: caught, survived or broke; so many at a time."""
    waiting, running = list(asked), dict[int, Mutation]()
    while waiting or running:
        while waiting and len(running) < workers:
            mutation = waiting.pop(0)
            sys.stdout.flush()
            process = os.fork()
            if process == 0:
                code = _judge(mutation)
                sys.stderr.flush()
                os._exit(code)
            running[process] = mutation
        process, status = os.wait()
        yield running.pop(process), _ENDS.get(os.waitstatus_to_exitcode(status), "broke")


def main(arguments: Sequence[str]) -> int:
    """Judge what is asked for, a line each; the exit code."""
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("--short", action="store_true", help=f"take {SHORT}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="those whose names hold this")
    options = parser.parse_args(arguments)
    asked, known, started = chosen(options.names, short=options.short), survivors(), time.monotonic()
    ends = dict(judged(asked))
    wrong = [(one, end) for one, end in ends.items() if (end == "caught") == (one.name in known)]
    for one, end in ends.items():
        reason = f" ({known[one.name]})" if one.name in known else ""
        print(f"{end:8}  {one.module:24}  {one.name}{reason if end != 'caught' else ''}")
    caught = sum(end == "caught" for end in ends.values())
    print(f"{caught} of {len(ends)} mutants caught in {time.monotonic() - started:.0f} s")
    for one, end in wrong:
        print(f"unexpected: {one.name} {end}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.path.insert(0, str(_HERE.parent))
    import conformance.conforming  # noqa: F401  # what all mutants share is imported once

    sys.exit(main(sys.argv[1:]))
