"""Two schemas: which messages are taken no more, and which are new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wixture.contracts.changes.choices import compare_choices, compare_conditions
from wixture.contracts.changes.comparison import Comparison, Ends, Spot
from wixture.contracts.changes.kinds import (
    CLOSED_CONSTRAINTS,
    INNER_SCHEMAS,
    LOWER_BOUNDS,
    OTHER_FIELDS,
    TEXT_CONSTRAINTS,
    UPPER_BOUNDS,
    kebab,
)
from wixture.contracts.changes.views import View, plain, same, view


@dataclass(frozen=True, slots=True)
class Pair:
    """Two views of one schema, and the spot of the message it speaks about."""

    run: Comparison
    spot: Spot
    old: View
    new: View


def compare_schemas(run: Comparison, spot: Spot, olds: Iterable[str], news: Iterable[str]) -> None:
    """Tell every difference in meaning between the schemas at old pointers and those at new ones."""
    pair = Pair(run, spot, view(run.old, list(olds)), view(run.new, list(news)))
    step = (spot.where, spot.side, *((pointer for pointer, _ in one.parts) for one in (pair.old, pair.new)))
    key = (*step[:2], tuple(step[2]), tuple(step[3]))
    if key in run.walked:
        return
    run.walked.add(key)
    run.judge("old", *(pointer for pointer, _ in pair.old.parts))
    run.judge("new", *(pointer for pointer, _ in pair.new.parts))
    _types(pair)
    _values(pair)
    for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS):
        _bound(pair, keyword)
    for keyword in TEXT_CONSTRAINTS:
        _texts(pair, keyword)
    for keyword in CLOSED_CONSTRAINTS:
        _closed_constraint(pair, keyword)
    _fields(pair)
    _other_fields(pair)
    _required(pair)
    for keyword in INNER_SCHEMAS:
        _inner(pair, keyword)
    compare_choices(run, spot, pair.old, pair.new, deeper=compare_schemas)
    compare_conditions(run, spot, pair.old, pair.new, deeper=compare_schemas)


def _tell(pair: Pair, kind: str, what: str, *, old: str | None = None, new: str | None = None) -> None:
    pair.run.tell_of(pair.spot, kind, what, old=old, new=new)


def _place(found: list[tuple[str, Any]]) -> str | None:
    return found[0][0] if found else None


def _root(one: View) -> str | None:
    return one.parts[0][0] if one.parts else None


def _types(pair: Pair) -> None:
    lost, gained = pair.old.types - pair.new.types, pair.new.types - pair.old.types
    old = _place(pair.old.having("type")) or _place(pair.old.having("nullable"))
    new = _place(pair.new.having("type")) or _place(pair.new.having("nullable"))
    ends: dict[str, Any] = {"old": old, "new": new}
    if lost or gained:
        pair.run.settle(old=_place(pair.old.having("nullable")), new=_place(pair.new.having("nullable")))
    if lost and gained:
        _tell(pair, "type-changed", f"was {_named(pair.old)} and is {_named(pair.new)}", **ends)
    elif lost == {"null"}:
        _tell(pair, "null-refused", "is no longer null", **ends)
    elif gained == {"null"}:
        _tell(pair, "null-accepted", "may be null now", **ends)
    elif lost:
        _tell(pair, "type-narrowed", f"was {_named(pair.old)} and is only {_named(pair.new)}", **ends)
    elif gained:
        _tell(pair, "type-widened", f"was {_named(pair.old)} and may be {_named(pair.new)}", **ends)


def _named(one: View) -> str:
    types = one.types - {"integer"} if "number" in one.types else one.types
    return "anything" if len(one.types) == 7 else " or ".join(sorted(types)) or "nothing"


def _values(pair: Pair) -> None:
    old, new = pair.old.values, pair.new.values
    if old is None or new is None:
        if new is not None:
            _tell(pair, "enum-added", f"takes only {_few(new)} now", new=_listing(pair.new))
        if old is not None:
            _tell(pair, "enum-removed", f"is no longer one of {_few(old)}", old=_listing(pair.old))
        return
    if old and new and not set(old) & set(new):
        what = f"was one of {_few(old)} and is one of {_few(new)}"
        _tell(pair, "enum-replaced", what, old=_listing(pair.old), new=_listing(pair.new))
        return
    if set(old) != set(new):
        pair.run.settle(old=_listing(pair.old), new=_listing(pair.new))
    for value, place in old.items():
        if value not in new:
            _tell(pair, "enum-member-removed", f"no longer has the value {value}", old=place)
    for value, place in new.items():
        if value not in old:
            _tell(pair, "enum-member-added", f"has the new value {value}", new=place)


def _listing(one: View) -> str | None:
    return _place(one.having("const")) or _place(one.having("enum")) or _root(one)


def _few(values: Iterable[str]) -> str:
    listed = list(values)
    return ", ".join(listed[:6]) + (", …" if len(listed) > 6 else "") or "nothing"


def _bound(pair: Pair, keyword: str) -> None:
    old, new = pair.old.bound(keyword), pair.new.bound(keyword)
    if old == new or (old and new and old[1] == new[1]):
        return
    kind = kebab(keyword)
    if old is None and new is not None:
        _tell(pair, f"{kind}-added", f"has the {keyword} {new[1]} now", new=new[0])
    elif new is None and old is not None:
        _tell(pair, f"{kind}-removed", f"has no {keyword} any more (was {old[1]})", old=old[0])
    elif old and new:
        numbers = all(isinstance(one[1], int | float) and not isinstance(one[1], bool) for one in (old, new))
        how = ("raised" if new[1] > old[1] else "lowered") if numbers else "changed"
        what = f"has the {keyword} {new[1]}, which was {old[1]}"
        _tell(pair, f"{kind}-{how}", what, old=old[0], new=new[0])


def _texts(pair: Pair, keyword: str) -> None:
    old = {plain(value): where for where, value in reversed(pair.old.having(keyword))}
    new = {plain(value): where for where, value in reversed(pair.new.having(keyword))}
    gone = [where for value, where in old.items() if value not in new]
    come = [where for value, where in new.items() if value not in old]
    for before, after in zip(gone, come, strict=False):
        _tell(pair, f"{kebab(keyword)}-changed", f"has another {keyword}", old=before, new=after)
    for before in gone[len(come) :]:
        _tell(pair, f"{kebab(keyword)}-removed", f"has no {keyword} any more", old=before)
    for after in come[len(gone) :]:
        _tell(pair, f"{kebab(keyword)}-added", f"has a {keyword} now", new=after)


def _closed_constraint(pair: Pair, keyword: str) -> None:
    """Constraints that are only ever equal, there, or gone: whatever lies between is not judged."""
    old = [one for one in pair.old.having(keyword) if one[1] not in (False, {}, [])]
    new = [one for one in pair.new.having(keyword) if one[1] not in (False, {}, [])]
    old, new = _unequal(pair, old, new)
    kind = kebab(keyword)
    for before, after in zip(old, new, strict=False):
        _tell(pair, f"{kind}-changed", f"has another `{keyword}`", old=before[0], new=after[0])
    for before in old[len(new) :]:
        _tell(pair, f"{kind}-removed", f"is no longer held by `{keyword}`", old=before[0])
    for after in new[len(old) :]:
        _tell(pair, f"{kind}-added", f"is held by `{keyword}` now", new=after[0])


Places = list[tuple[str, Any]]


def _unequal(pair: Pair, old: Places, new: Places) -> tuple[Places, Places]:
    left = list(new)
    alone = []
    for one in old:
        twin = next((two for two in left if same(pair.run.old, one[0], pair.run.new, two[0])), None)
        if twin is None:
            alone.append(one)
        else:
            left.remove(twin)
    return alone, left


def _fields(pair: Pair) -> None:
    old, new = pair.old.fields, pair.new.fields
    for name, places in old.items():
        if name in new:
            compare_schemas(pair.run, pair.spot.at(name), places, new[name])
        else:
            _field_removed(pair, name, places)
    for name, places in new.items():
        if name not in old:
            _tell(pair, "field-added", f"has the new field `{name}`", new=places[0])
            pair.run.settle(new=places[-1])


def _field_removed(pair: Pair, name: str, places: list[str]) -> None:
    needed = pair.old.required.get(name)
    optional = "field-removed" if needed else "optional-field-removed"
    taken = pair.spot.side == "request" and pair.new.closed() is None
    _tell(pair, "field-undeclared" if taken else optional, f"has no field `{name}` any more", old=places[0])
    pair.run.settle(old=needed)
    for place in places:
        pair.run.settle(old=place)


def _required(pair: Pair) -> None:
    old, new = pair.old.required, pair.new.required
    gone = set(pair.old.fields) - set(pair.new.fields)
    for name, place in new.items():
        if name not in old:
            _tell(pair, "field-now-required", f"must have `{name}` now", new=place)
    for name, place in old.items():
        if name not in new and name not in gone:
            _tell(pair, "field-now-optional", f"may leave `{name}` out now", old=place)


def _other_fields(pair: Pair) -> None:
    old, new = pair.old.closed(), pair.new.closed()
    if new and not old:
        what = "takes no fields any more that are not declared"
        _tell(pair, "other-fields-refused", what, old=_other(pair.old), new=new)
    elif old and not new:
        what = "may have fields that are not declared"
        _tell(pair, "other-fields-accepted", what, old=old, new=_other(pair.new))
    elif not old:
        for keyword in OTHER_FIELDS:
            _inner(pair, keyword)


def _other(one: View) -> str | None:
    return next((where for keyword in OTHER_FIELDS for where, _ in one.having(keyword)), None)


def _inner(pair: Pair, keyword: str) -> None:
    old, new = pair.old.inner(keyword), pair.new.inner(keyword)
    if old and new:
        step = {"items": "[]", "contentSchema": "(content)"}.get(keyword, "[other]")
        compare_schemas(pair.run, pair.spot.at(step), old, new)
    elif new:
        what = f"has `{keyword}` now, so that what was free is held"
        _tell(pair, f"{kebab(keyword)}-added", what, new=new[0])
    elif old:
        what = f"has no `{keyword}` any more, so that what was held is free"
        _tell(pair, f"{kebab(keyword)}-removed", what, old=old[0])


def schema_ends(run: Comparison, spot: Spot, ends: Ends) -> None:
    """Compare what two objects have under `schema`; one of them may have none."""
    old, new = run.get(ends, "schema")
    where = ends / "/schema"
    if old is not None and new is not None:
        compare_schemas(run, spot, [where.old], [where.new])
    elif new is not None:
        run.tell_of(spot, "schema-added", "has a schema now", new=where.new)
    elif old is not None:
        run.tell_of(spot, "schema-removed", "has no schema any more", old=where.old)
