"""Compact JWE, A128KW with A128CBC-HS256. The only file that imports joserfc (90 ms: import it late)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from wixture.mockserver import base64url

_ALGORITHMS = ("A128KW", "A128CBC-HS256")
Draw = Callable[[int], bytes]


class _DrawnEncryption:
    """A content encryption whose key and IV come from our own stream, so that a seed repeats the bytes."""

    def __init__(self, encryption: Any, draw: Draw) -> None:
        self._encryption = encryption
        self._draw = draw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encryption, name)

    def generate_cek(self) -> bytes:
        return self._draw(32)

    def generate_iv(self) -> bytes:
        return self._draw(16)


class _Registry(jwe.JWERegistry):
    def __init__(self, draw: Draw | None = None) -> None:
        super().__init__(algorithms=_ALGORITHMS)
        self._draw = draw

    def get_enc(self, name: str) -> Any:
        encryption = super().get_enc(name)
        return encryption if self._draw is None else _DrawnEncryption(encryption, self._draw)


@lru_cache(maxsize=64)
def _imported(key: bytes) -> OctKey:
    return OctKey.import_key(key)


def seal(plaintext: bytes, key: bytes, key_name: str, draw: Draw) -> str:
    """The compact JWE of a plaintext; `draw(size)` gives its content key and IV."""
    header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "kid": key_name}
    return jwe.encrypt_compact(header, plaintext, _imported(key), registry=_Registry(draw))


def unseal(token: str, key: bytes, key_name: str) -> bytes | None:
    """The plaintext of a compact JWE that `seal` made with this key; None for everything else."""
    parts = [base64url.decode(part) for part in token.split(".")]
    if len(parts) != 5 or None in parts or _header(parts[0] or b"") != (*_ALGORITHMS, key_name):
        return None
    try:
        return jwe.decrypt_compact(token, _imported(key), registry=_Registry()).plaintext
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
