"""The RSA keys of a server, and the tokens they sign. The only file that signs webhooks."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

ALGORITHM = "RS256"
KEY_BITS = 2048
MOST_KEYS = 5
_PUBLIC_EXPONENT = 65537


class BadKey(ValueError):
    """A file that holds no key to sign with. The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key and the name that tokens know it by, its thumbprint of RFC 7638, shortened."""

    private: RSAPrivateKey = field(repr=False)
    kid: str

    @classmethod
    def of(cls, private: RSAPrivateKey) -> SigningKey:
        """A key with its name."""
        numbers = private.public_key().public_numbers()
        members = f'{{"e":"{_number(numbers.e)}","kty":"RSA","n":"{_number(numbers.n)}"}}'
        digest = hashlib.sha256(members.encode()).digest()
        return cls(private, base64.urlsafe_b64encode(digest).decode()[:16])

    def public_pem(self) -> str:
        """The public key as SPKI PEM, as the vendor's dashboard shows it."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()

    def private_pem(self) -> bytes:
        """The whole key as PKCS 8 in PEM, without a password: for the state alone."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def jwk(self) -> dict[str, str]:
        """The public key as a JWK."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": self.kid,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }


def _number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_key(path: Path) -> SigningKey:
    """The key in a PEM file. Raises BadKey for one that cannot be read, is no RSA key or is too short."""
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise BadKey(f"{path} cannot be read: {error.strerror}.") from error
    return key_from(pem, path)


def key_from(pem: bytes, path: Path | str) -> SigningKey:
    """The key in PEM that was found at a path. Raises BadKey."""
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"{path} holds no private key in PEM without a password. {_HOW}") from error
    if not isinstance(private, RSAPrivateKey) or private.key_size < KEY_BITS:
        raise BadKey(f"{path} holds no RSA key of at least {KEY_BITS} bits. {_HOW}")
    return SigningKey.of(private)


_HOW = f"Make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{KEY_BITS} -out key.pem"


class Keyring:
    """The key that signs, made when first needed, and those before it, which still verify.

    Safe to use from several threads.
    """

    def __init__(self, *given: SigningKey) -> None:
        """`given` are the keys that there are, the one that signs first."""
        self._keys = list({key.kid: key for key in given}.values())[:MOST_KEYS]
        self._lock = threading.Lock()

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        with self._lock:
            if not self._keys:
                self._keys.append(new_key())
            return self._keys[0]

    def all(self) -> list[SigningKey]:
        """The keys that verify, the one that signs first."""
        current = self.current
        with self._lock:
            return [current, *self._keys[1:]]

    @staticmethod
    def new() -> SigningKey:
        """A key that could sign next. Takes a while: call it on a thread."""
        return new_key()

    def after(self, made: SigningKey) -> list[SigningKey]:
        """The keys as they are once another one signs; the last few before it still verify."""
        return [made, *self.all()][:MOST_KEYS]

    def rotate(self, made: SigningKey | None = None) -> SigningKey:
        """A new key signs from now on."""
        made = made or new_key()
        keys = self.after(made)
        with self._lock:
            self._keys = keys
        return made

    def replace(self, keys: Iterable[SigningKey]) -> None:
        """These are the keys from now on, the one that signs first."""
        with self._lock:
            self._keys = list(keys)[:MOST_KEYS]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set, the one that signs first."""
        return {"keys": [key.jwk() for key in self.all()]}


def new_key() -> SigningKey:
    """A key that nobody has seen."""
    return SigningKey.of(generate_private_key(_PUBLIC_EXPONENT, KEY_BITS))


def sign(payload: bytes, key: SigningKey) -> str:
    """The compact RS256 JWS of a payload, with the key's name and no `typ`: as in the vendor's sample."""
    headers: dict[str, Any] = {"kid": key.kid, "typ": None}
    return jwt.PyJWS().encode(payload, key.private, algorithm=ALGORITHM, headers=headers)
