"""The mock that most would write: aiohttp's Application, a dict as state, openapi-core around every handler.

Fair where it can be: the contract is read and checked once, handlers are short, nothing is journalled, callers are
not identified beyond what openapi-core checks (that a token is there), and a link's token is merely random.
"""

from __future__ import annotations

import secrets
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from openapi_core import OpenAPI
from openapi_core.contrib.aiohttp import AIOHTTPOpenAPIWebRequest, AIOHTTPOpenAPIWebResponse
from openapi_core.exceptions import OpenAPIError

from benchmarks.bare import serve
from benchmarks.plans import BULK, CONSENTS

SITE = "https://site.example/_manage-consent/unsubscribe?token=JWE."


def application(contract: Path) -> web.Application:
    """An application with four operations of the contract."""
    document = yaml.load(contract.read_text(), Loader=yaml.CSafeLoader)
    document["servers"] = [{"url": "http://127.0.0.1"}]
    app = web.Application(middlewares=[_validated(OpenAPI.from_dict(document))])
    consents = Consents()
    app.router.add_post(CONSENTS, consents.create)
    app.router.add_post(f"{CONSENTS}/query", consents.query)
    app.router.add_post(BULK, consents.bulk_upsert)
    app.router.add_get(f"{CONSENTS}/{{id}}", consents.get)
    return app


def _validated(api: OpenAPI) -> Any:
    @web.middleware
    async def validate(request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.read()
        asked = AIOHTTPOpenAPIWebRequest(request, body=body or None)
        try:
            api.validate_request(asked)
        except OpenAPIError as error:
            return web.json_response({"message": str(error)}, status=400)
        response = await handler(request)
        response.headers["X-Wix-Request-Id"] = str(uuid.uuid4())
        api.validate_response(asked, AIOHTTPOpenAPIWebResponse(response))
        return response  # type: ignore[no-any-return]

    return validate


class Consents:
    """The consents, by ID and by address, in the order of their making."""

    def __init__(self) -> None:
        self._by_id: dict[str, dict[str, Any]] = {}
        self._by_email: dict[str, dict[str, Any]] = {}

    async def get(self, request: web.Request) -> web.Response:
        """One consent by its ID."""
        found = self._by_id.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return web.json_response({"marketingConsent": found})

    async def create(self, request: web.Request) -> web.Response:
        """A new consent and its link."""
        given = (await request.json())["marketingConsent"]
        if given["details"]["email"] in self._by_email:
            raise web.HTTPConflict
        return web.json_response({"marketingConsent": self._store(given), "link": _link()})

    async def bulk_upsert(self, request: web.Request) -> web.Response:
        """A result for each consent."""
        given = (await request.json())["info"]
        results = [
            {"originalIndex": index, "marketingConsent": self._store(item), "link": _link()}
            for index, item in enumerate(given)
        ]
        return web.json_response(
            {"results": results, "metadata": {"totalSuccess": len(results), "totalFailure": 0}}
        )

    async def query(self, request: web.Request) -> web.Response:
        """The first page of the consents in a state; stops looking once the page is full."""
        query = (await request.json())["query"]
        limit, state = query["cursorPaging"]["limit"], query["filter"]["state"]
        page: list[dict[str, Any]] = []
        for found in self._by_id.values():
            if found["state"] == state:
                page.append(found)
            if len(page) > limit:
                break
        metadata = {"count": limit, "cursors": {"next": None, "prev": None}, "hasNext": len(page) > limit}
        return web.json_response({"marketingConsent": page[:limit], "pagingMetadata": metadata})

    def _store(self, given: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = self._by_email.get(given["details"]["email"])
        stored = {
            "id": known["id"] if known else str(uuid.uuid4()),
            "revision": str(int(known["revision"]) + 1) if known else "1",
            "state": "CONFIRMED",
            "extendedFields": {},
            **given,
            "lastConfirmationActivity": {"updatedDate": now, **given["lastConfirmationActivity"]},
            "createdDate": known["createdDate"] if known else now,
            "updatedDate": now,
        }
        self._by_id[stored["id"]] = self._by_email[stored["details"]["email"]] = stored
        return stored


def _link() -> dict[str, str]:
    return {"type": "REVOKE_CONFIRMATION", "url": SITE + ".".join(secrets.token_urlsafe(30) for _ in range(5))}


if __name__ == "__main__":
    serve(application(Path(sys.argv[1])))
