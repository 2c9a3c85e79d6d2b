"""Members follow the shop's channels."""

import pytest
from newsletter.wix import Refused


async def test_a_member_follows_a_channel(newsletter, wix_mock):
    member = wix_mock.token("MEMBER")
    await newsletter.follow("TIKTOK", member=member)
    assert await newsletter.channels(member=member) == ["TIKTOK"]


async def test_a_channel_that_is_switched_off_cannot_be_followed(newsletter, wix_mock):
    wix_mock.channels.enable_only(["X"])
    with pytest.raises(Refused, match="428"):
        await newsletter.follow("TIKTOK", member=wix_mock.token("MEMBER"))
