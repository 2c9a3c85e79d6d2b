"""What exchanges bring into the coverage document: each item that can be met, met by a real request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api

from wixture.mockserver.coverage import items
from wixture.mockserver.pages.paths import page_of

EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
PHONE = {"type": "PHONE", "phone": "+19172222222"}
CONFIRMED = {"details": EMAIL, "state": "CONFIRMED", "lastConfirmationActivity": {"source": "FORM"}}
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
OTHER = "b0000000-0000-4000-8000-000000000002"


def document(api: Api, query: str | None = None) -> Any:
    answer = api.control("GET", "/coverage", query=query or f"instance={api.tenant}")
    assert answer.status == 200, answer.json
    return answer.json


def met(api: Api, dimension: str, query: str | None = None) -> dict[str, int]:
    """The items of a dimension that were met, with how often."""
    counts = document(api, query)["dimensions"][dimension]
    return {item: count for item, count in counts.items() if count}


# operation: how it is answered 200; {id} is a stored consent's
CALLS: dict[str, tuple[str, str, Any, str]] = {
    "createMarketingConsent": ("POST", CONSENTS, {"marketingConsent": {**CONFIRMED, "details": PHONE}}, ""),
    "getMarketingConsent": ("GET", CONSENTS + "/{id}", None, ""),
    "updateMarketingConsent": ("PATCH", CONSENTS + "/{id}", {"marketingConsent": CONFIRMED}, ""),
    "deleteMarketingConsent": ("DELETE", CONSENTS + "/{id}", None, ""),
    "getMarketingConsentByIdentifier": ("GET", CONSENTS + "/get-by", None, "type=EMAIL&email=ada@example.com"),
    "removeMarketingConsent": ("POST", CONSENTS + "/remove", {"details": EMAIL, "lastRevokeActivity": {}}, ""),
    "queryMarketingConsent": ("POST", CONSENTS + "/query", {"query": {}}, ""),
    "upsertMarketingConsent": ("POST", CONSENTS + "/upsert", {"marketingConsent": CONFIRMED}, ""),
    "bulkUpsertMarketingConsent": ("POST", BULK, {"info": [CONFIRMED]}, ""),
    "listFollowedChannels": ("GET", CHANNELS, None, ""),
    "createFollowedChannel": ("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, ""),
}


def identity_of(operation: str) -> str:
    return "MEMBER" if "Channel" in operation else "APP"


def call(api: Api, operation: str, **more: Any) -> Answer:
    """A call of an operation that is right, unless `more` says otherwise."""
    method, path, body, query = CALLS[operation]
    if "{id}" in path:
        api.control("POST", "/seed", {"marketingConsents": [{"details": EMAIL, "id": OTHER}]})
    elif operation in ("getMarketingConsentByIdentifier", "removeMarketingConsent"):
        api.control("POST", "/seed", {"marketingConsents": [{"details": EMAIL}]})
    sent = {"body": body, "query": query, "identity": identity_of(operation), **more}
    return api.call(method, path.replace("{id}", OTHER), **sent)


def fail(api: Api, operation: str, do: dict[str, Any]) -> None:
    answer = api.control("POST", "/faults", {"on": {"operation": operation}, "do": do})
    assert answer.status == 200, answer.json


# ---- operations and statuses ---------------------------------------------------------------------


def test_nothing_is_met_of_a_mock_that_nobody_called(api: Api) -> None:
    found = document(api)
    assert found["complete"] is True
    assert not any(count for counts in found["dimensions"].values() for count in counts.values())
    assert {name: tuple(counts) for name, counts in found["dimensions"].items()} == items()


def test_every_operation_of_the_two_apis_can_be_met() -> None:
    assert set(CALLS) == set(items()["operations"])


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_meets_its_operation_and_its_status(api: Api, operation: str) -> None:
    for times in (1, 2):
        assert call(api, operation).status in ((200,) if times == 1 else (200, 404, 409))
        assert met(api, "operations") == {operation: times}
    assert met(api, "statuses")[f"{operation} 200"] >= 1


def _refused(api: Api, operation: str, status: str) -> Answer:
    """A call that is refused with a status, by the mock's own rules where a single call can bring it about."""
    if status == "400":
        return call(api, operation, query="wrong=1")
    if status == "401":
        expired = api.control("POST", "/tokens", {"identity": identity_of(operation), "expiresIn": 0}).json
        return call(api, operation, headers={"authorization": expired["access_token"]})
    if status == "403":
        return call(api, operation, identity="APP" if "Channel" in operation else "VISITOR")
    if status == "428":
        api.control("PUT", "/channels", {"loyaltyInstalled": False})
        return call(api, operation)
    fail(api, operation, {"rate_limit": True} if status == "429" else {"status": int(status.replace("xx", "03"))})
    return call(api, operation)


REFUSED = [item.split() for item in items()["statuses"] if not item.endswith(" 200")]


