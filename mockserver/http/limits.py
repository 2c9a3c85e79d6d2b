"""What one client may ask of the server, in bytes, seconds and connections, and who has taken too long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds; a time runs out up to two sweeps (at most a second) late."""

    header_block: int = 8192
    """All header lines of one request together: 431 above."""
    header_count: int = 128
    """Header lines of one request: 431 above."""
    url: int = 8190
    """The request target: 414 above."""
    header_timeout: float = 10.0
    """From connecting, or a later request's first byte, to the end of its headers; for a TLS handshake."""
    body_timeout: float = 30.0
    """For one body to arrive, and for one answer to be taken."""
    slow_window: float = 10.0
    """How long a body or a reader may stay under `slow_rate`."""
    slow_rate: int = 1024
    """Bytes per second."""
    keepalive: float = 75.0
    """Between two requests."""
    linger: float = 2.0
    """How long the rest of a refused request is thrown away, so that the client can read the refusal."""
    max_connections: int = 1000
    """503 above; fewer where the process may not open so many files."""
    grace: float = 4.0
    """For the answers in flight once the server is told to stop."""

    def connection_cap(self) -> int:
        """`max_connections`, or what the process's open files leave room for."""
        try:
            import resource
        except ImportError:  # Windows has no such limit
            return self.max_connections
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if files == resource.RLIM_INFINITY:
            return self.max_connections
        # The store, the log and webhook deliveries need some too.
        return max(1, min(self.max_connections, files - min(files // 4, 128)))

    def sweep_interval(self) -> float:
        """How often connections are looked at: a fifth of the shortest time, at most half a second."""
        shortest = min(self.header_timeout, self.body_timeout, self.slow_window, self.keepalive, self.linger)
        return min(0.5, max(0.01, shortest / 5))


class Watch:
    """What the sweeps saw of one connection: its phase, since when, and its progress at the last mark."""

    __slots__ = ("_limits", "_marked", "_phase", "_progress", "_since")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._phase: tuple[str, int] | None = None
        self._since = 0.0
        self._marked = 0.0
        self._progress = 0

    def is_stalled(self, phase: tuple[str, int], progress: int | None, allowed: float, now: float) -> bool:
        """Whether `phase` has lasted `allowed` seconds, or its bytes came slower than the limits allow.

        `progress` counts bytes, None where there are none to wait for. Called once a sweep.
        """
        if self._phase != phase:
            self._phase, self._since = phase, now
            self._mark(now, progress)
            return False
        if now - self._since >= allowed:
            return True
        if progress is None or now - self._marked < self._limits.slow_window:
            return False
        crept = progress - self._progress < self._limits.slow_rate * self._limits.slow_window
        self._mark(now, progress)
        return crept

    def _mark(self, now: float, progress: int | None) -> None:
        self._marked, self._progress = now, progress or 0
