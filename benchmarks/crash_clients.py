"""Who asks and who is told in crash runs: writers with entities of their own, and a receiver of webhooks."""

from __future__ import annotations

import http.client
import http.server
import json
import random
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from benchmarks.plans import CONSENTS
from benchmarks.weather import event_id

GONE = (OSError, http.client.HTTPException, ValueError)
"""What a client meets when its server is killed."""


class Receiver:
    """Takes every webhook on a free port, and remembers which events came to which path."""

    def __init__(self) -> None:
        self.came: dict[str, Counter[str]] = defaultdict(Counter)
        came = self.came

        class Door(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                token = self.rfile.read(int(self.headers["content-length"]))
                came[self.path][event_id(token)] += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The tally says it all."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.token = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises one of GONE when the server is, RuntimeError for a refusal."""
        headers = {"Authorization": self.token, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {read[:300]!r}")
        return json.loads(read)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class Known:
    """One entity as its writer knows it. `in_doubt` says that a write of it was not answered."""

    revision: int = 0
    is_deleted: bool = False
    in_doubt: bool = False


class Writer(threading.Thread):
    """Creates, updates and deletes entities of its own until the server is gone."""

    def __init__(self, port: int, token: str, name: str, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._client = Client(port)
        self._client.token = token
        self._label = name
        self._rng = rng
        self.known: dict[str, Known] = {}
        self.acknowledged = 0
        self.failure: str | None = None

    def run(self) -> None:
        try:
            for number in range(self._rng.randint(1, 60)):
                self._one_life(f"{self._label}.{number}@example.com")
        except GONE:
            pass
        except RuntimeError as error:
            self.failure = str(error)
        finally:
            self._client.close()

    def _one_life(self, email: str) -> None:
        known = self.known[email] = Known(in_doubt=True)
        details = {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": {}}
        consent = self._client.ask("POST", CONSENTS, {"marketingConsent": details})["marketingConsent"]
        self._done(known, revision=1)
        for _ in range(self._rng.randrange(4)):
            known.in_doubt = True
            path = f"{CONSENTS}/{consent['id']}"
            consent = self._client.ask("PATCH", path, {"marketingConsent": consent})["marketingConsent"]
            self._done(known, revision=int(consent["revision"]))
        if self._rng.random() < 0.3:
            known.in_doubt = True
            self._client.ask("DELETE", f"{CONSENTS}/{consent['id']}")
            known.is_deleted = True
            self._done(known, revision=known.revision + 1)

    def _done(self, known: Known, *, revision: int) -> None:
        known.revision, known.in_doubt = revision, False
        self.acknowledged += 1
