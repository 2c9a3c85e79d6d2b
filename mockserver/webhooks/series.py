"""The series of webhooks that a consumer is graded by: good, repeated, late, forged and wrong ones."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import orjson

from wixture.mockserver.clock import Chance, derived_id
from wixture.mockserver.domain_events import DomainEvent
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Caller, Change, Entity
from wixture.mockserver.webhooks.envelope import TOKEN_SECONDS, claims, envelope
from wixture.mockserver.webhooks.events import events_of
from wixture.mockserver.webhooks.signing import SigningKey, sign
from wixture.mockserver.webhooks.tampering import KINDS, forged

ORIGIN = "grade"
_HOUR = 3_600_000_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Minted:
    """One token and the event in it. `entity` is what the event is about, as it was when it happened."""

    event_id: str
    entity: Entity
    token: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """One request of a series. `title` says what it is; `is_good` that a consumer should answer it with 200.

    What is no event at all has no `minted`.
    """

    name: str
    title: str
    body: bytes
    minted: Minted | None = None
    is_good: bool = False


class Mint(Protocol):
    """Makes signed tokens."""

    def event(self, name: str, entity: Entity, *, tamper: str | None = None) -> Minted:
        """The token of an event with that short name; forged when `tamper` names a way."""

    def wrong_content(self) -> Mapping[str, Minted | bytes]:
        """Well signed tokens that hold no event, by name; none when the key is somebody else's."""


class OwnMint:
    """Signs with a key of one's own. What it makes follows from key, chance and instant alone."""

    def __init__(self, key: SigningKey, chance: Chance, *, instance_id: str, app_id: str, now: int) -> None:
        """`now` is in microseconds since 1970: it dates the tokens."""
        self._key = key
        self._chance = chance
        self._instance_id = instance_id
        self._caller = Caller("APP", instance_id, app_id)
        self._now = now
        self._time = now - _HOUR

    @property
    def _issued_at(self) -> int:
        return self._now // _SECOND

    def event(self, name: str, entity: Entity, *, tamper: str | None = None) -> Minted:
        """The token of an event."""
        event = self._event(name, entity)
        if tamper is None:
            token = sign(claims(event, self._instance_id, issued_at=self._issued_at), self._key)
        else:
            token = forged(tamper, event, self._instance_id, self._key, issued_at=self._issued_at)
        return Minted(event.id, entity, token.encode())

    def _event(self, name: str, entity: Entity) -> DomainEvent:
        entity_type, _, kind = name.rpartition("_")
        change = Change(kind, entity_type, entity)  # type: ignore[arg-type]  # the two halves of a known name
        self._time += _SECOND
        (event,) = events_of(
            [change], self._caller, origin=ORIGIN, now=self._time, new_id=lambda: self._chance.new_id("event")
        )
        return event

    def wrong_content(self) -> Mapping[str, Minted | bytes]:
        """An event of a type that does not exist, and claims whose data is no JSON."""
        entity = consent(self._chance, self._now)
        event = self._event("marketing_consent_created", entity)
        body = orjson.dumps({**orjson.loads(event.body), "slug": "archived"})
        known = envelope(replace(event, body=body), self._instance_id)
        unknown = {**known, "eventType": known["eventType"].replace("_created", "_archived")}
        return {
            "unknown-event": Minted(event.id, entity, self._signed(orjson.dumps(unknown).decode())),
            "data-no-json": self._signed("this is no JSON"),
        }

    def _signed(self, data: str) -> bytes:
        dates = {"iat": self._issued_at, "exp": self._issued_at + TOKEN_SECONDS}
        return sign(orjson.dumps({"data": data, **dates}), self._key).encode()


def consent(chance: Chance, now: int) -> Entity:
    """A consent in its first revision, of a person who does not exist."""
    entity_id = chance.new_id("entity")
    then = to_text(now - _HOUR)
    return {
        "id": entity_id,
        "revision": "1",
        "details": {"type": "EMAIL", "email": f"{entity_id[:8]}@example.com"},
        "state": "CONFIRMED",
        "lastConfirmationActivity": {
            "source": "FORM", "description": "", "updatedDate": then, "optInLevel": "SINGLE_CONFIRMATION",
        },
        "createdDate": then,
        "updatedDate": then,
    }  # fmt: skip


def followed_channel(chance: Chance, now: int) -> Entity:
    """A channel that an account follows which does not exist."""
    followed_id, account_id = chance.new_id("entity"), chance.new_id("account")
    return {"id": followed_id, "accountId": account_id, "channel": "X", "createdDate": to_text(now - _HOUR)}


