"""Access, refresh and link tokens: only what this server issued, for as long as it said, for the site it named."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from conftest import CONSENTS, Api
from joserfc.jwe import JWERegistry, encrypt_compact
from joserfc.jwk import OctKey

from wixture.mockserver import jwe
from wixture.mockserver.links import BadLink, LinkClaims
from wixture.mockserver.messages import Request

OTHER = "e0000000-0000-4000-8000-000000000002"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(
    key: bytes, header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, digest: str = "sha256"
) -> str:
    parts = [_b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload)]
    signature = hmac.digest(key, ".".join(parts).encode(), digest)
    return "OauthNG.JWS." + ".".join([*parts, _b64(signature)])


def _payload(api: Api) -> dict[str, Any]:
    part = api.token("APP").split(".")[3]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def _is_refused(api: Api, token: str) -> bool:
    answer = api.call("GET", f"{CONSENTS}/x", headers={"authorization": token})
    return (answer.status, answer.code if answer.status == 401 else "") == (401, "UNAUTHENTICATED")


@pytest.mark.rule("token-required")
def test_a_token_with_any_character_changed_is_401(api: Api) -> None:
    token = api.token("APP")
    for place in range(len(token)):
        for other in "AB-":
            if token[place] != other:
                assert _is_refused(api, token[:place] + other + token[place + 1 :]), place


def test_only_hs256_with_the_servers_own_key_is_accepted(api: Api) -> None:
    key, payload = api.mock.app.keys.token, _payload(api)
    good = _signed(key, {"alg": "HS256"}, payload)
    assert api.call("GET", f"{CONSENTS}/x", headers={"authorization": good}).status == 404
    assert _is_refused(api, _signed(b"x" * 32, {"alg": "HS256"}, payload))
    assert _is_refused(api, _signed(key, {"alg": "HS512"}, payload, "sha512"))
    assert _is_refused(api, _signed(key, {"alg": "none"}, payload))
    assert _is_refused(api, good.rpartition(".")[0] + ".")
    assert _is_refused(api, _signed(key, {"alg": "HS256", "crit": ["exp"]}, payload))


@pytest.mark.parametrize(
    "header", [{"kid": "/etc/passwd"}, {"jku": "http://127.0.0.1:1/k"}, {"x5u": "http://127.0.0.1:1/k"}]
)
def test_a_header_never_opens_a_file_or_an_address(api: Api, header: dict[str, str]) -> None:
    token = _signed(b"guessed", {"alg": "HS256", **header}, _payload(api))
    assert _is_refused(api, token)


@pytest.mark.parametrize(
    "change", [{"exp": None}, {"exp": "9999999999"}, {"exp": 1.7e9}, {"exp": True}, {"iat": "1"}, {"use": "link"}]
)
def test_exp_and_iat_must_be_whole_numbers_and_the_use_must_fit(api: Api, change: dict[str, Any]) -> None:
    payload = {**_payload(api), **change}
    payload = {name: value for name, value in payload.items() if value is not None}
    assert _is_refused(api, _signed(api.mock.app.keys.token, {"alg": "HS256"}, payload))


def test_a_refresh_token_opens_no_operation(api: Api) -> None:
    tokens = api.control("POST", "/tokens", {"identity": "APP"}).json
    assert _is_refused(api, tokens["refresh_token"])


def test_an_oversized_token_is_refused_before_any_cryptography(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    import jwt

    asked: list[str] = []
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: asked.append("decode"))
    assert _is_refused(api, "OauthNG.JWS." + "a" * 9000)
    assert _is_refused(api, "OauthNG.JWS.a b.c.d")
    assert not asked


def test_padding_and_other_spellings_of_one_token_are_refused(api: Api) -> None:
    token = api.token("APP")
    assert _is_refused(api, token + "=")
    assert _is_refused(api, token + "\n.")
    assert _is_refused(api, token.replace("OauthNG", "oauthng"))


@pytest.mark.rule("token-required")
def test_a_token_is_taken_raw_and_after_bearer(api: Api) -> None:
    for value in (api.token("APP"), f"Bearer {api.token('APP')}", f"bearer  {api.token('APP')} "):
        assert api.call("GET", f"{CONSENTS}/x", headers={"authorization": value}).status == 404


@pytest.mark.rule("token-required")
def test_a_missing_an_unknown_and_an_expired_token_are_401_with_what_to_do(api: Api) -> None:
    missing = api.call("GET", f"{CONSENTS}/x", identity=None)
    unknown = api.call("GET", f"{CONSENTS}/x", headers={"authorization": "abc"})
    token = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 60}).json["access_token"]
    api.control("POST", "/clock/advance", {"seconds": 60})
    expired = api.call("GET", f"{CONSENTS}/x", headers={"authorization": token})
    assert [answer.status for answer in (missing, unknown, expired)] == [401, 401, 401]
    assert "no Authorization header" in missing.json["message"]
    assert "none of this server's" in unknown.json["message"]
    assert "has expired" in expired.json["message"]
    assert all("wixture token" in answer.json["message"] for answer in (missing, unknown, expired))


def test_a_verified_token_is_refused_once_its_time_is_over_though_it_is_cached(api: Api) -> None:
    token = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 60}).json["access_token"]
    assert api.call("GET", f"{CONSENTS}/x", headers={"authorization": token}).status == 404
    api.control("POST", "/clock/advance", {"seconds": 61})
    assert _is_refused(api, token)


def test_a_token_of_a_second_is_good_for_a_second_whenever_it_is_made(api: Api) -> None:
    api.control("PUT", "/clock", {"now": "2024-01-31T08:00:00.999Z"})
    token = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 1}).json["access_token"]
    api.control("POST", "/clock/advance", {"seconds": 0.5})
    assert not _is_refused(api, token)
    api.control("POST", "/clock/advance", {"seconds": 0.5})
    assert _is_refused(api, token)


def test_tokens_stay_valid_over_a_reset(api: Api) -> None:
    token = api.token("APP")
    api.control("POST", "/reset")
    assert not _is_refused(api, token)


def test_header_values_that_are_not_ascii_are_401(api: Api) -> None:
    for value in ("tökén", "\udcff", "Bearer \udcff", "é" * 9000):
        assert _is_refused(api, value)


# ---- links ---------------------------------------------------------------------------------------

# ---- callers that were identified before ---------------------------------------------------------


def _asked(api: Api, token: str, **headers: str) -> int:
    return api.call("GET", f"{CONSENTS}/x", headers={"authorization": token, **headers}).status


@pytest.mark.rule("token-required")
def test_a_caller_known_from_before_is_refused_the_microsecond_its_token_expires(api: Api) -> None:
    token = api.control("POST", "/tokens", {"identity": "APP", "expiresIn": 60}).json["access_token"]
    clock = api.mock.app.tenants.get(api.tenant).clock
    end = clock.now() + 60_000_000
    for now, status in ((end - 60_000_000, 404), (end - 1, 404), (end, 401), (end - 1, 404), (end + 1, 401)):
        clock.set(now, frozen=True)
        assert _asked(api, token) == status


def test_a_known_callers_token_is_judged_by_its_own_tenants_clock(api: Api) -> None:
    mine, theirs = (
        who.control("POST", "/tokens", {"identity": "APP", "expiresIn": 60}).json["access_token"]
        for who in (api, api.of(OTHER))
    )
    assert (_asked(api, mine), _asked(api, theirs)) == (404, 404)
    api.mock.app.tenants.get(OTHER).clock.advance(60)
    assert (_asked(api, mine), _asked(api, theirs)) == (404, 401)


def test_a_token_changed_in_one_character_is_unknown_even_after_the_good_one(api: Api) -> None:
    token = api.token("APP")
    assert _asked(api, token) == 404
    changed = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    assert (_asked(api, changed), _asked(api, token)) == (401, 404)


def test_a_token_that_another_server_knows_is_unknown_here(api: Api, make_api: Callable[..., Api]) -> None:
    other = make_api(clock="2024-01-31T08:00:00Z", random_seed=2)
    token = other.token("APP")
    assert (_asked(other, token), _asked(api, token), _asked(other, token)) == (404, 401, 404)


def test_what_an_identity_may_do_is_not_what_the_one_before_it_might(api: Api) -> None:
    for identity, status in (("APP", 404), ("MEMBER", 403), ("APP", 404), ("VISITOR", 403)):
        assert _asked(api, api.token(identity)) == status


def test_scopes_are_judged_for_each_token(api: Api) -> None:
    asked = {"identity": "APP", "scopes": ["SCOPE.NOTHING"]}
    weak = api.control("POST", "/tokens", asked).json["access_token"]
    assert [_asked(api, token) for token in (api.token("APP"), weak, api.token("APP"))] == [404, 403, 404]


def test_an_api_key_acts_for_the_site_of_each_request(api: Api) -> None:
    key = api.mock.app.settings.api_key
    consent = api.create()
    for site, status in ((api.tenant, 200), (OTHER, 404), (api.tenant, 200)):
        headers = {"authorization": key, "wix-site-id": site}
        assert api.call("GET", f"{CONSENTS}/{consent['id']}", headers=headers).status == status
    assert _asked(api, key) == 401


def test_only_so_many_callers_are_remembered(api: Api) -> None:
    auth, token = api.mock.app.auth, api.token("APP")
    for number in range(2_100):
        auth.identify(Request("GET", "/", headers={"authorization": "Bearer" + " " * (number + 1) + token}))
        assert len(auth._remembered) <= 2_000


# ---- links ---------------------------------------------------------------------------------------

NOW = 1_706_688_000_000_000
CLAIMS = LinkClaims(OTHER, "c", "CONFIRMATION", "de")


def _link_token(api: Api) -> str:
    url = api.mock.app.links.make(CLAIMS, now=NOW, draw=lambda size: hashlib.sha512(b"x").digest()[:size])
    return url.partition("?token=")[2]


@pytest.mark.rule("link-token-jwe")
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 200])
def test_a_sealed_text_is_what_the_jose_library_seals_and_what_it_opens(size: int) -> None:
    key, text = bytes(range(16)), b"x" * size
    drawn = bytes(range(100, 148))

    class Given:
        """The library's content encryption, with the key and IV that `seal` drew."""

        def __init__(self, encryption: Any) -> None:
            self.encryption = encryption

        def __getattr__(self, name: str) -> Any:
            return getattr(self.encryption, name)

        def generate_cek(self) -> bytes:
            return drawn[:32]

        def generate_iv(self) -> bytes:
            return drawn[32:]

    class Registry(JWERegistry):
        def get_enc(self, name: str) -> Any:
            return Given(super().get_enc(name))

    header = {"alg": "A128KW", "enc": "A128CBC-HS256", "kid": "k"}
    registry = Registry(algorithms=[header["alg"], header["enc"]])
    sealed = jwe.seal(text, key, "k", lambda _: drawn)
    assert sealed == encrypt_compact(header, text, OctKey.import_key(key), registry=registry)
    assert jwe.unseal(sealed, key, "k") == text


