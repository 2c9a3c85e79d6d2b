"""The token endpoints: every grant, in both spellings, and every way to be refused."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER, Answer, Api

APP = {"client_id": "a0000000-0000-4000-8000-000000000001", "client_secret": "wixture-app-secret"}
SITE = "b0000000-0000-4000-8000-000000000001"
CLIENT = "c0000000-0000-4000-8000-000000000001"
VERIFIER = "a-verifier-of-a-decent-length-that-nobody-else-has"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def _grant(api: Api, path: str = "/oauth2/token", **fields: Any) -> Answer:
    headers = {"authorization": fields.pop("authorization")} if "authorization" in fields else {}
    return api.call("POST", path, fields, identity=None, headers=headers)


def _info(api: Api, token: str) -> Any:
    return api.call("POST", "/oauth2/token-info", {"token": token}, identity=None).json


def _may(api: Api, token: str, path: str) -> bool:
    return api.call("GET", path, headers={"authorization": token}).status in (200, 404)


def test_an_app_gets_a_token_for_a_site(api: Api) -> None:
    answer = _grant(api, grant_type="client_credentials", instance_id=SITE, **APP)
    assert answer.status == 200
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 14400)
    assert _may(api, answer.json["access_token"], f"{CONSENTS}/x")
    info = _info(api, answer.json["access_token"])
    assert info == {
        "active": True, "subjectType": "APP", "subjectId": APP["client_id"], "clientId": APP["client_id"],
        "siteId": SITE, "instanceId": SITE, "iat": "1706688000", "exp": "1706702400",
    }  # fmt: skip


def test_the_same_grant_is_taken_as_a_form(api: Api) -> None:
    raw = "&".join(["grant_type=client_credentials", f"instance_id={SITE}", *(f"{k}={v}" for k, v in APP.items())])
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = api.call("POST", "/oauth2/token", raw=raw.encode(), identity=None, headers=headers)
    assert (answer.status, answer.json["expires_in"]) == (200, 14400)


@pytest.mark.parametrize("spelling", ["snake", "camel"])
def test_a_visitor_gets_both_tokens_in_either_spelling(api: Api, spelling: str) -> None:
    names = ("grant_type", "client_id") if spelling == "snake" else ("grantType", "clientId")
    answer = _grant(api, **dict(zip(names, ("anonymous", CLIENT), strict=True)))
    assert _may(api, answer.json["access_token"], CHANNELS)
    assert _info(api, answer.json["access_token"])["subjectType"] == "VISITOR"
    again = _grant(api, **dict(zip(names, ("anonymous", CLIENT), strict=True)))
    assert (
        _info(api, again.json["access_token"])["subjectId"] != _info(api, answer.json["access_token"])["subjectId"]
    )


@pytest.mark.rule("refresh-keeps-the-old-token")
def test_a_refresh_keeps_the_identity_rotates_and_leaves_the_old_token_good(api: Api) -> None:
    first = _grant(api, grantType="anonymous", clientId=CLIENT).json
    for _ in range(3):  # the SDK sends its first refresh token every time
        renewed = _grant(api, grantType="refresh_token", clientId=CLIENT, refreshToken=first["refresh_token"]).json
        assert renewed["refresh_token"] != first["refresh_token"]
        assert _info(api, renewed["access_token"])["subjectId"] == _info(api, first["access_token"])["subjectId"]
    newest = _grant(api, grant_type="refresh_token", refresh_token=renewed["refresh_token"])
    assert newest.status == 200


def test_an_apps_refresh_needs_its_secret(api: Api) -> None:
    tokens = api.control("POST", "/tokens", {"identity": "APP"}).json
    without = _grant(api, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert without.json["error"] == "invalid_request"
    with_it = _grant(api, grant_type="refresh_token", refresh_token=tokens["refresh_token"], **APP)
    assert with_it.status == 200


def _code(api: Api, **fields: Any) -> str:
    wanted = {"memberId": MEMBER, "codeChallenge": CHALLENGE, "codeChallengeMethod": "S256", **fields}
    return str(api.control("POST", "/codes", wanted).json["code"])


def test_a_member_logs_in_with_a_code_and_its_verifier(api: Api) -> None:
    code = _code(api, redirectUri="https://app.example/back")
    answer = _grant(
        api, grantType="authorization_code", clientId=CLIENT, code=code, codeVerifier=VERIFIER,
        redirectUri="https://app.example/back",
    )  # fmt: skip
    info = _info(api, answer.json["access_token"])
    assert (info["subjectType"], info["subjectId"], info["clientId"]) == ("MEMBER", MEMBER, CLIENT)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"codeVerifier": "another"}, "code_verifier does not match"),
        ({"codeVerifier": None}, "code_verifier does not match"),
        ({"redirectUri": "https://evil.example"}, "redirect_uri is not the one"),
        ({"code": "unknown"}, "unknown or was used before"),
    ],
)
def test_a_code_that_does_not_fit_is_refused_and_gone(api: Api, change: dict[str, Any], text: str) -> None:
    code = _code(api, redirectUri="https://app.example/back")
    good = {"code": code, "codeVerifier": VERIFIER, "redirectUri": "https://app.example/back"}
    answer = _grant(api, grantType="authorization_code", clientId=CLIENT, **{**good, **change})
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert text in answer.json["error_description"]


def test_a_code_is_good_once_and_for_ten_minutes(api: Api) -> None:
    used, late = _code(api), _code(api)
    fields = {"grantType": "authorization_code", "clientId": CLIENT, "codeVerifier": VERIFIER}
    assert _grant(api, code=used, **fields).status == 200
    assert _grant(api, code=used, **fields).json["error"] == "invalid_grant"
    api.control("POST", "/clock/advance", {"seconds": 600})
    assert "has expired" in _grant(api, code=late, **fields).json["error_description"]


def test_a_code_of_another_site_is_refused(api: Api) -> None:
    other = api.of("e0000000-0000-4000-8000-000000000002")
    code = _code(other)
    answer = _grant(api, grantType="authorization_code", clientId=CLIENT, code=code, codeVerifier=VERIFIER)
    assert answer.json["error"] == "invalid_grant"


def test_an_api_key_vouches_for_a_member(api: Api) -> None:
    visitor = _grant(api, grantType="anonymous", clientId=CLIENT).json["access_token"]
    fields = {"grant_type": "authorized_client", "scope": "offline_access", "member_id": MEMBER}
    answer = _grant(api, authorization=f"{visitor},IST.wixture-api-key", **fields)
    assert _info(api, answer.json["access_token"])["subjectId"] == MEMBER
    app = api.token("APP")
    for bad in (visitor, f"{visitor},wrong", "wrong,IST.wixture-api-key", f"{app},IST.wixture-api-key", ""):
        assert _grant(api, authorization=bad, **fields).status == 401


def test_a_bound_session_is_stripped_to_the_app(api: Api) -> None:
    member = api.control("POST", "/tokens", {"identity": "MEMBER"}).json["access_token"]
    fields = {"grant_type": "strip_bound_session", "client_secret": APP["client_secret"]}
    answer = _grant(api, access_token=member, **fields)
    assert _info(api, answer.json["access_token"])["subjectType"] == "APP"
    assert _grant(api, access_token="x", **fields).json["error"] == "invalid_grant"


def test_the_legacy_endpoint_refreshes_and_installs_for_five_minutes(api: Api) -> None:
    code = api.control("POST", "/codes", {"identity": "APP"}).json["code"]
    installed = _grant(api, "/oauth/access", grant_type="authorization_code", code=code, **APP)
    assert (installed.status, installed.json["expires_in"]) == (200, 300)
    token = installed.json["refresh_token"]
    refreshed = _grant(api, "/oauth/access", grant_type="refresh_token", refresh_token=token, **APP)
    assert _may(api, refreshed.json["access_token"], f"{CONSENTS}/x")
    other = _grant(api, "/oauth/access", grant_type="anonymous", **APP)
    assert other.json["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "client_credentials", "instance_id": SITE, **APP, "client_secret": "wrong"},
            401,
            "invalid_client",
        ),
        (
            {"grant_type": "client_credentials", "instance_id": SITE, **APP, "client_id": "wrong"},
            401,
            "invalid_client",
        ),
        ({"grant_type": "client_credentials", **APP}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "instance_id": "me", **APP}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "instance_id": 5, **APP}, 400, "invalid_request"),
        ({"grantType": "anonymous", "clientId": "wrong"}, 401, "invalid_client"),
        ({"grantType": "refresh_token", "refreshToken": "wrong"}, 400, "invalid_grant"),
    ],
)
def test_a_bad_grant_is_refused_as_rfc_6749_says(
    api: Api, fields: dict[str, Any], status: int, error: str
) -> None:
    answer = _grant(api, **fields)
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["error_description"]
    assert "wrong" not in answer.json["error_description"].replace("secret is wrong", "")


@pytest.mark.parametrize(
    ("kind", "raw", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"", 400),
        ("text/plain", b"grant_type=anonymous", 415),
        ("", b"", 415),
        ("application/x-www-form-urlencoded", b"a=1&" * 200, 400),
        ("application/x-www-form-urlencoded", b"\xff\xfe", 400),
    ],
)
def test_a_body_that_is_no_grant_is_invalid_request(api: Api, kind: str, raw: bytes, status: int) -> None:
    for path in ("/oauth2/token", "/oauth2/token-info", "/oauth/access"):
        answer = api.call("POST", path, raw=raw, identity=None, headers={"content-type": kind})
        assert (answer.status, answer.json["error"]) == (status, "invalid_request")


def test_a_token_that_says_nothing_is_inactive_and_nothing_more(api: Api) -> None:
    expired = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 0}).json["access_token"]
    for token in ("", "x", expired, "OauthNG.JWS.a.b.c"):
        assert _info(api, token) == {"active": False}


def test_fields_that_a_token_endpoint_does_not_know_are_ignored_whatever_they_hold(api: Api) -> None:
    more = {"client_id": {}, "x-other": [1], "xOther": "a", "x_other": "b"}
    info = api.call("POST", "/oauth2/token-info", {"token": "x", **more}, identity=None)
    assert (info.status, info.json) == (200, {"active": False})
    granted = _grant(api, grant_type="client_credentials", instance_id=SITE, other={}, _other=1, **APP)
    assert granted.status == 200


@pytest.mark.parametrize("field", ["grant_type", "clientId", "redirect_uri"])
def test_a_field_that_a_grant_knows_is_a_text(api: Api, field: str) -> None:
    answer = _grant(api, **{field: 1})
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert answer.json["error_description"] == f"The field {field!r} must be a text."


def test_scopes_limit_what_a_token_may_do(api: Api) -> None:
    read = {"identity": "APP", "scopes": ["SCOPE.DC-MARKETING.CONSENT-READ"]}
    token = api.control("POST", "/tokens", read).json["access_token"]
    assert _may(api, token, f"{CONSENTS}/x")
    refused = api.call("DELETE", f"{CONSENTS}/x", headers={"authorization": token})
    assert (refused.status, refused.code) == (403, "PERMISSION_DENIED")
    assert "SCOPE.DC-MARKETING.CONSENT-MANAGE" in refused.json["message"]
