"""A visitor who gets the links of a site's answers and opens them, without a socket."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import CONSENTS, Api

from wixture.mockserver.messages import Request, Response

FORM = "application/x-www-form-urlencoded"
HOST = "127.0.0.1:8787"


@dataclass(frozen=True)
class Seen:
    """A page as the visitor sees it."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def html(self) -> str:
        return self.response.body.decode()

    @property
    def text(self) -> str:
        """What can be read, tags left out."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.html)).split())

    @property
    def title(self) -> str:
        found = re.search("<title>(.*)</title>", self.html)
        assert found is not None, self.html
        return html.unescape(found[1])

    @property
    def asks(self) -> bool:
        return "<form" in self.html

    @property
    def code(self) -> str:
        """The code of a refusal that is no page."""
        found = re.search('"code":"([A-Z_]+)"', self.html)
        assert found is not None, self.html
        return found[1]


class Visitor:
    """Opens links of a site, and clicks."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def send(self, method: str, url: str, *, body: bytes = b"", **headers: str) -> Seen:
        """Any request for a URL; a header's `_` stands for `-`."""
        parts = urlsplit(url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, parts.path, parts.query, {"host": HOST, **named}, body)
        return Seen(self.api.send(request).response)

    def open(self, url: str, **headers: str) -> Seen:
        return self.send("GET", url, **headers)

    def click(self, url: str, **headers: str) -> Seen:
        return self.send("POST", url, **{"content_type": FORM, **headers})

    def upsert(
        self,
        state: str = "PENDING",
        email: str = "ada@example.com",
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """The answer to an upsert, with its link; `headers` are sent instead of a token."""
        consent = {
            "details": {"type": "EMAIL", "email": email},
            "state": state,
            "lastConfirmationActivity": {"source": "FORM", "optInLevel": "DOUBLE_CONFIRMATION"},
            "lastRevokeActivity": {"source": "FORM"},
            **more,
        }
        identity = None if headers else "APP"
        body = {"marketingConsent": consent}
        answer = self.api.call("POST", CONSENTS + "/upsert", body, identity=identity, headers=headers)
        assert answer.status == 200, answer.json
        sent: dict[str, Any] = answer.json
        return sent

    def link(self, state: str = "PENDING", **more: Any) -> str:
        """The link of a new consent: of PENDING the confirmation link, of CONFIRMED the revoke link."""
        return str(self.upsert(state, **more)["link"]["url"])

    def link_in(self, language: str, email: str = "ada@example.com") -> str:
        """The revoke link of a consent in a language, as get-by gives it."""
        query = f"type=EMAIL&email={email.replace('@', '%40')}&linkLanguage={language}"
        answer = self.api.call("GET", CONSENTS + "/get-by", query=query)
        return str(answer.json["communicationEligibility"]["revokeConfirmationLink"])

    @property
    def consents(self) -> list[dict[str, Any]]:
        stored: list[dict[str, Any]] = self.api.state()["marketingConsents"]
        return stored

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.api.control("GET", "/webhooks/events").json["events"]
        return events


@pytest.fixture
def visitor(api: Api) -> Visitor:
    """A visitor of the default site."""
    return Visitor(api)


@pytest.fixture
def make_visitor(make_api: Callable[..., Api]) -> Callable[..., Visitor]:
    """A visitor of a server with some settings."""

    def make(**settings: Any) -> Visitor:
        return Visitor(make_api(**{"clock": "2024-01-31T08:00:00Z", "random_seed": 1, **settings}))

    return make
