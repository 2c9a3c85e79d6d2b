"""A right consumer gets full marks; each mistake costs exactly the point that names it. Over real sockets."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from webhooks.consumer import SITE, Consumer, Running

from wixture.mockserver.clock import Chance, wall_seconds
from wixture.mockserver.mock_client import opener
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.webhooks.applied import BadState, read_applied
from wixture.mockserver.webhooks.cards import FORMS, Card
from wixture.mockserver.webhooks.destinations import Policy
from wixture.mockserver.webhooks.grade_run import PATIENCE_MS, Callbacks, SeenBefore, Show, graded, state_at
from wixture.mockserver.webhooks.grading import POINTS, judged
from wixture.mockserver.webhooks.post import Poster
from wixture.mockserver.webhooks.series import OwnMint, Sending, series
from wixture.mockserver.webhooks.signing import SigningKey, new_key
from wixture.mockserver.webhooks.tampering import KINDS

APP = "a0000000-0000-4000-8000-000000000001"
DATED = 1_706_688_000_000_000


@cache
def key() -> SigningKey:
    return new_key()


def _series(seed: int, now: int) -> list[Sending]:
    chance = Chance(seed, "grade")
    return series(OwnMint(key(), chance, instance_id=SITE, app_id=APP, now=now), chance, now=now)


def _grade(url: str, show: Show | None, *, seed: int = 1) -> Card:
    async def run() -> Card:
        poster = Poster(Policy(loopback=True), limit_ms=PATIENCE_MS)
        try:
            sendings = _series(seed, wall_seconds() * 1_000_000)
            evidence = await graded(sendings, url, poster, show, settle=0.3, on_sent=lambda _: None)
        finally:
            await poster.close()
        return Card(url, seed, judged(POINTS, evidence), evidence)

    return asyncio.run(run())


def _card(*mistakes: str, shape: str | None = "state") -> Card:
    """The card of a consumer with these mistakes."""
    with Running(Consumer(key().public_pem(), *mistakes)) as running:
        show = state_at(f"{running.url}/{shape}", opener()) if shape else None
        return _grade(f"{running.url}/webhooks", show)


def _with(card: Card, status: str) -> list[str]:
    return [one.point.id for one in card.points if one.mark.status == status]


SHAPES = pytest.mark.parametrize("shape", ["state", "entities"])


@SHAPES
def test_a_right_consumer_gets_full_marks(shape: str) -> None:
    card = _card(shape=shape)
    assert (card.earned, card.shown, card.total) == (100, 100, 100), FORMS["text"](card)


MISTAKES = {
    "no verification": "signature",
    "alg none": "alg-none",
    "public key as secret": "alg-hs256",
    "exp ignored": "expiry",
    "other sites accepted": "instance",
    "objects accepted": "object-envelope",
    "not idempotent": "idempotent",
    "order assumed": "order",
    "slow": "in-time",
    "answers 204": "accepts",
    "answers 500": "accepts",
    "id kept too early": "retry",
    "unknown types applied": "unknown-event",
    "garbage answered with 200": "wrong-content",
}


@SHAPES
@pytest.mark.parametrize(("mistake", "point"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_fails_exactly_the_point_that_names_it(mistake: str, point: str, shape: str) -> None:
    card = _card(mistake, shape=shape)
    assert card.failed == [point], FORMS["text"](card)
    assert _with(card, "not shown") == []


def test_every_point_has_a_mistake_that_fails_it() -> None:
    assert {point.id for point in POINTS} == set(MISTAKES.values())
    assert sum(point.weight for point in POINTS) == 100


def test_what_follows_from_another_failure_is_blocked_and_earns_nothing() -> None:
    card = _card("no verification")
    assert _with(card, "blocked") == ["alg-none", "alg-hs256", "expiry"]
    assert card.earned == 100 - 15 - 5 - 5 - 6


def test_what_the_consumer_does_not_show_is_neither_passed_nor_failed() -> None:
    card = _card(shape=None)
    assert card.failed == []
    assert _with(card, "not shown") == ["idempotent", "order", "retry", "unknown-event"]
    assert (card.earned, card.shown) == (68, 68)
    hidden = [one for one in card.points if one.mark.status == "not shown"]
    assert all("--state-url or --callback" in one.todo for one in hidden)


def test_a_consumer_that_refuses_everything_earns_nothing_by_it() -> None:
    with Running(Consumer(new_key().public_pem())) as running:
        card = _grade(running.url, None)
    assert card.failed == ["accepts"]
    assert card.earned == 10  # it is quick
    assert "does the consumer have the public key?" in card.points[0].mark.reason


def test_each_failure_says_why_and_what_to_do_next() -> None:
    (failed,) = [one for one in _card("order assumed").points if one.mark.status == "failed"]
    assert failed.mark.reason == "applied revision 2 after revision 3 and an update after the end"
    assert "entityEventSequence" in failed.todo


def test_a_consumer_may_call_back_instead() -> None:
    callbacks = Callbacks()
    with BackgroundServer(callbacks) as server:
        address = urlsplit(server.url)

        def post(event_id: str) -> None:
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
            connection.request("POST", "/", json.dumps({"id": event_id}))
            assert connection.getresponse().read() == b""
            connection.close()

        with Running(Consumer(key().public_pem(), "not idempotent", on_applied=post)) as running:
            card = _grade(running.url, callbacks.show)
    assert card.failed == ["idempotent"]
    assert (card.earned, card.shown) == (88, 100)


def test_a_series_that_the_consumer_has_seen_shows_nothing() -> None:
    with Running(Consumer(key().public_pem())) as running:
        show = state_at(f"{running.url}/state", opener())
        assert _grade(running.url, show, seed=4).earned == 100
        with pytest.raises(SeenBefore):
            _grade(running.url, show, seed=4)
        assert _grade(running.url, show, seed=5).earned == 100


@pytest.mark.parametrize("body", [b"", b"[]", b'{"applied": []}', b'{"events": [1]}', b'{"consents": {"a": 1}}'])
def test_a_state_in_another_shape_is_explained(body: bytes) -> None:
    with pytest.raises(BadState, match="Expected"):
        read_applied(body)


# ---- the series ----------------------------------------------------------------------------------


def test_a_random_seed_repeats_the_series_to_the_byte() -> None:
    first, again, other = (_series(seed, DATED) for seed in (7, 7, 8))
    assert [one.body for one in first] == [one.body for one in again]
    signed = [one.name for one, two in zip(first, other, strict=True) if one.body == two.body]
    assert signed == ["data-no-json", "garbage", "empty"]  # what has nothing of the random seed in it


def test_a_series_has_every_event_and_every_forgery() -> None:
    names = {one.name for one in _series(1, DATED)}
    assert set(KINDS) <= names
    kinds = {
        json.loads(json.loads(_claims(one)["data"])["data"])["slug"] for one in _series(1, DATED) if one.is_good
    }
    assert kinds == {"created", "updated", "deleted"}
    assert len(names) == len(_series(1, DATED))


def _claims(sending: Sending) -> Any:
    import jwt

    return jwt.decode(sending.body, options={"verify_signature": False})


# ---- the reports ---------------------------------------------------------------------------------


@cache
def _some_card() -> Card:
    with Running(Consumer(key().public_pem(), "no verification")) as running:
        return _grade(f"{running.url}/hook?token=s3cret", state_at(f"{running.url}/state", opener()))


@pytest.mark.parametrize("form", FORMS)
def test_no_report_shows_secrets_or_personal_data(form: str) -> None:
    text = FORMS[form](_some_card())
    assert "s3cret" not in text
    assert "@example.com" not in text
    assert "eyJ" not in text


@pytest.mark.parametrize("form", FORMS)
def test_every_report_names_each_point_and_the_random_seed_that_repeats_it(form: str) -> None:
    text = FORMS[form](_some_card())
    assert all(point.id in text for point in POINTS)
    if form != "junit":
        assert re.search(r"--random-seed 1\b|\"randomSeed\": 1\b", text)


def test_the_junit_report_counts_its_cases() -> None:
    suite = ET.fromstring(FORMS["junit"](_some_card())).find("testsuite")  # noqa: S314  # our own
    assert suite is not None
    counted = {"tests": "13", "failures": "1", "errors": "0", "skipped": "3"}
    assert {name: suite.get(name) for name in counted} == counted
    assert len(suite.findall("testcase")) == 13
    assert len(suite.findall("testcase/failure")) == 1
    assert len(suite.findall("testcase/skipped")) == 3


class _Page(HTMLParser):
    """Checks that what is opened is closed, and collects what a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_accessible_and_needs_no_network() -> None:
    page = _Page(FORMS["html"](_some_card()))
    tags = [tag for tag, _ in page.tags]
    assert page.open == []
    assert dict(page.tags)["html"]["lang"] == "en"
    assert {"title", "main", "h1"} <= set(tags)
    assert tags.count("caption") == tags.count("table") == 2
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert not any({"src", "href"} & set(attributes) for _, attributes in page.tags)


def test_what_a_report_quotes_is_escaped() -> None:
    card = _some_card()
    hostile = Card('http://127.0.0.1/<script>&"', 1, card.points, card.evidence)
    assert "<script>" not in FORMS["html"](hostile)
    ET.fromstring(FORMS["junit"](hostile))  # noqa: S314  # our own
