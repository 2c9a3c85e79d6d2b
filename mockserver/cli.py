"""The small commands about a running server: `wixture token` and `wixture sdk-env`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from wixture.mockserver.certificates import authority_path
from wixture.mockserver.mock_client import call, checked_url, no_mock, url_option

PRELOAD = Path(__file__).parent / "node" / "preload.mjs"


@click.command(short_help="Print an access token for curl.")
@click.argument(
    "identity",
    metavar="APP|WIX_USER|MEMBER|VISITOR",
    type=click.Choice(["APP", "WIX_USER", "MEMBER", "VISITOR"], case_sensitive=False),
)
@url_option
@click.option("--instance", metavar="GUID", help="The tenant; the default one when absent.")
@click.option("--member", metavar="GUID", help="The member, for MEMBER; a new one when absent.")
@click.option(
    "--scope", "scopes", multiple=True, help="What it may do; everything when absent. Can be given several times."
)
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
    answer = call(url, "POST", f"/_mock/tokens{query}", wanted)
    if not isinstance(answer, dict) or "access_token" not in answer:
        raise no_mock(url)
    click.echo(answer["access_token"])


@click.command(short_help="Print what brings the JavaScript SDK to the mock.")
@url_option
@click.option("--format", "form", type=click.Choice(["shell", "json"]), default="shell", help="How to print.")
def sdk_env(url: str, form: str) -> None:
    """Print what to set so that the official JavaScript SDK talks to the mock, unmodified.

    A preload module replaces fetch for the vendor's API hosts alone. In a shell:  eval "$(wixture sdk-env)"
    """
    scheme = checked_url(url).scheme
    variables = {"NODE_OPTIONS": f"--import={PRELOAD.as_uri()}", "WIXTURE_URL": url.rstrip("/")}
    if scheme == "https":
        variables["NODE_EXTRA_CA_CERTS"] = str(authority_path())
    if form == "json":
        click.echo(json.dumps(variables, indent=2))
        return
    for name, value in variables.items():
        kept = '"${NODE_OPTIONS:+$NODE_OPTIONS }"' if name == "NODE_OPTIONS" else ""
        click.echo(f"export {name}={kept}{shlex.quote(value)}")
