"""What nothing else has told: the two texts are compared as they stand, so that no change goes unsaid.

A place whose meaning was compared and found equal is `rewritten`. Words, examples and extensions change nothing
for a message. Whatever is left is `changed-not-judged`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from wixture.contracts.changes.comparison import Comparison, look, target
from wixture.contracts.changes.kinds import (
    CHOICES,
    CLOSED_CONSTRAINTS,
    INNER_SCHEMAS,
    LOWER_BOUNDS,
    OTHER_FIELDS,
    TEXT_CONSTRAINTS,
    UPPER_BOUNDS,
)
from wixture.contracts.changes.operations import shape
from wixture.contracts.changes.views import plain
from wixture.contracts.document import METHODS
from wixture.contracts.pointers import join, split

_JUDGED = frozenset(
    (*TEXT_CONSTRAINTS, *CLOSED_CONSTRAINTS, *INNER_SCHEMAS, *OTHER_FIELDS, *CHOICES, *LOWER_BOUNDS, *UPPER_BOUNDS)
) | frozenset(
    """$ref allOf type nullable enum const properties required if then else name in schema content headers links
    parameters requestBody responses security x-query-schema x-item-schema x-jwt-claims x-envelope x-domain-event
    x-identity x-body-limit""".split()
)
_WORDS = frozenset("description summary title info tags externalDocs $comment xml".split())
_NAMES_BELOW = frozenset(
    """properties patternProperties dependentSchemas dependentRequired $defs schemas requestBodies securitySchemes
    pathItems headers content examples links callbacks paths webhooks variables
    encoding mapping responses""".split()
)
_CONTAINERS = frozenset(("path-parameter-renamed",))  # they point at more than they speak about

Place = tuple[str | None, str | None]


def tell_the_rest(run: Comparison) -> None:
    """Tell each place at which the documents differ and that no change speaks of yet."""
    known = _Known(run)
    for old, new, ordered in list(_differences(run.old, run.new, "", "")):
        if not known.explains(old, new):
            kind = "order-changed" if ordered else _kind(run, old, new)
            place = new if new is not None else old or ""
            run.tell(kind, _SAYS[kind], where=_owner(run, place), old=old, new=new)


class _Known:
    """The places that are told or settled, for looking up."""

    def __init__(self, run: Comparison) -> None:
        told = [one for one in run.told.values() if one.kind not in _CONTAINERS]
        self.told = {("old", one.old) for one in told} | {("new", one.new) for one in told} | run.settled
        self.run = run
        self.above = {(side, up) for side, place in self.told if place is not None for up in _up(place)}

    def explains(self, *ends: str | None) -> bool:
        return any(
            self._explains(side, end) for side, end in zip(("old", "new"), ends, strict=True) if end is not None
        )

    def _explains(self, side: str, place: str) -> bool:
        if any((side, up) in self.told for up in (place, *_up(place))):
            return True
        return (side, place) in self.above and _judged(self.run, side, place)


def _up(place: str) -> Iterator[str]:
    while place:
        place = place.rpartition("/")[0]
        if place:
            yield place


def _differences(old: Any, new: Any, here: str, there: str) -> Iterator[tuple[str | None, str | None, bool]]:
    """The smallest places that differ, as pointers; whether they differ in order alone."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = {shape(name): name for name in new} if here == "/paths" else {name: name for name in new}
        for name, value in old.items():
            twin = names.pop(shape(name) if here == "/paths" else name, None)
            if twin is None:
                yield from ((place, None, False) for place in _told_apart(value, here + join(name)))
            else:
                yield from _differences(value, new[twin], here + join(name), there + join(twin))
        for name in names.values():
            yield from ((None, place, False) for place in _told_apart(new[name], there + join(name)))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(old, new, here, there)
    elif plain(old) != plain(new):
        yield here, there, False


def _told_apart(value: Any, place: str) -> Iterator[str]:
    """What stands on one side alone, as pointers: a whole part of a document comes thing by thing."""
    spread = (
        place in ("/components", "/paths", "/webhooks", "/servers") or place.rpartition("/")[0] == "/components"
    )
    if not spread or not isinstance(value, dict | list) or not value:
        yield place
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        yield from _told_apart(value[key], place + join(key))


