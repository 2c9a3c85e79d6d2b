"""What the options of `wixture serve` may be: each is read from the command line, the environment or a file."""

from __future__ import annotations

import ipaddress
import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from wixture.mockserver.auth import is_guid
from wixture.mockserver.instants import from_text
from wixture.mockserver.settings import CHANNELS, POSTGRES, SQLITE, Settings

DEFAULTS = Settings()


class NumberRange(click.FloatRange):
    """Numbers within bounds. NaN, which is neither below nor above any, is refused like the rest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Make a TOML file's values the defaults: an option beats the environment, that the file, that the default."""
    if path is None:
        return None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.BadParameter(f"{path} is no TOML: {error}.") from error
    known = {parameter.name: parameter for parameter in ctx.command.params}
    ctx.default_map = {}
    for name, value in values.items():
        parameter = known.get(name.replace("-", "_"))
        if parameter is None or parameter.name == "config":
            raise click.BadParameter(f"{path} sets {name}, which is no option of serve.")
        ctx.default_map[str(parameter.name)] = _config_value(path, name, value, parameter)
    return path


def _config_value(path: Path, name: str, value: Any, parameter: click.Parameter) -> Any:
    """A value of a config file as the option takes it. Raises BadParameter for one of another kind."""
    is_flag = isinstance(parameter, click.Option) and parameter.is_flag
    if is_flag == isinstance(value, bool) and isinstance(value, bool | int | str):
        return value if is_flag else [str(value)] if parameter.multiple else str(value)
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        if parameter.multiple:
            return value
        if parameter.name == "channels":
            return ",".join(value)
    wanted = "true or false" if is_flag else "a text or a number"
    raise click.BadParameter(f"{path} sets {name} to {value!r}; expected {wanted}.")


def guid(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_guid(value.lower()):
        raise click.BadParameter(f"{value!r} is no GUID, such as {DEFAULTS.instance_id}.")
    return value.lower() if value else None


def clock(_: click.Context, __: click.Parameter, value: str) -> str:
    if value == "real":
        return value
    try:
        from_text(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is neither `real` nor an instant like 2024-01-31T08:00:00Z."
        ) from error
    return value


def channels(_: click.Context, __: click.Parameter, value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    names = tuple(name.strip().upper() for name in parts if name.strip())
    for name in names:
        if name not in CHANNELS:
            raise click.BadParameter(f"{name!r} is no channel; use some of {','.join(CHANNELS)}.")
    return names


STORES = "memory|sqlite:PATH|postgresql://…"


def store(_: click.Context, __: click.Parameter, value: str) -> str:
    if value == "memory" or value.startswith(POSTGRES):
        return value
    path = value.removeprefix(SQLITE)
    if path == value or not path:
        shown = re.sub("//.*@", "//…@", value)  # what others call an address can have a password in it
        raise click.BadParameter(
            f"{shown!r} is neither `memory` nor `sqlite:PATH`, such as sqlite:state.db, nor `postgresql://…`."
        )
    if path == ":memory:":  # as SQLite itself calls it; here it would be a file
        raise click.BadParameter(f"{value!r} would be a file of that name; write `memory`.")
    if path.startswith("//"):  # an address of others, whose slashes mean a path from here or from the root
        raise click.BadParameter(
            f"{value!r} is written like an address; write a path, such as sqlite:state.db or sqlite:/a/b.db."
        )
    return f"{SQLITE}{Path(path).expanduser().absolute()}"


def consistency(_: click.Context, __: click.Parameter, value: str) -> int:
    kind, colon, lag = value.partition(":")
    if value == "immediate":
        return 0
    if kind + colon != "eventual:" or not re.fullmatch("[0-9]{1,9}", lag):
        raise click.BadParameter(f"{value!r} is neither `immediate` nor `eventual:MILLISECONDS`.")
    return int(lag)


def public_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", value, re.ASCII) or not value.isprintable():
        raise click.BadParameter(
            f"{value!r} is no address like https://shop.example or http://127.0.0.1:8787/site."
        )
    return value.rstrip("/")


def webhooks(_: click.Context, __: click.Parameter, values: Any) -> tuple[tuple[str, str], ...]:
    return tuple(_webhook(value) for value in _several(values))


def _several(values: Any) -> list[str]:
    """The values of an option that can be repeated; one from the environment or a file may hold several."""
    return [part for value in ([values] if isinstance(values, str) else values) for part in str(value).split()]


def _webhook(value: str) -> tuple[str, str]:
    from wixture.mockserver.webhooks.destinations import BadDestination, parse
    from wixture.mockserver.webhooks.events import event_types, short_name

    named, equals, url = value.partition("=")
    if not equals or "://" in named:
        named, url = "*", value
    event = "*" if named == "*" else short_name(named)
    if event is None:
        raise click.BadParameter(f"{named!r} is no event; use some of {', '.join(event_types())}.")
    try:
        parse(url)
    except BadDestination as error:
        raise click.BadParameter(f"{url!r} is no address to send to: {error}") from error
    return event, url


def networks(_: click.Context, __: click.Parameter, values: Any) -> tuple[str, ...]:
    for value in _several(values):
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no network like 10.0.0.0/8 or fd00::/8.") from error
    return tuple(_several(values))


def option(name: str, **more: Any) -> Callable[[Any], Any]:
    """An option that can also come from the environment, as WIXTURE_ and its name."""
    variable = "WIXTURE_" + name.split("/")[0].removeprefix("--").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=True, **more)
