"""Alternatives (`anyOf`, `oneOf`) and conditions (`if`): compared part by part where the parts can be paired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wixture.contracts.changes.comparison import Comparison, Spot, at, target
from wixture.contracts.changes.kinds import CHOICES, kebab
from wixture.contracts.changes.views import View, same
from wixture.contracts.pointers import join

Deeper = Callable[[Comparison, Spot, Sequence[str], Sequence[str]], None]
"""Compares the schemas at old pointers with those at new ones."""


def compare_choices(run: Comparison, spot: Spot, old: View, new: View, *, deeper: Deeper) -> None:
    """Compare every `anyOf` and `oneOf`."""
    for keyword in CHOICES:
        olds, news = old.having(keyword), new.having(keyword)
        for before, after in zip(olds, news, strict=False):
            _alternatives(run, spot, before[0], after[0], deeper=deeper)
        for where, _ in olds[len(news) :]:
            run.tell_of(spot, f"{kebab(keyword)}-removed", f"is no longer held by `{keyword}`", old=where)
        for where, _ in news[len(olds) :]:
            run.tell_of(spot, f"{kebab(keyword)}-added", f"is held by `{keyword}` now", new=where)


def _alternatives(run: Comparison, spot: Spot, old: str, new: str, *, deeper: Deeper) -> None:
    pairs, gone, come = _paired(run, _members(run.old, old), _members(run.new, new))
    if gone and come:  # which became which cannot be told
        keyword = kebab(old.rpartition("/")[2])
        what = f"has {len(gone)} alternatives less and {len(come)} others"
        run.tell_of(spot, f"{keyword}-changed", what, old=old, new=new)
        return
    told = len(run.told)
    for here, there in pairs:
        deeper(run, spot, [here], [there])
    exclusive = old.endswith("/oneOf") and spot.side == "request"
    if exclusive and any(one.kind.startswith("request-") for one in list(run.told.values())[told:]):
        what = "has alternatives that changed, and a message may match only one of them"
        run.tell_of(spot, "alternative-overlap", what, old=old, new=new)
    for place in gone:
        run.tell_of(spot, "alternative-removed", "has one alternative less", old=place)
    for place in come:
        run.tell_of(spot, "alternative-added", "has one alternative more", new=place)


def _members(document: Any, pointer: str) -> list[str]:
    parent, _, keyword = pointer.rpartition("/")
    return [pointer + join(index) for index in range(len(at(document, parent)[keyword]))]


Paired = tuple[list[tuple[str, str]], list[str], list[str]]


def _paired(run: Comparison, olds: list[str], news: list[str]) -> Paired:
    """Alternatives that belong together: those that say the same, of one name, or alone on both sides."""
    pairs: list[tuple[str, str]] = []
    gone, come = list(olds), list(news)
    named = {place: target(run.new, place) or at(run.new, place).get("title") for place in news}
    for here in olds:
        twin = next((there for there in come if same(run.old, here, run.new, there)), None)
        _pair(pairs, gone, come, here, twin)
    for here in list(gone):
        name = target(run.old, here) or at(run.old, here).get("title")
        twin = next((there for there in come if name and named[there] == name), None)
        _pair(pairs, gone, come, here, twin)
    if len(gone) == len(come) == 1:
        _pair(pairs, gone, come, gone[0], come[0])
    return pairs, gone, come


def _pair(pairs: list[tuple[str, str]], gone: list[str], come: list[str], here: str, twin: str | None) -> None:
    if twin is not None:
        pairs.append((here, twin))
        gone.remove(here)
        come.remove(twin)


def compare_conditions(run: Comparison, spot: Spot, old: View, new: View, *, deeper: Deeper) -> None:
    """Compare what holds on a condition. Another condition is not judged."""
    olds = [pointer for pointer, part in old.parts if "if" in part]
    left = [pointer for pointer, part in new.parts if "if" in part]
    waiting = []
    for here in olds:
        asked = [there for there in left if same(run.old, here + "/if", run.new, there + "/if")]
        exact = [there for there in asked if _same_outcome(run, here, there)]
        if asked:
            twin = (exact or asked)[0]
            left.remove(twin)
            _outcomes(run, spot, here, twin, deeper=deeper)
        else:
            waiting.append(here)
    for here, there in zip(waiting, left, strict=False):
        what = "has rules that hold on another condition"
        run.tell_of(spot, "if-changed", what, old=here + "/if", new=there + "/if")
    for here in waiting[len(left) :]:
        run.tell_of(spot, "if-removed", "has a rule less that held on a condition", old=here + "/if")
    for there in left[len(waiting) :]:
        run.tell_of(spot, "if-added", "has a new rule that holds on a condition", new=there + "/if")
    for branch in ("/then", "/else"):
        for here in waiting:
            run.settle(old=here + branch)
        for there in left:
            run.settle(new=there + branch)


def _same_outcome(run: Comparison, here: str, there: str) -> bool:
    return all(same(run.old, here + branch, run.new, there + branch) for branch in ("/then", "/else"))


def _outcomes(run: Comparison, spot: Spot, here: str, there: str, *, deeper: Deeper) -> None:
    run.judge("old", here + "/if")
    run.judge("new", there + "/if")
    for branch in ("then", "else"):
        before = [here + join(branch)] if branch in at(run.old, here) else []
        after = [there + join(branch)] if branch in at(run.new, there) else []
        if before and after:
            deeper(run, spot, before, after)
        elif before:
            run.tell_of(spot, "if-removed", f"has no `{branch}` any more", old=before[0])
        elif after:
            run.tell_of(spot, "if-added", f"has `{branch}` now, on a condition", new=after[0])
