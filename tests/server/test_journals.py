"""How often what a server was asked is written to a store that survives: soon, and under load seldom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from wixture.mockserver import journals
from wixture.mockserver.app import Application
from wixture.mockserver.settings import Settings


class Hours:
    """A clock that stands still but for what a flush takes, and pauses that are only noted."""

    def __init__(self, flush_takes: float) -> None:
        self._flush_takes = flush_takes
        self.now = 0.0
        self.pauses: list[float] = []

    async def flush(self) -> None:
        self.now += self._flush_takes

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            raise asyncio.CancelledError


@pytest.mark.parametrize(("takes", "rests"), [(0.001, 0.2), (0.05, 0.5), (2.0, 5.0)])
def test_writing_takes_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: float, rests: float
) -> None:
    async def run() -> list[float]:
        app = Application(Settings(store=f"sqlite:{tmp_path / 'state.db'}"))
        hours = Hours(takes)
        monkeypatch.setattr(app.journals, "flush", hours.flush)
        with monkeypatch.context() as patch:
            patch.setattr(journals.time, "monotonic", lambda: hours.now)
            patch.setattr(journals.asyncio, "sleep", hours.sleep)
            with pytest.raises(asyncio.CancelledError):
                await app.journals._keep_writing()
        await app.store.close()
        return hours.pauses

    assert asyncio.run(run()) == pytest.approx([0.2, rests, rests])
