"""What a request promises: that it keeps the contract. Its breaches are the client's, not the target's."""

from __future__ import annotations

from collections.abc import Iterator

from wixture.contracts.findings import Finding
from wixture.contracts.judging.carried import is_token_endpoint
from wixture.contracts.judging.judged import Judged, Said, exchange_check, in_words, parts_of, routes
from wixture.contracts.leniency import leniency
from wixture.contracts.validation import ABSENT
from wixture.contracts.violations import SHOWN, shown

_MOST_TOLD = 5


@exchange_check("request-valid", "Every request keeps the contract", evidence="measured", when=lambda _: True)
def request_valid(judged: Judged) -> Iterator[Said]:
    """Path, query string and body. What is exactly a documented form of the ledger names its row."""
    yield from _repeated(judged)
    if "sent" in judged.lacks:
        return
    if judged.operation.body is not None and judged.exchange.request_body is not None and judged.sent is ABSENT:
        body = judged.exchange.request_body
        seen = shown(body) if isinstance(body, str) else "something else"
        yield Said(f"The body is no JSON that strict readers take, but {seen}.", "", None, "json-body")
        return
    if judged.has_valid_request:
        return
    rows = _rows(judged)
    violations = judged.validation.request_violations(judged.operation, judged.path, judged.query, judged.sent)
    for found in violations:
        pointer = f"/{found.where}{found.pointer}" if found.where != "body" else found.pointer
        message = in_words(found)
        if rows:
            message += f" The vendor's pages print it so: ledger {', '.join(rows[:_MOST_TOLD])}."
        yield Said(message, pointer, found.spec_pointer, found.rule, rows[0] if rows else None)


def _repeated(judged: Judged) -> Iterator[Said]:
    names = [name for name, _ in judged.pairs]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1) if len(names) < SHOWN else ():
        yield Said(f"{shown(name)} stands twice in the query string.", "/query", None, "repeated-query-parameter")


def _rows(judged: Judged) -> tuple[str, ...]:
    """The rows whose documented forms are all that is wrong; none when the request is not mended by them."""
    path, has_body = parts_of(judged.exchange.url)[1], judged.exchange.request_body is not None
    by_method = leniency().match(judged.exchange.method, path, routes(), has_body=has_body)
    if by_method is not None:
        return (by_method[1],)
    rewritten = leniency().rewrite(judged.operation, judged.query, judged.sent)
    is_right = leniency().validation.accepts_request
    return rewritten.rows if is_right(judged.operation, judged.path, rewritten.query, rewritten.body) else ()


@exchange_check(
    "request-content-type",
    "Every body is declared as JSON",
    rule="json-content-type",
    when=lambda judged: judged.exchange.request_body is not None and judged.operation.body is not None,
)
def request_content_type(judged: Judged) -> Iterator[Said]:
    """One of the operation's media types."""
    declared = judged.sent_header("content-type")
    kind = (declared or "").partition(";")[0].strip().lower()
    if kind not in judged.operation.media_types:
        said = "is missing" if declared is None else f"is {shown(declared)}"
        yield Said(f"Content-Type of the request {said}; {', '.join(judged.operation.media_types)} was expected.")


@exchange_check(
    "request-carries-a-token",
    "Every call carries a token",
    rule="token-required",
    severity="note",
    when=lambda judged: not is_token_endpoint(judged.operation),
)
def request_carries_a_token(judged: Judged) -> Iterator[Said]:
    """A note only, for recorders take Authorization out."""
    if not (judged.sent_header("authorization") or "").strip():
        yield Said("The record has no Authorization header; either none was sent, or the recorder left it out.")


REQUEST_CHECKS = (request_valid, request_content_type, request_carries_a_token)


def request_findings(judged: Judged) -> Iterator[Finding]:
    """How the request breaks the contract, by all checks of requests."""
    for check in REQUEST_CHECKS:
        yield from check(judged)
