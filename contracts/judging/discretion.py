"""Findings about an exchange that repeats a credential: told without the words that stood there.

A redactor finds a credential in a text whatever its spelling. But a message quotes texts cut short, and a pointer
spells names with `~1`: of what is left of a credential then, nobody can tell that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from wixture.contracts.document import Operation, schemas_of
from wixture.contracts.findings import Exchanged, Finding
from wixture.contracts.judging.carried import is_credential, is_secret_member, is_token_endpoint
from wixture.contracts.pointers import join, split
from wixture.contracts.secrets import Redactor
from wixture.contracts.validation import own_contract

ECHO = "no-secret-echoed"
"""The check that tells of a credential by itself; its message quotes nothing."""
_NOT_SHOWN = "What stood there is not shown, for the exchange repeats a credential."


class Discretion:
    """Findings of one exchange as they may be told: without quotations where it repeats what the redactor knows.

    Credentials in the places that are for them do not count. The exchange itself stays, for `redacted` to clean.
    It is searched once, and only where something was found: that can take long.
    """

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
        self._redactor = redactor
        self._repeats: bool | None = None

    def __call__(self, finding: Finding) -> Finding:
        """The finding, or what may be said of it."""
        if finding.exchange is None:
            return finding
        if self._repeats is None:
            self._repeats = repeats(finding.exchange, _operation(finding.operation_id), self._redactor())
        return bare(finding) if self._repeats else finding


def bare(finding: Finding) -> Finding:
    """The finding without a word of its exchange in message and pointer."""
    message = finding.message if finding.check == ECHO else f"{finding.title}: broken. {_NOT_SHOWN}"
    return replace(finding, message=message, pointer=_known_part(finding.pointer))


def repeats(exchange: Exchanged, operation: Operation | None, redactor: Redactor) -> bool:
    """Whether a credential that the redactor knows stands anywhere but in the places for credentials."""
    is_token = operation is not None and is_token_endpoint(operation)
    texts = [exchange.url, exchange.method]
    for headers in (exchange.request_headers, exchange.response_headers):
        texts += [text for name, said in headers.items() if not is_credential(name) for text in (name, str(said))]
    for body in (exchange.request_body, exchange.response_body):
        texts += _texts(body, is_token=is_token)
    return redactor.finds("\n".join(texts))


def _texts(body: Any, *, is_token: bool) -> Iterator[str]:
    """Names and texts of a body; at a token endpoint without the members that are credentials."""
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            kept = {name: inner for name, inner in value.items() if not (is_token and is_secret_member(str(name)))}
            yield from map(str, kept)
            waiting.extend(kept.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif value is not None and not isinstance(value, bool):
            yield str(value)


def _operation(operation_id: str | None) -> Operation | None:
    return own_contract("openapi").contract.operations.get(operation_id or "")


def _known_part(pointer: str | None) -> str | None:
    """The steps of a pointer that the contract knows, up to the first one that it does not."""
    if pointer is None:
        return None
    kept: list[str] = []
    for step in split(pointer):
        if step not in _known_names() and not (step.isdecimal() and len(step) < len("100000")):
            break
        kept.append(step)
    return join(*kept)


@cache
def _known_names() -> frozenset[str]:
    document = own_contract("openapi").contract.document
    return frozenset(name for _, schema in schemas_of(document) for name in schema.get("properties", ()))
