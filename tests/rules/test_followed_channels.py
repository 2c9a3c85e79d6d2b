"""What list and create of followed channels decide."""

from __future__ import annotations

import pytest

CHANNELS = ("FACEBOOK", "INSTAGRAM", "LINKEDIN", "X", "TIKTOK")
NOW = "2024-05-01T08:00:00.000Z"
ACCOUNT = "acc00000-0000-4000-8000-000000000001"
LIST, FOLLOW = "listFollowedChannels", "createFollowedChannel"


@pytest.fixture
def followed():
    """A followed channel as the store holds it."""
    return lambda channel: {"id": f"id-of-{channel}", "accountId": ACCOUNT, "channel": channel, "createdDate": NOW}


def _body(channel, **fields):
    return {"followedChannel": {"channel": channel, **fields}}


@pytest.mark.rule("channel-account-from-caller")
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_follow_belongs_to_the_callers_account(decide, channel):
    answer = decide(FOLLOW, _body(channel), account=ACCOUNT).answer
    assert answer == {
        "followedChannel": {"id": "id-1", "accountId": ACCOUNT, "channel": channel, "createdDate": NOW}
    }


def test_a_follow_writes_one_created_channel(decide):
    decision = decide(FOLLOW, _body("X"))
    change = decision.changes[0]
    assert (len(decision.changes), change.kind, change.entity_type) == (1, "created", "followed_channel")
    assert (change.entity, change.based_on) == (decision.answer["followedChannel"], None)


@pytest.mark.rule("channel-account-from-caller", "read-only-ignored")
def test_read_only_fields_of_a_follow_are_ignored(decide):
    claimed = _body("X", id="mine", accountId="another's", createdDate="then")
    assert decide(FOLLOW, claimed).answer == decide(FOLLOW, _body("X")).answer


@pytest.mark.rule("channel-followed-once")
def test_following_twice_is_already_exists(refusal, followed):
    refused = refusal(FOLLOW, _body("X"), found=[followed("TIKTOK"), followed("X")])
    assert (refused.status, refused.code, refused.rule) == (409, "ALREADY_EXISTS", "channel-followed-once")
    assert (refused.message, refused.data) == ("The account follows X already.", {"id": "id-of-X"})


@pytest.mark.rule("channel-followed-once")
def test_another_channel_can_be_followed_beside_the_first(decide, followed):
    answer = decide(FOLLOW, _body("X"), found=[followed("TIKTOK")]).answer
    assert answer["followedChannel"]["channel"] == "X"


@pytest.mark.rule("channel-must-be-enabled")
@pytest.mark.parametrize(
    ("enabled", "text"), [({"X", "TIKTOK"}, "TIKTOK, X"), (set(), "none")], ids=["two enabled", "none enabled"]
)
def test_a_channel_that_is_off_cannot_be_followed(refusal, make_world, enabled, text):
    refused = refusal(FOLLOW, _body("LINKEDIN"), world=make_world(channels=frozenset(enabled)))
    assert (refused.status, refused.code, refused.rule) == (428, "FAILED_PRECONDITION", "channel-must-be-enabled")
    assert refused.message == f"The site has not enabled the channel LINKEDIN. Enabled: {text}."


@pytest.mark.rule("loyalty-must-be-installed")
@pytest.mark.parametrize("operation", [LIST, FOLLOW])
def test_without_a_loyalty_program_both_operations_are_refused(refusal, make_world, operation):
    refused = refusal(operation, _body("X"), world=make_world(loyalty_installed=False))
    assert (refused.status, refused.code, refused.rule) == (
        428,
        "FAILED_PRECONDITION",
        "loyalty-must-be-installed",
    )
    assert refused.message == "The site has no loyalty program."


@pytest.mark.rule("channels-newest-first")
def test_the_list_keeps_the_stores_order_which_is_newest_first(decide, followed):
    newest_first = [followed(channel) for channel in ("X", "FACEBOOK", "TIKTOK")]
    decision = decide(LIST, found=newest_first)
    assert (decision.answer, decision.changes) == ({"followedChannels": newest_first}, ())


@pytest.mark.rule("channel-must-be-enabled")
def test_a_channel_that_was_turned_off_since_is_still_listed(decide, followed, make_world):
    answer = decide(LIST, found=[followed("X")], world=make_world(channels=frozenset())).answer
    assert [entity["channel"] for entity in answer["followedChannels"]] == ["X"]


@pytest.mark.rule("channel-account-from-caller", "reads-lag-behind-writes")
@pytest.mark.parametrize(("operation", "latest"), [(LIST, False), (FOLLOW, True)])
def test_both_look_for_the_callers_account_and_a_follow_for_the_latest(lookup, operation, latest):
    wanted = lookup(operation, {}, **_body("X"))
    assert (wanted.account_id, wanted.latest) == (ACCOUNT, latest)
