"""From a request that is read to a call that keeps the contract, or why it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wixture.contracts.document import Match, Operation
from wixture.contracts.leniency import Rewritten, leniency
from wixture.contracts.routes import Routes
from wixture.contracts.validation import ABSENT, Validation
from wixture.contracts.violations import Violation
from wixture.mockserver.messages import Call, Caller, Request
from wixture.mockserver.refusals import LONGEST, invalid

_MOST_TOLD = 5
_NO_ERRORS: Mapping[int, str] = {}


class Calls:
    """Makes the calls that rules are handed."""

    def __init__(self, validation: Validation, routes: Routes) -> None:
        self._validation = validation
        self._routes = routes

    def make(self, match: Match, request: Request, sent: Rewritten, caller: Caller, *, lenient: bool) -> Call:
        """The call of a request. Raises Refusal 400 with every violation."""
        operation, query, body = match.operation, sent.query, sent.body
        validation = leniency().validation if lenient else self._validation
        if not validation.accepts_request(operation, match.path_parameters, query, body):
            found = validation.request_violations(operation, match.path_parameters, query, body)
            raise invalid(found or [_unexplained(operation)], hint=self._hint(operation, request, sent))
        return Call(
            operation_id=operation.operation_id,
            caller=caller,
            path=match.path_parameters,
            query=query,
            body=body,
            item_errors=self._item_errors(operation, body) if operation.item_schema else _NO_ERRORS,
            kept=sent.kept,
        )

    def _hint(self, refused: Operation, request: Request, sent: Rewritten) -> str:
        """What was probably meant: another operation of this very path that takes the request, or the query."""
        if refused.body is None and request.body:
            return "The body of this operation is not read; its parameters belong in the query string."
        for operation in self._routes.at(request.path):
            body = ABSENT if operation.body is None else sent.body
            if operation is not refused and self._validation.accepts_request(operation, {}, sent.query, body):
                return f"This is what {operation.method} {request.path[:120]} ({operation.operation_id}) takes."
        return ""

    def _item_errors(self, operation: Operation, body: Any) -> Mapping[int, str]:
        found = self._validation.item_violations(operation, body)
        return {
            index: "; ".join(f"{item.field} {item.description}" for item in items[:_MOST_TOLD])[:LONGEST]
            for index, items in found.items()
        }


def _unexplained(operation: Operation) -> Violation:
    return Violation("body", "", "body", operation.body or "", "OTHER", "contract-keyword", "breaks the contract")
