"""Where a target is: its address, checked, and the socket address that is dialled for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


class BadTarget(ValueError):
    """What was given is no target. The text says what would be one, and repeats no user name or password."""


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. `dialled` is the host and port of the socket: another one only by --connect-to."""

    scheme: str
    host: str
    port: int
    base: str
    dialled: tuple[str, int]

    @property
    def is_loopback(self) -> bool:
        """Whether the address itself is of this machine, wherever it is dialled."""
        return is_loopback(self.host)

    @property
    def is_vendors(self) -> bool:
        """Whether it is a host of Wix's own."""
        return any(self.host == name or self.host.endswith(f".{name}") for name in ("wixapis.com", "wix.com"))

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them; without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as text, without a final slash."""
        return f"{self.scheme}://{self.authority}{self.base}"


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(url: str, connect_to: str | None = None) -> Address:
    """The address in a URL. Raises BadTarget.

    https, or http on loopback alone; no user name, no query, no fragment. `connect_to` is HOST:PORT to dial
    instead, as a tunnel needs it: the certificate must still be the named host's.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.username or parts.password:
        raise BadTarget("The address carries a user name or password. Give credentials by environment or file.")
    named = parts.scheme in ("http", "https") and host and port != 0 and host.isascii()
    if not named or not url.isprintable() or " " in url or parts.query or parts.fragment:
        said = "This" if set("@?#") & set(url) else repr(url[:200])  # a password or token may stand there
        raise BadTarget(f"{said} is no address; expected https://HOST, or http://127.0.0.1:PORT for a mock.")
    if parts.scheme == "http" and not is_loopback(host):
        raise BadTarget(f"{host} is not this machine: use https, so that no token travels in the open.")
    port = port or {"http": 80, "https": 443}[parts.scheme]
    dialled = _dialled(connect_to) if connect_to else (host, port)
    if parts.scheme == "http" and not is_loopback(dialled[0]):
        raise BadTarget("--connect-to leads off this machine: use https, so that no token travels in the open.")
    return Address(parts.scheme, host.removesuffix("."), port, parts.path.rstrip("/"), dialled)


def _dialled(connect_to: str) -> tuple[str, int]:
    host, _, port = connect_to.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadTarget(f"--connect-to {connect_to[:200]!r}: expected HOST:PORT, such as 127.0.0.1:8443.")
    return host.strip("[]"), int(port)
