"""How a command talks to a running mock: its control API, over loopback or https, with the admin token."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from wixture.mockserver.access import is_loopback
from wixture.mockserver.certificates import authority_path

DEFAULT_URL = "http://127.0.0.1:8787"
MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 10

url_option = click.option(
    "--url",
    default=DEFAULT_URL,
    envvar="WIXTURE_URL",
    show_envvar=True,
    show_default=True,
    metavar="URL",
    help="Where the mock runs.",
)


class Unanswered(click.ClickException):
    """Nothing, or no mock, answers where one was expected: exit code 2."""

    exit_code = 2


def checked_url(url: str, what: str = "token", *, option: str = "--url (WIXTURE_URL)") -> SplitResult:
    """The parts of an address that an option gave.

    Raises UsageError for one that is none, or would show a `what` in the open.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise click.UsageError(f"{option}: {url!r} is no http or https address, such as {DEFAULT_URL}.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        text = f"{url} is not on this machine: use https, so that no {what} travels in the open."
        raise click.UsageError(f"{option}: {text}")
    return parts


def call(url: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """What the control API of the mock at `url` answers, as parsed JSON. Raises Unanswered or UsageError."""
    sent = None if body is None else json.dumps(body).encode()
    try:
        return json.loads(fetched(url, path, method=method, body=sent))
    except ValueError as error:
        raise no_mock(url) from error


def no_mock(url: str) -> Unanswered:
    """What to say when something answers, but not as a mock does."""
    return Unanswered(f"What answers at {url} is no mock. Start one with: wixture serve")


def fetched(url: str, path: str, *, method: str = "GET", body: bytes | None = None) -> bytes:
    """The bytes of one answer of the mock at `url`. Raises Unanswered or UsageError."""
    checked_url(url)
    headers = {"Content-Type": "application/json"}
    if os.environ.get("WIXTURE_ADMIN_TOKEN"):
        headers["Authorization"] = f"Bearer {os.environ['WIXTURE_ADMIN_TOKEN']}"
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked
        url.rstrip("/") + path, data=body, headers=headers, method=method
    )
    try:
        with opener().open(request, timeout=_SECONDS) as answer:
            return answer.read(MOST_BYTES)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        with error:
            raise click.UsageError(f"The mock refused ({error.code}): {_message(error.read())}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        text = f"Nothing answers at {url} as a mock does ({reason}). Start one with: wixture serve"
        raise Unanswered(text) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: the answer with the redirect is the answer."""


def opener() -> urllib.request.OpenerDirector:
    """What asks: no proxies, no redirects, and our own certificate authority is trusted."""
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        _NoRedirects,
        urllib.request.HTTPSHandler(context=trusting_our_authority()),
    )


def trusting_our_authority() -> ssl.SSLContext:
    """The usual certificate authorities, and the one that `wixture serve --tls` made."""
    context = ssl.create_default_context()
    if authority_path().exists():
        context.load_verify_locations(authority_path())
    return context


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
