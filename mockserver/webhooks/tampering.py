"""Forged webhook tokens, one kind for each fault: what a receiver must refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers

from wixture.mockserver.clock import derived_id
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.webhooks.envelope import TOKEN_SECONDS, claims, envelope
from wixture.mockserver.webhooks.signing import SigningKey, sign

_DAY = 86_400


def forged(kind: str, event: DomainEvent, instance_id: str, key: SigningKey, *, issued_at: int) -> str:
    """The token of an event, wrong in the way that `kind` names: a key of KINDS."""
    return KINDS[kind](event, instance_id, key, issued_at)


def _with_bad_signature(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    head, payload, signature = sign(claims(event, instance_id, issued_at=issued_at), key).split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[len(raw) // 2] ^= 1
    return f"{head}.{payload}.{_encoded(bytes(raw))}"


def _with_other_payload(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    """The payload says that another entity is meant; the signature is that of the right one."""
    head, _, signature = sign(claims(event, instance_id, issued_at=issued_at), key).split(".")
    other = orjson.loads(claims(event, instance_id, issued_at=issued_at))
    other["data"] = other["data"].replace(event.entity_id, derived_id("another entity", event.entity_id))
    return f"{head}.{_encoded(orjson.dumps(other))}.{signature}"


def _unsigned(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    head = _encoded(orjson.dumps({"alg": "none", "kid": key.kid}))
    return f"{head}.{_encoded(claims(event, instance_id, issued_at=issued_at))}."


def _signed_by_the_public_key(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    """HS256, with the public key's PEM as the secret: what a verifier that lets the token choose falls for."""
    head = _encoded(orjson.dumps({"alg": "HS256", "kid": key.kid}))
    signed = f"{head}.{_encoded(claims(event, instance_id, issued_at=issued_at))}"
    digest = hmac.new(key.public_pem().encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(digest)}"


def _expired(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    return sign(claims(event, instance_id, issued_at=max(0, issued_at - TOKEN_SECONDS - _DAY)), key)


def _signed_by_another(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    """Another key under the right key's name."""
    return sign(claims(event, instance_id, issued_at=issued_at), _stranger(key))


def _with_objects(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    """Claims as the vendor's pages draw them, objects instead of strings: a right signature, and unreadable."""
    layer: dict[str, Any] = dict(envelope(event, instance_id))
    layer.update(data=orjson.loads(event.body), identity=orjson.loads(event.identity))
    drawn = {"data": layer, "iat": issued_at, "exp": issued_at + TOKEN_SECONDS}
    return sign(orjson.dumps(drawn), key)


def _of_another_instance(event: DomainEvent, instance_id: str, key: SigningKey, issued_at: int) -> str:
    """Well signed, and about a site that is none of the receiver's."""
    return sign(claims(event, derived_id("another instance", instance_id), issued_at=issued_at), key)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def _stranger(key: SigningKey) -> SigningKey:
    """Another key under a key's name, the same one each time, so that forgeries repeat to the byte.

    It has the key's primes and another exponent: finding primes by a seed would take half a second.
    """
    numbers = key.private.private_numbers()
    order = math.lcm(numbers.p - 1, numbers.q - 1)
    e = next(e for e in range(numbers.public_numbers.e + 2, order, 2) if math.gcd(e, order) == 1)
    d = pow(e, -1, order)
    factors = (d % (numbers.p - 1), d % (numbers.q - 1), numbers.iqmp)
    public = RSAPublicNumbers(e, numbers.public_numbers.n)
    return SigningKey(RSAPrivateNumbers(numbers.p, numbers.q, d, *factors, public).private_key(), key.kid)


KINDS: Mapping[str, Callable[[DomainEvent, str, SigningKey, int], str]] = {
    "signature": _with_bad_signature,
    "payload": _with_other_payload,
    "alg_none": _unsigned,
    "hs256": _signed_by_the_public_key,
    "expired": _expired,
    "wrong_key": _signed_by_another,
    "object_envelope": _with_objects,
    "wrong_instance": _of_another_instance,
}
