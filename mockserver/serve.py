"""The command `wixture serve`."""

from __future__ import annotations

import sys
import threading
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from wixture.mockserver.access import is_loopback
from wixture.mockserver.auth import is_guid
from wixture.mockserver.instants import from_text
from wixture.mockserver.settings import CHANNELS, Settings

DEFAULTS = Settings()


def _read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Make a TOML file's values the defaults: an option beats the environment, that the file, that the default."""
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path} cannot be read: {error}") from error
    known = {parameter.name for parameter in ctx.command.params}
    named = {name.replace("-", "_"): value for name, value in values.items()}
    unknown = sorted(set(named) - known)
    if unknown:
        raise click.BadParameter(f"{path} sets {', '.join(unknown)}, which is no option of serve.")
    ctx.default_map = named
    return path


def _guid(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_guid(value.lower()):
        raise click.BadParameter(f"{value!r} is no GUID, such as {DEFAULTS.instance_id}.")
    return value.lower() if value else None


def _clock(_: click.Context, __: click.Parameter, value: str) -> str:
    if value == "real":
        return value
    try:
        from_text(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is neither `real` nor an instant like 2024-01-31T08:00:00Z."
        ) from error
    return value


def _channels(_: click.Context, __: click.Parameter, value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    names = tuple(name.strip().upper() for name in parts if name.strip())
    for name in names:
        if name not in CHANNELS:
            raise click.BadParameter(f"{name!r} is no channel; use some of {','.join(CHANNELS)}.")
    return names


def _consistency(_: click.Context, __: click.Parameter, value: str) -> int:
    kind, colon, lag = value.partition(":")
    if value == "immediate":
        return 0
    if kind + colon != "eventual:" or not lag.isascii() or not lag.isdigit():
        raise click.BadParameter(f"{value!r} is neither `immediate` nor `eventual:MILLISECONDS`.")
    return int(lag)


def _option(name: str, **more: Any) -> Callable[[Any], Any]:
    """An option that can also come from the environment, as WIXTURE_ and its name."""
    variable = "WIXTURE_" + name.split("/")[0].removeprefix("--").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=True, **more)


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    envvar="WIXTURE_CONFIG",
    metavar="FILE.toml",
    help="A file with values for these options.",
)
@_option("--host", default=DEFAULTS.host, show_default=True, help="Address to listen on.")
@_option(
    "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="Port; 0 picks a free one."
)
@_option("--seed", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Entities to start from.")
@_option("--random-seed", type=int, metavar="N", help="Makes ids, keys and chance repeat exactly.")
@_option(
    "--clock", default="real", callback=_clock, metavar="real|ISO-8601", help="Real, or frozen at an instant."
)
@_option(
    "--channels",
    default=",".join(CHANNELS),
    callback=_channels,
    metavar="X,TIKTOK,…",
    help="Channels that can be followed.",
)
@_option(
    "--consistency",
    default="immediate",
    callback=_consistency,
    metavar="immediate|eventual:MS",
    help="How far reads lag behind writes.",
)
@_option("--account", callback=_guid, metavar="GUID", help="Loyalty account of apps and Wix users.")
@_option("--tls/--no-tls", default=False, help="Serve https, with a certificate of our own unless one is given.")
@_option("--cert", type=click.Path(path_type=Path), metavar="FILE.pem", help="Certificate for --tls.")
@_option("--key", type=click.Path(path_type=Path), metavar="FILE.pem", help="Its key.")
@_option("--public-url", metavar="URL", help="Where others reach this server; links are made with it.")
@_option("--admin-token", metavar="TOKEN", help="What the control API asks for off loopback.")
@_option("--app-id", default=DEFAULTS.app_id, callback=_guid, show_default=True, help="The app's ID.")
@_option("--app-secret", default=DEFAULTS.app_secret, help="The app's secret.")
@_option(
    "--instance-id",
    default=DEFAULTS.instance_id,
    callback=_guid,
    show_default=True,
    help="The default tenant.",
)
@_option(
    "--client-id",
    default=DEFAULTS.client_id,
    callback=_guid,
    show_default=True,
    help="OAuth client ID of the default tenant.",
)
@_option("--api-key", default=DEFAULTS.api_key, help="API key of the Wix user.")
def serve(**options: Any) -> None:
    """Run the mock until it is told to stop."""
    from wixture.mockserver.certificates import BadCertificate, server_context
    from wixture.mockserver.mock import Mock
    from wixture.mockserver.refusals import Refusal
    from wixture.mockserver.server import ListenError, run

    settings = _settings(options)
    _refuse_open_control(settings)
    context = None
    if options["tls"]:
        try:
            context = server_context(options["cert"], options["key"], host=settings.host)
        except BadCertificate as error:
            raise click.UsageError(str(error)) from error
    mock = Mock(settings, seed=_seed(options["seed"]))

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await mock.start()
        try:
            yield
        finally:
            await mock.stop()

    def ready(server: Any) -> None:
        mock.app.public_url = (options["public_url"] or server.url).rstrip("/")
        _announce(settings, mock, server.url)
        threading.Thread(target=mock.warm_up, name="wixture-warm-up", daemon=True).start()

    try:
        run(
            mock,
            settings.host,
            options["port"],
            ssl_context=context,
            on_ready=ready,
            new_request_id=mock.app.tenants.outside.new_request_id,
            lifespan=lifespan,
        )
    except ListenError as error:
        click.echo(error.strerror or str(error), err=True)
        sys.exit(3)
    except Refusal as error:
        raise click.UsageError(f"{options['seed']} cannot be loaded: {error.message}") from error


def _settings(options: Mapping[str, Any]) -> Settings:
    if (options["cert"] is None) != (options["key"] is None):
        raise click.UsageError("Give --cert and --key together, or neither for a certificate of our own.")
    names = (
        "app_id",
        "app_secret",
        "instance_id",
        "client_id",
        "api_key",
        "host",
        "clock",
        "channels",
        "random_seed",
    )
    return Settings(
        **{name: options[name] for name in names},
        account_id=options["account"],
        consistency_ms=options["consistency"],
        admin_token=options["admin_token"],
        public_url=(options["public_url"] or DEFAULTS.public_url).rstrip("/"),
    )


def _refuse_open_control(settings: Settings) -> None:
    if not is_loopback(settings.host) and not settings.admin_token:
        text = "can be reached by others: set --admin-token (or WIXTURE_ADMIN_TOKEN) for the control API."
        raise click.UsageError(f"{settings.host} {text}")


def _seed(path: Path | None) -> dict[str, Any] | None:
    """A seed document in YAML or JSON, checked by the control API's contract."""
    if path is None:
        return None
    from wixture.contracts.document import BadDocument, read_yaml
    from wixture.contracts.validation import own_contract

    try:
        seed = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BadDocument) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error
    validation = own_contract("control")
    if not validation.accepts("/components/schemas/Seed", seed):
        found = validation.violations("/components/schemas/Seed", seed)
        raise click.UsageError(
            f"{path} is no seed: " + "; ".join(f"{item.field} {item.description}" for item in found)
        )
    return seed  # type: ignore[no-any-return]


def _announce(settings: Settings, mock: Any, url: str) -> None:
    lines = [
        f"wixture ready on {url}",
        f"  app ID        {settings.app_id}",
        f"  app secret    {_unless_own(settings.app_secret, DEFAULTS.app_secret)}",
        f"  instance ID   {settings.instance_id}",
        f"  client ID     {settings.client_id}",
        f"  API key       {_unless_own(settings.api_key, DEFAULTS.api_key)}",
        f"  random seed   {mock.app.tenants.random_seed}",
        f"  contract      {url}/_mock/openapi.yaml",
        f"  control API   {url}/_mock/control.yaml",
    ]
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _unless_own(value: str, default: str) -> str:
    return value if value == default else "(as you set it)"
