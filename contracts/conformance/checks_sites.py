"""What goes beyond one consent: bulks, sites kept apart, followed channels, and the events of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.conformance.checks_consents import written
from wixture.contracts.conformance.flow import MISSING, Flow, Problem, Step, StepLost, at
from wixture.contracts.conformance.promise import promise
from wixture.contracts.judging.instants import instant

# ---- bulk ----------------------------------------------------------------------------------------


@promise(
    "bulk-of-four-answered", "A bulk has one result for each consent, and counts them", rule="bulk-item-error"
)
def bulk_answers_each(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("bulk")
    results = flow["bulk"].at("/results")
    places = [at(result, "/originalIndex") for result in results] if isinstance(results, list) else []
    if places != [0, 1, 2, 3]:
        yield flow["bulk"].problem("Expected results with originalIndex 0, 1, 2, 3, in order.", "/results")
    yield from flow.holds("bulk", "/metadata/totalSuccess", 3)
    yield from flow.holds("bulk", "/metadata/totalFailure", 1)


@promise("bulk-item-fails-alone", "A bad consent of a bulk fails, and the others go on", rule="bulk-item-error")
def bulk_item_fails_alone(flow: Flow) -> Iterator[Problem]:
    step = flow["bulk"]
    if not isinstance(step.at("/results/1/error"), str) or step.at("/results/1/marketingConsent") is not MISSING:
        yield step.problem("The bad consent has no error, or is stored.", "/results/1")
    for index in (0, 2, 3):
        if not isinstance(step.at(f"/results/{index}/marketingConsent"), dict):
            yield step.problem("A right consent has no result.", f"/results/{index}")
    yield from flow.answered("bad is not there", 404)


@promise("bulk-in-order", "The consents of a bulk are applied in order", rule="bulk-in-order")
def bulk_in_order(flow: Flow) -> Iterator[Problem]:
    step = flow["bulk"]
    yield from flow.holds("bulk", "/results/3/marketingConsent/state", "PENDING")
    yield from flow.holds("bulk", "/results/3/marketingConsent/id", step.at("/results/0/marketingConsent/id"))
    yield from flow.holds("bulk", "/results/0/marketingConsent/revision", "1")
    yield from flow.holds("bulk", "/results/3/marketingConsent/revision", "2")


@promise("bulk-stores", "What a bulk answers is stored", rule="upsert-finds-by-identifier")
def bulk_stores(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("bulk", "/results/2/marketingConsent/id", flow["there"].at("/marketingConsent/id"))
    yield from flow.holds("read bea", "/marketingConsent/state", "REVOKED")


# ---- sites ---------------------------------------------------------------------------------------


@promise("sites-apart", "Another site's consents look like missing ones", rule="tenants-apart")
def sites_apart(flow: Flow) -> Iterator[Problem]:
    for name in ("read", "found", "updated", "deleted"):
        yield from flow.answered(name, 404, "NOT_FOUND")
    if flow["queried"].items:
        yield flow["queried"].problem("A query finds another site's consent.", "/marketingConsent")
    for name in ("state", "revision"):
        pointer = f"/marketingConsent/{name}"
        yield from flow.holds("after", pointer, flow["created"].at(pointer))


@promise("cursor-of-its-site", "A cursor of another site is refused", rule="query-cursor")
def cursor_of_its_site(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("their cursor")


# ---- channels ------------------------------------------------------------------------------------


def _followed(step: Step) -> list[Any]:
    listed = step.at("/followedChannels")
    return listed if isinstance(listed, list) else []


def _lists(flow: Flow) -> Iterator[Step]:
    yield from (step for step in flow if step.operation.operation_id == "listFollowedChannels")


@promise("app-has-no-account", "An app has no account, and lists no channels", rule="channel-app-needs-account")
def app_has_no_account(flow: Flow) -> Iterator[Problem]:
    if flow["app channels"].status not in (200, 403):
        yield from flow.answered("app channels", 403)


@promise("app-follows-nothing", "An app has no account, and follows no channel", rule="channel-app-needs-account")
def app_follows_nothing(flow: Flow) -> Iterator[Problem]:
    if flow["by app"].status != 200:  # it may, where an account is configured
        yield from flow.answered("by app", 403)


@promise("channels-listed", "Channels are listed newest first, each once", rule="channels-newest-first")
def channels_listed(flow: Flow) -> Iterator[Problem]:
    for step in _lists(flow):
        yield from flow.ok(step.name)
        names = [at(channel, "/channel") for channel in _followed(step)]
        if len(names) != len(set(map(str, names))):
            yield step.problem("A channel stands twice in the list.", "/followedChannels")
        dates = [instant(at(channel, "/createdDate")) for channel in _followed(step)]
        known = [date for date in dates if date is not None]
        if known != sorted(known, reverse=True):
            yield step.problem("The channels are not newest first.", "/followedChannels")


@promise(
    "accounts-apart",
    "A list holds the channels of one account, the caller's own",
    rule="channel-account-from-caller",
)
def channels_of_one_account(flow: Flow) -> Iterator[Problem]:
    accounts: dict[str, set[Any]] = {}
    for step in _lists(flow):
        found = {at(channel, "/accountId") for channel in _followed(step)}
        accounts.setdefault(step.identity, set()).update(found)
        if len(found) > 1:
            yield step.problem("The list mixes accounts.", "/followedChannels")
    if accounts.get("MEMBER", set()) & accounts.get("VISITOR", set()):
        yield next(_lists(flow)).problem("A member and a visitor have one account.", "/followedChannels")


@promise(
    "follow-answers-the-channel",
    "Following answers the channel, with an ID, an account and a date of its own",
    rule="channel-account-from-caller",
)
def follow_answers_the_channel(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("followed")
    step = flow["followed"]
    sent = step.body["followedChannel"]
    yield from flow.holds("followed", "/followedChannel/channel", sent["channel"])
    for name in ("id", "accountId", "createdDate"):
        found = step.at(f"/followedChannel/{name}")
        if found in (MISSING, sent[name]):
            yield step.problem(f"{name} is missing, or taken from the request.", f"/followedChannel/{name}")


@promise("followed-once", "Following a channel again is 409", rule="channel-followed-once")
def followed_once(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("again", 409, "ALREADY_EXISTS")


@promise("followed-is-listed", "A followed channel stands first in the list", rule="channels-newest-first")
def followed_is_listed(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("after", "/followedChannels/0", flow["followed"].at("/followedChannel"))
    if len(_followed(flow["after"])) != len(_followed(flow["before"])) + 1:
        yield flow["after"].problem("Following once did not make the list longer by one.", "/followedChannels")


@promise(
    "newest-channel-first", "The channel followed last stands first in the list", rule="channels-newest-first"
)
def newest_channel_first(flow: Flow) -> Iterator[Problem]:
    if flow["another"].status == 428:
        raise StepLost("the site has not enabled a second channel")
    for place, name in enumerate(("another", "followed")):
        yield from flow.holds("after both", f"/followedChannels/{place}", flow[name].at("/followedChannel"))


@promise("channels-known", "A channel that does not exist, or none, is refused", rule="channel-known")
def channels_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no such", "no channel")


# ---- events --------------------------------------------------------------------------------------


@promise(
    "events-match-changes",
    "Every change raises one event, in order, with what it answered",
    rule="event-per-change",
)
def events_match_changes(flow: Flow) -> Iterator[Problem]:
    if flow.events is None:
        raise StepLost("only a mock tells its events; another target's are read with `wixture webhook listen`")
    expected = _changes(flow)
    told: dict[str, list[Mapping[str, Any]]] = {}
    for event in flow.events:
        told.setdefault(str(at(event, "/event/entityId")), []).append(event)
    for entity_id, changes in expected.items():
        yield from _compared(changes, told.get(entity_id, []))


_Change = tuple[str, Step, Mapping[str, Any] | None]


def _changes(flow: Flow) -> dict[str, list[_Change]]:
    """What happened to each entity: the kind of event, the step that shows it, and what it answered."""
    changes: dict[str, list[_Change]] = {}
    at_last: dict[str, Any] = {}
    answered = {id(step): list(_entities(flow, step)) for step in flow}
    for step in flow:
        for entity in answered[id(step)]:
            entity_id = str(entity.get("id"))
            kind = "updated" if entity_id in changes else "created"
            if kind == "created" or at_last.get(entity_id) != entity.get("revision"):
                changes.setdefault(entity_id, []).append((kind, step, entity))
            at_last[entity_id] = entity.get("revision")
        if (
            step.operation.operation_id == "deleteMarketingConsent"
            and step.status == 200
            and step.identity == "APP"
        ):
            for entity_id in step.path.values():
                changes.setdefault(entity_id, []).append(("deleted", step, None))
    return changes


def _entities(flow: Flow, step: Step) -> Iterator[Mapping[str, Any]]:
    yield from (consent for own, consent, _ in written(flow) if own is step)
    channel = step.at("/followedChannel")
    if step.operation.operation_id == "createFollowedChannel" and step.status == 200 and isinstance(channel, dict):
        yield channel


def _compared(changes: list[_Change], events: list[Mapping[str, Any]]) -> Iterator[Problem]:
    kinds = [kind for kind, _, _ in changes]
    told = [at(event, "/event/slug") for event in events]
    if kinds != told:
        said = f"Expected the events {', '.join(kinds)}, got {', '.join(map(str, told)) or 'none'}."
        yield changes[-1][1].problem(said)
        return
    sequences = [str(at(event, "/event/entityEventSequence")) for event in events]
    if sequences != sorted(set(sequences), key=lambda text: (len(text), text)):
        yield changes[-1][1].problem(f"entityEventSequence does not grow: {', '.join(sequences)}.")
    for (kind, step, entity), event in zip(changes, events, strict=True):
        place = {"created": "/event/createdEvent/entity", "updated": "/event/updatedEvent/currentEntity"}.get(kind)
        if place and at(event, place) != entity:
            yield step.problem(f"The {kind} event does not carry what was answered.", "/marketingConsent")
        caller = {"VISITOR": "ANONYMOUS_VISITOR"}.get(step.identity, step.identity)
        if at(event, "/identity/identityType") != caller:
            yield step.problem(f"The {kind} event does not name its caller, {caller}.")
