"""The pace of a target: how fast, how often, and when to stop. Its time is injected."""

from __future__ import annotations

import pytest

from wixture.contracts.targets.pace import Pace, Stopped


class Time:
    """A time that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, **more: object) -> Pace:
        return Pace(sleep=self.sleep, monotonic=lambda: self.now, **more)  # type: ignore[arg-type]


def called(pace: Pace, status: int | None = 200, retry_after: str | None = None) -> bool:
    with pace:
        return pace.heard(status, retry_after)


def test_no_minute_has_more_than_180_calls() -> None:
    time, at = Time(), []
    pace = time.pace()
    for _ in range(1000):
        called(pace)
        at.append(time.now)
    assert max(sum(start <= moment < start + 60 for moment in at) for start in at) <= 180


def test_a_call_that_takes_long_is_followed_at_once() -> None:
    time = Time()
    pace = time.pace()
    called(pace)
    time.now += 5
    called(pace)
    assert time.slept == []


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7), ("0", 0), (None, 60), ("soon", 60), ("-3", 60), ("99999999999", 900), ("", 60), ("١", 60)],
)
def test_a_429_is_waited_out(retry_after: str | None, seconds: float) -> None:
    time = Time()
    pace = time.pace(calls_a_minute=None)
    assert called(pace, 429, retry_after)
    started = time.now
    called(pace)
    assert time.now - started == pytest.approx(seconds)


def test_a_429_may_name_a_date() -> None:
    time = Time()
    pace = time.pace(calls_a_minute=None)
    called(pace, 429, "Wed, 21 Oct 2015 07:28:00 GMT")
    called(pace)
    assert time.slept == []


@pytest.mark.parametrize("status", [None, 500, 503])
def test_five_failures_in_a_row_stop_a_run(status: int | None) -> None:
    pace = Time().pace()
    for _ in range(5):
        called(pace, status)
    with pytest.raises(Stopped, match="5 calls in a row"):
        called(pace)
    assert pace.calls == 5


def test_an_answer_between_failures_lets_a_run_go_on() -> None:
    pace = Time().pace()
    for _ in range(10):
        called(pace, 500)
        called(pace, 404)
    assert pace.calls == 20


def test_the_budget_of_calls_is_kept() -> None:
    pace = Time().pace(most_calls=3)
    for _ in range(3):
        called(pace)
    with pytest.raises(Stopped, match="--max-calls"):
        called(pace)
    assert pace.calls == 3


def test_a_failed_turn_leaves_the_pace_free() -> None:
    pace = Time().pace(most_calls=1)
    called(pace)
    for _ in range(2):
        with pytest.raises(Stopped):
            called(pace)
