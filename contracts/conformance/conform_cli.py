"""`wixture conform`: hold a target against everything that is promised."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from wixture.contracts.conformance.checks import PROMISES
from wixture.contracts.conformance.conforming import Conforming
from wixture.contracts.conformance.plan import plan
from wixture.contracts.conformance.scenarios import Scenario, scenarios
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS
from wixture.contracts.judging.history import BadHistory, last_of
from wixture.contracts.reports.write import KINDS, BadReport, parse
from wixture.contracts.targets.opening import Asked, opened, permit_options, target_options
from wixture.contracts.validation import own_contract


@click.command(short_help="Hold a real endpoint, or the mock, against the contract and its rules.")
@target_options
@permit_options
@click.option("--list", "listing", is_flag=True, help="List every check, and what speaks for it; call nothing.")
@click.option("--dry-run", is_flag=True, help="Tell what would be called, and call nothing.")
@click.option("--scenario", "names", multiple=True, metavar="NAME", help="Make this scenario alone (repeatable).")
@click.option(
    "--patience", type=click.FloatRange(0, 600), metavar="SECONDS", help="How long reads may lag behind."
)
@click.option("--strict", is_flag=True, help="Tell breaches of inferred rules as errors on a real endpoint too.")
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the documentation's forms that were met, and tell what changed since the last run.",
)
@click.option("--format", "form", type=click.Choice(list(KINDS)), default="text", help="How to print.")
@click.option(
    "--report", "reports", multiple=True, metavar="KIND=PATH", help="Write a report as well (repeatable)."
)
def conform(
    url: str | None,
    listing: bool,
    dry_run: bool,
    names: tuple[str, ...],
    patience: float | None,
    strict: bool,
    history: Path | None,
    form: str,
    reports: tuple[str, ...],
    **more: Any,
) -> None:
    """Hold an endpoint against the contract and its rules, and tell which of the documentation's forms it answers.

    Reads alone, unless writes are allowed; those touch only what the run made itself, and are cleaned up. Exits 1
    when something is not as promised, 2 where the target does not answer or credentials are missing.
    """
    if listing:
        _list(form)
        return
    if url is None:
        raise click.UsageError("Missing option '--url': the target, such as http://127.0.0.1:8787.")
    _checked(reports, history)
    chosen = _chosen(names)
    target = opened(Asked(url, **more), own_contract("openapi").contract, silent=dry_run)
    if dry_run:
        click.echo("\n".join(plan(target, chosen)))
        return
    run = Conforming(target, own_contract("openapi"), patience=patience, strict=strict, history=history)
    sys.exit(run.go(chosen, form, reports))


def _checked(reports: Iterable[str], history: Path | None) -> None:
    """Refuse, before a long run, files that could not be written or read after it."""
    try:
        for report in reports:
            parse(report)
        if history is not None and not history.parent.is_dir():
            raise BadHistory(f"{history.parent} is no folder. Name a file in a folder that is there.")
        if history is not None:
            last_of(history, "")
    except BadReport as error:
        raise click.UsageError(str(error)) from error
    except (BadHistory, OSError) as error:
        raise click.UsageError(f"--history: {error}") from error


def _chosen(names: tuple[str, ...]) -> list[Scenario]:
    every = scenarios(own_contract("openapi").contract)
    unknown = [name for name in names if name not in {scenario.name for scenario in every}]
    if unknown:
        known = ", ".join(scenario.name for scenario in every)
        raise click.UsageError(f"There is no scenario {unknown[0]!r}. Scenarios: {known}.")
    return [scenario for scenario in every if not names or scenario.name in names]


def _list(form: str) -> None:
    """Print every check: of flows, then of single answers."""
    fields = ("id", "severity", "evidence", "rule", "title")
    rows = [{name: getattr(one, name) for name in fields} for one in (*PROMISES.values(), *EXCHANGE_CHECKS)]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    if form != "text":
        raise click.UsageError("--list is printed as text or json.")
    width = max(len(row["id"]) for row in rows)
    for row in rows:
        click.echo(f"{row['id']:{width}}  {row['severity']:7}  {row['evidence']:10}  {row['title']}")
    click.echo(f"{len(rows)} checks")
