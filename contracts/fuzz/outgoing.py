"""A request as it is about to be sent, and what stands for its caller until then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.targets.identities import Identity
from wixture.contracts.validation import ABSENT

_STANDS_FOR = "wixture-identity-"
_BY_SCHEME: Mapping[str, Identity] = {
    "app": "APP",
    "wixUser": "WIX_USER",
    "member": "MEMBER",
    "visitor": "VISITOR",
}
NEEDS_ACCOUNT = "account"
"""The security scheme of callers for whom an account has to be configured first; a run does not count on one."""


@dataclass(frozen=True)
class Outgoing:
    """Method, target (path and query as they go on the wire, without the address's own path), headers and body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def path(self) -> str:
        """The path as it is sent."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The parameters, decoded, in their order."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)

    @cached_property
    def json(self) -> Any:
        """The body as a JSON value, ABSENT when there is none or it is none."""
        try:
            return ABSENT if not self.body else parse_json(self.body)
        except (BadJson, RecursionError):
            return ABSENT


def callers(security: Sequence[Mapping[str, Any]]) -> list[Identity]:
    """The identities that an operation's security lets call, in its order; none where anybody may."""
    found: dict[Identity, None] = {}
    for alternative in security:
        if NEEDS_ACCOUNT not in alternative:
            found.update((_BY_SCHEME[name], None) for name in alternative if name in _BY_SCHEME)
    return list(found)


def stand_in(identity: Identity) -> str:
    """What stands in the Authorization header for an identity, so that the generator never sees a token."""
    return _STANDS_FOR + identity


def identity_of(outgoing: Outgoing) -> Identity | None:
    """The identity that a request's stand-in names; None when its header is something else, or is missing."""
    sent = outgoing.header("Authorization")
    return next((identity for identity in _BY_SCHEME.values() if sent == stand_in(identity)), None)


def chosen(identities: Sequence[Identity], *parts: object) -> Identity:
    """One of the identities, always the same for the same request: a case sent again has the same caller."""
    digest = hashlib.sha256("\x00".join(map(repr, parts)).encode("utf-8", "backslashreplace")).digest()
    return identities[digest[0] % len(identities)]


def texts(value: Any) -> Iterator[str]:
    """Every text of a JSON value, names included."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            stack.extend([*node.keys(), *node.values()])
        elif isinstance(node, list):
            stack.extend(node)
