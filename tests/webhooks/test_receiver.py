"""The receiver takes what is verified, in order, and answers as it is told. Over real sockets."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

import pytest

from wixture.mockserver.clock import Chance, wall_seconds
from wixture.mockserver.webhooks.public_keys import read_public_keys
from wixture.mockserver.webhooks.receiver import Receiver
from wixture.mockserver.webhooks.series import OwnMint, consent, followed_channel
from wixture.mockserver.webhooks.signing import SigningKey, new_key

SITE = "b0000000-0000-4000-8000-000000000001"
APP = "a0000000-0000-4000-8000-000000000001"


@cache
def key() -> SigningKey:
    return new_key()


@cache
def _mint() -> OwnMint:
    now = wall_seconds() * 1_000_000
    return OwnMint(key(), Chance(1, "receiver"), instance_id=SITE, app_id=APP, now=now)


def _token(name: str = "marketing_consent_created", *, tamper: str | None = None) -> bytes:
    chance, now = Chance(2, "entities"), wall_seconds() * 1_000_000
    entity = followed_channel(chance, now) if name.startswith("followed") else consent(chance, now)
    return _mint().event(name, entity, tamper=tamper).token


def _post(url: str, body: bytes, method: str = "POST") -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(method, parts.path, body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    keys = read_public_keys(key().public_pem())
    with Receiver(lambda: keys, instance_id=SITE) as running:
        yield running


def test_verified_events_are_kept_in_order(receiver: Receiver) -> None:
    names = ["marketing_consent_created", "followed_channel_created", "marketing_consent_updated"]
    assert [_post(receiver.url, _token(name)) for name in names] == [200, 200, 200]
    assert [one.name for one in receiver.received] == names
    assert [event["slug"] for event in receiver.events] == ["created", "created", "updated"]


@pytest.mark.parametrize("tamper", ["signature", "alg_none", "wrong_instance", "expired"])
def test_a_forged_token_is_refused_and_no_event(receiver: Receiver, tamper: str) -> None:
    assert _post(receiver.url, _token(tamper=tamper)) == 401
    assert receiver.events == []
    assert [(one.status, one.verdict.ok) for one in receiver.received] == [(401, False)]


def test_it_answers_as_it_is_told(receiver: Receiver) -> None:
    receiver.reply_with(204)
    assert _post(receiver.url, _token()) == 204
    receiver.reply_with(200, delay=0.01)
    assert _post(receiver.url, _token()) == 200
    assert len(receiver.events) == 1  # what was not answered with 200 comes again, and counts then


def test_the_first_ones_fail(receiver: Receiver) -> None:
    receiver.fail_first(2)
    token = _token()
    assert [_post(receiver.url, token) for _ in range(3)] == [503, 503, 200]
    assert len(receiver.received) == 3
    assert len(receiver.events) == 1


def test_a_forged_one_does_not_use_up_a_failure(receiver: Receiver) -> None:
    receiver.fail_first(1, status=500)
    assert _post(receiver.url, b"garbage") == 401
    assert [_post(receiver.url, _token()) for _ in range(2)] == [500, 200]


def test_waiting_returns_the_event_that_was_waited_for(receiver: Receiver) -> None:
    _post(receiver.url, _token("followed_channel_created"))
    _post(receiver.url, _token("marketing_consent_updated"))
    full = "wix.marketing.marketing_consent.v1.marketing_consent_updated"
    assert receiver.wait_for("marketing_consent_updated")["slug"] == "updated"
    assert receiver.wait_for(full) == receiver.wait_for("*", count=2)


def test_waiting_in_vain_says_what_came_instead(receiver: Receiver) -> None:
    _post(receiver.url, _token(tamper="signature"))
    with pytest.raises(TimeoutError, match=r"marketing_consent_created \(wrong: signature; 401\)"):
        receiver.wait_for("marketing_consent_created", timeout=0.01)
    with pytest.raises(ValueError, match="is no event"):
        receiver.wait_for("marketing_consent_archived")


def test_clearing_forgets_everything(receiver: Receiver) -> None:
    receiver.fail_first(5)
    _post(receiver.url, _token())
    receiver.clear()
    assert receiver.received == ()
    assert _post(receiver.url, _token()) == 200


def test_no_more_than_the_newest_are_kept_and_numbers_go_on() -> None:
    keys = read_public_keys(key().public_pem())
    told: list[int] = []
    with Receiver(lambda: keys, most_kept=2, on_received=lambda one: told.append(one.number)) as receiver:
        assert [_post(receiver.url, b"no token") for _ in range(4)] == [401] * 4
        assert [one.number for one in receiver.received] == [3, 4]
    assert told == [1, 2, 3, 4]


def test_only_a_post_is_a_webhook(receiver: Receiver) -> None:
    assert _post(receiver.url, b"", method="GET") == 405
    assert receiver.received == ()


def test_it_can_be_started_again(receiver: Receiver) -> None:
    receiver.stop()
    receiver.start()
    assert _post(receiver.url, _token()) == 200
