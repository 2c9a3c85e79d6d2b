"""The command `wixture webhook trigger`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from wixture.mockserver.mock_client import DEFAULT_URL, call, fetched
from wixture.mockserver.webhook_keys import of_tenant
from wixture.mockserver.webhook_sending import (
    PEM_PATH,
    allow_net_option,
    checked_consumer,
    instance_option,
    minting,
    poster,
    public_key_out_option,
    signing_key,
    signing_key_option,
    signing_mock_option,
    tell_public_key,
)

if TYPE_CHECKING:
    from wixture.mockserver.messages import Entity
    from wixture.mockserver.webhooks.outcomes import Posted
    from wixture.mockserver.webhooks.series import Mint

_SCHEMAS = {"marketing_consent": "MarketingConsent", "followed_channel": "FollowedChannel"}
_LISTS = {"marketing_consent": "marketingConsents", "followed_channel": "followedChannels"}
_MOST_COPIES = 100


@click.command(short_help="Send one signed event to a URL.")
@click.argument("event")
@click.option("--to", required=True, metavar="URL", help="Where to send it.")
@click.option("--entity", "entity_id", metavar="ID", help="About this entity of a running mock.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change the entity: a dotted path, and JSON or text, as in state=REVOKED. Can be given several times.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=VALUE",
    help="tamper=KIND forges the token, such as tamper=signature; duplicate=N sends it N times. "
    "Can be given several times.",
)
@signing_mock_option(
    envvar="WIXTURE_URL", show_envvar=True, help="Where a mock runs that is to sign, with its key."
)
@signing_key_option
@public_key_out_option
@instance_option
@allow_net_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
def trigger(**options: Any) -> None:
    """Send one signed EVENT (short or in full) to a URL, and say what came of it.

    Its entity is made up, or one that a running mock has. Exits 1 when it was not received.
    """
    name = _short(options["event"])
    url = checked_consumer(options["to"], "--to")
    faults = _faults(options["faults"])
    entity = _changed(name, _entity(name, options), options["changes"])
    with _mint(options) as mint:
        minted = mint.event(name, entity, tamper=faults.get("tamper"))
    outcomes = asyncio.run(_sent(url, minted.token, faults.get("duplicate", 1), options))
    for outcome in outcomes:
        _print(name, minted.event_id, outcome, options["form"])
    failed = [outcome for outcome in outcomes if not outcome.received]
    if failed and not faults.get("tamper"):
        _say_what_next(failed[0], options)
    sys.exit(1 if failed else 0)


def _short(event: str) -> str:
    from wixture.mockserver.webhooks.events import event_types, short_name

    name = short_name(event)
    if name is None:
        raise click.UsageError(f"{event!r} is no event; use one of {', '.join(event_types())}.")
    return name


def _faults(given: Sequence[str]) -> dict[str, Any]:
    """What the options --fault ask for. Raises UsageError."""
    from wixture.mockserver.webhooks.tampering import KINDS

    faults: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name == "tamper" and value in KINDS:
            faults[name] = value
        elif name == "duplicate" and value.isascii() and value.isdigit() and 2 <= int(value[:4]) <= _MOST_COPIES:
            faults[name] = int(value)
        else:
            known = f"tamper={'|'.join(KINDS)}, or duplicate=2 to {_MOST_COPIES}"
            raise click.UsageError(f"--fault {text!r} is not known here; use {known}.")
    return faults


# ---- the entity ----------------------------------------------------------------------------------


def _entity(name: str, options: Mapping[str, Any]) -> Entity:
    """The entity of the event: the one asked for, or one that is made up."""
    from wixture.mockserver.clock import Chance, new_random_seed, wall_seconds
    from wixture.mockserver.webhooks.series import consent, followed_channel

    entity_type, _, kind = name.rpartition("_")
    if options["entity_id"] is not None:
        return _stored(entity_type, options)
    chance, now = Chance(new_random_seed(), "trigger"), wall_seconds() * 1_000_000
    if entity_type == "followed_channel":
        return followed_channel(chance, now)
    made = consent(chance, now)
    return made if kind == "created" else {**made, "revision": "2"}


def _stored(entity_type: str, options: Mapping[str, Any]) -> Entity:
    url, wanted = options["mock_url"] or DEFAULT_URL, options["entity_id"].lower()
    state = call(url, "GET", of_tenant("/_mock/state", options["instance"]))
    found = next((one for one in state[_LISTS[entity_type]] if one["id"] == wanted), None)
    if found is None:
        raise click.UsageError(f"The mock at {url} has no {entity_type} with the ID {wanted!r} on that site.")
    return dict(found)


def _changed(name: str, entity: Entity, changes: Sequence[str]) -> Entity:
    """The entity after the options --set. Raises UsageError when it no longer keeps the contract."""
    from wixture.contracts.validation import own_contract

    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not all(path.split(".")):
            raise click.UsageError(f"--set {change!r} is no PATH=VALUE, such as details.email=ada@example.com.")
        _set(entity, path.split("."), value)
    contract, schema = own_contract("openapi"), f"/components/schemas/{_SCHEMAS[name.rpartition('_')[0]]}"
    if not contract.accepts(schema, entity):
        found = contract.violations(schema, entity)
        reasons = "\n".join(f"  {one.field} {one.description}" for one in found)
        raise click.UsageError(f"The entity does not keep the contract, so no event can carry it:\n{reasons}")
    return entity


def _set(entity: Entity, path: Sequence[str], value: str) -> None:
    place = entity
    for step in path[:-1]:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise click.UsageError(f"--set {'.'.join(path)}: {step} is no object that has fields.")
    place[path[-1]] = _value(value, place.get(path[-1]))


def _value(text: str, before: Any) -> Any:
    """JSON, or else text. A text stays one where a number would take its place: a revision is `"3"`."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(before, str) and isinstance(value, int | float) else value


