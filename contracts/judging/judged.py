"""An exchange with everything a check asks of it, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.document import Operation
from wixture.contracts.findings import Evidence, Exchanged, Finding, Severity
from wixture.contracts.judging.carried import header
from wixture.contracts.judging.forms import SUCCESS, corrected
from wixture.contracts.pointers import join
from wixture.contracts.routes import Routes
from wixture.contracts.rulebook import rules
from wixture.contracts.validation import ABSENT, Validation, own_contract
from wixture.contracts.violations import Violation

MOST_FINDINGS = 20
"""How many findings of one check an exchange can have: enough to see what is wrong."""

_FORM = "application/x-www-form-urlencoded"


def parts_of(url: str) -> tuple[str, str, str]:
    """Host, path and query string of an address, whatever it is; nothing is decoded and nothing raises."""
    address = url.encode("utf-8", "surrogatepass").decode("utf-8", "replace").partition("#")[0]
    scheme, slashes, rest = address.partition("://")
    if slashes and "/" not in scheme and "?" not in scheme:
        line, mark, query = rest.partition("?")
        host, slash, path = line.partition("/")
        return host.rpartition("@")[2].lower(), f"/{path}" if slash else "/", query if mark else ""
    path, _, query = address.partition("?")
    return "", path, query


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one: what a hostile answer has in its place says nothing."""
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Judged:
    """One exchange of one operation.

    `path` has the path's parameters, decoded; `identity` is APP, WIX_USER, MEMBER or VISITOR where it is known.
    `lacks` names what a record left out, so that nothing is said about it: `headers` and `body` of the answer,
    `sent` for the body of the request.
    """

    exchange: Exchanged
    operation: Operation
    path: Mapping[str, str]
    validation: Validation
    identity: str | None = None
    lacks: frozenset[str] = frozenset()

    @property
    def status(self) -> int | None:
        """The answer's status; None when there was no answer."""
        return self.exchange.status

    @property
    def is_success(self) -> bool:
        """Whether it was answered 200 with a JSON object."""
        return self.status == SUCCESS and isinstance(self.answer, dict)

    def sent_header(self, name: str) -> str | None:
        """A header of the request."""
        return header(self.exchange.request_headers, name)

    def header(self, name: str) -> str | None:
        """A header of the answer."""
        return header(self.exchange.response_headers, name)

    # ---- the request ----

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The query string's parameters, as often as they stand there."""
        return parse_qsl(parts_of(self.exchange.url)[2], keep_blank_values=True, errors="replace")

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's parameters."""
        return dict(self.pairs)

    @cached_property
    def sent(self) -> Any:
        """The request's JSON, or what its form says; ABSENT when there was none, or nobody can read it."""
        body = self.exchange.request_body
        if isinstance(body, str) and (self.sent_header("content-type") or "").lower().startswith(_FORM):
            return dict(parse_qsl(body, keep_blank_values=True, errors="replace"))
        return body if _is_plain(body) else ABSENT

    @cached_property
    def has_valid_request(self) -> bool:
        """Whether the request keeps the contract, so that the answer can be held against it."""
        if len(self.query) != len(self.pairs) or "sent" in self.lacks:
            return False
        return self.validation.accepts_request(self.operation, self.path, self.query, self.sent)

    # ---- the answer ----

    @cached_property
    def received(self) -> Any:
        """The answer's JSON as it came; ABSENT when there was none, or it is none."""
        body = self.exchange.response_body
        return body if "body" not in self.lacks and _is_plain(body) else ABSENT

    @cached_property
    def answer(self) -> Any:
        """The answer's JSON with the ledger's documented names put right."""
        if self.status != SUCCESS or self.received is ABSENT:
            return self.received
        return corrected(self.operation.operation_id, self.received)

    @cached_property
    def violations(self) -> list[Violation]:
        """How the answer breaks the contract; nothing where the contract says nothing about that status."""
        pointer = self.operation.responses.get(self.status or 0)
        if self.received is ABSENT or pointer is None or self.validation.accepts(pointer, self.received):
            return []  # by its schema, for then the authority stops at a hundred errors
        return self.validation.violations(pointer, self.received, where="response")

    @cached_property
    def consents(self) -> list[tuple[str, Mapping[str, Any]]]:
        """The consents that the answer carries, each with its pointer."""
        if not self.is_success:
            return []
        held = self.answer.get("marketingConsent")
        found = [("/marketingConsent", held)]
        if isinstance(held, list):
            found = [(join("marketingConsent", index), item) for index, item in enumerate(held)]
        elif isinstance(self.answer.get("results"), list):
            results = enumerate(self.answer["results"])
            found = [
                (join("results", at, "marketingConsent"), mapping(item).get("marketingConsent"))
                for at, item in results
            ]
        return [(pointer, item) for pointer, item in found if isinstance(item, dict)]


