"""The command `wixture ledger`."""

from __future__ import annotations

from difflib import get_close_matches

import click

from wixture.contracts.ledger import Row, as_json, as_markdown, as_text, rows

_FORMS = {"text": as_text, "json": as_json, "markdown": as_markdown}


@click.command(short_help="Show where the vendor's pages are wrong.")
@click.argument("row_ids", metavar="[ROW-ID]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(list(_FORMS)), default="text", help="How to print.")
def ledger(row_ids: tuple[str, ...], form: str) -> None:
    """Show where the vendor's pages are inconsistent, which form was chosen, and why.

    Prints all rows, or those named.
    """
    chosen = [_row(row_id) for row_id in dict.fromkeys(row_ids)] or rows().values()
    click.echo(_FORMS[form](chosen), nl=False)


def _row(row_id: str) -> Row:
    found = rows().get(row_id)
    if found is None:
        close = get_close_matches(row_id, rows(), n=1, cutoff=0.0)
        raise click.UsageError(
            f"The ledger has no row {row_id!r}. The closest is {close[0]!r}; all: wixture ledger."
        )
    return found
