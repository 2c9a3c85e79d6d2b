"""A factory makes entities and requests that everything accepts, the same ones again, and none twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, MEMBER, Api
from faker import Faker

from wixture.contracts.validation import own_contract
from wixture.mockserver.auth import loyalty_account
from wixture.mockserver.factory import STATES, Factory
from wixture.mockserver.instants import from_text
from wixture.mockserver.settings import Settings

PROGRAM = """
import json, sys
from wixture.mockserver.factory import Factory
factory = Factory(sys.argv[1])
made = [factory.consents(20), factory.followed_channel(), factory.create_request(), factory.upsert_request(),
        factory.follow_request(), factory.email(), factory.phone(), factory.member_id()]
sys.stdout.write(json.dumps(made))
"""


@pytest.fixture
def factory() -> Factory:
    return Factory(1)


# ---- what it makes is accepted -------------------------------------------------------------------


def test_two_thousand_entities_keep_the_contract_by_both_engines(factory: Factory) -> None:
    contract = own_contract("openapi")
    for kind, made in (
        ("MarketingConsent", factory.consents(1000)),
        ("FollowedChannel", [factory.followed_channel() for _ in range(1000)]),
    ):
        pointer = f"/components/schemas/{kind}"
        assert all(contract.accepts(pointer, entity) for entity in made)
        assert [list(contract.authority.value_errors(pointer, entity)) for entity in made] == [[]] * 1000


def test_two_thousand_entities_are_accepted_as_a_seed_and_come_back_as_they_were(
    api: Api, factory: Factory
) -> None:
    consents = factory.consents(1000)
    follows = [factory.followed_channel() for _ in range(1000)]
    seeded = api.control("POST", "/seed", {"marketingConsents": consents, "followedChannels": follows})
    assert (seeded.status, seeded.json) == (200, {"marketingConsents": 1000, "followedChannels": 1000})
    state = api.state()
    assert sorted(state["marketingConsents"], key=_id) == sorted(consents, key=_id)
    assert sorted(state["followedChannels"], key=_id) == sorted(follows, key=_id)
    found = api.call("GET", f"{CONSENTS}/{consents[0]['id']}").response.body
    assert (
        found == json.dumps({"marketingConsent": consents[0]}, separators=(",", ":"), ensure_ascii=False).encode()
    )


def _id(entity: dict[str, Any]) -> str:
    return str(entity["id"])


@pytest.mark.parametrize("channel", ["EMAIL", "PHONE"])
@pytest.mark.parametrize("state", STATES)
def test_every_request_is_accepted_by_the_api(api: Api, factory: Factory, state: str, channel: str) -> None:
    upserted = api.call("POST", f"{CONSENTS}/upsert", factory.upsert_request(state=state, channel=channel))
    assert (upserted.status, upserted.json["marketingConsent"]["state"]) == (200, state)
    created = api.call("POST", CONSENTS, factory.create_request(state=state, channel=channel))
    assert (created.status, created.json["marketingConsent"]["state"]) == (200, "CONFIRMED")


def test_follow_requests_are_accepted_by_the_api(api: Api, factory: Factory) -> None:
    assert api.call("POST", CHANNELS, factory.follow_request(), identity="MEMBER").status == 200
    followed = api.call("POST", CHANNELS, factory.follow_request(channel="LINKEDIN"), identity="VISITOR")
    assert followed.json["followedChannel"]["channel"] == "LINKEDIN"


def test_a_request_says_no_more_than_its_state_takes(factory: Factory) -> None:
    assert set(factory.create_request()["marketingConsent"]) == {"details", "lastConfirmationActivity"}
    revoked = factory.upsert_request(state="REVOKED")["marketingConsent"]
    assert set(revoked) == {"details", "state", "lastRevokeActivity"}
    assert "updatedDate" not in revoked["lastRevokeActivity"]
    assert set(factory.upsert_request(state="NEVER_CONFIRMED")["marketingConsent"]) == {"details", "state"}


@pytest.mark.parametrize(
    ("state", "activities"),
    [
        ("PENDING", {"lastConfirmationActivity"}),
        ("CONFIRMED", {"lastConfirmationActivity"}),
        ("REVOKED", {"lastConfirmationActivity", "lastRevokeActivity"}),
        ("NEVER_CONFIRMED", set()),
        ("UNKNOWN_STATE", set()),
    ],
)
def test_a_consent_has_the_activities_of_its_state(factory: Factory, state: str, activities: set[str]) -> None:
    for consent in factory.consents(20, state=state):
        assert {name for name in consent if name.startswith("last")} == activities


def test_a_pending_consent_awaits_a_second_confirmation(factory: Factory) -> None:
    levels = {item["lastConfirmationActivity"]["optInLevel"] for item in factory.consents(20, state="PENDING")}
    assert levels == {"DOUBLE_CONFIRMATION"}


def test_what_happened_to_a_consent_happened_in_order_and_before_now() -> None:
    now = "2020-02-29T12:00:00Z"
    for consent in Factory("order", now=lambda: now).consents(100):
        activities = [consent.get("lastConfirmationActivity"), consent.get("lastRevokeActivity")]
        dates = [activity["updatedDate"] for activity in activities if activity]
        told = [consent["createdDate"], *dates, consent["updatedDate"], now]
        assert [from_text(date) for date in told] == sorted(from_text(date) for date in told)


@pytest.mark.parametrize("now", [datetime(2001, 1, 1, tzinfo=UTC), from_text("2001-01-01T00:00:00Z")])
def test_now_may_be_a_datetime_or_microseconds(now: datetime | int) -> None:
    assert Factory(1, now=lambda: now).consent()["updatedDate"] < "2001-01-01T00:00:00Z"


def test_a_now_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone; make it with datetime"):
        Factory(1, now=lambda: datetime(2001, 1, 1)).consent()  # noqa: DTZ001  # that is the point


def test_entities_are_made_even_at_the_beginning_of_time(api: Api) -> None:
    factory = Factory(1, now=lambda: "0001-01-01T00:00:00Z")
    assert {consent["createdDate"] for consent in factory.consents(10)} == {"0001-01-01T00:00:00.000Z"}


# ---- none twice, all reserved --------------------------------------------------------------------


def test_identifiers_and_ids_of_a_factory_are_all_different(factory: Factory) -> None:
    consents = factory.consents(1000)
    emails = [consent["details"].get("email") or factory.email() for consent in consents]
    phones = [consent["details"].get("phone") or factory.phone() for consent in consents]
    ids = [*(consent["id"] for consent in consents), *(factory.member_id() for _ in range(1000))]
    assert len({*emails, *phones, *ids}) == 4000


def test_addresses_and_numbers_are_reserved_ones(factory: Factory) -> None:
    assert all(re.search(r"@example\.(com|org|net)\Z", factory.email()) for _ in range(200))
    numbers = [factory.phone() for _ in range(200)]
    assert all(re.fullmatch(r"\+1[2-9][0-8][0-9]55501[0-9]{2}", number) for number in numbers)


def test_no_reserved_number_comes_twice_until_all_have_come() -> None:
    people = Factory("all")._people
    assert len({people.number(position) for position in range(1, 63_001)}) == 63_000
    with pytest.raises(ValueError, match=r"All 63,000 phone numbers .* are taken\. Make another factory"):
        people.number(63_001)


@pytest.mark.parametrize("locale", ["de_DE", "ja_JP", "ru_RU", "ar_AA", "zh_CN", "th_TH", "en-GB"])
def test_a_locale_gives_other_words_and_addresses_that_are_accepted(api: Api, locale: str) -> None:
    consents = Factory(1, locale=locale).consents(50)
    assert api.control("POST", "/seed", {"marketingConsents": consents}).status == 200
    assert consents[0]["lastConfirmationActivity"] != Factory(1).consent()["lastConfirmationActivity"]


def test_an_unknown_locale_is_told_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"Faker has no locale 'en_USA'\. Closest: en_US"):
        Factory(1, locale="en_USA").email()


def test_consents_go_round_all_states_and_channels(factory: Factory) -> None:
    kinds = {(consent["state"], consent["details"]["type"]) for consent in factory.consents(10)}
    assert len(kinds) == 10
    assert {item["details"]["type"] for item in factory.consents(10, channel="PHONE")} == {"PHONE"}
    assert {item["state"] for item in factory.consents(10, state="PENDING")} == {"PENDING"}


# ---- the same again ------------------------------------------------------------------------------


def _made_in_a_process(seed: str, hash_seed: str) -> bytes:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PROGRAM, seed]
    return subprocess.run(command, capture_output=True, check=True, env=env).stdout


def test_one_seed_makes_the_same_bytes_in_every_process() -> None:
    first, second = (_made_in_a_process("café", hash_seed) for hash_seed in ("0", "4242"))
    assert first == second
    assert first != _made_in_a_process("cafe", "0")


def test_neither_fakers_seed_nor_that_of_chance_changes_what_is_made() -> None:
    def made() -> Any:
        factory = Factory(3)
        first = factory.consent()
        Faker.seed(8)
        Faker().name()
        return first, factory.consent()

    Faker.seed(1)
    first = made()
    Faker.seed(2)
    assert made() == first


def test_a_factory_leaves_fakers_shared_chance_alone() -> None:
    Faker.seed(5)
    expected = Faker().name()
    Faker.seed(5)
    Factory(1).consents(5)
    assert Faker().name() == expected


def test_an_override_changes_only_what_it_names() -> None:
    plain, other = Factory(9), Factory(9)
    first = other.consent(email="ada@example.com")
    assert first == {**plain.consent(), "details": {"type": "EMAIL", "email": "ada@example.com"}}
    assert other.consent() == plain.consent()


def test_a_number_and_its_text_are_one_seed() -> None:
    assert Factory(12).consents(3) == Factory("12").consents(3)


def test_making_a_factory_and_starting_a_mock_import_no_faker() -> None:
    program = "import sys, wixture.mockserver.mock, wixture.mockserver.serve, wixture.mockserver.factory as f;"
    program += (
        "f.Factory(1).member_id(); f.Factory(1).phone(); print([n for n in sys.modules if n.startswith('faker')])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_without_faker_one_sentence_says_what_to_install() -> None:
    program = "import sys; sys.modules['faker'] = None; from wixture.mockserver.factory import Factory as F"
    program += "; F(1).consent()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    sentence = "The factory needs Faker for its names and words: pip install 'wixture[factory]'."
    assert ended.stderr.splitlines()[-1] == f"ImportError: {sentence}"


# ---- what callers name ---------------------------------------------------------------------------


def test_email_and_phone_say_the_channel(factory: Factory) -> None:
    assert factory.consent(email="ada@example.com")["details"] == {"type": "EMAIL", "email": "ada@example.com"}
    assert factory.consent(phone="+12125550100")["details"] == {"type": "PHONE", "phone": "+12125550100"}
    assert factory.consent(channel="PHONE")["details"].keys() == {"type", "phone"}
    assert factory.consent(details={"phone": "+12125550100"})["details"]["type"] == "PHONE"
    assert factory.create_request(email="a@example.com")["marketingConsent"]["details"]["type"] == "EMAIL"


def test_objects_are_merged_with_what_would_have_been_there(factory: Factory) -> None:
    consent = factory.consent(lastConfirmationActivity={"source": "OTHER", "description": None})
    activity = consent["lastConfirmationActivity"]
    assert activity["source"] == "OTHER"
    assert activity.keys() == {"source", "updatedDate", "optInLevel"}
    extended = {"namespaces": {"@a/b": {"size": None}}}
    made = factory.consent(extendedFields=extended)
    assert made["extendedFields"] == extended
    assert made["extendedFields"]["namespaces"] is not extended["namespaces"]


@pytest.mark.parametrize("call", ["consent", "upsert_request", "create_request"])
def test_source_description_and_level_belong_to_the_activity(factory: Factory, call: str) -> None:
    made = getattr(factory, call)(source="OTHER", description="On paper.", opt_in_level="UNKNOWN_OPT_IN_LEVEL")
    activity = made.get("marketingConsent", made)["lastConfirmationActivity"]
    assert {**activity, "updatedDate": ""} == {
        "source": "OTHER", "description": "On paper.", "optInLevel": "UNKNOWN_OPT_IN_LEVEL", "updatedDate": "",
    }  # fmt: skip


def test_the_source_of_a_revoked_consent_is_that_of_its_revocation(factory: Factory) -> None:
    consent = factory.consent(state="REVOKED", source="OTHER")
    assert consent["lastRevokeActivity"]["source"] == "OTHER"
    assert consent["lastConfirmationActivity"]["source"] != "OTHER"


def test_fields_have_the_contracts_names_or_pythons(factory: Factory) -> None:
    at = datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC)
    consent = factory.consent(created_date=at, updatedDate="2023-06-01T00:00:00Z")
    assert (consent["createdDate"], consent["updatedDate"]) == ("2023-05-06T07:08:09.000Z", "2023-06-01T00:00:00Z")
    assert factory.followed_channel(member_id=MEMBER) != factory.followed_channel(memberId=MEMBER)


def test_a_member_follows_with_the_account_that_the_mock_gives_it(api: Api, factory: Factory) -> None:
    followed = factory.followed_channel(member_id=MEMBER.upper(), channel="X")
    assert followed["accountId"] == loyalty_account(Settings().instance_id, MEMBER)
    api.control("POST", "/seed", {"followedChannels": [followed]})
    assert api.call("GET", CHANNELS, identity="MEMBER").json == {"followedChannels": [followed]}


@pytest.mark.parametrize(
    ("call", "fields", "error", "text"),
    [
        ("consent", {"emial": "x"}, TypeError, r"consent\(\) knows no field 'emial'. Closest: email. Known: id, "),
        ("consents", {"stat": "x"}, TypeError, r"consents\(\) knows no field 'stat'. Closest: state"),
        ("upsert_request", {"memberId": "x"}, TypeError, r"upsert_request\(\) knows no field 'memberId'"),
        ("followed_channel", {"member": "x"}, TypeError, r"knows no field 'member'. Closest: memberId"),
        ("consent", {"createdDate": None, "created_date": None}, TypeError, "createdDate twice, in two spellings"),
        ("consent", {"details": "ada@example.com"}, TypeError, "details='ada@example.com'; an object is expected"),
        ("consent", {"email": "a@b.c", "phone": "+1234"}, ValueError, "given email and phone .* one identifier"),
        ("consent", {"channel": "PHONE", "email": "a@b.c"}, ValueError, "email for a consent of channel PHONE"),
        ("consent", {"state": "CONFRIMED"}, ValueError, "state must be one of .* Closest: CONFIRMED"),
        ("consent", {"state": []}, ValueError, "state must be a text, and is a list"),
        ("consent", {"channel": "FAX"}, ValueError, "details.type must be one of EMAIL, PHONE"),
        ("consent", {"email": "ada"}, ValueError, "details.email must be an email address such as .* is 'ada'"),
        ("consent", {"createdDate": "yesterday"}, ValueError, "createdDate must be an instant .* is 'yesterday'"),
        ("consent", {"details": {"mail": "x"}}, ValueError, "details.mail is no field here. Closest: email"),
        ("consent", {"state": "UNKNOWN_STATE", "source": "FORM"}, ValueError, "neither been confirmed nor"),
        ("upsert_request", {"state": "PENDING", "lastConfirmationActivity": None}, ValueError, "not be empty"),
        ("follow_request", {"channel": "TWITTER"}, ValueError, "channel must be one of FACEBOOK, "),
        ("followed_channel", {"member_id": "ada"}, ValueError, "memberId must be a GUID such as .* is 'ada'"),
        ("followed_channel", {"memberId": MEMBER, "accountId": MEMBER}, ValueError, "give one"),
    ],
)  # fmt: skip
def test_what_a_factory_cannot_make_is_told(
    factory: Factory, call: str, fields: dict[str, Any], error: type[Exception], text: str
) -> None:
    positional = (1,) if call == "consents" else ()
    with pytest.raises(error, match=text):
        getattr(factory, call)(*positional, **fields)
