"""Fault plans for deliveries: duplicate, delay, reorder, drop, tamper; seeded, counted and visible."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from wixture.mockserver.instants import from_text

URL = "http://127.0.0.1:9/in"
KINDS = ["frozen", "running"]


@pytest.fixture(params=KINDS)
def either(request: pytest.FixtureRequest, make_site: Callable[..., Any]) -> Any:
    """A site whose clock stands, or runs a thousand times as fast."""
    if request.param == "frozen":
        yield make_site()
        return
    site = make_site(clock="real", clock_speed=1000)
    yield site
    site.api.mock.app.dispatch.forget(site.tenant)


def _settle(site: Any, count: int) -> None:
    """Let some webhooks come in, and any that should not."""
    if site.tenant.clock.frozen:
        site.flush()
    else:
        site.until(lambda: len(site.inbox.taken) >= count)
        site.run(asyncio.sleep(0.05))
    assert len(site.inbox.taken) == count


def test_a_duplicate_sends_one_event_several_times(either: Any) -> None:
    either.subscribe(URL)
    plan = either.plan({"duplicate": 3}, times=1)
    either.api.create()
    either.api.create("bob@example.com")
    _settle(either, 4)
    first, second = (shown["id"] for shown in either.events())
    assert [taken.token.event["id"] for taken in either.inbox.taken] == [first, first, first, second]
    assert [delivery["faultId"] for delivery in either.deliveries()] == [plan, plan, plan, None]
    assert len({delivery["id"] for delivery in either.deliveries()}) == 4


def test_a_dropped_delivery_is_shown_and_never_sent(either: Any) -> None:
    either.subscribe(URL)
    plan = either.plan({"drop": True}, nth=1)
    either.api.create()
    either.api.create("bob@example.com")
    _settle(either, 1)
    dropped, sent = either.deliveries()
    assert (dropped["status"], dropped["nextAttempt"], dropped["faultId"]) == ("dropped", None, plan)
    assert (sent["status"], sent["faultId"]) == ("received", None)
    assert len(either.events()) == 2, "it happened all the same"
    again = either.ok("POST", f"/webhooks/deliveries/{dropped['id']}/resend")
    assert again["status"] == "received"


def test_a_delayed_delivery_goes_out_when_its_time_has_come(either: Any) -> None:
    either.subscribe(URL)
    plan = either.plan({"delay_s": 90}, nth=1)
    either.api.create()
    either.api.create("bob@example.com")
    if either.tenant.clock.frozen:
        either.advance(89.999)
        assert len(either.inbox.taken) == 1
        either.advance(0.001)
    either.until(lambda: len(either.inbox.taken) == 2)
    delayed, prompt = either.deliveries()
    assert delayed["faultId"] == plan
    prompt_one, delayed_one = either.inbox.taken
    assert prompt_one.token.event["id"] == prompt["eventId"]
    happened = from_text(either.events()[0]["time"])
    assert 90 <= (delayed_one.at - happened) / 1_000_000 <= 90 + 2000


@pytest.mark.parametrize("seconds_between", [0, 30])
def test_a_reordered_delivery_goes_out_right_after_the_next_event(either: Any, seconds_between: int) -> None:
    either.subscribe(URL)
    plan = either.plan({"reorder": True}, nth=2)
    for number in range(4):
        either.api.create(f"{number}@example.com")
        if seconds_between and either.tenant.clock.frozen:
            either.tenant.clock.advance(seconds_between)
    _settle(either, 4)
    first, second, third, fourth = (shown["id"] for shown in either.events())
    got = [taken.token.event["id"] for taken in either.inbox.taken]
    if either.tenant.clock.frozen:
        assert got == [first, third, second, fourth]
    else:
        assert sorted(got) == sorted([first, second, third, fourth])
        assert got.index(third) < got.index(second)
    assert [delivery["faultId"] for delivery in either.deliveries()] == [None, plan, None, None]


def test_a_reordered_delivery_waits_on_a_running_clock_for_the_next_event(running: Any) -> None:
    running.subscribe(URL)
    running.plan({"reorder": True}, nth=1)
    running.api.create()
    running.run(asyncio.sleep(0.05))
    assert running.inbox.taken == []
    running.api.create("bob@example.com")
    running.until(lambda: len(running.inbox.taken) == 2)
    first, second = (shown["id"] for shown in running.events())
    assert [taken.token.event["id"] for taken in running.inbox.taken] == [second, first]


def test_a_reordered_delivery_with_nothing_after_it_goes_out_alone(either: Any) -> None:
    either.subscribe(URL)
    either.plan({"reorder": True})
    either.api.create()
    _settle(either, 1)


def test_a_reordered_delivery_that_failed_keeps_its_own_schedule(site: Any) -> None:
    site.inbox.answers[URL] = lambda _: "status"
    site.subscribe(URL)
    site.plan({"reorder": True}, nth=1)
    site.api.create()
    site.flush()
    site.inbox.answers[URL] = lambda _: "received"
    site.api.create("bob@example.com")
    site.flush()
    assert len(site.inbox.taken) == 2, "the first one's repetition is due in a minute"
    site.advance(60)
    assert len(site.inbox.taken) == 3


def test_a_tampered_token_is_tampered_with_in_every_attempt_and_others_are_right(either: Any) -> None:
    either.inbox.answers[URL] = lambda _: "status" if len(either.inbox.of(URL)) < 3 else "received"
    either.subscribe(URL)
    plan = either.plan({"tamper": "signature"}, event="marketing_consent_created", nth=1)
    stored = either.api.create()
    if either.tenant.clock.frozen:
        either.advance(700)
    either.until(lambda: len(either.inbox.taken) == 3)
    either.api.call("DELETE", f"/marketing-consent/v1/marketing-consent/{stored['id']}")
    _settle(either, 4)
    key = either.public_key()
    for taken in either.inbox.taken[:3]:
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(taken.token.text, key, algorithms=["RS256"])
    assert jwt.decode(either.inbox.taken[3].token.text, key, algorithms=["RS256"])
    assert [delivery["faultId"] for delivery in either.deliveries()] == [plan, None]


def test_matches_and_hits_are_counted_for_each_delivery(site: Any) -> None:
    site.subscribe(URL)
    site.subscribe(f"{URL}2")
    site.plan({"drop": True}, event="marketing_consent_deleted")
    site.plan({"drop": True}, nth=3)
    site.plan({"duplicate": 2}, times=1)
    stored = site.api.create()
    site.api.create("bob@example.com")
    site.api.call("DELETE", f"/marketing-consent/v1/marketing-consent/{stored['id']}")
    counts = [(plan["matched"], plan["hits"]) for plan in site.ok("GET", "/faults")["faults"]]
    assert counts == [(2, 2), (6, 1), (6, 1)]


def test_a_plan_for_events_needs_somebody_who_is_told(site: Any) -> None:
    site.plan({"drop": True})
    site.api.create()
    (plan,) = site.ok("GET", "/faults")["faults"]
    assert (plan["matched"], plan["hits"]) == (0, 0)


def test_what_is_hit_by_chance_repeats_with_the_random_seed_and_differs_with_another(
    make_site: Callable[..., Any],
) -> None:
    runs = []
    for seed in (1, 1, 2):
        site = make_site(random_seed=seed)
        site.subscribe(URL)
        site.plan({"drop": True}, probability=0.5)
        for number in range(40):
            site.api.create(f"{number}@example.com")
        runs.append([delivery["status"] for delivery in site.deliveries()])
    assert runs[0] == runs[1] != runs[2]
    assert 8 < runs[0].count("dropped") < 32


def test_what_is_on_its_way_stays_as_it_was_planned_when_the_plan_is_removed(site: Any) -> None:
    site.subscribe(URL)
    plan = site.plan({"duplicate": 2})
    site.api.create()
    site.ok("DELETE", f"/faults/{plan}")
    site.api.create("bob@example.com")
    assert site.flush() == 3


@pytest.mark.rule("fault-limit")
def test_a_tenant_has_at_most_1000_plans(site: Any) -> None:
    for _ in range(1000):
        site.plan({"drop": True})
    answer = site.api.control("POST", "/faults", {"on": {"event": "*"}, "do": {"drop": True}})
    assert answer.violations["on"]["data"]["rule"] == "fault-limit"


@pytest.mark.rule("fault-target-known")
def test_a_plan_for_what_does_not_exist_is_refused(site: Any) -> None:
    unknown = site.api.control("POST", "/faults", {"on": {"operation": "upsertConsent"}, "do": {"status": 503}})
    assert unknown.violations["on.operation"]["data"]["rule"] == "fault-target-known"
    assert "upsertMarketingConsent" in unknown.violations["on.operation"]["description"]
    unknown = site.api.control("POST", "/faults", {"on": {"event": "consent_made"}, "do": {"drop": True}})
    assert unknown.violations["on.event"]["data"]["rule"] == "fault-target-known"
