"""Sites whose webhooks go to an inbox in this process, or to real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from conftest import Api
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from wixture.mockserver.instants import from_text
from wixture.mockserver.webhooks.post import Posted

START = "2024-01-31T08:00:00.000Z"
STATUS = {"received": 200, "status": 500, "redirect": 302, "too_long": 200}


@dataclass(frozen=True)
class Token:
    """A webhook token, every layer of it read without a look at the signature."""

    text: str

    @property
    def claims(self) -> dict[str, Any]:
        return jwt.decode(self.text, options={"verify_signature": False})

    @property
    def envelope(self) -> dict[str, Any]:
        return dict(json.loads(self.claims["data"]))

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.envelope["data"]))

    @property
    def identity(self) -> dict[str, Any]:
        return dict(json.loads(self.envelope["identity"]))


@dataclass(frozen=True)
class Taken:
    """One webhook that came in: where, when on the tenant's clock, and its token."""

    url: str
    at: int
    token: Token


Outcome = Callable[[Taken], str | Awaitable[str]]


@dataclass
class Inbox:
    """Takes webhooks in place of real HTTP; `answers` says by URL what becomes of each, `received` without it."""

    taken: list[Taken] = field(default_factory=list)
    answers: dict[str, Outcome] = field(default_factory=lambda: defaultdict(lambda: lambda _: "received"))
    now: Callable[[], int] = lambda: 0
    closed: bool = False

    async def post(self, url: str, body: bytes) -> Posted:
        taken = Taken(url, self.now(), Token(body.decode()))
        self.taken.append(taken)
        outcome = self.answers[url](taken)
        reason = outcome if isinstance(outcome, str) else await outcome
        return Posted(STATUS.get(reason), reason, 1, b"", reason)

    async def close(self) -> None:
        self.closed = True

    def of(self, url: str) -> list[Taken]:
        return [taken for taken in self.taken if taken.url == url]


class Site:
    """One tenant of a mock, and the inbox that its webhooks go to."""

    def __init__(self, api: Api, inbox: Inbox) -> None:
        self.api = api
        self.inbox = inbox

    def of(self, tenant: str) -> Site:
        return Site(self.api.of(tenant), self.inbox)

    @property
    def tenant(self) -> Any:
        return self.api.mock.app.tenants.get(self.api.tenant)

    def run(self, awaitable: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await awaitable

        return self.api._runner.run(wait())

    def until(self, holds: Callable[[], bool]) -> None:
        """Let the server's loop go on until something holds."""

        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline, "it does not come about"
            self.run(asyncio.sleep(0.002))

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.api.control(method, path, body, **more)
        assert answer.status == 200, answer.json
        return answer.json

    def subscribe(self, url: str = "http://127.0.0.1:9/in", event: str = "*") -> str:
        return str(self.ok("POST", "/webhooks/subscriptions", {"eventType": event, "url": url})["id"])

    def plan(self, do: dict[str, Any], *, event: str = "*", **on: Any) -> str:
        times = {"times": on.pop("times")} if "times" in on else {}
        return str(self.ok("POST", "/faults", {"on": {"event": event, **on}, "do": do, **times})["id"])

    def events(self) -> list[dict[str, Any]]:
        return list(self.ok("GET", "/webhooks/events")["events"])

    def deliveries(self, status: str | None = None) -> list[dict[str, Any]]:
        query = f"instance={self.api.tenant}" + (f"&status={status}" if status else "")
        return list(self.ok("GET", "/webhooks/deliveries", query=query)["deliveries"])

    def flush(self) -> int:
        return int(self.ok("POST", "/webhooks/flush")["attempts"])

    def advance(self, seconds: float) -> None:
        self.ok("POST", "/clock/advance", {"seconds": seconds})

    def set_clock(self, **clock: Any) -> None:
        self.ok("PUT", "/clock", clock)

    def since_start(self) -> list[float]:
        """When each webhook came in, in seconds after START on the tenant's clock."""
        return [(taken.at - from_text(START)) / 1_000_000 for taken in self.inbox.taken]

    def public_key(self) -> str:
        answer = self.api.call("GET", "/_mock/webhooks/public-key.pem", identity=None)
        return answer.response.body.decode()


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key to sign with, made once: making one takes a while."""
    path = tmp_path_factory.mktemp("key") / "key.pem"
    key = generate_private_key(65537, 2048)
    form, secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, secret))
    return path


@pytest.fixture
def make_site(make_api: Callable[..., Api], signing_key: Path) -> Callable[..., Site]:
    """Makes servers whose webhooks go to an inbox, each with settings of its own."""

    def make(**settings: Any) -> Site:
        chosen = {"clock": START, "random_seed": 1, "signing_key": signing_key, **settings}
        api = make_api(**chosen)
        app = api.mock.app
        inbox = Inbox(now=lambda: app.tenants.get(app.settings.instance_id).clock.now())
        app.dispatch.send_by(inbox)
        return Site(api, inbox)

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site of a server of its own, its clock frozen at START."""
    return make_site()


@pytest.fixture
def running(make_site: Callable[..., Site]) -> Iterator[Site]:
    """A site of a server of its own whose clock runs."""
    site = make_site(clock="real")
    yield site
    for tenant in site.api.mock.app.tenants.all():
        site.api.mock.app.dispatch.forget(tenant)
