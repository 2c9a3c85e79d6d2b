"""Events that no call causes: about a stored entity, a given one, or a generated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wixture.contracts.validation import own_contract
from wixture.mockserver.clock import derived_id

URL = "http://127.0.0.1:9/in"
NAMES = list(own_contract("openapi").contract.webhooks)


def _trigger(site: Any, name: str, **more: Any) -> Any:
    return site.ok("POST", "/webhooks/trigger", {"eventType": name, **more})


@pytest.mark.parametrize("name", NAMES)
def test_an_event_can_be_triggered_out_of_nothing_and_changes_nothing(site: Any, name: str) -> None:
    site.subscribe(URL)
    before = site.api.state()
    shown = _trigger(site, name)
    assert shown["eventType"].endswith(name)
    assert shown["event"]["originatedFrom"] == "trigger"
    assert shown["identity"]["identityType"] == "APP"
    site.flush()
    (taken,) = site.inbox.taken
    assert taken.token.event == shown["event"]
    assert own_contract("openapi").accepts("/components/schemas/DomainEvent", shown["event"])
    assert site.api.state() == before
    assert site.events() == [shown]


def test_a_stored_entity_can_be_triggered_about_by_its_id(site: Any) -> None:
    stored = site.api.create()
    followed = site.api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    channel = followed.json["followedChannel"]
    updated = _trigger(site, "marketing_consent_updated", entityId=stored["id"].upper())
    assert updated["event"]["updatedEvent"] == {"currentEntity": stored}
    made = _trigger(site, "followed_channel_created", entityId=channel["id"])
    assert made["event"]["createdEvent"] == {"entity": channel}
    unknown = {"eventType": "marketing_consent_updated", "entityId": channel["id"]}
    assert site.api.control("POST", "/webhooks/trigger", unknown).status == 404


def test_a_given_entity_is_completed(site: Any) -> None:
    given_one = {"id": derived_id("mine"), "state": "REVOKED", "details": {"type": "PHONE", "phone": "+4912345"}}
    shown = _trigger(site, "marketing_consent_updated", entity=given_one)
    entity = shown["event"]["updatedEvent"]["currentEntity"]
    assert {key: entity[key] for key in given_one} == given_one
    assert shown["event"]["entityId"] == given_one["id"]
    assert shown["event"]["entityEventSequence"] == entity["revision"] == "2"


def test_an_entity_that_breaks_the_contract_is_refused_and_raises_no_event(site: Any) -> None:
    for entity in (
        {"state": "MAYBE"},
        {"grated": 1},
        {"details": {"type": "EMAIL"}},
        {"id": 5},
        {"revision": None},
    ):
        for name in NAMES[:2]:
            answer = site.api.control("POST", "/webhooks/trigger", {"eventType": name, "entity": entity})
            assert answer.status == 400, (entity, answer.json)
    assert site.events() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["id", "state", "revision", "details", "channel", "accountId", "createdDate", "updatedDate",
          "lastConfirmationActivity", "lastRevokeActivity", "extendedFields"]  # fmt: skip


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(NAMES), entity=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_no_entity_however_odd_makes_the_mock_fail(site: Any, name: str, entity: dict[str, Any]) -> None:
    answer = site.api.control("POST", "/webhooks/trigger", {"eventType": name, "entity": entity})
    assert answer.status in (200, 400), answer.json
    if answer.status == 200:
        assert own_contract("openapi").accepts("/components/schemas/DomainEvent", answer.json["event"])


def test_a_triggered_event_takes_a_fault_of_its_own_or_those_that_are_planned(site: Any) -> None:
    site.subscribe(URL)
    _trigger(site, "marketing_consent_created", fault={"duplicate": 2})
    plan = site.plan({"drop": True})
    _trigger(site, "marketing_consent_created")
    _trigger(site, "marketing_consent_created", fault={"tamper": "alg_none"})
    shown = [(delivery["status"], delivery["faultId"]) for delivery in site.deliveries()]
    assert shown == [("pending", None), ("pending", None), ("dropped", plan), ("pending", None)]
    site.flush()
    assert [taken.token.text.endswith(".") for taken in site.inbox.taken] == [False, False, True]


def test_a_triggered_event_goes_out_at_once_on_a_running_clock(running: Any) -> None:
    running.subscribe(URL)
    _trigger(running, "marketing_consent_created")
    running.until(lambda: len(running.inbox.taken) == 1)


def test_a_triggered_event_in_the_documented_dialect_is_shown_as_it_is_sent(make_site: Callable[..., Any]) -> None:
    site = make_site(dialect="documented")
    site.subscribe(URL)
    shown = _trigger(site, "followed_channel_created")
    site.flush()
    assert site.inbox.taken[0].token.event == shown["event"]
