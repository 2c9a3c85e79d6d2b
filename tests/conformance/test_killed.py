"""A run that is killed at any write leaves nothing that `wixture cleanup` would not find; it touches nothing else.

With WIXTURE_EVERY_WRITE=1 runs are killed at every write, those of the clean-up too, before it and after it;
otherwise at every seventh of those moments.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.real_host import Running, failed, real_host
from conformance.strangers import strangers
from conformance.zygote import Commands, commands

from wixture.mockserver.messages import Response

EVERY = os.environ.get("WIXTURE_EVERY_WRITE") == "1"
WRITES = 92
"""The writes of a run, or a few more: a test says so when there are others."""

PLACES = [(number, side) for number in range(1, WRITES + 1) for side in ("before", "after")]
TAKEN = PLACES if EVERY else PLACES[::7]


@pytest.fixture(scope="module")
def wixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with commands(tmp_path_factory.mktemp("commands")) as running:
        yield running


def conform(wixture: Commands, host: Running, runs: Path, started=lambda _: None) -> int:  # type: ignore[no-untyped-def]
    arguments = ("conform", "--url", host.server.url, "--allow-writes", "--runs", str(runs), "--patience", "1")
    return wixture.run(*arguments, environment=host.environment(), started=started).code


def cleanup(wixture: Commands, host: Running, runs: Path, *, patience: str = "0.05") -> None:
    """Clean up after all runs. Each clean-up must go well."""
    for journal in sorted(runs.glob("*.ndjson")):
        arguments = ("cleanup", journal.stem, "--runs", str(runs), "--patience", patience)
        ended = wixture.run(*arguments, environment=host.environment())
        assert ended.code == 0, ended.output


class Killer:
    """Kills a process when a write is reached."""

    def __init__(self, host: Running, number: int, side: str) -> None:
        self._number = number
        self._process: int | None = None
        self._known = threading.Event()
        self.struck = False
        setattr(host.host, side, self._before if side == "before" else self._after)

    def started(self, process: int) -> None:
        self._process = process
        self._known.set()

    def _before(self, number: int) -> Response | None:
        return failed() if self._after(number) else None

    def _after(self, number: int) -> bool:
        if number == self._number:
            assert self._known.wait(10)
            assert self._process is not None
            os.kill(self._process, signal.SIGKILL)
            self.struck = True
        return number == self._number


@pytest.mark.parametrize(("number", "side"), TAKEN)
def test_a_killed_run_is_cleaned_up_and_nobody_else(
    wixture: Commands, tmp_path: Path, number: int, side: str
) -> None:
    with real_host() as host:
        host.seed(*strangers())
        before = host.consents()
        killer = Killer(host, number, side)
        code = conform(wixture, host, tmp_path, killer.started)
        host.host.before = host.host.after = None
        if killer.struck:
            assert code == -signal.SIGKILL
        cleanup(wixture, host, tmp_path)
        assert host.consents() == before
        assert list(tmp_path.iterdir()) == []


def test_a_run_makes_no_more_writes_than_are_killed_at(wixture: Commands, tmp_path: Path) -> None:
    with real_host() as host:
        host.seed(*strangers())
        before = host.consents()
        assert conform(wixture, host, tmp_path) == 0
        assert WRITES - 10 <= host.host.writes <= WRITES
        assert host.consents() == before
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "side"), [(2, "after"), (30, "after"), (60, "before")])
def test_a_killed_run_is_cleaned_up_where_reads_lag_behind(
    wixture: Commands, tmp_path: Path, number: int, side: str
) -> None:
    with real_host(consistency_ms=40) as host:
        host.seed(*strangers())
        before = host.consents()
        killer = Killer(host, number, side)
        conform(wixture, host, tmp_path, killer.started)
        host.host.before = host.host.after = None
        assert killer.struck
        cleanup(wixture, host, tmp_path, patience="0.3")
        assert host.consents() == before
        assert list(tmp_path.iterdir()) == []
