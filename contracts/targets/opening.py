"""The options by which a command is told of a target, and how it is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.document import Contract
from wixture.contracts.targets.address import Address, BadTarget, parse_address
from wixture.contracts.targets.connection import Connection, Unanswered, Untrusted
from wixture.contracts.targets.credentials import NEEDED, BadCredentials, Credentials, from_environment
from wixture.contracts.targets.pace import CALLS_A_MINUTE, MOST_FAILURES, Pace, new_run_id
from wixture.contracts.targets.run_journal import FOLDER, RunJournal
from wixture.contracts.targets.safety import Permits, irreversible_named
from wixture.contracts.targets.target import Target

_HEALTH_SECONDS = 10.0

_OPTIONS = (
    click.option("--url", envvar="WIXTURE_TARGET_URL", show_envvar=True, metavar="URL", help="The target."),
    click.option(
        "--credentials",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Credentials, TOML or JSON, readable by its owner alone; otherwise the environment's WIXTURE_….",
    ),
    click.option(
        "--connect-to",
        metavar="HOST:PORT",
        help="Where to dial, as for a tunnel; the certificate stays the host's.",
    ),
    click.option(
        "--cacert",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Certificates to believe beside the machine's, in PEM.",
    ),
    click.option("--max-calls", type=click.IntRange(min=1), metavar="N", help="Stop after this many calls."),
    click.option(
        "--calls-a-minute",
        type=click.FloatRange(min=0, min_open=True, max=CALLS_A_MINUTE),
        metavar="N",
        help=f"How fast to call: at most {CALLS_A_MINUTE} (the default); on loopback as fast as it goes.",
    ),
    click.option(
        "--runs",
        type=click.Path(file_okay=False, path_type=Path),
        default=FOLDER,
        show_default=True,
        metavar="FOLDER",
        help="Where the journals of runs are.",
    ),
)

Opened = Callable[..., Any]


def target_options(command: Opened) -> Opened:
    """The options that every command with a target has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def permit_options(command: Opened) -> Opened:
    """The options that allow more than reading."""
    irreversible = click.option(
        "--allow-irreversible",
        multiple=True,
        metavar="OPERATION",
        help="Call this one too, though nothing undoes it.",
    )
    writes = click.option(
        "--allow-writes", is_flag=True, help="Write, with addresses and numbers of the run's own, and clean up."
    )
    return writes(irreversible(command))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of a command said about its target."""

    url: str
    file: Path | None = None
    connect_to: str | None = None
    cacert: Path | None = None
    max_calls: int | None = None
    calls_a_minute: float | None = None
    runs: Path = FOLDER
    allow_writes: bool = False
    allow_irreversible: tuple[str, ...] = ()
    run: str | None = None


def opened(asked: Asked, contract: Contract, *, silent: bool = False) -> Target:
    """The target that was asked for. Raises UsageError for what cannot be one, and where nothing answers.

    `silent` sends nothing: loopback is then taken for a mock.
    """
    try:
        address = parse_address(asked.url, asked.connect_to)
        credentials = from_environment(os.environ, asked.file)
        permits = Permits(asked.allow_writes, irreversible_named(contract, asked.allow_irreversible))
        is_mock = address.is_loopback if silent else _is_mock(address, credentials, asked.cacert)
        run = asked.run or new_run_id()
        resumed = asked.run is not None
        journal = RunJournal(asked.runs, run, address, credentials.instance_id, resumed=resumed)
        return Target(
            address,
            contract,
            journal,
            credentials=credentials,
            permits=permits,
            pace=_pace(address, asked),
            certificate=asked.cacert,
            is_mock=is_mock,
        )
    except (BadTarget, BadCredentials, ValueError) as error:
        raise click.UsageError(str(error)) from error


def _pace(address: Address, asked: Asked) -> Pace:
    free = address.is_loopback
    speed = asked.calls_a_minute or (None if free else CALLS_A_MINUTE)
    return Pace(speed, most_calls=asked.max_calls, most_failures=None if free else MOST_FAILURES)


def _is_mock(address: Address, credentials: Credentials, certificate: Path | None) -> bool:
    """Whether a mock answers there. Another machine's host is asked only where credentials are missing."""
    if address.is_vendors or (credentials.has_app and not address.is_loopback):
        health: Any = None
    else:
        health = _health(address, certificate)
    is_mock = (
        isinstance(health, dict) and health.get("status") == "ok" and isinstance(health.get("operations"), int)
    )
    if not is_mock and not credentials.has_app:
        raise click.UsageError(
            f"{address.url} is no mock, so it needs credentials: set {NEEDED}, or give --credentials FILE."
        )
    return is_mock


def _health(address: Address, certificate: Path | None) -> Any:
    connection = Connection(address, certificate, _HEALTH_SECONDS)
    try:
        answer = connection.send("GET", "/_mock/health", {"Accept": "application/json"}, None)
        return parse_json(answer.body) if answer.status == 200 else None
    except Unanswered as error:
        raise click.UsageError(f"Nothing answers at {address.url}: {error}. {_hint(address, error)}") from None
    except BadJson:
        return None


def _hint(address: Address, error: Unanswered) -> str:
    """What to do next when nobody answered."""
    if isinstance(error, Untrusted):
        return "Give the certificate of who signed it with --cacert FILE."
    if address.is_loopback:
        return f"Start a mock with: wixture serve --port {address.port}"
    return "Look at the address, and whether this machine reaches it."


def is_terminal() -> bool:
    """Whether progress goes to a terminal, where it may draw."""
    return sys.stderr is not None and sys.stderr.isatty()
