"""What the control API's calls about webhooks do, one function each, named as in spec/control.yaml."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import Answer, ControlCall
from wixture.mockserver.domain_events import Attempt, Delivery, DomainEvent, Subscription
from wixture.mockserver.instants import LAST, to_text
from wixture.mockserver.messages import Response
from wixture.mockserver.refusals import Refusal, invalid_field
from wixture.mockserver.webhooks.destinations import BadDestination, parse
from wixture.mockserver.webhooks.events import event_types, short_name
from wixture.mockserver.webhooks.triggers import triggered

PEM_TYPE = "application/x-pem-file"
MOST_SUBSCRIPTIONS = 100


# ---- who is told ---------------------------------------------------------------------------------


async def list_subscriptions(_: Application, call: ControlCall) -> Answer:
    """Who is told."""
    return {"subscriptions": [_shown_subscription(found) for found in call.tenant.subscriptions.values()]}


async def create_subscription(app: Application, call: ControlCall) -> Answer:
    """One more URL."""
    tenant, body = call.tenant, call.body
    event_type = "*" if body["eventType"] == "*" else known_event(body["eventType"])
    _check_url(app, body["url"])
    if len(tenant.subscriptions) >= MOST_SUBSCRIPTIONS:
        problem = f"would be one more than the {MOST_SUBSCRIPTIONS} that a tenant may have; delete some first"
        raise invalid_field("url", problem, "subscription-limit")
    await asyncio.to_thread(app.dispatch.load)
    made = Subscription(tenant.chance.new_id("subscription"), event_type, body["url"])
    tenant.subscriptions[made.id] = made
    return _shown_subscription(made)


async def delete_subscription(_: Application, call: ControlCall) -> Answer:
    """One URL less."""
    if call.tenant.subscriptions.pop(call.path["subscriptionId"], None) is None:
        raise not_found("subscription", call.path["subscriptionId"])
    return {}


def _check_url(app: Application, url: str) -> None:
    try:
        destination = parse(url)
    except BadDestination as error:
        raise invalid_field("url", f"is no address to send to: {error}", "destination-form") from error
    denied = app.dispatch.policy.always_denies(destination)
    if denied:
        raise invalid_field("url", f"is an address that is never dialled: {denied}", "destination-allowed")


def known_event(event_type: str) -> str:
    """The short name of an event. Raises Refusal for an unknown one."""
    short = short_name(event_type)
    if short is None:
        problem = f"is no event; there are {', '.join(event_types())}"
        raise invalid_field("eventType", problem, "event-name-known")
    return short


def not_found(what: str, named: str) -> Refusal:
    """The refusal of an ID that this tenant does not have."""
    return Refusal("NOT_FOUND", f"This tenant has no {what} with the ID {named[:60]!r}.")


# ---- what was sent -------------------------------------------------------------------------------


async def list_events(app: Application, call: ControlCall) -> Answer:
    """Every event that is kept."""
    events = await app.store.outbox.events(call.tenant.instance_id)
    instance_id = call.tenant.instance_id
    return {"events": [_shown_event(app.dispatch.as_sent(call.tenant, event), instance_id) for event in events]}


async def list_deliveries(app: Application, call: ControlCall) -> Answer:
    """Every delivery that is kept."""
    outbox, tenant = app.store.outbox, call.tenant.instance_id
    names = {event.id: event.name for event in await outbox.events(tenant)}
    wanted = call.query.get("status")
    found = [item for item in await outbox.deliveries(tenant) if wanted is None or item.status == wanted]
    return {"deliveries": [_shown_delivery(item, names.get(item.event_id)) for item in found]}


async def resend_delivery(app: Application, call: ControlCall) -> Answer:
    """One attempt outside the schedule."""
    outbox, tenant = app.store.outbox, call.tenant
    found = await outbox.delivery(tenant.instance_id, call.path["deliveryId"])
    event = await outbox.event_of(tenant.instance_id, found.id) if found else None
    if found is None or event is None:
        raise not_found("delivery", call.path["deliveryId"])
    await app.dispatch.deliverer.attempt(tenant, found, by_hand=True)
    after = await outbox.delivery(tenant.instance_id, found.id)
    return _shown_delivery(after or found, event.name)


async def flush_deliveries(app: Application, call: ControlCall) -> Answer:
    """Everything that is due."""
    step = await app.dispatch.deliverer.flush(call.tenant)
    return {"attempts": step.attempts, "more": step.more}


async def trigger_event(app: Application, call: ControlCall) -> Answer:
    """An event that no call caused."""
    tenant, body = call.tenant, call.body
    if "url" in body:
        _check_url(app, body["url"])
    event = await triggered(app, tenant, known_event(body["eventType"]), body)
    event = await app.dispatch.trigger(tenant, event, body.get("fault"), url=body.get("url"))
    return _shown_event(app.dispatch.as_sent(tenant, event), tenant.instance_id)


def _shown_subscription(subscription: Subscription) -> dict[str, str]:
    return {"id": subscription.id, "eventType": subscription.event_type, "url": subscription.url}


def _shown_event(event: DomainEvent, instance_id: str) -> dict[str, Any]:
    return {
        "id": event.id,
        "eventType": event_types()[event.name],
        "instanceId": instance_id,
        "time": to_text(event.time),
        "identity": orjson.loads(event.identity),
        "event": orjson.loads(event.body),
    }


def _shown_delivery(delivery: Delivery, name: str | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "eventId": delivery.event_id,
        "eventType": name,
        "subscriptionId": delivery.subscription_id,
        "url": delivery.url,
        "status": delivery.status,
        "nextAttempt": to_text(min(delivery.due, LAST)) if delivery.status == "pending" else None,
        "faultId": delivery.fault_id,
        "attempts": [_shown_attempt(number, attempt) for number, attempt in enumerate(delivery.attempts, 1)],
    }


def _shown_attempt(number: int, attempt: Attempt) -> dict[str, Any]:
    return {
        "number": number,
        "at": to_text(attempt.at),
        "status": attempt.status,
        "reason": attempt.reason,
        "durationMs": attempt.duration_ms,
        "byHand": attempt.by_hand,
    }


# ---- keys ----------------------------------------------------------------------------------------


async def get_public_key(app: Application, _: ControlCall) -> Answer:
    """The key that verifies."""
    await app.dispatch.renew_keys()
    key = await asyncio.to_thread(lambda: app.dispatch.keyring.current)  # making one takes a while
    return Response(200, key.public_pem().encode(), content_type=PEM_TYPE)


async def get_key_set(app: Application, _: ControlCall) -> Answer:
    """The keys that verify."""
    await app.dispatch.renew_keys()
    return {"keys": await asyncio.to_thread(lambda: app.dispatch.keyring.jwks()["keys"])}


async def rotate_key(app: Application, call: ControlCall) -> Answer:
    """A new key that signs."""
    await app.dispatch.renew_keys()
    ring = await asyncio.to_thread(lambda: app.dispatch.keyring)
    made = await asyncio.to_thread(ring.new)
    if app.store.survives:
        await app.store.sites.save_signing_keys([key.private_pem() for key in ring.after(made)])
    ring.rotate(made)
    return await get_key_set(app, call)


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {
    "listSubscriptions": list_subscriptions,
    "createSubscription": create_subscription,
    "deleteSubscription": delete_subscription,
    "listEvents": list_events,
    "listDeliveries": list_deliveries,
    "resendDelivery": resend_delivery,
    "flushDeliveries": flush_deliveries,
    "triggerEvent": trigger_event,
    "getPublicKey": get_public_key,
    "getKeySet": get_key_set,
    "rotateKey": rotate_key,
}
