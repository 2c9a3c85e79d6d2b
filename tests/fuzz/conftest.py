"""Targets of fuzzing runs: mocks that are seen as a real site is, and record what reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fuzz.sites import Site, Targets


@pytest.fixture
def make_site() -> Iterator[Callable[..., Site]]:
    """Starts sites, and ends them after the test."""
    started: list[Site] = []

    def make(**options: object) -> Site:
        site = Site(**options)  # type: ignore[arg-type]
        site.start()
        started.append(site)
        return site

    yield make
    for site in started:
        site.stop()


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    """Opens targets with a folder of their own for journals."""
    return Targets(tmp_path / "runs")
