"""Entities and requests of people who do not exist: seeded, different from each other, good by construction.

What a call makes follows from the factory's seed and from how many calls came before: overriding a field changes
nothing else, in this entity or the next. Faker's releases may differ in their words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wixture.mockserver.auth import loyalty_account
from wixture.mockserver.factory_fields import (
    Instant,
    checked,
    consent_fields,
    follow_fields,
    instant_or,
    merged,
    micros,
)
from wixture.mockserver.instants import FIRST, to_text
from wixture.mockserver.messages import Entity
from wixture.mockserver.people import People, Person
from wixture.mockserver.rules.consent_fields import ACTIVITY_OF
from wixture.mockserver.seeds import seed_changes
from wixture.mockserver.settings import CHANNELS, Settings
from wixture.mockserver.stories import story

STATES = ("CONFIRMED", "PENDING", "REVOKED", "NEVER_CONFIRMED", "UNKNOWN_STATE")
"""The states of consents in a list, in turn."""
START = "2024-01-31T08:00:00.000Z"
"""The instant of a factory that is told no other."""

DEFAULTS = Settings()
_HOUR = 3_600_000_000
_OLDEST = 400 * 24
_CHANNELS = ("EMAIL", "PHONE")
_DECIDES_CHANNEL = frozenset(("channel", "details", "email", "phone"))


class Factory:
    """Makes consents, followed channels and the requests for them, of somebody else with each call.

    Fields are named as in the contract, or in snake case; a consent's also flat: `email`, `phone`, `channel`,
    `source`, `description`, `opt_in_level`. A name that is unknown raises TypeError, a value that breaks the
    contract ValueError; both say what would be right.
    """

    def __init__(
        self,
        seed: int | str,
        *,
        locale: str = "en_US",
        now: Callable[[], Instant] | None = None,
        instance_id: str = DEFAULTS.instance_id,
    ) -> None:
        """The same seed makes the same bytes. Everything happened before `now()`, a fixed instant when absent.

        `locale` is one of Faker's, for names and words; `instance_id` the site whose members follow channels.
        """
        self._people = People(seed, locale)
        self._now = now or (lambda: START)
        self._instance_id = instance_id

    # ---- identifiers -----------------------------------------------------------------------------

    def email(self) -> str:
        """An address of nobody, under example.com, .org or .net."""
        return self._people.next().email

    def phone(self) -> str:
        """A number of nobody in E.164, one of those kept for fiction."""
        return self._people.next().phone

    def member_id(self) -> str:
        """The ID of a member."""
        return self._people.next().new_id("member")

    # ---- entities --------------------------------------------------------------------------------

    def consent(self, **fields: Any) -> Entity:
        """A marketing consent as the API answers it: of an email address and CONFIRMED, unless told otherwise.

        It has the activities and revision that its state takes. `POST /_mock/seed` accepts it.
        """
        return self._consent("consent()", fields)

    def consents(self, count: int, **fields: Any) -> list[Entity]:
        """Consents of different people, in every state and of both channels in turn, where none is given."""
        return [self._consent("consents()", {**_in_turn(turn, fields), **fields}) for turn in range(count)]

    def followed_channel(self, **fields: Any) -> Entity:
        """A channel that a loyalty account follows: of somebody new, or of `member_id` or `account_id`."""
        given = follow_fields("followed_channel()", fields)
        person = self._people.next()
        begun, _ = self._times(person, given)
        base = {
            "id": person.new_id("entity"),
            "channel": person.one_of("channel", CHANNELS),
            "createdDate": to_text(begun),
        }
        if given.get("accountId") is None:
            base["memberId"] = person.new_id("member")
        return self._seeded("followed_channel()", "followedChannels", merged(base, given))

    # ---- requests --------------------------------------------------------------------------------

    def create_request(self, **fields: Any) -> dict[str, Any]:
        """A body for createMarketingConsent, of somebody new."""
        given = consent_fields("create_request()", fields, activity="lastConfirmationActivity")
        return self._request("create", given, state=STATES[0])

    def upsert_request(self, **fields: Any) -> dict[str, Any]:
        """A body for upsertMarketingConsent, of somebody new: CONFIRMED unless told otherwise."""
        given = consent_fields("upsert_request()", fields)
        return self._request("upsert", given, state=str(given.get("state") or STATES[0]))

    def follow_request(self, *, channel: str | None = None) -> dict[str, Any]:
        """A body for createFollowedChannel."""
        body = {"followedChannel": {"channel": channel or self._people.next().one_of("channel", CHANNELS)}}
        pointer = "/components/schemas/CreateFollowedChannelRequest"
        return checked("follow_request()", "openapi", pointer, body, below="followedChannel.")

    # ---- how they are made -----------------------------------------------------------------------

    def _consent(self, call: str, fields: Mapping[str, Any]) -> Entity:
        given = consent_fields(call, fields)
        person = self._people.next()
        begun, latest = self._times(person, given)
        told = story(person, str(given.get("state") or STATES[0]), begun=begun, latest=latest)
        base = {
            "id": person.new_id("entity"),
            "details": _details(person, given),
            **told,
            "createdDate": to_text(begun),
        }
        return self._seeded(call, "marketingConsents", merged(base, given))

    def _seeded(self, call: str, place: str, item: Mapping[str, Any]) -> Entity:
        """An entity as it is stored when it is seeded. Raises ValueError for what no seed may hold."""
        seed = {place: [item]}
        checked(call, "control", "/components/schemas/Seed", seed, below=f"{place}[0].")
        (change,) = seed_changes(
            seed,
            now=item["createdDate"],
            new_id=lambda: item["id"],
            account_of=lambda member: loyalty_account(self._instance_id, member),
        )
        return change.entity

    def _request(self, operation: str, given: Mapping[str, Any], *, state: str) -> dict[str, Any]:
        person = self._people.next()
        sent: dict[str, Any] = {"details": _details(person, given)}
        if operation == "upsert":
            sent["state"] = state
        if activity := ACTIVITY_OF.get(state):
            sent[activity] = story(person, state, begun=0, latest=0)[activity]
            del sent[activity]["updatedDate"]  # the server's time, as with most callers
        body = {"marketingConsent": merged(sent, given)}
        pointer = f"/components/schemas/{operation.capitalize()}MarketingConsentRequest"
        return checked(f"{operation}_request()", "openapi", pointer, body, below="marketingConsent.")

    def _times(self, person: Person, given: Mapping[str, Any]) -> tuple[int, int]:
        """When it began, as given or up to 400 days ago, and the latest instant that it may know."""
        latest = instant_or(micros(self._now()), given.get("updatedDate"))
        age = (1 + person.below("age", _OLDEST)) * _HOUR + person.below("moment", _HOUR)
        return instant_or(max(FIRST, latest - age), given.get("createdDate")), latest


def _details(person: Person, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the channel that is given; an identifier of the person's where none is."""
    sent = given.get("details") or {}
    channel = sent.get("type", "EMAIL")
    if channel == "PHONE":
        return {"type": channel, "phone": sent.get("phone") or person.phone}
    return {"type": channel, "email": sent.get("email") or person.email}


def _in_turn(turn: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The state and channel of the consent at a place of a list, as far as the caller names none."""
    own: dict[str, Any] = {} if "state" in fields else {"state": STATES[turn // len(_CHANNELS) % len(STATES)]}
    if _DECIDES_CHANNEL.isdisjoint(fields):
        own["channel"] = _CHANNELS[turn % len(_CHANNELS)]
    return own
