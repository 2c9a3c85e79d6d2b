"""One comparison: the two documents, what was found in them, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from wixture.contracts.changes.kinds import KINDS, Severity, Side
from wixture.contracts.pointers import from_ref


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its kind, who it is about (`where`), its place in the old and new document, and words."""

    kind: str
    severity: Severity
    where: tuple[str, ...]
    old: str | None
    new: str | None
    words: str


class Ends(NamedTuple):
    """The same thing in the old and in the new document, as pointers."""

    old: str
    new: str

    def __truediv__(self, more: str) -> Ends:
        return Ends(self.old + more, self.new + more)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a message the comparison is: who it belongs to, who reads it, what it is, which field."""

    where: str
    side: Side
    label: str
    path: str = ""

    def at(self, step: str) -> Spot:
        """The spot of a field, or of the items (`[]`), below this one."""
        joint = "." if self.path and not step.startswith("[") else ""
        return replace(self, path=f"{self.path}{joint}{step}")

    @property
    def subject(self) -> str:
        return f"{self.label}, `{self.path}`" if self.path else self.label


_ADVICE = {
    (
        "request",
        "breaking",
    ): "Callers that still do it the old way are refused: let both ways stand, or tell them first.",
    ("request", "warning"): "Whether callers are refused cannot be decided here: compare the two places.",
    ("request", "other"): "Callers need no change.",
    ("response", "breaking"): "Readers that rely on the old form break: keep it, or tell them first.",
    ("response", "warning"): "Readers may meet what they do not expect: see that they take it.",
    ("response", "other"): "Readers need no change.",
}


@dataclass
class Comparison:
    """Two documents being compared. `tell` collects; `judged` are the places whose meaning was compared."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    told: dict[tuple[str, str | None, str | None], Change] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)
    judged: set[tuple[str, str]] = field(default_factory=set)
    walked: set[Any] = field(default_factory=set)

    def tell(self, kind: str, words: str, *, where: str, old: str | None = None, new: str | None = None) -> None:
        """Note a change, or that a change that is noted concerns one more."""
        known = self.told.get((kind, old, new))
        names = known.where if known else ()
        if where not in names:
            told = known.words if known else words
            self.told[kind, old, new] = Change(kind, KINDS[kind], (*names, where), old, new, told)

    def tell_of(self, spot: Spot, kind: str, what: str, *, old: str | None = None, new: str | None = None) -> None:
        """Note a change of a message: its kind without the side, and what happened to the field."""
        whole = f"{spot.side}-{kind}"
        advice = _ADVICE[spot.side, KINDS[whole]]
        if kind.endswith("-changed") and KINDS[whole] == "warning":
            advice = "Changed, not judged: compare the two places."
        text = f"{spot.subject} {what}. {advice}"
        self.tell(whole, text[0].upper() + text[1:], where=spot.where, old=old, new=new)

    def settle(self, *, old: str | None = None, new: str | None = None) -> None:
        """Say that a place needs no word of its own: a change that is told explains it."""
        self.settled.update((side, place) for side, place in (("old", old), ("new", new)) if place is not None)

    def judge(self, side: str, *pointers: str) -> None:
        """Say that the meaning of places was compared."""
        self.judged.update((side, pointer) for pointer in pointers)

    def land(self, ends: Ends) -> Ends:
        """Where the references at two places lead; those that cannot be followed stay."""
        return Ends(self.landed("old", ends.old), self.landed("new", ends.new))

    def landed(self, side: str, pointer: str) -> str:
        """The same for one place of the `old` or the `new` document."""
        document = self.old if side == "old" else self.new
        seen: set[str] = set()
        while pointer not in seen:
            seen.add(pointer)
            self.judge(side, pointer)
            pointer = target(document, pointer) or pointer
        return pointer

    def get(self, ends: Ends, key: str) -> tuple[Any, Any]:
        """What two objects have under a key; None where they have nothing."""
        return at(self.old, ends.old).get(key), at(self.new, ends.new).get(key)


def at(document: Any, pointer: str) -> dict[str, Any]:
    """The object at a pointer; an empty one when there is none."""
    node = look(document, pointer)
    return node if isinstance(node, dict) else {}


def look(document: Any, pointer: str) -> Any:
    """The value at a pointer; None when there is none. A comparison asks this hundreds of thousands of times."""
    node = document
    for step in pointer.split("/")[1:]:
        if isinstance(node, dict):
            node = node.get(step.replace("~1", "/").replace("~0", "~") if "~" in step else step)
        elif isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            return None
    return node


def target(document: Any, pointer: str) -> str | None:
    """Where a reference leads; None when there is none, or when it leads out of the document or nowhere."""
    ref = at(document, pointer).get("$ref")
    if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
        return None
    goal = from_ref(ref)
    return goal if look(document, goal) is not None else None
