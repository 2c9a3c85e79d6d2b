"""What the options of `wixture serve` may be: each is read from the command line, the environment or a file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from wixture.mockserver.auth import is_guid
from wixture.mockserver.instants import from_text
from wixture.mockserver.settings import CHANNELS, Settings

DEFAULTS = Settings()


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
        return value if is_flag else str(value)
    if parameter.name == "channels" and isinstance(value, list):
        return ",".join(str(member) for member in value)
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


def option(name: str, **more: Any) -> Callable[[Any], Any]:
    """An option that can also come from the environment, as WIXTURE_ and its name."""
    variable = "WIXTURE_" + name.split("/")[0].removeprefix("--").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=True, **more)
