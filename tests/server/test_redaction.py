"""No credential is shown in the journal, wherever it was put and however it was spelt."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CONSENTS, Api

SECRET = "hush-hush-hush"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def site(make_api: Callable[..., Api]) -> Api:
    return make_api(app_secret=SECRET, api_key="IST.very-own-key", random_seed=1)


BODIES = [
    ("application/json", {"client_secret": SECRET}),
    ("application/json", {"Client_Secret": SECRET}),
    ("application/json", {"client_secret": [SECRET]}),
    ("application/json", {"client_secret": {"a": SECRET}}),
    ("application/json", f'{{"client_secret": "{SECRET}",}}'),
    ("application/json", f"client_secret={SECRET}"),
    ("multipart/form-data", f"--x\r\n\r\n{SECRET}"),
    (FORM, f"client_secret={SECRET}"),
    ("Application/X-WWW-Form-Urlencoded", f"client_secret={SECRET}&a=1"),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
@pytest.mark.parametrize("secret", [SECRET, "somebody-elses-secret"])
def test_a_token_request_shows_no_secret(site: Api, kind: str, body: Any, secret: str) -> None:
    raw = (body if isinstance(body, str) else json.dumps(body)).replace(SECRET, secret).encode()
    site.call("POST", "/oauth2/token", raw=raw, identity=None, headers={"content-type": kind})
    shown = site.control("GET", "/exchanges").json
    assert len(shown["exchanges"]) + len(shown["unattributed"]) == 1
    assert secret not in json.dumps(shown)


def test_the_secret_of_this_server_is_hidden_under_any_name(site: Api) -> None:
    site.call("POST", "/oauth2/token", {"grant_type": SECRET}, identity=None)
    assert SECRET not in json.dumps(site.control("GET", "/exchanges").json)


def test_tokens_and_keys_are_replaced_by_value_in_paths_headers_and_bodies(site: Api) -> None:
    token = site.token("APP")
    site.call("GET", f"{CONSENTS}/{token}", query=f"marketingConsentId={token}&access_token=abc&client_secret=def")
    site.call(
        "GET", f"{CONSENTS}/x", headers={"x-api-key": "IST.very-own-key", "referer": f"https://a/?t={token}"}
    )
    site.call("POST", CONSENTS, {"marketingConsent": {token: "IST.very-own-key", "a": SECRET}})
    shown = json.dumps(site.control("GET", "/exchanges").json)
    for hidden in (token, "OauthNG", "IST.very-own-key", SECRET, "access_token=abc", "client_secret=def"):
        assert hidden not in shown


def test_an_answers_error_code_is_shown(site: Api) -> None:
    site.call("GET", f"{CONSENTS}/x")
    error = site.control("GET", "/exchanges").json["exchanges"][0]["response"]["body"]["details"][
        "applicationError"
    ]
    assert error["code"] == "NOT_FOUND"


def test_a_question_about_a_token_belongs_to_the_tokens_tenant(site: Api) -> None:
    other = site.of("e0000000-0000-4000-8000-000000000002")
    site.call("POST", "/oauth2/token-info", {"token": other.token("APP")}, identity=None)
    assert site.control("GET", "/exchanges").json["unattributed"] == []
    assert len(other.control("GET", "/exchanges").json["exchanges"]) == 1
