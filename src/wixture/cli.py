"""The command `wixture`: gathers the commands of every room, importing each only when it is called."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

from wixture import __version__

_COMMANDS = {
    "cleanup": "wixture.contracts.targets.cleanup_cli:cleanup",
    "conform": "wixture.contracts.conformance.conform_cli:conform",
    "fuzz": "wixture.contracts.fuzz.fuzz_cli:fuzz",
    "judge": "wixture.contracts.judging.judge_cli:judge",
    "ledger": "wixture.contracts.ledger_cli:ledger",
    "routes": "wixture.contracts.cli:routes",
    "sdk-env": "wixture.mockserver.cli:sdk_env",
    "serve": "wixture.mockserver.serve:serve",
    "spec": "wixture.contracts.cli:spec",
    "token": "wixture.mockserver.cli:token",
    "webhook": "wixture.mockserver.webhook_cli:webhook",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def main(self, *args: Any, **more: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
                stream.reconfigure(errors="backslashreplace")  # for a locale that has no ✓
        try:
            return super().main(*args, **more)
        except OSError as error:  # a full disk or a closed pipe behind the output, or a report's own place
            what = error.filename or "The output"
            click.echo(f"{what} cannot be written: {error.strerror}.", err=True)
            sys.exit(2)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            known = ", ".join(sorted(_COMMANDS))
            raise click.UsageError(f"There is no command {args[0]!r}. Commands: {known}.", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="wixture")
def main() -> None:
    """Test apps that talk to Wix's loyalty and marketing consent APIs, without Wix.

    Unofficial: not affiliated with Wix. Exit codes: 0 all well, 1 findings, 2 wrong use or unreadable input,
    3 a resource is taken.
    """
