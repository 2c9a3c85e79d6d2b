"""The bytes of an answer: the one place where they are made, and checked before they leave.

An entity is checked against the contract when it is stored, and its bytes are then sent again as they are. With
`recheck` every answer is parsed and checked once more as a whole: the tests run with it.
"""

from __future__ import annotations

from typing import Any

import orjson

from wixture.contracts.document import Operation
from wixture.contracts.validation import Validation
from wixture.mockserver.messages import Verbatim
from wixture.mockserver.refusals import Refusal


class Answers:
    """Makes and checks the successful answers of one contract."""

    def __init__(self, validation: Validation, *, recheck: bool) -> None:
        self._validation = validation
        self._recheck = recheck

    def encode(self, operation: Operation, answer: dict[str, Any]) -> bytes:
        """The body of status 200. Raises Refusal MOCK_BUG for an answer that breaks the contract."""
        body = to_bytes(answer)
        self._check(operation, orjson.loads(body) if self._recheck else _without_stored(answer))
        return body

    def documented(self, operation: Operation, body: bytes) -> bytes:
        """A checked body in the documented dialect, checked against the contract with the rows applied."""
        from wixture.contracts import dialect  # the other contract is built only when somebody asks for it

        value = dialect.emitted(operation.operation_id, orjson.loads(body))
        if not dialect.documented().accepts_response(operation, 200, value):
            raise Refusal("MOCK_BUG", "The mock's documented answer breaks the documented contract.")
        return orjson.dumps(value)

    def _check(self, operation: Operation, value: Any) -> None:
        if self._validation.accepts_response(operation, 200, value):
            return
        found = self._validation.response_violations(operation, 200, value)
        reasons = "; ".join(f"{item.field} {item.problem}" for item in found)
        text = f"The mock's own answer breaks the contract: {reasons}. Nothing was stored."
        raise Refusal("MOCK_BUG", text)


def to_bytes(answer: dict[str, Any]) -> bytes:
    """The JSON of an answer, stored entities as they are."""
    return orjson.dumps(answer, default=_fragments, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _without_stored(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: [] if isinstance(part, Verbatim) else part for name, part in answer.items()}


def _fragments(part: Any) -> Any:
    if isinstance(part, Verbatim):
        return [orjson.Fragment(stored) for stored in part.stored]
    raise TypeError(f"{type(part).__name__} is no part of an answer")
