"""The bytes of an answer: the one place where they are made, and checked before they leave.

An entity is checked against the contract when it is stored, and its bytes are then sent again as they are. Where
one stands alone, the first answer is checked as a whole, and its entity stands in for those of later answers. With
`recheck` every answer is parsed and checked as a whole: the tests run with it.
"""

from __future__ import annotations

from typing import Any

import orjson

from wixture.contracts.document import Operation
from wixture.contracts.validation import Validation
from wixture.mockserver.messages import AsStored, Entity, Verbatim
from wixture.mockserver.refusals import Refusal

_STORED = frozenset((AsStored, Verbatim))


class Answers:
    """Makes and checks the successful answers of one contract."""

    def __init__(self, validation: Validation, *, recheck: bool) -> None:
        self._validation = validation
        self._recheck = recheck
        self._stand_ins: dict[tuple[str, str], Entity] = {}

    def encode(self, operation: Operation, answer: dict[str, Any]) -> bytes:
        """The body of status 200. Raises Refusal MOCK_BUG for an answer that breaks the contract."""
        has_stored = not _STORED.isdisjoint(map(type, answer.values()))
        body = to_bytes(answer) if has_stored else orjson.dumps(answer)
        if self._recheck:
            self._check(operation, orjson.loads(body))
        elif has_stored:
            self._check_what_is_new(operation, answer)
        else:
            self._check(operation, answer)
        return body

    def documented(self, operation: Operation, body: bytes) -> bytes:
        """A checked body in the documented dialect, checked against the contract with the rows applied."""
        from wixture.contracts import dialect  # the other contract is built only when somebody asks for it

        value = dialect.emitted(operation.operation_id, orjson.loads(body))
        if not dialect.documented().accepts_response(operation, 200, value):
            raise Refusal("MOCK_BUG", "The mock's documented answer breaks the documented contract.")
        return orjson.dumps(value)

    def _check_what_is_new(self, operation: Operation, answer: dict[str, Any]) -> None:
        stored = [name for name, part in answer.items() if isinstance(part, AsStored)]
        known = all((operation.operation_id, name) in self._stand_ins for name in stored)
        if known and len(stored) == len(answer) > 0:
            return
        value = {name: self._to_check(operation, name, part) for name, part in answer.items()}
        self._check(operation, value)
        self._stand_ins.update(((operation.operation_id, name), value[name]) for name in stored)

    def _to_check(self, operation: Operation, name: str, part: Any) -> Any:
        if isinstance(part, AsStored):
            return self._stand_ins.get((operation.operation_id, name)) or orjson.loads(part.stored)
        return [] if isinstance(part, Verbatim) else part

    def _check(self, operation: Operation, value: Any) -> None:
        if self._validation.accepts_response(operation, 200, value):
            return
        found = self._validation.response_violations(operation, 200, value)
        reasons = "; ".join(f"{item.field} {item.problem}" for item in found)
        text = f"The mock's own answer breaks the contract: {reasons}. Nothing was stored."
        raise Refusal("MOCK_BUG", text)


def to_bytes(answer: dict[str, Any]) -> bytes:
    """The JSON of an answer, stored entities as they are."""
    if not answer:
        return b"{}"
    pieces: list[bytes] = []
    for name, part in answer.items():
        pieces += (b',"', name.encode(), b'":', *_pieces(part))
    pieces[0] = b'{"'
    pieces.append(b"}")
    return b"".join(pieces)  # at once: a page is long, and each copy of it would cost


def _pieces(part: Any) -> tuple[bytes, ...]:
    if isinstance(part, AsStored):
        return (part.stored,)
    if isinstance(part, Verbatim):
        return (b"[", b",".join(part.stored), b"]")
    return (orjson.dumps(part),)
