"""What the pages behind links say and do, at an application without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.mockserver.app import Application
from wixture.mockserver.messages import Change, Found, Lookup, Request
from wixture.mockserver.pages.visits import Visits
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sqlite import SqliteStore

NOW = "2024-01-31T08:00:00.000Z"
PHONE = {"type": "PHONE", "phone": "+19172222222"}


# ---- asking --------------------------------------------------------------------------------------


@pytest.mark.rule("link-asks-first")
@pytest.mark.parametrize(
    ("state", "title"), [("PENDING", "Confirm your subscription"), ("CONFIRMED", "Unsubscribe?")]
)
def test_opening_a_link_asks_and_changes_nothing(visitor, state, title):
    link = visitor.link(state)
    before, events = visitor.consents, visitor.events
    for _ in range(3):
        page = visitor.open(link)
        assert (page.status, page.title, page.asks) == (200, title, True)
        assert page.response.content_type == "text/html; charset=utf-8"
    assert (visitor.consents, visitor.events) == (before, events)


@pytest.mark.parametrize(("details", "shown"), [(None, "a•••@e•••.com"), (PHONE, "+19•••••22")])
def test_a_page_names_the_address_only_masked(visitor, details, shown):
    link = visitor.link(**({"details": details} if details else {}))
    for page in (visitor.open(link), visitor.click(link), visitor.click(link)):
        assert shown in page.text
        assert "ada@example.com" not in page.html
        assert "9172222222" not in page.html


# ---- clicking ------------------------------------------------------------------------------------


@pytest.mark.rule("link-confirms", "link-click-is-a-visitors")
def test_a_click_confirms_and_tells_it(visitor):
    sent = visitor.upsert("PENDING")
    visitor.api.control("POST", "/clock/advance", {"seconds": 60})
    page = visitor.click(sent["link"]["url"])
    assert (page.status, page.title, page.asks) == (200, "You’re subscribed", False)
    now = "2024-01-31T08:01:00.000Z"
    (consent,) = visitor.consents
    assert consent == {
        **sent["marketingConsent"],
        "state": "CONFIRMED",
        "revision": "2",
        "updatedDate": now,
        "lastConfirmationActivity": {
            "source": "LINK_CONFIRMATION",
            "updatedDate": now,
            "optInLevel": "DOUBLE_CONFIRMATION",
        },
    }
    _expect_event(visitor.events, consent, "confirmByLink")


@pytest.mark.rule("link-revokes", "link-click-is-a-visitors")
def test_a_click_unsubscribes_and_tells_it(visitor):
    sent = visitor.upsert("CONFIRMED", lastRevokeActivity=None)
    page = visitor.click(sent["link"]["url"])
    assert (page.status, page.title, page.asks) == (200, "You’re unsubscribed", False)
    (consent,) = visitor.consents
    assert (consent["state"], consent["revision"]) == ("REVOKED", "2")
    assert consent["lastRevokeActivity"] == {"source": "REVOKE_LINK", "updatedDate": NOW}
    assert consent["lastConfirmationActivity"] == sent["marketingConsent"]["lastConfirmationActivity"]
    _expect_event(visitor.events, consent, "revokeByLink")


def _expect_event(events: list[dict[str, Any]], consent: dict[str, Any], origin: str) -> None:
    created, updated = events
    assert created["eventType"].endswith("marketing_consent_created")
    assert updated["eventType"].endswith("marketing_consent_updated")
    assert updated["identity"]["identityType"] == "ANONYMOUS_VISITOR"
    assert set(updated["identity"]) == {"identityType", "anonymousVisitorId"}
    assert updated["event"]["updatedEvent"] == {"currentEntity": consent}
    assert updated["event"]["originatedFrom"] == origin
    assert updated["event"]["entityEventSequence"] == "2"


@pytest.mark.rule("link-click-is-a-visitors")
def test_with_one_random_seed_the_same_visitor_clicks(make_visitor):
    def identity() -> Any:
        visitor = make_visitor(random_seed=7)
        visitor.click(visitor.link())
        return visitor.events[-1]["identity"]

    assert identity() == identity()


@pytest.mark.rule("link-used-again-changes-nothing")
@pytest.mark.parametrize(
    ("state", "title"), [("PENDING", "Already subscribed"), ("CONFIRMED", "Already unsubscribed")]
)
def test_a_link_that_was_used_says_so_and_changes_nothing(visitor, state, title):
    link = visitor.link(state)
    visitor.click(link)
    before, events = visitor.consents, visitor.events
    for page in (visitor.click(link), visitor.open(link)):
        assert (page.status, page.title, page.asks) == (200, title, False)
    assert (visitor.consents, visitor.events) == (before, events)


@pytest.mark.rule("link-never-brings-back")
@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("REVOKED", "You’ve since unsubscribed"),
        ("NEVER_CONFIRMED", "Nothing to confirm"),
    ],
)
def test_a_confirmation_link_of_a_consent_that_went_on_changes_nothing_and_says_so(visitor, state, title):
    link = visitor.link("PENDING")
    visitor.upsert(state)
    before, events = visitor.consents, visitor.events
    for page in (visitor.open(link), visitor.click(link)):
        assert (page.status, page.title, page.asks) == (200, title, False)
    assert (visitor.consents, visitor.events) == (before, events)


@pytest.mark.rule("link-revokes")
def test_a_revoke_link_of_a_consent_that_was_never_confirmed_unsubscribes(visitor):
    visitor.upsert("NEVER_CONFIRMED")
    assert visitor.click(visitor.link_in("en")).title == "You’re unsubscribed"
    assert visitor.consents[0]["state"] == "REVOKED"


def test_a_click_sees_a_consent_that_reads_do_not_see_yet(make_visitor):
    visitor = make_visitor(consistency_ms=60_000)
    sent = visitor.upsert("PENDING")
    assert visitor.api.call("GET", f"{CONSENTS}/{sent['marketingConsent']['id']}").status == 404
    assert visitor.click(sent["link"]["url"]).title == "You’re subscribed"


class SuspendingStore(SqliteStore):
    """A store like one across a network: others get their turn while it looks."""

    async def find(self, tenant: str, lookup: Lookup, *, now: int) -> Found:
        found = await super().find(tenant, lookup, now=now)
        await asyncio.sleep(0)
        return found


@pytest.mark.rule("link-used-again-changes-nothing")
def test_of_clicks_at_once_one_does_it_and_raises_one_event(visitor):
    link = visitor.link()
    stored = [Change("created", "marketing_consent", consent) for consent in visitor.consents]
    settings = Settings(clock=NOW, random_seed=1)
    app = Application(settings, store=SuspendingStore())
    visits = Visits(app)
    path, _, query = link.removeprefix(app.public_url).partition("?")
    headers = {"host": "127.0.0.1", "content-type": "application/x-www-form-urlencoded"}

    async def clicks() -> tuple[list[bytes], int]:
        tenant = settings.instance_id
        await app.store.load(tenant, stored, replace=False)
        requests = [Request("POST", path, query, headers) for _ in range(5)]
        pages = await asyncio.gather(*(visits.handle(request) for request in requests))
        events = await app.store.outbox.events(tenant)
        await app.store.close()
        return [page.body for page in pages], len(events)

    pages, events = asyncio.run(clicks())
    assert sorted(b"Already subscribed" in page for page in pages) == [False, True, True, True, True]
    assert events == 1


# ---- links that are none -------------------------------------------------------------------------


def _changed(link: str, part: int, place: int) -> str:
    """The link with one character of one part of its token changed."""
    head, *parts = link.rsplit(".", 5)
    text = parts[part]
    other = "A" if text[place] != "A" else "B"
    parts[part] = text[:place] + other + text[place + 1 :]
    return ".".join((head, *parts))


@pytest.mark.rule("link-uniform-failure")
def test_whatever_is_wrong_with_a_link_the_answer_is_the_same(visitor, make_visitor):
    link = visitor.link()
    gone = visitor.upsert("PENDING", "gone@example.com")
    visitor.api.call("DELETE", f"{CONSENTS}/{gone['marketingConsent']['id']}")
    page = link.partition("?")[0]
    token = link.partition("token=")[2]
    wrong = {
        "no token": page,
        "an empty token": f"{page}?token=",
        "a token of other letters": f"{page}?token=hello",
        "a long token": f"{page}?token=JWE.{'A' * 5000}",
        "two tokens": f"{link}&token={token}",
        "bad UTF-8": f"{page}?token=%FF",
        "the other page": link.replace("/subscribe", "/unsubscribe"),
        "a deleted consent": gone["link"]["url"],
        "another server": make_visitor(random_seed=2).link(),
        "no JWE": f"{page}?token={token.removeprefix('JWE.')}",
        **{f"part {part}, letter {place}": _changed(link, part, place) for part in range(5) for place in (0, 7)},
    }
    before, events = visitor.consents, visitor.events
    seen = {why: (visitor.open(url), visitor.click(url)) for why, url in wrong.items()}
    first = next(iter(seen.values()))[0]
    assert (first.status, first.title, first.asks) == (404, "This link doesn’t work", False)
    for why, pages in seen.items():
        for page in pages:
            assert (page.status, page.html) == (404, first.html), why
            assert _without_id(page) == _without_id(first), why
    assert (visitor.consents, visitor.events) == (before, events)


def _without_id(page: Any) -> dict[str, str]:
    return {name: value for name, value in page.response.headers.items() if name != "X-Wix-Request-Id"}


@pytest.mark.rule("link-uniform-failure")
def test_a_link_stops_after_30_days_on_the_clock_of_its_site(visitor):
    link = visitor.link()
    visitor.api.control("POST", "/clock/advance", {"seconds": 30 * 86_400 - 1})
    assert visitor.open(link).status == 200
    visitor.api.control("POST", "/clock/advance", {"seconds": 1})
    assert (visitor.open(link).status, visitor.click(link).status) == (404, 404)
    assert visitor.consents[0]["state"] == "PENDING"


@pytest.mark.rule("link-uniform-failure", "link-language")
def test_a_dead_link_does_not_tell_the_language_it_had(visitor):
    visitor.upsert("CONFIRMED")
    link = visitor.link_in("de")
    assert visitor.open(link).title == "Abmelden?"
    visitor.api.control("POST", "/clock/advance", {"seconds": 30 * 86_400})
    assert visitor.open(link).title == "This link doesn’t work"
    assert visitor.open(link, accept_language="fr").title == "Ce lien ne fonctionne pas"


@pytest.mark.rule("link-uniform-failure", "tenants-apart")
def test_a_click_changes_only_the_site_of_its_link(visitor):
    other = type(visitor)(visitor.api.of("e0000000-0000-4000-8000-000000000001"))
    mine, theirs = visitor.link(), other.link()
    visitor.click(mine)
    assert [site.consents[0]["state"] for site in (visitor, other)] == ["CONFIRMED", "PENDING"]
    other.api.control("POST", "/reset")
    assert visitor.click(theirs).status == 404
    assert visitor.consents[0]["revision"] == "2"


def test_the_control_api_gives_both_links_of_a_consent_in_any_state(api: Api) -> None:
    consent = api.create()
    links = api.control("POST", "/links", {"consentId": consent["id"], "language": "de"}).json
    assert "/_manage-consent/subscribe?token=JWE." in links["confirmationLink"]
    page = api.call(
        "GET", "/_manage-consent/unsubscribe", query=links["revokeLink"].partition("?")[2], identity=None
    )
    assert page.status == 200
    assert b'lang="de"' in page.response.body


def test_a_link_of_another_tenants_consent_cannot_be_had(api: Api) -> None:
    consent = api.of("b0000000-0000-4000-8000-0000000000ff").create()
    answer = api.control("POST", "/links", {"consentId": consent["id"]})
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
