"""Whatever keeps the state, every scenario finds what the contract promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conformance.conforming import CHECKS, conformed
from databases import fresh_database

from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

STORES: dict[str, Callable[[Path], str]] = {
    "memory": lambda _: "memory",
    "file": lambda folder: f"sqlite:{folder / 'state.db'}",
    "postgresql": lambda _: fresh_database(),
}


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_no_check_finds_anything_whatever_keeps_the_state(store: Callable[[Path], str], tmp_path: Path) -> None:
    mock = Mock(Settings(store=store(tmp_path)))
    with BackgroundServer(mock, new_request_id=mock.new_request_id, lifespan=mock.lifespan) as server:
        outcome = conformed(server.url)
    assert outcome.findings == ()
    assert {result.check for result in outcome.results if result.outcome == "passed"} == CHECKS - {"retry-after"}
