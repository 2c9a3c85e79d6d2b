"""Fault plans: deliberate wrong answers and deliveries, as data, seeded, counted, visible and removable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wixture.mockserver.clock import Chance

ANSWER_FAULTS = ("status", "latency_ms", "reset", "empty", "garbage", "truncate", "slow_bytes_per_s", "rate_limit")
MOST_PLANS = 1000
MOST_REMOVED = 10_000
"""Removed plans that are remembered, for they may have broken answers that the journal still has."""

_STREAM = "draw"


@dataclass(slots=True)
class Plan:
    """One plan: what it is about, what it does, and how often it has.

    `target` is an operation ID, a short event name or `*`. `nth` counts the matches from 1, `probability` draws
    for each; with neither every match is hit. `times` is how often it acts at most. `seed` is that of
    `chance`, its own stream, so that no other plan changes what it draws.
    """

    id: str
    kind: str
    target: str
    do: Mapping[str, Any]
    nth: int | None = None
    probability: float | None = None
    times: int | None = None
    seed: int = 0
    matched: int = 0
    hits: int = 0
    chance: Chance = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.chance = Chance(self.seed, "fault")

    def to_dict(self) -> dict[str, Any]:
        """The plan as it was posted, with its ID and counts."""
        on: dict[str, Any] = {self.kind: self.target}
        if self.nth is not None:
            on["nth"] = self.nth
        if self.probability is not None:
            on["probability"] = self.probability
        shown: dict[str, Any] = {"id": self.id, "on": on, "do": dict(self.do)}
        if self.times is not None:
            shown["times"] = self.times
        return {**shown, "matched": self.matched, "hits": self.hits}


class FaultPlans:
    """The plans of one tenant, in the order in which they were posted; the first that hits acts."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._plans: dict[str, Plan] = {}
        self._removed: dict[str, Plan] = {}

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._plans.values())

    def __bool__(self) -> bool:
        return bool(self._plans)

    def __len__(self) -> int:
        return len(self._plans)

    def add(self, raw: Mapping[str, Any], *, short_name: Callable[[str], str | None]) -> Plan:
        """A posted plan, which the contract has accepted. `short_name` makes event names short."""
        on = raw["on"]
        kind = "operation" if "operation" in on else "event"
        target = on[kind]
        plan = Plan(
            id=self._chance.new_id("fault"),
            kind=kind,
            target=target if kind == "operation" or target == "*" else short_name(target) or target,
            do=raw["do"],
            nth=on.get("nth"),
            probability=on.get("probability"),
            times=raw.get("times"),
            seed=int.from_bytes(self._chance.bytes("fault plan", 8)),
        )
        self._plans[plan.id] = plan
        return plan

    def kept(self) -> list[dict[str, Any]]:
        """The plans with all that they have come to, as JSON."""
        names = ("id", "kind", "target", "do", "nth", "probability", "times", "seed", "matched", "hits")
        return [
            {**{name: getattr(plan, name) for name in names}, "drawn": plan.chance.drawn(_STREAM)} for plan in self
        ]

    def put_back(self, kept: Iterable[Mapping[str, Any]]) -> None:
        """The plans as they were when `kept` was asked, in the place of those that there are."""
        self._plans = {}
        for one in kept:
            plan = Plan(**{name: content for name, content in one.items() if name != "drawn"})
            plan.chance.skip(_STREAM, one["drawn"])
            self._plans[plan.id] = plan

    def remove(self, plan_id: str) -> bool:
        """Whether there was such a plan; it is gone now."""
        plan = self._plans.pop(plan_id, None)
        if plan is not None:
            self._removed[plan_id] = plan
            if len(self._removed) > MOST_REMOVED:
                del self._removed[next(iter(self._removed))]
        return plan is not None

    def clear(self) -> None:
        """Remove all."""
        for plan_id in list(self._plans):
            self.remove(plan_id)

    def action_of(self, plan_id: str) -> Mapping[str, Any] | None:
        """What a plan does, or did before it was removed; None for one that is remembered no longer."""
        plan = self._plans.get(plan_id) or self._removed.get(plan_id)
        return plan.do if plan else None

    def hit(self, kind: str, name: str, *, named: bool = False) -> Plan | None:
        """The plan that acts on an operation's answer or an event's delivery; every plan that matches counts.

        With `named`, only plans match that name it: `*` does not.
        """
        acting = None
        for plan in self._plans.values():
            if plan.kind == kind and (plan.target == name or (plan.target == "*" and not named)):
                plan.matched += 1
                if _hits(plan) and acting is None:
                    plan.hits += 1
                    acting = plan
        return acting

    def take_back(self, kind: str, name: str, acted: str | None) -> None:
        """A match did not come about after all: count it off again, and the hit of the plan that acted."""
        for plan in self._plans.values():
            if plan.kind == kind and plan.target in ("*", name):
                plan.matched -= 1
                plan.hits -= plan.id == acted


def _hits(plan: Plan) -> bool:
    """Whether a plan is to act on the match that was just counted."""
    drawn = plan.probability is None or _draw(plan.chance) < plan.probability
    spent = plan.times is not None and plan.hits >= plan.times
    return drawn and not spent and plan.nth in (None, plan.matched)


def _draw(chance: Chance) -> float:
    """A number from 0 to below 1."""
    return int.from_bytes(chance.bytes(_STREAM, 6)) / 2**48
