"""The command `wixture serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wixture.mockserver import options as read
from wixture.mockserver.access import is_loopback
from wixture.mockserver.log_writing import log_options, logging_to_stderr
from wixture.mockserver.options import DEFAULTS, option
from wixture.mockserver.redaction import secrets_of
from wixture.mockserver.serving import serve_alone, serve_by_workers
from wixture.mockserver.settings import CHANNELS, DIALECTS, INPUTS, RATE_LIMITS, Settings
from wixture.mockserver.workers import MOST

if TYPE_CHECKING:
    import ssl

    from wixture.mockserver.mock import Mock


# The options that a setting has the name of.
_NAMED_ALIKE = (
    "app_id app_secret instance_id client_id api_key host store clock channels random_seed clock_speed "
    "token_clock signing_key allow_net rate_limit dialect input admin_token"
).split()


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    callback=read.read_config,
    is_eager=True,
    expose_value=False,
    envvar="WIXTURE_CONFIG",
    show_envvar=True,
    metavar="FILE.toml",
    help="A file with values for these options.",
)
@option("--host", default=DEFAULTS.host, show_default=True, help="Address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="Port; 0 picks a free one.")
@option("--store", default="memory", callback=read.store, metavar=read.STORES, help="Where state is kept.")
@option(
    "--workers",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that answer, all of one state; not with memory.",
)
@option(
    "--seed",
    metavar="WORLD|FILE.yaml",
    help="Entities to start from: the world empty, newsletter or loyalty, or a file in YAML or JSON.",
)
@option("--random-seed", type=int, metavar="N", help="Makes ids, keys and chance repeat exactly.")
@option(
    "--clock", default="real", callback=read.clock, metavar="real|ISO-8601", help="Real, or frozen at an instant."
)
@option(
    "--channels",
    default=",".join(CHANNELS),
    callback=read.channels,
    metavar="X,TIKTOK,…",
    help="Channels that can be followed.",
)
@option(
    "--consistency",
    default="immediate",
    callback=read.consistency,
    metavar="immediate|eventual:MS",
    help="How far reads lag behind writes.",
)
@option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default=DEFAULTS.dialect,
    show_default=True,
    help="Which spellings to send: the right ones, or those that the vendor's pages print.",
)
@option(
    "--input",
    type=click.Choice(INPUTS),
    default=DEFAULTS.input,
    show_default=True,
    help="Whether to accept what the vendor's pages print, too.",
)
@option(
    "--clock-speed",
    type=read.NumberRange(min=0.001, max=1_000_000),
    default=DEFAULTS.clock_speed,
    show_default=True,
    metavar="N",
    help="How much faster than the wall clock a running clock goes.",
)
@option(
    "--token-clock",
    type=click.Choice(["wall", "virtual"]),
    default=DEFAULTS.token_clock,
    show_default=True,
    help="Which clock dates webhook tokens: verifiers of other people go by the wall clock.",
)
@option(
    "--webhook",
    multiple=True,
    callback=read.webhooks,
    metavar="[EVENT=]URL",
    help="Tell a URL of events, of all or of one; can be given several times.",
)
@option(
    "--signing-key", type=click.Path(path_type=Path), metavar="FILE.pem", help="RSA key that signs webhook tokens."
)
@option(
    "--allow-net",
    multiple=True,
    callback=read.networks,
    metavar="CIDR",
    help="Addresses that webhooks may be sent to although they are not public; can be given several times.",
)
@option(
    "--rate-limit",
    type=click.Choice(RATE_LIMITS),
    default=DEFAULTS.rate_limit,
    show_default=True,
    help="Refuse what exceeds the vendor's 200 requests a minute for each site.",
)
@option("--account", callback=read.guid, metavar="GUID", help="Loyalty account of apps and Wix users.")
@option("--tls/--no-tls", default=False, help="Serve https, with a certificate of our own unless one is given.")
@option("--cert", type=click.Path(path_type=Path), metavar="FILE.pem", help="Certificate for --tls.")
@option("--key", type=click.Path(path_type=Path), metavar="FILE.pem", help="Its key.")
@option(
    "--public-url",
    callback=read.public_url,
    metavar="URL",
    help="Where others reach this server; links are made with it.",
)
@option("--admin-token", metavar="TOKEN", help="What the control API asks for off loopback.")
@option("--app-id", default=DEFAULTS.app_id, callback=read.guid, show_default=True, help="The app's ID.")
@option("--app-secret", default=DEFAULTS.app_secret, help="The app's secret.")
@option(
    "--instance-id",
    default=DEFAULTS.instance_id,
    callback=read.guid,
    show_default=True,
    help="The default tenant.",
)
@option(
    "--client-id",
    default=DEFAULTS.client_id,
    callback=read.guid,
    show_default=True,
    help="OAuth client ID of the default tenant.",
)
@option("--api-key", default=DEFAULTS.api_key, help="API key of the Wix user.")
@log_options
def serve(**options: Any) -> None:
    """Run the mock until it is told to stop.

    An option beats the environment, that the file given by --config, that the default.
    """
    settings = _settings(options)
    _refuse_open_control(settings)
    _check_workers(options)
    with logging_to_stderr(options["log_format"], options["log_level"], secrets_of(settings)):
        mock = _mock(settings, options["seed"])
        context = _ssl_context(options, settings.host)
        if options["workers"] > 1:
            serve_by_workers(mock, options, context)
        else:
            serve_alone(mock, options, context)


def _mock(settings: Settings, seed: str | None) -> Mock:
    from wixture.mockserver.mock import Mock
    from wixture.mockserver.seed_files import BadSeed, load_seed
    from wixture.mockserver.store.store import BadState, StateAway, StateInUse

    try:
        mock = Mock(settings, seed=load_seed(seed) if seed else None)
    except BadSeed as error:
        raise click.UsageError(str(error)) from error
    except StateAway as error:
        click.echo(f"--store: {error}", err=True)
        sys.exit(3)
    except BadState as error:
        raise click.UsageError(f"--store: {error}") from error
    except StateInUse as error:
        click.echo(f"The state {settings.store} is in use: {error}. Stop it, or use another path.", err=True)
        sys.exit(3)
    if settings.signing_key:
        _read_signing_key(mock)
    _check_receivers(mock)
    return mock


def _check_receivers(mock: Mock) -> None:
    from wixture.mockserver.webhooks.destinations import parse

    for _, url in mock.app.settings.webhooks:
        denied = mock.app.dispatch.policy.always_denies(parse(url))
        if denied:
            raise click.UsageError(f"--webhook: {url!r} is an address that is never dialled: {denied}.")


def _read_signing_key(mock: Mock) -> None:
    from wixture.mockserver.webhooks.signing import BadKey

    try:
        _ = mock.app.dispatch.keyring
    except BadKey as error:
        raise click.UsageError(f"--signing-key: {error}") from error


def _ssl_context(options: Mapping[str, Any], host: str) -> ssl.SSLContext | None:
    from wixture.mockserver.certificates import BadCertificate, server_context

    if not options["tls"]:
        return None
    try:
        return server_context(options["cert"], options["key"], host=host)
    except BadCertificate as error:
        raise click.UsageError(str(error)) from error


def _settings(options: Mapping[str, Any]) -> Settings:
    _check_certificate(options)
    return Settings(
        **{name: options[name] for name in _NAMED_ALIKE},
        account_id=options["account"],
        consistency_ms=options["consistency"],
        webhooks=options["webhook"],
        public_url=options["public_url"] or DEFAULTS.public_url,
    )


def _check_certificate(options: Mapping[str, Any]) -> None:
    if (options["cert"] is None) != (options["key"] is None):
        raise click.UsageError("Give --cert and --key together, or neither for a certificate of our own.")
    if options["cert"] is not None and not options["tls"]:
        raise click.UsageError("--cert and --key are for --tls: add it, or leave them out.")


def _check_workers(options: Mapping[str, Any]) -> None:
    if options["workers"] == 1:
        return
    if options["store"] == "memory":
        how = "Give --store sqlite:PATH or --store postgresql://… too, or leave it out."
        raise click.UsageError(f"--workers: no other process sees what is in memory. {how}")
    if not hasattr(os, "fork"):
        raise click.UsageError("--workers: this system cannot do that. Leave it out.")


def _refuse_open_control(settings: Settings) -> None:
    if not is_loopback(settings.host) and not settings.admin_token:
        text = "can be reached by others: set --admin-token (or WIXTURE_ADMIN_TOKEN) for the control API."
        raise click.UsageError(f"{settings.host} {text}")
