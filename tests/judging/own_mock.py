"""Exchanges with a mock, as checks of exchanges get them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from itertools import islice

import orjson
from generators import Maker, Sent, about, damaged

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.findings import Exchanged
from wixture.mockserver.app import API_TAGS, Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.messages import Entity, Request, Response
from wixture.mockserver.settings import Settings


def exchanged(request: Request, response: Response) -> Exchanged:
    """A request and its answer as somebody sees them who stands between."""
    query = f"?{request.query_string}" if request.query_string else ""
    return Exchanged(
        method=request.method,
        url=f"https://www.wixapis.com{request.path}{query}",
        status=response.status,
        request_headers=request.headers,
        request_body=_body(request.body),
        response_headers={**response.headers, "Content-Type": response.content_type},
        response_body=_body(response.body),
        duration_ms=1.5,
    )


def _body(data: bytes) -> object:
    if not data:
        return None
    try:
        return parse_json(data)
    except BadJson:
        return data.decode("utf-8", "replace")


class Traffic:
    """Generated requests to one mock, and what it answered."""

    def __init__(self, runner: asyncio.Runner, seed: int, **settings: object) -> None:
        self.app = Application(Settings(random_seed=seed, clock="2024-05-01T12:00:00Z", **settings))  # type: ignore[arg-type]
        self._runner = runner
        self._rng = random.Random(seed)
        self._known: dict[str, Entity] = {}

    def exchanges(self, count: int, *, valid: float = 0.7) -> Iterator[tuple[str, Exchanged]]:
        """That many exchanges, each with the identity that called; this share of the requests is right."""
        yield from islice(self._endless(valid), count)

    def _endless(self, valid: float) -> Iterator[tuple[str, Exchanged]]:
        maker = Maker(self.app.contract, self._rng)
        while True:
            for operation in self.app.contract.tagged(*API_TAGS):
                sent = maker.request(operation)
                sent = sent if self._rng.random() < valid else damaged(sent, self._rng)
                if self._known and sent.text is None and self._rng.random() < 0.7:
                    sent = about(sent, self._rng.choice(list(self._known.values())), self._rng)
                identity = "APP" if "Marketing Consent" in operation.tags else "MEMBER"
                yield identity, self._exchange(sent, identity)

    def _exchange(self, sent: Sent, identity: str) -> Exchanged:
        instance_id = self.app.settings.instance_id
        subject = derived_id("member", instance_id, str(self._rng.randrange(30)))
        caller = self.app.oauth.caller(
            identity, instance_id, self.app.settings.app_id if identity == "APP" else subject
        )  # type: ignore[arg-type]
        request = sent.to_request(str(self.app.oauth.tokens_for(caller, 14_400)["access_token"]))
        response = self._runner.run(self.app.handle(request))
        if response.status == 200:
            self._learn(orjson.loads(response.body))
        return exchanged(request, response)

    def _learn(self, answer: dict[str, object]) -> None:
        consents = answer.get("marketingConsent", [])
        for consent in consents if isinstance(consents, list) else [consents]:
            if isinstance(consent, dict) and "details" in consent and "createdDate" in consent:
                self._known[consent["id"]] = consent
