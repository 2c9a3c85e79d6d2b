"""Access and refresh tokens: `OauthNG.JWS.` and a JWS of our own, HS256, that carries who is calling.

Nothing is stored: whoever holds the key can read a token, so every worker of a server can.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from wixture.mockserver import base64url
from wixture.mockserver.messages import Caller

Use = Literal["access", "refresh"]

_PREFIX = "OauthNG.JWS."
_LONGEST = 8192
_MOST_CACHED = 10_000


class Tokens:
    """Issues and reads the tokens of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._read: dict[tuple[str, Use], Caller] = {}

    def issue(self, caller: Caller, use: Use, *, token_id: str) -> str:
        """A token for a caller, who says when it is issued and when it expires; `token_id` tells two apart."""
        import jwt  # 100 ms that a start need not wait for

        payload = {
            "data": orjson.dumps(_data(caller)).decode(),
            "use": use,
            "jti": token_id,
            "iat": caller.issued_at // 1_000_000,
            "exp": (caller.expires_at or 0) // 1_000_000,
        }
        return _PREFIX + jwt.encode(payload, self._key, algorithm="HS256", headers={"kid": "wixture"})

    def read(self, token: str, use: Use) -> Caller | None:
        """Whose token it is, expired or not; None for one that this server did not issue for that use."""
        known = self._read.get((token, use))
        if known is None:
            known = self._verified(token, use)
            if known is not None:
                self._remember(token, use, known)
        return known

    def _remember(self, token: str, use: Use, caller: Caller) -> None:
        if len(self._read) >= _MOST_CACHED:
            self._read.clear()
        self._read[token, use] = caller

    def _verified(self, token: str, use: Use) -> Caller | None:
        if len(token) > _LONGEST or not token.startswith(_PREFIX):
            return None
        parts = token.removeprefix(_PREFIX).split(".")
        if len(parts) != 3 or any(base64url.decode(part) is None for part in parts):
            return None
        payload = self._payload(token.removeprefix(_PREFIX))
        return _caller(payload) if payload is not None and payload.get("use") == use else None

    def _payload(self, jws: str) -> Mapping[str, Any] | None:
        import jwt

        # Expiry is judged on the tenant's own clock, by whoever asked.
        options: Any = {
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
            "require": ["exp", "iat"],
        }
        try:
            payload = jwt.decode(jws, self._key, algorithms=["HS256"], options=options)
        except jwt.InvalidTokenError:
            return None
        return payload if type(payload["exp"]) is int and type(payload["iat"]) is int else None


def _data(caller: Caller) -> dict[str, Any]:
    return {
        "instance": {"instanceId": caller.instance_id, "metaSiteId": caller.instance_id},
        "identity": caller.identity,
        "subjectId": caller.subject_id,
        "clientId": caller.client_id,
        "accountId": caller.account_id,
        "scopes": None if caller.scopes is None else sorted(caller.scopes),
        "expiresAt": caller.expires_at,  # to the microsecond: `exp` would cut a token of one second to nothing
    }


def _caller(payload: Mapping[str, Any]) -> Caller:
    data = orjson.loads(payload["data"])
    return Caller(
        identity=data["identity"],
        instance_id=data["instance"]["instanceId"],
        subject_id=data["subjectId"],
        client_id=data["clientId"],
        account_id=data["accountId"],
        scopes=None if data["scopes"] is None else frozenset(data["scopes"]),
        issued_at=payload["iat"] * 1_000_000,
        expires_at=data["expiresAt"],
    )
