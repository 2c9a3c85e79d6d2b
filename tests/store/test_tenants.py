"""Two tenants side by side: each gets exactly the answers it would get alone, to the last byte."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from databases import fresh_database
from generators import Maker, about, damaged

from wixture.mockserver.app import API_TAGS, Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.messages import Entity, Exchange
from wixture.mockserver.settings import Settings

STEPS = 120
SEEDS = range(4)


class History:
    """What one tenant's caller does, step by step: it follows from the seed and from the answers so far."""

    def __init__(self, app: Application, seed: int, name: str, runner: asyncio.Runner) -> None:
        self._app = app
        self._runner = runner
        self._rng = random.Random(f"{seed}/{name}")
        self._maker = Maker(app.contract, self._rng)
        self._known: dict[str, Entity] = {}
        self.instance_id = derived_id("history", name)
        self.tenant = app.tenants.get(self.instance_id)
        self.answers: list[tuple[int, Any, dict[str, str]]] = []
        tokens = [self._token("APP", app.settings.app_id)]
        self._tokens = {"Marketing Consent": tokens}
        self._tokens["Loyalty Social Media"] = [self._token("MEMBER", derived_id(f"member {n}")) for n in range(4)]

    def _token(self, identity: Any, subject_id: str) -> str:
        caller = self._app.oauth.caller(identity, self.instance_id, subject_id)
        return str(self._app.oauth.tokens_for(caller, 14_400)["access_token"])

    def step(self) -> None:
        """One request of any operation, or a change of the tenant's clock or switches."""
        chance = self._rng.random()
        if chance < 0.05:
            self.tenant.clock.advance(self._rng.choice((1, 0.001, 60)))
        elif chance < 0.08:
            self.tenant.channels = frozenset(self._rng.sample(["X", "TIKTOK", "FACEBOOK", "LINKEDIN"], 3))
        else:
            self._send()

    def _send(self) -> None:
        operation = self._rng.choice(self._app.contract.tagged(*API_TAGS))
        sent = self._maker.request(operation)
        if self._known and self._rng.random() < 0.6:
            sent = about(sent, self._rng.choice(list(self._known.values())), self._rng)
        if self._rng.random() < 0.2:
            sent = damaged(sent, self._rng)
        request = sent.to_request(self._rng.choice(self._tokens[operation.tags[0]]))
        response = self._runner.run(self._app.handle(request))
        answer = orjson.loads(response.body)
        self.answers.append((response.status, answer, dict(response.headers)))
        if response.status == 200:
            self._learn(answer)

    def _learn(self, answer: Any) -> None:
        consents = answer.get("marketingConsent", [])
        for consent in consents if isinstance(consents, list) else [consents]:
            self._known[consent["id"]] = consent

    @property
    def journal(self) -> list[Exchange]:
        """The tenant's exchanges, without how long they took."""
        return [dataclasses.replace(exchange, duration_us=0) for exchange in self.tenant.journal]

    @property
    def snapshot(self) -> Any:
        return self._runner.run(self._app.store.snapshot(self.instance_id))


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(params=["memory", "file", "postgresql"])
def new_app(request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner) -> Iterator[Any]:
    apps: list[Application] = []

    def start(consistency_ms: int) -> Application:
        stores = {
            "memory": lambda: "memory",
            "file": lambda: f"sqlite:{tmp_path / str(len(apps))}",
            "postgresql": fresh_database,
        }
        store = stores[request.param]()
        clock = "2024-05-01T12:00:00Z"
        settings = Settings(random_seed=11, clock=clock, consistency_ms=consistency_ms, store=store)
        apps.append(Application(settings))
        return apps[-1]

    yield start
    for app in apps:
        runner.run(app.store.close())


@pytest.mark.parametrize("consistency_ms", [0, 500], ids=["immediate", "eventual"])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_interleaved_histories_are_answered_as_each_alone(
    seed: int, consistency_ms: int, new_app: Any, runner: asyncio.Runner
) -> None:
    alone = [History(new_app(consistency_ms), seed, name, runner) for name in ("one", "two")]
    for history in alone:
        for _ in range(STEPS):
            history.step()

    both = new_app(consistency_ms)
    together = [History(both, seed, name, runner) for name in ("one", "two")]
    order = [history for history in together for _ in range(STEPS)]
    random.Random(seed).shuffle(order)
    for history in order:
        history.step()

    for one, other in zip(alone, together, strict=True):
        pairs = zip(one.answers, other.answers, strict=True)
        first = next((index for index, (mine, yours) in enumerate(pairs) if mine != yours), None)
        assert first is None, f"seed {seed}, answer {first}: {one.answers[first]} but {other.answers[first]}"
        assert one.snapshot == other.snapshot, f"seed {seed}"
        assert one.journal == other.journal, f"seed {seed}"
        assert one.snapshot["marketingConsents"], f"seed {seed}: nothing happened"
        assert len({status for status, _, _ in one.answers}) >= 4, f"seed {seed}: nothing happened"


def test_a_repeated_history_gets_the_same_link_tokens_and_ids(new_app: Any, runner: asyncio.Runner) -> None:
    histories = [History(new_app(0), 99, "one", runner) for _ in range(2)]
    for history in histories:
        for _ in range(STEPS):
            history.step()
    links = [[url for _, answer, _ in history.answers for url in _link_urls(answer)] for history in histories]
    assert links[0] == links[1]
    assert len(set(links[0])) == len(links[0]) >= 8, "no token is given twice"
    assert histories[0].answers == histories[1].answers


def _link_urls(answer: Any) -> list[str]:
    return [item["link"]["url"] for item in [answer, *answer.get("results", [])] if "link" in item]
