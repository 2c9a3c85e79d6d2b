"""What events and deliveries bring into the coverage document: each way in which an event comes, met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS

from wixture.mockserver.coverage import items
from wixture.mockserver.store import sqlite_outbox

URL = "http://127.0.0.1:9/in"
DAYS = 3 * 86_400


def met(site: Any, dimension: str) -> dict[str, int]:
    counts = site.ok("GET", "/coverage")["dimensions"][dimension]
    return {item: count for item, count in counts.items() if count}


def cause(site: Any, event: str) -> None:
    """Let one event happen, and maybe those before it."""
    if event == "followed_channel_created":
        site.api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
        return
    stored = site.api.create()
    if event == "marketing_consent_updated":
        removal = {"details": stored["details"], "lastRevokeActivity": {"source": "OTHER"}}
        assert site.api.call("POST", f"{CONSENTS}/remove", removal).status == 200
    elif event == "marketing_consent_deleted":
        assert site.api.call("DELETE", f"{CONSENTS}/{stored['id']}").status == 200


@pytest.mark.parametrize("event", items()["eventTypes"])
def test_an_event_is_met_when_it_happens_and_again_when_a_receiver_takes_it(site: Any, event: str) -> None:
    site.subscribe(URL, event)
    cause(site, event)
    assert met(site, "eventTypes")[event] == 1
    assert met(site, "receivedEvents") == {}
    site.flush()
    assert met(site, "receivedEvents") == {event: 1}


def test_a_value_is_met_in_an_event_once_somebody_received_it(site: Any) -> None:
    site.subscribe(URL)
    fields = {"details": {"type": "PHONE", "phone": "+19172222222"}, "state": "PENDING"}
    site.ok("POST", "/webhooks/trigger", {"eventType": "marketing_consent_created", "entity": fields})
    assert met(site, "states") == {}
    site.flush()
    assert met(site, "states") == {"PHONE PENDING": 1}


# ---- how events come -----------------------------------------------------------------------------


def _plain(site: Any) -> None:
    site.api.create()


def _planned(**do: Any) -> Callable[[Any], None]:
    def arrange(site: Any) -> None:
        site.plan(do, nth=1)
        site.api.create()
        site.api.create("bob@example.com")

    return arrange


def _failing(times: int) -> Callable[[Any], None]:
    def arrange(site: Any) -> None:
        outcomes = iter(["status"] * times)
        site.inbox.answers[URL] = lambda _: next(outcomes, "received")
        site.api.create()

    return arrange


ARRANGED: dict[str, tuple[Callable[[Any], None], set[str]]] = {
    # a way: how it is brought about, and what comes with it
    "atOnce": (_plain, set()),
    "delayed": (_planned(delay_s=1), {"atOnce", "outOfOrder"}),
    "retried": (_failing(1), set()),
    "duplicate": (_planned(duplicate=2), {"atOnce"}),
    "outOfOrder": (_planned(reorder=True), {"atOnce"}),
    "exhausted": (_failing(100), {"retried"}),
    "dropped": (_planned(drop=True), {"atOnce"}),
    "tampered": (_planned(tamper="signature"), {"atOnce"}),
}


def test_every_way_of_a_delivery_is_arranged() -> None:
    assert tuple(ARRANGED) == items()["deliveries"]


@pytest.mark.parametrize("way", ARRANGED)
def test_each_way_in_which_an_event_comes_is_met(site: Any, way: str) -> None:
    arrange, beside = ARRANGED[way]
    site.subscribe(URL)
    arrange(site)
    assert met(site, "deliveries").keys() <= {"dropped"}, "nothing went out yet"
    site.advance(DAYS)
    assert met(site, "deliveries").keys() == {way, *beside}


def test_a_receiver_that_nobody_reaches_meets_no_event(site: Any) -> None:
    site.subscribe(URL)
    site.inbox.answers[URL] = lambda _: "refused"
    site.api.create()
    site.advance(DAYS)
    assert met(site, "deliveries") == {"exhausted": 1}
    assert met(site, "receivedEvents") == {}


def test_a_forgery_is_no_event_for_what_is_in_it(site: Any) -> None:
    site.subscribe(URL)
    site.plan({"tamper": "expired"})
    site.api.create()
    before = met(site, "states")
    site.flush()
    assert met(site, "deliveries") == {"tampered": 1}
    assert met(site, "receivedEvents") == {}
    assert met(site, "states") == before


def test_a_delivery_that_is_sent_again_by_hand_is_a_duplicate(site: Any) -> None:
    site.subscribe(URL)
    site.api.create()
    site.flush()
    (delivery,) = site.deliveries()
    site.ok("POST", f"/webhooks/deliveries/{delivery['id']}/resend")
    assert met(site, "deliveries") == {"atOnce": 1, "duplicate": 1}


def test_two_receivers_of_one_event_are_no_duplicate_and_their_order_is_their_own(site: Any) -> None:
    site.subscribe(URL)
    site.subscribe("http://127.0.0.1:9/other", "marketing_consent_updated")
    cause(site, "marketing_consent_updated")
    site.flush()
    assert met(site, "deliveries") == {"atOnce": 3}


def test_an_event_that_is_retried_behind_a_later_one_comes_out_of_order(site: Any) -> None:
    site.subscribe(URL)
    outcomes = iter(["status"])
    site.inbox.answers[URL] = lambda _: next(outcomes, "received")
    cause(site, "marketing_consent_updated")
    site.advance(60)
    assert [taken.token.event["slug"] for taken in site.inbox.taken] == ["created", "updated", "created"]
    assert met(site, "deliveries") == {"atOnce": 1, "retried": 1, "outOfOrder": 1}


# ---- dialects, and what is kept no longer --------------------------------------------------------


def _rows(site: Any, form: str) -> set[str]:
    return {item.split()[0] for item in met(site, "ledgerRows") if item.endswith(f" {form}")}


EMITTED = {item.split()[0] for item in items()["ledgerRows"] if item.endswith(" documented")}


@pytest.mark.parametrize(("dialect", "other"), [("corrected", "documented"), ("documented", "corrected")])
def test_every_row_is_met_in_the_dialect_of_answers_and_events(
    make_site: Callable[..., Any], dialect: str, other: str
) -> None:
    site = make_site(dialect=dialect)
    site.subscribe(URL)
    api, details = site.api, {"type": "EMAIL", "email": "ada@example.com"}
    fields = {"details": details, "state": "CONFIRMED", "lastConfirmationActivity": {"source": "FORM"}}
    api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": fields})
    api.call("GET", f"{CONSENTS}/get-by", query="type=EMAIL&email=ada@example.com")
    api.call("POST", f"{CONSENTS}/remove", {"details": details, "lastRevokeActivity": {"source": "FORM"}})
    bulk = "/marketing-consent/v1/bulk/marketing-consent/upsert"
    api.call("POST", bulk, {"info": [fields]})
    stored = api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"][0]
    api.call("DELETE", f"{CONSENTS}/{stored['id']}")
    cause(site, "followed_channel_created")
    assert _rows(site, dialect) < EMITTED
    site.flush()
    assert _rows(site, dialect) == EMITTED
    assert _rows(site, other) == set()


def test_events_that_are_kept_no_longer_are_said(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_outbox, "MOST_EVENTS", 10)
    for _ in range(10 + sqlite_outbox._PRUNE_EVERY):
        site.ok("POST", "/webhooks/trigger", {"eventType": "marketing_consent_created", "entity": {}})
    found = site.ok("GET", "/coverage")
    assert found["read"]["events"] + found["forgotten"]["events"] == 10 + sqlite_outbox._PRUNE_EVERY
    assert (found["complete"], found["forgotten"]["events"] > 0) == (False, True)
    site.ok("POST", "/reset")
    assert site.ok("GET", "/coverage")["complete"] is True
