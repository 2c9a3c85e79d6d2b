"""What the shop does: asks for consent, writes to nobody without it, and lets members follow its channels."""

from typing import Any, NamedTuple

from newsletter.wix import Refused, Wix

CONSENTS = "/marketing-consent/v1/marketing-consent"
CHANNELS = "/loyalty-social-media/v1/followed-channels"


class Mail(NamedTuple):
    to: str
    link: str


class Newsletter:
    def __init__(self, wix: Wix) -> None:
        self._wix = wix
        self.outbox: list[Mail] = []

    async def sign_up(self, email: str) -> None:
        """Ask for consent: who gets the mail has to confirm it."""
        activity = {"source": "FORM", "optInLevel": "DOUBLE_CONFIRMATION"}
        consent = {"details": _of(email), "state": "PENDING", "lastConfirmationActivity": activity}
        answer = await self._wix.call("POST", f"{CONSENTS}/upsert", json={"marketingConsent": consent})
        self.outbox.append(Mail(email, answer["link"]["url"]))

    async def unsubscribe(self, email: str) -> None:
        """Never write again."""
        revoked = {"details": _of(email), "lastRevokeActivity": {"source": "FORM"}}
        await self._wix.call("POST", f"{CONSENTS}/remove", json=revoked)

    async def may_send(self, email: str) -> bool:
        """Whether a newsletter may go there."""
        try:
            answer = await self._wix.call("GET", f"{CONSENTS}/get-by", params=_of(email))
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return answer["communicationEligibility"]["granted"]

    async def readers(self) -> list[str]:
        """Everybody who is subscribed."""
        wanted = {"state": "CONFIRMED", "details.email": {"$exists": True}}
        emails, cursor = [], None
        while True:
            query = {"filter": wanted, "cursorPaging": {"limit": 100, "cursor": cursor}}
            page = await self._wix.call("POST", f"{CONSENTS}/query", json={"query": query})
            emails += [consent["details"]["email"] for consent in page["marketingConsent"]]
            cursor = page["pagingMetadata"]["cursors"]["next"]
            if cursor is None:
                return emails

    async def preferences(self, email: str) -> dict[str, Any]:
        """What the form of a reader's preferences shows, and what `save_topics` needs to have back."""
        answer = await self._wix.call("GET", f"{CONSENTS}/get-by", params=_of(email))
        return answer["marketingConsent"]

    async def save_topics(self, form: dict[str, Any], topics: list[str]) -> None:
        """Keep what a reader wants to hear of, on top of whatever has changed since the form was shown."""
        consent = {**form, "extendedFields": {"namespaces": {"@shop/newsletter": {"topics": topics}}}}
        try:
            await self._wix.call("PATCH", f"{CONSENTS}/{form['id']}", json={"marketingConsent": consent})
        except Refused as refused:
            if refused.status != 409:
                raise
            await self.save_topics(await self.preferences(form["details"]["email"]), topics)

    async def follow(self, channel: str, *, member: str) -> None:
        """Note that a member follows one of the shop's channels; `member` is the member's own token."""
        await self._wix.call("POST", CHANNELS, token=member, json={"followedChannel": {"channel": channel}})

    async def channels(self, *, member: str) -> list[str]:
        """The channels that a member follows."""
        answer = await self._wix.call("GET", CHANNELS, token=member)
        return [followed["channel"] for followed in answer["followedChannels"]]


def _of(email: str) -> dict[str, str]:
    return {"type": "EMAIL", "email": email}
