"""`wixture cleanup`: remove what a run left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wixture.contracts.targets.cleanup import clean_up
from wixture.contracts.targets.identities import NoIdentity
from wixture.contracts.targets.opening import Asked, opened, target_options
from wixture.contracts.targets.pace import Stopped
from wixture.contracts.targets.run_journal import BadJournal, Left, read_journal


@click.command(short_help="Remove what a run of conform or fuzz left on its target.")
@click.argument("run")
@target_options
@click.option(
    "--patience",
    type=click.FloatRange(0, 600),
    default=None,
    metavar="SECONDS",
    help="How long reads may lag behind.",
)
def cleanup(run: str, url: str | None, runs: Path, patience: float | None, **more: Any) -> None:
    """Remove what RUN left on its target; RUN is a run's name, or the file of its journal.

    Deletes only what the journal names and the run made. Exits 1 when something could not be deleted; start it
    again then.
    """
    from wixture.contracts.validation import own_contract

    path = _journal(run, runs)
    left = _read(path)
    if path.name != f"{left.run}.ndjson":
        raise click.UsageError(f"{path} is the journal of the run {left.run}. Call it {left.run}.ndjson again.")
    asked = Asked(url or left.target, runs=path.parent, allow_writes=True, run=left.run, **more)
    target = opened(asked, own_contract("openapi").contract)
    if target.address.url != left.target:
        raise click.UsageError(f"This run's target was {left.target}, not {target.address.url}. Leave --url out.")
    if left.instance_id and target.site and target.site != f"?instance={left.instance_id}":
        raise click.UsageError("This run's site was another one than WIXTURE_INSTANCE_ID names. Set it as it was.")
    waits = patience if patience is not None else (2.0 if target.address.is_loopback else 15.0)
    try:
        cleaned = clean_up(target, left, patience=waits)
    except (Stopped, NoIdentity) as error:
        raise click.ClickException(target.redactor.text(f"Not finished: {error}")) from error
    for line in (*cleaned.kept, *cleaned.unsure):
        click.echo(target.redactor.text(line), err=True)
    click.echo(f"{len(cleaned.deleted)} deleted, {len(cleaned.kept)} left alone, {len(cleaned.unsure)} unsure")
    target.journal.close()
    if cleaned.is_clean and not cleaned.kept:
        path.unlink(missing_ok=True)
    sys.exit(0 if cleaned.is_clean else 1)


def _journal(run: str, runs: Path) -> Path:
    as_file = Path(run)
    if as_file.is_file():
        return as_file
    path = runs / f"{run}.ndjson"
    if "/" in run or not path.is_file():
        known = sorted(found.stem for found in runs.glob("*.ndjson")) if runs.is_dir() else []
        more = f"There are: {', '.join(known[:10])}." if known else f"{runs} has none: every run was cleaned up."
        raise click.UsageError(f"There is no journal of a run {run!r}. {more}")
    return path


def _read(path: Path) -> Left:
    try:
        return read_journal(path)
    except (BadJournal, OSError) as error:
        raise click.UsageError(str(error)) from error
