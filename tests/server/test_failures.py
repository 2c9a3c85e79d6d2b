"""When the mock itself fails it says so, stores nothing, and repeats nothing of what was sent."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.mockserver.messages import Call, Decision, Found
from wixture.mockserver.rules.world import Rule, World


def _break(api: Api, decide: Any) -> None:
    rules = dict(api.mock.app.rules)
    rules["createMarketingConsent"] = Rule(rules["createMarketingConsent"].find, decide)
    api.mock.app.rules = rules


BODY = {
    "marketingConsent": {
        "details": {"type": "EMAIL", "email": "very-private@example.com"},
        "lastConfirmationActivity": {},
    }
}


def test_an_answer_that_breaks_the_contract_is_500_mock_bug_and_nothing_is_stored(api: Api) -> None:
    right = api.mock.app.rules["createMarketingConsent"].decide

    def decide(call: Call, found: Found, world: World) -> Decision:
        decision = right(call, found, world)
        return Decision({**decision.answer, "grated": True}, decision.changes)

    _break(api, decide)
    answer = api.call("POST", CONSENTS, BODY)
    assert (answer.status, answer.code) == (500, "MOCK_BUG")
    assert "grated is no field here" in answer.json["message"]
    assert api.state()["marketingConsents"] == []


def test_a_crash_is_500_mock_bug_and_logged_by_request_id_without_what_was_sent(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    def decide(call: Call, _: Found, __: World) -> Decision:
        raise RuntimeError(str(call.body))

    _break(api, decide)
    with caplog.at_level(logging.ERROR):
        answer = api.call("POST", CONSENTS, BODY)
    assert (answer.status, answer.code) == (500, "MOCK_BUG")
    assert answer.response.headers["X-Wix-Request-Id"] in caplog.text
    assert "RuntimeError" in caplog.text
    assert "test_failures.py" in caplog.text
    assert "very-private" not in caplog.text
    assert api.token("APP") not in caplog.text


def test_every_operation_must_have_exactly_one_rule() -> None:
    from wixture.mockserver.rules import all_rules

    known = [
        "createMarketingConsent", "getMarketingConsent", "updateMarketingConsent", "deleteMarketingConsent",
        "getMarketingConsentByIdentifier", "removeMarketingConsent", "queryMarketingConsent",
        "upsertMarketingConsent", "bulkUpsertMarketingConsent", "listFollowedChannels", "createFollowedChannel",
    ]  # fmt: skip
    assert set(all_rules(known)) == set(known)
    with pytest.raises(
        LookupError, match=r"listFollowedChannel has no rule\. The closest name is listFollowedChannels"
    ):
        all_rules([*known, "listFollowedChannel"])
    with pytest.raises(LookupError, match="queryMarketingConsent has a rule, but no operation in the contract"):
        all_rules([name for name in known if name != "queryMarketingConsent"])


def test_token_requests_belong_to_the_tenant_they_are_about(api: Api) -> None:
    grant = {"grantType": "anonymous", "clientId": "c0000000-0000-4000-8000-000000000001"}
    api.call("POST", "/oauth2/token", grant, identity=None)
    shown = api.control("GET", "/exchanges").json
    assert [found["operationId"] for found in shown["exchanges"]] == ["issueToken"]
    assert shown["unattributed"] == []
