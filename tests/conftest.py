"""A client that talks to a mock in the same process, without a socket."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from wixture.mockserver.messages import Request, Response
from wixture.mockserver.mock import Mock
from wixture.mockserver.settings import Settings

pytest_plugins = ["pytester"]

CONSENTS = "/marketing-consent/v1/marketing-consent"
CHANNELS = "/loyalty-social-media/v1/followed-channels"
MEMBER = "d0000000-0000-4000-8000-000000000001"

os.environ["WIXTURE_RECHECK"] = "1"  # every server that a test starts checks every byte it sends, in any process


@dataclass(frozen=True)
class Answer:
    """A response with its JSON parsed."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def json(self) -> Any:
        return json.loads(self.response.body)

    @property
    def code(self) -> str:
        return str(self.json["details"]["applicationError"]["code"])

    @property
    def violations(self) -> dict[str, dict[str, Any]]:
        return {found["field"]: found for found in self.json["details"]["validationError"]["fieldViolations"]}


class Api:
    """Calls a mock as a client would; `tenant` is the site whose tokens it uses."""

    def __init__(self, mock: Mock, runner: asyncio.Runner, tenant: str) -> None:
        self.mock = mock
        self.tenant = tenant
        self._runner = runner
        self._tokens: dict[str, str] = {}

    def of(self, tenant: str) -> Api:
        """The same server, seen from another site."""
        return Api(self.mock, self._runner, tenant)

    def send(self, request: Request) -> Answer:
        return Answer(self._runner.run(self.mock.handle(request)))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        identity: str | None = "APP",
        query: str = "",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Send a request with a token of `identity`; `raw` is a body that is not to be encoded."""
        sent = {"host": "127.0.0.1:8787"}
        if identity is not None:
            sent["authorization"] = self.token(identity)
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if data:
            sent["content-type"] = "application/json"
        return self.send(Request(method, path, query, {**sent, **(headers or {})}, data))

    def control(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """A call of the control API about this site."""
        query = more.pop("query", f"instance={self.tenant}")
        return self.call(method, "/_mock" + path, body, identity=None, query=query, **more)

    def token(self, identity: str) -> str:
        if identity not in self._tokens:
            wanted = {"identity": identity} | ({"memberId": MEMBER} if identity == "MEMBER" else {})
            self._tokens[identity] = self.control("POST", "/tokens", wanted).json["access_token"]
        return self._tokens[identity]

    def create(self, email: str = "ada@example.com", **fields: Any) -> dict[str, Any]:
        """A confirmed consent, through the API."""
        consent = {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": {}, **fields}
        answer = self.call("POST", CONSENTS, {"marketingConsent": consent})
        assert answer.status == 200, answer.json
        stored: dict[str, Any] = answer.json["marketingConsent"]
        return stored

    def state(self) -> Any:
        return self.control("GET", "/state").json


@pytest.fixture
def make_api() -> Iterator[Callable[..., Api]]:
    """Makes mocks, each with settings of its own."""
    with asyncio.Runner() as runner:
        made: list[Mock] = []

        def make(*, seed: dict[str, Any] | None = None, **settings: Any) -> Api:
            mock = Mock(Settings(**settings), seed=seed)
            runner.run(mock.start())
            made.append(mock)
            return Api(mock, runner, mock.app.settings.instance_id)

        yield make
        for mock in made:
            runner.run(mock.stop())


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """A mock of its own, with the default settings and a frozen clock."""
    return make_api(clock="2024-01-31T08:00:00Z", random_seed=1)
