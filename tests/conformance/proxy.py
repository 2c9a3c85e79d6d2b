"""A target that deviates: our mock on a socket of its own, with one thing planted between it and its caller."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from wixture.mockserver.messages import JSON_TYPE, REQUEST_ID, Request, Response
from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

MEMBER = "d0000000-0000-4000-8000-000000000001"


@dataclass
class Asked:
    """One request on its way to the mock, with what a plant needs to know of it.

    `memory` is the plant's own and lives as long as the target.
    """

    request: Request
    mock: Mock
    memory: dict[str, Any]
    operation: str | None = None
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> Any:
        """The body as JSON, new each time; None where it is none."""
        try:
            return json.loads(self.request.body)
        except ValueError:
            return None

    @property
    def query(self) -> dict[str, str]:
        """The query string's parameters."""
        return dict(parse_qsl(self.request.query_string, keep_blank_values=True))

    async def answer(self, request: Request | None = None) -> Response:
        """What the mock says to this request, or to another."""
        return await self.mock.handle(request or self.request)

    def with_body(self, body: Any) -> Request:
        """The same request with another body."""
        headers = {"content-type": JSON_TYPE, **self.request.headers}
        return replace(self.request, body=json.dumps(body).encode(), headers=headers)

    def with_query(self, query: Mapping[str, str]) -> Request:
        """The same request with another query string."""
        return replace(self.request, query_string=urlencode(query))

    def with_headers(self, **headers: str) -> Request:
        """The same request with more headers, an underscore for a dash."""
        named = {name.replace("_", "-"): said for name, said in headers.items()}
        return replace(self.request, headers={**self.request.headers, **named})

    async def call(self, method: str, path: str, body: Any = None, *, query: str = "") -> Response:
        """Another call by the same caller."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = {**self.request.headers, "content-type": JSON_TYPE}
        return await self.mock.handle(Request(method, path, query, headers, data))

    async def token(self, identity: str, instance_id: str | None = None) -> str:
        """A good access token."""
        wanted: dict[str, str] = {"identity": identity}
        if identity == "MEMBER":
            wanted["memberId"] = MEMBER
        if instance_id is not None:
            wanted["instanceId"] = instance_id
        headers = {"host": "127.0.0.1", "content-type": JSON_TYPE}
        made = await self.mock.handle(Request("POST", "/_mock/tokens", "", headers, json.dumps(wanted).encode()))
        return str(json.loads(made.body)["access_token"])

    @property
    def instance_id(self) -> str:
        """The caller's site; the default one where nobody is calling."""
        named = self.mock.app.auth.tenant_named_by(self.request)
        return named or self.mock.app.settings.instance_id

    async def stored(self, instance_id: str | None = None) -> list[dict[str, Any]]:
        """All consents of a site, the caller's when none is named."""
        snapshot = await self.mock.app.store.snapshot(instance_id or self.instance_id)
        return list(snapshot["marketingConsents"])


Plant = Callable[[Asked], Awaitable[Response]]
"""What stands between a caller and the mock."""


async def honest(asked: Asked) -> Response:
    """Nothing is planted."""
    return await asked.answer()


class Deviating:
    """The mock behind a plant, as a server's application. The control API is not deviated from but by name."""

    def __init__(self, mock: Mock, plant: Plant) -> None:
        self.mock = mock
        self._plant = plant
        self._memory: dict[str, Any] = {}
        self.failures: list[Exception] = []

    async def handle(self, request: Request) -> Response:
        """The planted answer."""
        match = self.mock.app.routes.find(request.method, request.path)
        asked = Asked(request, self.mock, self._memory)
        if match is not None:
            asked.operation, asked.path = match.operation.operation_id, match.path_parameters
        try:
            return await self._plant(asked)
        except Exception as failure:
            self.failures.append(failure)
            raise

    def body_limit(self, method: str, path: str) -> int:
        """The mock's own."""
        return self.mock.body_limit(method, path)


@contextmanager
def deviating(plant: Plant = honest, **settings: Any) -> Iterator[BackgroundServer]:
    """A running target with one thing planted. Raises what the plant itself failed with, if anything."""
    mock = Mock(Settings(**{"random_seed": 1, **settings}))
    app = Deviating(mock, plant)
    server = BackgroundServer(app, new_request_id=mock.new_request_id, lifespan=mock.lifespan)
    with server:
        mock.app.public_url = server.url
        yield server
    if app.failures:
        raise app.failures[0]


# ---- answers -------------------------------------------------------------------------------------


def parsed(response: Response) -> Any:
    """The JSON of an answer, new each time; None where it is none."""
    try:
        return json.loads(response.body)
    except ValueError:
        return None


def saying(response: Response, body: Any, *, status: int | None = None) -> Response:
    """An answer with another body, and maybe another status."""
    return replace(response, body=json.dumps(body).encode(), status=status or response.status)


def envelope(response: Response, status: int, code: str, text: str = "Planted.") -> Response:
    """A refusal in the APIs' own form."""
    error = {"applicationError": {"code": code, "description": text, "data": {}}}
    return saying(response, {"message": text, "details": error}, status=status)


def without_header(response: Response, name: str = REQUEST_ID) -> Response:
    """An answer that lacks a header."""
    return replace(response, headers={key: said for key, said in response.headers.items() if key != name})


def consents_in(body: Any) -> Iterator[dict[str, Any]]:
    """Every consent in an answer."""
    if not isinstance(body, dict):
        return
    for part in (body, *body.get("results", ())):
        found = part.get("marketingConsent")
        yield from found if isinstance(found, list) else [found] if isinstance(found, dict) else []


def broken_rules(response: Response) -> list[tuple[str, str]]:
    """Which rules a refusal names, each with the pointer to where it was broken."""
    details = (parsed(response) or {}).get("details", {}) if response.status >= 400 else {}
    found = details.get("validationError", {}).get("fieldViolations", [])
    rules = [(one["data"]["rule"], one["data"].get("pointer", "")) for one in found]
    named = details.get("applicationError", {}).get("data", {}).get("rule")
    return [*rules, *([(named, "")] if named else [])]


def refused_with(response: Response) -> str | None:
    """The code of a refusal; INVALID_ARGUMENT for one that lists violations."""
    if response.status < 400:
        return None
    details = (parsed(response) or {}).get("details", {})
    return "INVALID_ARGUMENT" if "validationError" in details else details["applicationError"]["code"]
