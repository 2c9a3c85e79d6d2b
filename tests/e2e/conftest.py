"""A browser, a mock on a socket, and a receiver that the mock tells: all that a visitor's click goes through."""

from __future__ import annotations

import base64
import json
import os
import queue
import re
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONSENTS = "/marketing-consent/v1/marketing-consent"
WAIT_SECONDS = 10


# Not for the whole session: while Playwright runs, its loop is the thread's, and no other test could run one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Where it is missing the tests skip, or fail where a browser is required."""
    if not CHROMIUM.exists():
        message = f"THE PAGES WERE NOT SEEN BY A BROWSER: there is no {CHROMIUM}. Install Debian's chromium."
        if "browser" in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
            pytest.fail(f"{message} WIXTURE_REQUIRE names browser, so this is a failure.", pytrace=False)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def browse(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens windows, each a new visitor's, with options such as `locale` or `color_scheme`.

    At the end nothing may have been complained about in a console, and nothing asked for but of the mock.
    """
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def window(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(WAIT_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        return page

    yield window
    for context in contexts:
        context.close()
    assert [text for text in complaints if "404 (Not Found)" not in text] == []
    assert [url for url in asked if not re.match(r"http://127\.0\.0\.1:\d+/_manage-consent/", url)] == []


class Receiver:
    """Takes events and keeps their bodies, decoded."""

    def __init__(self, url: str, arrived: queue.Queue[str]) -> None:
        self.url = url
        self._arrived = arrived

    def next(self) -> dict[str, Any]:
        """The next event: who caused it, and its third layer."""
        claims = _part(self._arrived.get(timeout=WAIT_SECONDS).split(".")[1])
        envelope = json.loads(claims["data"])
        return {
            "type": envelope["eventType"],
            "identity": json.loads(envelope["identity"]),
            **json.loads(envelope["data"]),
        }

    @property
    def is_quiet(self) -> bool:
        return self._arrived.empty()


def _part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP server of its own on loopback."""
    arrived: queue.Queue[str] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Receiver(f"http://127.0.0.1:{server.server_port}/events", arrived)
        server.shutdown()
        thread.join()


class Shop:
    """The app under test: it signs visitors up through the API, and has their links."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token = self.call("POST", "/_mock/tokens", {"identity": "APP"})["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": getattr(self, "_token", "")}
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:  # noqa: S310  # our own server
            return json.loads(answer.read())

    def sign_up(self, state: str = "PENDING", email: str = "ada@example.com") -> dict[str, Any]:
        """The answer to an upsert: the consent, and its link."""
        consent = {
            "details": {"type": "EMAIL", "email": email},
            "state": state,
            "lastConfirmationActivity": {"source": "FORM", "optInLevel": "DOUBLE_CONFIRMATION"},
            "lastRevokeActivity": {"source": "FORM"},
        }
        answer: dict[str, Any] = self.call("POST", CONSENTS + "/upsert", {"marketingConsent": consent})
        return answer

    def revoke_link(self, language: str) -> str:
        """The revoke link of ada@example.com in a language."""
        query = f"?type=EMAIL&email=ada%40example.com&linkLanguage={language}"
        eligibility = self.call("GET", f"{CONSENTS}/get-by{query}")["communicationEligibility"]
        return str(eligibility["revokeConfirmationLink"])

    def consent(self, consent_id: str) -> dict[str, Any]:
        consent: dict[str, Any] = self.call("GET", f"{CONSENTS}/{consent_id}")["marketingConsent"]
        return consent


@contextmanager
def _serving() -> Iterator[Shop]:
    mock = Mock()
    with BackgroundServer(mock, lifespan=mock.lifespan) as server:
        mock.app.public_url = server.url
        yield Shop(server.url)


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop beside a mock of its own."""
    with _serving() as shop:
        yield shop
