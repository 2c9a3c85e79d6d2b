"""How many requests a site may send: 200 in any minute of its own clock."""

from __future__ import annotations

from collections import deque

from wixture.mockserver.refusals import Refusal

REQUESTS = 200
MINUTE_US = 60_000_000


class RateLimit:
    """The requests that one tenant had taken within the last minute: 'rate-limit'.

    The minute slides, so that a client which stays below this limit stays below one of fixed minutes too. What is
    refused does not count.
    """

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: deque[int] = deque(maxlen=REQUESTS)

    def count(self, now: int) -> None:
        """Take one more request, at an instant in microseconds. Raises Refusal 429 above the limit."""
        taken = self._taken
        if taken and now < taken[-1]:  # the clock was set back: nobody waits for a time that was taken back
            taken.clear()
        if len(taken) == REQUESTS:
            wait = taken[0] + MINUTE_US - now
            if wait > 0:
                raise exhausted(seconds=-(-wait // 1_000_000))
        taken.append(now)

    def clear(self) -> None:
        """Forget the requests so far."""
        self._taken.clear()


def exhausted(*, seconds: int) -> Refusal:
    """The refusal of a request above the limit; the next one is taken in so many seconds."""
    text = f"This site had its {REQUESTS} requests of the last minute. Send the next one in {seconds} s."
    headers = {"Retry-After": str(seconds)}
    return Refusal("RESOURCE_EXHAUSTED", text, rule="rate-limit", headers=headers)
