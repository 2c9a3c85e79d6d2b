"""The whole mock: the APIs, the control API below /_mock, and the pages that visitors see."""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from wixture.contracts.rulebook import rules
from wixture.mockserver.app import Application
from wixture.mockserver.control import LARGE_BODIES, LARGE_BODY_LIMIT, PREFIX, Control
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.opening import Opened
from wixture.mockserver.pages.paths import BODY_LIMIT, page_of
from wixture.mockserver.refusals import Refusal, log_failure, to_response
from wixture.mockserver.seeding import load_launch_seed
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.store import RecordChanged, StorageUnavailable

if TYPE_CHECKING:
    from wixture.mockserver.pages.visits import Visits

log = logging.getLogger("wixture.mock")

STOP_SECONDS = 4.5
"""From `retire` on, for all that a stop does: the process is to end within five seconds."""
_SHARE_SECONDS = 0.2
"""What is left for each step of a stop, however long those before it took."""


class Part(Protocol):
    """What answers a part of the paths."""

    async def handle(self, request: Request) -> Response: ...


class Mock:
    """What a server serves. `seed`, a seed document, is the default tenant's at launch and after each reset."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        seed: dict[str, Any] | None = None,
        opened: Opened | None = None,
    ) -> None:
        """Opens the state that the settings name, unless one is opened already. Raises BadState or StateInUse."""
        self.app = app = Application(settings, seed=seed, opened=opened)
        if app.store.shared:
            app.tenants.on_emptied = app.dispatch.forget
            app.dispatch.share(app.store.sites, app.tenants, app.launch.generation)
        self._stopping = threading.Event()
        self._retired: float | None = None
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
        """Load the seed, or go on where a kept state stopped.

        Raises Refusal for a seed that breaks the contract or clashes with itself.
        """
        app = self.app
        await self.fill()
        if app.store.survives:
            app.journals.start()
            await app.dispatch.go_on(app.tenants)

    async def fill(self) -> None:
        """Load the seed into a state that is new, unless another server is the first to do so. Raises Refusal."""
        app = self.app
        if app.launch.is_filled:
            return
        tenant = app.tenants.get(app.settings.instance_id)
        await app.tenants.look(tenant)
        if tenant.version <= 0:
            with suppress(RecordChanged):
                await load_launch_seed(app, tenant)
        if app.store.survives:
            await app.store.sites.mark_filled()

    def retire(self) -> None:
        """Begin to stop, while the requests in flight are still being answered."""
        self._stopping.set()
        self._retired = asyncio.get_running_loop().time()
        self.app.dispatch.retire()

    async def stop(self) -> None:
        """Let go of the store, and of what is being warmed up; `undelivered` counts what was still on its way.

        Ends in time even where the store does not answer: what waits for that is given up then.
        """
        self._stopping.set()
        app, now = self.app, asyncio.get_running_loop().time
        end = (self._retired or now()) + STOP_SECONDS
        with suppress(StorageUnavailable, TimeoutError):  # it is let go of all the same
            async with asyncio.timeout_at(max(end - 2 * _SHARE_SECONDS, now() + _SHARE_SECONDS)):
                await app.dispatch.close()
        if not app.store.survives:
            self.undelivered = await app.dispatch.count_pending()
        try:
            async with asyncio.timeout_at(max(end - _SHARE_SECONDS, now() + _SHARE_SECONDS)):
                await app.journals.stop()
        except TimeoutError:
            log.warning("the last exchanges of the journal could not be written: the store does not answer")
        last = max(end, now() + _SHARE_SECONDS) if app.store.shared else None  # a file is always put away
        with suppress(TimeoutError):
            async with asyncio.timeout_at(last):
                await app.store.close()

    def warm_up(self) -> None:
        """Import and build, off the request's path, what only the first refusal or token would need.

        Runs on a thread of its own and ends early, between two steps, when the mock is stopped. It imports what
        requests import: two threads that enter a package by different modules can each see half of it.
        """
        steps: tuple[Callable[[], object], ...] = (
            lambda: importlib.import_module("jwt"),
            lambda: importlib.import_module("wixture.mockserver.jwe"),
            rules,
            lambda: self.app.validation.authority,
            lambda: self.control,
            lambda: self.app.dispatch.keyring.current,
            lambda: self.app.dispatch.load() if self.app.settings.webhooks else None,
        )
        for step in steps:
            if self._stopping.is_set():
                return
            try:
                step()
            except (RuntimeError, ImportError):  # an interpreter that ends lets some things be loaded no more
                if not self._stopping.is_set():
                    raise

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
