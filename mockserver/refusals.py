"""How the server says no: one table of codes, one exception, one envelope.

The vendor documents no codes for these operations, so every code is a convention: assert on status and shape.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import orjson

from wixture.contracts.document import Operation
from wixture.contracts.routes import NoMatch
from wixture.contracts.rulebook import rules
from wixture.contracts.validation import own_contract
from wixture.contracts.violations import Violation
from wixture.mockserver.messages import Request, Response

STATUS: Mapping[str, int] = {
    # code: status          evidence
    "INVALID_ARGUMENT": 400,  # documented: the vendor's error guide
    "UNAUTHENTICATED": 401,  # documented: the vendor's error guide
    "PERMISSION_DENIED": 403,  # documented: the vendor's error guide
    "NOT_FOUND": 404,  # observed at other Wix services
    "ALREADY_EXISTS": 409,  # observed at other Wix services
    "INVALID_REVISION": 409,  # observed at other Wix services
    "FAILED_PRECONDITION": 428,  # documented: the vendor's error guide
    "RESOURCE_EXHAUSTED": 429,  # documented: the vendor's error guide
    # the mock's own
    "MOCK_BAD_JSON": 400,
    "MOCK_BAD_REQUEST": 400,
    "MOCK_FORBIDDEN": 403,
    "MOCK_NO_SUCH_OPERATION": 404,
    "MOCK_METHOD_NOT_ALLOWED": 405,
    "MOCK_CONFLICT": 409,
    "MOCK_UNSUPPORTED_MEDIA_TYPE": 415,
    "MOCK_BUG": 500,
    "MOCK_STORAGE_UNAVAILABLE": 503,
    "MOCK_FAULT": 503,  # or the status that the fault plan names
    # the connection's own (mockserver/http/), before a request is one
    "MOCK_REQUEST_TIMEOUT": 408,
    "MOCK_BODY_TOO_LARGE": 413,
    "MOCK_URL_TOO_LONG": 414,
    "MOCK_UNSUPPORTED_ENCODING": 415,
    "MOCK_HEADERS_TOO_LARGE": 431,
    "MOCK_TOO_MANY_CONNECTIONS": 503,
    "MOCK_HTTP_VERSION": 505,
}
_BREACHES = {
    "MOCK_NO_SUCH_OPERATION": "path",
    "MOCK_METHOD_NOT_ALLOWED": "path",
    "MOCK_BAD_REQUEST": "query",
    "MOCK_BAD_JSON": "body",
    "MOCK_UNSUPPORTED_MEDIA_TYPE": "body",
}
LONGEST = 2000
MOST_VIOLATIONS = 100


class Refusal(Exception):  # it is the API's answer, not a failure of ours
    """A request that is refused. `rule` is an ID of spec/rules.yaml, `data` goes into the answer."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        rule: str | None = None,
        violations: Sequence[Violation] = (),
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or STATUS[code]
        """The code's own, unless another is given."""
        self.message = message
        self.rule = rule
        self.violations = violations
        self.data = dict(data or {})
        self.headers = headers or {}


def invalid(violations: Sequence[Violation], *, hint: str = "") -> Refusal:
    """The refusal of a request that breaks the contract, with every violation; `hint` says what was meant."""
    text = "; ".join(f"{found.field} {found.problem}" for found in violations[:MOST_VIOLATIONS])
    message = f"INVALID_ARGUMENT: {text}"[:LONGEST] + (f". {hint}" if hint else "")
    if hint and violations:
        first = violations[0]
        violations = [replace(first, problem=f"{first.problem}. {hint.rstrip('.')}"), *violations[1:]]
    return Refusal("INVALID_ARGUMENT", message, violations=violations)


def invalid_field(
    field: str, problem: str, rule: str, *, closest: str | None = None, kind: str = "CUSTOM"
) -> Refusal:
    """The refusal of one field by a rule that no schema can hold. `field` is its REST path."""
    pointer = "/" + field.replace("[", "/").replace("]", "").replace(".", "/")
    found = Violation(
        field=field,
        pointer=pointer,
        where="body",
        spec_pointer=own_contract("openapi").rule_places.get(rule, ""),
        violated_rule=kind,
        rule=rule,
        problem=problem,
        closest=closest,
        data={"ruleName": rule.upper().replace("-", "_")},
    )
    return invalid([found])


