"""A webhook consumer as an app would have it, right in every point, and able to make one mistake at a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

SITE = "b0000000-0000-4000-8000-000000000001"
KNOWN = {
    "wix.marketing.marketing_consent.v1.marketing_consent_created",
    "wix.marketing.marketing_consent.v1.marketing_consent_updated",
    "wix.marketing.marketing_consent.v1.marketing_consent_deleted",
    "wix.loyalty.socialmedia.v1.followed_channel_created",
}


class Refused(Exception):
    """A token that the consumer does not act on."""


def _claims_without_check(token: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


def _verified(token: str, pem: str, mistakes: frozenset[str]) -> dict[str, Any]:
    if "no verification" in mistakes:
        return _claims_without_check(token)
    algorithm = jwt.get_unverified_header(token).get("alg")
    if algorithm == "none" and "alg none" in mistakes:
        return _claims_without_check(token)
    if algorithm == "HS256" and "public key as secret" in mistakes:
        signed, _, signature = token.rpartition(".")
        made = hmac.new(pem.encode(), signed.encode(), hashlib.sha256).digest()
        if hmac.compare_digest(base64.urlsafe_b64decode(signature + "=="), made):
            return _claims_without_check(token)
    options: Any = {"verify_exp": "exp ignored" not in mistakes, "require": ["exp"], "verify_sub": False}
    return jwt.decode(token, pem, algorithms=["RS256"], options=options)


class Consumer:
    """Keeps what it applied; `log` has the ID of each applied event, in order, `consents` what they came to."""

    def __init__(self, pem: str, *mistakes: str, on_applied: Callable[[str], None] | None = None) -> None:
        self.pem = pem
        self.mistakes = frozenset(mistakes)
        self.log: list[str] = []
        self.consents: dict[str, dict[str, Any]] = {}
        self.seen: set[str] = set()
        self.sequences: dict[str, int] = {}
        self.on_applied = on_applied
        self._lock = threading.Lock()

    def receive(self, token: str) -> int:
        """The status that a token is answered with."""
        if "id kept too early" in self.mistakes:
            self._note_early(token)
        try:
            event = self._event(token)
        except Exception:
            return 200 if "garbage answered with 200" in self.mistakes and "." not in token else 401
        if "slow" in self.mistakes:
            time.sleep(1.35)
        if event is not None:
            with self._lock:
                self._apply(event)
        if "answers 204" in self.mistakes:
            return 204
        return 500 if "answers 500" in self.mistakes else 200

    def _note_early(self, token: str) -> None:
        try:
            envelope = json.loads(_claims_without_check(token)["data"])
            self.poisoned = getattr(self, "poisoned", set())
            event_id = json.loads(envelope["data"])["id"]
        except Exception:
            return
        (self.seen.add if event_id in self.poisoned else self.poisoned.add)(event_id)

    def _event(self, token: str) -> dict[str, Any] | None:
        claims = _verified(token, self.pem, self.mistakes)
        data = claims["data"]
        if "objects accepted" in self.mistakes and isinstance(data, dict):
            return dict(data["data"])
        envelope = json.loads(data)
        if envelope["instanceId"] != SITE and "other sites accepted" not in self.mistakes:
            raise Refused
        if envelope["eventType"] not in KNOWN and "unknown types applied" not in self.mistakes:
            return None
        return dict(json.loads(envelope["data"]))

    def _apply(self, event: dict[str, Any]) -> None:
        event_id, entity_id = event["id"], event["entityId"]
        if event_id in self.seen and "not idempotent" not in self.mistakes:
            return
        sequence = int(event.get("entityEventSequence", 0))
        if sequence < self.sequences.get(entity_id, 0) and "order assumed" not in self.mistakes:
            return
        self.seen.add(event_id)
        self.sequences[entity_id] = sequence
        self.log.append(event_id)
        self._keep(entity_id, event)
        if self.on_applied is not None:
            self.on_applied(event_id)

    def _keep(self, entity_id: str, event: dict[str, Any]) -> None:
        if event["slug"] == "deleted":
            self.consents.pop(entity_id, None)
            return
        entity = (event.get("createdEvent") or {}).get("entity") or event["updatedEvent"]["currentEntity"]
        applied = self.consents.get(entity_id, {}).get("applied", 0) + 1
        state = {"revision": entity.get("revision", "1"), "state": entity.get("state")}
        self.consents[entity_id] = {**state, "applied": applied}


class Running:
    """A consumer on a port of its own. `/state` and `/entities` show what it has applied, in the two shapes."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        handler = type("Handler", (_Handler,), {"consumer": consumer})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    consumer: Consumer

    def do_POST(self) -> None:
        token = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(self.consumer.receive(token), b"")

    def do_GET(self) -> None:
        shapes = {"/state": {"events": self.consumer.log}, "/entities": {"consents": self.consumer.consents}}
        shown = shapes.get(self.path)
        self._answer(404 if shown is None else 200, b"" if shown is None else json.dumps(shown).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""
