"""The small commands about a running server: `wixture token` and `wixture sdk-env`."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

import click

from wixture.mockserver.access import is_loopback
from wixture.mockserver.certificates import authority_path

DEFAULT_URL = "http://127.0.0.1:8787"
PRELOAD = Path(__file__).parent / "node" / "preload.mjs"
_SECONDS = 10


_url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    envvar="WIXTURE_URL",
    show_envvar=True,
    show_default=True,
    help="Where the mock runs.",
)


@click.command()
@click.argument("identity", type=click.Choice(["APP", "WIX_USER", "MEMBER", "VISITOR"], case_sensitive=False))
@_url_option
@click.option("--instance", metavar="GUID", help="The tenant; the default one when absent.")
@click.option("--member", metavar="GUID", help="The member, for MEMBER; a new one when absent.")
@click.option("--scope", "scopes", multiple=True, help="What it may do; everything when absent. May be repeated.")
@click.option(
    "--expires-in", type=click.IntRange(0, 315360000), metavar="SECONDS", help="How long it is good for."
)
def token(
    identity: str,
    url: str,
    instance: str | None,
    member: str | None,
    scopes: tuple[str, ...],
    expires_in: int | None,
) -> None:
    """Print an access token for curl, made by a running mock.

    Off loopback the mock asks for its admin token: set WIXTURE_ADMIN_TOKEN.
    """
    if member is not None and identity.upper() != "MEMBER":
        raise click.UsageError("--member is for MEMBER alone.")
    wanted: dict[str, Any] = {"identity": identity.upper()}
    if member is not None:
        wanted["memberId"] = member
    if scopes:
        wanted["scopes"] = list(scopes)
    if expires_in is not None:
        wanted["expiresIn"] = expires_in
    query = "?" + urlencode({"instance": instance}) if instance else ""
    answer = _post(url, f"/_mock/tokens{query}", wanted)
    if not isinstance(answer, dict) or "access_token" not in answer:
        raise _Unanswered(f"What answers at {url} is no mock. Start one with: wixture serve")
    click.echo(answer["access_token"])


def _checked_url(url: str) -> SplitResult:
    """The parts of a mock's URL. Raises UsageError for one that is none, or would show tokens in the open."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise click.UsageError(f"{url!r} is no http or https address, such as {DEFAULT_URL}.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise click.UsageError(f"{url} is not on this machine: use https, so that no token travels in the open.")
    return parts


def _post(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    is_https = _checked_url(url).scheme == "https"
    headers = {"Content-Type": "application/json"}
    if os.environ.get("WIXTURE_ADMIN_TOKEN"):
        headers["Authorization"] = f"Bearer {os.environ['WIXTURE_ADMIN_TOKEN']}"
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked
        url.rstrip("/") + path, data=json.dumps(body).encode(), headers=headers, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    if is_https:
        opener.add_handler(urllib.request.HTTPSHandler(context=_trusting_our_authority()))
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read())  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        with error:
            raise click.UsageError(f"The mock refused ({error.code}): {_message(error.read())}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        text = f"Nothing answers at {url} as a mock does ({reason}). Start one with: wixture serve"
        raise _Unanswered(text) from error
    except ValueError as error:
        raise _Unanswered(f"What answers at {url} is no mock. Start one with: wixture serve") from error


class _Unanswered(click.ClickException):
    exit_code = 2


def _trusting_our_authority() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority_path().exists():
        context.load_verify_locations(authority_path())
    return context


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


@click.command()
@_url_option
@click.option("--format", "form", type=click.Choice(["shell", "json"]), default="shell", help="How to print.")
def sdk_env(url: str, form: str) -> None:
    """Print what to set so that the official JavaScript SDK talks to the mock, unmodified.

    A preload module replaces fetch for the vendor's API hosts alone. In a shell:  eval "$(wixture sdk-env)"
    """
    scheme = _checked_url(url).scheme
    variables = {"NODE_OPTIONS": f"--import={PRELOAD.as_uri()}", "WIXTURE_URL": url.rstrip("/")}
    if scheme == "https":
        variables["NODE_EXTRA_CA_CERTS"] = str(authority_path())
    if form == "json":
        click.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        kept = '"${NODE_OPTIONS:+$NODE_OPTIONS }"' if name == "NODE_OPTIONS" else ""
        click.echo(f"export {name}={kept}{shlex.quote(value)}")