# ---- signing and sending -------------------------------------------------------------------------


@contextmanager
def _mint(options: Mapping[str, Any]) -> Iterator[Mint]:
    """Who signs: a running mock, or a key of one's own."""
    url = _signing_mock(options)
    if url is not None:
        if options["public_key_out"]:
            pem = fetched(url, PEM_PATH).decode("ascii", "replace")
            tell_public_key(pem, options["public_key_out"], kept=False)
        with minting(url, options["instance"]) as mint:
            yield mint
        return
    yield _own_mint(options)


def _signing_mock(options: Mapping[str, Any]) -> str | None:
    """The address of the mock that signs; None when a key of one's own does."""
    if options["signing_key"] is not None or not (options["mock_url"] or options["entity_id"] is not None):
        return None
    return str(options["mock_url"] or DEFAULT_URL)


def _own_mint(options: Mapping[str, Any]) -> Mint:
    from wixture.mockserver.clock import Chance, new_random_seed, wall_seconds
    from wixture.mockserver.settings import Settings
    from wixture.mockserver.webhooks.series import OwnMint

    key = signing_key(options["signing_key"])
    tell_public_key(key.public_pem(), options["public_key_out"], kept=options["signing_key"] is None)
    chance = Chance(new_random_seed(), "trigger")
    now = wall_seconds() * 1_000_000
    return OwnMint(key, chance, instance_id=options["instance"], app_id=Settings().app_id, now=now)


async def _sent(url: str, token: bytes, copies: int, options: Mapping[str, Any]) -> list[Posted]:
    posts = poster(options)
    try:
        return [await posts.post(url, token) for _ in range(copies)]
    finally:
        await posts.close()


def _say_what_next(outcome: Posted, options: Mapping[str, Any]) -> None:
    """For what goes wrong the first time: nobody there, or a receiver that has another key."""
    from wixture.mockserver.webhooks.own_key import public_key_path

    url = _signing_mock(options)
    if outcome.reason == "refused":
        click.echo(f"Start the receiver, or correct --to {options['to']}.", err=True)
    elif outcome.status not in (400, 401, 403):
        return
    elif url is not None:
        click.echo(f"Does it verify with the mock's key? {url.rstrip('/')}{PEM_PATH}", err=True)
    elif options["signing_key"] is None:
        text = "For a receiver that has the key of a running mock, add: --url"
        click.echo(f"Does it verify with {public_key_path()}? {text} {DEFAULT_URL}", err=True)
    else:
        click.echo(f"Does it verify with the public half of {options['signing_key']}?", err=True)


def _print(name: str, event_id: str, outcome: Posted, form: str) -> None:
    if form == "json":
        shown = {"status": outcome.status, "reason": outcome.reason, "durationMs": outcome.duration_ms}
        click.echo(json.dumps({"eventType": name, "eventId": event_id, **shown}))
        return
    status = "" if outcome.status is None else f", status {outcome.status}"
    click.echo(f"{name} {event_id}: {outcome.reason}{status}, {outcome.duration_ms} ms. {outcome.text}")
