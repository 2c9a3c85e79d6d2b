"""Followed channels through the application: order, accounts and the site owner's switches."""

from __future__ import annotations

import pytest

LIST, FOLLOW = "listFollowedChannels", "createFollowedChannel"
CHANNELS = ("FACEBOOK", "INSTAGRAM", "LINKEDIN", "X", "TIKTOK")


@pytest.fixture
def member(site):
    return site.token("MEMBER")


@pytest.fixture
def follow(site, member):
    return lambda channel: site.call(FOLLOW, {"followedChannel": {"channel": channel}}, token=member)


@pytest.fixture
def listed(site, member):
    """The channels of the list, in its order."""
    return lambda: [found["channel"] for found in site.call(LIST, token=member).body["followedChannels"]]


@pytest.mark.rule("channels-newest-first")
@pytest.mark.parametrize("seconds", [60, 0], ids=["a minute apart", "at the same instant"])
def test_the_list_is_newest_first(site, follow, listed, seconds):
    for channel in CHANNELS:
        follow(channel)
        site.advance(seconds)
    assert listed() == list(reversed(CHANNELS))


@pytest.mark.rule("success-is-200-json")
def test_an_account_that_follows_nothing_has_an_empty_list(site, member):
    answer = site.call(LIST, token=member)
    assert (answer.status, answer.body) == (200, {"followedChannels": []})


@pytest.mark.rule("channel-followed-once")
def test_following_twice_is_409_and_stores_nothing(follow, listed):
    first = follow("X").body["followedChannel"]
    answer = follow("X")
    assert (answer.status, answer.error["code"]) == (409, "ALREADY_EXISTS")
    assert answer.body["message"] == "The account follows X already."
    assert (answer.error["data"]["id"], listed()) == (first["id"], ["X"])


@pytest.mark.rule("channel-followed-once", "tenants-apart")
def test_the_same_member_of_another_site_follows_for_itself(make_site, follow):
    follow("X")
    other = make_site()
    answer = other.call(FOLLOW, {"followedChannel": {"channel": "X"}}, token=other.token("MEMBER"))
    assert answer.status == 200


@pytest.mark.rule("channel-must-be-enabled")
def test_a_channel_that_was_turned_off_is_428_until_it_is_on_again(site, follow, listed):
    site.tenant.channels = frozenset({"TIKTOK"})
    answer = follow("X")
    assert (answer.status, answer.error["code"], listed()) == (428, "FAILED_PRECONDITION", [])
    assert answer.body["message"] == "The site has not enabled the channel X. Enabled: TIKTOK."
    site.tenant.channels = frozenset(CHANNELS)
    assert follow("X").status == 200


@pytest.mark.rule("channel-must-be-enabled")
def test_the_channels_enabled_at_launch_are_an_option(make_site):
    site = make_site(channels=("LINKEDIN",))
    statuses = [
        site.call(FOLLOW, {"followedChannel": {"channel": channel}}, token=site.token("MEMBER")).status
        for channel in ("LINKEDIN", "X")
    ]
    assert statuses == [200, 428]


@pytest.mark.rule("loyalty-must-be-installed")
@pytest.mark.parametrize("operation", [LIST, FOLLOW])
def test_without_a_loyalty_program_both_operations_are_428(site, member, operation):
    site.tenant.loyalty_installed = False
    body = {"followedChannel": {"channel": "X"}} if operation == FOLLOW else None
    answer = site.call(operation, body, token=member)
    assert (answer.status, answer.error["code"]) == (428, "FAILED_PRECONDITION")
    assert answer.error["data"] == {"reason": "REQUIRED_APP_NOT_INSTALLED", "rule": "loyalty-must-be-installed"}


@pytest.mark.rule("channel-account-from-caller", "read-only-ignored")
@pytest.mark.parametrize("value", ["acc00000-0000-4000-8000-00000000000f", 7, None], ids=repr)
def test_an_account_or_id_in_the_request_is_ignored(site, member, value):
    claimed = {"channel": "X", "accountId": value, "id": value, "createdDate": value}
    made = site.call(FOLLOW, {"followedChannel": claimed}, token=member).body["followedChannel"]
    assert value not in made.values()
    assert site.call(LIST, token=member).body["followedChannels"] == [made]
