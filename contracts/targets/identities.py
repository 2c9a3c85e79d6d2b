"""Who calls a target: the headers of each identity, with tokens asked for when they are first needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from wixture.contracts.findings import Exchanged
from wixture.contracts.targets.credentials import NEEDED, Credentials

Identity = Literal["APP", "WIX_USER", "MEMBER", "VISITOR", "OTHER_APP", "EXPIRED", "NOBODY"]
"""Who may call. OTHER_APP is the app on a second site, EXPIRED its token of yesterday; NOBODY sends nothing."""

OTHER_SITE = "d0000000-0000-4000-8000-00000000000d"
"""The second site on a mock, where any GUID is one."""

MOST_TOKEN = 16 * 1024
"""How long a token may be: more is in no header, and every report would be searched for it."""

Ask = Callable[[str, str, Mapping[str, Any], Mapping[str, str]], Exchanged]
"""Sends method, path, JSON body and headers to the target, by no operation of a contract."""


class NoIdentity(Exception):
    """An identity cannot call. The text says what would let it."""


class NotProven(NoIdentity):
    """An identity asked for a token with what it was given, and got none that can be used."""


class Identities:
    """Headers by identity; `ask` sends a request to the target."""

    def __init__(self, credentials: Credentials, ask: Ask, *, on_mock: bool) -> None:
        self._credentials = credentials
        self._ask = ask
        self._on_mock = on_mock
        self._headers: dict[Identity, dict[str, str]] = {"NOBODY": {}}
        self._refresh: dict[Identity, str] = {}

    def lacking(self, identity: Identity) -> str | None:
        """What is missing for an identity to call, without asking the target; None when nothing is."""
        given = self._credentials
        if self._on_mock or identity == "NOBODY":
            return None
        having = {
            "APP": given.has_app,
            "WIX_USER": bool(given.api_key and given.site_id),
            "MEMBER": bool(given.member_token),
            "VISITOR": bool(given.visitor_token),
            "EXPIRED": False,
            "OTHER_APP": bool(given.other_app_token or (given.can_issue and given.other_instance_id)),
        }
        return None if having[identity] else _NEEDS[identity]

    def headers(self, identity: Identity) -> Mapping[str, str]:
        """The headers by which an identity proves itself. Raises NoIdentity."""
        if identity not in self._headers:
            missing = self.lacking(identity)
            if missing:
                raise NoIdentity(missing)
            self._headers[identity] = self._proof(identity)
        return self._headers[identity]

    def token(self, kind: str) -> str | None:
        """The app's access token as sent (`token`), or a visitor's refresh token; None where there is none."""
        if kind == "token":
            return self.headers("APP").get("Authorization", "").removeprefix("Bearer ")
        self.headers("VISITOR")
        return self._refresh.get("VISITOR")

    def _proof(self, identity: Identity) -> dict[str, str]:
        given = self._credentials
        tokens = {
            "APP": given.app_token,
            "MEMBER": given.member_token,
            "VISITOR": given.visitor_token,
            "OTHER_APP": given.other_app_token,
        }
        if identity == "WIX_USER" and given.api_key and given.site_id:
            return {"Authorization": given.api_key, "wix-site-id": given.site_id}
        if tokens.get(identity):
            return {"Authorization": str(tokens[identity])}
        sites = {"APP": given.instance_id, "OTHER_APP": given.other_instance_id}
        if identity in sites and given.can_issue and sites[identity]:
            return {"Authorization": self._issued(str(sites[identity]))}
        return {"Authorization": self._of_the_mock(identity)}

    def _issued(self, instance_id: str) -> str:
        body = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.app_id,
            "client_secret": self._credentials.app_secret,
            "instance_id": instance_id,
        }
        return self._token(self._ask("POST", "/oauth2/token", body, {}), "The token endpoint")

    def _of_the_mock(self, identity: Identity) -> str:
        given = self._credentials
        kind = "APP" if identity in ("OTHER_APP", "EXPIRED") else identity
        site = OTHER_SITE if identity == "OTHER_APP" else given.instance_id
        body: dict[str, Any] = {"identity": kind} | ({"instanceId": site} if site else {})
        if identity == "EXPIRED":
            body["expiresIn"] = 0
        proof = {"Authorization": f"Bearer {given.admin_token}"} if given.admin_token else {}
        exchange = self._ask("POST", "/_mock/tokens", body, proof)
        given_too = (
            exchange.response_body.get("refresh_token") if isinstance(exchange.response_body, dict) else None
        )
        if isinstance(given_too, str):
            self._refresh[identity] = given_too
        if exchange.status in (401, 403):
            return self._token(exchange, "The mock", "set WIXTURE_ADMIN_TOKEN to its admin token")
        return self._token(exchange, "The mock")

    def _token(self, exchange: Exchanged, who: str, needs: str = "look at the credentials") -> str:
        body = exchange.response_body
        token = body.get("access_token") if isinstance(body, dict) else None
        if exchange.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise NotProven(f"{who} answered {exchange.status} and no access token: {needs}")
        if len(token) > MOST_TOKEN:
            raise NotProven(f"{who} answered an access token of over {MOST_TOKEN:,} letters, so it is not used")
        return token


_NEEDS: dict[Identity, str] = {
    "APP": f"set {NEEDED}",
    "WIX_USER": "set WIXTURE_API_KEY and WIXTURE_SITE_ID",
    "MEMBER": "set WIXTURE_MEMBER_TOKEN",
    "VISITOR": "set WIXTURE_VISITOR_TOKEN",
    "EXPIRED": "only a mock gives a token that has expired",
    "OTHER_APP": "set WIXTURE_OTHER_INSTANCE_ID beside the app's credentials, or WIXTURE_OTHER_APP_TOKEN",
}


def encoded(body: Any) -> bytes:
    """A JSON body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
