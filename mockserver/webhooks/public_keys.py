"""The public keys that webhook tokens are verified with, in every form in which people have them. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from wixture.contracts.bodies import BadJson, parse_json
from wixture.mockserver.base64url import decode
from wixture.mockserver.webhooks.signing import KEY_BITS

MOST_CHARACTERS = 64 * 1024
_SPKI = "-----BEGIN PUBLIC KEY-----"
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*\Z")


class BadPublicKey(ValueError):
    """A text that holds no key to verify with. The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One RSA key; `kid` is its name in a JWK set, None for a key that came without one."""

    rsa: RSAPublicKey = field(repr=False)
    kid: str | None = None


def read_public_keys(text: str) -> Sequence[PublicKey]:
    """The keys in a text: SPKI PEM, base64 of that PEM on one line, a JWK or a JWK set. Raises BadPublicKey."""
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        raise BadPublicKey(f"The key has {len(text)} characters; at most {MOST_CHARACTERS} are read.")
    if text.startswith("{"):
        return _from_jwks(text)
    if not text.startswith("-----BEGIN") and _BASE64.match(text):
        text = _from_base64(text)
    return (_from_pem(text),)


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode("ascii").strip()
    except (binascii.Error, UnicodeDecodeError) as error:
        wanted = "expected the base64 of a whole PEM file, its BEGIN and END lines included"
        raise BadPublicKey(f"The key is base64, but not of a PEM; {wanted}.") from error


def _from_pem(text: str) -> PublicKey:
    if "PRIVATE KEY-----" in text:
        how = "Take its public half: openssl pkey -in key.pem -pubout"
        raise BadPublicKey(f"This is a private key, which no verifier needs or should have. {how}")
    if text.startswith("-----BEGIN RSA PUBLIC KEY-----"):
        how = "Rewrite it: openssl rsa -RSAPublicKey_in -in key.pem -pubout"
        raise BadPublicKey(f"The key is PKCS#1 PEM, which the vendor's SDK does not read. {how}")
    if not text.startswith(_SPKI):
        hint = " It has \\n in letters where lines should end." if "\\n" in text else ""
        raise BadPublicKey(f"The key does not begin with {_SPKI}, nor is it a JWK set or base64 of a PEM.{hint}")
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = " It has \\n in letters where lines should end." if "\\n" in text else ""
        raise BadPublicKey(
            f"The key is PEM but cannot be read; take it again from where it came.{hint}"
        ) from error
    if not isinstance(key, RSAPublicKey):
        raise BadPublicKey("The key is no RSA key; webhooks are signed with RS256, which needs one.")
    return PublicKey(_long_enough(key))


def _from_jwks(text: str) -> Sequence[PublicKey]:
    try:
        read = parse_json(text.encode("utf-8", "surrogatepass"))
    except BadJson as error:
        raise BadPublicKey(f"The key looks like a JWK set but is none: {error}") from error
    listed = read.get("keys", [read])
    found = listed if isinstance(listed, list) else []
    keys = tuple(_from_jwk(item) for item in found if isinstance(item, dict) and item.get("kty") == "RSA")
    if not keys:
        raise BadPublicKey('The JWK set holds no RSA key; expected {"keys": [{"kty": "RSA", "n": …, "e": …}]}.')
    return keys


def _from_jwk(jwk: dict[str, Any]) -> PublicKey:
    numbers = [decode(jwk[name]) if isinstance(jwk.get(name), str) else None for name in ("n", "e")]
    kid = jwk.get("kid")
    if not all(numbers) or not isinstance(kid, str | None):
        raise BadPublicKey("A key of the JWK set lacks n or e in base64url, or its kid is no text.")
    modulus, exponent = (int.from_bytes(number or b"", "big") for number in numbers)
    try:
        return PublicKey(_long_enough(RSAPublicNumbers(exponent, modulus).public_key()), kid)
    except ValueError as error:
        if isinstance(error, BadPublicKey):
            raise
        raise BadPublicKey("A key of the JWK set has numbers that no RSA key has.") from error


def _long_enough(key: RSAPublicKey) -> RSAPublicKey:
    if key.key_size < KEY_BITS:
        raise BadPublicKey(f"The key has {key.key_size} bits; webhooks are signed with at least {KEY_BITS}.")
    return key
