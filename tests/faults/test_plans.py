"""Which requests a plan hits: counted, seeded, each tenant's own, visible and removable."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api
from hypothesis import given
from hypothesis import strategies as st

from wixture.mockserver.clock import Chance
from wixture.mockserver.faults import MOST_PLANS, FaultPlans
from wixture.mockserver.messages import Request

from .conftest import UPSERT, consent

MakeApi = Callable[..., Api]
OTHER = "f0000000-0000-4000-8000-000000000001"
SECRET = "wixture-app-secret"
APP = "a0000000-0000-4000-8000-000000000001"
TEAPOT = {"status": 418}


def plan(api: Api, do: dict[str, Any] | None = None, **on: Any) -> str:
    """Post a plan, on every operation unless told otherwise; its ID."""
    times = {"times": on.pop("times")} if "times" in on else {}
    answer = api.control("POST", "/faults", {"on": on or {"operation": "*"}, "do": do or TEAPOT, **times})
    assert answer.status == 200, answer.json
    return str(answer.json["id"])


def plans(api: Api) -> list[dict[str, Any]]:
    return list(api.control("GET", "/faults").json["faults"])


def counts(api: Api) -> list[tuple[int, int]]:
    return [(found["matched"], found["hits"]) for found in plans(api)]


def upsert(api: Api) -> Answer:
    return api.call("POST", UPSERT, consent())


def hits(api: Api, number: int) -> list[bool]:
    """Which of so many upserts are hit."""
    return ["X-Wixture-Fault" in upsert(api).response.headers for _ in range(number)]


# ---- counting ------------------------------------------------------------------------------------


def test_a_plan_without_a_count_hits_every_time(api: Api) -> None:
    plan(api)
    assert hits(api, 3) == [True] * 3
    assert counts(api) == [(3, 3)]


def test_nth_counts_the_matches_of_the_plan_from_1(api: Api) -> None:
    upsert(api)
    plan(api, operation="upsertMarketingConsent", nth=2)
    api.call("GET", CONSENTS, query="type=EMAIL")
    assert hits(api, 4) == [False, True, False, False]
    assert counts(api) == [(4, 1)]


def test_times_is_how_often_it_acts_at_most(api: Api) -> None:
    plan(api, times=2)
    assert hits(api, 4) == [True, True, False, False]
    assert counts(api) == [(4, 2)]


def test_the_first_plan_that_hits_acts_and_every_plan_that_matches_counts(api: Api) -> None:
    first, second = plan(api, {"status": 503}, operation="*", times=1), plan(api, {"status": 504}, operation="*")
    answers = [upsert(api).response for _ in range(2)]
    assert [(found.status, found.headers["X-Wixture-Fault"]) for found in answers] == [(503, first), (504, second)]
    assert counts(api) == [(2, 1), (2, 1)]


@given(
    specs=st.lists(
        st.tuples(st.none() | st.integers(1, 6), st.none() | st.integers(1, 4), st.sampled_from(["*", "a", "b"])),
        max_size=5,
    ),
    asked=st.lists(st.sampled_from("ab"), max_size=12),
)
def test_counts_follow_from_the_order_of_plans_and_requests(specs: list[Any], asked: list[str]) -> None:
    faults = FaultPlans(Chance(1, "tenant"))
    for nth, times, target in specs:
        on = {"operation": target, **({"nth": nth} if nth else {})}
        faults.add({"on": on, "do": TEAPOT, **({"times": times} if times else {})}, short_name=lambda _: None)
    matched, acted = [0] * len(specs), [0] * len(specs)
    for name in asked:
        acting = None
        for index, (nth, times, target) in enumerate(specs):
            if target in ("*", name):
                matched[index] += 1
                if acting is None and nth in (None, matched[index]) and acted[index] < (times or 99):
                    acting = index
        if acting is not None:
            acted[acting] += 1
        hit = faults.hit("operation", name)
        assert (hit and list(faults).index(hit)) == acting
    assert [(found.matched, found.hits) for found in faults] == list(zip(matched, acted, strict=True))


# ---- what matches --------------------------------------------------------------------------------


def test_a_plan_on_an_operation_leaves_the_others_alone(api: Api) -> None:
    plan(api, operation="queryMarketingConsent")
    assert hits(api, 2) == [False, False]
    assert api.call("POST", f"{CONSENTS}/query", {"query": {}}).status == 418
    assert counts(api) == [(1, 1)]


def test_a_plan_on_all_operations_hits_each(api: Api) -> None:
    plan(api)
    operations = api.mock.app.contract.tagged("Marketing Consent", "Loyalty Social Media")
    for operation in operations:
        identity = "MEMBER" if "Loyalty Social Media" in operation.tags else "APP"
        assert api.call(operation.method, operation.path, identity=identity).status == 418, operation
    assert counts(api) == [(11, 11)]


def test_an_operation_is_hit_by_its_aliases_too(api: Api) -> None:
    plan(api, operation="upsertMarketingConsent")
    assert api.call("POST", "/_api/marketing/v1/marketing-consent/upsert", consent()).status == 418


def test_requests_of_nobody_or_of_one_who_may_not_do_not_match(api: Api) -> None:
    plan(api)
    assert api.call("POST", UPSERT, consent(), identity=None).status == 401
    assert api.call("POST", UPSERT, consent(), identity="MEMBER").status == 403
    assert api.call("GET", "/no/such/path").status == 404
    assert counts(api) == [(0, 0)]


def test_requests_that_break_the_contract_match(api: Api) -> None:
    plan(api, {"empty": True}, operation="*")
    answer = api.call("POST", UPSERT, {})
    assert (answer.status, answer.response.body) == (400, b"")
    assert counts(api) == [(1, 1)]


def test_a_plan_on_deliveries_leaves_answers_alone(api: Api) -> None:
    plan(api, {"drop": True}, event="*")
    assert hits(api, 1) == [False]
    assert counts(api) == [(0, 0)]


def test_the_control_api_is_never_disturbed(api: Api) -> None:
    plan(api)
    for path in ("/health", "/faults", "/state", "/exchanges", "/no-such-call"):
        assert "X-Wixture-Fault" not in api.control("GET", path).response.headers
    assert counts(api) == [(0, 0)]


def test_what_a_browser_asks_beforehand_is_never_disturbed(api: Api) -> None:
    plan(api)
    headers = {"access-control-request-method": "POST", "origin": "http://shop.example"}
    assert api.send(Request("OPTIONS", UPSERT, "", headers)).status == 204
    assert counts(api) == [(0, 0)]


def test_a_page_of_another_origin_may_read_which_fault_it_was(api: Api) -> None:
    plan(api, {"rate_limit": True})
    answer = api.call("POST", UPSERT, consent(), headers={"origin": "http://shop.example"}).response
    assert {"X-Wixture-Fault", "Retry-After"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


# ---- the token endpoints -------------------------------------------------------------------------


def _grant(api: Api, **fields: str) -> Answer:
    return api.call("POST", "/oauth2/token", fields, identity=None)


def _app_grant(api: Api, tenant: str) -> Answer:
    more = {"client_id": APP, "client_secret": SECRET, "instance_id": tenant}
    return _grant(api, grant_type="client_credentials", **more)


def test_a_plan_on_everything_leaves_the_token_endpoints_alone(api: Api) -> None:
    plan(api)
    assert _app_grant(api, api.tenant).status == 200
    assert counts(api) == [(0, 0)]


def test_a_token_endpoint_that_is_named_is_hit_for_its_own_tenant(api: Api) -> None:
    plan(api, {"status": 503}, operation="issueToken")
    assert _app_grant(api, OTHER).status == 200
    answer = _app_grant(api, api.tenant)
    assert (answer.status, answer.code) == (503, "MOCK_FAULT")
    [exchange] = api.control("GET", "/exchanges").json["exchanges"]
    assert (exchange["operationId"], exchange["faultId"]) == ("issueToken", plans(api)[0]["id"])


@pytest.mark.parametrize("grant", ["anonymous", "refresh_token", "strip_bound_session", "info", "legacy"])
def test_a_token_request_names_its_tenant_in_many_ways(api: Api, grant: str) -> None:
    of = api.of(OTHER)
    tokens = of.control("POST", "/tokens", {"identity": "APP"}).json
    client = of.control("GET", "/tenant").json["clientId"]
    path, sent = {
        "anonymous": ("/oauth2/token", {"clientId": client, "grantType": "anonymous"}),
        "refresh_token": (
            "/oauth2/token",
            {"refreshToken": tokens["refresh_token"], "grantType": "refresh_token"},
        ),
        "strip_bound_session": (
            "/oauth2/token",
            {"access_token": tokens["access_token"], "client_secret": SECRET, "grant_type": "strip_bound_session"},
        ),
        "info": ("/oauth2/token-info", {"token": tokens["access_token"]}),
        "legacy": ("/oauth/access", {"refresh_token": tokens["refresh_token"], "grant_type": "refresh_token"}),
    }[grant]
    for name in ("issueToken", "getTokenInfo", "issueLegacyToken"):
        plan(of, operation=name)
    assert api.call("POST", path, sent, identity=None).status == 418


def test_a_code_survives_an_injected_status_and_not_a_lost_answer(api: Api) -> None:
    client = api.control("GET", "/tenant").json["clientId"]
    login = {"grantType": "authorization_code", "clientId": client, "code": ""}
    login["code"] = api.control("POST", "/codes", {}).json["code"]
    plan(api, {"status": 503}, operation="issueToken", times=1)
    assert [_grant(api, **login).status for _ in range(2)] == [503, 200]
    login["code"] = api.control("POST", "/codes", {}).json["code"]
    plan(api, {"empty": True}, operation="issueToken", times=1)
    assert [_grant(api, **login).status for _ in range(2)] == [200, 400]


def test_a_refused_token_request_belongs_to_the_tenant_whose_plan_hit_it(api: Api) -> None:
    plan(api, {"empty": True}, operation="issueToken")
    refused = _grant(
        api, grant_type="client_credentials", client_id=APP, client_secret="no", instance_id=api.tenant
    )
    assert (refused.status, refused.response.body) == (401, b"")
    assert [found["faultId"] for found in api.control("GET", "/exchanges").json["exchanges"]] == [
        plans(api)[0]["id"]
    ]


# ---- chance --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("probability", "expected"), [(0, False), (1, True)])
def test_no_and_full_probability_are_certain(api: Api, probability: float, *, expected: bool) -> None:
    plan(api, operation="*", probability=probability)
    assert hits(api, 20) == [expected] * 20


def test_the_same_seed_hits_the_same_requests_and_another_seed_or_tenant_others(make_api: MakeApi) -> None:
    def drawn(seed: int, tenant: str | None = None) -> tuple[bool, ...]:
        api = make_api(random_seed=seed)
        api = api.of(tenant) if tenant else api
        plan(api, operation="*", probability=0.5)
        return tuple(hits(api, 40))

    assert drawn(1) == drawn(1)
    assert len({drawn(1), drawn(2), drawn(1, OTHER)}) == 3
    assert 5 < sum(drawn(1)) < 35


def test_a_reset_removes_plans_and_rewinds_their_chance(api: Api) -> None:
    def drawn() -> list[bool]:
        plan(api, operation="*", probability=0.5)
        return hits(api, 30)

    first = drawn()
    api.control("POST", "/reset")
    assert plans(api) == []
    assert hits(api, 5) == [False] * 5
    api.control("POST", "/reset")
    assert drawn() == first


def test_what_a_plan_draws_depends_on_no_other_plan(api: Api) -> None:
    faults, alone = FaultPlans(Chance(1, "tenant")), FaultPlans(Chance(1, "tenant"))
    half = {"on": {"operation": "a", "probability": 0.5}, "do": TEAPOT}
    for each in (faults, alone):
        each.add(half, short_name=lambda _: None)
    faults.add({**half, "on": {"operation": "*", "probability": 0.5}}, short_name=lambda _: None)
    for name in itertools.islice(itertools.cycle("ab"), 60):
        hit = faults.hit("operation", name)
        assert (hit is next(iter(faults))) == (alone.hit("operation", name) is not None)


# ---- seen, removed, apart ------------------------------------------------------------------------


def test_plans_are_shown_as_they_were_posted_with_their_counts(api: Api) -> None:
    first = plan(api, {"status": 503}, operation="upsertMarketingConsent", nth=2, times=1)
    second = plan(api, {"truncate": 0.5}, operation="*", probability=0.25)
    assert plans(api) == [
        {
            "id": first,
            "on": {"operation": "upsertMarketingConsent", "nth": 2},
            "do": {"status": 503},
            "times": 1,
            "matched": 0,
            "hits": 0,
        },
        {
            "id": second,
            "on": {"operation": "*", "probability": 0.25},
            "do": {"truncate": 0.5},
            "matched": 0,
            "hits": 0,
        },
    ]


def test_a_plan_that_is_removed_acts_no_more(api: Api) -> None:
    first, second = plan(api, {"status": 503}), plan(api, {"status": 504})
    assert api.control("DELETE", f"/faults/{first}").status == 200
    assert upsert(api).status == 504
    assert [found["id"] for found in plans(api)] == [second]
    assert api.control("DELETE", "/faults").status == 200
    assert (plans(api), upsert(api).status) == ([], 200)


def test_removing_what_is_not_there_is_404(api: Api) -> None:
    mine = plan(api)
    for answer in (api.control("DELETE", "/faults/nothing"), api.of(OTHER).control("DELETE", f"/faults/{mine}")):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert len(plans(api)) == 1


def test_tenants_have_plans_of_their_own(api: Api) -> None:
    other = api.of(OTHER)
    plan(api, {"status": 503})
    plan(other, {"status": 504})
    assert (upsert(api).status, upsert(other).status) == (503, 504)
    assert (counts(api), counts(other)) == ([(1, 1)], [(1, 1)])
    api.control("POST", "/reset")
    assert (upsert(api).status, upsert(other).status) == (200, 504)


def test_the_journal_names_the_plan_and_has_the_answer_that_was_to_be_sent(api: Api) -> None:
    ids = [plan(api, do, operation="*", times=1) for do in ({"status": 503}, {"reset": True}, {"empty": True})]
    for _ in range(4):
        upsert(api)
    shown = api.control("GET", "/exchanges").json["exchanges"]
    assert [found["faultId"] for found in shown] == [*ids, None]
    assert [found["response"]["status"] for found in shown] == [503, 200, 200, 200]
    assert [found["response"]["body"] is None for found in shown] == [False, False, True, False]


def test_nothing_answers_5xx_and_no_answer_names_a_fault_unless_asked(api: Api) -> None:
    plan(api, {"status": 500}, operation="listFollowedChannels")
    for method, path in (("POST", UPSERT), ("POST", f"{CONSENTS}/query"), ("GET", f"{CONSENTS}/get-by")):
        answer = api.call(method, path, {})
        assert answer.status < 500
        assert "X-Wixture-Fault" not in answer.response.headers


def test_an_injected_status_that_the_contract_does_not_have_is_no_bug_of_the_mock(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    plan(api, {"status": 507}, operation="*")
    assert api.call("GET", CHANNELS, identity="MEMBER").code == "MOCK_FAULT"
    assert caplog.records == []


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.rule("fault-target-known")
@pytest.mark.parametrize(
    ("on", "field", "closest"),
    [
        ({"operation": "upsertMarketingConsents"}, "on.operation", "upsertMarketingConsent"),
        ({"operation": "listFaults"}, "on.operation", None),
        ({"operation": "onMarketingConsentCreated"}, "on.operation", "getMarketingConsent"),
        ({"event": "marketing_consent_create"}, "on.event", "marketing_consent_created"),
        ({"event": "x" * 200}, "on.event", None),
    ],
)
def test_a_plan_on_an_unknown_name_is_refused_with_the_nearest(
    api: Api, on: dict[str, str], field: str, closest: str | None
) -> None:
    do = TEAPOT if "operation" in on else {"drop": True}
    answer = api.control("POST", "/faults", {"on": on, "do": do})
    assert answer.status == 400
    [found] = answer.violations.values()
    assert (found["field"], found["data"]["rule"]) == (field, "fault-target-known")
    assert (closest is None) or (closest in found["description"])
    assert plans(api) == []


ANY: dict[str, Any] = {"operation": "*"}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"on": ANY, "do": {"status": 200}}, "do.status"),
        ({"on": ANY, "do": {"status": 600}}, "do.status"),
        ({"on": ANY, "do": {"status": "503"}}, "do.status"),
        ({"on": ANY, "do": {"latency_ms": 0}}, "do.latency_ms"),
        ({"on": ANY, "do": {"latency_ms": 60_001}}, "do.latency_ms"),
        ({"on": ANY, "do": {"reset": False}}, "do.reset"),
        ({"on": ANY, "do": {"truncate": 1}}, "do.truncate"),
        ({"on": ANY, "do": {"truncate": -0.1}}, "do.truncate"),
        ({"on": ANY, "do": {"slow_bytes_per_s": 0}}, "do.slow_bytes_per_s"),
        ({"on": ANY, "do": {}}, "do"),
        ({"on": ANY, "do": {"reset": True, "empty": True}}, "do"),
        ({"on": ANY, "do": {"drop": True}}, "do.drop"),
        ({"on": {"event": "*"}, "do": {"status": 503}}, "do.status"),
        ({"on": {}, "do": {"reset": True}}, "on"),
        ({"on": {**ANY, "event": "*"}, "do": {"reset": True}}, "on"),
        ({"on": {**ANY, "nth": 0}, "do": {"reset": True}}, "on.nth"),
        ({"on": {**ANY, "nth": 1, "probability": 0.5}, "do": {"reset": True}}, "on"),
        ({"on": {**ANY, "probability": 1.5}, "do": {"reset": True}}, "on.probability"),
        ({"on": ANY, "do": {"reset": True}, "times": 0}, "times"),
        ({"on": ANY, "do": {"latency": 5}}, "do.latency"),
        ({"do": {"reset": True}}, "on"),
    ],
    ids=str,
)
def test_a_plan_that_breaks_the_contract_is_refused_naming_the_field(
    api: Api, sent: dict[str, Any], field: str
) -> None:
    answer = api.control("POST", "/faults", sent)
    assert answer.status == 400
    assert field in answer.violations
    assert plans(api) == []


@pytest.mark.rule("fault-limit")
def test_thousands_of_plans_are_too_many(api: Api) -> None:
    for _ in range(MOST_PLANS):
        plan(api, operation="*", nth=2)
    for _ in range(3):
        answer = api.control("POST", "/faults", {"on": {"operation": "*"}, "do": TEAPOT})
        assert answer.status == 400
        assert answer.violations["on"]["data"]["rule"] == "fault-limit"
    assert hits(api, 3) == [False, True, False]
    assert {(found["matched"], found["hits"]) for found in plans(api)} == {(3, 1), (3, 0)}
    plan(api.of(OTHER))
    api.control("DELETE", f"/faults/{plans(api)[0]['id']}")
    plan(api)
