"""Where the commands about webhooks take keys and addresses from: options, files, or a running mock."""

from __future__ import annotations

import urllib.error
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import click

from wixture.mockserver.access import is_loopback
from wixture.mockserver.mock_client import Unanswered, checked_url, fetched, opener
from wixture.mockserver.options import guid

if TYPE_CHECKING:
    from wixture.mockserver.webhooks.public_keys import PublicKey

JWKS_PATH = "/_mock/webhooks/jwks.json"
_SECONDS = 10
_LONGEST_NAME = 255  # of a file; a key is longer, in whatever form

key_option = click.option(
    "--key",
    envvar="WIXTURE_PUBLIC_KEY",
    show_envvar=True,
    metavar="KEY",
    help="Public key instead of the mock's: PEM, its base64, or a file or loopback URL of PEM or a JWK set.",
)
show_option = click.option("--show", is_flag=True, help="Print personal data as it is, not as ***.")
dialect_option = click.option(
    "--dialect",
    type=click.Choice(["corrected", "documented"]),
    default="corrected",
    help="Which contract the events keep: the right spellings, or those that the vendor's pages print.",
)


instance_option = click.option(
    "--instance", callback=guid, metavar="GUID", help="The site that events must be of."
)


def contract_of(dialect: str) -> Any:
    """The contract that events keep in a dialect."""
    from wixture.contracts.dialect import documented
    from wixture.contracts.validation import own_contract

    return documented() if dialect == "documented" else own_contract("openapi")


def public_keys(key: str | None, url: str) -> Sequence[PublicKey]:
    """The keys that an option gives, or those of the mock at `url`. Raises UsageError or Unanswered."""
    if key is not None:
        return parsed(_text_of(key.strip()))
    try:
        return mock_keys(url)
    except Unanswered as error:
        raise Unanswered(f"{error.message}, or give the public key: --key FILE.pem") from error


def mock_keys(url: str) -> Sequence[PublicKey]:
    """The keys of the mock at `url`. Raises UsageError or Unanswered."""
    return parsed(fetched(url, JWKS_PATH).decode("utf-8", "replace"))


def last_known(read: Callable[[], Sequence[PublicKey]]) -> Callable[[], Sequence[PublicKey]]:
    """Reads anew each time, for keys can be rotated; gives what it read last when that fails."""
    known = read()

    def current() -> Sequence[PublicKey]:
        nonlocal known
        try:
            known = read()
        except click.ClickException:
            return known
        return known

    return current


def parsed(text: str) -> Sequence[PublicKey]:
    """The keys in a text. Raises UsageError for one that holds none."""
    from wixture.mockserver.webhooks.public_keys import BadPublicKey, read_public_keys

    try:
        return read_public_keys(text)
    except BadPublicKey as error:
        raise click.UsageError(str(error)) from error


def _text_of(key: str) -> str:
    if key.startswith(("http://", "https://")):
        return _from_url(key)
    if len(key) > _LONGEST_NAME or "\n" in key or key.startswith(("-----BEGIN", "{")):
        return key
    if not Path(key).is_file():
        raise click.UsageError(f"There is no file {key!r}, nor is that a key.")
    try:
        return Path(key).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(
            f"{key} cannot be read: {getattr(error, 'strerror', None) or 'no text'}."
        ) from error


def _from_url(url: str) -> str:
    checked_url(url, "key", option="--key (WIXTURE_PUBLIC_KEY)")
    if not is_loopback(urlsplit(url).hostname or ""):
        raise click.UsageError(f"{url} is not on this machine; fetch the key yourself and give the file.")
    try:
        with opener().open(url, timeout=_SECONDS) as answer:
            return str(answer.read(64 * 1024 + 1).decode("utf-8", "replace"))
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise click.UsageError(f"No key can be had from {url} ({reason}).") from error


def of_tenant(path: str, instance: str | None) -> str:
    """A path of the control API, about a site; the mock's default one when None."""
    return f"{path}?{urlencode({'instance': instance})}" if instance else path
