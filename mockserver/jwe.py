"""Compact JWE, A128KW with A128CBC-HS256: sealed with `cryptography`, unsealed with joserfc, so that each checks
the other. The only file that imports joserfc, which costs 90 ms: import this file late.

joserfc would seal the same bytes in twice the time; every create and get-by makes a link.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from wixture.mockserver import base64url

_ALGORITHMS = ("A128KW", "A128CBC-HS256")
_BLOCK = 16
Draw = Callable[[int], bytes]


@lru_cache(maxsize=64)
def _imported(key: bytes) -> OctKey:
    return OctKey.import_key(key)


@lru_cache(maxsize=64)
def _sealed_header(key_name: str) -> bytes:
    header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": key_name}
    return base64url.encode(orjson.dumps(header)).encode()


def seal(plaintext: bytes, key: bytes, key_name: str, draw: Draw) -> str:
    """The compact JWE of a plaintext (RFC 7518, 4.4 and 5.2.3); `draw(48)` gives its content key and IV."""
    drawn, header = draw(48), _sealed_header(key_name)
    content_key, vector = drawn[:32], drawn[32:]
    wrapped = aes_key_wrap(key, content_key)
    padding = _BLOCK - len(plaintext) % _BLOCK
    encryptor = Cipher(AES(content_key[16:]), CBC(vector)).encryptor()
    ciphertext = encryptor.update(plaintext + bytes((padding,)) * padding) + encryptor.finalize()
    authenticated = header + vector + ciphertext + (8 * len(header)).to_bytes(8, "big")
    tag = hmac.digest(content_key[:16], authenticated, "sha256")[:16]
    return f"{header.decode()}.{base64url.encode_all((wrapped, vector, ciphertext, tag))}"


def unseal(token: str, key: bytes, key_name: str) -> bytes | None:
    """The plaintext of a compact JWE that `seal` made with this key; None for everything else."""
    parts = [base64url.decode(part) for part in token.split(".")]
    if len(parts) != 5 or None in parts or _header(parts[0] or b"") != (*_ALGORITHMS, key_name):
        return None
    try:
        return jwe.decrypt_compact(token, _imported(key), algorithms=list(_ALGORITHMS)).plaintext
    except (JoseError, ValueError):
        return None


def _header(data: bytes) -> tuple[Any, ...] | None:
    try:
        header = orjson.loads(data)
    except ValueError:
        return None
    if not isinstance(header, Mapping) or set(header) != {"alg", "enc", "kid"}:
        return None
    return header["alg"], header["enc"], header["kid"]
