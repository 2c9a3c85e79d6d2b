"""What goes out: a bare JWT whose claims are strings in strings, and forgeries that each break one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from conftest import CHANNELS, CONSENTS

from wixture.contracts import dialect
from wixture.contracts.validation import own_contract
from wixture.mockserver.webhooks.tampering import KINDS

WEBHOOKS = list(own_contract("openapi").contract.webhooks)


def _raise_all_four(site: Any) -> None:
    stored = site.api.create()
    body = {"details": stored["details"], "lastRevokeActivity": {"source": "FORM"}}
    site.api.call("POST", f"{CONSENTS}/remove", body)
    site.api.call("DELETE", f"{CONSENTS}/{stored['id']}")
    site.api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")


def _sent(site: Any) -> list[Any]:
    site.subscribe()
    _raise_all_four(site)
    site.flush()
    return [taken.token for taken in site.inbox.taken]


@pytest.mark.rule("webhook-token-form")
def test_every_layer_of_every_event_keeps_its_schema_and_is_a_string_in_the_one_around_it(site: Any) -> None:
    validation = own_contract("openapi")
    tokens = _sent(site)
    assert [token.envelope["eventType"].rpartition(".")[2] for token in tokens] == [
        "marketing_consent_created",
        "marketing_consent_updated",
        "marketing_consent_deleted",
        "followed_channel_created",
    ]
    for token in tokens:
        assert validation.accepts("/components/schemas/WebhookClaims", token.claims)
        assert validation.accepts("/components/schemas/MessageEnvelope", token.envelope)
        assert validation.accepts("/components/schemas/DomainEvent", token.event)
        assert validation.accepts("/components/schemas/IdentificationData", token.identity)
        layers = token.claims["data"], token.envelope["data"], token.envelope["identity"]
        assert all(isinstance(layer, str) for layer in layers)
        assert token.envelope["instanceId"] == site.api.tenant


@pytest.mark.rule("webhook-token-form")
def test_what_is_sent_is_what_the_list_of_events_shows(site: Any) -> None:
    tokens = _sent(site)
    shown = site.events()
    assert [token.event for token in tokens] == [event["event"] for event in shown]
    assert [token.identity for token in tokens] == [event["identity"] for event in shown]


@pytest.mark.rule("webhook-token-lifetime")
def test_tokens_are_dated_by_the_wall_clock_so_that_other_peoples_verifiers_take_them(site: Any) -> None:
    before = int(time.time())
    (token, *_) = _sent(site)
    assert before <= token.claims["iat"] <= int(time.time())
    assert token.claims["exp"] == token.claims["iat"] + 300_000
    assert jwt.decode(token.text, site.public_key(), algorithms=["RS256"]) == token.claims


@pytest.mark.rule("webhook-token-lifetime")
def test_virtual_tokens_are_dated_by_the_tenants_clock(make_site: Callable[..., Any]) -> None:
    site = make_site(clock="2001-01-01T00:00:00Z", token_clock="virtual")
    (token, *_) = _sent(site)
    assert token.claims["iat"] == 978_307_200
    early = make_site(clock="1950-01-01T00:00:00Z", token_clock="virtual")
    (token, *_) = _sent(early)
    assert token.claims["iat"] == 0, "no date of a token is before 1970"


# ---- forgeries -----------------------------------------------------------------------------------


def _forged(site: Any, kind: str) -> tuple[Any, str]:
    site.subscribe()
    site.plan({"tamper": kind})
    site.api.create()
    site.flush()
    (taken,) = site.inbox.taken
    return taken.token, site.public_key()


@pytest.mark.parametrize("kind", ["signature", "payload", "alg_none", "hs256", "expired", "wrong_key"])
def test_a_verifier_that_knows_its_business_refuses_a_forgery(site: Any, kind: str) -> None:
    token, key = _forged(site, kind)
    with pytest.raises(jwt.InvalidTokenError):
        jwt.decode(token.text, key, algorithms=["RS256"])


def test_a_forged_payload_names_another_entity_and_keeps_the_form(site: Any) -> None:
    token, _ = _forged(site, "payload")
    (shown,) = site.events()
    assert token.event["entityId"] != shown["event"]["entityId"]
    assert own_contract("openapi").accepts("/components/schemas/DomainEvent", token.event)


def test_a_forged_signature_differs_in_one_bit_and_its_claims_are_right(site: Any) -> None:
    token, key = _forged(site, "signature")
    assert token.event == site.events()[0]["event"]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token.text, key, algorithms=["RS256"])


def test_an_expired_token_is_otherwise_right(site: Any) -> None:
    token, key = _forged(site, "expired")
    claims = jwt.decode(token.text, key, algorithms=["RS256"], options={"verify_exp": False})
    assert claims["exp"] - claims["iat"] == 300_000
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token.text, key, algorithms=["RS256"])


def test_hs256_is_signed_with_the_public_key_as_the_secret(site: Any) -> None:
    token, key = _forged(site, "hs256")
    head, payload, signature = token.text.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "HS256"
    digest = hmac.new(key.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "==") == digest


def test_alg_none_has_no_signature(site: Any) -> None:
    token, _ = _forged(site, "alg_none")
    assert token.text.endswith(".")
    assert jwt.get_unverified_header(token.text)["alg"] == "none"


def test_the_wrong_key_uses_the_right_ones_name(site: Any) -> None:
    token, _ = _forged(site, "wrong_key")
    assert (
        jwt.get_unverified_header(token.text)["kid"]
        == site.ok("GET", "/webhooks/jwks.json", query="")["keys"][0]["kid"]
    )


def test_an_object_envelope_is_well_signed_and_draws_its_layers_as_objects(site: Any) -> None:
    token, key = _forged(site, "object_envelope")
    claims = jwt.decode(token.text, key, algorithms=["RS256"])
    assert claims["data"]["data"] == site.events()[0]["event"]
    assert claims["data"]["identity"] == site.events()[0]["identity"]
    assert not own_contract("openapi").accepts("/components/schemas/WebhookClaims", claims)


def test_a_wrong_instance_is_well_signed_and_names_another_site(site: Any) -> None:
    token, key = _forged(site, "wrong_instance")
    assert jwt.decode(token.text, key, algorithms=["RS256"]) == token.claims
    assert token.envelope["instanceId"] != site.api.tenant
    assert token.event == site.events()[0]["event"]


def test_every_kind_of_forgery_can_be_asked_for(site: Any) -> None:
    schema = own_contract("control").contract
    assert schema is not None
    for kind in KINDS:
        site.plan({"tamper": kind})
    assert site.api.control("POST", "/faults", {"on": {"event": "*"}, "do": {"tamper": "crayon"}}).status == 400


# ---- the dialect of the pages --------------------------------------------------------------------


def test_in_the_documented_dialect_the_rows_for_events_show_and_the_bytes_repeat(
    make_site: Callable[..., Any],
) -> None:
    site = make_site(dialect="documented")
    site.inbox.answers["http://127.0.0.1:9/in"] = lambda _: "status"
    site.subscribe()
    _raise_all_four(site)
    site.advance(3600)
    by_event: dict[str, list[Any]] = {}
    for taken in site.inbox.taken:
        by_event.setdefault(taken.token.event["id"], []).append(taken.token)
    assert len(by_event) == 4
    for tokens in by_event.values():
        assert len(tokens) == 3
        assert len({token.claims["data"] for token in tokens}) == 1
        name = tokens[0].envelope["eventType"].rpartition(".")[2]
        shown = dialect.forms(name, tokens[0].event)
        assert all("documented" in form for form in shown.values()), (name, shown)
        assert jwt.decode(tokens[0].text, site.public_key(), algorithms=["RS256"])


def test_in_the_corrected_dialect_no_row_shows(site: Any) -> None:
    for token in _sent(site):
        name = token.envelope["eventType"].rpartition(".")[2]
        assert all(form == {"corrected"} for form in dialect.forms(name, token.event).values())


@pytest.mark.parametrize("name", WEBHOOKS)
def test_the_list_of_events_shows_the_documented_form_as_it_is_sent(
    make_site: Callable[..., Any], name: str
) -> None:
    site = make_site(dialect="documented")
    tokens = [token for token in _sent(site) if token.envelope["eventType"].endswith(name)]
    shown = [event["event"] for event in site.events() if event["eventType"].endswith(name)]
    assert [token.event for token in tokens] == shown
    assert len(shown) == 1
