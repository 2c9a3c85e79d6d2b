"""When a failed delivery is tried again: on a frozen clock to the microsecond, on a fast one soon after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from wixture.mockserver.domain_events import Attempt
from wixture.mockserver.webhooks.schedule import WAITS, next_due

MINUTE, HOUR = 60, 3600
OFFSETS = [
    0, 1 * MINUTE, 11 * MINUTE, 1 * HOUR + 11 * MINUTE,
    3 * HOUR + 11 * MINUTE, 5 * HOUR + 11 * MINUTE, 7 * HOUR + 11 * MINUTE,
    11 * HOUR + 11 * MINUTE, 15 * HOUR + 11 * MINUTE, 19 * HOUR + 11 * MINUTE,
    27 * HOUR + 11 * MINUTE, 35 * HOUR + 11 * MINUTE, 47 * HOUR + 11 * MINUTE,
]  # fmt: skip
URL = "http://127.0.0.1:9/in"


@pytest.mark.rule("delivery-schedule")
def test_the_waits_add_up_to_47_hours_and_11_minutes() -> None:
    assert len(WAITS) == 12
    assert [sum(WAITS[:count]) for count in range(13)] == OFFSETS


@pytest.mark.rule("delivery-schedule")
def test_an_attempt_by_hand_moves_nothing_in_the_schedule() -> None:
    scheduled, by_hand = Attempt(0, "status", 500, 1), Attempt(0, "status", 500, 1, by_hand=True)
    assert next_due((scheduled, by_hand, by_hand), failed_at=0) == MINUTE * 1_000_000
    assert next_due((scheduled,) * 13, failed_at=0) is None


@pytest.mark.rule("delivery-schedule", "delivery-repeats-the-event")
def test_a_receiver_that_always_fails_gets_13_attempts_at_their_instants_and_then_none(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.api.create()
    started = time.perf_counter()
    site.advance(48 * HOUR)
    print(f"13 attempts over 48 h of the tenant's clock took {time.perf_counter() - started:.3f} s")  # noqa: T201  # for whoever asks
    assert site.since_start() == OFFSETS
    (delivery,) = site.deliveries()
    assert (delivery["status"], delivery["nextAttempt"]) == ("exhausted", None)
    assert [attempt["number"] for attempt in delivery["attempts"]] == list(range(1, 14))
    assert {attempt["reason"] for attempt in delivery["attempts"]} == {"status"}
    site.advance(30 * 24 * HOUR)
    assert len(site.inbox.taken) == 13


@pytest.mark.rule("delivery-schedule")
def test_steps_of_any_size_give_the_same_attempts_as_one_leap(make_site: Callable[..., Any]) -> None:
    seen = []
    for steps in ([48 * HOUR], [59.5, 0.5, 600, 3599, 1, 40 * HOUR, 0.001, 8 * HOUR]):
        site = make_site()
        site.inbox.answers[URL] = lambda _: "timeout"
        site.subscribe(URL)
        site.api.create()
        site.flush()
        for seconds in steps:
            site.advance(seconds)
        seen.append(site.since_start())
    assert seen[0] == seen[1] == OFFSETS


@pytest.mark.rule("delivery-schedule")
@pytest.mark.parametrize("heals", range(13))
def test_the_first_attempt_that_is_received_is_the_last_one(site: Any, heals: int) -> None:
    site.inbox.answers[URL] = lambda _: "received" if len(site.inbox.taken) > heals else "reset"
    site.subscribe(URL)
    site.api.create()
    site.advance(60 * HOUR)
    assert site.since_start() == OFFSETS[: heals + 1]
    (delivery,) = site.deliveries()
    assert (delivery["status"], delivery["nextAttempt"]) == ("received", None)


@pytest.mark.rule("delivery-repeats-the-event", "webhook-token-lifetime")
def test_every_attempt_has_the_same_event_in_the_same_bytes_and_its_own_date(
    make_site: Callable[..., Any],
) -> None:
    site = make_site(token_clock="virtual")
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    stored = site.api.create()
    site.api.call("DELETE", f"/marketing-consent/v1/marketing-consent/{stored['id']}")  # it says what happened
    site.advance(48 * HOUR)
    tokens = [taken.token for taken in site.inbox.taken]
    created = [token for token in tokens if token.event["slug"] == "created"]
    assert len(created) == 13
    assert len({token.claims["data"] for token in created}) == 1
    issued = [token.claims["iat"] for token in created]
    assert [moment - issued[0] for moment in issued] == OFFSETS
    assert {token.claims["exp"] - token.claims["iat"] for token in created} == {300_000}
    assert len({token.text.rpartition(".")[2] for token in created}) == 13


def test_two_runs_with_one_seed_one_key_and_virtual_tokens_send_the_same_bytes(
    make_site: Callable[..., Any],
) -> None:
    runs = []
    for _ in range(2):
        site = make_site(token_clock="virtual", random_seed=11)
        for number in range(3):
            site.inbox.answers[f"{URL}{number}"] = lambda taken: (
                "status" if taken.url.endswith("1") else "received"
            )
            site.subscribe(f"{URL}{number}")
        site.plan({"tamper": "expired"}, probability=0.3)
        for number in range(5):
            site.api.create(f"{number}@example.com")
            site.advance(45)
        site.advance(48 * HOUR)
        runs.append([[taken.token.text for taken in site.inbox.of(f"{URL}{number}")] for number in range(3)])
        runs.append(site.events())
        shown = site.deliveries()
        runs.append(shown)
    assert runs[:3] == runs[3:]
    assert [len(tokens) for tokens in runs[0]] == [5, 65, 5]


@pytest.mark.rule("delivery-schedule")
def test_at_a_thousandfold_speed_the_first_six_attempts_come_when_they_should(
    make_site: Callable[..., Any],
) -> None:
    speed = 1000
    site = make_site(clock="real", clock_speed=speed)
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.api.create()
    site.run(_sleep_until(lambda: len(site.inbox.taken) >= 6, 60))
    (delivery,) = site.deliveries()
    at = [taken.at / 1_000_000 for taken in site.inbox.taken[:6]]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    print("seconds of the tenant's clock between attempts:", [round(gap, 1) for gap in gaps])  # noqa: T201
    for gap, wait in zip(gaps, WAITS, strict=False):
        assert wait <= gap < wait + 2.0 * speed, "never early, and late by less than two real seconds"
    assert delivery["status"] == "pending"


async def _sleep_until(holds: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  # it looks from outside, as a client does
            await asyncio.sleep(0.005)
