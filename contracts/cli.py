"""The commands about the contract: `wixture routes` and `wixture spec`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wixture.contracts.document import SPEC_FOLDER, Contract, Operation, read_document
from wixture.contracts.yaml_text import BadDocument, read_yaml

if TYPE_CHECKING:
    from wixture.contracts.dialect import Dialect

_IDENTITIES = ("app", "wixUser", "member", "visitor")


@click.command(short_help="List every operation and who may call it.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def routes(form: str) -> None:
    """List every operation: method, path, operationId, identities, side effect."""
    operations = Contract.load(SPEC_FOLDER / "openapi.yaml").operations.values()
    rows = [_row(operation) for operation in operations]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(row["path"]) for row in rows)
    names = max(len(row["operationId"]) for row in rows)
    for row in rows:
        who = ", ".join(row["identities"]) or "anyone"
        click.echo(
            f"{row['method']:6} {row['path']:{width}}  {row['operationId']:{names}}  {row['sideEffects']:12} {who}"
        )


def identities(operation: Operation) -> list[str]:
    """Who may call an operation; those that need a configured account say so."""
    free = {name for alternative in operation.security for name in alternative if "account" not in alternative}
    bound = {name for alternative in operation.security for name in alternative} - free
    return [
        name if name in free else f"{name} with --account" for name in _IDENTITIES if name in free or name in bound
    ]


def _row(operation: Operation) -> dict[str, Any]:
    return {
        "method": operation.method,
        "path": operation.path,
        "operationId": operation.operation_id,
        "identities": identities(operation),
        "sideEffects": operation.side_effects or "none",
        "aliases": list(operation.aliases),
        "summary": operation.summary,
    }


@click.group(invoke_without_command=True)
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", help="How to print.")
@click.option(
    "--dialect",
    type=click.Choice(["corrected", "documented"]),
    default="corrected",
    help="With the right spellings, or with those that the vendor's pages print.",
)
@click.pass_context
def spec(ctx: click.Context, form: str, dialect: Dialect) -> None:
    """Print the contract, or work with one."""
    if ctx.invoked_subcommand is not None:
        return
    from wixture.contracts.dialect import as_yaml, document_in

    if form == "yaml":
        click.echo(as_yaml(dialect), nl=False)
    else:
        click.echo(json.dumps(document_in(dialect), indent=2, ensure_ascii=False))


@spec.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def check(file: Path, form: str) -> None:
    """Lint an OpenAPI 3.1 document. Exits 1 when there are errors; warnings alone are no failure."""
    rows = _findings(file)
    errors = sum(row["severity"] == "error" for row in rows)
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            place = f" ({row['pointer']})" if row["pointer"] else ""
            click.echo(f"{file}:{row['line']}: {row['severity']} [{row['rule']}] {row['message']}{place}")
        click.echo(f"{file}: {_counted(errors, 'error')}, {_counted(len(rows) - errors, 'warning')}")
    sys.exit(1 if errors else 0)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _findings(file: Path) -> list[dict[str, Any]]:
    from wixture.contracts.lint.lint import lint
    from wixture.contracts.pointers import line_of

    try:
        text = file.read_text(encoding="utf-8")
        document = read_document(file)
    except (BadDocument, OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} cannot be read: {error}") from error
    return [
        {
            "line": line_of(text, item.pointer) or 1,
            "severity": item.severity,
            "rule": item.rule,
            "pointer": item.pointer,
            "message": item.message,
        }
        for item in lint(document)
    ]


@spec.command()
@click.argument("old")
@click.argument("new")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", help="How to print."
)
def diff(old: str, new: str, form: str) -> None:
    """Tell what changed from one OpenAPI 3.1 document to another, and for whom it breaks.

    OLD and NEW are files, YAML or JSON; `own` is the contract that comes with Wixture, `-` is the standard input.
    Exits 1 when a change breaks somebody; warnings alone are no failure.
    """
    from wixture.contracts.changes.changes import changes
    from wixture.contracts.changes.report import FORMS

    if old == new == "-":
        raise click.UsageError("Both contracts cannot come from the standard input. Give a file for one.")
    try:
        found = changes(_contract(old), _contract(new))
    except BadDocument as error:
        raise click.UsageError(str(error)) from error
    click.echo(FORMS[form](found), nl=False)
    sys.exit(1 if any(change.severity == "breaking" for change in found) else 0)


def _contract(name: str) -> Any:
    try:
        if name == "-":
            return read_yaml(sys.stdin.buffer.read().decode("utf-8"))
        return read_document(SPEC_FOLDER / "openapi.yaml" if name == "own" else Path(name))
    except (BadDocument, OSError, UnicodeDecodeError, LookupError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error).removesuffix(".")
        raise click.UsageError(
            f"{name} cannot be read: {reason}. Give a file with an OpenAPI document, `own` or `-`."
        ) from error
