"""Operations and webhooks: which belong together, which are gone, and what each takes and answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wixture.contracts.changes.comparison import Comparison, Ends, Spot, at
from wixture.contracts.changes.messages import (
    compare_answers,
    compare_bodies,
    compare_parameters,
    extension_schemas,
)
from wixture.contracts.changes.security import compare_security
from wixture.contracts.document import DEFAULT_BODY_LIMIT, METHODS
from wixture.contracts.pointers import join

_BRACED = re.compile(r"\{([^{}]*)\}")
_RECEIVED = ("x-jwt-claims", "x-envelope", "x-domain-event", "x-identity")


@dataclass(frozen=True, slots=True)
class Found:
    """An operation of one document: its pointer, the path it stands on and its name for a reader."""

    pointer: str
    path: str
    raw: dict[str, Any]
    name: str


def shape(path: str) -> str:
    """A path without the names of its parameters: two of one shape are the same path."""
    return _BRACED.sub("{}", path)


def compare_operations(run: Comparison) -> None:
    """Compare the operations below `paths`, then the webhooks."""
    _match(run, "paths", "operation")
    _match(run, "webhooks", "webhook")


def _match(run: Comparison, part: str, noun: str) -> None:
    old, new = dict(_operations(run, "old", part)), dict(_operations(run, "new", part))
    ids = {one.name: key for key, one in new.items() if key not in old}
    moved = {key: ids.get(one.name) for key, one in old.items() if key not in new}
    for key, before in old.items():
        goal = moved.get(key, key)
        if goal is None:
            _removed(run, noun, before)
            continue
        if goal != key:
            _moved(run, noun, before, new[goal])
        _compare(run, noun, before, new[goal])
    for key, after in new.items():
        if key not in old and key not in moved.values():
            words = f"{after.name} is new. Nobody has to use it."
            run.tell(f"{noun}-added", words, where=after.name, new=after.pointer)
    for side, gone, left in (("old", old, new), ("new", new, old)):
        _settle_paths(run, side, gone, left)


def _settle_paths(run: Comparison, side: str, gone: dict[Any, Found], left: dict[Any, Found]) -> None:
    """A path all of whose operations are told needs no word of its own."""
    kept = {shape(one.path) for one in left.values()}
    for one in gone.values():
        if shape(one.path) not in kept:
            run.settle(**{side: one.pointer.rpartition("/")[0]})


def _operations(run: Comparison, side: str, part: str) -> Iterator[tuple[tuple[str, str], Found]]:
    document = run.old if side == "old" else run.new
    for path in at(document, join(part)):
        item = run.landed(side, join(part, path))
        for method in METHODS:
            raw = at(document, item).get(method)
            if isinstance(raw, dict):
                name = raw.get("operationId") or f"{method.upper()} {path}"
                yield (shape(path), method), Found(item + join(method), path, raw, str(name))


def _moved(run: Comparison, noun: str, before: Found, after: Found) -> None:
    method, path = after.pointer.rpartition("/")[2].upper(), after.path
    words = (
        f"{before.name} is at {method} {path} now. What uses its old address fails: serve both, or tell callers."
    )
    run.tell(f"{noun}-moved", words, where=before.name, old=before.pointer, new=after.pointer)


def _removed(run: Comparison, noun: str, gone: Found) -> None:
    happens = "Calls of it fail" if noun == "operation" else "Apps that wait for it are never told"
    words = f"{gone.name} is gone. {happens}: keep it, or tell who uses it."
    run.tell(f"{noun}-removed", words, where=gone.name, old=gone.pointer)


def _compare(run: Comparison, noun: str, before: Found, after: Found) -> None:
    ends = Ends(before.pointer, after.pointer)
    run.judge("old", ends.old)
    run.judge("new", ends.new)
    called = noun == "operation"
    sent = Spot(after.name, "request" if called else "response", "the request" if called else "the webhook")
    read = Spot(after.name, "response" if called else "request", "the answer")
    _names(run, after.name, before, after)
    _facts(run, after.name, ends)
    compare_parameters(run, sent, ends, renamed=_renamed(run, before, after))
    compare_bodies(run, Spot(sent.where, sent.side, f"{sent.label}'s body"), ends)
    compare_answers(run, read, ends)
    compare_security(run, after.name, ends)
    item = Spot(sent.where, sent.side, "each item of the request's body")
    query = Spot(sent.where, sent.side, "the query")
    spots = {name: Spot(sent.where, sent.side, f"what {name} holds") for name in _RECEIVED}
    extension_schemas(run, {"x-query-schema": query, "x-item-schema": item, **spots}, ends)


def _names(run: Comparison, where: str, before: Found, after: Found) -> None:
    old, new = before.raw.get("operationId"), after.raw.get("operationId")
    if old != new:
        words = f"{where} was called {old}. Clients that are generated from the contract call it by that name."
        ends = Ends(before.pointer, after.pointer) / "/operationId"
        run.tell("operation-id-changed", words, where=where, old=ends.old, new=ends.new)


def _renamed(run: Comparison, before: Found, after: Found) -> dict[str, str]:
    pairs = zip(_BRACED.findall(before.path), _BRACED.findall(after.path), strict=False)
    renamed = {old: new for old, new in pairs if old != new}
    for old, new in renamed.items():
        words = f"The path parameter `{old}` is called `{new}` now. Calls look the same."
        ends = Ends(before.pointer.rpartition("/")[0], after.pointer.rpartition("/")[0])
        run.tell("path-parameter-renamed", words, where=after.name, old=ends.old, new=ends.new)
    return renamed


def _facts(run: Comparison, where: str, ends: Ends) -> None:
    """Compare what our own extensions say: aliases, side effects, the limit of a body, the type of an event."""
    old, new = run.get(ends, "x-side-effects")
    place = ends / "/x-side-effects"
    if old != new:
        words = f"The side effects of {where} were {old} and are {new}. See who relies on what it leaves behind."
        run.tell("side-effects-changed", words, where=where, old=place.old, new=place.new)
    old, new = run.get(ends, "x-event-type")
    place = ends / "/x-event-type"
    if old != new:
        words = f"The event {old} is called {new} now. Apps that look for the old name miss it: keep it."
        run.tell("event-type-changed", words, where=where, old=place.old, new=place.new)
    _body_limit(run, where, ends)
    _aliases(run, where, Ends(ends.old.rpartition("/")[0], ends.new.rpartition("/")[0]))


def _body_limit(run: Comparison, where: str, ends: Ends) -> None:
    limits = [DEFAULT_BODY_LIMIT if value is None else value for value in run.get(ends, "x-body-limit")]
    place = ends / "/x-body-limit"
    if limits[0] != limits[1] and all(isinstance(limit, int) for limit in limits):
        how = "raised" if limits[1] > limits[0] else "lowered"
        what = f"may have {limits[1]} bytes, which were {limits[0]}"
        spot = Spot(where, "request", "the request's body")
        run.tell_of(spot, f"body-limit-{how}", what, old=place.old, new=place.new)


def _aliases(run: Comparison, where: str, ends: Ends) -> None:
    old, new = (value if isinstance(value, list) else [] for value in run.get(ends, "x-aliases"))
    for index, alias in enumerate(old):
        if alias not in new:
            words = f"The alias {alias} is gone. Calls of it fail: keep it, or tell who uses it."
            run.tell("alias-removed", words, where=where, old=ends.old + join("x-aliases", index))
    for index, alias in enumerate(new):
        if alias not in old:
            words = f"The alias {alias} is new. Nobody has to use it."
            run.tell("alias-added", words, where=where, new=ends.new + join("x-aliases", index))
