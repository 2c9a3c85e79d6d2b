"""On a running clock a receiver that is dead, slow or broken delays no other and never the API."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from conftest import CONSENTS

from wixture.mockserver.messages import Request
from wixture.mockserver.webhooks.delivery import MOST_CAUSED
from wixture.mockserver.webhooks.schedule import MOST_ATTEMPTS
from wixture.mockserver.webhooks.tokens import TokenMaker

START = "2024-01-31T08:00:00.000Z"

DEAD = "http://127.0.0.1:9/dead"
WELL = "http://127.0.0.1:9/well"


def test_a_hundred_receivers_that_never_answer_do_not_hold_up_a_healthy_one(running: Any) -> None:
    never = asyncio.Event()

    async def silent(_: Any) -> str:
        await never.wait()
        return "timeout"

    for number in range(99):
        running.inbox.answers[f"{DEAD}{number}"] = silent
        running.subscribe(f"{DEAD}{number}")
    running.subscribe(WELL)
    for number in range(5):
        running.api.create(f"{number}@example.com")
    running.until(lambda: len(running.inbox.of(WELL)) == 5)
    assert len(running.inbox.taken) == 99 + 5, "each silent one holds its own lane"


async def _cause_another(site: Any) -> str:
    """A receiver that creates a consent for each that it is told of."""
    consent = {"details": {"type": "EMAIL", "email": f"{len(site.inbox.taken)}@b.example"}}
    body = json.dumps({"marketingConsent": {**consent, "lastConfirmationActivity": {}}}).encode()
    headers = {
        "host": "127.0.0.1:8787",
        "authorization": site.api.token("APP"),
        "content-type": "application/json",
    }
    answer = await site.api.mock.handle(Request("POST", CONSENTS, "", headers, body))
    assert answer.status == 200
    return "received"


def test_a_receiver_that_causes_an_event_by_each_it_gets_does_not_hold_up_a_flush_for_ever(site: Any) -> None:
    site.inbox.answers[WELL] = lambda _: _cause_another(site)
    site.api.token("APP")
    site.subscribe(WELL)
    site.api.create()
    flushed = site.ok("POST", "/webhooks/flush")
    assert flushed == {"attempts": MOST_ATTEMPTS + MOST_CAUSED, "more": True}
    assert len(site.deliveries("pending")) == 1

    refused = site.api.control("POST", "/clock/advance", {"seconds": 60})
    assert (refused.status, refused.code) == (409, "MOCK_CONFLICT")
    assert (
        "The clock stands at 2024-01-31T08:00:00.000Z: a receiver causes an event by each"
        in refused.json["message"]
    )
    assert site.ok("GET", "/clock")["now"] == START

    del site.inbox.answers[WELL]
    site.advance(60)
    assert site.deliveries("pending") == []
    assert site.ok("GET", "/clock")["now"] == "2024-01-31T08:01:00.000Z"


def test_an_advance_runs_every_attempt_of_what_was_on_its_way_however_many(site: Any) -> None:
    site.inbox.answers[DEAD] = lambda _: "refused"
    site.subscribe(DEAD)
    for number in range(100):
        site.api.create(f"{number}@example.com")
    site.advance(48 * 3600)
    assert len(site.inbox.taken) == 100 * MOST_ATTEMPTS > MOST_CAUSED
    assert len(site.deliveries("exhausted")) == 100


def test_receivers_that_failed_last_leave_slots_to_the_others(make_site: Callable[..., Any]) -> None:
    """Far more dead receivers than there are slots, of several tenants, and still one goes through."""
    site = make_site(clock="real")
    never = asyncio.Event()
    failing = {"first": True}

    async def silent(_: Any) -> str:
        if failing["first"]:
            return "timeout"
        await never.wait()
        return "timeout"

    others = [site.of(f"e0000000-0000-4000-8000-{number:012d}") for number in range(3)]
    for other in others:
        for number in range(100):
            site.inbox.answers[f"{DEAD}{number}"] = silent
            other.subscribe(f"{DEAD}{number}")
        other.api.create()
    site.until(lambda: len(site.inbox.taken) == 300)
    failing["first"] = False
    for other in others:
        other.set_clock(now="2038-01-19T03:14:08Z", frozen=False)
    site.run(asyncio.sleep(0.3))
    site.subscribe(WELL)
    site.api.create()
    site.until(lambda: len(site.inbox.of(WELL)) == 1)
    for other in others:
        site.api.mock.app.dispatch.forget(other.tenant)


def test_a_delivery_that_cannot_be_made_is_a_failed_attempt_and_does_not_stop_those_behind_it(
    running: Any, monkeypatch: Any
) -> None:
    right = TokenMaker.make

    def make(self: Any, order: Any) -> bytes:
        if b"broken@example.com" in order.event.body:
            raise ValueError("this one cannot be signed")
        return right(self, order)

    monkeypatch.setattr(TokenMaker, "make", make)
    running.subscribe(WELL)
    running.api.create("broken@example.com")
    running.api.create("fine@example.com")
    running.until(lambda: len(running.inbox.taken) == 1)
    first, second = running.deliveries()
    assert (first["status"], first["attempts"][0]["reason"], second["status"]) == ("pending", "failed", "received")


def test_tokens_are_signed_off_the_loop(running: Any, monkeypatch: Any) -> None:
    threads = []
    right = TokenMaker.make

    def make(self: Any, order: Any) -> bytes:
        threads.append(threading.current_thread())
        return right(self, order)

    monkeypatch.setattr(TokenMaker, "make", make)
    running.subscribe(WELL)
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 1)
    assert threads
    assert threading.main_thread() not in threads


def test_the_api_answers_while_a_receiver_keeps_the_server_waiting(running: Any) -> None:
    asked = []

    async def answer(_: Any) -> str:
        asked.append(time.perf_counter())
        await asyncio.sleep(30)
        return "timeout"

    running.inbox.answers[DEAD] = answer
    running.subscribe(DEAD)
    running.api.create()
    running.until(lambda: len(asked) == 1)
    for number in range(50):
        running.api.create(f"{number}@example.com")
    assert len(running.inbox.taken) == 1
    assert len(running.deliveries("pending")) == 51


def test_receivers_that_refuse_at_once_are_not_asked_without_end(running: Any) -> None:
    """Fifty of them and fifty events: they fail so fast that, unchecked, nothing else would get a turn."""
    for number in range(50):
        running.inbox.answers[f"{DEAD}{number}"] = lambda _: "refused"
        running.subscribe(f"{DEAD}{number}")
    running.subscribe(WELL)
    for number in range(50):
        running.api.create(f"{number}@example.com")
    running.until(lambda: len(running.inbox.of(WELL)) == 50)
    assert len(running.inbox.taken) < 50 * 50, "the healthy one is done long before the others are through"


def test_all_receivers_of_an_event_get_one_token_within_a_second(site: Any, monkeypatch: Any) -> None:
    made = []
    right = TokenMaker._signed

    def signed(self: Any, *arguments: Any) -> bytes:
        made.append(1)
        return right(self, *arguments)

    monkeypatch.setattr(TokenMaker, "_signed", signed)
    monkeypatch.setattr("wixture.mockserver.webhooks.delivery.wall_seconds", lambda: 1_700_000_000)
    for number in range(40):
        site.subscribe(f"{WELL}{number}")
    site.api.create()
    assert site.flush() == 40
    assert len({taken.token.text for taken in site.inbox.taken}) == 1
    assert len(made) < 20, "as many as there are threads, at most"


def test_an_event_of_the_same_id_after_a_reset_gets_a_token_of_its_own(site: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("wixture.mockserver.webhooks.delivery.wall_seconds", lambda: 1_700_000_000)
    for email in ("ada@example.com", "bob@example.com"):
        site.subscribe(WELL)
        site.api.create(email)
        site.flush()
        site.ok("POST", "/reset")
    first, second = (taken.token.event for taken in site.inbox.taken)
    assert first["id"] == second["id"]
    assert second["createdEvent"]["entity"]["details"]["email"] == "bob@example.com"


def test_a_receiver_that_two_subscriptions_name_gets_both_deliveries_in_one_lane(running: Any) -> None:
    running.subscribe(WELL)
    running.subscribe(WELL, "marketing_consent_created")
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 2)
    assert len({delivery["subscriptionId"] for delivery in running.deliveries()}) == 2


def test_no_task_is_left_once_everything_is_delivered(running: Any) -> None:
    running.subscribe(WELL)
    running.api.create()
    running.until(lambda: {delivery["status"] for delivery in running.deliveries()} == {"received"})

    async def names() -> list[str]:
        await asyncio.sleep(0.02)
        return [task.get_name() for task in asyncio.all_tasks()]

    assert [name for name in running.run(names()) if name.startswith("webhooks to")] == []


def test_a_stopped_server_leaves_no_task_and_counts_what_is_still_to_be_delivered(
    make_site: Callable[..., Any],
) -> None:
    site = make_site(clock="real")
    never = asyncio.Event()

    async def silent(_: Any) -> str:
        await never.wait()
        return "timeout"

    site.inbox.answers[DEAD] = silent
    site.subscribe(DEAD)
    for number in range(3):
        site.api.create(f"{number}@example.com")
    site.until(lambda: len(site.inbox.taken) == 1)
    dispatch = site.api.mock.app.dispatch
    site.run(dispatch.close())
    assert site.run(dispatch.count_pending()) == 3
    assert site.inbox.closed

    async def names() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks()]

    assert [name for name in site.run(names()) if name.startswith("webhooks to")] == []


def test_an_attempt_that_the_servers_end_cuts_short_is_no_failure_of_the_receiver(site: Any) -> None:
    entered = asyncio.Event()

    async def silent(_: Any) -> str:
        entered.set()
        await asyncio.sleep(0.05)
        return "stopped"

    site.inbox.answers[DEAD] = silent
    site.subscribe(DEAD)
    site.api.create()
    dispatch = site.api.mock.app.dispatch

    async def stop_while_sending() -> int:
        flush = asyncio.ensure_future(dispatch.deliverer.flush(site.tenant))
        await entered.wait()
        await dispatch.close()
        left = await dispatch.count_pending()
        await flush
        return left

    assert site.run(stop_while_sending()) == 1
    (delivery,) = site.deliveries()
    assert (delivery["status"], delivery["attempts"], delivery["nextAttempt"]) == (
        "pending",
        [],
        "2024-01-31T08:00:00.000Z",
    )