@pytest.mark.parametrize(("operation", "status"), REFUSED, ids=[" ".join(item) for item in REFUSED])
def test_every_refusal_that_is_asked_for_can_be_met(api: Api, operation: str, status: str) -> None:
    assert met(api, "statuses") == {}
    assert str(_refused(api, operation, status).status) == status.replace("xx", "03")
    assert met(api, "statuses") == {f"{operation} {status}": 1}


def test_a_missing_entity_and_a_second_one_need_no_fault(api: Api) -> None:
    api.call("GET", f"{CONSENTS}/{OTHER}")
    api.create()
    api.call("POST", CONSENTS, {"marketingConsent": CONFIRMED})
    assert met(api, "statuses") == {
        "createMarketingConsent 200": 1,
        "createMarketingConsent 409": 1,
        "getMarketingConsent 404": 1,
    }


@pytest.mark.parametrize("status", ["408", "413", "414", "415", "431", "500", "503"])
def test_no_status_is_asked_for_that_says_nothing_about_an_app(status: str) -> None:
    assert not [item for item in items()["statuses"] if item.endswith(f" {status}")]


def test_400_is_asked_for_only_where_the_caller_sends_values() -> None:
    without = {name for name in CALLS if f"{name} 400" not in items()["statuses"]}
    assert without == {"getMarketingConsent", "deleteMarketingConsent", "listFollowedChannels"}


def test_what_names_no_tenant_is_asked_for_on_its_own_or_with_everybody(api: Api) -> None:
    call(api, "queryMarketingConsent", identity=None)
    seen = {"queryMarketingConsent 401": 1}
    assert met(api, "statuses") == {}
    assert met(api, "statuses", "unattributed=true") == seen
    assert met(api, "statuses", "instance=*") == seen
    assert met(api, "statuses", "unattributed=false") == {}


def test_a_tenant_sees_its_own_and_all_tenants_are_added_up(api: Api) -> None:
    other = api.of(OTHER)
    for who, times in ((api, 1), (other, 2)):
        for _ in range(times):
            call(who, "queryMarketingConsent")
    assert met(api, "operations") == {"queryMarketingConsent": 1}
    assert met(other, "operations") == {"queryMarketingConsent": 2}
    assert met(api, "operations", "instance=*") == {"queryMarketingConsent": 3}
    assert document(api, "instance=*")["read"]["exchanges"] == 3


def test_tokens_control_calls_and_unknown_paths_meet_nothing(api: Api) -> None:
    api.call("POST", "/oauth2/token", {"grantType": "anonymous", "clientId": "nobody"}, identity=None)
    api.call("GET", "/nowhere")
    assert met(api, "operations", "instance=*") == met(api, "statuses", "instance=*") == {}


# ---- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", items()["states"])
def test_a_state_is_met_by_channel_when_it_is_answered(api: Api, item: str) -> None:
    kind, state = item.split()
    details = EMAIL if kind == "EMAIL" else PHONE
    activities = {"lastConfirmationActivity": {"source": "FORM"}, "lastRevokeActivity": {"source": "FORM"}}
    api.control("POST", "/seed", {"marketingConsents": [{"details": details, "state": state, **activities}]})
    assert met(api, "states") == {}, "nobody read it yet"
    api.call("POST", f"{CONSENTS}/query", {"query": {}})
    assert met(api, "states") == {item: 1}


@pytest.mark.parametrize(
    ("dimension", "member"), [("optInLevels", "optInLevel"), ("confirmationSources", "source")]
)
def test_each_level_and_source_of_a_confirmation_is_met(api: Api, dimension: str, member: str) -> None:
    for number, value in enumerate(items()[dimension], 1):
        api.create(f"{number}@example.com", lastConfirmationActivity={member: value})
        assert list(met(api, dimension)) == list(items()[dimension][:number])


def test_each_source_of_a_revocation_is_met(api: Api) -> None:
    api.create()
    for number, source in enumerate(items()["revokeSources"], 1):
        api.call("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": {"source": source}})
        assert list(met(api, "revokeSources")) == list(items()["revokeSources"][:number])


def test_each_channel_is_met_when_it_is_followed(api: Api) -> None:
    for number, channel in enumerate(items()["channels"], 1):
        api.call("POST", CHANNELS, {"followedChannel": {"channel": channel}}, identity="MEMBER")
        assert list(met(api, "channels")) == list(items()["channels"][:number])


@pytest.mark.parametrize("headers", [{}, {"x-wixture-dialect": "documented"}], ids=["corrected", "documented"])
def test_both_answers_about_eligibility_are_met_in_either_dialect(api: Api, headers: dict[str, str]) -> None:
    for state, item in (("CONFIRMED", "granted"), ("REVOKED", "notGranted")):
        fields = {"state": state, "lastRevokeActivity": {"source": "FORM"}}
        api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": {**CONFIRMED, **fields}})
        api.call("GET", f"{CONSENTS}/get-by", query="type=EMAIL&email=ada@example.com", headers=headers)
        assert met(api, "eligibility")[item] == 1


def test_a_bulk_answer_meets_what_was_stored_and_what_was_refused(api: Api) -> None:
    api.call("POST", BULK, {"info": [CONFIRMED]})
    assert met(api, "bulkResults") == {"stored": 1}
    api.call("POST", BULK, {"info": [{"state": "NONE"}, CONFIRMED]})
    assert met(api, "bulkResults") == {"stored": 2, "refused": 1}


