"""What was found in a webhook token, layer by layer: the values, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from wixture.contracts.violations import Violation, shown
from wixture.mockserver.personal import is_personal, masked, masked_text

LAYERS = ("token", "header", "signature", "claims", "data", "envelope", "identity", "event")

MOST_PROBLEMS = 20
"""So many problems of a layer are told; a hostile token can have thousands."""

_MARKS = {"ok": "ok   ", "wrong": "WRONG", "unread": "-    "}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. Where the contract says so, `violation` is there, and `value` is what broke it."""

    text: str
    violation: Violation | None = None
    value: Any = None

    def shown(self, *, show: bool) -> str:
        """The text, without personal data unless `show`."""
        if show:
            return self.text
        text = self.text
        if self.violation is not None and is_personal(self.violation.pointer, self.value):
            text = text.replace(shown(self.value), "***")
        return masked_text(text)


@dataclass(frozen=True, slots=True)
class Layer:
    """What was found in one layer. `says` sums up what it holds, or why it was not judged; `value` is decoded."""

    name: str
    status: Literal["ok", "wrong", "unread"]
    says: str
    problems: tuple[Problem, ...] = ()
    value: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The layers of one token, in the order of LAYERS."""

    layers: tuple[Layer, ...]

    @property
    def ok(self) -> bool:
        """Whether a receiver may act on the token: every layer is right."""
        return all(layer.status == "ok" for layer in self.layers)

    @property
    def wrong(self) -> list[str]:
        """The names of the layers that are wrong."""
        return [layer.name for layer in self.layers if layer.status == "wrong"]

    def layer(self, name: str) -> Layer:
        """The layer of a name of LAYERS."""
        return self.layers[LAYERS.index(name)]

    @property
    def event(self) -> Mapping[str, Any] | None:
        """The domain event as far as it can be read, trusted or not."""
        value = self.layer("event").value
        return value if isinstance(value, dict) else None


def found(name: str, says: str, *texts: str, value: Any = None) -> Layer:
    """A layer that was judged: wrong when there is a text about it."""
    return judged(name, says, [Problem(text) for text in texts], value=value)


def judged(name: str, says: str, problems: Sequence[Problem], *, value: Any = None) -> Layer:
    """A layer that was judged: wrong when there is a problem. The first few of many are kept."""
    kept = list(problems[:MOST_PROBLEMS])
    if len(problems) > MOST_PROBLEMS:
        kept.append(Problem(f"and {len(problems) - MOST_PROBLEMS} more"))
    return Layer(name, "wrong" if kept else "ok", says, tuple(kept), value)


def unread(name: str, why: str) -> Layer:
    """A layer that could not be judged."""
    return Layer(name, "unread", f"not checked: {why}")


def with_value(layer: Layer, value: Any) -> Layer:
    """The layer, with what it decodes to."""
    return replace(layer, value=value)


def as_text(verdict: Verdict, *, show: bool = False) -> Iterator[str]:
    """Lines for a terminal: one for each layer, its problems below it, then the event."""
    for layer in verdict.layers:
        says = layer.says if show else masked_text(layer.says)
        yield f"{_MARKS[layer.status]}  {layer.name:9}  {says}"
        yield from (f"                  {problem.shown(show=show)}" for problem in layer.problems)
    if verdict.event is not None:
        event = verdict.event if show else masked(verdict.event)
        yield from orjson.dumps(event, option=orjson.OPT_INDENT_2).decode().splitlines()


def printable(text: str) -> str:
    """The text, each character that would steer a terminal or turn what follows written as JSON writes it."""
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def as_dict(verdict: Verdict, *, show: bool = False) -> dict[str, Any]:
    """The verdict as JSON."""
    event = verdict.event
    return {
        "ok": verdict.ok,
        "layers": [_layer(layer, show=show) for layer in verdict.layers],
        "event": event if show else masked(event),
    }


def _layer(layer: Layer, *, show: bool) -> dict[str, Any]:
    return {
        "layer": layer.name,
        "status": layer.status,
        "says": layer.says if show else masked_text(layer.says),
        "problems": [_problem(problem, show=show) for problem in layer.problems],
    }


def _problem(problem: Problem, *, show: bool) -> dict[str, Any]:
    violation = problem.violation
    text = problem.shown(show=show)
    if violation is None:
        return {"text": text}
    return {"text": text, "field": violation.field, "pointer": violation.pointer, "rule": violation.rule}
