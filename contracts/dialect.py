"""The documented dialect: answers and events as the vendor's pages print them, by the ledger's rows.

A message is made and checked in its corrected form first; here it is rewritten, row by row. Nothing but the rows
knows a documented form. `documented()` is the contract with the rows applied, which the rewritten messages keep.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, get_args

from wixture.contracts.document import SPEC_FOLDER, Contract, Document, read_document
from wixture.contracts.documented import with_rows
from wixture.contracts.ledger import rows
from wixture.contracts.steps import ACTIONS, Step, holds, places
from wixture.contracts.validation import Validation
from wixture.contracts.yaml_text import write_yaml

Dialect = Literal["corrected", "documented"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


@cache
def steps_of(message: str) -> tuple[Step, ...]:
    """The steps for an operation's answer or an event, in the order in which they apply."""
    found = [step for row in rows().values() for step in row.emits if message in step.messages]
    return tuple(sorted(found, key=lambda step: ACTIONS.index(step.action)))


def emitted(message: str, body: Any) -> Any:
    """The documented form of a corrected answer (status 200) or domain event. `body` is left as it is."""
    body = copy.deepcopy(body)
    for step in steps_of(message):
        for place in places(body, step.at):
            if holds(step, place):
                _EMIT[step.action](place, step.value, body)
    return body


def _rename(place: dict[str, Any], names: Mapping[str, str], _: Any) -> None:
    renamed = [(names.get(name, name), value) for name, value in place.items()]
    place.clear()
    place.update(renamed)


def _drop(place: dict[str, Any], names: list[str], _: Any) -> None:
    for name in names:
        place.pop(name, None)


def _set(place: dict[str, Any], members: Mapping[str, Any], _: Any) -> None:
    place.update(copy.deepcopy(dict(members)))


def _differ(place: dict[str, Any], members: Mapping[str, str], body: Any) -> None:
    for name, pointer in members.items():
        place[name] = _another(_at(body, pointer))


def _another(guid: str) -> str:
    """A GUID that follows from another and is never the same: its first group turned round, digit by digit."""
    return "".join(f"{15 - int(digit, 16):x}" for digit in guid[:8]) + guid[8:]


def _at(body: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        body = body.get(name) if isinstance(body, dict) else None
    return body


_EMIT: Mapping[str, Callable[[dict[str, Any], Any, Any], None]] = {
    "rename": _rename,
    "drop": _drop,
    "set": _set,
    "differ": _differ,
}


def names(message: str, member: str) -> tuple[str, ...]:
    """What a member of an answer or event is called in any dialect, its corrected name first."""
    renames = (step.value for step in steps_of(message) if step.action == "rename")
    return (member, *dict.fromkeys(rename[member] for rename in renames if member in rename))


# ---- which form a message shows ------------------------------------------------------------------


def forms(message: str, body: Any) -> dict[str, set[Dialect]]:
    """For each row of which an answer or event shows something: the forms it shows, one or both."""
    found: dict[str, set[Dialect]] = defaultdict(set)
    for step in steps_of(message):
        for place in places(body, step.at):
            found[step.row].update(_SHOWN[step.action](step, place, body))
    return {row: shown for row, shown in found.items() if shown}


def _shows_rename(step: Step, place: Mapping[str, Any], _: Any) -> Iterator[Dialect]:
    for corrected, documented in step.value.items():
        if holds(step, place) and corrected in place:
            yield "corrected"
        elif holds(step, place) and documented in place:
            yield "documented"


def _shows_drop(step: Step, place: Mapping[str, Any], _: Any) -> Iterator[Dialect]:
    if holds(step, place):
        for name in step.value:
            yield "corrected" if name in place or _renamed(step, name) & place.keys() else "documented"


def _renamed(step: Step, name: str) -> set[str]:
    """What other rows call a member that this one drops."""
    others = (other for message in step.messages for other in steps_of(message) if other.action == "rename")
    return {other.value[name] for other in others if name in other.value}


def _shows_set(step: Step, place: Mapping[str, Any], _: Any) -> Iterator[Dialect]:
    for name, value in step.value.items():
        if name in place:
            yield "documented" if place[name] == value else "corrected"


def _shows_differ(step: Step, place: Mapping[str, Any], body: Any) -> Iterator[Dialect]:
    for name, pointer in step.value.items():
        if name in place and _at(body, pointer) is not None:
            yield "corrected" if place[name] == _at(body, pointer) else "documented"


_SHOWN = {"rename": _shows_rename, "drop": _shows_drop, "set": _shows_set, "differ": _shows_differ}


# ---- the contract of each dialect ----------------------------------------------------------------


def document_in(dialect: Dialect) -> Document:
    """The contract's document in a dialect: the corrected one as it is, or with the rows applied."""
    document = read_document(SPEC_FOLDER / "openapi.yaml")
    if dialect == "corrected":
        return document
    return with_rows(document, [step for row in rows().values() for step in row.emits], emitted)


def as_yaml(dialect: Dialect) -> str:
    """The contract's text in a dialect: the file as it stands, or what follows from it and the rows."""
    if dialect == "corrected":
        return (SPEC_FOLDER / "openapi.yaml").read_text(encoding="utf-8")
    return write_yaml(document_in(dialect))


@cache
def documented() -> Validation:
    """The compiled contract that documented answers and events keep. Built with its first use."""
    return Validation(Contract(document_in("documented")))
