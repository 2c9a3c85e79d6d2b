"""From the first click to the last mail."""

import asyncio

ADA = "ada@example.com"


async def test_a_sign_up_waits_for_the_confirmation(newsletter, wix_mock):
    await newsletter.sign_up(ADA)
    assert wix_mock.consents.one(email=ADA).state == "PENDING"


async def test_a_click_in_the_mail_confirms(newsletter, wix_mock):
    await newsletter.sign_up(ADA)
    await asyncio.to_thread(wix_mock.visit, newsletter.outbox[0].link)
    assert wix_mock.consents.one(email=ADA).state == "CONFIRMED"


async def test_readers_are_written_to(newsletter, wix_mock):
    wix_mock.consents.given(email=ADA)
    assert await newsletter.may_send(ADA)


async def test_strangers_are_not_written_to(newsletter):
    assert not await newsletter.may_send(ADA)


async def test_who_unsubscribes_is_left_alone(newsletter, wix_mock):
    wix_mock.consents.given(email=ADA)
    await newsletter.unsubscribe(ADA)
    assert wix_mock.consents.one(email=ADA).state == "REVOKED"


async def test_a_token_that_has_expired_is_renewed(newsletter, wix_clock):
    await newsletter.readers()
    wix_clock.advance("5h")
    await newsletter.readers()