def _changed(entity: Entity, revision: int, state: str) -> Entity:
    """A later revision of a consent."""
    return {**entity, "revision": str(revision), "state": state}


def series(mint: Mint, chance: Chance, *, now: int) -> list[Sending]:
    """All requests, in the order in which they are to be sent."""
    return [
        *_ordinary(mint, chance, now),
        *_out_of_order(mint, chance, now),
        *_retried(mint, chance, now),
        *_forgeries(mint, chance, now),
        *_wrong(mint),
        _good("last", "a new consent, after all that", mint.event(_CREATED, consent(chance, now))),
    ]


_CREATED, _UPDATED, _DELETED = (f"marketing_consent_{kind}" for kind in ("created", "updated", "deleted"))


def _good(name: str, title: str, minted: Minted) -> Sending:
    return Sending(name, title, minted.token, minted, is_good=True)


def _ordinary(mint: Mint, chance: Chance, now: int) -> Iterator[Sending]:
    first = consent(chance, now)
    created = mint.event(_CREATED, first)
    yield _good("created", "a new consent", created)
    yield _good("created-again", "the same event once more", created)
    yield _good("updated", "its update", mint.event(_UPDATED, _changed(first, 2, "REVOKED")))
    followed = mint.event("followed_channel_created", followed_channel(chance, now))
    yield _good("followed", "a followed channel", followed)
    yield _good("followed-again", "the same event once more", followed)


def _out_of_order(mint: Mint, chance: Chance, now: int) -> Iterator[Sending]:
    second, third = consent(chance, now), consent(chance, now)
    yield _good("overtaken", "a second consent", mint.event(_CREATED, second))
    older = mint.event(_UPDATED, _changed(second, 2, "NEVER_CONFIRMED"))
    yield _good("newer", "its revision 3", mint.event(_UPDATED, _changed(second, 3, "REVOKED")))
    yield _good("older", "its revision 2, after revision 3", older)
    yield _good("doomed", "a third consent", mint.event(_CREATED, third))
    late = mint.event(_UPDATED, _changed(third, 2, "REVOKED"))
    yield _good("deleted", "its end", mint.event(_DELETED, _changed(third, 2, "REVOKED")))
    yield _good("late", "an old update of it, after its end", late)


def _retried(mint: Mint, chance: Chance, now: int) -> Iterator[Sending]:
    minted = mint.event(_CREATED, consent(chance, now))
    refused = replace(minted, token=_broken(minted.token))
    yield Sending("first-try", "a new consent, its signature broken on the way", refused.token, refused)
    yield _good("retried", "the same event again, whole", minted)


def _broken(token: bytes) -> bytes:
    signed, _, signature = token.rpartition(b".")
    raw = bytearray(base64.urlsafe_b64decode(signature + b"=="))
    raw[0] ^= 1
    return signed + b"." + base64.urlsafe_b64encode(raw).rstrip(b"=")


_FORGERIES = {
    "signature": "a signature with one bit changed",
    "payload": "a payload changed after signing",
    "alg_none": "alg none and no signature",
    "hs256": "HS256, with your public key as the secret",
    "expired": "well signed, and expired",
    "wrong_key": "signed by a stranger under your key's name",
    "object_envelope": "claims as objects, as the pages draw them",
    "wrong_instance": "well signed, and about another site",
}


def _forgeries(mint: Mint, chance: Chance, now: int) -> Iterator[Sending]:
    for kind in KINDS:
        minted = mint.event(_CREATED, consent(chance, now), tamper=kind)
        if kind == "payload":  # it names another entity than was signed for
            other = derived_id("another entity", minted.entity["id"])
            minted = replace(minted, entity={**minted.entity, "id": other})
        yield Sending(kind, _FORGERIES.get(kind, kind), minted.token, minted)


_CONTENT = {
    "unknown-event": "well signed, and of a type that does not exist",
    "data-no-json": "well signed, and its data no JSON",
}


def _wrong(mint: Mint) -> Iterator[Sending]:
    for name, made in mint.wrong_content().items():
        if isinstance(made, Minted):
            yield Sending(name, _CONTENT[name], made.token, made)
        else:
            yield Sending(name, _CONTENT[name], made)
    yield Sending("garbage", "a body that is no token", b"%% no token at all %%")
    yield Sending("empty", "an empty body", b"")
