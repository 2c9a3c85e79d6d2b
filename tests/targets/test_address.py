"""Where a target may be."""

from __future__ import annotations

import pytest

from wixture.contracts.targets.address import BadTarget, is_loopback, parse_address


@pytest.mark.parametrize(
    ("url", "host", "port", "loopback"),
    [
        ("http://127.0.0.1:8787", "127.0.0.1", 8787, True),
        ("http://localhost:80/", "localhost", 80, True),
        ("http://[::1]:8787/base/", "::1", 8787, True),
        ("https://www.wixapis.com", "www.wixapis.com", 443, False),
        ("https://WWW.Wixapis.com.", "www.wixapis.com", 443, False),
        ("https://staging.example:8443/wix", "staging.example", 8443, False),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, loopback: bool) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert address.dialled == (host if host != "www.wixapis.com" else address.dialled[0], port)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.wixapis.com",
        "http://192.168.0.1:80",
        "http://127.0.0.1.example:80",
        "http://localhost.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "127.0.0.1:8787",
        "https://",
        "https://host:0",
        "https://host:99999",
        "https://host/?x=1",
        "https://host/#x",
        "https://ho st",
        "https://host\r\nX: y",
        "https://ｈost",
        "",
    ],
)
def test_what_is_no_target_is_refused_with_what_would_be_one(url: str) -> None:
    with pytest.raises(BadTarget, match=r"https"):
        parse_address(url)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(BadTarget, match="environment or file") as refused:
        parse_address("https://ada:s3cr3t-word@host")
    assert "s3cr3t-word" not in str(refused.value)
    assert "ada" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.1", "10.0.0.1", "localhost.example", "::", "2130706433"])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_connect_to_changes_what_is_dialled_and_nothing_else() -> None:
    address = parse_address("https://www.wixapis.com", "127.0.0.1:8443")
    assert address.dialled == ("127.0.0.1", 8443)
    assert (address.authority, address.is_loopback, address.is_vendors) == ("www.wixapis.com", False, True)


@pytest.mark.parametrize("connect_to", ["host", "host:", ":1", "host:0", "host:65536", "host:x", "host:１"])
def test_connect_to_is_a_host_and_a_port(connect_to: str) -> None:
    with pytest.raises(BadTarget, match="HOST:PORT"):
        parse_address("https://host", connect_to)


@pytest.mark.parametrize(
    ("host", "vendors"),
    [
        ("www.wixapis.com", True),
        ("wixapis.com", True),
        ("x.wix.com", True),
        ("notwixapis.com", False),
        ("wix.com.x", False),
    ],
)
def test_the_vendors_hosts_are_known(host: str, vendors: bool) -> None:
    assert parse_address(f"https://{host}").is_vendors is vendors


def test_connect_to_takes_no_token_off_this_machine_in_the_open() -> None:
    with pytest.raises(BadTarget, match="in the open"):
        parse_address("http://127.0.0.1:80", "10.0.0.1:80")
    assert parse_address("http://127.0.0.1:80", "127.0.0.1:81").dialled == ("127.0.0.1", 81)
