"""Servers under test; leaves no thread and no socket behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wixture.mockserver.server import BackgroundServer, Limits

from .rawhttp import Application, Running


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Start a server: `serve(respond=…, body_limit_bytes=…, any=Limits field)`."""
    running: list[Running] = []

    def start(**options: Any) -> Running:
        mine = {name: options.pop(name) for name in ("respond", "body_limit_bytes") if name in options}
        server_options = {name: options.pop(name) for name in ("ssl_context",) if name in options}
        app = Application(**mine)
        server = BackgroundServer(app, limits=Limits(**options), **server_options).start()
        running.append(Running(app, server))
        return running[-1]

    yield start
    for each in running:
        for client in each.clients:
            client.close()
        each.server.stop()


@pytest.fixture
def running(serve: Callable[..., Running]) -> Running:
    return serve()
