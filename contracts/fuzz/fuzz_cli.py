"""The command `wixture fuzz`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wixture.contracts.fuzz.plan import MAX_EXAMPLES, PHASES, Phase
from wixture.contracts.reports.write import KINDS, BadReport, parse, render, write
from wixture.contracts.targets.opening import Asked, permit_options, target_options

if TYPE_CHECKING:
    from wixture.contracts.fuzz.gate import Gate
    from wixture.contracts.fuzz.session import Session


def _phases(_: click.Context, __: click.Parameter, asked: str) -> tuple[Phase, ...]:
    names = [name.strip() for name in asked.split(",") if name.strip()]
    for name in names:
        if name not in PHASES:
            raise click.BadParameter(f"{name!r} is no phase; these are: {','.join(PHASES)}.")
    if not names:
        raise click.BadParameter(f"Name one at least of: {','.join(PHASES)}.")
    return tuple(phase for phase in PHASES if phase in names)


def _reports(_: click.Context, __: click.Parameter, asked: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for one in asked:
            parse(one)
    except BadReport as error:
        raise click.BadParameter(str(error)) from error
    return asked


_OPTIONS = (
    click.option(
        "--spec",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Another OpenAPI document than Wixture's own, for any target.",
    ),
    click.option(
        "--phases",
        default=",".join(PHASES),
        show_default=True,
        callback=_phases,
        metavar="A,B,…",
        help="Which phases to run.",
    ),
    click.option(
        "--max-examples",
        default=MAX_EXAMPLES,
        show_default=True,
        type=click.IntRange(1, 100_000),
        metavar="N",
        help="How many cases to draw for each operation.",
    ),
    click.option(
        "--max-time",
        type=click.IntRange(1, 86_400),
        metavar="SECONDS",
        help="Draw new cases until this time is over, then stop cleanly.",
    ),
    click.option(
        "--random-seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Repeats a run's requests exactly."
    ),
    click.option("--operation", "operations", multiple=True, metavar="ID", help="Only this one (repeatable)."),
    click.option("--my-own-site", is_flag=True, help="Fuzz a host of the vendor's: the site is mine, and I may."),
    click.option("--format", "form", type=click.Choice(list(KINDS)), default="text", help="How to print."),
    click.option(
        "--report",
        "reports",
        multiple=True,
        callback=_reports,
        metavar="KIND=PATH",
        help="Write a report as well (repeatable).",
    ),
)


def _fuzz_options(command: Any) -> Any:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Send a target what its contract allows and forbids, thousands of times.")
@target_options
@permit_options
@_fuzz_options
def fuzz(url: str | None, form: str, reports: tuple[str, ...], **more: Any) -> None:
    """Fuzz a target: valid and broken requests by its contract, each answer checked.

    Only operations without side effects are called unless told otherwise. Exits 1 when a check failed, 2 when the
    run could not begin or was interrupted.
    """
    if find_spec("schemathesis") is None or find_spec("requests") is None:
        raise click.UsageError("Fuzzing needs Schemathesis, which is not installed: pip install 'wixture[fuzz]'")
    if url is None:
        raise click.UsageError("Missing option '--url': the target, such as http://127.0.0.1:8787.")
    sys.exit(_run(_session(url, more), reports, form))


def _session(url: str, more: dict[str, Any]) -> Session:
    from wixture.contracts.fuzz.choosing import CannotFuzz
    from wixture.contracts.fuzz.opening import opened_with
    from wixture.contracts.fuzz.session import Options, Session

    names = ("spec", "phases", "max_examples", "max_time", "random_seed", "operations", "my_own_site")
    options = Options(certificate=more.get("cacert"), **{name: more.pop(name) for name in names})
    try:
        return Session(opened_with(Asked(url, **more), options), options)
    except CannotFuzz as error:
        raise click.UsageError(str(error)) from error


def _run(session: Session, reports: tuple[str, ...], form: str) -> int:
    """The run, shown as it goes, then reported; its exit code."""
    from wixture.contracts.fuzz.gate import INTERRUPTED
    from wixture.contracts.fuzz.progress import progress

    click.echo(f"wixture fuzz {session.target.address.url}, random seed {session.plan.random_seed}", err=True)
    with progress() as shown, _interruptible(session.gate), suppress(KeyboardInterrupt):
        for event in session.events():
            shown.tell(event, session.collector.failures)
    run = session.run()
    click.echo(render(form, run), nl=False)
    for path in write(run, *reports):
        click.echo(f"report written: {path}", err=True)
    gate, is_spent = session.gate, session.target.pace.is_spent
    is_cut_short = gate.unproven is not None or (gate.stopped is not None and not is_spent)
    return 2 if gate.stopped == INTERRUPTED or (is_cut_short and not run.is_failure) else int(run.is_failure)


@contextmanager
def _interruptible(gate: Gate) -> Iterator[None]:
    """Ctrl+C ends the run with its next call at the latest, also where the engine keeps it to itself."""

    from wixture.contracts.fuzz.gate import INTERRUPTED

    def end(*_: object) -> None:
        gate.stopped = INTERRUPTED
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
