"""The outbox of every kind of store: in one transaction with the change, in order, bounded, apart by tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wixture.mockserver.domain_events import Attempt, Delivery, DomainEvent
from wixture.mockserver.messages import Change
from wixture.mockserver.store import outbox as outbox_module
from wixture.mockserver.store.outbox import MOST_EVENTS, MOST_FAILING
from wixture.mockserver.store.store import Conflict, IdTaken

from .entities import consent

URL = "http://127.0.0.1:9/in"


def event(number: int, **fields: Any) -> DomainEvent:
    made = DomainEvent(f"event-{number}", "marketing_consent_created", f"entity-{number}", number, b"{}", b"{}")
    return replace(made, **fields)


def delivery(number: int, of: int | None = None, **fields: Any) -> Delivery:
    event_id = f"event-{number if of is None else of}"
    return replace(Delivery(f"delivery-{number}", event_id, "subscription", URL, "pending", number), **fields)


class Box:
    """A tenant's outbox, called without await."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        self.outbox = tenant.store.outbox

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **more: self.tenant.runner.run(
            getattr(self.outbox, name)(*arguments, **more)
            if name == "count_pending"
            else getattr(self.outbox, name)(self.tenant.id, *arguments, **more)
        )

    def commit(self, *changes: Change, events: Any = (), deliveries: Any = ()) -> None:
        store = self.tenant.store
        self.tenant.runner.run(store.commit(self.tenant.id, changes, now=0, events=events, deliveries=deliveries))


@pytest.fixture
def box(tenant: Any) -> Box:
    return Box(tenant)


def test_events_and_deliveries_are_written_with_the_change(box: Box) -> None:
    made = delivery(1, tamper="payload", fault_id="plan", rank=1, due=7)
    box.commit(Change("created", "marketing_consent", consent(1)), events=[event(1)], deliveries=[made])
    assert (box.events(), box.deliveries()) == ([event(1)], [made])
    assert box.event_of("delivery-1") == event(1)
    assert box.delivery("delivery-1") == made
    assert (box.event_of("nope"), box.delivery("nope")) == (None, None)


def test_a_delivery_whose_id_is_taken_is_refused_with_its_change_and_its_event(box: Box) -> None:
    box.commit(Change("created", "marketing_consent", consent(1)), events=[event(1)], deliveries=[delivery(1)])
    with pytest.raises(IdTaken) as taken:
        box.commit(
            Change("created", "marketing_consent", consent(2)), events=[event(2)], deliveries=[delivery(1, of=2)]
        )
    assert taken.value.position is None
    with pytest.raises(IdTaken):
        box.add([event(3)], [delivery(1, of=3)])
    assert box.events() == [event(1)]
    assert box.deliveries() == [delivery(1)]
    snapshot = box.tenant.runner.run(box.tenant.store.snapshot(box.tenant.id))
    assert [one["id"] for one in snapshot["marketingConsents"]] == [consent(1)["id"]]


def test_a_change_that_conflicts_leaves_neither_event_nor_delivery(box: Box) -> None:
    box.commit(Change("created", "marketing_consent", consent(1)), events=[event(1)])
    with pytest.raises(Conflict):
        box.commit(
            Change("created", "marketing_consent", consent(2)),
            Change("updated", "marketing_consent", {**consent(1), "revision": "9"}, based_on="8"),
            events=[event(2), event(3)],
            deliveries=[delivery(2)],
        )
    assert (box.events(), box.deliveries()) == ([event(1)], [])
    assert len(box.tenant.snapshot["marketingConsents"]) == 1


def test_a_delivery_that_cannot_be_written_takes_the_change_back(box: Box) -> None:
    box.add([event(1)], [delivery(1)])
    with pytest.raises(IdTaken):
        box.commit(
            Change("created", "marketing_consent", consent(1)), events=[event(2)], deliveries=[delivery(1, of=2)]
        )
    assert box.tenant.snapshot["marketingConsents"] == []
    assert (box.events(), box.deliveries()) == ([event(1)], [delivery(1)])
    with pytest.raises(IdTaken):
        box.add([event(2)], [delivery(1, of=2)])
    assert box.events() == [event(1)]


def test_what_is_pending_comes_by_due_then_rank_then_age(box: Box) -> None:
    given = [
        delivery(1, due=5),
        delivery(2, due=3, rank=1),
        delivery(3, due=3, status="received"),
        delivery(4, due=4),
        delivery(5, due=3, url="http://127.0.0.1:9/other", subscription_id="another"),
        delivery(6, due=9),
    ]
    box.add([event(found) for found in range(1, 7)], given)
    # The fourth was the next one after the second, which was held back for it.
    assert [found.id for found in box.pending(by=5)] == ["delivery-5", "delivery-4", "delivery-2", "delivery-1"]
    assert box.next_for(URL).id == "delivery-4"
    assert box.next_for("http://127.0.0.1:9/nowhere") is None
    assert sorted(box.receivers()) == [URL, "http://127.0.0.1:9/other"]
    assert [found.id for found in box.deliveries()] == [f"delivery-{number}" for number in range(1, 7)]