def test_paging_is_met_beyond_one_page(api: Api) -> None:
    def page(**paging: Any) -> Any:
        return api.call("POST", f"{CONSENTS}/query", {"query": {"cursorPaging": paging}}).json["pagingMetadata"]

    page()
    assert met(api, "paging") == {"empty": 1}
    api.create("1@example.com")
    page()
    assert met(api, "paging") == {"empty": 1, "onlyPage": 1}
    api.create("2@example.com")
    first = page(limit=1)
    assert met(api, "paging") == {"empty": 1, "onlyPage": 1, "firstOfMany": 1}
    page(cursor=first["cursors"]["next"])
    assert met(api, "paging") == dict.fromkeys(items()["paging"], 1)


@pytest.mark.parametrize(("state", "kind"), [("PENDING", "CONFIRMATION"), ("CONFIRMED", "REVOKE_CONFIRMATION")])
def test_a_link_is_met_when_it_is_clicked_and_not_when_it_is_looked_at(api: Api, state: str, kind: str) -> None:
    sent = api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": {**CONFIRMED, "state": state}}).json
    path, _, query = sent["link"]["url"].removeprefix("http://127.0.0.1:8787").partition("?")
    assert page_of(path, "http://127.0.0.1:8787")
    form = {"content-type": "application/x-www-form-urlencoded"}
    for method, seen in (("GET", {}), ("POST", {kind: 1})):
        assert api.call(method, path, identity=None, query=query, headers=form).status == 200
        assert met(api, "links") == seen


# ---- faults --------------------------------------------------------------------------------------

DONE: dict[str, Any] = {"latency_ms": 1, "truncate": 0.5, "slow_bytes_per_s": 64}


@pytest.mark.parametrize("name", items()["faults"])
def test_each_fault_of_an_answer_is_met_and_a_lost_answer_is_no_answer(api: Api, name: str) -> None:
    fail(api, "queryMarketingConsent", {name: DONE.get(name, True)})
    call(api, "queryMarketingConsent")
    assert met(api, "faults") == {name: 1}
    assert met(api, "operations") == {"queryMarketingConsent": 1}
    arrives = {"queryMarketingConsent 200": 1} if name in ("latency_ms", "slow_bytes_per_s") else {}
    assert met(api, "statuses") == arrives
    assert bool(met(api, "paging")) == bool(arrives)


def test_a_fault_stays_met_when_its_plan_is_removed(api: Api) -> None:
    fail(api, "queryMarketingConsent", {"garbage": True})
    call(api, "queryMarketingConsent")
    api.control("DELETE", "/faults")
    assert met(api, "faults") == {"garbage": 1}
    assert met(api, "statuses") == {}


def test_an_answer_spoilt_by_a_plan_of_which_nothing_is_known_is_no_answer(api: Api) -> None:
    fail(api, "queryMarketingConsent", {"reset": True})
    call(api, "queryMarketingConsent")
    tenant = api.mock.app.tenants.get(api.tenant)
    tenant.faults = type(tenant.faults)(tenant.chance)
    assert (met(api, "faults"), met(api, "statuses")) == ({}, {})


# ---- what is kept no longer ----------------------------------------------------------------------


def test_what_the_journal_forgot_is_said(make_api: Callable[..., Api]) -> None:
    api = make_api(journal_size=3)
    for _ in range(3):
        call(api, "queryMarketingConsent")
    assert document(api)["complete"] is True
    call(api, "listFollowedChannels")
    call(api, "listFollowedChannels")
    found = document(api)
    assert (found["complete"], found["read"]["exchanges"]) == (False, 3)
    assert found["forgotten"] == {"exchanges": 2, "bodies": 0, "events": 0}
    api.control("DELETE", "/exchanges")
    assert document(api)["complete"] is True, "what was deleted was not forgotten"


@pytest.fixture
def crowded(api: Api) -> Iterator[Api]:
    """A mock whose journals may hold no body any more."""
    budget = api.mock.app.tenants._budget
    budget.limit = 1
    yield api
    assert budget.used > budget.limit


def test_an_exchange_that_lost_its_body_still_shows_its_status(crowded: Api) -> None:
    crowded.create()
    call(crowded, "queryMarketingConsent")
    found = document(crowded)
    assert found["complete"] is False
    assert found["forgotten"]["exchanges"] + found["forgotten"]["bodies"] >= 1
    assert sum(found["dimensions"]["statuses"].values()) == found["read"]["exchanges"]


def test_reset_begins_anew(api: Api) -> None:
    call(api, "queryMarketingConsent")
    api.control("POST", "/reset")
    assert met(api, "operations") == {}


@pytest.mark.parametrize("query", ["instance=nobody", "unattributed=yes", "since=1"])
def test_a_query_that_nobody_understands_is_refused(api: Api, query: str) -> None:
    assert api.control("GET", "/coverage", query=query).status == 400
