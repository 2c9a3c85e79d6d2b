"""Keys: which files hold one, how they are shown, how they follow each other, and what they never show."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from wixture.mockserver.settings import Settings
from wixture.mockserver.webhooks.dispatch import Dispatch
from wixture.mockserver.webhooks.signing import MOST_KEYS, BadKey, Keyring, SigningKey, read_key, sign

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()


def _written(path: Path, key: Any, secret: Any = OPEN, form: Any = PKCS8) -> Path:
    path.write_bytes(key.private_bytes(PEM, form, secret))
    return path


@pytest.mark.rule("webhook-token-form")
def test_a_signed_payload_is_a_compact_rs256_jws_with_the_keys_name_and_no_type(signing_key: Path) -> None:
    key = read_key(signing_key)
    token = sign(b'{"data":"{}"}', key)
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": key.kid}
    assert jwt.decode(token, key.public_pem(), algorithms=["RS256"]) == {"data": "{}"}
    assert sign(b'{"data":"{}"}', key) == token, "signing repeats exactly"


def test_the_public_key_is_the_same_as_pem_and_as_jwk(signing_key: Path) -> None:
    key = read_key(signing_key)
    from_jwk = jwt.PyJWK(key.jwk()).key
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    assert from_jwk.public_bytes(PEM, spki).decode() == key.public_pem()
    assert key.public_pem().startswith("-----BEGIN PUBLIC KEY-----\n")


def test_a_pkcs1_file_is_a_key_too(tmp_path: Path) -> None:
    made = rsa.generate_private_key(65537, 2048)
    old_form = serialization.PrivateFormat.TraditionalOpenSSL
    assert (
        read_key(_written(tmp_path / "a", made)).kid == read_key(_written(tmp_path / "b", made, form=old_form)).kid
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path, "cannot be read"),
        (lambda path: path.parent, "cannot be read"),
        (lambda path: path.write_text("hello") and path, "holds no private key in PEM"),
        (lambda path: path.write_bytes(b"\xff\x00") and path, "holds no private key in PEM"),
        (lambda path: _written(path, rsa.generate_private_key(65537, 1024)), "at least 2048 bits"),  # noqa: S505  # refused
        (lambda path: _written(path, ec.generate_private_key(ec.SECP256R1())), "no RSA key"),
        (
            lambda path: _written(
                path, rsa.generate_private_key(65537, 2048), serialization.BestAvailableEncryption(b"pw")
            ),
            "without a password",
        ),
    ],
    ids=["missing", "a folder", "text", "bytes", "too short", "elliptic", "with a password"],
)
def test_a_file_that_holds_no_key_to_sign_with_is_refused_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], Path], text: str
) -> None:
    with pytest.raises(BadKey, match=text):
        read_key(make(tmp_path / "key.pem"))


def test_a_new_key_signs_and_the_last_ones_before_it_still_verify() -> None:
    ring = Keyring()
    first = ring.current
    assert ring.current is first
    names = [first.kid]
    for _ in range(MOST_KEYS):
        names.insert(0, ring.rotate().kid)
    assert ring.current.kid == names[0]
    assert [key["kid"] for key in ring.jwks()["keys"]] == names[:MOST_KEYS]


def test_threads_that_ask_at_once_get_one_key() -> None:
    dispatch = Dispatch(Settings(), None)  # type: ignore[arg-type]  # nothing is stored here
    found: list[SigningKey] = []
    threads = [threading.Thread(target=lambda: found.append(dispatch.keyring.current)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({key.kid for key in found}) == 1


def test_no_repr_shows_a_private_key(signing_key: Path) -> None:
    key = read_key(signing_key)
    numbers = key.private.private_numbers()
    for shown in (repr(key), str(key), repr(Keyring(key)), repr([key])):
        assert "RSAPrivateKey" not in shown
        assert str(numbers.d) not in shown


def test_no_answer_of_the_control_api_shows_a_private_part(site: Any) -> None:
    site.subscribe()
    site.api.create()
    site.flush()
    answers = [
        site.api.call("GET", f"/_mock{path}", identity=None).response.body.decode()
        for path in ("/webhooks/jwks.json", "/webhooks/public-key.pem", "/webhooks/events", "/webhooks/deliveries",
                     "/state", "/exchanges")
    ]  # fmt: skip
    rotated = site.ok("POST", "/webhooks/rotate-key", query="")
    assert "PRIVATE" not in "".join(answers)
    for key in [*json.loads(answers[0])["keys"], *rotated["keys"]]:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


def test_after_a_rotation_tokens_are_signed_by_the_new_key_and_old_ones_verify_by_the_set(site: Any) -> None:
    site.subscribe()
    site.api.create()
    site.flush()
    old = site.public_key()
    keys = site.ok("POST", "/webhooks/rotate-key", query="")["keys"]
    assert site.public_key() != old
    site.api.create("bob@example.com")
    site.flush()
    before, after = (taken.token.text for taken in site.inbox.taken)
    by_name = {key["kid"]: jwt.PyJWK(key) for key in keys}
    for token in (before, after):
        assert jwt.decode(token, by_name[jwt.get_unverified_header(token)["kid"]], algorithms=["RS256"])
    assert jwt.get_unverified_header(after)["kid"] == keys[0]["kid"] != jwt.get_unverified_header(before)["kid"]
