"""Receivers that fail in every way, by chance and seeded: no event is missed and none comes twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from benchmarks.storm import Tally, in_process, problems, through_sockets
from benchmarks.weather import SOCKET_FAILURES
from databases import fresh_database

from wixture.mockserver.domain_events import Attempt, Delivery
from wixture.mockserver.webhooks.schedule import WAITS


def _check(tally: Tally, storms: int) -> None:
    assert tally.faults == []
    assert (tally.storms, tally.received > storms, tally.exhausted > 0) == (storms, True, True)
    assert tally.attempts > 2 * tally.events, "it was a storm"


@pytest.mark.rule("delivery-schedule", "delivery-received")
def test_in_a_storm_every_event_is_acknowledged_once_or_given_up_after_13_attempts() -> None:
    _check(asyncio.run(in_process(range(150))), 150)


@pytest.mark.rule("delivery-schedule", "delivery-received")
def test_in_a_storm_over_real_sockets_as_well() -> None:
    quick = [failure for failure in SOCKET_FAILURES if failure != "silent"]  # each would cost its 1.25 seconds
    _check(asyncio.run(through_sockets(range(12), quick)), 12)


@pytest.mark.rule("delivery-schedule", "delivery-received")
def test_in_a_storm_of_two_servers_on_one_database_as_well() -> None:
    _check(asyncio.run(in_process(range(12), store=fresh_database(), servers=2)), 12)


def test_the_judge_of_a_storm_sees_what_is_missed_doubled_or_at_a_wrong_time() -> None:
    at = [0, *(sum(WAITS[: count + 1]) * 1_000_000 for count in range(12))]
    right = Delivery("d", "e", "s", "u", "received", 0, attempts=(Attempt(0, "received", 200, 1),))
    given_up = replace(right, status="exhausted", attempts=tuple(Attempt(when, "status", 500, 1) for when in at))
    assert problems([right], 1) == problems([given_up], 0) == []
    assert problems([], 0)
    assert problems([right, right], 2)
    assert problems([right], 2)
    assert problems([right], 0)
    assert problems([replace(right, status="pending")], 0)
    assert problems([replace(given_up, attempts=given_up.attempts[:12])], 0)
    assert problems([given_up], 1)
    early = (*given_up.attempts[:1], Attempt(59_999_999, "status", 500, 1), *given_up.attempts[2:])
    assert problems([replace(given_up, attempts=early)], 0)
