"""What is sent and what is read: parameters, bodies, answers, their headers and links."""

from __future__ import annotations

from dataclasses import replace

from wixture.contracts.changes.comparison import Comparison, Ends, Spot, at, look
from wixture.contracts.changes.schemas import compare_schemas, schema_ends
from wixture.contracts.changes.views import same
from wixture.contracts.pointers import join

Named = dict[tuple[str, str], str]


def compare_parameters(run: Comparison, spot: Spot, ends: Ends, *, renamed: dict[str, str]) -> None:
    """Compare the parameters of two operations with those of their paths. `renamed`: new names by old ones."""
    old, new = _parameters(run, "old", ends.old), _parameters(run, "new", ends.new)
    for (where, name), before in old.items():
        now = renamed.get(name, name) if where == "path" else name
        after = new.pop((where, now), None)
        here = replace(spot, label=f"the {where} parameter `{now}`")
        if after is None:
            run.tell_of(here, "parameter-removed", "is gone", old=before)
        else:
            _presence(run, here, "parameter", Ends(before, after))
            _content(run, here, Ends(before, after))
    for (where, name), after in new.items():
        here = replace(spot, label=f"the {where} parameter `{name}`")
        needed = at(run.new, after).get("required") is True
        kind = "required-parameter-added" if needed else "parameter-added"
        run.tell_of(here, kind, "is new" + (" and must be there" if needed else ""), new=after)


def _parameters(run: Comparison, side: str, operation: str) -> Named:
    document = run.old if side == "old" else run.new
    found: Named = {}
    for owner in (operation.rpartition("/")[0], operation):
        listed = look(document, owner + "/parameters")
        for index in range(len(listed) if isinstance(listed, list) else 0):
            place = owner + join("parameters", index)
            landed = run.landed(side, place)
            raw = at(document, landed)
            where, name = str(raw.get("in")), str(raw.get("name"))
            found[where, name.lower() if where == "header" else name] = landed
    return found


def _presence(run: Comparison, spot: Spot, noun: str, ends: Ends) -> None:
    """Compare `required` of two parameters, headers or bodies."""
    old, new = (value is True for value in run.get(ends, "required"))
    place = ends / "/required"
    if new and not old:
        run.tell_of(spot, f"{noun}-now-required", "must be there now", new=place.new)
        run.settle(old=place.old)
    elif old and not new:
        run.tell_of(spot, f"{noun}-now-optional", "may be missing now", old=place.old)
        run.settle(new=place.new)


def _content(run: Comparison, spot: Spot, ends: Ends) -> None:
    """Compare the schema of two parameters or headers, and their media types."""
    schema_ends(run, spot, ends)
    _media_types(run, spot, ends)


def _media_types(run: Comparison, spot: Spot, ends: Ends) -> None:
    old, new = (value if isinstance(value, dict) else {} for value in run.get(ends, "content"))
    for name in [*old, *(name for name in new if name not in old)]:
        place = ends / join("content", name)
        if name not in new:
            run.tell_of(spot, "media-type-removed", f"is no longer {name}", old=place.old)
        elif name not in old:
            run.tell_of(spot, "media-type-added", f"may be {name} now", new=place.new)
        else:
            run.judge("old", place.old)
            run.judge("new", place.new)
            schema_ends(run, spot, place)


def compare_bodies(run: Comparison, spot: Spot, ends: Ends) -> None:
    """Compare what two operations take as a body."""
    old, new = run.get(ends, "requestBody")
    place = ends / "/requestBody"
    if old is None and new is None:
        return
    landed = run.land(place)
    if old is None:
        needed = at(run.new, landed.new).get("required") is True
        run.tell_of(spot, "required-body-added" if needed else "body-added", "is new", new=place.new)
    elif new is None:
        run.tell_of(spot, "body-removed", "is gone", old=place.old)
    else:
        _presence(run, spot, "body", landed)
        _media_types(run, spot, landed)


def compare_answers(run: Comparison, spot: Spot, ends: Ends) -> None:
    """Compare the answers of two operations, status by status."""
    old, new = (value if isinstance(value, dict) else {} for value in run.get(ends, "responses"))
    for status in [*old, *(status for status in new if status not in old)]:
        place = ends / join("responses", status)
        here = replace(spot, label=f"the answer {status}")
        noun = "success" if status.startswith("2") else "status"
        if status not in new:
            run.tell_of(here, f"{noun}-removed", "is gone", old=place.old)
        elif status not in old:
            run.tell_of(here, f"{noun}-added", "is new", new=place.new)
        elif not status.startswith("x-"):
            landed = run.land(place)
            _media_types(run, here, landed)
            _headers(run, here, landed)
            _links(run, here, landed)


def _headers(run: Comparison, spot: Spot, ends: Ends) -> None:
    old, new = (value if isinstance(value, dict) else {} for value in run.get(ends, "headers"))
    names = {name.lower(): name for name in new}
    for name in old:
        here = replace(spot, label=f"{spot.label}, header {name}")
        after = names.pop(name.lower(), None)
        place = ends.old + join("headers", name)
        landed = run.land(Ends(place, ends.new + join("headers", after or name)))
        if after is None:
            needed = at(run.old, landed.old).get("required") is True
            run.tell_of(here, "required-header-removed" if needed else "header-removed", "is gone", old=place)
        else:
            _presence(run, here, "header", landed)
            _content(run, here, landed)
    for name in names.values():
        here = replace(spot, label=f"{spot.label}, header {name}")
        run.tell_of(here, "header-added", "is new", new=ends.new + join("headers", name))


def _links(run: Comparison, spot: Spot, ends: Ends) -> None:
    old, new = (value if isinstance(value, dict) else {} for value in run.get(ends, "links"))
    for name in [*old, *(name for name in new if name not in old)]:
        place = ends / join("links", name)
        if name not in new:
            words = f"{spot.label} no longer has the link `{name}`. Who follows it finds none."
            run.tell("link-removed", _sentence(words), where=spot.where, old=place.old)
        elif name not in old:
            words = f"{spot.label} has the new link `{name}`. Nobody has to follow it."
            run.tell("link-added", _sentence(words), where=spot.where, new=place.new)
        elif not same(run.old, place.old, run.new, place.new):
            words = f"the link `{name}` of {spot.label} leads elsewhere, or otherwise. Compare the two places."
            run.tell("link-changed", _sentence(words), where=spot.where, old=place.old, new=place.new)


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def extension_schemas(run: Comparison, spots: dict[str, Spot], ends: Ends) -> None:
    """Compare the schemas that our own extensions of an operation name."""
    for name, spot in spots.items():
        old, new = run.get(ends, name)
        if old is None and new is None:
            continue
        place = ends / join(name)
        if name == "x-item-schema":
            schema_ends(run, spot, place)
            continue
        if old is None:
            run.tell_of(spot, "schema-added", f"has a schema now (`{name}`)", new=place.new)
        elif new is None:
            run.tell_of(spot, "schema-removed", f"has no schema any more (`{name}`)", old=place.old)
        else:
            compare_schemas(run, spot, [place.old], [place.new])
