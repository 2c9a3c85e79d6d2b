"""The steps of the ledger's rows: what each does to a message, as data and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wixture.contracts.pointers import split

ACTIONS = (
    # of requests, before all else: the places that other steps name are those of the wrapped body
    "wrap",  # the whole body becomes a member of an object
    # of answers and events
    "set",  # members become these values
    "differ",  # an ID becomes another than the one at a pointer
    "drop",  # members go
    "rename",  # members get other names (of requests too)
    # of requests
    "move",  # a value goes to another pointer
    "default",  # members that are missing get these values
    "keep",  # members that are missing stay as they are stored, or get these values where nothing is
    "parameters",  # query parameters get other names
    "from_body",  # query parameters are taken from the body
    "sent_by",  # another method, with `body` any or none
    "content_types",  # other content types are read as JSON
    "allow",  # a list of the contract gets another member
)
_TEXTS = {
    "drop": "{} dropped",
    "wrap": "the whole body → /{}",
    "content_types": "Content-Type {} → application/json",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one row: in which messages, at which places, on what condition, and what to do.

    `messages` are operation IDs (an answer's, or a request's in lenient steps) and names of events.
    """

    row: str
    messages: tuple[str, ...]
    at: tuple[str, ...]
    where: Mapping[str, str]
    having: str
    without: str
    mask: tuple[str, ...]
    action: str
    value: Any
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def says(self) -> str:
        """The step in words, `from → to`."""
        condition = "".join(f" where {name} is {value}" for name, value in self.where.items())
        condition += f" with /{self.having}" if self.having else ""
        condition += f" without {self.without}" if self.without else ""
        changes = ", ".join(self._changes())
        return f"{', '.join(self.messages)}{condition}: {changes}"

    def _changes(self) -> Iterator[str]:
        place = "".join(f"/{name}" for name in self.at)
        value = self.value
        if self.action in _TEXTS:
            named = ", ".join(f"{place}/{name}" for name in value) if self.action == "drop" else value
            yield _TEXTS[self.action].format(", ".join(named) if isinstance(named, list) else named)
        elif self.action == "sent_by":
            yield f"{value['method']} {'without a body' if value['body'] == 'none' else 'with the same body'}"
        elif self.action == "differ":
            yield from (f"/{name} → an ID other than {other}" for name, other in value.items())
        elif self.action == "allow":
            yield from (f"{member} accepted by {pointer}" for pointer, member in value.items())
        elif self.action in ("move", "parameters", "from_body"):
            yield from (f"{old} → {new}" for old, new in value.items())
        elif self.action == "rename":
            yield from (f"{place}/{old} → {place}/{new}" for old, new in value.items())
        else:
            missing = {"set": "", "default": "missing ", "keep": "missing "}[self.action]
            stored = "as stored, else " if self.action == "keep" else ""
            yield from (f"{missing}{place}/{name} → {stored}{_flow(new)}" for name, new in value.items())


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_steps(row: str, raw: Any) -> tuple[Step, ...]:
    """The steps of a row's `lenient` or `emits`; none of `nothing`."""
    return () if raw == "nothing" else tuple(_step(row, one) for one in raw)


def _step(row: str, raw: Mapping[str, Any]) -> Step:
    (action,) = (name for name in ACTIONS if name in raw)
    return Step(
        row=row,
        messages=tuple(raw["in"]),
        at=tuple(split(raw.get("at", ""))),
        where=raw.get("where", {}),
        having=raw.get("having", ""),
        without=raw.get("without", ""),
        mask=tuple(split(raw.get("mask", ""))),
        action=action,
        value=raw[action],
        raw=raw,
    )


def places(body: Any, at: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The objects at a pointer in which `*` stands for every item and `+` for every item but the first."""
    if not at:
        if isinstance(body, dict):
            yield body
    elif at[0] in ("*", "+"):
        for item in (body if isinstance(body, list) else [])[at[0] == "+" :]:
            yield from places(item, at[1:])
    elif isinstance(body, dict) and at[0] in body:
        yield from places(body[at[0]], at[1:])


def holds(step: Step, place: Mapping[str, Any]) -> bool:
    """Whether a step's condition on the members of a place holds."""
    return all(place.get(name) == value for name, value in step.where.items())
