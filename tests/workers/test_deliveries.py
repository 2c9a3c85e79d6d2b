"""Of several workers one at a time sends to a receiver; what a dead one had taken on is sent by another."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from wixture.mockserver.clock import wall_microseconds
from wixture.mockserver.webhooks import shared_delivery
from wixture.mockserver.webhooks.outcomes import LIMIT_MS, REASONS, Posted
from wixture.mockserver.webhooks.post import Poster
from wixture.mockserver.webhooks.shared_delivery import CLAIM_US
from wixture.mockserver.webhooks.sharing import LOOK_SECONDS

from .conftest import Crew, in_parallel, until

LONG_MS = 60_000
A, B = "http://127.0.0.1:9/a", "http://127.0.0.1:9/b"


class Posts:
    """Takes webhooks in the place of HTTP, on any thread; `gate` holds back the answers."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reason = "received"

    async def post(self, _: Poster, url: str, body: bytes) -> Posted:
        self.taken.append((url, body))
        await asyncio.to_thread(self.gate.wait)
        return Posted(200, self.reason, 1, b"", REASONS[self.reason])


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> Posts:
    """What all workers send with."""
    made = Posts()
    monkeypatch.setattr(Poster, "post", lambda poster, url, body: made.post(poster, url, body))
    return made


def subscribe(api: Any, *urls: str) -> None:
    for url in urls:
        answer = api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": url})
        assert answer.status == 200


def test_a_flush_by_one_sends_what_another_caused_once(crew: Crew, posts: Posts) -> None:
    one, other = crew.hire(), crew.hire()
    subscribe(one, A, B)
    other.create()
    assert other.control("POST", "/webhooks/flush").json == {"attempts": 2, "more": False}
    assert one.control("POST", "/webhooks/flush").json == {"attempts": 0, "more": False}
    assert sorted(url for url, _ in posts.taken) == [A, B]


def test_two_that_flush_at_once_send_each_event_once(crew: Crew, posts: Posts) -> None:
    one, other = crew.hire(), crew.hire()
    subscribe(one, A)
    for number in range(5):
        one.create(f"{number}@example.com")

    in_parallel(lambda number: (one, other)[number].control("POST", "/webhooks/flush"), 2)
    assert len(posts.taken) == len({body for _, body in posts.taken}) == 5


def test_on_a_running_clock_each_event_is_sent_once_and_in_order(crew: Crew, posts: Posts) -> None:
    apis = [crew.hire(clock="real") for _ in range(3)]
    subscribe(apis[0], A)
    for number in range(12):
        apis[number % 3].create(f"{number}@example.com")
    until(lambda: not pending(apis[0]))
    events = apis[0].control("GET", "/webhooks/deliveries").json["deliveries"]
    assert [len(one["attempts"]) for one in events] == [1] * 12
    assert len(posts.taken) == 12


def pending(api: Any) -> int:
    return int(api.run(api.mock.app.store.outbox.count_pending()))


def test_a_receiver_whose_worker_is_gone_is_sent_to_once_its_claim_has_passed(crew: Crew, posts: Posts) -> None:
    one, other = crew.hire(clock="real"), crew.hire(clock="real")
    subscribe(one, A)
    begun = wall_microseconds()
    outbox = one.mock.app.store.outbox
    claim = outbox.claim(one.tenant, A, worker="of the dead", now=begun, until=begun + CLAIM_US)
    assert one.run(claim)
    other.create()
    until(lambda: not pending(other))
    assert wall_microseconds() - begun >= CLAIM_US, "not while the claim was good"
    assert len(posts.taken) == 1


