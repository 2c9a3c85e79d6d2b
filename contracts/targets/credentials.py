"""What a target's callers prove themselves with: from the environment or a file, never from arguments."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLES = {
    "WIXTURE_APP_ID": "app_id",
    "WIXTURE_APP_SECRET": "app_secret",
    "WIXTURE_INSTANCE_ID": "instance_id",
    "WIXTURE_APP_TOKEN": "app_token",
    "WIXTURE_API_KEY": "api_key",
    "WIXTURE_SITE_ID": "site_id",
    "WIXTURE_MEMBER_TOKEN": "member_token",
    "WIXTURE_VISITOR_TOKEN": "visitor_token",
    "WIXTURE_OTHER_INSTANCE_ID": "other_instance_id",
    "WIXTURE_OTHER_APP_TOKEN": "other_app_token",
    "WIXTURE_ADMIN_TOKEN": "admin_token",
}
"""Each variable of the environment, and its name in a credentials file."""

SECRET = frozenset(
    {"app_secret", "app_token", "api_key", "member_token", "visitor_token", "other_app_token", "admin_token"}
)
NEEDED = "WIXTURE_APP_ID, WIXTURE_APP_SECRET and WIXTURE_INSTANCE_ID, or WIXTURE_APP_TOKEN"
MOST_BYTES = 64 * 1024


class BadCredentials(ValueError):
    """A credentials file cannot be used. The text says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What was given, each None when it was not. Shows nothing in `repr`."""

    app_id: str | None = None
    app_secret: str | None = None
    instance_id: str | None = None
    app_token: str | None = None
    api_key: str | None = None
    site_id: str | None = None
    member_token: str | None = None
    visitor_token: str | None = None
    other_instance_id: str | None = None
    other_app_token: str | None = None
    admin_token: str | None = None

    @property
    def can_issue(self) -> bool:
        """Whether tokens of the app can be asked for."""
        return bool(self.app_id and self.app_secret and self.instance_id)

    @property
    def has_app(self) -> bool:
        """Whether the app can call."""
        return bool(self.app_token) or self.can_issue

    def secrets(self) -> Iterator[str]:
        """Every value that may be printed nowhere."""
        for name in sorted(SECRET):
            value = getattr(self, name)
            if value:
                yield value
                bare = value.removeprefix("Bearer ").strip()
                if bare != value:
                    yield bare


def from_environment(environment: Mapping[str, str], file: Path | None = None) -> Credentials:
    """The credentials of a file, TOML or JSON, else those of the environment. Raises BadCredentials.

    A file stands for all: what it does not name is not taken from the environment.
    """
    if file is None:
        for variable in VARIABLES:
            if environment.get(variable) and not _is_header_text(environment[variable]):
                raise BadCredentials(f"{variable} holds what fits no header, such as a line end. Set it anew.")
        return Credentials(**{name: environment.get(variable) or None for variable, name in VARIABLES.items()})
    return Credentials(**_read(file))


def _read(file: Path) -> dict[str, str]:
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadCredentials(f"{file} can be read by others than its owner. Close it: chmod 600 {file}")
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadCredentials(f"{file} cannot be read: {error.strerror}.") from error
    found = _parsed(data, file)
    names = {**VARIABLES, **{name: name for name in VARIABLES.values()}}
    unknown = sorted(str(name)[:60] for name in found if name not in names)
    if unknown:
        raise BadCredentials(f"{file}: {unknown[0]!r} is no credential; known: {', '.join(VARIABLES)}.")
    return {names[name]: value for name, value in found.items()}


def _parsed(data: bytes, file: Path) -> dict[str, str]:
    try:
        text = data.decode("utf-8") if len(data) <= MOST_BYTES else ""
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found or not all(_is_header_text(value) for value in found.values()):
        raise BadCredentials(
            f'{file} is no credentials file: expected lines like app_id = "…", or JSON.'
        ) from None
    return found


def _is_header_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)
