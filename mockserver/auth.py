"""Who is calling, and whether they may.

Who may call what is read from the contract's `security`: each alternative names an identity, its scopes and
whether an account is needed.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache

from wixture.contracts.document import Operation
from wixture.mockserver.clock import derived_id
from wixture.mockserver.forms import Forms
from wixture.mockserver.messages import Caller, IdentityType, Request
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.tenants import Tenants
from wixture.mockserver.tokens import Tokens

SCHEMES: dict[IdentityType, str] = {
    "APP": "app",
    "WIX_USER": "wixUser",
    "MEMBER": "member",
    "VISITOR": "visitor",
}
_NAMES = {"APP": "An app", "WIX_USER": "A Wix user", "MEMBER": "A member", "VISITOR": "A visitor"}
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_MOST_REMEMBERED = 2_000
HOW = "Get a token with `wixture token APP`, POST /oauth2/token or POST /_mock/tokens."


class Auth:
    """Identifies callers by their Authorization header."""

    def __init__(self, settings: Settings, tenants: Tenants, tokens: Tokens) -> None:
        self._settings = settings
        self._tenants = tenants
        self._tokens = tokens
        self._remembered: dict[str, Caller] = {}

    def identify(self, request: Request) -> Caller:
        """The caller of a request. Raises Refusal 401: 'token-required', 'api-key-needs-site'"""
        header = request.headers.get("authorization", "")
        caller = self._remembered.get(header) or self._caller(request, header)
        if self.has_expired(caller):  # asked each time: the tenant's clock can be moved either way
            raise _unauthenticated(f"The access token has expired. {HOW}")
        return caller

    def _caller(self, request: Request, header: str) -> Caller:
        credential = header[7:].strip() if header[:7].lower() == "bearer " else header.strip()
        if not credential:
            raise _unauthenticated(f"The request has no Authorization header. {HOW}")
        if self.is_api_key(credential):
            return self._wix_user(request)
        caller = self._tokens.read(credential, "access")
        if caller is None:
            raise _unauthenticated(f"The access token is none of this server's. {HOW}")
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[header] = caller  # a header with an API key says nothing of the site, so none is kept
        return caller

    def tenant_named_by(self, request: Request) -> str | None:
        """The tenant of a request that is refused, as far as its credential names one, expired or not."""
        header = request.headers.get("authorization", "")
        credential = header[7:].strip() if header[:7].lower() == "bearer " else header.strip()
        caller = self._tokens.read(credential, "access")
        if caller is not None:
            return caller.instance_id
        site = request.headers.get("wix-site-id", "").lower()
        return site if self.is_api_key(credential) and is_guid(site) else None

    def usual_forms(self, request: Request) -> Forms:
        """The forms of the request's tenant, as far as its credential names one; else the server's."""
        tenants = self._tenants
        if not tenants.choosy:
            return tenants.forms
        named = self.tenant_named_by(request)
        return tenants.get(named).forms if named in tenants.choosy else tenants.forms

    def is_api_key(self, credential: str) -> bool:
        """Whether a credential is this server's API key, compared in constant time."""
        return hmac.compare_digest(credential.encode("utf-8", "surrogateescape"), self._settings.api_key.encode())

    def has_expired(self, caller: Caller) -> bool:
        """Whether a token is past its end on its tenant's clock."""
        return (
            caller.expires_at is not None
            and caller.expires_at <= self._tenants.get(caller.instance_id).clock.now()
        )

    def _wix_user(self, request: Request) -> Caller:
        site = request.headers.get("wix-site-id", "").lower()
        if "wix-account-id" in request.headers:
            raise _bad_key("Send wix-site-id alone; this request has wix-account-id.")
        if not is_guid(site):
            raise _bad_key("Send the header wix-site-id with the site's instance ID, a GUID.")
        return Caller(
            identity="WIX_USER",
            instance_id=site,
            subject_id=derived_id("wix user", site),
            account_id=self._settings.account_id,
        )

    def account_of(self, identity: IdentityType, instance_id: str, subject_id: str) -> str | None:
        """The loyalty account of a caller: a member's or visitor's own, for others the configured one."""
        if identity in ("MEMBER", "VISITOR"):
            return loyalty_account(instance_id, subject_id)
        return self._settings.account_id


def loyalty_account(instance_id: str, subject_id: str) -> str:
    """The loyalty account that a member or visitor of a site has of its own."""
    return derived_id("account", instance_id, subject_id)


def authorize(operation: Operation, caller: Caller) -> None:
    """Raises Refusal 403 unless the contract lets the caller do this."""
    for needs_account, scopes in _alternatives(operation, caller.identity):
        has_account = caller.account_id is not None or not needs_account
        if has_account and (caller.scopes is None or not scopes.isdisjoint(caller.scopes)):
            return
    raise _why_not(operation, caller, SCHEMES[caller.identity])


@lru_cache(maxsize=256)
def _alternatives(operation: Operation, identity: IdentityType) -> tuple[tuple[bool, frozenset[str]], ...]:
    """What the contract asks of an identity, each way to be let in: an account or not, and one of some scopes."""
    scheme = SCHEMES[identity]
    mine = [alternative for alternative in operation.security if scheme in alternative]
    return tuple(("account" in alternative, frozenset(alternative[scheme])) for alternative in mine)


def _why_not(operation: Operation, caller: Caller, scheme: str) -> Refusal:
    mine = [alternative for alternative in operation.security if scheme in alternative]
    name, doing = _NAMES[caller.identity], operation.operation_id
    if not mine:
        wanted = sorted({key for item in operation.security for key in item} - {"siteId", "account"})
        rule = "consents-for-apps-and-users" if "app" in wanted else "channels-for-members-and-visitors"
        text = f"{name} may not call {doing}; it takes: {', '.join(wanted)}."
    elif caller.account_id is None and all("account" in item for item in mine):
        rule = "channel-app-needs-account"
        text = f"{name} has no loyalty account to call {doing} for. Start the server with --account GUID."
    else:
        rule = "scope-required"
        scopes = sorted({scope for item in mine for scope in item[scheme]})
        text = f"The token may not call {doing}; it needs one of: {', '.join(scopes)}."
    return Refusal("PERMISSION_DENIED", text, rule=rule)


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in lower case."""
    return _GUID.match(text) is not None


def _unauthenticated(text: str) -> Refusal:
    return Refusal("UNAUTHENTICATED", text, rule="token-required")


def _bad_key(text: str) -> Refusal:
    return Refusal("UNAUTHENTICATED", f"An API key names its site. {text}", rule="api-key-needs-site")
