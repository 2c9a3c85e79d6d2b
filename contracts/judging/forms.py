"""Which forms of the ledger's rows an answer or event shows, where they stand, and the same message put right."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wixture.contracts.dialect import forms, steps_of
from wixture.contracts.findings import Forms
from wixture.contracts.ledger import Row, rows
from wixture.contracts.pointers import join
from wixture.contracts.steps import Step, holds, places
from wixture.contracts.validation import own_contract

SUCCESS = 200


def forms_seen(message: str, status: int | None, body: Any) -> dict[str, Forms]:
    """For each row of which an operation's answer, or an event (status 200), shows something: which form.

    A message that shows both forms of a row counts once for each. `body` may be anything.
    """
    if status != SUCCESS:
        return {}
    return {
        row: Forms(corrected=int("corrected" in shown), documented=int("documented" in shown))
        for row, shown in forms(message, body).items()
    }


def added(counted: Mapping[str, Forms], seen: Mapping[str, Forms]) -> dict[str, Forms]:
    """Two counts as one, in the ledger's order of rows."""
    nothing = Forms()
    sums = dict(counted)
    for row, forms_of_row in seen.items():
        before = sums.get(row, nothing)
        sums[row] = Forms(before.corrected + forms_of_row.corrected, before.documented + forms_of_row.documented)
    return sums


def rows_at(message: str, body: Any) -> dict[str, str]:
    """The pointers at which a message differs from its corrected form, each with the row that explains it."""
    found: dict[str, str] = {}
    documented = {row for row, shown in forms(message, body).items() if "documented" in shown}
    for step in steps_of(message):
        if step.row in documented:
            for pointer, place in _placed(body, step.at):
                found.update(dict.fromkeys(_touched(step, pointer, place), step.row))
    return found


def _touched(step: Step, pointer: str, place: Mapping[str, Any]) -> Iterator[str]:
    """The pointers that a step's documented form makes wrong, missing ones included, where it shows it."""
    if not holds(step, place):
        return
    if step.action == "rename":
        for corrected, documented in step.value.items():
            if documented in place and corrected not in place:
                yield from (pointer, pointer + join(corrected), pointer + join(documented))
    elif step.action == "drop":
        yield from (pointer + join(name) for name in step.value if name not in place)
    else:
        yield from (pointer + join(name) for name in step.value)


def _placed(body: Any, at: tuple[str, ...], pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """What `steps.places` finds, with the pointer of each."""
    if not at:
        if isinstance(body, dict):
            yield pointer, body
    elif at[0] in ("*", "+"):
        for index, item in enumerate(body if isinstance(body, list) else []):
            if index or at[0] == "*":
                yield from _placed(item, at[1:], pointer + join(index))
    elif isinstance(body, dict) and at[0] in body:
        yield from _placed(body[at[0]], at[1:], pointer + join(at[0]))


def corrected(message: str, body: Any) -> Any:
    """The message with every documented name put right. What its rows drop or change stays; `body` does too."""
    renames = [step for step in steps_of(message) if step.action == "rename"]
    if not any(_is_documented(step, body) for step in renames):
        return body
    body = copy.deepcopy(body)
    for step in reversed(renames):
        for place in places(body, step.at):
            if holds(step, place):
                _put_right(place, step.value)
    return body


def _is_documented(step: Step, body: Any) -> bool:
    return any(
        holds(step, place) and documented in place and name not in place
        for place in places(body, step.at)
        for name, documented in step.value.items()
    )


def _put_right(place: dict[str, Any], names: Mapping[str, str]) -> None:
    for name, documented in names.items():
        if documented in place and name not in place:
            place[name] = place.pop(documented)


def form_names(row_id: str) -> tuple[str, str]:
    """What a row's two forms are called, corrected and documented, in the words of its steps."""
    named: dict[str, str] = {}
    for step in rows()[row_id].emits:
        if step.action == "rename":
            named.update(step.value)
        elif step.action == "drop":
            named.update((f"with {name}", f"without {name}") for name in step.value)
        else:
            named.update((f"{name} as chosen", f"{name} as documented") for name in step.value)
    return ", ".join(named), ", ".join(dict.fromkeys(named.values()))


def total(seen: Iterable[Mapping[str, Forms]]) -> dict[str, Forms]:
    """The counts of many messages as one."""
    sums: dict[str, Forms] = {}
    for one in seen:
        sums = added(sums, one)
    return sums


# ---- which rows can be seen ----------------------------------------------------------------------


def rows_of_answers() -> tuple[str, ...]:
    """The rows that an operation's answer can show, in the ledger's order."""
    operations = own_contract("openapi").contract.operations.keys()
    return tuple(row.id for row in rows().values() if operations & _messages(row))


def rows_of_events() -> tuple[str, ...]:
    """The rows that an event can show, in the ledger's order."""
    events = own_contract("openapi").contract.webhooks.keys()
    return tuple(row.id for row in rows().values() if events & _messages(row))


def rows_unseen() -> dict[str, str]:
    """The rows that neither an answer nor an event can show, each with why."""
    return {row.id: _why_unseen(row) for row in rows().values() if not row.emits}


def _messages(row: Row) -> set[str]:
    return {message for step in row.emits for message in step.messages}


def _why_unseen(row: Row) -> str:
    if row.lenient:
        return "only a request can have its documented form"
    if row.kind == "external":
        return "it is about pages of which no message is kept here"
    if row.kind == "confirmed":
        return "the documented form is the right one"
    return row.not_in_contract or f"no step of the ledger tells its forms apart in a message; chosen: {row.chosen}"
