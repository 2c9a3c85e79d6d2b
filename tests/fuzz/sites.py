"""Sites that record every request, and what the mock behind them took it for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from wixture.contracts.fuzz.plan import Event
from wixture.contracts.fuzz.session import Options, Session
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.targets.address import Address
from wixture.contracts.targets.credentials import Credentials
from wixture.contracts.targets.pace import Pace
from wixture.contracts.targets.run_journal import RunJournal
from wixture.contracts.targets.safety import Permits
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import own_contract
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

CREDENTIALS = Credentials(
    app_id="a0000000-0000-4000-8000-000000000001",
    app_secret="wixture-app-secret",
    instance_id="b0000000-0000-4000-8000-000000000001",
    api_key="IST.wixture-api-key",
    site_id="b0000000-0000-4000-8000-000000000001",
)
CONTRACT = own_contract("openapi").contract
EVERYTHING = Permits(allow_writes=True, irreversible=frozenset({"createFollowedChannel"}))
Change = Callable[[Request, Response], Response]


def unchanged(_: Request, response: Response) -> Response:
    """An honest site."""
    return response


@dataclass
class Site:
    """A mock behind a socket. `has_control` lets its own API through; `change` makes answers deviate."""

    change: Change = unchanged
    has_control: bool = False
    sees: Callable[[Request], None] = lambda _: None
    seed: dict[str, Any] | None = None
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mock = Mock(Settings(random_seed=1, clock="2024-05-01T12:00:00Z"), seed=self.seed)
        self._server = BackgroundServer(self, lifespan=self.mock.lifespan)

    def body_limit(self, method: str, path: str) -> int:
        return self.mock.body_limit(method, path)

    async def handle(self, request: Request) -> Response:
        is_control = request.path.startswith("/_mock")
        if not is_control:
            self.requests.append(request)
            self.sees(request)
        if is_control and not self.has_control:
            return Response(404, b"{}")
        response = await self.mock.handle(request)
        return response if is_control else self.change(request, response)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def port(self) -> int:
        return self._server.port

    def state(self) -> Any:
        """Everything that the site has stored."""
        self.has_control, before = True, self.has_control
        try:
            with urlopen(f"{self.url}/_mock/state") as answer:  # noqa: S310  # our own server
                return json.load(answer)
        finally:
            self.has_control = before

    def operations(self) -> list[str | None]:
        """What the mock took each request for: its operation's ID, None where it is none."""
        routes = self.mock.app.routes
        found = [routes.find(request.method, request.path) for request in self.requests]
        return [match.operation.operation_id if match else None for match in found]

    def side_effects(self) -> set[str]:
        """The classes of everything that reached it as an operation."""
        return {CONTRACT.operations[name].side_effects or "" for name in self.operations() if name}


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def monotonic(self) -> float:
        return self.now


@dataclass
class Targets:
    """Opens targets of which the run believes that they are on another host."""

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def elsewhere(self, site: Site, permits: Permits | None = None, **pace: Any) -> Target:
        """A site at shop.example.com, dialled here; time costs nothing."""
        return self._target(Address("http", "shop.example.com", 80, "", ("127.0.0.1", site.port)), permits, pace)

    def mock(self, site: Site, permits: Permits = EVERYTHING) -> Target:
        """A mock on loopback."""
        address = Address("http", "127.0.0.1", site.port, "", ("127.0.0.1", site.port))
        return self._target(address, permits, {"calls_a_minute": None, "most_failures": None}, is_mock=True)

    def _target(
        self, address: Address, permits: Permits | None, pace: dict[str, Any], *, is_mock: bool = False
    ) -> Target:
        timed = Pace(sleep=self.clock.sleep, monotonic=self.clock.monotonic, **pace)
        journal = RunJournal(self.folder, "260101abcdefgh", address)
        return Target(
            address,
            CONTRACT,
            journal,
            credentials=CREDENTIALS,
            permits=permits,
            pace=timed,
            is_mock=is_mock,
        )


@dataclass
class Ran:
    """A run that is over, its session and its events."""

    session: Session
    events: list[Event]
    run: RedactedRun

    @property
    def errors(self) -> dict[str, str]:
        return {finding.check: finding.message for finding in self.run.findings if finding.severity == "error"}


def ran(target: Target, **options: Any) -> Ran:
    """Runs the fuzzer to its end; few cases unless the options say otherwise."""
    session = Session(target, replace(Options(random_seed=7, max_examples=10), **options))
    events = list(session.events())
    return Ran(session, events, session.run())


def bodies(requests: list[Request]) -> Iterator[bytes]:
    """The bodies of requests that had one."""
    return (request.body for request in requests if request.body)
