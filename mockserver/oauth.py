"""The token endpoints: each grant that an app, a visitor or a member exchanges for tokens.

Errors are RFC 6749's. Names come in snake_case or camelCase, as JSON or as a form; the SDK uses both spellings.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wixture.mockserver import base64url
from wixture.mockserver.auth import Auth
from wixture.mockserver.login_codes import MOST_CODES, Code
from wixture.mockserver.messages import Caller, IdentityType, Request, Response
from wixture.mockserver.oauth_fields import Fields, OAuthError, need, need_guid, read_fields
from wixture.mockserver.settings import (
    ACCESS_TOKEN_SECONDS,
    LEGACY_ACCESS_TOKEN_SECONDS,
    REFRESH_TOKEN_SECONDS,
    Settings,
)
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.tenants import Tenants
from wixture.mockserver.tokens import Tokens, Use

SUBJECT_TYPES = {"APP": "APP", "WIX_USER": "USER", "MEMBER": "MEMBER", "VISITOR": "VISITOR"}
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class TokenCall:
    """A token request that is read, and the site that it is about, if that can be told; `bad` when it is none."""

    operation_id: str
    request: Request
    fields: Fields
    tenant: Tenant | None = None
    bad: OAuthError | None = None


class OAuth:
    """Answers the token endpoints and issues tokens for the control API."""

    def __init__(self, settings: Settings, tenants: Tenants, tokens: Tokens, auth: Auth) -> None:
        self._settings = settings
        self._tenants = tenants
        self._tokens = tokens
        self._auth = auth
        self._grants: Mapping[str, Callable[[Fields, Request], dict[str, Any]]] = {
            "client_credentials": self._client_credentials,
            "anonymous": self._anonymous,
            "refresh_token": self._refresh,
            "authorization_code": self._authorization_code,
            "authorized_client": self._authorized_client,
            "strip_bound_session": self._strip_bound_session,
        }

    # ---- the endpoints ---------------------------------------------------------------------------

    def read(self, operation_id: str, request: Request) -> TokenCall:
        """What a request asks of a token endpoint. Nothing is granted or used up."""
        try:
            fields = read_fields(request, operation_id)
        except OAuthError as error:
            return TokenCall(operation_id, request, {}, bad=error)
        return TokenCall(operation_id, request, fields, self._tenant_named_by(fields, request))

    def _tenant_named_by(self, fields: Fields, request: Request) -> Tenant | None:
        named = fields.get("instance_id", "").lower() or fields.get("code", "").partition(".")[2]
        visitor = request.headers.get("authorization", "").partition(",")[0].strip()
        tokens: tuple[tuple[str, Use], ...] = (
            (fields.get("refresh_token", ""), "refresh"),
            (fields.get("access_token", visitor), "access"),
            (fields.get("token", ""), "access"),
            (fields.get("token", ""), "refresh"),
        )
        for token, use in tokens:
            if not named and token and (bearer := self._tokens.read(token, use)):
                named = bearer.instance_id
        return self._tenants.known(named) or self._tenants.of_client(fields.get("client_id", ""))

    def answer(self, call: TokenCall) -> Response:
        """The response of a token endpoint."""
        try:
            if call.bad is not None:
                raise call.bad
            if call.operation_id == "getTokenInfo":
                answer = self._token_info(call.fields)
            elif call.operation_id == "issueLegacyToken":
                answer = self._legacy(call.fields)
            else:
                answer = self._grant(call.fields, call.request)
        except OAuthError as refused:
            body = {"error": refused.error, "error_description": str(refused)}
            return Response(refused.status, orjson.dumps(body), _NO_STORE)
        return Response(200, orjson.dumps(answer), _NO_STORE)

    def _grant(self, fields: Fields, request: Request) -> dict[str, Any]:
        name = need(fields, "grant_type")
        grant = self._grants.get(name)
        if grant is None:
            known = ", ".join(self._grants)
            raise OAuthError(
                "unsupported_grant_type", f"The grant_type {name[:60]!r} is unknown; use one of: {known}."
            )
        return grant(fields, request)

    def _legacy(self, fields: Fields) -> dict[str, Any]:
        self._check_app(fields)
        if need(fields, "grant_type") == "authorization_code":
            caller = self._take_code(fields, "APP")
        elif fields["grant_type"] == "refresh_token":
            caller = self._refreshed(fields)
        else:
            raise OAuthError("unsupported_grant_type", "Use authorization_code or refresh_token here.")
        return self._both_tokens(caller, LEGACY_ACCESS_TOKEN_SECONDS)

    def _token_info(self, fields: Fields) -> dict[str, Any]:
        token = fields.get("token")
        if token is None:
            raise OAuthError("invalid_request", "The field token is missing.")
        caller = self._tokens.read(token, "access") or self._tokens.read(token, "refresh")
        if caller is None or self._auth.has_expired(caller):
            return {"active": False}
        return {
            "active": True,
            "subjectType": SUBJECT_TYPES[caller.identity],
            "subjectId": caller.subject_id,
            "exp": str((caller.expires_at or 0) // 1_000_000),
            "iat": str(caller.issued_at // 1_000_000),
            "clientId": caller.client_id,
            "siteId": caller.instance_id,
            "instanceId": caller.instance_id,
        }

    # ---- the grants ------------------------------------------------------------------------------

    def _client_credentials(self, fields: Fields, _: Request) -> dict[str, Any]:
        self._check_app(fields)
        instance_id = need_guid(fields, "instance_id")
        return self._access_token(self._app(instance_id), ACCESS_TOKEN_SECONDS)

    def _anonymous(self, fields: Fields, _: Request) -> dict[str, Any]:
        tenant = self._tenant_of_client(fields)
        return self.visitor_tokens(tenant)

    def _refresh(self, fields: Fields, _: Request) -> dict[str, Any]:
        """'refresh-keeps-the-old-token'"""
        caller = self._refreshed(fields)
        if caller.identity == "APP":
            self._check_app(fields)
        return self._both_tokens(caller, ACCESS_TOKEN_SECONDS)

    def _authorization_code(self, fields: Fields, _: Request) -> dict[str, Any]:
        tenant = self._tenant_of_client(fields)
        caller = self._take_code(fields, "MEMBER", tenant)
        return self._both_tokens(caller, ACCESS_TOKEN_SECONDS)

    def _authorized_client(self, fields: Fields, request: Request) -> dict[str, Any]:
        token, _, key = request.headers.get("authorization", "").partition(",")
        visitor = self._tokens.read(token.strip(), "access")
        known = visitor is not None and visitor.identity == "VISITOR" and not self._auth.has_expired(visitor)
        if visitor is None or not known or not self._auth.is_api_key(key.strip()):
            text = "Authorization must be a visitor's access token that is still good, a comma, and the API key."
            raise OAuthError("invalid_client", text, status=401)
        caller = self.caller("MEMBER", visitor.instance_id, need_guid(fields, "member_id"))
        return self._both_tokens(caller, ACCESS_TOKEN_SECONDS)

    def _strip_bound_session(self, fields: Fields, _: Request) -> dict[str, Any]:
        self._check_secret(fields)
        bound = self._tokens.read(need(fields, "access_token"), "access")
        if bound is None or self._auth.has_expired(bound):
            raise OAuthError("invalid_grant", "The access_token is unknown or has expired.")
        return self._access_token(self._app(bound.instance_id), ACCESS_TOKEN_SECONDS)

    # ---- what grants share -----------------------------------------------------------------------

    def _check_app(self, fields: Fields) -> None:
        if need(fields, "client_id") != self._settings.app_id:
            raise OAuthError("invalid_client", "The client_id is not this server's app ID.", status=401)
        self._check_secret(fields)

    def _check_secret(self, fields: Fields) -> None:
        sent = need(fields, "client_secret").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(sent, self._settings.app_secret.encode()):
            raise OAuthError("invalid_client", "The client_secret is wrong.", status=401)

    def _tenant_of_client(self, fields: Fields) -> Tenant:
        tenant = self._tenants.of_client(need(fields, "client_id"))
        if tenant is None:
            text = "The client_id names no site. GET /_mock/tenant?instance=GUID tells a site's client ID."
            raise OAuthError("invalid_client", text, status=401)
        return tenant

    def _refreshed(self, fields: Fields) -> Caller:
        caller = self._tokens.read(need(fields, "refresh_token"), "refresh")
        if caller is None or self._auth.has_expired(caller):
            raise OAuthError("invalid_grant", "The refresh_token is unknown or has expired.")
        if fields.get("client_id", caller.client_id) != caller.client_id:
            raise OAuthError("invalid_grant", "The refresh_token belongs to another client.")
        return self.caller(caller.identity, caller.instance_id, caller.subject_id, scopes=caller.scopes)

    def _take_code(self, fields: Fields, identity: IdentityType, tenant: Tenant | None = None) -> Caller:
        text = need(fields, "code")
        owner = tenant or self._tenants.known(text.partition(".")[2])
        code: Code | None = owner.codes.pop(text, None) if owner else None
        if code is None or code.identity != identity:
            raise OAuthError("invalid_grant", "The code is unknown or was used before.")
        if code.expires_at <= self._tenants.get(code.instance_id).clock.now():
            raise OAuthError("invalid_grant", "The code has expired.")
        if code.redirect_uri is not None and fields.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "The redirect_uri is not the one the code was made for.")
        if code.challenge is not None and _challenge(fields.get("code_verifier", "")) != code.challenge:
            raise OAuthError("invalid_grant", "The code_verifier does not match the code's challenge.")
        return self.caller(code.identity, code.instance_id, code.subject_id)

    # ---- issuing ---------------------------------------------------------------------------------

    def caller(
        self,
        identity: IdentityType,
        instance_id: str,
        subject_id: str,
        *,
        scopes: frozenset[str] | None = None,
    ) -> Caller:
        """A caller as tokens carry it, with the client and account that belong to it."""
        app = identity in ("APP", "WIX_USER")
        return Caller(
            identity=identity,
            instance_id=instance_id,
            subject_id=subject_id,
            client_id=self._settings.app_id if app else self._tenants.get(instance_id).client_id,
            account_id=self._auth.account_of(identity, instance_id, subject_id),
            scopes=scopes,
        )

    def _app(self, instance_id: str) -> Caller:
        return self.caller("APP", instance_id, self._settings.app_id)

    def visitor_tokens(self, tenant: Tenant) -> dict[str, Any]:
        """Both tokens of a new visitor."""
        visitor = self.caller("VISITOR", tenant.instance_id, tenant.chance.new_id("visitor"))
        return self._both_tokens(visitor, ACCESS_TOKEN_SECONDS)

    def tokens_for(self, caller: Caller, seconds: int) -> dict[str, Any]:
        """Both tokens of a caller, the access token good for some seconds."""
        return self._both_tokens(caller, seconds)

    def new_code(self, code: Code, tenant: Tenant) -> str:
        """A code that can be exchanged once."""
        text = f"{base64url.encode(tenant.secrets.bytes('code', 24))}.{tenant.instance_id}"
        while len(tenant.codes) >= MOST_CODES:
            del tenant.codes[next(iter(tenant.codes))]
        tenant.codes[text] = code
        return text

    def _access_token(self, caller: Caller, seconds: int) -> dict[str, Any]:
        token = self._issue(caller, "access", seconds)
        return {"access_token": token, "token_type": "Bearer", "expires_in": seconds}

    def _both_tokens(self, caller: Caller, seconds: int) -> dict[str, Any]:
        refresh = self._issue(caller, "refresh", REFRESH_TOKEN_SECONDS)
        return {**self._access_token(caller, seconds), "refresh_token": refresh}

    def _issue(self, caller: Caller, use: Use, seconds: int) -> str:
        tenant = self._tenants.get(caller.instance_id)
        now = tenant.clock.now()
        issued = dataclasses.replace(caller, issued_at=now, expires_at=now + seconds * 1_000_000)
        return self._tokens.issue(issued, use, token_id=tenant.secrets.bytes("token", 9).hex())


def _challenge(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64url.encode(hashlib.sha256(verifier.encode("utf-8", "surrogateescape")).digest())
