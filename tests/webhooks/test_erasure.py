"""A privacy erasure: what is gone, and what the events say of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER

from wixture.mockserver.app import Application
from wixture.mockserver.erasure import erase
from wixture.mockserver.messages import Change, Found, Lookup
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sqlite import SqliteStore
from wixture.mockserver.store.store import MOST_RACES

BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"


@pytest.mark.rule("erasure-deletes", "event-per-change")
@pytest.mark.parametrize(
    "person", [{"email": " ADA@example.com "}, {"phone": "+19172222222"}], ids=["email", "phone"]
)
def test_erasing_a_person_deletes_the_consent_and_the_event_says_why(site: Any, person: dict[str, str]) -> None:
    site.api.create("bob@example.com")
    details = {"type": "PHONE", **person} if "phone" in person else {"type": "EMAIL", "email": "ada@example.com"}
    item = {"details": details, "state": "NEVER_CONFIRMED"}
    erased = site.api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": item}).json["marketingConsent"]
    assert site.ok("POST", "/anonymize", person) == {"marketingConsents": 1, "followedChannels": 0}
    last = site.events()[-1]
    assert (last["event"]["slug"], last["event"]["entityId"]) == ("deleted", erased["id"])
    assert last["event"]["triggeredByAnonymizeRequest"] is True
    assert last["event"]["originatedFrom"] == "anonymize"
    assert last["event"]["deletedEvent"] == {}
    assert int(last["event"]["entityEventSequence"]) == 2
    assert [shown["event"]["triggeredByAnonymizeRequest"] for shown in site.events()] == [False, False, True]
    assert [consent["details"] for consent in site.api.state()["marketingConsents"]] == [
        {"type": "EMAIL", "email": "bob@example.com"}
    ]


@pytest.mark.rule("erasure-deletes")
def test_erasing_a_member_forgets_the_channels_for_which_there_is_no_event(site: Any) -> None:
    for channel in ("X", "TIKTOK"):
        site.api.call("POST", CHANNELS, {"followedChannel": {"channel": channel}}, identity="MEMBER")
    site.subscribe()
    assert site.ok("POST", "/anonymize", {"memberId": MEMBER.upper()}) == {
        "marketingConsents": 0,
        "followedChannels": 2,
    }
    assert site.api.call("GET", CHANNELS, identity="MEMBER").json["followedChannels"] == []
    assert (len(site.events()), site.deliveries()) == (2, [])


@pytest.mark.rule("erasure-deletes")
def test_erasing_somebody_unknown_changes_nothing_and_raises_no_event(site: Any) -> None:
    site.api.create()
    for person in ({"email": "nobody@example.com"}, {"phone": "+4912345"}, {"memberId": MEMBER}):
        assert site.ok("POST", "/anonymize", person) == {"marketingConsents": 0, "followedChannels": 0}
    assert len(site.events()) == 1


class RacingStore(SqliteStore):
    """A store in which somebody else revokes the consent between each look and the change that follows."""

    races = 1

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        found = await super().find(tenant, lookup, now=now)
        if self.races and found.entities:
            self.races -= 1
            (consent,) = found.entities
            changed = {**consent, "revision": str(int(consent["revision"]) + 1)}
            change = Change("updated", "marketing_consent", changed, based_on=consent["revision"])
            await self.commit(tenant, [change], now=now)
        return found


@pytest.mark.rule("erasure-deletes")
@pytest.mark.parametrize("races", [1, MOST_RACES - 1])
def test_an_erasure_that_loses_a_race_looks_again_and_erases_what_is_there_then(site: Any, races: int) -> None:
    (erased, events, left), _ = _erased_in_a_race(site, races)
    assert erased == {"marketingConsents": 1, "followedChannels": 0}
    assert ([event.name for event in events], left) == (["marketing_consent_deleted"], 0)


@pytest.mark.rule("erasure-deletes")
def test_an_erasure_that_loses_every_race_is_refused_and_erases_nothing(site: Any) -> None:
    (_, events, left), refused = _erased_in_a_race(site, MOST_RACES)
    assert (refused.code, refused.status) == ("MOCK_CONFLICT", 409)
    assert "try again" in refused.message
    assert (events, left) == ([], 1)


def _erased_in_a_race(site: Any, races: int) -> tuple[Any, Any]:
    """What an erasure told, the events and how many consents are left; and the refusal, if there was one."""
    consent = site.api.create()
    store = RacingStore()
    store.races = races
    app = Application(Settings(), store=store)

    async def scene() -> tuple[Any, Any]:
        tenant = app.tenants.get(app.settings.instance_id)
        await store.load(tenant.instance_id, [Change("created", "marketing_consent", consent)], replace=False)
        told, refused = None, None
        try:
            told = await erase(app, tenant, {"email": "ada@example.com"})
        except Refusal as refusal:
            refused = refusal
        left = (await store.snapshot(tenant.instance_id))["marketingConsents"]
        seen = told, await store.outbox.events(tenant.instance_id), len(left)
        await store.close()
        return seen, refused

    return asyncio.run(scene())


@pytest.mark.rule("erasure-deletes")
def test_an_erasure_sees_what_reads_do_not_see_yet(make_site: Any) -> None:
    site = make_site(consistency_ms=60_000)
    site.api.create()
    assert site.ok("POST", "/anonymize", {"email": "ada@example.com"})["marketingConsents"] == 1
    site.advance(61)
    assert site.api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"] == []


@pytest.mark.parametrize(
    "person", [{}, {"email": "a@b.c", "phone": "+4912345"}, {"email": "nowhere"}, {"name": "Ada"}]
)
def test_a_person_is_named_in_one_way_that_exists(site: Any, person: dict[str, str]) -> None:
    assert site.api.control("POST", "/anonymize", person).status == 400


def test_another_tenants_person_stays(site: Any) -> None:
    other = site.of("e0000000-0000-4000-8000-000000000002")
    other.api.create()
    assert site.ok("POST", "/anonymize", {"email": "ada@example.com"})["marketingConsents"] == 0
    assert len(other.api.state()["marketingConsents"]) == 1
