"""How an exchange is shown: as JSON, with every credential replaced wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import orjson

from wixture.contracts.violations import Violation
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Exchange, Request, Response
from wixture.mockserver.settings import Settings

REPLACED = "***"

_SECRET_HEADERS = ("authorization", "cookie", "set-cookie", "proxy-authorization")
_TOKEN = re.compile(r"OauthNG\.JWS\.[\w.%-]+")
_TOKEN_OPERATIONS = ("issueToken", "issueLegacyToken", "getTokenInfo")
_SECRET_FIELDS = frozenset("clientsecret accesstoken refreshtoken code codeverifier token".split())
_SECRET_PARAMETER = re.compile(
    r"(?i)((?:^|[?&])(?:client_?secret|access_?token|refresh_?token|code(?:_?verifier)?|token)=)[^&]*"
)


_PASSWORD = re.compile(r"[a-z]+://[^/?#]*?:([^/?#]*)@")


def secrets_of(settings: Settings) -> Sequence[str | None]:
    """What only the server and its owner know: the app's secret, the keys, the password of its database."""
    password = _PASSWORD.match(settings.store)
    in_store = unquote(password[1]) if password else None
    return (settings.app_secret, settings.api_key, settings.admin_token, in_store)


class Redaction:
    """Shows exchanges without this server's tokens and `secrets`, nor what token requests carried."""

    def __init__(self, secrets: Sequence[str | None]) -> None:
        known = [secret for secret in secrets if secret]
        spellings = {spelling for secret in known for spelling in (secret, quote(secret, safe=""))}
        self._secrets = sorted(spellings, key=len, reverse=True)

    def shown(self, exchange: Exchange) -> dict[str, Any]:
        """An exchange as JSON."""
        request, response = exchange.request, exchange.response
        query = _SECRET_PARAMETER.sub(rf"\1{REPLACED}", f"?{request.query_string}") if request.query_string else ""
        is_token = exchange.operation_id in _TOKEN_OPERATIONS
        return {
            "id": exchange.id,
            "time": to_text(exchange.time),
            "instanceId": exchange.instance_id,
            "operationId": exchange.operation_id,
            "identity": exchange.identity,
            "request": {
                "method": request.method,
                "path": self.text(request.path + query),
                "headers": self._headers(request.headers),
                "body": self._body(request, request.headers.get("content-type", ""), is_token=is_token),
            },
            "response": {
                "status": response.status,
                "headers": self._headers(response.headers),
                "body": self._body(response, response.content_type, is_token=is_token),
            },
            "violations": [self.value(_violation(found)) for found in exchange.violations],
            "faultId": exchange.fault_id,
            "ledgerRows": list(exchange.rows),
            "durationMs": exchange.duration_us / 1000,
        }

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: REPLACED if name.lower() in _SECRET_HEADERS else self.text(value)
            for name, value in headers.items()
        }

    def _body(self, message: Request | Response, content_type: str, *, is_token: bool) -> Any:
        if not message.body:
            return None
        if content_type.lower().startswith("application/x-www-form-urlencoded"):
            pairs = parse_qsl(message.body.decode("utf-8", "replace"))
            return self.value(_without_secret_fields(dict(pairs)))
        try:
            value = orjson.loads(message.body)
        except ValueError:  # nobody knows where in it a credential stands
            return REPLACED if is_token else self.text(message.body.decode("utf-8", "replace"))
        return self.value(_without_secret_fields(value) if is_token else value)

    def value(self, value: Any) -> Any:
        """A JSON value without them."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(inner) for key, inner in value.items()}
        return [self.value(inner) for inner in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        """A text without them."""
        for secret in self._secrets:
            text = text.replace(secret, REPLACED)
        return _TOKEN.sub(REPLACED, text)


def _violation(found: Violation) -> dict[str, Any]:
    return {
        "where": found.where,
        "field": found.field,
        "pointer": found.pointer,
        "specPointer": found.spec_pointer,
        "violatedRule": found.violated_rule,
        "rule": found.rule,
        "description": found.description,
        "closest": found.closest,
    }


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _without_secret_fields(value: Any) -> Any:
    """The value with whatever stands under a credential's name replaced."""
    if isinstance(value, dict):
        return {
            key: REPLACED if _plain(key) in _SECRET_FIELDS else _without_secret_fields(inner)
            for key, inner in value.items()
        }
    return [_without_secret_fields(inner) for inner in value] if isinstance(value, list) else value
