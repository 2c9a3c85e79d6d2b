"""The command `wixture judge`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from wixture.contracts.reports.said import harmless
from wixture.contracts.reports.write import KINDS, BadReport, parse, render, write


@click.command(short_help="Judge recorded traffic by the contract.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--host", help="Judge only what was sent to this host.")
@click.option("--requests-only", is_flag=True, help="Judge requests alone.")
@click.option("--responses-only", is_flag=True, help="Judge answers alone.")
@click.option(
    "--history",
    "past",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Tell what changed since the last run on the same hosts, and add this one.",
)
@click.option("--format", "form", type=click.Choice(list(KINDS)), default="text", help="How to print.")
@click.option("--report", "reports", multiple=True, metavar="KIND=PATH", help="Write a report too; repeatable.")
def judge(file: Path, host: str | None, requests_only: bool, responses_only: bool, **options: Any) -> None:
    """Judge recorded traffic by the contract: HAR 1.2, or NDJSON with an exchange on each line.

    Any host counts whose paths are those of the API. Credentials and people in the traffic are not printed.
    Exits 1 when a request or an answer breaks the contract.
    """
    from wixture.contracts.judging.history import BadHistory
    from wixture.contracts.judging.runs import judge_file
    from wixture.contracts.judging.traffic import BadTraffic
    from wixture.contracts.judging.verdict import Verdict

    if requests_only and responses_only:
        raise click.UsageError("Both --requests-only and --responses-only leave nothing to judge. Give one.")
    verdict = Verdict(host=host, requests=not responses_only, answers=not requests_only)
    try:
        for asked in options["reports"]:
            parse(asked)
        run = judge_file(file, verdict, options["past"])
    except (BadReport, BadTraffic, BadHistory) as error:
        raise click.UsageError(harmless(str(error))) from error
    click.echo(render(options["form"], run), nl=options["form"] == "html")
    write(run, *options["reports"])
    sys.exit(1 if run.is_failure else 0)
