"""The judge of histories accepts those that can be explained and no others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from .linearizable import Read, Write, problems

GOOD: dict[str, Sequence[Write | Read]] = {
    "nothing": (),
    "one after the other": (Write(0, 1, 1, 2), Read(2, 3, 2), Write(4, 5, 2, 3), Read(6, 7, 3)),
    "answered in the other order": (Write(0, 9, 1, 2), Write(1, 5, 2, 3)),
    "a refusal beside the write that won": (Write(0, 5, 1, 2), Write(1, 4, 1, None)),
    "a read beside the write, before it": (Write(0, 5, 1, 2), Read(1, 4, 1)),
    "a read beside the write, after it": (Write(0, 5, 1, 2), Read(1, 4, 2)),
    "a refusal of what is not there yet": (Write(0, 1, 7, None),),
}
BAD: dict[str, tuple[Sequence[Write | Read], str]] = {
    "a gap": ((Write(0, 1, 1, 2), Write(2, 3, 3, 4)), "not one after the other"),
    "one revision made twice": ((Write(0, 5, 1, 2), Write(1, 4, 1, 2)), "not one after the other"),
    "a leap": ((Write(0, 1, 1, 2), Write(2, 3, 1, 3)), "1 became 3"),
    "a later write that was over before": ((Write(5, 6, 1, 2), Write(0, 1, 2, 3)), "revision 2 fits in nowhere"),
    "an old revision read": ((Write(0, 1, 1, 2), Read(2, 3, 1)), "revision 2 fits in nowhere"),
    "a revision read too early": ((Write(4, 5, 1, 2), Read(0, 1, 2)), "revision 2 fits in nowhere"),
    "two reads that went back": ((Write(0, 9, 1, 2), Read(1, 2, 2), Read(3, 4, 1)), "revision 2 fits in nowhere"),
    "a revision that nobody made": ((Read(0, 1, 9),), "nobody made it"),
    "a refusal before its reason": (
        (Write(0, 1, 1, None), Write(2, 3, 1, 2)),
        "revision 2 fits in nowhere",
    ),
    "a refusal without any reason": ((Write(0, 1, 1, None),), "no other was ever made"),
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_a_history_that_an_order_explains_is_accepted(history: Sequence[Write | Read]) -> None:
    assert problems(history, first=1) == []


@pytest.mark.parametrize(("history", "why"), BAD.values(), ids=BAD)
def test_a_history_that_no_order_explains_is_told_of(history: Sequence[Write | Read], why: str) -> None:
    assert any(why in told for told in problems(history, first=1)), problems(history, first=1)
