"""What a server says when it is ready, and at its end."""

from __future__ import annotations

import logging
import sys

import click

from wixture import __version__
from wixture.mockserver.mock import Mock
from wixture.mockserver.options import DEFAULTS

log = logging.getLogger("wixture.serve")


def announce(mock: Mock, url: str) -> None:
    """Print where the server is and its defaults: standard output is what scripts wait for."""
    settings = mock.app.settings
    lines = [
        f"wixture ready on {url}",
        f"  app ID        {settings.app_id}",
        f"  app secret    {_unless_own(settings.app_secret, DEFAULTS.app_secret)}",
        f"  instance ID   {settings.instance_id}",
        f"  client ID     {settings.client_id}",
        f"  API key       {_unless_own(settings.api_key, DEFAULTS.api_key)}",
        f"  random seed   {mock.app.tenants.random_seed}",
        f"  public key    {url}/_mock/webhooks/public-key.pem",
        f"  contract      {url}/_mock/openapi.yaml",
        f"  control API   {url}/_mock/control.yaml",
    ]
    click.echo("\n".join(lines))
    sys.stdout.flush()
    about = {"url": url, "version": __version__, "store": settings.store.partition(":")[0]}
    log.info("ready", extra={"fields": about})


def tell_undelivered(count: int) -> None:
    """Say what the memory took with it, if anything."""
    if count:
        things = "1 webhook was" if count == 1 else f"{count} webhooks were"
        click.echo(f"{things} still to be delivered and went with the memory that held them.", err=True)


def _unless_own(value: str, default: str) -> str:
    return value if value == default else "(as you set it)"
