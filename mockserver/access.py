"""Who may use the control API: the right host name, the right origin, and off loopback the admin token."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

from wixture.mockserver.messages import Request
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings

_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?\Z", re.IGNORECASE)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # compared with, not bound to


@lru_cache(maxsize=64)
def is_loopback(host: str) -> bool:
    """Whether a host to bind is on this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Access:
    """Guards the control API and pages against other origins, rebound names and strangers."""

    def __init__(self, settings: Settings, public_url: Callable[[], str]) -> None:
        self._settings = settings
        self._public_url = public_url
        self._local = is_loopback(settings.host)

    def check(self, request: Request, *, open_to_all: bool) -> None:
        """Raises Refusal unless the request may be answered; `open_to_all` needs no admin token."""
        host = self._host(request)
        if request.method not in ("GET", "HEAD"):
            self._check_origin(request, host)
        if not open_to_all and not (self._local and is_loopback(_name_of("//" + host))):
            self._check_token(request)

    def check_visit(self, request: Request) -> None:
        """Raises Refusal unless a visitor's browser may be answered: from anywhere to look, from here to change.

        A page that sends no referrer posts its form with the origin `null`. So does a foreign page that hides
        where it is, but then the browser says `cross-site`.
        """
        host = self._host(request)
        if request.method not in ("GET", "HEAD"):
            self._check_origin(request, host, also="null")

    def _host(self, request: Request) -> str:
        """The host that the request names. Raises Refusal for one that is not ours."""
        host = request.headers.get("host", "").lower()
        if not _HOST.match(host) or _name_of("//" + host) not in self._names():
            how = "Use the address that the server printed, or start it with --public-url."
            raise Refusal("MOCK_FORBIDDEN", f"The Host header is {host[:60]!r}. {how}")
        return host

    def _names(self) -> set[str]:
        names = {self._settings.host.lower(), _name_of(self._public_url())}
        if self._local or self._settings.host in _ANYWHERE:
            names.update(_LOOPBACK_NAMES)
        return names - {""}

    def _check_origin(self, request: Request, host: str, *, also: str = "") -> None:
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        own = {f"http://{host}", f"https://{host}", _origin_of(self._public_url()), also}
        if (origin is not None and origin.lower() not in own) or site not in ("same-origin", "none"):
            text = "Another origin's page may not change the mock. Call it from a test or from its own pages."
            raise Refusal("MOCK_FORBIDDEN", text)

    def _check_token(self, request: Request) -> None:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        wanted = self._settings.admin_token or ""
        matches = hmac.compare_digest(sent.strip().encode("utf-8", "surrogateescape"), wanted.encode())
        if not wanted or scheme.lower() != "bearer" or not matches:
            text = "Off loopback the control API needs Authorization: Bearer with the server's --admin-token."
            raise Refusal("UNAUTHENTICATED", text)


@lru_cache(maxsize=64)  # each call of a suite names the same few hosts
def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


@lru_cache(maxsize=64)
def _name_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