class Trouble(Protocol):
    """Why the store cannot be used, as its text, and what follows from that: see StorageUnavailable."""

    how: str
    may_be_stored: bool


def unavailable(trouble: Trouble) -> Response:
    """The answer to what cannot be stored, or read, just now."""
    stored = "what this call was to write may have been" if trouble.may_be_stored else "nothing of this call was"
    text = f"The state cannot be used just now ({str(trouble)[:80]}), and {stored} stored. {trouble.how}."
    return to_response(Refusal("MOCK_STORAGE_UNAVAILABLE", text))


def bug(text: str) -> Response:
    """The answer to what failed for a reason of our own."""
    return to_response(Refusal("MOCK_BUG", text))


def no_match(request: Request, why: NoMatch, what: str, how: str) -> Refusal:
    """The refusal of a request line that nothing answers: 405 where the path has other methods, else 404."""
    text = f"No {what} matches {request.method[:20]} {request.path[:120]}.{_closest(why.closest)}"
    if why.allowed:
        return Refusal("MOCK_METHOD_NOT_ALLOWED", f"{text} {how}", headers={"Allow": ", ".join(why.allowed)})
    return Refusal("MOCK_NO_SUCH_OPERATION", f"{text} {how}")


def breaches(refusal: Refusal, operation: Operation | None) -> tuple[Violation, ...]:
    """How a refused request broke the contract where its answer lists no violations; none if it did not."""
    where = _BREACHES.get(refusal.code)
    if where is None:
        return ()
    pointer = operation.pointer if operation else "/paths"
    rule = refusal.rule or "operation-known"
    return (Violation(where, "", where, pointer, "OTHER", rule, refusal.message.rstrip(".")),)


def add_closest(refusal: Refusal, meant: Operation | None) -> None:
    """Add to the refusal of an ID that nothing has which operation was probably meant by it."""
    refusal.message += _closest(meant)


def _closest(operation: Operation | None) -> str:
    return f" Closest: {operation.method} {operation.path} ({operation.operation_id})." if operation else ""


def log_failure(log: logging.Logger, request_id: str, failure: Exception) -> None:
    """Log where the mock failed, without the error's text: it may repeat what a client sent."""
    places = "".join(traceback.format_tb(failure.__traceback__))
    about = {"requestId": request_id, "failure": type(failure).__name__}
    text = "request %s could not be answered: %s\n%s"
    log.error(text, request_id, type(failure).__name__, places, extra={"fields": about})


def to_response(refusal: Refusal) -> Response:
    """The answer of a refusal, in the API's error envelope."""
    details = _validation_error(refusal) if refusal.violations else _application_error(refusal)
    envelope = {"message": refusal.message[: LONGEST + 200], "details": details}
    return Response(refusal.status, orjson.dumps(envelope), dict(refusal.headers))


def _application_error(refusal: Refusal) -> dict[str, Any]:
    description = refusal.message[:LONGEST]
    if refusal.rule is not None:
        description = f"{description} {rules()[refusal.rule].cited}"
        refusal.data.setdefault("rule", refusal.rule)
    return {"applicationError": {"code": refusal.code, "description": description, "data": refusal.data}}


def _validation_error(refusal: Refusal) -> dict[str, Any]:
    shown = refusal.violations[:MOST_VIOLATIONS]
    return {"validationError": {"fieldViolations": [_field_violation(found) for found in shown]}}


def _field_violation(found: Violation) -> dict[str, Any]:
    data = {key: value for key, value in found.data.items() if key != "ruleName"}
    shown: dict[str, Any] = {"field": found.field[:LONGEST], "description": found.description[:LONGEST]}
    shown["violatedRule"] = found.violated_rule
    if found.violated_rule in ("CUSTOM", "OTHER"):
        shown["ruleName"] = found.data.get("ruleName", found.rule.upper().replace("-", "_"))
    shown["data"] = {**data, "rule": found.rule, "pointer": found.pointer[:LONGEST]}
    return shown