@pytest.mark.rule("link-token-jwe")
def test_a_link_token_is_the_jwe_of_the_samples(api: Api) -> None:
    token = _link_token(api)
    prefix, header, *parts = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    sizes = [len(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts]
    assert (prefix, decoded["alg"], decoded["enc"]) == ("JWE", "A128KW", "A128CBC-HS256")
    assert (sizes[0], sizes[1], sizes[3]) == (40, 16, 16)
    assert api.mock.app.links.read(token, now_at=lambda _: NOW) == CLAIMS


@pytest.mark.rule("link-token-jwe")
def test_a_link_token_flipped_expired_or_of_another_key_is_refused_alike(
    api: Api, make_api: Callable[..., Api]
) -> None:
    token = _link_token(api)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forged = [
        token[:place] + alphabet[alphabet.index(token[place]) ^ (1 << bit)] + token[place + 1 :]
        for place in range(4, len(token))
        for bit in range(6)
        if token[place] in alphabet
    ]
    texts = set()
    for bad in [
        *forged,
        "",
        "JWE.",
        token[4:],
        token + "A",
        "JWE." + "a" * 5000,
        "JWE.a.b.c.d.e",
        _signed(b"k", {}, {}),
    ]:
        with pytest.raises(BadLink) as caught:
            api.mock.app.links.read(bad, now_at=lambda _: NOW)
        texts.add(str(caught.value))
    with pytest.raises(BadLink) as caught:
        api.mock.app.links.read(token, now_at=lambda _: NOW + 31 * 86_400 * 1_000_000)
    assert texts | {str(caught.value)} == {"This link is not valid."}
    with pytest.raises(BadLink):
        make_api(random_seed=2).mock.app.links.read(token, now_at=lambda _: NOW)
