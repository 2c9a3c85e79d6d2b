"""A token is judged layer by layer, and nothing that it asks for is done."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wixture.contracts.dialect import documented, emitted
from wixture.mockserver.messages import Caller, Change
from wixture.mockserver.webhooks import verifying
from wixture.mockserver.webhooks.envelope import TOKEN_SECONDS, envelope
from wixture.mockserver.webhooks.events import events_of
from wixture.mockserver.webhooks.public_keys import BadPublicKey, read_public_keys
from wixture.mockserver.webhooks.signing import SigningKey, new_key, sign
from wixture.mockserver.webhooks.tampering import KINDS, forged
from wixture.mockserver.webhooks.verdicts import LAYERS, MOST_PROBLEMS, Verdict, as_dict, as_text
from wixture.mockserver.webhooks.verifying import MOST_BYTES, judge

NOW = 1_706_688_000
SITE = "b0000000-0000-4000-8000-000000000001"
APP = "a0000000-0000-4000-8000-000000000001"
ENTITY = "f0000000-0000-4000-8000-000000000001"
DATE = "2024-01-31T08:00:00.000Z"
CONSENT: dict[str, Any] = {
    "id": ENTITY,
    "revision": "1",
    "details": {"type": "EMAIL", "email": "ada.lovelace@example.com"},
    "state": "CONFIRMED",
    "lastConfirmationActivity": {
        "source": "FORM",
        "optInLevel": "SINGLE_CONFIRMATION",
        "description": "met her at a fair",
    },
    "createdDate": DATE,
    "updatedDate": DATE,
}
FOLLOWED = {"id": ENTITY, "accountId": APP, "channel": "X", "createdDate": DATE}


@cache
def key() -> SigningKey:
    return new_key()


def _event(name: str = "marketing_consent_created") -> Any:
    entity_type, _, kind = name.rpartition("_")
    entity = FOLLOWED if entity_type == "followed_channel" else CONSENT
    change = Change(kind, entity_type, entity)  # type: ignore[arg-type]
    (event,) = events_of(
        [change], Caller("APP", SITE, APP), origin="test", now=NOW * 1_000_000, new_id=lambda: ENTITY
    )
    return event


def _layers() -> dict[str, Any]:
    """What a good token says, taken apart: claims, envelope (`data`), event and identity."""
    inner = envelope(_event(), SITE)
    return {
        "claims": {"iat": NOW, "exp": NOW + TOKEN_SECONDS},
        "envelope": {"eventType": inner["eventType"], "instanceId": SITE},
        "event": json.loads(inner["data"]),
        "identity": json.loads(inner["identity"]),
    }


def _token(change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    layers = _layers()
    change(layers)
    parts = {"data": json.dumps(layers["event"]), "identity": json.dumps(layers["identity"])}
    data = json.dumps({**parts, **layers["envelope"]})
    claims = {"data": data, **layers["claims"]}
    return sign(
        json.dumps({name: value for name, value in claims.items() if value != "ABSENT"}).encode(), key()
    ).encode()


def _judge(token: bytes, *, keys: str | None = None, **more: Any) -> Verdict:
    return judge(token, read_public_keys(keys or key().public_pem()), **{"now": NOW + 1, **more})


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with_header(**members: Any) -> bytes:
    """A token whose header has further members, with a right signature."""
    payload = _token().split(b".")[1].decode()
    header = {"alg": "RS256", "kid": key().kid, **members}
    signed = f"{_b64(json.dumps(header).encode())}.{payload}"
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return f"{signed}.{_b64(key().private.sign(signed.encode(), PKCS1v15(), SHA256()))}".encode()


def _texts(verdict: Verdict, layer: str) -> str:
    return "\n".join(problem.text for problem in verdict.layer(layer).problems)


# ---- good ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "marketing_consent_created",
        "marketing_consent_updated",
        "marketing_consent_deleted",
        "followed_channel_created",
    ],
)
def test_each_event_as_the_mock_sends_it_is_right_in_every_layer(name: str) -> None:
    from wixture.mockserver.webhooks.envelope import claims

    token = sign(claims(_event(name), SITE, issued_at=NOW), key()).encode()
    verdict = _judge(token, instance_id=SITE)
    assert verdict.ok, list(as_text(verdict))
    assert [layer.status for layer in verdict.layers] == ["ok"] * len(LAYERS)


def test_a_line_break_at_the_end_is_no_harm() -> None:
    assert _judge(_token() + b"\n").ok


def test_an_absent_identity_is_allowed() -> None:
    assert _judge(_token(lambda layers: layers["envelope"].update(identity=""))).ok


# ---- forged ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("signature", ["signature"]),
        ("payload", ["signature"]),
        ("alg_none", ["header"]),
        ("hs256", ["header"]),
        ("expired", ["claims"]),
        ("wrong_key", ["signature"]),
        ("object_envelope", ["data", "envelope"]),
        ("wrong_instance", ["envelope"]),
    ],
)
def test_each_forgery_is_wrong_in_the_layer_that_it_forges(kind: str, wrong: list[str]) -> None:
    token = forged(kind, _event(), SITE, key(), issued_at=NOW).encode()
    verdict = _judge(token, instance_id=SITE)
    assert (verdict.ok, verdict.wrong) == (False, wrong)


def test_every_kind_of_forgery_is_covered_above() -> None:
    assert len(KINDS) == 8


def test_objects_are_explained_with_the_pages_that_draw_them() -> None:
    verdict = _judge(forged("object_envelope", _event(), SITE, key(), issued_at=NOW).encode())
    for layer in ("data", "envelope"):
        assert "ledger row webhook-claims-as-objects" in _texts(verdict, layer)
        assert "marketing-consent:567-581" in _texts(verdict, layer)
        assert "social-media:77-91" in _texts(verdict, layer)
    assert verdict.layer("event").status == "ok"  # read all the same


# ---- token and header ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (b"", "is empty"),
        (b'"a.b.c"', "stands in quotes"),
        (b'{"data": "a.b.c"}', "is JSON"),
        (b"a.b", "has 2 part(s)"),
        (b"a.b.c.d.e", "JWE"),
        (b"\xff.b.c", "base64url"),
    ],
    ids=["empty", "quotes", "json", "two parts", "jwe", "bytes"],
)
def test_what_is_no_token_says_so(token: bytes, text: str) -> None:
    verdict = _judge(token)
    assert verdict.layer("token").status == "wrong"
    assert text in _texts(verdict, "token")


def test_a_token_that_is_too_long_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    long = _token(lambda layers: layers["identity"].update(padding="x" * MOST_BYTES))
    monkeypatch.setattr(verifying.RSAAlgorithm, "verify", lambda *_: pytest.fail("cryptography was done"))
    verdict = _judge(long)
    assert f"is longer than {MOST_BYTES} bytes" in _texts(verdict, "token")
    assert [layer.status for layer in verdict.layers[1:]] == ["unread"] * 7


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "payload", "signature"])
@pytest.mark.parametrize("spoil", [lambda text: text + "=", lambda text: text[:-1] + "+"], ids=["padding", "plus"])
def test_a_part_that_is_not_canonical_base64url_is_wrong(part: int, spoil: Callable[[str], str]) -> None:
    parts = _token().decode().split(".")
    parts[part] = spoil(parts[part])
    verdict = _judge(".".join(parts).encode())
    assert verdict.wrong[0] == "token"
    assert not verdict.ok


def test_a_signature_with_stray_bits_in_its_last_character_is_wrong() -> None:
    text = _token().decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    assert base64.urlsafe_b64decode(stray.split(".")[2] + "==") == base64.urlsafe_b64decode(
        text.split(".")[2] + "=="
    )
    assert _judge(stray.encode()).wrong == ["token"]


@pytest.mark.parametrize("name", ["crit", "b64", "jku", "x5u", "jwk", "x5c"])
def test_a_header_that_wants_to_choose_its_key_or_rules_is_called_out(name: str) -> None:
    verdict = _judge(_with_header(**{name: "http://127.0.0.1:9/keys"}))
    assert verdict.wrong == ["header"]
    assert _texts(verdict, "header").startswith(name)
    assert verdict.layer("signature").status == "ok"  # with our key, not with one of the token's


@pytest.mark.parametrize(
    ("alg", "text"),
    [
        ("none", "nobody signed it"),
        ("NONE", "nobody signed it"),
        ("HS256", "shared secret"),
        ("RS512", "RS256 alone"),
        ("PS256", "RS256 alone"),
        ("ES256", "RS256 alone"),
        (None, "absent"),
        (["RS256"], "no text"),
    ],
)
def test_every_algorithm_but_rs256_is_explained_and_never_verified(alg: Any, text: str) -> None:
    verdict = _judge(_with_header(alg=alg))
    assert text in _texts(verdict, "header")
    assert verdict.layer("signature").status == "unread"


def _jwks() -> str:
    return json.dumps({"keys": [key().jwk()]})


def test_a_kid_that_names_no_known_key_is_wrong_and_opens_no_file(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    pem.write_text(key().public_pem())
    verdict = _judge(_with_header(kid=str(pem)), keys=_jwks())
    assert verdict.wrong == ["header"]
    assert f"known: {key().kid}" in _texts(verdict, "header")
    assert _judge(_with_header(kid=key().kid), keys=_jwks()).ok


def test_a_kid_that_is_no_text_is_wrong() -> None:
    assert "kid is no text" in _texts(_judge(_with_header(kid=7)), "header")


def test_a_key_that_stands_twice_in_the_header_is_named() -> None:
    _, payload, signature = _token().decode().split(".")
    header = _b64(b'{"alg":"RS256","alg":"none"}')
    assert "'alg' stands twice" in _texts(_judge(f"{header}.{payload}.{signature}".encode()), "header")


# ---- claims and what is in them ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": "ABSENT"}, "exp is absent"),
        ({"exp": str(NOW + 60)}, "no number"),
        ({"exp": True}, "no number"),
        ({"exp": (NOW + 60) * 1000}, "milliseconds"),
        ({"exp": NOW}, "exp has passed"),
        ({"iat": "now"}, "iat is 'now', no number"),
        ({"iat": NOW + 7200}, "in the future by 2 h"),
        ({"nbf": NOW + 60}, "not good yet"),
    ],
    ids=lambda value: str(value),
)
def test_dates_that_no_receiver_should_trust_are_wrong(claims: dict[str, Any], text: str) -> None:
    verdict = _judge(_token(lambda layers: layers["claims"].update(claims)))
    assert verdict.wrong == ["claims"]
    assert text in _texts(verdict, "claims")


def test_a_token_ends_with_the_second_of_its_exp() -> None:
    token = _token()
    assert _judge(token, now=NOW + TOKEN_SECONDS - 1).ok
    assert _judge(token, now=NOW + TOKEN_SECONDS).wrong == ["claims"]


def _envelope(**members: Any) -> Callable[[dict[str, Any]], object]:
    return lambda layers: layers["envelope"].update(members)


@pytest.mark.parametrize(
    ("change", "layer", "text"),
    [
        (_envelope(eventType="marketing_consent_created"), "envelope", "short name; expected wix.marketing"),
        (
            _envelope(eventType="wix.marketing.marketing_consent.v1.marketing_consent_create"),
            "envelope",
            "closest: wix",
        ),
        (_envelope(eventType=7), "envelope", "expected a text"),
        (_envelope(eventType=None), "envelope", "eventType is absent"),
        (_envelope(instanceId="mine"), "envelope", "no GUID"),
        (_envelope(data=None), "envelope", "data is absent"),
        (_envelope(data={"id": 1}), "envelope", "webhook-claims-as-objects"),
        (_envelope(identity={"identityType": "APP", "appId": APP}), "envelope", "webhook-claims-as-objects"),
        (_envelope(accountInfo={"accountId": "me"}), "envelope", "accountInfo.accountId"),
        (_envelope(more=1), "envelope", "more is no field here"),
        (_envelope(data="{"), "event", "no valid JSON"),
        (_envelope(data="[1]"), "event", "a JSON object is expected"),
        (_envelope(identity="APP"), "identity", "no valid JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_in_the_envelope_is_named(change: Any, layer: str, text: str) -> None:
    verdict = _judge(_token(change))
    assert layer in verdict.wrong
    assert text in _texts(verdict, layer)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", "is empty"),
        ("no json", "no valid JSON"),
        (7, "expected a text"),
        ('{"a":1,"a":2}', "'a' stands twice"),
    ],
)
def test_data_that_is_no_json_text_is_wrong(data: Any, text: str) -> None:
    verdict = _judge(_token(lambda layers: layers["claims"].update(data=data)))
    assert verdict.wrong == ["data"]
    assert text in _texts(verdict, "data")


def test_an_envelope_among_the_claims_is_recognised() -> None:
    verdict = _judge(_token(lambda layers: layers["claims"].update(data="ABSENT", eventType="x")))
    assert "the envelope stands among the claims" in _texts(verdict, "data")


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"identityType": "APP"}, "APP comes with appId, and no ID is there"),
        ({"identityType": "APP", "memberId": APP}, "APP comes with appId, and memberId is there"),
        ({"identityType": "MEMBER", "memberId": APP, "appId": APP}, "there together; MEMBER comes with memberId"),
        ({"identityType": "APP", "appId": "me"}, "appId is 'me', no GUID"),
        ({"identityType": "VISITOR", "memberId": APP}, "expected one of APP, WIX_USER, MEMBER, ANONYMOUS_VISITOR"),
        ({"appId": APP}, "identityType is null"),
        ({"identityType": "APP", "appId": APP, "name": "x"}, "'name' is no field of an identity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_identity_has_the_one_id_of_its_type(identity: dict[str, Any], text: str) -> None:
    def change(layers: dict[str, Any]) -> None:
        layers["identity"] = identity

    verdict = _judge(_token(change))
    assert verdict.wrong == ["identity"]
    assert text in _texts(verdict, "identity")


def test_an_event_that_breaks_the_contract_names_field_and_rule() -> None:
    def change(layers: dict[str, Any]) -> None:
        layers["event"]["createdEvent"]["entity"]["state"] = "CONFRIMED"

    verdict = _judge(_token(change))
    assert verdict.wrong == ["event"]
    problem = verdict.layer("event").problems[0]
    assert problem.violation is not None
    assert problem.violation.pointer == "/createdEvent/entity/state"
    assert "Closest: CONFIRMED" in problem.text


def test_an_event_of_another_type_than_the_envelope_says_is_wrong() -> None:
    updated = "wix.marketing.marketing_consent.v1.marketing_consent_updated"
    assert _judge(_token(_envelope(eventType=updated))).wrong == ["event"]


def test_an_event_as_the_pages_print_it_keeps_the_documented_contract_alone() -> None:
    def change(layers: dict[str, Any]) -> None:
        layers["event"] = emitted("marketing_consent_created", layers["event"])

    token = _token(change)
    assert _judge(token, contract=documented()).ok
    assert _judge(token).wrong == ["event"]


def test_of_many_problems_the_first_are_told() -> None:
    verdict = _judge(_token(lambda layers: layers["identity"].update({f"f{number}": 1 for number in range(500)})))
    problems = verdict.layer("identity").problems
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].text == f"and {500 - MOST_PROBLEMS} more"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layer=st.sampled_from(["claims", "envelope", "event", "identity"]), data=st.data())
def test_whatever_stands_in_a_signed_token_gets_a_verdict(layer: str, data: st.DataObject) -> None:
    def change(layers: dict[str, Any]) -> None:
        names = sorted(set(layers[layer]) | {"data", "identity", "exp", "kid"})
        layers[layer][data.draw(st.sampled_from(names))] = data.draw(ANYTHING)

    verdict = _judge(_token(change))
    assert [one.name for one in verdict.layers] == list(LAYERS)
    assert list(as_text(verdict))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="abcA0-_.={}\"'", max_size=60).map(str.encode))
def test_whatever_bytes_come_get_a_verdict(token: bytes) -> None:
    verdict = _judge(token)
    assert not verdict.ok
    assert verdict.layer("token").status == "wrong" or verdict.layer("header").status == "wrong"


# ---- keys ----------------------------------------------------------------------------------------


def test_a_key_may_be_pem_base64_of_it_a_jwk_or_a_set() -> None:
    pem = key().public_pem()
    forms = [pem, base64.b64encode(pem.encode()).decode(), json.dumps(key().jwk()), _jwks()]
    assert all(_judge(_token(), keys=form).ok for form in forms)


def _pem(private: Any) -> str:
    spki = PublicFormat.SubjectPublicKeyInfo
    return str(private.public_key().public_bytes(Encoding.PEM, spki).decode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lambda: "", "does not begin with"),
        (lambda: key().public_pem().replace("\n", "\\n"), "letters where lines should end"),
        (
            lambda: key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "openssl pkey -in key.pem -pubout",
        ),
        (lambda: key().private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(), "PKCS#1"),
        (lambda: _pem(ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
        (
            lambda: _pem(
                rsa.generate_private_key(65537, 1024)  # noqa: S505  # refused
            ),
            "1024 bits",
        ),
        (lambda: base64.b64encode(b"\x30\x82").decode(), "not of a PEM"),
        (lambda: '{"keys": []}', "no RSA key"),
        (lambda: '{"kty": "RSA", "n": "AQ"}', "lacks n or e"),
        (lambda: '{"kty": "RSA", "n": "AQ", "e": "AQ"}', "numbers that no RSA key has"),
        (lambda: "{", "looks like a JWK set"),
        (lambda: "x" * 70_000, "at most"),
    ],
    ids=[
        "empty",
        "newlines",
        "private",
        "pkcs1",
        "ec",
        "short",
        "der",
        "no keys",
        "no e",
        "numbers",
        "json",
        "long",
    ],
)
def test_a_text_that_holds_no_usable_key_says_what_to_do(text: Callable[[], str], reason: str) -> None:
    with pytest.raises(BadPublicKey) as caught:
        read_public_keys(text())
    assert reason in str(caught.value)


# ---- how it is shown -----------------------------------------------------------------------------


def test_personal_data_is_not_shown_unless_asked_for() -> None:
    verdict = _judge(_token())
    for shown in ("\n".join(as_text(verdict)), json.dumps(as_dict(verdict))):
        assert "ada" not in shown
        assert "fair" not in shown
        assert "***" in shown
    assert "ada.lovelace@example.com" in "\n".join(as_text(verdict, show=True))


@pytest.mark.parametrize("email", ["ada.lovelace", "ada.lovelace@exam ple.com " * 5])
def test_personal_data_is_not_shown_in_a_violation_either(email: str) -> None:
    def change(layers: dict[str, Any]) -> None:
        layers["event"]["createdEvent"]["entity"]["details"]["email"] = email

    verdict = _judge(_token(change))
    assert verdict.wrong == ["event"]
    assert "ada" not in "\n".join(as_text(verdict))
    assert "ada" not in json.dumps(as_dict(verdict))
