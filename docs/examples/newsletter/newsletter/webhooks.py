"""Takes webhooks in. They come from anybody, more than once and in any order."""

import json
from collections import Counter
from typing import Any

import jwt
from aiohttp import web

CONSENT = "wix.marketing.marketing_consent.v1.marketing_consent_"
CHANGED = {CONSENT + what for what in ("created", "updated", "deleted")}
FOLLOWED = "wix.loyalty.socialmedia.v1.followed_channel_created"
POINTS = 10


class Audience:
    """What the shop knows without asking Wix: each consent, and each loyalty account's points."""

    def __init__(self, public_key: str, instance_id: str) -> None:
        self._public_key = public_key
        self._instance_id = instance_id
        self._seen: set[str] = set()
        self._latest: dict[str, int] = {}
        self.consents: dict[str, dict[str, Any]] = {}
        self.points: Counter[str] = Counter()

    def receive(self, token: str) -> None:
        """Apply the event of a webhook, once. Raises jwt.InvalidTokenError or ValueError for one to refuse."""
        claims = jwt.decode(token, self._public_key, algorithms=["RS256"], options={"require": ["exp"]})
        envelope = json.loads(claims["data"])
        if envelope["instanceId"] != self._instance_id:
            raise jwt.InvalidTokenError("This event is another site's.")
        event = json.loads(envelope["data"])
        if event["id"] in self._seen:
            return
        if envelope["eventType"] in CHANGED:
            self._keep(event)
        elif envelope["eventType"] == FOLLOWED:
            self.points[event["createdEvent"]["entity"]["accountId"]] += POINTS
        self._seen.add(event["id"])  # with a database: in the same transaction

    def _keep(self, event: dict[str, Any]) -> None:
        consent_id, sequence = event["entityId"], int(event["entityEventSequence"])
        if sequence < self._latest.get(consent_id, 0):  # an older one that came late
            return
        self._latest[consent_id] = sequence
        if event["slug"] == "deleted":
            self.consents.pop(consent_id, None)
        else:
            told = event.get("createdEvent") or event["updatedEvent"]
            self.consents[consent_id] = told.get("entity") or told["currentEntity"]

    def state(self, email: str) -> str | None:
        """Where somebody's consent stands; None for a stranger."""
        found = (one["state"] for one in self.consents.values() if one["details"].get("email") == email)
        return next(found, None)


def endpoint(audience: Audience) -> web.Application:
    """The web app that Wix sends webhooks to, at /webhooks. Anything but 200 makes it try again."""

    async def receive(request: web.Request) -> web.Response:
        try:
            audience.receive(await request.text())
        except (jwt.InvalidTokenError, ValueError) as error:
            raise web.HTTPUnauthorized(text=str(error)) from error
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks", receive)
    return app
