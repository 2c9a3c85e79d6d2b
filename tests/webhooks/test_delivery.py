"""Deliveries and the tenant's clock: what goes out when, once, in order, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from conftest import CONSENTS

from wixture.mockserver.clock import derived_id
from wixture.mockserver.control_calls import ControlCall, reset_tenant
from wixture.mockserver.instants import from_text, to_text
from wixture.mockserver.messages import Change
from wixture.mockserver.webhooks.post import REASONS

URL = "http://127.0.0.1:9/in"
OTHER = derived_id("another tenant")


def _ids(taken: list[Any]) -> list[str]:
    return [found.token.event["id"] for found in taken]


# ---- frozen --------------------------------------------------------------------------------------


def test_on_a_frozen_clock_nothing_goes_out_before_a_flush_or_an_advance(site: Any) -> None:
    site.subscribe(URL)
    site.api.create()
    site.run(asyncio.sleep(0.05))
    assert site.inbox.taken == []
    assert site.flush() == 1
    assert site.flush() == 0
    site.api.create("bob@example.com")
    site.advance(0)
    assert len(site.inbox.taken) == 2


@pytest.mark.rule("delivery-received")
@pytest.mark.parametrize("reason", REASONS)
def test_every_outcome_but_received_is_a_failure_with_its_own_reason(site: Any, reason: str) -> None:
    site.inbox.answers[URL] = lambda _: reason
    site.subscribe(URL)
    site.api.create()
    site.ok("POST", "/webhooks/flush")
    (delivery,) = site.deliveries()
    shown = [attempt["reason"] for attempt in delivery["attempts"]]
    if reason == "received":
        assert (delivery["status"], delivery["nextAttempt"], shown) == ("received", None, ["received"])
    else:
        assert (delivery["status"], shown) == ("pending", [reason])
        assert delivery["nextAttempt"] == "2024-01-31T08:01:00.000Z"


def test_an_advance_runs_what_falls_due_in_order_and_leaves_the_clock_at_its_end(site: Any) -> None:
    slow, quick = "http://127.0.0.1:9/slow", "http://127.0.0.1:9/quick"
    site.subscribe(slow)
    site.subscribe(quick, "marketing_consent_created")
    site.inbox.answers[slow] = lambda _: "timeout"
    site.plan({"delay_s": 30}, event="marketing_consent_deleted")
    stored = site.api.create()
    site.api.call("DELETE", f"{CONSENTS}/{stored['id']}")
    site.advance(700)
    at = [taken.at for taken in site.inbox.taken]
    assert at == sorted(at)
    assert site.since_start() == [0, 0, 30, 60, 90, 660, 690]
    assert site.ok("GET", "/clock")["now"] == "2024-01-31T08:11:40.000Z"


def test_one_receiver_gets_events_in_the_order_in_which_they_happened(site: Any) -> None:
    site.subscribe(URL)
    for number in range(20):
        site.api.create(f"{number}@example.com")
    site.flush()
    assert _ids(site.inbox.taken) == [shown["id"] for shown in site.events()]


def test_what_a_receiver_causes_while_it_is_told_goes_out_in_the_same_flush(site: Any) -> None:
    app = site.api.mock.app

    async def answer(taken: Any) -> str:
        if taken.token.event["slug"] == "created":
            stored = (await app.store.snapshot(site.api.tenant))["marketingConsents"][0]
            gone = Change("deleted", "marketing_consent", stored, based_on=stored["revision"])
            now = site.tenant.clock.now()
            await app.commit(site.tenant, [gone], app.own_caller(site.tenant), origin="reaction", now=now)
        return "received"

    site.inbox.answers[URL] = answer
    site.subscribe(URL)
    site.api.create()
    assert site.flush() == 2
    assert [taken.token.event["slug"] for taken in site.inbox.taken] == ["created", "deleted"]


def test_two_advances_at_once_move_the_clock_by_both(site: Any) -> None:
    site.subscribe(URL)
    site.inbox.answers[URL] = lambda _: _later("received")
    site.api.create()
    deliverer = site.api.mock.app.dispatch.deliverer

    async def both() -> None:
        await asyncio.gather(deliverer.advance(site.tenant, 60), deliverer.advance(site.tenant, 60))

    site.run(both())
    assert site.ok("GET", "/clock")["now"] == "2024-01-31T08:02:00.000Z"
    assert len(site.inbox.taken) == 1


async def _later(reason: str, seconds: float = 0.02) -> str:
    await asyncio.sleep(seconds)
    return reason


def test_two_flushes_at_once_send_nothing_twice(site: Any) -> None:
    site.subscribe(URL)
    site.inbox.answers[URL] = lambda _: _later("received")
    for number in range(5):
        site.api.create(f"{number}@example.com")
    deliverer = site.api.mock.app.dispatch.deliverer

    async def both() -> list[int]:
        return [step.attempts for step in await asyncio.gather(*(deliverer.flush(site.tenant) for _ in range(3)))]

    assert sorted(site.run(both())) == [0, 0, 5]
    assert len(site.inbox.taken) == 5


def test_an_advance_beyond_the_year_9999_is_refused_and_moves_nothing(site: Any) -> None:
    site.subscribe(URL)
    site.api.create()
    answer = site.api.control("POST", "/clock/advance", {"seconds": 300_000_000_000})
    assert answer.status == 400
    assert list(answer.violations) == ["seconds"]
    assert site.ok("GET", "/clock")["now"] == "2024-01-31T08:00:00.000Z"
    assert site.flush() == 1


# ---- running, shifted, and back ------------------------------------------------------------------


def test_on_a_running_clock_events_go_out_by_themselves_in_order(running: Any) -> None:
    running.subscribe(URL)
    for number in range(10):
        running.api.create(f"{number}@example.com")
    running.until(lambda: len(running.inbox.taken) == 10)
    assert _ids(running.inbox.taken) == [shown["id"] for shown in running.events()]
    assert {delivery["status"] for delivery in running.deliveries()} == {"received"}


def test_a_clock_that_is_frozen_while_deliveries_wait_stops_them_and_one_that_runs_again_sends_them(
    running: Any,
) -> None:
    running.inbox.answers[URL] = lambda _: "status"
    running.subscribe(URL)
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 1)
    running.set_clock(frozen=True)
    running.api.create("bob@example.com")
    running.run(asyncio.sleep(0.05))
    assert len(running.inbox.taken) == 1
    running.advance(60)
    assert len(running.inbox.taken) == 4, "the second, and each once more after its minute"
    running.inbox.answers[URL] = lambda _: "received"
    running.set_clock(frozen=False)
    running.run(asyncio.sleep(0.05))
    assert len(running.inbox.taken) == 4, "both are tried again in ten minutes"
    running.api.create("cleo@example.com")
    running.until(lambda: len(running.inbox.taken) == 5)


@pytest.mark.parametrize("jump", ["2038-01-19T03:14:08Z", "+3 d"])
def test_a_running_clock_that_leaps_ahead_tries_each_delivery_once_and_goes_on_from_there(
    running: Any, jump: str
) -> None:
    running.inbox.answers[URL] = lambda _: "status"
    running.subscribe(URL)
    for number in range(5):
        running.api.create(f"{number}@example.com")
    running.until(lambda: len(running.inbox.taken) == 5)
    now = running.tenant.clock.now() + 3 * 86_400 * 1_000_000 if jump == "+3 d" else from_text(jump)
    running.set_clock(now=to_text(now), frozen=False)
    running.until(lambda: len(running.inbox.taken) >= 10)
    running.run(asyncio.sleep(0.1))
    assert len(running.inbox.taken) == 10, "no storm: the second wait, 10 minutes, runs from the new time"
    for delivery in running.deliveries():
        due = from_text(delivery["nextAttempt"]) - from_text(delivery["attempts"][-1]["at"])
        assert 600 <= due / 1_000_000 < 605


def test_a_running_clock_that_is_put_back_waits_until_the_time_has_come_again(running: Any) -> None:
    running.inbox.answers[URL] = lambda _: "status"
    running.subscribe(URL)
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 1)
    due = from_text(running.deliveries()[0]["nextAttempt"])
    running.set_clock(now=to_text(running.tenant.clock.now() - 3600 * 1_000_000), frozen=False)
    running.run(asyncio.sleep(0.1))
    assert len(running.inbox.taken) == 1, "put back an hour, the repetition is an hour further away"
    running.api.create("bob@example.com")
    running.until(lambda: len(running.inbox.taken) == 2)
    running.set_clock(now=to_text(due), frozen=False)
    running.until(lambda: len(running.inbox.taken) >= 4)
    first, second = _ids(running.inbox.taken)[:2]
    assert _ids(running.inbox.taken) == [first, second, second, first], (
        "each once more, what fell due first before"
    )


def test_a_frozen_clock_that_is_put_back_sends_nothing_early(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.api.create()
    site.flush()
    site.set_clock(now="2024-01-31T07:00:00Z")
    assert site.flush() == 0
    site.advance(3660)
    assert site.since_start() == [0, 60]


def test_an_advance_of_a_running_clock_sends_what_falls_due_on_the_way(running: Any) -> None:
    running.inbox.answers[URL] = lambda _: "status"
    running.subscribe(URL)
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 1)
    running.advance(700)
    at = [taken.at / 1_000_000 for taken in running.inbox.taken]
    assert [round(later - earlier, -1) for earlier, later in pairwise(at)] == [60, 600]
    assert not running.ok("GET", "/clock")["frozen"]


def test_a_flush_while_a_lane_sends_waits_for_it_and_sends_nothing_twice(running: Any) -> None:
    running.inbox.answers[URL] = lambda _: _later("received", 0.05)
    running.subscribe(URL)
    for number in range(6):
        running.api.create(f"{number}@example.com")
    running.until(lambda: len(running.inbox.taken) == 1)
    running.flush()
    assert {delivery["status"] for delivery in running.deliveries()} == {"received"}
    running.run(asyncio.sleep(0.1))
    ids = _ids(running.inbox.taken)
    assert len(ids) == len(set(ids)) == 6


# ---- by hand -------------------------------------------------------------------------------------


def test_a_delivery_that_is_exhausted_can_be_sent_again_by_hand(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.api.create()
    site.advance(48 * 3600)
    (delivery,) = site.deliveries("exhausted")
    site.inbox.answers[URL] = lambda _: "received"
    again = site.ok("POST", f"/webhooks/deliveries/{delivery['id']}/resend")
    assert (again["status"], again["attempts"][-1]["byHand"], len(again["attempts"])) == ("received", True, 14)


def test_a_failure_by_hand_leaves_the_schedule_as_it_is(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.api.create()
    site.flush()
    (before,) = site.deliveries()
    again = site.ok("POST", f"/webhooks/deliveries/{before['id']}/resend")
    assert (again["status"], again["nextAttempt"]) == ("pending", before["nextAttempt"])
    site.advance(48 * 3600)
    (after,) = site.deliveries()
    assert [attempt["byHand"] for attempt in after["attempts"]].count(False) == 13


def test_what_was_received_by_hand_meanwhile_is_not_sent_again(site: Any) -> None:
    """A try by hand that fails late must not bring back what a scheduled one has delivered."""
    site.subscribe(URL)
    site.inbox.answers[URL] = lambda _: "status"
    site.api.create()
    site.flush()
    (delivery,) = site.run(site.api.mock.app.store.outbox.deliveries(site.api.tenant))
    deliverer = site.api.mock.app.dispatch.deliverer
    outcomes = iter(["late failure", "received"])

    async def answer(_: Any) -> str:
        outcome = next(outcomes)
        return await _later("status", 0.1) if outcome == "late failure" else outcome

    site.inbox.answers[URL] = answer

    async def both() -> None:
        by_hand = asyncio.ensure_future(deliverer.attempt(site.tenant, delivery, by_hand=True))
        await asyncio.sleep(0.02)
        await deliverer.advance(site.tenant, 60)
        await by_hand

    site.run(both())
    (after,) = site.deliveries()
    assert after["status"] == "received"
    site.advance(48 * 3600)
    assert len(site.inbox.taken) == 3


def test_an_unknown_delivery_cannot_be_resent(site: Any) -> None:
    assert site.api.control("POST", "/webhooks/deliveries/nope/resend").status == 404


# ---- subscriptions, resets, tenants --------------------------------------------------------------


def test_who_is_no_longer_subscribed_still_gets_what_is_on_its_way_and_nothing_after(site: Any) -> None:
    subscription = site.subscribe(URL)
    site.api.create()
    site.ok("DELETE", f"/webhooks/subscriptions/{subscription}")
    site.api.create("bob@example.com")
    site.flush()
    assert len(site.inbox.taken) == 1
    assert site.api.control("DELETE", f"/webhooks/subscriptions/{subscription}").status == 404


def test_a_subscription_to_one_event_gets_that_one_alone(site: Any) -> None:
    site.subscribe(URL, "marketing_consent_deleted")
    stored = site.api.create()
    site.api.call("DELETE", f"{CONSENTS}/{stored['id']}")
    site.flush()
    assert [taken.token.event["slug"] for taken in site.inbox.taken] == ["deleted"]


@pytest.mark.rule("subscription-limit")
def test_a_tenant_has_at_most_100_subscriptions(site: Any) -> None:
    for number in range(100):
        site.subscribe(f"http://127.0.0.1:9/{number}")
    body = {"eventType": "*", "url": "http://127.0.0.1:9/x"}
    answer = site.api.control("POST", "/webhooks/subscriptions", body)
    assert answer.violations["url"]["data"]["rule"] == "subscription-limit"
    assert len(site.ok("GET", "/webhooks/subscriptions")["subscriptions"]) == 100


@pytest.mark.rule("destination-form")
@pytest.mark.parametrize("url", ["ftp://a.example/", "http://me:pw@a.example/", "http://a.example/#x", "nowhere"])
def test_a_url_that_nothing_can_be_sent_to_is_refused_when_it_is_given(site: Any, url: str) -> None:
    answer = site.api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": url})
    assert answer.violations["url"]["data"]["rule"] == "destination-form"


@pytest.mark.rule("destination-allowed")
@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://0xa000001/", "https://[fd00::1]/", "http://[::ffff:10.0.0.1]/"]
)
@pytest.mark.parametrize("call", ["subscriptions", "trigger"])
def test_an_address_in_numbers_that_would_always_be_denied_is_refused_when_it_is_given(
    site: Any, url: str, call: str
) -> None:
    body = {"eventType": "marketing_consent_created", "url": url}
    told = site.api.control("POST", f"/webhooks/{call}", body).violations["url"]
    assert told["data"]["rule"] == "destination-allowed"
    assert "start the server with --allow-net to allow it" in told["description"]
    assert site.ok("GET", "/webhooks/subscriptions")["subscriptions"] == []


@pytest.mark.rule("destination-allowed")
def test_an_allowed_network_may_be_subscribed_and_what_a_name_leads_to_is_left_to_the_dial(
    make_site: Callable[..., Any],
) -> None:
    site = make_site(allow_net=("10.0.0.0/8",))
    for url in ("http://10.0.0.1/", "http://127.0.0.1:9/", "http://receiver.internal/", "http://localhost/"):
        site.subscribe(url)
    assert len(site.ok("GET", "/webhooks/subscriptions")["subscriptions"]) == 4


@pytest.mark.rule("destination-allowed")
def test_a_server_that_others_reach_refuses_to_be_subscribed_to_itself(make_site: Callable[..., Any]) -> None:
    site = make_site(host="0.0.0.0", admin_token="key")  # noqa: S104  # nothing is bound
    body = {"eventType": "*", "url": "http://127.0.0.1:9/"}
    answer = site.api.control("POST", "/webhooks/subscriptions", body, headers={"authorization": "Bearer key"})
    assert "127.0.0.0/8 is not public (loopback)" in answer.violations["url"]["description"]


def test_a_reset_drops_events_deliveries_and_subscriptions_and_goes_back_to_those_of_the_start(
    make_site: Callable[..., Any],
) -> None:
    site = make_site(webhooks=(("*", URL),))
    site.subscribe("http://127.0.0.1:9/posted")
    site.api.create()
    assert len(site.deliveries()) == 2
    site.ok("POST", "/reset")
    assert (site.events(), site.deliveries(), site.flush()) == ([], [], 0)
    (kept,) = site.ok("GET", "/webhooks/subscriptions")["subscriptions"]
    assert kept["url"] == URL


def test_an_attempt_that_ends_after_a_reset_is_not_kept_for_a_delivery_of_the_same_id(running: Any) -> None:
    answered = asyncio.Event()

    async def answer(_: Any) -> str:
        await answered.wait()
        return "received"

    running.inbox.answers[URL] = answer
    running.subscribe(URL)
    running.api.create()
    running.until(lambda: len(running.inbox.taken) == 1)
    (before,) = running.deliveries()
    running.ok("POST", "/reset")
    running.set_clock(frozen=True)
    running.subscribe(URL)
    running.api.create()
    (after,) = running.deliveries()
    assert after["id"] == before["id"], "ids repeat after a reset"
    answered.set()
    running.run(asyncio.sleep(0.05))
    (after,) = running.deliveries()
    assert (after["status"], after["attempts"]) == ("pending", [])
    assert running.flush() == 1


def test_a_reset_during_an_advance_ends_it_and_leaves_the_new_clock_alone(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: _later("status", 0.01)
    site.subscribe(URL)
    site.api.create()
    app = site.api.mock.app

    async def both() -> None:
        moving = asyncio.ensure_future(app.dispatch.advance(site.tenant, 48 * 3600))
        await asyncio.sleep(0.03)
        await reset_tenant(app, ControlCall(site.tenant, False, {}, None, {}))
        await moving

    site.run(both())
    assert len(site.inbox.taken) < 13
    assert site.ok("GET", "/clock")["now"] == "2024-01-31T08:00:00.000Z"
    assert site.deliveries() == []


def test_two_tenants_never_see_each_others_events_deliveries_subscriptions_or_clocks(site: Any) -> None:
    other = site.of(OTHER)
    site.subscribe("http://127.0.0.1:9/mine")
    other.subscribe("http://127.0.0.1:9/theirs")
    site.api.create()
    other.api.create("eve@example.com")
    assert [shown["instanceId"] for shown in site.events()] == [site.api.tenant]
    assert [shown["instanceId"] for shown in other.events()] == [OTHER]
    assert {delivery["url"] for delivery in other.deliveries()} == {"http://127.0.0.1:9/theirs"}
    (mine,) = site.deliveries()
    assert other.api.control("POST", f"/webhooks/deliveries/{mine['id']}/resend").status == 404
    (subscription,) = site.ok("GET", "/webhooks/subscriptions")["subscriptions"]
    assert other.api.control("DELETE", f"/webhooks/subscriptions/{subscription['id']}").status == 404
    assert other.flush() == 1
    assert [taken.url for taken in site.inbox.taken] == ["http://127.0.0.1:9/theirs"]
    assert site.inbox.taken[0].token.envelope["instanceId"] == OTHER
    other.advance(3600)
    assert (len(site.inbox.taken), site.ok("GET", "/clock")["now"]) == (1, "2024-01-31T08:00:00.000Z")
    other.ok("POST", "/reset")
    assert len(site.deliveries()) == 1


def test_ids_of_events_and_deliveries_repeat_for_a_tenant_whatever_others_do(
    make_site: Callable[..., Any],
) -> None:
    runs = []
    for disturbed in (False, True):
        site = make_site()
        site.subscribe(URL)
        for number in range(3):
            site.api.create(f"{number}@example.com")
            if disturbed:
                other = site.of(OTHER)
                other.subscribe(URL)
                other.api.create(f"{number}@example.com")
        runs.append((site.events(), site.deliveries()))
    assert runs[0] == runs[1]
