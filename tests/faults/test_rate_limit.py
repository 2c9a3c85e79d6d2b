"""The vendor's limit of requests, when it is asked for: 200 in any minute of the site's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api

from wixture.contracts.validation import own_contract
from wixture.mockserver.rate_limit import MINUTE_US, REQUESTS, RateLimit
from wixture.mockserver.refusals import Refusal

MakeApi = Callable[..., Api]
OTHER = "f0000000-0000-4000-8000-000000000001"


@pytest.fixture
def limited(make_api: MakeApi) -> Api:
    return make_api(rate_limit="wix", clock="2024-01-31T08:00:00Z", random_seed=1)


def ask(api: Api, **more: Any) -> Answer:
    return api.call("POST", f"{CONSENTS}/query", {"query": {}}, **more)


def statuses(api: Api, number: int) -> list[int]:
    return [ask(api).status for _ in range(number)]


def advance(api: Api, seconds: float) -> None:
    assert api.control("POST", "/clock/advance", {"seconds": seconds}).status == 200


@pytest.mark.rule("rate-limit")
def test_the_201st_request_of_a_minute_is_refused(limited: Api) -> None:
    assert statuses(limited, 200) == [200] * 200
    answer = ask(limited)
    assert (answer.status, answer.code) == (429, "RESOURCE_EXHAUSTED")
    assert answer.response.headers["Retry-After"] == "60"
    assert answer.json["details"]["applicationError"]["data"] == {"rule": "rate-limit"}
    assert "X-Wixture-Fault" not in answer.response.headers


def test_what_is_refused_stores_nothing(limited: Api) -> None:
    statuses(limited, 200)
    details = {"type": "EMAIL", "email": "ada@example.com"}
    sent = {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}}
    assert limited.call("POST", CONSENTS, sent).status == 429
    assert limited.state()["marketingConsents"] == []


@pytest.mark.rule("rate-limit")
def test_the_minute_slides(limited: Api) -> None:
    assert statuses(limited, 100) == [200] * 100
    advance(limited, 30)
    assert statuses(limited, 101) == [200] * 100 + [429]
    advance(limited, 30)
    assert statuses(limited, 101) == [200] * 100 + [429]
    assert ask(limited).response.headers["Retry-After"] == "30"


def test_after_the_seconds_that_are_told_the_next_is_taken_and_not_before(limited: Api) -> None:
    statuses(limited, 200)
    advance(limited, 12.4)
    wait = int(ask(limited).response.headers["Retry-After"])
    advance(limited, wait - 1)
    assert statuses(limited, 1) == [429]
    advance(limited, 1)
    assert statuses(limited, 200) == [200] * 200


def test_refused_requests_do_not_count(limited: Api) -> None:
    statuses(limited, 200)
    assert statuses(limited, 300) == [429] * 300
    advance(limited, 60)
    assert statuses(limited, 200) == [200] * 200


def test_requests_that_break_the_contract_count(limited: Api) -> None:
    for _ in range(200):
        assert limited.call("POST", f"{CONSENTS}/query", {"quarry": {}}).status == 400
    assert ask(limited).status == 429


def test_requests_of_nobody_and_those_for_tokens_and_of_the_control_api_do_not_count(limited: Api) -> None:
    grant = {"grantType": "anonymous", "clientId": "c0000000-0000-4000-8000-000000000001"}
    for _ in range(201):
        assert ask(limited, identity=None).status == 401
        assert limited.call("POST", "/oauth2/token", grant, identity=None).status == 200
        assert limited.control("GET", "/health", query="").status == 200
    assert statuses(limited, 200) == [200] * 200


def test_all_identities_of_a_site_share_its_limit_and_no_other_site_does(limited: Api) -> None:
    for _ in range(200):
        limited.call("GET", CHANNELS, identity="MEMBER")
    assert ask(limited).status == 429
    assert statuses(limited.of(OTHER), 200) == [200] * 200


def test_without_the_option_there_is_no_limit(api: Api) -> None:
    assert statuses(api, 450) == [200] * 450


def test_a_reset_forgets_what_was_sent(limited: Api) -> None:
    statuses(limited, 200)
    limited.control("POST", "/reset")
    assert statuses(limited, 200) == [200] * 200


def test_a_clock_that_is_set_back_starts_a_new_minute(limited: Api) -> None:
    statuses(limited, 200)
    limited.control("PUT", "/clock", {"now": "2023-01-31T08:00:00Z"})
    assert statuses(limited, 201) == [200] * 200 + [429]


def test_a_status_that_a_plan_injects_does_not_count(limited: Api) -> None:
    limited.control("POST", "/faults", {"on": {"operation": "*"}, "do": {"status": 503}, "times": 50})
    assert statuses(limited, 251) == [503] * 50 + [200] * 200 + [429]


def test_a_plan_spoils_the_refusal_too(limited: Api) -> None:
    statuses(limited, 200)
    limited.control("POST", "/faults", {"on": {"operation": "*"}, "do": {"empty": True}})
    answer = ask(limited).response
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (429, b"", "60")


def test_every_operation_declares_the_refusal() -> None:
    operations = own_contract("openapi").contract.tagged("Marketing Consent", "Loyalty Social Media")
    assert all(429 in operation.responses for operation in operations)


def test_no_minute_ever_has_more_than_200_and_no_more_is_remembered() -> None:
    limit, taken, now = RateLimit(), [], 0
    for step in range(20_000):
        now += (step * 7919) % 400_000
        try:
            limit.count(now)
        except Refusal:
            continue
        taken.append(now)
    windows = zip(taken, taken[REQUESTS:], strict=False)
    assert all(later - first >= MINUTE_US for first, later in windows)
    assert len(taken) > REQUESTS
    assert len(limit._taken) == REQUESTS
