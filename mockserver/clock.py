"""Time and chance, per tenant. The only file that reads the system's clock or its randomness.

Every tenant has its own clock and its own streams, so tests that share a server repeat exactly whatever the
others do: what a stream gives depends on the random seed, the tenant, the stream's purpose and how often it
was asked, and on nothing else.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import time
from collections.abc import Mapping
from typing import Any

from wixture.mockserver.instants import FIRST, LAST, from_text, to_text


def new_random_seed() -> int:
    """A random seed for a server that was given none."""
    return int.from_bytes(os.urandom(6), "big")


def entropy(size: int) -> bytes:
    """Bytes that nobody can guess, for keys."""
    return os.urandom(size)


def wall_time() -> datetime.datetime:
    """The wall clock, for what outside parties judge: certificates."""
    return datetime.datetime.now(datetime.UTC)


def wall_seconds() -> int:
    """The wall clock in seconds since 1970, for what outside parties judge: tokens."""
    return time.time_ns() // 1_000_000_000


def wall_microseconds() -> int:
    """The wall clock in microseconds since 1970."""
    return time.time_ns() // 1000


class Clock:
    """A tenant's time, in microseconds since 1970: the wall clock, shifted, or frozen at an instant.

    `speed` is how much faster than the wall clock it runs, from the moment it was made.
    """

    def __init__(self, start: str = "real", *, speed: float = 1.0, made: int | None = None) -> None:
        """`start` is `real`, or the instant at which the clock stands still; `made` the moment, when not now."""
        self._start = start
        self._made = wall_microseconds() if made is None else made
        self.speed = speed
        self.reset()

    def reset(self) -> None:
        """Back to how it was started."""
        self._shift = 0
        self._frozen = None if self._start == "real" else from_text(self._start)

    def moved(self) -> dict[str, int | None] | None:
        """What was done to it since it was started, as JSON; None for nothing."""
        untouched = self._frozen is None if self._start == "real" else self._frozen == from_text(self._start)
        return None if untouched and not self._shift else {"frozen": self._frozen, "shift": self._shift}

    def put_back(self, moved: Mapping[str, int | None] | None) -> None:
        """As it was when `moved` was asked."""
        self.reset()
        if moved is not None:
            self._frozen, self._shift = moved["frozen"], moved["shift"] or 0

    def now(self) -> int:
        """The time, in microseconds since 1970."""
        if self._frozen is not None:
            return self._frozen
        now = (time.time_ns() // 1000 if self.speed == 1 else self._running()) + self._shift
        return now if FIRST <= now <= LAST else max(FIRST, min(now, LAST))

    def _running(self) -> int:
        """Where the clock would be without a shift."""
        wall = time.time_ns() // 1000
        return wall if self.speed == 1 else self._made + round((wall - self._made) * self.speed)

    def now_text(self) -> str:
        """The time as the API writes dates."""
        return to_text(self.now())

    @property
    def frozen(self) -> bool:
        """Whether time stands still until it is advanced."""
        return self._frozen is not None

    def set(self, now: int, *, frozen: bool) -> None:
        """Jump to an instant, and stand still there or go on from there."""
        self._frozen = now if frozen else None
        self._shift = 0 if frozen else now - self._running()

    def after(self, seconds: float) -> int:
        """The instant some seconds from now. Raises ValueError beyond the year 9999."""
        instant = self.now() + round(seconds * 1_000_000)
        if instant > LAST:
            raise ValueError("the clock cannot go beyond the year 9999")
        return instant

    def move_to(self, instant: int) -> None:
        """Move on to an instant, frozen or running as before; one that has passed changes nothing."""
        if instant > self.now():
            self.set(instant, frozen=self.frozen)

    def advance(self, seconds: float) -> None:
        """Move on by some seconds. Raises ValueError beyond the year 9999."""
        self.move_to(self.after(seconds))

    def to_dict(self) -> dict[str, object]:
        """What the control API shows."""
        return {"now": self.now_text(), "frozen": self.frozen}


class Chance:
    """Streams of ids and bytes that follow from a random seed, a name and a generation, and can be rewound."""

    def __init__(self, random_seed: int, name: str, generation: int = 0) -> None:
        self._name = f"{random_seed}/{name}"
        self.reset(generation)

    def reset(self, generation: int | None = None) -> None:
        """Rewind every stream to its start; with a generation, to the start of the streams of that one."""
        if generation is not None:
            name = f"{self._name}/{generation}" if generation else self._name
            self._key = hashlib.blake2b(name.encode()).digest()
        self._asked: dict[str, int] = {}
        self._ready: dict[str, list[str]] = {}

    def mark(self) -> object:
        """Where every stream stands, for `rewind_to`."""
        return self._key, dict(self._asked), {purpose: list(ready) for purpose, ready in self._ready.items()}

    def rewind_to(self, mark: Any) -> None:
        """Let every stream go on from a mark, as if nothing had been drawn since."""
        self._key, self._asked, self._ready = mark

    def drawn(self, purpose: str) -> int:
        """How often a stream was asked for bytes."""
        return self._asked.get(purpose, 0)

    def skip(self, purpose: str, count: int) -> None:
        """Let a stream go on as if it had been asked so often."""
        self._asked[purpose] = count

    def bytes(self, purpose: str, size: int) -> bytes:
        """The next `size` bytes, at most 64, of the stream of that purpose."""
        count = self._asked.get(purpose, 0)
        self._asked[purpose] = count + 1
        return hashlib.blake2b(f"{purpose}/{count}".encode(), key=self._key, digest_size=size).digest()

    def new_id(self, purpose: str = "entity") -> str:
        """The next GUID for a purpose. Each has a stream of its own: a new visitor shifts no entity's ID."""
        ready = self._ready.get(purpose)
        if not ready:
            ready = self._ready[purpose] = []
            block = self.bytes(purpose, 64).hex()
            ready.extend(_guid(block[start : start + 32]) for start in (96, 64, 32, 0))
        return ready.pop()


def _guid(digits: str) -> str:
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def derived_id(*parts: str) -> str:
    """A GUID that follows from `parts` alone, the same on every server."""
    return _guid(hashlib.blake2b("/".join(parts).encode(), digest_size=16).hexdigest())
