"""What travels around an answer's body: its headers, the time it took, and nothing secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wixture.contracts.findings import Evidence
from wixture.contracts.judging.answers import texts_of
from wixture.contracts.judging.carried import knowing, secrets_sent
from wixture.contracts.judging.judged import Judged, Said, exchange_check
from wixture.contracts.violations import shown

SLOW_MS = 10_000
"""An answer that takes longer is told: clients give up about then."""

_TOO_MANY = 429
_MEASURED: Evidence = "measured"


def _has_body(judged: Judged) -> bool:
    return judged.exchange.response_body is not None


def _knows_headers(judged: Judged) -> bool:
    return judged.status is not None and "headers" not in judged.lacks


@exchange_check(
    "content-type-json",
    "Every answer is declared as JSON",
    evidence=_MEASURED,
    when=lambda judged: _knows_headers(judged) and _has_body(judged),
)
def content_type_json(judged: Judged) -> Iterator[Said]:
    """`application/json`, in UTF-8 if it names a character set."""
    declared = judged.header("content-type")
    kind, _, parameters = (declared or "").partition(";")
    if kind.strip().lower() != "application/json":
        said = "is missing" if declared is None else f"is {shown(declared)}"
        yield Said(f"Content-Type {said}; application/json was expected.")
    charset = re.search(r"charset\s*=\s*\"?([\w.-]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower().replace("-", "") != "utf8":
        yield Said(f"The answer is declared to be in {shown(charset[1])}; JSON is UTF-8.")


@exchange_check(
    "request-id",
    "Every answer has an X-Wix-Request-Id",
    spec="/components/headers/RequestId",
    evidence=_MEASURED,
    when=lambda judged: _knows_headers(judged) or bool(judged.status and judged.exchange.response_headers),
)
def request_id(judged: Judged) -> Iterator[Said]:
    """A header that is not blank, by which the vendor finds the exchange."""
    if not (judged.header("x-wix-request-id") or "").strip():
        said = "missing" if judged.header("x-wix-request-id") is None else "blank"
        yield Said(f"X-Wix-Request-Id is {said}; logs and the SDK's errors name an exchange by it.")


@exchange_check(
    "retry-after",
    "A refusal for too many requests says when to come back",
    rule="rate-limit",
    spec="/components/headers/RetryAfter",
    severity="warning",
    when=lambda judged: _knows_headers(judged) and judged.status == _TOO_MANY,
)
def retry_after(judged: Judged) -> Iterator[Said]:
    """`Retry-After` in whole seconds, one at least."""
    value = judged.header("retry-after")
    if value is None or not re.fullmatch(r"[1-9][0-9]{0,9}", value.strip(), re.ASCII):
        said = "is missing" if value is None else f"is {shown(value)}"
        yield Said(f"Retry-After {said}; seconds, from 1, were expected.")


@exchange_check("answers-in-time", "Every answer comes within ten seconds", severity="warning")
def answers_in_time(judged: Judged) -> Iterator[Said]:
    """Before clients give up."""
    if judged.exchange.duration_ms > SLOW_MS:
        yield Said(f"It took {judged.exchange.duration_ms:,.0f} ms; at most {SLOW_MS:,} were expected.")


@exchange_check("no-secret-echoed", "No answer repeats the caller's credentials")
def no_secret_echoed(judged: Judged) -> Iterator[Said]:
    """Neither plain nor encoded, in headers or body."""
    secrets = frozenset(secrets_sent(judged.exchange, judged.operation))
    if not secrets:
        return
    headers = [(name, str(value)) for name, value in judged.exchange.response_headers.items()]
    told = [(name, value) for name, value in headers if name.lower() != "set-cookie"]
    texts = list(_with_names(judged.exchange.response_body))
    if not _repeats("\n".join(text for _, text in (*told, *texts)), secrets):
        return  # nearly always: one look instead of many
    for _, value in told:
        if _repeats(value, secrets):
            yield Said("A header of the answer repeats a credential of the request; it must not.")
    for pointer, text in texts:
        if _repeats(text, secrets):
            yield Said("The answer repeats a credential of the request; it must not.", pointer)


def _with_names(body: object) -> Iterator[tuple[str, str]]:
    yield from texts_of(body)
    yield from (("", name) for name in _names_in(body))


def _names_in(body: object) -> Iterator[str]:
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from map(str, value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _repeats(text: str, secrets: frozenset[str]) -> bool:
    return knowing(secrets).finds(text)


CHECKS = (content_type_json, request_id, retry_after, answers_in_time, no_secret_echoed)
