"""Who reads the newsletter, and what of."""

ADA = "ada@example.com"


async def test_all_readers_are_found(newsletter, wix_mock):
    emails = {f"reader{number}@example.com" for number in range(101)}  # a page holds 100
    wix_mock.seed({"marketingConsents": [{"details": {"type": "EMAIL", "email": email}} for email in emails]})
    assert set(await newsletter.readers()) == emails


async def test_who_has_not_confirmed_is_no_reader(newsletter, wix_mock):
    wix_mock.consents.given(email=ADA, state="PENDING")
    assert await newsletter.readers() == []


async def test_topics_are_kept(newsletter, wix_mock):
    wix_mock.consents.given(email=ADA)
    await newsletter.save_topics(await newsletter.preferences(ADA), ["tea"])
    assert wix_mock.consents.one(email=ADA)["extendedFields"]["namespaces"]["@shop/newsletter"] == {
        "topics": ["tea"]
    }


async def test_an_old_form_brings_nobody_back(newsletter, wix_mock):
    link = wix_mock.consents.given(email=ADA).revoke_link
    form = await newsletter.preferences(ADA)
    wix_mock.visit(link)  # meanwhile she unsubscribes
    await newsletter.save_topics(form, ["tea"])
    assert wix_mock.consents.one(email=ADA).state == "REVOKED"
