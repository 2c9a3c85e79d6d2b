"""Where webhooks may go: how an address is read, and which network addresses may be dialled.

Nothing here dials or resolves. The table of networks follows IANA's registries of special-purpose addresses (IPv4:
RFC 6890 and its updates; IPv6: also RFC 8215, 9602, 9637, 9780), not Python's `is_global`, which lets some of
them through: 192.88.99.0/24, 2002::/16, site-local and IPv4-compatible addresses, and whatever NAT64 leads to.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from errno import EACCES
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from yarl import URL

MAX_CHARACTERS = 2048

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)((?:[/?].*)?)")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?")
_PORT = re.compile(r"[0-9]{1,5}")
_NAME = re.compile(r"(?=.{1,253}\.?\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "Use an address like https://shop.example/webhooks."


class BadDestination(ValueError):
    """An address that no webhook is sent to. The text says what is wrong and what to do."""


class Denied(PermissionError):
    """A network address that the policy does not let the server dial; `why` says which and how to allow it."""

    def __init__(self, why: str) -> None:
        # The same text for every address: aiohttp keeps an error's type only while all attempts say the same.
        super().__init__(EACCES, "may not be dialled")
        self.why = why


@dataclass(frozen=True)
class Destination:
    """A webhook's address as it is dialled.

    `host` is a name in lower case, or an IP address in its one usual spelling, IPv6 without brackets; `url` is the
    whole address with that host and the path and query as they were written. `address` is None for a name.
    """

    url: str
    scheme: str
    host: str
    port: int

    @property
    def address(self) -> Address | None:
        try:
            return ip_address(self.host)
        except ValueError:
            return None


def parse(url: str) -> Destination:
    """Read a webhook's address the way the client dials it. Raises BadDestination for every doubtful one."""
    _check_characters(url)
    parts = _URL.fullmatch(url)
    if parts is None or parts[1].lower() not in _DEFAULT_PORTS:
        raise BadDestination(f"The address is neither http:// nor https://. {_EXAMPLE}")
    authority = _AUTHORITY.fullmatch(parts[2])
    if "@" in parts[2]:
        raise BadDestination("The address has a user name or password before its host. Leave them away.")
    if authority is None or not authority[1]:
        raise BadDestination(f"The address has no host. {_EXAMPLE}")
    scheme, spelled = parts[1].lower(), authority[1].lower()
    port = _DEFAULT_PORTS[scheme] if authority[2] is None else _port(authority[2])
    host = _ipv6(spelled) if spelled.startswith("[") else _ipv4_or_name(spelled)
    place = f"[{host}]" if ":" in host else host
    if port != _DEFAULT_PORTS[scheme]:
        place = f"{place}:{port}"
    destination = Destination(f"{scheme}://{place}{parts[3]}", scheme, host, port)
    _check_with_client(url, spelled, destination)
    return destination


def _check_characters(url: str) -> None:
    if len(url) > MAX_CHARACTERS:
        raise BadDestination(f"The address has {len(url)} characters; at most {MAX_CHARACTERS} are taken.")
    odd = next((character for character in url if not "!" <= character <= "~"), None)
    if odd is not None:
        raise BadDestination(
            f"The address contains {odd!a}; only printable ASCII without blanks is taken. "
            "Write a host name in punycode (xn--…) and percent-encode the rest."
        )
    if "\\" in url:
        raise BadDestination("The address contains a backslash, which clients read differently. Use /.")
    if "#" in url:
        raise BadDestination("The address has a fragment (#…), which is never sent. Leave it away.")


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise BadDestination(f"The port {text[:10]!r} is no number from 1 to 65535. Correct it, or leave it away.")
    return int(text)


def _ipv6(spelled: str) -> str:
    inside = spelled[1:-1]
    if "%" in inside:
        raise BadDestination("The IPv6 address names a scope (%…), which is never dialled. Leave it away.")
    try:
        return str(IPv6Address(inside))
    except AddressValueError:
        raise BadDestination(
            f"The host {spelled[:60]} is no IPv6 address. Write it like [2606:4700::1111]."
        ) from None


def _ipv4_or_name(spelled: str) -> str:
    if not _NAME.fullmatch(spelled):
        raise BadDestination(
            f"The host {spelled[:60]!r} is no host name; expected letters, digits, - and _, parted by dots."
        )
    if not _NUMBER.fullmatch(spelled.rstrip(".").rpartition(".")[2]):
        # RFC 6761 has this name mean loopback; many a resolver knows it only without the dot.
        return "localhost" if spelled == "localhost." else spelled
    address = _legacy_ipv4(spelled)
    if address is None:
        raise BadDestination(
            f"The host {spelled[:60]!r} ends in a number but is no IPv4 address. Write it like 127.0.0.1."
        )
    return str(address)


