"""Sites on a real socket: a client that sends bytes itself, tokens, and the control API."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.http.rawhttp import Answer, Client

from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

UPSERT = "/marketing-consent/v1/marketing-consent/upsert"
ADA = "ada@example.com"


def consent(email: str = ADA, **fields: Any) -> dict[str, Any]:
    """The body of an upsert."""
    details = {"type": "EMAIL", "email": email}
    activity = {"source": "FORM", "optInLevel": "SINGLE_CONFIRMATION"}
    sent = {"details": details, "state": "CONFIRMED", "lastConfirmationActivity": activity, **fields}
    return {"marketingConsent": sent}


class Site:
    """One tenant of a running server, from outside."""

    def __init__(
        self, server: BackgroundServer, tenant: str, *, wrap: Callable[..., Any] = lambda raw: raw
    ) -> None:
        self.server = server
        self.port = server.port
        self.tenant = tenant
        self._wrap = wrap
        self._clients: list[Client] = []
        self.token: str = self.control("POST", "/tokens", {"identity": "APP"})["access_token"]

    def of(self, tenant: str) -> Site:
        """Another tenant of the same server."""
        other = Site(self.server, tenant, wrap=self._wrap)
        other._clients = self._clients
        return other

    def connect(self) -> Client:
        self._clients.append(Client(self.port, wrap=self._wrap))
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def request(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> bytes:
        """The bytes of a request with this site's token."""
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: {token or self.token}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}", "", ""]
        return "\r\n".join(lines).encode() + data

    def upsert(self, email: str = ADA) -> bytes:
        return self.request("POST", UPSERT, consent(email))

    def ask(self, data: bytes) -> Answer:
        """The answer on a connection of its own."""
        client = Client(self.port, wrap=self._wrap)
        try:
            return client.ask(data)
        finally:
            client.close()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"/_mock{path}?instance={self.tenant}"
        answer = self.ask(self.request(method, url, body, token="none"))
        assert answer.status == 200, answer.body
        return answer.json

    def plan(self, do: dict[str, Any], **on: Any) -> str:
        """Post a plan, on every operation unless told otherwise; its ID."""
        times = {"times": on.pop("times")} if "times" in on else {}
        plan = {"on": on or {"operation": "*"}, "do": do, **times}
        return str(self.control("POST", "/faults", plan)["id"])

    def counts(self) -> list[tuple[int, int]]:
        """How often each plan matched, and how often it acted."""
        return [(plan["matched"], plan["hits"]) for plan in self.control("GET", "/faults")["faults"]]

    def stored(self) -> list[str]:
        """The addresses of the consents that are stored."""
        return [entity["details"]["email"] for entity in self.control("GET", "/state")["marketingConsents"]]

    def exchanges(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "/exchanges")["exchanges"])


Start = Callable[..., Site]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mocks of their own: `start(any=setting)`; over TLS with `server_tls` and `client_tls`."""
    sites: list[Site] = []
    servers: list[BackgroundServer] = []

    def begin(
        server_tls: ssl.SSLContext | None = None, client_tls: ssl.SSLContext | None = None, **settings: Any
    ) -> Site:
        mock = Mock(Settings(**settings))
        servers.append(BackgroundServer(mock, ssl_context=server_tls, lifespan=mock.lifespan).start())
        wrap = (lambda raw: client_tls.wrap_socket(raw, server_hostname="localhost")) if client_tls else None
        more = {"wrap": wrap} if wrap else {}
        sites.append(Site(servers[-1], mock.app.settings.instance_id, **more))
        return sites[-1]

    yield begin
    for site in sites:
        site.close()
    for server in servers:
        server.stop()


@pytest.fixture
def site(start: Start) -> Site:
    return start(random_seed=1)
