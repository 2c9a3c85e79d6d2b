"""A target that gives away what it was told: every credential, in every spelling, at every place of an answer."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from canaries import ENCODINGS

GIVEN: Mapping[str, str] = {
    "WIXTURE_APP_SECRET": 'canary0 & <app>-"secret"/with+signs=\'%41',
    "WIXTURE_APP_TOKEN": "OauthNG.JWS." + "eyJraWQiOiJjYW5hcnkx" * 9 + ".c2lnbmF0dXJl-_x",
    "WIXTURE_API_KEY": "IST.canary2-api.key/with+signs==",
    "WIXTURE_MEMBER_TOKEN": "OauthNG.JWS.canary3-member~token+x/y==",
    "WIXTURE_VISITOR_TOKEN": "OauthNG.JWS.canary8-visitor~token+x/y==",
    "WIXTURE_OTHER_APP_TOKEN": "ca9a4713-5ec4-4e7a-9cab-5ec4e7ab1e06",
    "WIXTURE_ADMIN_TOKEN": "canary7!admin-token",
}
"""The secrets that a run is given."""

ACCESS_TOKEN = "OauthNG.JWS.canary4-access~token.handed/out+=="
REFRESH_TOKEN = "JWS.canary5-refresh~token.handed/out+=="
ISSUED = (ACCESS_TOKEN, REFRESH_TOKEN)
"""The secrets that the target hands out."""

SITES = {
    "WIXTURE_APP_ID": "a0000000-0000-4000-8000-000000000001",
    "WIXTURE_INSTANCE_ID": "b0000000-0000-4000-8000-000000000001",
    "WIXTURE_SITE_ID": "b0000000-0000-4000-8000-000000000001",
    "WIXTURE_OTHER_INSTANCE_ID": "b0000000-0000-4000-8000-000000000002",
}
"""What goes with them and is no secret."""


class Hostile:
    """Decides each answer, from a random seed. `told` are the secrets that it has seen or given so far."""

    def __init__(self, random_seed: int, known: tuple[str, ...]) -> None:
        self._random = random.Random(random_seed)
        self.known = known
        self._lock = threading.Lock()
        self.calls = 0
        self.issued = False
        self.shapes: set[str] = set()
        self.encodings: set[str] = set()

    def answer(self, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of the next answer."""
        with self._lock:
            self.calls += 1
            if path.startswith("/oauth"):
                self.issued = True
                return 200, [("Content-Type", "application/json")], json.dumps(self._tokens()).encode()
            return self._echo(path)

    def _tokens(self) -> dict[str, Any]:
        return {
            "access_token": ACCESS_TOKEN,
            "refresh_token": REFRESH_TOKEN,
            "token_type": "Bearer",
            "expires_in": 14400,
            "scope": self._said(),
        }

    def _said(self) -> str:
        """One secret, or all, in some spelling."""
        name = self._random.choice(sorted(ENCODINGS))
        self.encodings.add(name)
        known = (*self.known, *(ISSUED if self.issued else ()))
        chosen = known if self._random.random() < 0.2 else (self._random.choice(known),)
        return " ".join(ENCODINGS[name](secret) for secret in chosen)

    def _echo(self, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
        shape = self._random.choice(sorted(SHAPES))
        if "get-by" in path and self._random.random() < 0.8:
            shape = "missing"  # so that there is somebody new to write to
        self.shapes.add(shape)
        status, headers, body = SHAPES[shape](self)
        return status, [("Set-Cookie", f"session={quote(self._said())}"), *headers], body

    # ---- the shapes of answers -----------------------------------------------------------------------

    def missing(self) -> Any:
        """An honest 404 whose text is not."""
        return 404, [_JSON], _error(self._said())

    def entity(self) -> Any:
        """A consent that says it."""
        return 200, [_JSON], json.dumps({"marketingConsent": self._consent()}).encode()

    def page(self) -> Any:
        """A page of them, whose cursor it is."""
        paging = {"count": 2, "cursors": {"next": self._said(), "prev": None}, "hasNext": True}
        found = [self._consent(), self._consent()]
        return 200, [_JSON], json.dumps({"marketingConsent": found, "pagingMetadata": paging}).encode()

    def names(self) -> Any:
        """A JSON object of which it is a name."""
        body = {self._said(): 1, "details": {self._said(): {"deep": [self._said()]}}}
        return 200, [_JSON], json.dumps(body).encode()

    def error(self) -> Any:
        """An error envelope."""
        return self._random.choice((400, 401, 403, 404, 409, 428)), [_JSON], _error(self._said())

    def broken_page(self) -> Any:
        """A 500 in HTML."""
        return 500, [("Content-Type", "text/html")], f"<html><pre>{self._said()}</pre>".encode()

    def garbage(self) -> Any:
        """Bytes that are no text, with it among them."""
        noise = self._random.randbytes(40)
        return 200, [_JSON], noise + self._said().encode() + noise

    def broken_json(self) -> Any:
        """JSON that ends too soon."""
        return 200, [_JSON], ('{"marketingConsent": {"id": "' + self._said()).encode()

    def header(self) -> Any:
        """A header of the API's own and one of no API's."""
        told = [("X-Wix-Request-Id", _one_line(self._said())), ("X-Echo", _one_line(self._said()))]
        return 200, [_JSON, *told], b"{}"

    def redirect(self) -> Any:
        """A redirect to somebody who wants to know."""
        where = f"https://evil.example/?token={quote(self._said())}"
        return 302, [("Location", where), _JSON], _error(self._said())

    def content_type(self) -> Any:
        """A content type that it is."""
        return 200, [("Content-Type", _one_line(self._said()))], b"{}"

    def wrong_types(self) -> Any:
        """A consent that breaks the contract wherever it can, and says it there."""
        odd = {"id": self._said(), "revision": self._said(), "state": self._said(), "createdDate": self._said()}
        odd |= {"details": {"type": self._said(), "email": self._said()}, self._said(): True}
        link = {"type": self._said(), "url": "https://evil.example/#" + self._said()}
        return 200, [_JSON], json.dumps({"marketingConsent": odd, "link": link}).encode()

    def channels(self) -> Any:
        """Followed channels, in the same way."""
        one = {"id": self._said(), "accountId": self._said(), "channel": self._said(), "createdDate": "now"}
        return 200, [_JSON], json.dumps({"followedChannels": [one], "followedChannel": one}).encode()

    def cut(self) -> Any:
        """All secrets, each without its end."""
        return 200, [_JSON], " ".join(secret[:24] for secret in self.known).encode()

    def _consent(self) -> dict[str, Any]:
        return {
            "id": "11111111-0000-4000-8000-000000000001",
            "revision": "1",
            "details": {"type": "EMAIL", "email": "stranger@example.com"},
            "state": "CONFIRMED",
            "lastConfirmationActivity": {"source": "FORM", "description": self._said()},
            "extendedFields": {"namespaces": {"@echo/one": {self._said(): self._said()}}},
            "createdDate": "2024-01-31T08:00:00.000Z",
            "updatedDate": "2024-01-31T08:00:00.000Z",
        }


_JSON = ("Content-Type", "application/json")

SHAPES = {
    name: getattr(Hostile, name)
    for name in (
        "missing entity page names error broken_page garbage broken_json header redirect content_type "
        "wrong_types channels cut"
    ).split()
}
"""Every shape that an answer can have."""


def _error(text: str) -> bytes:
    details = {"applicationError": {"code": "ECHO", "description": text, "data": {"echo": text, text: 1}}}
    return json.dumps({"message": text, "details": details}).encode()


def _one_line(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())


@contextmanager
def hostile(random_seed: int, known: tuple[str, ...]) -> Iterator[tuple[str, Hostile]]:
    """A running target that says what it knows, and its address."""
    app = Hostile(random_seed, known)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = app.answer(self.path)
            self.send_response(status)
            for name, said in headers:
                self.send_header(name, said)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = handle_any  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="hostile")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
