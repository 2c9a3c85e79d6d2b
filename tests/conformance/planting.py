"""The register of deviations, and the three ways most are planted: in an answer, in a consent, in a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.proxy import Asked, Plant, broken_rules, consents_in, parsed, saying

from wixture.mockserver.messages import Request, Response

GET = "getMarketingConsent"
GET_BY = "getMarketingConsentByIdentifier"
CREATE = "createMarketingConsent"
UPDATE = "updateMarketingConsent"
REMOVE = "removeMarketingConsent"
DELETE = "deleteMarketingConsent"
QUERY = "queryMarketingConsent"
UPSERT = "upsertMarketingConsent"
BULK = "bulkUpsertMarketingConsent"
LIST = "listFollowedChannels"
FOLLOW = "createFollowedChannel"
TOKEN = "issueToken"

CONSENTS = "/marketing-consent/v1/marketing-consent"
CHANNELS = "/loyalty-social-media/v1/followed-channels"
EVENTS = "/_mock/webhooks/events"


@dataclass(frozen=True)
class Deviation:
    """One way in which a target is not as promised; deviations.yaml has the checks that must name it."""

    name: str
    plant: Plant


DEVIATIONS: dict[str, Deviation] = {}
"""Every deviation by its name, in words."""


def add(name: str, plant: Plant) -> None:
    """Register a deviation."""
    assert name not in DEVIATIONS, name
    DEVIATIONS[name] = Deviation(name, plant)


def deviation(plant: Plant) -> Plant:
    """Registers a plant, by its name."""
    add(plant.__name__.replace("_", " "), plant)
    return plant


Alter = Callable[[Any, Asked], Any]


def in_answers(*, of: tuple[str, ...]) -> Callable[[Alter], Alter]:
    """Registers a change of the JSON of some operations' successes: of it, or in place where it returns None."""

    def register(alter: Alter) -> Alter:
        add(alter.__name__.replace("_", " "), answering(alter, of))
        return alter

    return register


def answering(alter: Alter, of: tuple[str, ...]) -> Plant:
    """The plant that alters successes."""

    async def plant(asked: Asked) -> Response:
        response = await asked.answer()
        if asked.operation not in of or response.status != 200:
            return response
        body = parsed(response)
        altered = alter(body, asked)
        return saying(response, body if altered is None else altered)

    return plant


def in_consents(alter: Callable[[dict[str, Any], Asked], None]) -> Any:
    """Registers a change in place of every consent that is answered."""

    async def plant(asked: Asked) -> Response:
        response = await asked.answer()
        if response.status != 200 or asked.operation is None:
            return response
        body = parsed(response)
        for consent in consents_in(body):
            alter(consent, asked)
        return saying(response, body)

    add(alter.__name__.replace("_", " "), plant)
    return alter


def in_requests(*, of: tuple[str, ...]) -> Callable[[Alter], Alter]:
    """Registers a change of the JSON that some operations are sent, where it is an object."""

    def register(alter: Alter) -> Alter:
        async def plant(asked: Asked) -> Response:
            sent = asked.sent
            if asked.operation not in of or not isinstance(sent, dict):
                return await asked.answer()
            try:
                altered = alter(sent, asked)
            except (KeyError, TypeError, AttributeError):  # the request is broken: the mock says so
                return await asked.answer()
            wanted = sent if altered is None else altered
            return await asked.answer(None if wanted == asked.sent else asked.with_body(wanted))

        add(alter.__name__.replace("_", " "), plant)
        return alter

    return register


Repair = Callable[[Asked, list[str]], Request | None]


def accepting(name: str, *, rules: tuple[str, ...], repair: Repair) -> None:
    """Registers that what breaks some rules is put right instead of refused.

    `repair` gets the pointers to what was broken.
    """

    async def plant(asked: Asked) -> Response:
        response = await asked.answer()
        places = [pointer for rule, pointer in broken_rules(response) if rule in rules]
        repaired = repair(asked, places) if places else None
        return await asked.answer(repaired) if repaired is not None else response

    add(name, plant)


def without(asked: Asked, places: list[str]) -> Request | None:
    """The request without what some JSON pointers lead to."""
    return _changed(asked, places, None)


def put(value: Any) -> Repair:
    """A repair that puts a value where the rule was broken."""
    return lambda asked, places: _changed(asked, places, value)


def _changed(asked: Asked, places: list[str], value: Any) -> Request | None:
    sent = asked.sent
    for place in places:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]] or [""]
        inner = sent
        for part in parents:
            inner = inner[int(part)] if isinstance(inner, list) else inner.get(part)
        if isinstance(inner, list):
            inner[int(last)] = value
        elif not isinstance(inner, dict):
            return None  # it stands in the query string, or is a name
        elif value is None:
            inner.pop(last, None)
        else:
            inner[last] = value
    return asked.with_body(sent)
