"""What the commands that send webhooks have in common: the key, the sender, a mock that signs, their options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wixture.mockserver.mock_client import call, checked_url, trusting_our_authority
from wixture.mockserver.options import guid, networks
from wixture.mockserver.settings import Settings
from wixture.mockserver.webhook_keys import of_tenant

if TYPE_CHECKING:
    from wixture.mockserver.webhooks.minting import MockMint
    from wixture.mockserver.webhooks.post import Poster
    from wixture.mockserver.webhooks.signing import SigningKey

PEM_PATH = "/_mock/webhooks/public-key.pem"

signing_key_option = click.option(
    "--signing-key",
    type=click.Path(path_type=Path),
    metavar="FILE.pem",
    help="RSA key to sign with. Without it, and without a mock, one is made and kept.",
)
public_key_out_option = click.option(
    "--public-key-out", type=click.Path(path_type=Path), metavar="FILE", help="Write the public key there, too."
)
allow_net_option = click.option(
    "--allow-net",
    multiple=True,
    callback=networks,
    metavar="CIDR",
    help="Addresses that may be sent to although they are not public; can be given several times.",
)
instance_option = click.option(
    "--instance",
    callback=guid,
    default=Settings().instance_id,
    show_default=True,
    metavar="GUID",
    help="The site of the events.",
)


class _SigningMock(click.Option):
    """The mock that signs. It was called --mock-url before: that still works, and no help shows it."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=["--mock-url"], dest=self.name, action="store", nargs=1)


def signing_mock_option(**more: Any) -> Callable[[Any], Any]:
    """The option --url of a command that can do without a mock: None when absent."""
    return click.option("--url", "mock_url", cls=_SigningMock, metavar="URL", **more)


def signing_key(given: Path | None) -> SigningKey:
    """The key in a file, or the user's own. Raises UsageError."""
    from wixture.mockserver.webhooks.own_key import kept_key
    from wixture.mockserver.webhooks.signing import BadKey, read_key

    try:
        return read_key(given) if given else kept_key()
    except BadKey as error:
        raise click.UsageError(str(error)) from error


def tell_public_key(pem: str, out: Path | None, *, kept: bool) -> None:
    """Write the public key where the consumer can have it, and say where. Raises UsageError."""
    from wixture.mockserver.webhooks.own_key import public_key_path

    for path in filter(None, (out, public_key_path() if kept else None)):
        try:
            path.write_text(pem, encoding="ascii")
        except OSError as error:
            raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from error
        click.echo(f"The public key that the consumer needs: {path}", err=True)


def poster(options: Mapping[str, Any], *, limit_ms: int | None = None) -> Poster:
    """What posts, to this machine and public addresses; to be made in a running loop."""
    from wixture.mockserver.webhooks.destinations import Policy
    from wixture.mockserver.webhooks.outcomes import LIMIT_MS
    from wixture.mockserver.webhooks.post import Poster

    allowed = tuple(ip_network(net) for net in options["allow_net"])
    return Poster(
        Policy(loopback=True, allowed=allowed), limit_ms=limit_ms or LIMIT_MS, tls=trusting_our_authority()
    )


def checked_consumer(url: str, option: str) -> str:
    """A consumer's address that an option gave. Raises UsageError for one that nothing is sent to."""
    from wixture.mockserver.webhooks.destinations import BadDestination, parse

    checked_url(url, "event", option=option)
    try:
        return parse(url).url
    except BadDestination as error:
        raise click.UsageError(f"{option}: {url!r} is no address to send to: {error}") from error


@contextmanager
def minting(mock_url: str, instance: str) -> Iterator[MockMint]:
    """Tokens signed by a running mock. Raises UsageError or Unanswered."""
    from wixture.mockserver.webhooks.minting import MockMint, NotDelivered

    def ask(method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return call(mock_url, method, of_tenant(f"/_mock{path}", instance), body)

    try:
        with MockMint(ask) as mint:
            yield mint
    except NotDelivered as error:
        raise click.UsageError(str(error)) from error
