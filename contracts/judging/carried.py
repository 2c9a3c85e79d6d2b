"""The credentials that an exchange carries, in its headers and in what token endpoints are told and answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from wixture.contracts.document import Operation
from wixture.contracts.findings import Exchanged
from wixture.contracts.secrets import Redactor

SHORTEST = 6
"""Fewer letters are in too many texts to say that one of them is the secret."""
REPLACED = "***"

_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_COOKIES = frozenset({"cookie", "set-cookie"})
_SECRETS = frozenset("clientsecret code codeverifier".split())
_TOKENS = frozenset("accesstoken refreshtoken token".split())
_SCHEMES = frozenset({"bearer", "basic", "token"})


@lru_cache(maxsize=256)
def knowing(secrets: frozenset[str]) -> Redactor:
    """A redactor of these secrets; many exchanges carry the same ones."""
    return Redactor(secrets)


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value, whatever the case of its name; None when it is not there."""
    wanted = name.lower()
    return next((str(value) for key, value in headers.items() if str(key).lower() == wanted), None)


def is_token_endpoint(operation: Operation) -> bool:
    """Whether an operation is about tokens, so that its messages are made of credentials."""
    return "OAuth" in operation.tags


def is_credential(name: str) -> bool:
    """Whether a header of that name is there for credentials."""
    return name.lower() in _CREDENTIALS | _COOKIES


def is_secret_member(name: str) -> bool:
    """Whether a member of a token endpoint's messages is there for a credential."""
    return _plain(name) in _SECRETS | _TOKENS


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def secrets_sent(exchange: Exchanged, operation: Operation | None) -> set[str]:
    """What no answer may repeat: the caller's credentials, and the secrets of a request for tokens."""
    found = set(_of_headers(exchange.request_headers, _CREDENTIALS))
    if operation is not None and is_token_endpoint(operation):
        found.update(_of_members(exchange.request_body, _SECRETS))
    return found


def secrets_of(exchange: Exchanged, operation: Operation | None) -> set[str]:
    """Everything in an exchange that gives access: credentials, cookies, tokens asked for and given."""
    found: set[str] = set()
    for headers in (exchange.request_headers, exchange.response_headers):
        found.update(_of_headers(headers, _CREDENTIALS | _COOKIES))
    found.update(_named(parse_qsl(exchange.url.partition("?")[2].partition("#")[0]), _SECRETS | _TOKENS))
    if operation is None or is_token_endpoint(operation):
        for body in (exchange.request_body, exchange.response_body):
            found.update(_of_members(body, _SECRETS | _TOKENS))
    return found


def _of_headers(headers: Mapping[str, str], names: frozenset[str]) -> Iterator[str]:
    for name, value in headers.items():
        if str(name).lower() in names:
            parts = _cookies(str(value)) if str(name).lower() in _COOKIES else _credentials(str(value))
            yield from (part for part in parts if _is_secret(part))


def _credentials(value: str) -> Iterator[str]:
    scheme, _, rest = value.strip().partition(" ")
    yield rest.strip() if scheme.lower() in _SCHEMES and rest else value.strip()


def _cookies(value: str) -> Iterator[str]:
    for line in value.split("\n"):
        for part in line.split(";"):
            yield part.partition("=")[2].strip().strip('"')


def _of_members(body: Any, names: frozenset[str]) -> Iterator[str]:
    if isinstance(body, dict):
        yield from _named(((name, value) for name, value in body.items() if isinstance(value, str)), names)
    elif isinstance(body, str):
        yield from _named(parse_qsl(body), names)


def _named(pairs: Any, names: frozenset[str]) -> Iterator[str]:
    for name, value in pairs:
        if _plain(str(name)) in names and _is_secret(value):
            yield value


def _is_secret(value: str) -> bool:
    return len(value) >= SHORTEST and value.strip("*") != ""
