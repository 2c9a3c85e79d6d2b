"""The whole mock: the APIs, the control API below /_mock, and the pages that visitors see."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from wixture.contracts.rulebook import rules
from wixture.mockserver.app import Application
from wixture.mockserver.control import LARGE_BODIES, LARGE_BODY_LIMIT, PREFIX, Control
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.pages.paths import BODY_LIMIT, page_of
from wixture.mockserver.refusals import Refusal, log_failure, to_response
from wixture.mockserver.seeding import load_launch_seed
from wixture.mockserver.settings import Settings

if TYPE_CHECKING:
    from wixture.mockserver.pages.visits import Visits

log = logging.getLogger("wixture.mock")


class Part(Protocol):
    """What answers a part of the paths."""

    async def handle(self, request: Request) -> Response: ...


class Mock:
    """What a server serves. `seed`, a seed document, is the default tenant's at launch and after each reset."""

    def __init__(self, settings: Settings | None = None, *, seed: dict[str, Any] | None = None) -> None:
        self.app = Application(settings, seed=seed)
        self._stopping = threading.Event()
        self.undelivered = 0

    @cached_property
    def control(self) -> Control:
        """The control API, loaded with its first call."""
        return Control(self.app)

    @cached_property
    def visits(self) -> Visits:
        """The pages behind links, loaded with the first visit."""
        from wixture.mockserver.pages.visits import Visits

        return Visits(self.app)

    def new_request_id(self) -> str:
        """The name of an exchange that no tenant has."""
        return self.app.tenants.outside.new_id("request")

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """What a server wraps around its sockets: the seed is loaded before, the store let go of after."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Load the seed. Raises Refusal for one that breaks the contract or clashes with itself."""
        await load_launch_seed(self.app, self.app.tenants.get(self.app.settings.instance_id))

    def retire(self) -> None:
        """Begin to stop, while the requests in flight are still being answered."""
        self._stopping.set()
        self.app.dispatch.retire()

    async def stop(self) -> None:
        """Let go of the store, and of what is being warmed up; `undelivered` counts what was still on its way."""
        self._stopping.set()
        self.undelivered = await self.app.dispatch.close()
        await self.app.store.close()

    def warm_up(self) -> None:
        """Import and build, off the request's path, what only the first refusal or token would need.

        Runs on a thread of its own and ends early, between two steps, when the mock is stopped.
        """
        steps: tuple[Callable[[], object], ...] = (
            lambda: importlib.import_module("jwt"),
            lambda: importlib.import_module("wixture.mockserver.jwe"),
            rules,
            lambda: importlib.import_module("openapi_core"),
            lambda: self.app.validation.authority,
            lambda: self.control,
            lambda: self.app.dispatch.keyring.current,
            lambda: self.app.dispatch.load() if self.app.settings.webhooks else None,
        )
        for step in steps:
            if self._stopping.is_set():
                return
            step()

    def handle(self, request: Request) -> Coroutine[Any, Any, Response]:
        """The answer to a request, when awaited. Never raises."""
        if _is_control(request.path):
            return self._answered_by(lambda: self.control, request)
        if page_of(request.path, self.app.public_url):
            return self._answered_by(lambda: self.visits, request)
        return self.app.handle(request)

    async def _answered_by(self, part: Callable[[], Part], request: Request) -> Response:
        try:
            return await part().handle(request)
        except Exception as failure:
            request_id = self.app.tenants.outside.new_id("request")
            log_failure(log, request_id, failure)
            text = "The mock failed; its log says where, under this answer's X-Wix-Request-Id."
            return to_response(Refusal("MOCK_BUG", text, headers={"X-Wix-Request-Id": request_id}))

    def body_limit(self, method: str, path: str) -> int:
        """How long a body may be, in bytes."""
        if (method, path) in LARGE_BODIES:
            return LARGE_BODY_LIMIT
        if page_of(path, self.app.public_url):
            return BODY_LIMIT
        return self.app.body_limit(method, path)


def _is_control(path: str) -> bool:
    return path == PREFIX or path.startswith(PREFIX + "/")
