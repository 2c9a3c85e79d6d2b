"""Wall time for targets: how fast they are called, when to wait, when to stop. The one place of their time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

CALLS_A_MINUTE = 180
MOST_FAILURES = 5
MOST_WAITS = 5
DEFAULT_WAIT = 60.0
LONGEST_WAIT = 900.0

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Stopped(Exception):
    """The run may go on no longer. The text says why, and what can be done."""


class Stopwatch:
    """Milliseconds since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def ms(self) -> float:
        """Milliseconds so far."""
        return (time.perf_counter() - self._started) * 1000


def now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


def instant() -> str:
    """The time of this machine as an RFC 3339 text."""
    return now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_run_id() -> str:
    """A name for a run that no other has: 14 letters and digits, a date first."""
    return f"{now():%y%m%d}{''.join(random.SystemRandom().choices(_LETTERS, k=8))}"


class Pace:
    """Lets calls through one at a time: so many a minute, none in a 429's wait, none after five failures.

    On loopback neither the calls a minute nor the failures count; a 429 is obeyed there too.
    """

    def __init__(
        self,
        calls_a_minute: float | None = CALLS_A_MINUTE,
        most_calls: int | None = None,
        most_failures: int | None = MOST_FAILURES,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._between = 60 / calls_a_minute + 0.001 if calls_a_minute else 0.0
        self._most_calls = most_calls
        self._most_failures = most_failures
        self._sleep = sleep
        self._monotonic = monotonic
        self._next = 0.0
        self._failures = 0
        self._turn = threading.Lock()
        self.calls = 0
        self.waited = 0.0

    @property
    def is_spent(self) -> bool:
        """Whether all the calls were made that may be."""
        return self._most_calls is not None and self.calls >= self._most_calls

    def __enter__(self) -> Pace:
        """Wait for the turn of one call. Raises Stopped when no call is left."""
        self._turn.acquire()
        try:
            self._take_turn()
        except BaseException:
            self._turn.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._turn.release()

    def _take_turn(self) -> None:
        if self._most_failures and self._failures >= self._most_failures:
            raise Stopped(
                f"{self._failures} calls in a row had no answer or a 5xx. Look at the target before another run."
            )
        if self.is_spent:
            raise Stopped(f"The {self._most_calls:,} calls of --max-calls are spent. Give more, or ask for less.")
        wait = self._next - self._monotonic()
        if wait > 0:
            self.waited += wait
            self._sleep(wait)
        self._next = max(self._next, self._monotonic()) + self._between
        self.calls += 1

    def heard(self, status: int | None, retry_after: str | None = None) -> bool:
        """Take note of an answer, None for none; whether to make the call again, after the wait of a 429."""
        if status == 429:
            self._next = max(self._next, self._monotonic() + _seconds(retry_after))
            return True
        failed = status is None or status >= 500
        self._failures = self._failures + 1 if failed else 0
        return False

    def rest(self, seconds: float) -> None:
        """Wait before a read that is made again."""
        self._sleep(seconds)


def _seconds(retry_after: str | None) -> float:
    """The seconds that a Retry-After header asks for; a minute when it says nothing sensible."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), LONGEST_WAIT))
    try:
        asked = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return DEFAULT_WAIT
    aware = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
    return min(max((aware - now()).total_seconds(), 0.0), LONGEST_WAIT)
