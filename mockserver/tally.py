"""What one process did since it started, in plain counts: nothing is made of them until somebody asks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

from wixture.contracts.violations import Violation
from wixture.mockserver.clock import wall_microseconds
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.store.store import Conflict, StorageUnavailable

DURATIONS = 63
"""Places of a row that count requests; the one after them is their duration in all, in microseconds."""


class Tally:
    """The counts of one server. Nothing in it tells tenants, addresses or people apart."""

    def __init__(self) -> None:
        self.started = wall_microseconds()
        self.requests: dict[tuple[str | None, int], list[int]] = {}
        """By operation and status. Place n of a row counts those below 2**n microseconds."""
        self.breached = 0
        """Exchanges that broke the contract."""
        self.rules: Counter[str] = Counter()
        """What they broke: each rule once for an exchange."""
        self.events: Counter[str] = Counter()
        self.commits: Counter[str] = Counter()
        self.failures: deque[tuple[str, Exception]] = deque(maxlen=16)
        """The newest failures of our own, each with its request's ID."""

    def note(
        self, operation_id: str | None, status: int, duration_us: int, violations: Sequence[Violation]
    ) -> None:
        """An exchange is over."""
        row = self.requests.get((operation_id, status))
        if row is None:
            row = self.requests[operation_id, status] = [0] * (DURATIONS + 1)
        row[duration_us.bit_length()] += 1
        row[-1] += duration_us
        if violations:
            self.breached += 1
            self.rules.update({found.rule for found in violations})

    def committed(self, events: Iterable[DomainEvent]) -> None:
        """Changes are written, with their events."""
        self.commits["written"] += 1
        for event in events:
            self.events[event.name] += 1

    def not_committed(self, error: BaseException) -> None:
        """Changes are not written."""
        taken, full = isinstance(error, Conflict), isinstance(error, StorageUnavailable)
        self.commits["conflict" if taken else "unavailable" if full else "failed"] += 1