def test_a_claim_is_kept_from_others_until_it_ends_or_is_let_go(crew: Crew) -> None:
    one, other = crew.hire(), crew.hire()
    one.create()

    def claim(api: Any, url: str, *, ms: int = LONG_MS) -> bool:
        now = wall_microseconds()
        outbox = api.mock.app.store.outbox
        return bool(api.run(outbox.claim(api.tenant, url, worker=str(id(api)), now=now, until=now + 1000 * ms)))

    def release(api: Any) -> None:
        api.run(api.mock.app.store.outbox.release(api.tenant, A, worker=str(id(api))))

    assert claim(one, A, ms=1)
    until(lambda: claim(other, A))  # the first one ends
    assert not claim(one, A)
    assert claim(one, B), "another receiver is free"
    release(one)
    assert not claim(one, A), "others cannot let go of it"
    assert claim(other, A), "one's own becomes longer"
    release(other)
    assert claim(one, A), "it was let go"


def test_a_claim_of_before_the_clock_went_back_counts_for_nothing(tmp_path: Path) -> None:
    """In a file, whose claims end by the clock of the machine; a database has a clock of its own."""
    crew = Crew(f"sqlite:{tmp_path / 'state.db'}")
    api = crew.hire()
    api.create()
    outbox, hour, now = api.mock.app.store.outbox, 3_600_000_000, wall_microseconds()
    assert api.run(outbox.claim(api.tenant, A, worker="1", now=now + hour, until=now + hour + CLAIM_US))
    assert api.run(outbox.claim(api.tenant, A, worker="2", now=now, until=now + CLAIM_US))
    assert not api.run(outbox.claim(api.tenant, A, worker="1", now=now, until=now + CLAIM_US))
    crew.close()


def test_a_reset_in_one_worker_ends_what_another_sends(crew: Crew, posts: Posts) -> None:
    one, other = crew.hire(clock="real"), crew.hire(clock="real")
    subscribe(one, A)
    posts.gate.clear()
    for number in range(3):
        one.create(f"{number}@example.com")
    until(lambda: posts.taken)
    assert other.control("POST", "/reset").status == 200
    posts.gate.set()
    one.create("after@example.com")
    deliverer = one.mock.app.dispatch.deliverer
    until(lambda: not deliverer._lanes)
    assert len(posts.taken) == 1, "what was on its way when the tenant was emptied, and nothing after"
    assert other.control("GET", "/webhooks/deliveries").json["deliveries"] == []


def test_an_advance_of_one_is_over_when_another_resets_the_tenant(crew: Crew, posts: Posts) -> None:
    one, other = crew.hire(), crew.hire()
    subscribe(one, A)
    one.create()
    posts.reason = "refused"
    tenant, deliverer = one.mock.app.tenants.get(one.tenant), one.mock.app.dispatch.deliverer
    posts.gate.clear()

    stepping = threading.Thread(target=lambda: one.run(deliverer.advance(tenant, 7 * 86_400)))
    stepping.start()
    until(lambda: posts.taken)
    assert other.control("POST", "/reset").status == 200
    posts.gate.set()
    stepping.join()
    assert len(posts.taken) == 1
    assert one.control("GET", "/clock").json["now"] == "2024-01-31T08:00:00.000Z"


def test_an_advance_that_meets_a_receiver_another_keeps_sending_to_says_so(
    crew: Crew, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_delivery, "_LONGEST_WAIT", 0.1)
    one, other = crew.hire(), crew.hire()
    subscribe(one, A)
    one.create()
    now = wall_microseconds()
    outbox = other.mock.app.store.outbox
    assert other.run(outbox.claim(one.tenant, A, worker="another", now=now, until=now + CLAIM_US))
    answer = one.control("POST", "/clock/advance", {"seconds": 60})
    assert answer.status == 409
    assert "another process is sending to a receiver. Try again once it is done." in answer.json["message"]
    assert posts.taken == []


def test_a_claim_and_the_looks_at_it_are_short_enough_for_a_takeover_within_five_seconds() -> None:
    longest = CLAIM_US / 1_000_000 + max(shared_delivery._AGAIN_SECONDS, LOOK_SECONDS)
    assert longest <= 5
    assert CLAIM_US / 1_000_000 > LIMIT_MS / 1000 + shared_delivery._RENEW_SECONDS, "no living one loses its own"
