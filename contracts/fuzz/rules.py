"""Whether a generated request may be sent: what it would be to the target, however it is spelt."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from wixture.contracts.document import Contract, Operation
from wixture.contracts.fuzz.outgoing import Outgoing
from wixture.contracts.routes import Routes
from wixture.contracts.targets.safety import Permits

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "_method")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a request is withheld, None when it is not, and the operation that it is, if it is one."""

    refusal: str | None
    operation: Operation | None = None

    @property
    def writes(self) -> bool:
        """Whether the request is one that changes something."""
        return self.operation is not None and self.operation.side_effects != "none"


class Rules(Protocol):
    """What may be sent to a target."""

    def verdict(self, outgoing: Outgoing) -> Verdict:
        """The verdict on one request."""
        ...


class OwnRules:
    """For our own contract: by the side effects that it declares. Outside of it, safe methods off loopback."""

    def __init__(self, contract: Contract, permits: Permits, *, is_loopback: bool) -> None:
        self._routes = Routes(contract.operations.values())
        self._permits = permits
        self._is_loopback = is_loopback

    def verdict(self, outgoing: Outgoing) -> Verdict:
        """Refused when any reading of the request line is an operation that may not be called."""
        if _overrides_its_method(outgoing):
            return Verdict("a header or parameter says another method")
        method = "GET" if outgoing.method == "HEAD" else outgoing.method.upper()
        found = [match.operation for path in readings(outgoing.path) if (match := self._routes.find(method, path))]
        for operation in found:
            refusal = self._permits.refusal(operation)
            if refusal:
                return Verdict(f"{operation.operation_id}: {refusal}", operation)
        exact = self._routes.find(outgoing.method, outgoing.path)
        if exact or outgoing.method in SAFE or self._is_loopback:
            return Verdict(None, exact.operation if exact else found[0] if found else None)
        return Verdict(f"{outgoing.method} outside of every operation is sent to loopback alone")


class ForeignRules:
    """For another contract, whose side effects nobody declares: reads, and all else by --allow-writes."""

    def __init__(self, permits: Permits) -> None:
        self._permits = permits

    def verdict(self, outgoing: Outgoing) -> Verdict:
        """Refused when its method may write and writes are not allowed."""
        if self._permits.allow_writes or (outgoing.method in READS and not _overrides_its_method(outgoing)):
            return Verdict(None)
        return Verdict(f"what {outgoing.method} does here is not known: --allow-writes permits it")


def readings(path: str) -> Iterator[str]:
    """The path as it stands, and as targets may read it: decoded, without dots, doubled or final slashes."""
    seen: dict[str, None] = {path: None}
    for one in (path, unquote(path), unquote(unquote(path))):
        plain = posixpath.normpath("/" + one.lstrip("/"))
        seen.update({one: None, plain: None, one.rstrip("/") or "/": None, plain.lower(): None})
        seen[plain.partition(";")[0]] = None
    yield from seen


def _overrides_its_method(outgoing: Outgoing) -> bool:
    named: Mapping[str, str] = dict(outgoing.query)
    return any(outgoing.header(name) is not None or name in named for name in _OVERRIDES)