def _legacy_ipv4(spelled: str) -> IPv4Address | None:
    """The address of one to four decimal, octal or hexadecimal numbers, if this system reads them so as well."""
    parts = spelled.split(".")
    try:
        numbers = [int(part, 16 if part.startswith("0x") else 8 if part.startswith("0") else 10) for part in parts]
        value = numbers.pop()
        if len(parts) > 4 or any(number > 255 for number in numbers) or value >= 256 ** (5 - len(parts)):
            return None
        for place, number in enumerate(numbers):
            value += number << (24 - 8 * place)
        address = IPv4Address(value)
        return address if socket.inet_aton(spelled) == address.packed else None
    except (ValueError, OSError):
        return None


def _check_with_client(given: str, spelled: str, destination: Destination) -> None:
    """Raises BadDestination unless the client reads the address as given and as dialled just as we do."""
    host = destination.host
    # The client shortens IPv6 addresses by itself; every other host it takes as spelled.
    hosts = [host if ":" in host else spelled, host]
    try:
        read = [URL(given), URL(destination.url, encoded=True)]
    except ValueError:
        read = []
    wanted = [(destination.scheme, each, destination.port) for each in hosts]
    if [(url.scheme, url.raw_host, url.port) for url in read] != wanted:
        raise BadDestination(f"The address can be read in more than one way. {_EXAMPLE}")


_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relays"),
        ("192.168.0.0/16", "private use"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("64:ff9b:1::/48", "local translation to IPv4"),
        ("100::/64", "discarded"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3ffe::/16", "a test network given back"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "private use"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_PUBLIC_IPV6 = (IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96"))
# Where an IPv4 address stands in an IPv6 address: the network, and how far its lowest bit is from the right.
_CARRIERS = (
    (IPv6Network("::/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2001::/32"), 64),
    (IPv6Network("2002::/16"), 80),
)
_TEREDO = IPv6Network("2001::/32")
_ISATAP = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True)
class Policy:
    """Which network addresses may be dialled.

    `loopback` says that the server itself is on loopback; `allowed` are the networks of `--allow-net`.
    """

    loopback: bool
    allowed: Sequence[Network] = ()

    def judge(self, address: Address) -> str | None:
        """None for an address that may be dialled, else the reason why not, with what would allow it.

        An IPv4-mapped address is judged as the IPv4 address that it is. Any other IPv6 address that carries an
        IPv4 address (NAT64, 6to4, Teredo, ISATAP, …) must pass for itself, and what it carries must be public or
        allowed.
        """
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                return "it names a scope (%…), which is never dialled"
            if address.ipv4_mapped is not None:
                return self.judge(address.ipv4_mapped)
        if self.loopback and address.is_loopback:
            return None
        for carried in _carried(address):
            reason = self._refusal(carried)
            if reason is not None:
                return f"it carries an IPv4 address of which holds: {reason}"
        return self._refusal(address)

    def always_denies(self, destination: Destination) -> str | None:
        """Why an address in numbers would be denied at every attempt; None for the others, and for every name.

        Nothing is asked of the network, so that the answer tells nothing about it: it follows from the digits
        alone and is the same whether somebody is there or not. What a name leads to is judged when it is dialled.
        """
        return self.judge(destination.address) if destination.address else None

    def _allows(self, address: Address) -> bool:
        return any(address in network for network in self.allowed)

    def _refusal(self, address: Address) -> str | None:
        if self._allows(address):
            return None
        for network, what in _REFUSED:
            if address in network:
                return f"{network} is not public ({what}); start the server with --allow-net to allow it"
        if isinstance(address, IPv6Address) and not any(address in network for network in _PUBLIC_IPV6):
            return f"it is outside {_PUBLIC_IPV6[0]}, the public IPv6 addresses"
        return None


def _carried(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a gateway would take out of an IPv6 address."""
    if not isinstance(address, IPv6Address) or address.is_loopback or address.is_unspecified:
        return
    bits = int(address)
    for network, shift in _CARRIERS:
        if address in network:
            yield IPv4Address(bits >> shift & 0xFFFFFFFF)
    if address in _TEREDO:
        yield IPv4Address(~bits & 0xFFFFFFFF)
    if bits >> 32 & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(bits & 0xFFFFFFFF)
