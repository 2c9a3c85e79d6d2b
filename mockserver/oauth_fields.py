"""The fields of a token request, in either spelling, as JSON or as a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from wixture.contracts.bodies import BadJson, parse_json
from wixture.mockserver.auth import is_guid
from wixture.mockserver.messages import Request

Fields = Mapping[str, str]
GRANT = frozenset(
    """grant_type client_id client_secret instance_id refresh_token access_token code code_verifier redirect_uri
    member_id scope""".split()
)
TOKEN_INFO = frozenset({"token"})
_CAPITAL = re.compile(r"[A-Z]")


class OAuthError(Exception):
    """A grant that is refused; `error` is RFC 6749's word."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


def read_fields(request: Request, operation_id: str = "issueToken") -> dict[str, str]:
    """The fields of a token request in snake_case, texts only. Raises OAuthError.

    What its operation does not know may be anything, and is nothing when it is no text: the contract ignores it.
    """
    known = TOKEN_INFO if operation_id == "getTokenInfo" else GRANT
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        pairs: Iterable[tuple[str, Any]] = _form(request.body)
    elif kind == "application/json":
        pairs = _json_object(request.body).items()
    else:
        text = "Send the grant as application/json or application/x-www-form-urlencoded."
        raise OAuthError("invalid_request", text, status=415)
    fields: dict[str, str] = {}
    for name, value in pairs:
        snake = _CAPITAL.sub(lambda found: "_" + found[0].lower(), name)
        if value is None or (snake not in known and (snake in fields or not isinstance(value, str))):
            continue
        if not isinstance(value, str):
            raise OAuthError("invalid_request", f"The field {name[:60]!r} must be a text.")
        if snake in fields:
            raise OAuthError("invalid_request", f"The field {snake[:60]!r} stands twice.")
        fields[snake] = value
    return fields


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), errors="strict", max_num_fields=100)
    except ValueError as error:
        raise OAuthError("invalid_request", "The form is not readable: UTF-8, at most 100 fields.") from error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except BadJson as error:
        raise OAuthError("invalid_request", str(error)) from error
    if not isinstance(value, dict):
        raise OAuthError("invalid_request", "The body must be a JSON object.")
    return value


def need(fields: Fields, name: str) -> str:
    if not fields.get(name):
        raise OAuthError("invalid_request", f"The field {name} is missing.")
    return fields[name]


def need_guid(fields: Fields, name: str) -> str:
    value = need(fields, name).lower()
    if not is_guid(value):
        raise OAuthError("invalid_request", f"The field {name} must be a GUID.")
    return value
