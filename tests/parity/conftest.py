"""One contract, compiled once for every worker, and one mock that answers without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from wixture.contracts.validation import Validation
from wixture.mockserver.app import Application
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.settings import Settings


@pytest.fixture(scope="session")
def app() -> Application:
    """A mock with a frozen clock and a random seed; a test takes a tenant of its own."""
    return Application(Settings(random_seed=1, clock="2024-05-01T12:00:00Z"))


@pytest.fixture(scope="session")
def validation(app: Application) -> Validation:
    return app.validation


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def handle(app: Application, runner: asyncio.Runner) -> Callable[[Request], Response]:
    return lambda request: runner.run(app.handle(request))
