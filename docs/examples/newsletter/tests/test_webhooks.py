"""Webhooks come from anybody, more than once and in any order.

The app takes them in the event loop of the test. Calls that wait for them, such as `visit` and `flush`, are made
on a thread, so that the loop is free meanwhile.
"""

import asyncio

import pytest

ADA = "ada@example.com"
FORGERIES = ["signature", "payload", "alg_none", "hs256", "wrong_key", "expired", "wrong_instance"]


async def test_a_click_in_the_mail_is_told(newsletter, audience, wix_mock):
    await newsletter.sign_up(ADA)
    await asyncio.to_thread(wix_mock.visit, newsletter.outbox[0].link)
    assert audience.state(ADA) == "CONFIRMED"


async def test_an_event_that_comes_twice_counts_once(newsletter, audience, wix_mock):
    wix_mock.faults.delivery(duplicate=2)
    await newsletter.follow("X", member=wix_mock.token("MEMBER"))
    await asyncio.to_thread(wix_mock.webhooks.flush)
    assert list(audience.points.values()) == [10]


async def test_an_older_event_that_comes_late_does_not_count(newsletter, audience, wix_mock):
    wix_mock.faults.delivery(nth=1, reorder=True)
    await newsletter.sign_up(ADA)
    await newsletter.unsubscribe(ADA)
    await asyncio.to_thread(wix_mock.webhooks.flush)
    assert audience.state(ADA) == "REVOKED"


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_event_is_refused(forgery, audience, wix_mock):
    wix_mock.faults.delivery(tamper=forgery)
    await asyncio.to_thread(wix_mock.webhooks.trigger, "marketing_consent_created")
    assert audience.consents == {}


async def test_a_consent_that_is_deleted_is_forgotten(audience, wix_mock):
    ada = wix_mock.consents.given(email=ADA)
    await asyncio.to_thread(wix_mock.webhooks.trigger, "marketing_consent_updated", entity_id=ada.id)
    await asyncio.to_thread(wix_mock.webhooks.trigger, "marketing_consent_deleted", entity_id=ada.id)
    assert audience.state(ADA) is None
