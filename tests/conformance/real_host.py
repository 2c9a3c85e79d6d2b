"""A stand-in for the real host: TLS under its name, no control API, every call recorded with what it may do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock as patching

from conformance.proxy import MEMBER, saying

from wixture.mockserver.certificates import authority_path, server_context
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.mock import Mock
from wixture.mockserver.refusals import Refusal, to_response
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

NAME = "www.wixapis.com"


@dataclass(frozen=True)
class Recorded:
    """One call that reached the host: `side_effects` is the contract's word, None for what no operation is."""

    method: str
    path: str
    operation_id: str | None
    side_effects: str | None
    headers: dict[str, str]
    body: bytes
    at: float
    status: int


Step = Callable[[int, Request], Response | None]
"""Answers a call in the mock's stead, by its number from one; None lets the mock answer."""


@dataclass
class RealHost:
    """The host's application. `step` may answer in its stead; `before` and `after` are told each write by number.

    What `before` answers is answered, and nothing written. `most_at_once` is how many calls were ever in
    flight together.
    """

    mock: Mock
    calls: list[Recorded] = field(default_factory=list)
    step: Step | None = None
    before: Callable[[int], Response | None] | None = None
    after: Callable[[int], None] | None = None
    writes: int = 0
    most_at_once: int = 0
    _in_flight: int = 0

    async def handle(self, request: Request) -> Response:
        """The answer, recorded."""
        self._in_flight += 1
        self.most_at_once = max(self.most_at_once, self._in_flight)
        try:
            response = await self._answer(request)
        finally:
            self._in_flight -= 1
        return response

    async def _answer(self, request: Request) -> Response:
        found = self.mock.app.routes.find(request.method, request.path)
        operation = found.operation if found else None
        effects = operation.side_effects if operation else None
        number, at = len(self.calls) + 1, time.monotonic()
        self.calls.append(
            Recorded(
                request.method,
                request.path,
                operation.operation_id if operation else None,
                effects,
                dict(request.headers),
                request.body,
                at,
                0,
            )
        )
        writes = effects not in (None, "none")
        self.writes += writes
        refused = self.before(self.writes) if writes and self.before is not None else None
        response = refused or await self._said(number, request)
        self.calls[number - 1] = replace(self.calls[number - 1], status=response.status)
        if writes and self.after is not None:
            self.after(self.writes)
        return response

    async def _said(self, number: int, request: Request) -> Response:
        planned = self.step(number, request) if self.step is not None else None
        if planned is not None:
            return planned
        if request.path.startswith("/_"):
            return to_response(Refusal("NOT_FOUND", "There is nothing here."))
        return await self.mock.handle(request)

    def body_limit(self, method: str, path: str) -> int:
        """The mock's own."""
        return self.mock.body_limit(method, path)

    @property
    def not_reads(self) -> list[Recorded]:
        """The calls that may have changed something, and those that no operation is."""
        return [call for call in self.calls if call.side_effects != "none"]


@dataclass
class Running:
    """A host that runs, and how it is reached."""

    host: RealHost
    server: BackgroundServer
    certificate: Path | None

    @property
    def connect_to(self) -> str:
        """What --connect-to is given."""
        return f"127.0.0.1:{self.server.port}"

    @property
    def settings(self) -> Settings:
        """What the site was set up with."""
        return self.host.mock.app.settings

    def state(self, instance_id: str | None = None) -> dict[str, Any]:
        """Everything that a site holds."""
        store = self.host.mock.app.store
        return self.server.run(_dict(store.snapshot(instance_id or self.settings.instance_id)))

    def consents(self, instance_id: str | None = None) -> dict[str, bytes]:
        """A site's consents by ID, each as its bytes."""
        found = self.state(instance_id)["marketingConsents"]
        return {one["id"]: json.dumps(one).encode() for one in found}

    def control(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        """A call of the mock's control API, which nobody else reaches."""
        headers = {"host": "127.0.0.1", "content-type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        response = self.server.run(self.host.mock.handle(Request(method, "/_mock" + path, query, headers, data)))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def token(self, identity: str = "APP", instance_id: str | None = None, **more: Any) -> str:
        """A good access token."""
        wanted = {"identity": identity, **more}
        if identity == "MEMBER":
            wanted.setdefault("memberId", MEMBER)
        if instance_id:
            wanted["instanceId"] = instance_id
        return str(self.control("POST", "/tokens", wanted)["access_token"])

    def seed(self, *consents: dict[str, Any]) -> None:
        """Store consents that are there before a run."""
        self.control("POST", "/seed", {"marketingConsents": list(consents)})

    def environment(self) -> dict[str, str]:
        """The variables by which a run may call it: the app's own credentials, and a member's token."""
        return {
            "WIXTURE_APP_ID": self.settings.app_id,
            "WIXTURE_APP_SECRET": self.settings.app_secret,
            "WIXTURE_INSTANCE_ID": self.settings.instance_id,
            "WIXTURE_MEMBER_TOKEN": self.token("MEMBER"),
        }


async def _dict(snapshot: Any) -> dict[str, Any]:
    return dict(await snapshot)


@contextmanager
def real_host(folder: Path | None = None, **settings: Any) -> Iterator[Running]:
    """A running host: under its own name by TLS where a folder for its authority is given, else on loopback."""
    host = RealHost(Mock(Settings(**{"random_seed": 1, "public_url": "https://site.example", **settings})))
    context = certificate = None
    if folder is not None:
        with patching.patch.dict(os.environ, {"WIXTURE_HOME": str(folder)}):
            context, certificate = server_context(None, None, host=NAME), authority_path()
    server = BackgroundServer(
        host, new_request_id=host.mock.new_request_id, lifespan=host.mock.lifespan, ssl_context=context
    )
    with server:
        yield Running(host, server, certificate)


def too_many(retry_after: str | None = "1") -> Response:
    """The answer 429."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return to_response(Refusal("RESOURCE_EXHAUSTED", "Too many requests.", headers=headers))


def failed(status: int = 503) -> Response:
    """An answer of the 500s."""
    refusal = to_response(Refusal("NOT_FOUND", "Planted."))
    return saying(refusal, {"message": "Planted."}, status=status)
