"""What answers about followed channels promise: one account, each channel once, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.judging.instants import instant
from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_LIST, _CREATE = "listFollowedChannels", "createFollowedChannel"
_LISTED = "/components/schemas/ListFollowedChannelsResponse/properties/followedChannels"
_CHANNEL = "/components/schemas/FollowedChannel"


def _channels(judged: Judged) -> list[tuple[str, Mapping[str, Any]]]:
    listed = judged.answer.get("followedChannels")
    return [
        (f"/followedChannels/{at}", mapping(one))
        for at, one in enumerate(listed if isinstance(listed, list) else [])
    ]


@exchange_check(
    "channels-once",
    "An account follows a channel once",
    rule="channel-followed-once",
    spec=_LISTED,
    when=success_of(_LIST),
)
def channels_once(judged: Judged) -> Iterator[Said]:
    """At most one of each in the list."""
    seen: set[str] = set()
    for pointer, one in _channels(judged):
        channel = one.get("channel")
        if isinstance(channel, str):
            if channel in seen:
                yield Said(f"{shown(channel)} is in the list twice.", f"{pointer}/channel")
            seen.add(channel)


@exchange_check(
    "channels-newest-first",
    "Followed channels are listed newest first",
    rule="channels-newest-first",
    spec=_LISTED,
    when=success_of(_LIST),
)
def channels_newest_first(judged: Judged) -> Iterator[Said]:
    """createdDate never grows."""
    before = None
    for pointer, one in _channels(judged):
        created = instant(one.get("createdDate"))
        if before is not None and created is not None and created > before:
            yield Said("This channel is newer than the one above it; newest first was expected.", pointer)
        before = created or before


@exchange_check(
    "channels-of-one-account",
    "The list has the channels of one account",
    rule="channel-account-from-caller",
    spec=f"{_CHANNEL}/properties/accountId",
    when=success_of(_LIST),
)
def channels_of_one_account(judged: Judged) -> Iterator[Said]:
    """The caller's own, and so always the same."""
    accounts = {one["accountId"] for _, one in _channels(judged) if isinstance(one.get("accountId"), str)}
    if len(accounts) > 1:
        yield Said(f"The list has channels of {len(accounts)} accounts; one was expected.", "/followedChannels")


@exchange_check(
    "channel-echoed",
    "The channel answered is the one that was sent",
    rule="channel-required",
    spec=f"{_CHANNEL}/properties/channel",
    when=success_of(_CREATE, asked=True),
)
def channel_echoed(judged: Judged) -> Iterator[Said]:
    """followedChannel.channel."""
    found = mapping(judged.answer.get("followedChannel")).get("channel")
    wanted = judged.sent["followedChannel"]["channel"]
    if isinstance(found, str) and found != wanted:
        yield Said(f"channel is {shown(found)}; {wanted} was sent.", "/followedChannel/channel")


@exchange_check(
    "channel-dates-are-instants",
    "Every followed channel has a date that exists",
    rule="timestamp-form",
    spec=f"{_CHANNEL}/properties/createdDate",
    when=success_of(_LIST, _CREATE),
)
def channel_dates_are_instants(judged: Judged) -> Iterator[Said]:
    """RFC 3339, and in the calendar."""
    single = ("/followedChannel", mapping(judged.answer.get("followedChannel")))
    for pointer, one in (*_channels(judged), single):
        if "createdDate" in one and instant(one["createdDate"]) is None:
            said = f"createdDate is {shown(one['createdDate'])}; an instant was expected."
            yield Said(said, f"{pointer}/createdDate")


CHECKS = (
    channels_once,
    channels_newest_first,
    channels_of_one_account,
    channel_echoed,
    channel_dates_are_instants,
)
