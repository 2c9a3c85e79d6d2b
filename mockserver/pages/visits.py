"""Visits: somebody opens a link and may click. Looking changes nothing, for mail scanners look too; POST does."""

from __future__ import annotations

from functools import cache

from wixture.mockserver.access import Access
from wixture.mockserver.app import Application
from wixture.mockserver.instants import to_text
from wixture.mockserver.links import PAGES, BadLink, LinkClaims
from wixture.mockserver.messages import ById, Entity, Request, Response
from wixture.mockserver.pages.masking import masked
from wixture.mockserver.pages.paths import FILES, page_of
from wixture.mockserver.pages.templates import FILES as FOLDER
from wixture.mockserver.pages.templates import Outcome, Page, render
from wixture.mockserver.pages.words import language_of
from wixture.mockserver.querystring import parse_query
from wixture.mockserver.refusals import Refusal, to_response, unavailable
from wixture.mockserver.rules.links import click, standing
from wixture.mockserver.store.store import MOST_RACES, Conflict, StorageUnavailable
from wixture.mockserver.tenant import Tenant

ORIGINS = {"CONFIRMATION": "confirmByLink", "REVOKE_CONFIRMATION": "revokeByLink"}
_KINDS = {page: kind for kind, page in PAGES.items()}
_HTML = "text/html; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Visits:
    """Answers the visitors of one application."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._access = Access(app.settings, lambda: app.public_url)

    async def handle(self, request: Request) -> Response:
        """A page, one of its files, or a refusal of what no page sends."""
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = to_response(refusal)
        except StorageUnavailable as trouble:
            answer = unavailable(trouble)
        request_id = self._app.tenants.outside.new_id("request")
        headers = {**_HEADERS, **answer.headers, "X-Wix-Request-Id": request_id}
        return Response(answer.status, answer.body, headers, answer.content_type)

    async def _answer(self, request: Request) -> Response:
        self._access.check_visit(request)
        name = page_of(request.path, self._app.public_url) or ""
        _check_method(request, ("GET", "HEAD") if name in FILES else ("GET", "HEAD", "POST"))
        if name in FILES:
            return Response(200, _file(name), content_type=FILES[name])
        accepted = request.headers.get("accept-language", "")
        try:
            page = await self._page(request, _KINDS[name], accepted)
        except BadLink:  # 'link-uniform-failure': whatever the cause, and in no language that only a token tells
            return Response(404, render(Page("invalid", language_of(None, accepted))), content_type=_HTML)
        return Response(200, render(page), content_type=_HTML)

    async def _page(self, request: Request, kind: str, accepted: str) -> Page:
        """What there is to say. Raises BadLink."""
        claims = self._claims(request, kind)
        if self._app.tenants.shared:
            await self._app.tenants.look(self._app.tenants.get(claims.instance_id))
            claims = self._claims(request, kind)  # another process may have moved the clock
        outcome, consent = await self._outcome(claims, clicked=request.method == "POST")
        return Page(outcome, language_of(claims.language, accepted), kind, masked(consent["details"]))

    def _claims(self, request: Request, kind: str) -> LinkClaims:
        try:
            token = parse_query(request.query_string).get("token", "")
        except Refusal as refusal:
            raise BadLink("The query string holds no link.") from refusal
        claims = self._app.links.read(token, now_at=lambda site: self._app.tenants.get(site).clock.now())
        if claims.kind != kind:
            raise BadLink("The link is another page's.")
        return claims

    async def _outcome(self, claims: LinkClaims, *, clicked: bool) -> tuple[Outcome, Entity]:
        """How the link stands, or that it is done now. Of several clicks at once one does it. 'link-asks-first'"""
        tenant = self._app.tenants.get(claims.instance_id)
        for _ in range(MOST_RACES):
            now = tenant.clock.now()
            consent = await self._consent(tenant, claims, now)
            found = standing(claims.kind, consent)
            if found != "open" or not clicked:
                return found, consent
            try:
                return "done", await self._click(tenant, claims.kind, consent, now)
            except Conflict:
                continue
        raise Refusal("MOCK_CONFLICT", "Others kept changing this consent; try again.")

    async def _consent(self, tenant: Tenant, claims: LinkClaims, now: int) -> Entity:
        found = await self._app.store.find(tenant.instance_id, ById(claims.consent_id, latest=True), now=now)
        if not found.entities:
            raise BadLink("The consent is gone.")
        return found.entities[0]

    async def _click(self, tenant: Tenant, kind: str, consent: Entity, now: int) -> Entity:
        """The consent after the click. Raises Conflict. 'link-click-is-a-visitors'"""
        change = click(kind, consent, now=to_text(now))
        visitor = self._app.oauth.caller("VISITOR", tenant.instance_id, tenant.chance.new_id("visitor"))
        await self._app.commit(tenant, (change,), visitor, origin=ORIGINS[kind], now=now)
        return change.entity


def _check_method(request: Request, allowed: tuple[str, ...]) -> None:
    if request.method not in allowed:
        ways = " and ".join(allowed)
        text = f"This page takes {ways}, not {request.method[:20]}. GET shows it, POST does what it says."
        raise Refusal("MOCK_METHOD_NOT_ALLOWED", text, headers={"Allow": ", ".join(allowed)})
    sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and sent_as != _FORM:
        text = f"A page takes the form that it shows: POST it as {_FORM}, for example with curl -d ''."
        raise Refusal("MOCK_UNSUPPORTED_MEDIA_TYPE", text)


@cache
def _file(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
