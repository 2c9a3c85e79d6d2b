"""Tenants never see each other, and strangers never reach the control API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Api

OTHER = "e0000000-0000-4000-8000-000000000002"


@pytest.mark.rule("tenants-apart")
def test_another_tenants_ids_look_exactly_like_missing_ones(api: Api) -> None:
    mine = api.create("ada@example.com")
    other = api.of(OTHER)
    missing = "f0000000-0000-4000-8000-000000000009"
    update = {"marketingConsent": {"details": mine["details"], "state": "NEVER_CONFIRMED"}}
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", update)):
        seen = other.call(method, f"{CONSENTS}/{mine['id']}", body)
        unseen = other.call(method, f"{CONSENTS}/{missing}", body)
        assert seen.status == unseen.status == 404
        assert seen.response.body.replace(mine["id"].encode(), b"") == unseen.response.body.replace(
            missing.encode(), b""
        )


@pytest.mark.rule("tenants-apart")
def test_another_tenants_identifiers_are_neither_found_nor_taken(api: Api) -> None:
    api.create("ada@example.com")
    other = api.of(OTHER)
    by_email = other.call("GET", f"{CONSENTS}/get-by", query="type=EMAIL&email=ada%40example.com")
    removed = other.call(
        "POST", f"{CONSENTS}/remove",
        {"details": {"type": "EMAIL", "email": "ada@example.com"}, "lastRevokeActivity": {}},
    )  # fmt: skip
    assert (by_email.status, removed.status) == (404, 404)
    assert other.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"] == []
    assert other.create("ada@example.com")["revision"] == "1"


@pytest.mark.rule("tenants-apart")
def test_members_of_two_tenants_have_two_accounts(api: Api) -> None:
    other = api.of(OTHER)
    api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    assert other.call("GET", CHANNELS, identity="MEMBER").json == {"followedChannels": []}
    followed = other.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    mine = api.call("GET", CHANNELS, identity="MEMBER").json["followedChannels"][0]
    assert followed.json["followedChannel"]["accountId"] != mine["accountId"]


def test_clock_switches_journal_and_state_belong_to_one_tenant(api: Api) -> None:
    other = api.of(OTHER)
    before = other.state()
    api.create("ada@example.com")
    api.control("PUT", "/clock", {"now": "2030-01-01T00:00:00Z"})
    api.control("PUT", "/channels", {"channels": ["X"], "loyaltyInstalled": False})
    assert other.state() == before
    assert other.control("GET", "/exchanges").json["exchanges"] == []
    api.control("POST", "/reset")
    assert other.state() == before


def test_a_reset_of_one_tenant_leaves_the_others_alone(api: Api) -> None:
    other = api.of(OTHER)
    other.create("ada@example.com")
    before = other.state()
    api.control("POST", "/reset")
    assert other.state() == before
    api.control("POST", "/reset", query="instance=*")
    assert other.state()["marketingConsents"] == []


def test_a_client_id_names_its_tenant_and_an_unknown_one_is_refused(api: Api) -> None:
    client = api.of(OTHER).control("GET", "/tenant").json["clientId"]
    grant = {"grantType": "anonymous", "clientId": client}
    token = api.call("POST", "/oauth2/token", grant, identity=None).json["access_token"]
    info = api.call("POST", "/oauth2/token-info", {"token": token}, identity=None).json
    assert (info["instanceId"], info["subjectType"]) == (OTHER, "VISITOR")
    unknown = api.call("POST", "/oauth2/token", {**grant, "clientId": OTHER}, identity=None)
    assert (unknown.status, unknown.json["error"]) == (401, "invalid_client")


def test_requests_that_name_no_tenant_are_kept_apart_and_shown_to_all(api: Api) -> None:
    api.call("GET", "/nowhere", identity=None)
    shown = api.of(OTHER).control("GET", "/exchanges").json
    assert shown["exchanges"] == []
    assert [exchange["response"]["status"] for exchange in shown["unattributed"]] == [404]


# ---- the control API -----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example"])
def test_another_host_name_is_403(api: Api, host: str) -> None:
    answer = api.control("GET", "/health", headers={"host": host}, query="")
    assert (answer.status, answer.code) == (403, "MOCK_FORBIDDEN")


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787"])
def test_the_machines_own_names_are_taken(api: Api, host: str) -> None:
    assert api.control("GET", "/health", headers={"host": host}, query="").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_change_from_another_origin_is_403_and_changes_nothing(api: Api, headers: dict[str, str]) -> None:
    api.create()
    before = api.state()
    assert api.control("POST", "/reset", headers=headers).status == 403
    assert api.state() == before


def test_a_change_must_come_as_json(api: Api) -> None:
    answer = api.control("POST", "/tokens", {"identity": "APP"}, headers={"content-type": "text/plain"})
    assert (answer.status, answer.code) == (415, "MOCK_UNSUPPORTED_MEDIA_TYPE")


@pytest.fixture
def shared(make_api: Callable[..., Api]) -> Api:
    return make_api(host="0.0.0.0", admin_token="s3cret-admin", public_url="http://mock.example:8787")  # noqa: S104


def _as(token: str | None) -> dict[str, Any]:
    return {"host": "mock.example:8787"} | ({"authorization": token} if token else {})


@pytest.mark.parametrize(
    "token",
    [None, "s3cret-admin", "Bearer s3cret-admi", "Bearer s3cret-admin2", "Bearer \udcff"],
)
def test_off_loopback_a_call_without_the_admin_token_is_401(shared: Api, token: str | None) -> None:
    answer = shared.control("GET", "/state", headers=_as(token))
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


def test_off_loopback_the_admin_token_opens_and_health_and_documents_need_none(shared: Api) -> None:
    assert shared.control("GET", "/state", headers=_as("Bearer s3cret-admin")).status == 200
    for path in ("/health", "/openapi.yaml", "/control.json"):
        assert shared.control("GET", path, headers=_as(None), query="").status == 200


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:1", "https://localhost", "http://evil.example@127.0.0.1:8787", "javascript://127.0.0.1/"],
)
def test_an_origin_is_scheme_host_and_port(api: Api, origin: str) -> None:
    assert api.control("POST", "/reset", headers={"origin": origin}).status == 403
    assert api.control("POST", "/reset", headers={"origin": "http://127.0.0.1:8787"}).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1/x", "127.0.0.1#x", "127.0.0.1:x", "evil.example@127.0.0.1"])
def test_a_host_header_that_is_no_host_is_403(api: Api, host: str) -> None:
    assert api.control("GET", "/health", headers={"host": host}, query="").status == 403


def test_through_a_public_name_the_control_api_asks_for_the_admin_token(make_api: Callable[..., Api]) -> None:
    tunnelled = make_api(public_url="https://tunnel.example")
    named = {"host": "tunnel.example"}
    assert tunnelled.control("GET", "/state", headers=named).status == 401
    assert tunnelled.control("GET", "/health", headers=named, query="").status == 200
    assert tunnelled.control("GET", "/state").status == 200