def test_an_attempt_is_kept_with_what_follows_from_it(box: Box) -> None:
    box.add([event(1)], [delivery(1)])
    first, second = Attempt(1, "status", 503, 12), Attempt(60, "received", 200, 3, by_hand=True)
    box.record("delivery-1", [first], status="pending", due=60)
    assert box.delivery("delivery-1") == delivery(1, due=60, attempts=(first,))
    box.record("delivery-1", [first, second], status="received", due=60)
    assert box.delivery("delivery-1").attempts == (first, second)
    assert box.next_for(URL) is None
    box.record("gone", [second], status="received", due=60)


def test_tenants_do_not_see_each_others(box: Box) -> None:
    other = Box(box.tenant.other())
    before = box.count_pending()
    box.add([event(1)], [delivery(1)])
    other.add([event(1)], [delivery(1, due=99)])
    assert box.delivery("delivery-1").due == 1
    other.record("delivery-1", [Attempt(1, "received", 200, 1)], status="received", due=1)
    assert (box.delivery("delivery-1").status, other.delivery("delivery-1").status) == ("pending", "received")
    assert (box.receivers(), other.receivers()) == ([URL], [])
    assert box.count_pending() == before + 1


def test_a_tenant_that_is_replaced_has_no_events_left_and_others_keep_theirs(box: Box) -> None:
    other = Box(box.tenant.other())
    for each in (box, other):
        each.add([event(1)], [delivery(1)])
    box.tenant.load(replace=True)
    assert (box.events(), box.deliveries(), box.receivers()) == ([], [], [])
    assert len(other.events()) == 1
    other.tenant.load(Change("created", "marketing_consent", consent(1)), replace=False)
    assert len(other.events()) == 1


def test_the_newest_events_are_kept_and_older_ones_only_while_they_are_to_be_delivered(box: Box) -> None:
    other = Box(box.tenant.other())
    stuck, done = 3, 4
    box.add([event(stuck), event(done)], [delivery(stuck), delivery(done, status="received")])
    for start in range(100, 100 + 2 * MOST_EVENTS, 500):
        box.add([event(number) for number in range(start, start + 500)], [])
        other.add([event(start)], [])  # whose turn it is must not depend on who writes in between
    kept = box.events()
    assert MOST_EVENTS < len(kept) <= MOST_EVENTS + 1 + 1000
    assert kept[0].id == f"event-{stuck}"
    assert [found.id for found in kept[-3:]] == [f"event-{100 + 2 * MOST_EVENTS - back}" for back in (3, 2, 1)]
    assert [found.id for found in box.deliveries()] == [f"delivery-{stuck}"]
    box.record(f"delivery-{stuck}", [Attempt(1, "received", 200, 1)], status="received", due=1)
    box.add([event(number) for number in range(50_000, 51_000)], [])
    assert box.event_of(f"delivery-{stuck}") is None
    assert box.deliveries() == []
    assert len(other.events()) == 2 * MOST_EVENTS // 500


def test_of_too_many_deliveries_that_failed_the_oldest_are_dropped_aloud_and_no_untried_one(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    other = Box(box.tenant.other())
    failed = (Attempt(1, "refused", None, 1),)
    last = MOST_FAILING + 20_000
    for each in (box, other):
        each.add([event(0)], [delivery(0)])
    for start in range(1, last, 10_000):
        made = [delivery(number, start, attempts=failed) for number in range(start, start + 10_000)]
        box.add([event(start)], made)
    other.add([event(1)], [delivery(1, attempts=failed)])

    def status(number: int) -> str:
        return str(box.delivery(f"delivery-{number}").status)

    assert [status(number) for number in (0, 1, 20_000, 20_001, last)] == [
        "pending",
        "dropped",
        "dropped",
        "pending",
        "pending",
    ]
    assert len(box.pending(by=last)) == 1 + MOST_FAILING
    assert {one.status for one in other.deliveries()} == {"pending"}
    text = "10000 webhooks were dropped: 50000 that have failed wait for another try"
    assert [record.getMessage() for record in caplog.records] == [text, text]
    for each in (box, other):
        each.tenant.load(replace=True)


def test_two_tenants_that_write_in_turn_are_both_bounded(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Box(box.tenant.other())
    assert outbox_module.MOST_EVENTS == MOST_EVENTS
    for start in range(0, 12_000, 100):
        for each in (box, other):
            each.add([event(number) for number in range(start, start + 100)], [])
    assert len(box.events()) < 11_000
    assert len(other.events()) < 11_000
