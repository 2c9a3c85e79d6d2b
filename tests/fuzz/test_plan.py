"""What the engine is told, and what it is not."""

from __future__ import annotations

from wixture.contracts.document import schemas_of
from wixture.contracts.fuzz.outgoing import Outgoing, callers, chosen, identity_of, stand_in
from wixture.contracts.fuzz.plan import PHASES, Plan, for_the_engine, share
from wixture.contracts.validation import own_contract

CONTRACT = own_contract("openapi").contract


def test_where_a_pattern_stands_the_engine_learns_no_format() -> None:
    both = [schema for _, schema in schemas_of(CONTRACT.document) if {"pattern", "format"} <= schema.keys()]
    document = for_the_engine(CONTRACT.document)
    told = [schema for _, schema in schemas_of(document)]
    assert both
    assert not [schema for schema in told if {"pattern", "format"} <= schema.keys()]
    assert [schema["format"] for schema in told if "format" in schema]
    assert [
        schema for _, schema in schemas_of(CONTRACT.document) if {"pattern", "format"} <= schema.keys()
    ] == both


def test_on_another_machine_no_path_is_tried_with_a_method_that_writes() -> None:
    plan = Plan({}, "https://shop.example.com", 1, is_loopback=False)
    for part in plan.passes():
        methods = plan.settings(part, None)["phases"]["coverage"]["unexpected-methods"]
        assert methods == ["GET", "OPTIONS", "TRACE"]


def test_nothing_is_kept_on_disk_and_chance_has_one_source() -> None:
    plan = Plan({}, "http://127.0.0.1:1", 77)
    settings = plan.settings(plan.passes()[0], 5)
    assert (settings["seed"], settings["workers"], settings["max-time"]) == (77, 1, 5)
    assert settings["generation"]["database"] == "none"
    assert settings["cache"] == {"enabled": False}


def test_what_is_listed_goes_first_and_leaves_half_of_the_time() -> None:
    parts = Plan({}, "", 1).passes()
    assert [part.phases for part in parts] == [PHASES[:2], PHASES[2:]]
    assert [share(100, parts), share(100, parts[1:]), share(None, parts), share(1, parts)] == [50, 100, None, 1]
    assert [part.phases for part in Plan({}, "", 1, phases=("fuzzing",)).passes()] == [("fuzzing",)]


def test_callers_are_those_who_may_without_an_account() -> None:
    operations = CONTRACT.operations
    assert callers(operations["createMarketingConsent"].security) == ["APP", "WIX_USER"]
    assert callers(operations["listFollowedChannels"].security) == ["MEMBER", "VISITOR"]
    assert callers(operations["issueToken"].security) == []


def test_a_case_has_the_same_caller_each_time_and_all_have_their_turn() -> None:
    who = ("APP", "WIX_USER", "MEMBER")
    turns = [chosen(who, "GET", {"a": number}) for number in range(60)]
    assert turns == [chosen(who, "GET", {"a": number}) for number in range(60)]
    assert set(turns) == set(who)


def test_only_a_stand_in_names_a_caller() -> None:
    for sent, identity in ((stand_in("APP"), "APP"), ("APP", None), (stand_in("APP") + "x", None), ("", None)):
        assert identity_of(Outgoing("GET", "/", {"authorization": sent})) == identity
