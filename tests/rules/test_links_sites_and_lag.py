"""Links, sites apart from each other, and reads that lag behind writes, through the application."""

from __future__ import annotations

import re

import pytest

from wixture.mockserver import base64url
from wixture.mockserver.links import BadLink

CREATE, UPDATE, UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
GET, DELETE, QUERY = "getMarketingConsent", "deleteMarketingConsent", "queryMarketingConsent"
GET_BY, BY_EMAIL = "getMarketingConsentByIdentifier", "type=EMAIL&email=ada%40example.com"
UNKNOWN_ID = "99999999-9999-4999-8999-999999999999"


# ---- links ---------------------------------------------------------------------------------------


@pytest.mark.rule("link-by-state", "link-token-jwe")
@pytest.mark.parametrize(
    ("state", "kind", "page"),
    [("PENDING", "CONFIRMATION", "subscribe"), ("CONFIRMED", "REVOKE_CONFIRMATION", "unsubscribe")],
)
def test_a_link_leads_to_its_page_with_a_jwe(site, sent, state, kind, page):
    link = site.call(UPSERT, {"marketingConsent": sent(state)}).body["link"]
    url, token = link["url"].split("?token=")
    assert (link["type"], url) == (kind, f"{site.app.public_url}/_manage-consent/{page}")
    assert re.fullmatch(r"JWE(\.[A-Za-z0-9_-]+){5}", token)
    header, key, iv, _, tag = (base64url.decode(part) for part in token.removeprefix("JWE.").split("."))
    assert header.startswith(b'{"alg":"A128KW","enc":"A128CBC-HS256","kid":"')
    assert [len(part) for part in (key, iv, tag)] == [40, 16, 16]


@pytest.mark.rule("link-token-jwe")
def test_a_link_is_good_for_30_days(site, sent):
    answer = site.call(UPSERT, {"marketingConsent": sent("PENDING")}).body
    token = answer["link"]["url"].partition("token=")[2]
    end = site.tenant.clock.now() + 30 * 86_400 * 1_000_000
    assert (
        site.app.links.read(token, now_at=lambda _: end - 1_000_000).consent_id == answer["marketingConsent"]["id"]
    )
    with pytest.raises(BadLink):
        site.app.links.read(token, now_at=lambda _: end)


# ---- sites and time ------------------------------------------------------------------------------


@pytest.mark.rule("tenants-apart")
def test_another_sites_consent_looks_like_a_missing_one(site, make_site, sent):
    entity, other = site.upsert(sent())["id"], make_site()
    theirs, missing = (other.call(GET, entity=found) for found in (entity, UNKNOWN_ID))
    assert (theirs.status, theirs.body["message"].replace(entity, UNKNOWN_ID)) == (404, missing.body["message"])
    assert other.call(GET_BY, query=BY_EMAIL).status == 404
    assert other.call(QUERY, {"query": {}}).body["marketingConsent"] == []
    assert other.call(CREATE, {"marketingConsent": sent()}).status == 200


@pytest.fixture
def lagging(make_site):
    """A site whose reads see a write after a second."""
    return make_site(consistency_ms=1000)


@pytest.mark.rule("reads-lag-behind-writes")
def test_a_write_is_read_at_once_unless_reads_lag(site, sent):
    assert site.call(GET, entity=site.upsert(sent())["id"]).status == 200


@pytest.mark.rule("reads-lag-behind-writes")
def test_a_lagging_read_sees_a_write_only_when_its_time_has_come(lagging, sent):
    entity = lagging.upsert(sent())["id"]
    seen = []
    for seconds in (0, 0.999, 0.001):
        lagging.advance(seconds)
        answers = [lagging.call(GET, entity=entity).status, lagging.call(GET_BY, query=BY_EMAIL).status]
        seen.append((*answers, len(lagging.call(QUERY, {"query": {}}).body["marketingConsent"])))
    assert seen == [(404, 404, 0), (404, 404, 0), (200, 200, 1)]


@pytest.mark.rule("reads-lag-behind-writes", "consent-one-per-identifier")
def test_writes_look_at_the_latest_whatever_reads_see(lagging, sent):
    entity = lagging.upsert(sent("PENDING"))["id"]
    assert lagging.call(CREATE, {"marketingConsent": sent()}).status == 409
    assert lagging.upsert(sent())["revision"] == "2"
    assert lagging.call(UPDATE, {"marketingConsent": sent(revision="2")}, entity=entity).status == 200
    assert lagging.call(GET, entity=entity).status == 404


@pytest.mark.rule("reads-lag-behind-writes")
def test_a_lagging_read_still_sees_what_was_deleted(lagging, sent):
    entity = lagging.upsert(sent())["id"]
    lagging.advance(1)
    assert lagging.call(DELETE, entity=entity).status == 200
    assert lagging.call(GET, entity=entity).status == 200
    lagging.advance(1)
    assert lagging.call(GET, entity=entity).status == 404
