"""Followed channels: which of a site's channels a loyalty account follows.

The names in single quotes are rows of spec/rules.yaml, which says where each rule comes from.
"""

from __future__ import annotations

from collections.abc import Mapping

from wixture.mockserver.messages import Call, Change, Decision, Followed, Found
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules.world import Rule, World


def find_followed(call: Call, world: World) -> Followed:
    """What the caller's account follows. 'channel-account-from-caller', 'loyalty-must-be-installed'"""
    _refuse_without_loyalty(world)
    return Followed(call.caller.account_id or "")


def list_followed(_: Call, found: Found, __: World) -> Decision:
    """The channels, newest first. 'channels-newest-first'"""
    return Decision({"followedChannels": list(found.entities)})


def find_for_follow(call: Call, world: World) -> Followed:
    """What the account follows already. 'channel-must-be-enabled'"""
    _refuse_without_loyalty(world)
    channel = call.body["followedChannel"]["channel"]
    if channel not in world.channels:
        enabled = ", ".join(sorted(world.channels)) or "none"
        raise Refusal(
            "FAILED_PRECONDITION",
            f"The site has not enabled the channel {channel}. Enabled: {enabled}.",
            rule="channel-must-be-enabled",
            data={"channel": channel},
        )
    return Followed(call.caller.account_id or "", latest=True)


def follow(call: Call, found: Found, world: World) -> Decision:
    """The new follow. 'channel-followed-once'"""
    channel = call.body["followedChannel"]["channel"]
    for entity in found.entities:
        if entity["channel"] == channel:
            raise Refusal(
                "ALREADY_EXISTS",
                f"The account follows {channel} already.",
                rule="channel-followed-once",
                data={"id": entity["id"]},
            )
    entity = {
        "id": world.new_id(),
        "accountId": call.caller.account_id,
        "channel": channel,
        "createdDate": world.now,
    }
    return Decision({"followedChannel": entity}, (Change("created", "followed_channel", entity),))


def _refuse_without_loyalty(world: World) -> None:
    if not world.loyalty_installed:
        raise Refusal(
            "FAILED_PRECONDITION",
            "The site has no loyalty program.",
            rule="loyalty-must-be-installed",
            data={"reason": "REQUIRED_APP_NOT_INSTALLED"},
        )


OPERATIONS: Mapping[str, Rule] = {
    "listFollowedChannels": Rule(find_followed, list_followed),
    "createFollowedChannel": Rule(find_for_follow, follow),
}