def _is_plain(body: Any) -> bool:
    """Whether a value is JSON that the contract's engines can read, as its strict reader would take it."""
    if body is None or isinstance(body, str | bytes):
        return False
    try:
        parse_json(orjson.dumps(body))
    except (BadJson, TypeError, ValueError, RecursionError):
        return False
    return True


@cache
def routes() -> Routes:
    """The operations of our own contract, by method and path."""
    return Routes(own_contract("openapi").contract.operations.values())


def judged(
    exchange: Exchanged, *, identity: str | None = None, lacks: frozenset[str] = frozenset()
) -> Judged | None:
    """The exchange with its operation of our own contract; None when its method and path have none."""
    match = routes().find(exchange.method, parts_of(exchange.url)[1])
    if match is None:
        return None
    validation = own_contract("openapi")
    return Judged(exchange, match.operation, match.path_parameters, validation, identity, lacks)


# ---- checks --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """What a check has to say about one place; what is None follows from the check."""

    message: str
    pointer: str | None = None
    spec_pointer: str | None = None
    rule: str | None = None
    row: str | None = None


def in_words(found: Violation) -> str:
    """A violation in a sentence, without the rule, which a report adds."""
    hint = f" Closest: {found.closest}." if found.closest else ""
    return f"{found.field} {found.problem}.{hint}"


Applies = Callable[[Judged], bool]
Says = Callable[[Judged], Iterator[Said]]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise about a single exchange. Called with one, it tells how the promise is broken.

    `applies` says whether an exchange can keep or break it at all. `spec_pointer` is where the contract has it;
    empty for the operation's own answer.
    """

    id: str
    title: str
    severity: Severity
    evidence: Evidence
    rule: str | None
    spec_pointer: str
    applies: Applies
    says: Says

    def __call__(self, judged: Judged) -> Iterator[Finding]:
        """The findings; none when the promise is kept or is not about this exchange."""
        if self.applies(judged):
            for turn, said in enumerate(self.says(judged)):
                if turn == MOST_FINDINGS:
                    return
                yield self._finding(judged, said)

    def _finding(self, judged: Judged, said: Said) -> Finding:
        rule = said.rule or self.rule
        known = rules().get(rule or "")
        return Finding(
            check=self.id,
            severity=self.severity,
            title=self.title,
            message=said.message,
            evidence=known.evidence if known else self.evidence,  # type: ignore[arg-type]  # the same three words
            operation_id=judged.operation.operation_id,
            pointer=said.pointer,
            spec_pointer=said.spec_pointer or self.spec_pointer or _place_of_answer(judged),
            rule=rule,
            row=said.row,
            exchange=judged.exchange,
        )


def _place_of_answer(judged: Judged) -> str:
    if judged.status in judged.operation.responses:
        return judged.operation.pointer + join("responses", judged.status or "")
    return judged.operation.pointer


def was_answered(judged: Judged) -> bool:
    """Whether there was any answer."""
    return judged.status is not None


def success_of(*operation_ids: str, asked: bool = False) -> Applies:
    """Whether one of these operations was answered 200 with an object; `asked`: to a request that was right."""

    def applies(judged: Judged) -> bool:
        if judged.operation.operation_id not in operation_ids or not judged.is_success:
            return False
        return judged.has_valid_request if asked else True

    return applies


def exchange_check(
    check_id: str,
    title: str,
    *,
    rule: str | None = None,
    spec: str = "",
    severity: Severity = "error",
    evidence: Evidence = "inferred",
    when: Applies = was_answered,
) -> Callable[[Says], Check]:
    """Makes a check of a function that says what is wrong. `evidence` is that of a promise without a rule."""

    def made(says: Says) -> Check:
        return Check(check_id, title, severity, evidence, rule, spec, when, says)

    return made