def _of_lists(
    old: list[Any], new: list[Any], here: str, there: str
) -> Iterator[tuple[str | None, str | None, bool]]:
    if old == new:
        return
    gone, come = _leftover(old, new), _leftover(new, old)
    if not gone and not come:
        yield here, there, True
    for before in list(gone):
        twin = next((after for after in come if _identity(old[before]) == _identity(new[after]) is not None), None)
        if twin is not None:
            gone.remove(before)
            come.remove(twin)
            yield from _differences(old[before], new[twin], here + join(before), there + join(twin))
    if len(gone) == len(come):
        for before, after in zip(gone, come, strict=True):
            yield from _differences(old[before], new[after], here + join(before), there + join(after))
        return
    for one, two in zip_longest(gone, ()):
        yield here + join(one), two, False
    yield from ((None, there + join(after), False) for after in come)


def _leftover(these: list[Any], others: list[Any]) -> list[int]:
    left = [plain(one) for one in others]
    alone = []
    for index, one in enumerate(these):
        if plain(one) in left:
            left.remove(plain(one))
        else:
            alone.append(index)
    return alone


def _identity(item: Any) -> tuple[Any, ...] | None:
    """What a list's item is known by; None when by nothing."""
    if not isinstance(item, dict):
        return None
    named = tuple(str(item.get(key)) for key in ("name", "in", "$ref", "url"))
    return named if set(named) != {"None"} else None


def _kind(run: Comparison, old: str | None, new: str | None) -> str:
    place = new if new is not None else old or ""
    steps = split(place)
    if len(steps) == 3 and steps[0] == "components" and None in (old, new):
        return "component-added" if old is None else "component-removed"
    keywords = list(_keywords(steps))
    for keyword in keywords:
        if keyword in _WORDS:
            return "wording-changed"
        if keyword in ("example", "examples"):
            return "example-changed"
        if keyword in ("default", "deprecated"):
            return "default-changed" if keyword == "default" else "deprecation-changed"
    if _judged(run, "old", old) and _judged(run, "new", new):
        return "rewritten"
    return "extension-changed" if any(word.startswith("x-") for word in keywords) else "changed-not-judged"


def _keywords(steps: list[str]) -> Iterator[str]:
    """The steps of a pointer that are keywords of OpenAPI: no name that somebody gave, no index."""
    named = False
    for index, step in enumerate(steps):
        if named:
            named = False
            continue
        yield step
        named = step in _NAMES_BELOW or (step == "parameters" and steps[:index] == ["components"])


def _judged(run: Comparison, side: str, place: str | None) -> bool:
    """Whether the meaning of a place was compared, so that a difference of the text makes none."""
    if place is None:
        return True
    if (side, place) in run.judged:
        return True
    holder = next((up for up in _up(place) if (side, up) in run.judged), None)
    if holder is None:
        return False
    keyword = split(place[len(holder) :])[0]
    if keyword == "$ref":
        return target(run.old if side == "old" else run.new, holder) is not None
    return keyword in _JUDGED


_SAYS = {
    "default-changed": "The default is another. Who leaves the value out gets something else: see who does.",
    "changed-not-judged": "Changed, not judged: compare the two places.",
    "deprecation-changed": "What is said to be on its way out is another. Nothing breaks yet.",
    "wording-changed": "The words are others. Messages stay as they are.",
    "example-changed": "An example is another. Messages stay as they are.",
    "extension-changed": "An extension says something else. Messages stay as they are.",
    "order-changed": "The order is another. Messages stay as they are.",
    "rewritten": "It is written another way and means the same.",
    "component-added": "A new component. The places that use it are judged on their own.",
    "component-removed": "A component is gone. The places that used it are judged on their own.",
}


def _owner(run: Comparison, place: str) -> str:
    """Who a place belongs to, for a reader: an operation, a webhook, a component or a part of the document."""
    steps = split(place)
    if steps[:1] == ["components"]:
        return " ".join(steps[1:3]) if len(steps) > 2 else "components"
    if steps[:1] in (["paths"], ["webhooks"]) and len(steps) > 1:
        if len(steps) == 2 or steps[2] not in METHODS:
            return steps[1]
        raw = look(run.new, join(*steps[:3])) or look(run.old, join(*steps[:3])) or {}
        return str(raw.get("operationId") or f"{steps[2].upper()} {steps[1]}")
    return steps[0] if steps else "document"
