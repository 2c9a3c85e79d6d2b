"""Lenient input: requests as the vendor's pages print them, rewritten by the ledger's rows into what was meant.

Rewriting comes before validation, so a rewritten request is judged like any other. Nothing but the rows knows a
documented form.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, get_args

from wixture.contracts.document import SPEC_FOLDER, Contract, Match, Operation, read_document
from wixture.contracts.ledger import rows
from wixture.contracts.pointers import resolve, split
from wixture.contracts.routes import Routes
from wixture.contracts.steps import ACTIONS, Step, holds, places
from wixture.contracts.validation import ABSENT, Validation, own_contract

Input = Literal["strict", "lenient"]
INPUTS: tuple[Input, ...] = get_args(Input)

_UNTYPED = "none"


@dataclass(slots=True)
class Rewritten:
    """A request's query parameters and body as they were meant.

    `rows` are the ledger's rows that were needed. `kept` has, for each object of the body in which something was
    missing that stays as it is stored, that object and the names.
    """

    query: Mapping[str, str]
    body: Any
    rows: tuple[str, ...] = ()
    kept: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = ()

    def note(self, row: str) -> None:
        """Remember that a row was needed."""
        if row not in self.rows:
            self.rows += (row,)


def _steps() -> list[Step]:
    found = [step for row in rows().values() for step in row.lenient]
    return sorted(found, key=lambda step: ACTIONS.index(step.action))


class Leniency:
    """The lenient steps of all rows, over one contract."""

    def __init__(self) -> None:
        contract = own_contract("openapi").contract
        self._steps = _steps()
        self._operations = contract.operations
        self._sent_by = [step for step in self._steps if step.action == "sent_by"]

    @cached_property
    def validation(self) -> Validation:
        """The contract in which the rows' additions are allowed."""
        document = read_document(SPEC_FOLDER / "openapi.yaml")
        for step in self._steps:
            if step.action == "allow":
                for pointer, member in step.value.items():
                    resolve(document, pointer).append(member)
        return Validation(Contract(document))

    def match(self, method: str, path: str, routes: Routes, *, has_body: bool) -> tuple[Match, str] | None:
        """The operation that a row says is meant by this method, and the row; None where no row does."""
        for step in self._sent_by:
            if method == step.value["method"] and not (has_body and step.value["body"] == "none"):
                for name in step.messages:
                    match = routes.find(self._operations[name].method, path)
                    if match is not None and match.operation.operation_id == name:
                        return match, step.row
        return None

    def reads_body(self, operation: Operation, query: Mapping[str, str]) -> bool:
        """Whether the body of a request is read: the operation has one, or a row takes parameters from it."""
        taken = (step for step in self._of(operation) if step.action == "from_body")
        return operation.body is not None or any(step.without not in query for step in taken)

    def row_of_content_type(self, operation: Operation, declared: str) -> str | None:
        """The row by which a body declared so, or not at all, is read as JSON; None where no row does."""
        kind = declared.partition(";")[0].strip().lower() or _UNTYPED
        steps = (step for step in self._of(operation) if step.action == "content_types")
        return next((step.row for step in steps if kind in step.value), None)

    def rewrite(self, operation: Operation, query: Mapping[str, str], body: Any) -> Rewritten:
        """The request as it was meant. What was given is left as it is."""
        request = Rewritten(query, body if body is ABSENT else copy.deepcopy(body))
        for step in self._of(operation):
            if step.action in _REWRITE:
                _REWRITE[step.action](step, request)
        if operation.body is None:
            request.body = ABSENT
        self._note_allowed(operation, request)
        return request

    def _of(self, operation: Operation) -> list[Step]:
        return [step for step in self._steps if operation.operation_id in step.messages]

    def _note_allowed(self, operation: Operation, request: Rewritten) -> None:
        """Note the rows that only the lenient contract can honour."""
        steps = [step for step in self._of(operation) if step.action == "allow"]
        strict = own_contract("openapi")
        if steps and request.body is not ABSENT and not strict.accepts_request(operation, {}, {}, request.body):
            for step in steps:
                request.note(step.row)


@cache
def leniency() -> Leniency:
    """The product's own: made with its first use."""
    return Leniency()


# ---- what a step does to a request ---------------------------------------------------------------


def _rename(step: Step, request: Rewritten) -> None:
    for place in places(request.body, step.at):
        if holds(step, place):
            _rename_members(place, step, request)


def _rename_members(members: dict[str, Any], step: Step, request: Rewritten) -> None:
    """Members get other names, in their places; one whose new name is taken stays, to be refused."""
    due = {old: new for old, new in step.value.items() if old in members and new not in members}
    if due:
        renamed = {due.get(name, name): value for name, value in members.items()}
        members.clear()
        members.update(renamed)
        request.note(step.row)


def _parameters(step: Step, request: Rewritten) -> None:
    query = dict(request.query)
    _rename_members(query, step, request)
    request.query = query


def _from_body(step: Step, request: Rewritten) -> None:
    if step.without in request.query:
        return
    for pointer, name in step.value.items():
        value = _value(request.body, pointer)
        if isinstance(value, str) and name not in request.query:
            request.query = {**request.query, name: value}
            request.note(step.row)


def _value(body: Any, pointer: str) -> Any:
    try:
        return resolve(body, pointer)
    except LookupError:
        return None


def _move(step: Step, request: Rewritten) -> None:
    for source, target in step.value.items():
        *before, name = split(source)
        *around, new = split(target)
        for giver in list(places(request.body, tuple(before))):
            for taker in places(request.body, tuple(around)):
                if name in giver and new not in taker:
                    taker[new] = giver.pop(name)
                    request.note(step.row)
        _drop_empty(request.body, before)


def _drop_empty(body: Any, path: list[str]) -> None:
    *around, name = path
    for holder in places(body, tuple(around)):
        if holder.get(name) == {}:
            del holder[name]


def _wrap(step: Step, request: Rewritten) -> None:
    body = request.body
    if isinstance(body, dict) and step.having in body and step.value not in body:
        request.body = {step.value: body}
        request.note(step.row)


def _default(step: Step, request: Rewritten) -> None:
    for place in places(request.body, step.at):
        _add_missing(step, place, request)


def _keep(step: Step, request: Rewritten) -> None:
    for place in places(request.body, step.at):
        added = _add_missing(step, place, request)
        if added:
            request.kept += ((place, added),)
            _widen_mask(request.body, step, added)


def _add_missing(step: Step, place: dict[str, Any], request: Rewritten) -> tuple[str, ...]:
    if not holds(step, place):
        return ()
    missing = tuple(name for name in step.value if place.get(name) is None)
    for name in missing:
        place[name] = copy.deepcopy(step.value[name])
        request.note(step.row)
    return missing


def _widen_mask(body: Any, step: Step, names: tuple[str, ...]) -> None:
    """A mask that says what to change lets these through as well."""
    if not step.mask:
        return
    *around, key = step.mask
    for holder in places(body, tuple(around)):
        mask = holder.get(key)
        if isinstance(mask, str) and mask.strip():
            holder[key] = ",".join([mask, *names])
        elif isinstance(mask, list) and mask:
            mask.extend(names)
        elif isinstance(mask, dict) and mask.get("paths") and isinstance(mask["paths"], list):
            mask["paths"].extend(names)


_REWRITE = {
    "rename": _rename,
    "move": _move,
    "wrap": _wrap,
    "default": _default,
    "keep": _keep,
    "parameters": _parameters,
    "from_body": _from_body,
}
