"""Visitors open their links in Chromium, click, and read what became of it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

AXE = {"resultTypes": ["violations"]}
OUTCOMES = ("open", "done", "used", "revoked", "closed", "invalid", "unsubscribe", "unsubscribed")


@pytest.mark.rule("link-asks-first", "link-confirms", "link-click-is-a-visitors")
def test_a_visitor_confirms_and_the_app_is_told(shop, receiver, browse):
    shop.call("POST", "/_mock/webhooks/subscriptions", {"eventType": "*", "url": receiver.url})
    sent = shop.sign_up("PENDING")
    assert receiver.next()["slug"] == "created"
    page = browse()
    page.goto(sent["link"]["url"])
    assert page.title() == "Confirm your subscription"
    assert shop.consent(sent["marketingConsent"]["id"])["state"] == "PENDING"
    page.get_by_role("button", name="Confirm subscription").click()
    assert page.get_by_role("status").inner_text() == "News and offers will be sent to a•••@e•••.com."
    consent = shop.consent(sent["marketingConsent"]["id"])
    assert (consent["state"], consent["lastConfirmationActivity"]["source"]) == ("CONFIRMED", "LINK_CONFIRMATION")
    event = receiver.next()
    assert event["type"] == "wix.marketing.marketing_consent.v1.marketing_consent_updated"
    assert event["identity"]["identityType"] == "ANONYMOUS_VISITOR"
    assert event["updatedEvent"]["currentEntity"] == consent
    assert page.reload().status == 200
    assert page.title() == "Already subscribed"
    assert receiver.is_quiet


@pytest.mark.rule("link-revokes")
def test_a_visitor_unsubscribes_by_keyboard_and_the_app_is_told(shop, receiver, browse):
    sent = shop.sign_up("CONFIRMED")
    shop.call("POST", "/_mock/webhooks/subscriptions", {"eventType": "*", "url": receiver.url})
    page = browse(java_script_enabled=False)
    page.goto(sent["link"]["url"])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="You’re unsubscribed").wait_for()
    consent = shop.consent(sent["marketingConsent"]["id"])
    assert (consent["state"], consent["lastRevokeActivity"]["source"]) == ("REVOKED", "REVOKE_LINK")
    assert receiver.next()["updatedEvent"]["currentEntity"] == consent
    page.goto(sent["link"]["url"])
    assert page.title() == "Already unsubscribed"
    assert receiver.is_quiet


@pytest.mark.rule("link-used-again-changes-nothing")
def test_who_has_the_page_open_twice_clicks_once(shop, browse):
    sent = shop.sign_up("PENDING")
    first, second = browse(), browse()
    for page in (first, second):
        page.goto(sent["link"]["url"])
    for page in (first, second):
        page.get_by_role("button").click()
        page.get_by_role("status").wait_for()
    assert [first.title(), second.title()] == ["You’re subscribed", "Already subscribed"]
    assert len(shop.call("GET", "/_mock/webhooks/events")["events"]) == 2


def _open(shop, page, outcome):
    """Lead a window to a page with that outcome."""
    shop.call("POST", "/_mock/reset")
    sent = shop.sign_up("CONFIRMED" if outcome.startswith("unsub") else "PENDING")
    if outcome in ("revoked", "closed"):
        shop.sign_up({"revoked": "REVOKED", "closed": "NEVER_CONFIRMED"}[outcome])
    page.goto(sent["link"]["url"] + ("x" if outcome == "invalid" else ""))
    if outcome in ("done", "used", "unsubscribed"):
        page.get_by_role("button").click()
        page.get_by_role("status").wait_for()
    if outcome == "used":
        page.goto(sent["link"]["url"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(shop, browse, scheme):
    page = browse(color_scheme=scheme, viewport={"width": 320, "height": 640})
    for outcome in OUTCOMES:
        _open(shop, page, outcome)
        found = Axe().run(page, options=AXE).response
        assert found["url"] == page.url
        assert found["violations"] == [], outcome
        assert page.get_by_role("status").count() == (outcome not in ("open", "unsubscribe"))


LANGUAGES = {"en": "Unsubscribe?", "de": "Abmelden?", "es": "¿Darse de baja?", "fr": "Se désinscrire\u00a0?"}
LANGUAGES["he"] = "לבטל את ההרשמה?"


@pytest.mark.rule("link-language")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_read_in_the_language_of_the_link_on_the_narrowest_screen(shop, browse, language):
    shop.sign_up("CONFIRMED")
    page = browse(viewport={"width": 320, "height": 480})
    page.goto(shop.revoke_link(language))
    heading = page.get_by_role("heading", level=1)
    assert heading.inner_text() == LANGUAGES[language] == page.title()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert Axe().run(page, options=AXE).response["violations"] == []
    at_start = page.locator(".icon").bounding_box()["x"] < 160
    assert at_start == (language != "he")


@pytest.mark.rule("link-language")
def test_a_link_without_a_language_is_read_in_the_browsers(shop, browse):
    page = browse(locale="de-AT")
    page.goto(shop.sign_up("PENDING")["link"]["url"])
    assert page.title() == "Anmeldung bestätigen"


def test_the_focus_can_be_seen_and_nothing_moves_for_who_wants_it_still(shop, browse):
    page = browse(reduced_motion="reduce")
    page.goto(shop.sign_up("PENDING")["link"]["url"])
    button = page.get_by_role("button")
    assert button.evaluate("element => getComputedStyle(element).outlineStyle") == "none"
    page.keyboard.press("Tab")
    assert button.evaluate("element => element === document.activeElement")
    assert button.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    assert button.evaluate("element => getComputedStyle(element).transitionDuration") == "0s"


def test_the_style_and_the_icon_are_there(shop, browse):
    page = browse()
    with page.expect_response("**/page.css") as style:
        page.goto(shop.sign_up("PENDING")["link"]["url"])
    assert style.value.status == 200
    assert page.request.get(page.url.partition("subscribe")[0] + "icon.svg").status == 200
    assert page.locator("main").evaluate("element => getComputedStyle(element).borderTopLeftRadius") == "16px"
