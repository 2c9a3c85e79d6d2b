"""Rows about followed channels: whose they are, who may ask, in which order, and under which names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import CHANNELS, MEMBER, Api

ACCOUNT = "acc00000-0000-4000-8000-000000000001"
OTHER_MEMBER = "d0000000-0000-4000-8000-000000000002"
FIVE = ["TIKTOK", "FACEBOOK", "X", "LINKEDIN", "INSTAGRAM"]
FOLLOW = {"followedChannel": {"channel": "X"}}


# ---- accounts and identities ---------------------------------------------------------------------


@pytest.mark.row("channel-account-from-request")
def test_the_account_is_the_callers_whatever_the_request_names(api, follow):
    mine = follow("X").json["followedChannel"]["accountId"]
    named = follow("TIKTOK", accountId=ACCOUNT, id=ACCOUNT).json["followedChannel"]
    assert named["accountId"] == mine != ACCOUNT
    assert named["id"] != ACCOUNT


@pytest.mark.row("channel-account-from-request")
def test_two_members_have_two_accounts_and_lists_of_their_own(api, follow):
    mine = follow("X").json["followedChannel"]
    wanted = {"identity": "MEMBER", "memberId": OTHER_MEMBER}
    theirs = {"authorization": api.control("POST", "/tokens", wanted).json["access_token"]}
    assert api.call("GET", CHANNELS, identity=None, headers=theirs).json == {"followedChannels": []}
    followed = api.call("POST", CHANNELS, FOLLOW, identity=None, headers=theirs).json["followedChannel"]
    assert followed["accountId"] != mine["accountId"]
    assert MEMBER not in (mine["accountId"], mine["id"])


@pytest.mark.row("channel-account-from-request")
def test_the_contract_says_that_an_account_in_the_request_is_ignored(contract_at):
    pointer = "/components/schemas/CreateFollowedChannelRequest/properties/followedChannel/properties/accountId"
    assert "ignored" in contract_at(f"{pointer}/description")


def calls(api: Api, identity: str) -> list[int]:
    """What following and listing answer to a caller."""
    if identity == "WIX_USER":
        key = {"authorization": api.mock.app.settings.api_key, "wix-site-id": api.tenant}
        followed = api.call("POST", CHANNELS, FOLLOW, identity=None, headers=key)
        return [followed.status, api.call("GET", CHANNELS, identity=None, headers=key).status]
    followed = api.call("POST", CHANNELS, FOLLOW, identity=identity)
    return [followed.status, api.call("GET", CHANNELS, identity=identity).status]


@pytest.mark.row("channel-identities")
@pytest.mark.parametrize("identity", ["MEMBER", "VISITOR"])
def test_members_and_visitors_may_follow_and_list(api, identity):
    assert calls(api, identity) == [200, 200]


@pytest.mark.row("channel-identities")
@pytest.mark.parametrize("identity", ["APP", "WIX_USER"])
def test_apps_and_users_may_once_they_are_told_an_account(make_api: Callable[..., Api], identity):
    assert calls(make_api(), identity) == [403, 403]
    told = make_api(account_id=ACCOUNT)
    assert calls(told, identity) == [200, 200]
    assert [channel["accountId"] for channel in told.state()["followedChannels"]] == [ACCOUNT]


@pytest.mark.row("channel-identities")
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_contract_names_the_four_identities_two_of_them_with_an_account(contract_at, method):
    security = contract_at("/paths/~1loyalty-social-media~1v1~1followed-channels")[method]["security"]
    needs_account = {(next(iter(item)), "account" in item) for item in security}
    assert needs_account == {("member", False), ("visitor", False), ("app", True), ("wixUser", True)}


# ---- order, names and values ---------------------------------------------------------------------


@pytest.mark.row("channels-order-direction")
@pytest.mark.parametrize("order", [FIVE, FIVE[::-1]], ids=["one way", "the other way"])
def test_channels_are_listed_newest_first(api, follow, contract_at, order):
    for channel in order:
        follow(channel)
        api.control("POST", "/clock/advance", {"seconds": 60})
    listed = api.call("GET", CHANNELS, identity="MEMBER").json["followedChannels"]
    assert [entity["channel"] for entity in listed] == order[::-1]
    dates = [entity["createdDate"] for entity in listed]
    assert dates == sorted(dates, reverse=True)
    pointer = "/components/schemas/ListFollowedChannelsResponse/properties/followedChannels/description"
    assert "Newest first" in contract_at(pointer)


@pytest.mark.row("channels-flow-other-fields")
def test_a_list_holds_followed_channels_and_neither_channels_nor_points(api, follow, accepts):
    followed = follow("X").json["followedChannel"]
    answer = api.call("GET", CHANNELS, identity="MEMBER").json
    assert answer == {"followedChannels": [followed]}
    assert followed.keys() == {"id", "accountId", "channel", "createdDate"}
    schema = "ListFollowedChannelsResponse"
    assert accepts(schema, answer)
    assert not accepts(schema, {"channels": [followed]})
    assert not accepts(schema, {**answer, "points": 5})


@pytest.mark.row("channel-values-unlisted")
@pytest.mark.parametrize("channel", FIVE)
def test_each_of_the_five_channels_can_be_followed(follow, channel):
    answer = follow(channel)
    assert (answer.status, answer.json["followedChannel"]["channel"]) == (200, channel)


@pytest.mark.row("channel-values-unlisted")
@pytest.mark.parametrize("channel", ["TWITTER", "YOUTUBE", "UNKNOWN_CHANNEL", "tiktok", ""])
def test_another_channel_is_refused_and_the_five_are_named(follow, contract_at, channel):
    answer = follow(channel)
    assert answer.status == 400
    told = answer.violations["followedChannel.channel"]
    assert told["violatedRule"] == "INVALID_ENUM_VALUE"
    assert all(known in told["description"] for known in FIVE)
    assert set(contract_at("/components/schemas/Channel/enum")) == set(FIVE)
