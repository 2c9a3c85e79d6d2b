"""Reads that lag: they see every write, in order, once its time has come; `latest` sees past the lag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wixture.mockserver.messages import ById, Followed, Lookup, Page
from wixture.mockserver.store.store import Conflict

from .conftest import LAG, Tenant
from .entities import by_email, channel, consent, created, deleted, guid, updated

ACCOUNT = guid(1, kind=0xD)
START = 1_700_000_000_000_000

LOOKUPS: dict[str, Callable[[], Lookup]] = {
    "by ID": lambda: ById(guid(1)),
    "by identifier": lambda: by_email("ada1@example.com"),
    "a page": lambda: Page(("eq", "state", "CONFIRMED"), {}, (("created", True),), 10),
    "followed": lambda: Followed(ACCOUNT),
}


@pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS)
def test_a_write_is_seen_once_the_lag_is_over_and_not_before(
    lagging: Tenant, lookup: Callable[[], Lookup]
) -> None:
    lagging.commit(created(consent(1)), created(channel(1)), now=START)
    for early in (START, START + LAG - 1):
        assert list(lagging.find(lookup(), now=early)) == []
    assert len(lagging.find(lookup(), now=START + LAG)) == 1


def test_the_latest_state_is_found_past_the_lag(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), created(channel(1)), now=START)
    assert list(lagging.find(ById(guid(1), latest=True), now=START)) == [consent(1)]
    assert list(lagging.find(by_email("ada1@example.com", latest=True), now=START)) == [consent(1)]
    assert list(lagging.find(Followed(ACCOUNT, latest=True), now=START)) == [channel(1)]
    assert lagging.snapshot == {"marketingConsents": [consent(1)], "followedChannels": [channel(1)]}


def test_conflicts_are_judged_by_the_latest_state(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), now=START)
    with pytest.raises(Conflict):
        lagging.commit(created(consent(2, email="ada1@example.com")), now=START)
    lagging.commit(deleted(consent(1)), now=START)
    lagging.commit(created(consent(2, email="ada1@example.com")), now=START)
    assert [item["id"] for item in lagging.find(by_email("ada1@example.com"), now=START + LAG)] == [guid(2)]


def test_updates_and_deletions_lag_too(lagging: Tenant) -> None:
    lagging.load(created(consent(1)))
    change = updated(consent(1), state="REVOKED")
    lagging.commit(change, now=START)
    lagging.commit(deleted(change.entity), now=START + 10)
    seen = [list(lagging.find(ById(guid(1)), now=START + LAG + after)) for after in (-1, 0, 9, 10)]
    assert seen == [[consent(1)], [change.entity], [change.entity], []]


def test_a_conflicting_batch_is_never_seen(lagging: Tenant) -> None:
    with pytest.raises(Conflict):
        lagging.commit(created(consent(1)), created(consent(2, email="ada1@example.com")), now=START)
    lagging.commit(created(consent(3)), now=START)
    assert [item["id"] for item in lagging.find(Page(("all", ()), {}, (), 10), now=START + LAG)] == [guid(3)]


def test_what_is_loaded_is_seen_at_once(lagging: Tenant) -> None:
    lagging.load(created(consent(1)), created(channel(1)))
    assert list(lagging.find(ById(guid(1)), now=0)) == [consent(1)]
    assert list(lagging.find(Followed(ACCOUNT), now=0)) == [channel(1)]


def test_loading_in_place_of_what_is_there_forgets_what_has_not_been_seen(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), now=START)
    lagging.load(created(consent(2, email="ada1@example.com")), replace=True)
    found = lagging.find(Page(("all", ()), {}, (), 10), now=START + LAG)
    assert [item["id"] for item in found] == [guid(2)]


def test_loading_takes_an_identifier_that_was_freed_before_reads_have_seen_it(lagging: Tenant) -> None:
    lagging.load(created(consent(1)))
    lagging.commit(deleted(consent(1)), now=START)
    lagging.load(created(consent(2, email="ada1@example.com")))
    for now in (START, START + LAG):
        assert [item["id"] for item in lagging.find(by_email("ada1@example.com"), now=now)] == [guid(2)]


def test_loading_between_writes_that_reads_have_not_seen_disturbs_no_later_read(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), deleted(consent(1)), now=START)
    lagging.load(created(consent(2, email="ada1@example.com")))
    for now in (START, START + LAG):
        assert list(lagging.find(ById(guid(2)), now=now)) == [consent(2, email="ada1@example.com")]


def test_one_tenants_reads_are_not_moved_on_by_another(lagging: Tenant) -> None:
    other = lagging.other()
    for each in (lagging, other):
        each.commit(created(consent(1)), now=START)
    assert len(other.find(ById(guid(1)), now=START + LAG)) == 1
    assert list(lagging.find(ById(guid(1)), now=START + LAG - 1)) == []


def test_what_was_seen_stays_seen_when_the_clock_goes_back(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), now=START)
    assert len(lagging.find(ById(guid(1)), now=START + LAG)) == 1
    assert len(lagging.find(ById(guid(1)), now=START - 3600_000_000)) == 1


def test_a_write_after_the_clock_went_back_is_not_seen_before_the_write_it_builds_on(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), now=START)
    change = updated(consent(1), state="REVOKED")
    lagging.commit(change, now=START - LAG)
    assert list(lagging.find(ById(guid(1)), now=START + LAG - 1)) == []
    assert list(lagging.find(ById(guid(1)), now=START + LAG)) == [change.entity]


def test_a_clock_that_went_back_hides_a_write_for_no_longer_than_the_lag(lagging: Tenant) -> None:
    lagging.commit(created(consent(1)), now=START)
    back = START - 3600_000_000
    seen = [len(lagging.find(ById(guid(1)), now=now)) for now in (back, back + LAG - 1, back + LAG)]
    assert seen == [0, 0, 1]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "read"]),
        st.integers(1, 3),
        st.sampled_from([-2 * LAG, -LAG, -1, 0, 1, LAG - 1, LAG, 2 * LAG]),
    ),
    max_size=25,
)


@settings(derandomize=True, deadline=None, print_blob=True, max_examples=150)
@given(STEPS)
def test_reads_see_the_writes_in_order_none_too_early_and_in_the_end_all(
    shared_lagging: Tenant, steps: list[tuple[str, int, int]]
) -> None:
    """Whatever the clock does, a read sees the state after some of the writes, and never fewer than before.

    A write waits for the lag, counted from the earliest time since at which anybody read.
    """
    tenant, now, seen = shared_lagging.other(), START, 0
    states: list[dict[str, Any]] = [{}]
    due: list[int] = []
    for kind, number, step in steps:
        now += step
        if kind == "write":
            states.append(_written(tenant, dict(states[-1]), number, now))
            due.append(now + LAG)
        else:
            due[seen:] = [min(time, now + LAG) for time in due[seen:]]
            while seen < len(due) and due[seen] <= now:
                seen += 1
            assert _read(tenant, now) == states[seen]
    assert _read(tenant, max([now, *due])) == states[-1]


def _written(tenant: Tenant, state: dict[str, Any], number: int, now: int) -> dict[str, Any]:
    """One more write of the consent with a number: made, changed twice, then deleted."""
    entity = state.get(guid(number))
    if entity is None:
        change = created(consent(number))
    else:
        change = deleted(entity) if entity["revision"] == "3" else updated(entity)
    tenant.commit(change, now=now)
    state.pop(guid(number), None)
    return state if change.kind == "deleted" else {**state, guid(number): change.entity}


def _read(tenant: Tenant, now: int) -> dict[str, Any]:
    return {item["id"]: item for item in tenant.find(Page(("all", ()), {}, (), 10), now=now)}
