"""A privacy erasure: what is gone, and what the events say of it."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER

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
