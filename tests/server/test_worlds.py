"""Named seeds: they keep the contract, they hold what their comments say, and a wrong name or file is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Api

from wixture.mockserver import seed_files
from wixture.mockserver.seed_files import BadSeed, load_seed, world_names

STATES = ("CONFIRMED", "NEVER_CONFIRMED", "PENDING", "REVOKED", "UNKNOWN_STATE")
MakeApi = Callable[..., Api]
ELIGIBLE = {
    ("EMAIL", "CONFIRMED"),
    ("EMAIL", "NEVER_CONFIRMED"),
    ("EMAIL", "UNKNOWN_STATE"),
    ("PHONE", "CONFIRMED"),
}


def _start(make_api: MakeApi, world: str) -> Api:
    return make_api(seed=load_seed(world), random_seed=1, clock="2024-01-31T08:00:00Z")


@pytest.mark.parametrize("name", world_names())
def test_a_world_is_loaded_at_launch_with_every_entity_as_it_is_written(make_api: MakeApi, name: str) -> None:
    world = load_seed(name)
    state = _start(make_api, name).state()
    consents = {consent["id"]: consent for consent in state["marketingConsents"]}
    assert len(consents) == len(world.get("marketingConsents", ()))
    for written in world.get("marketingConsents", ()):
        assert consents[written["id"]] == {"extendedFields": {}, **written}
    follows = {(item["id"], item["channel"], item["createdDate"]) for item in state["followedChannels"]}
    assert follows == {
        (item["id"], item["channel"], item["createdDate"]) for item in world.get("followedChannels", ())
    }


@pytest.mark.parametrize("name", world_names())
def test_a_world_says_every_id_and_date_itself_so_that_it_is_always_the_same(make_api: MakeApi, name: str) -> None:
    states = [
        make_api(seed=load_seed(name), random_seed=seed, clock=clock).state()
        for seed, clock in ((1, "2024-01-31T08:00:00Z"), (2, "2031-12-01T00:00:00Z"))
    ]
    for entities in ("marketingConsents", "followedChannels", "channels"):
        assert states[0][entities] == states[1][entities]


@pytest.mark.parametrize("name", world_names())
def test_the_people_of_a_world_can_be_reached_by_nobody(name: str) -> None:
    for consent in load_seed(name).get("marketingConsents", ()):
        identifier = consent["details"].get("email") or consent["details"]["phone"]
        assert re.fullmatch(r"[A-Za-z.]+@[Ee]xample\.com|\+12125550[1][0-9]{2}", identifier)


def test_the_newsletter_has_somebody_in_each_state_on_each_channel(make_api: MakeApi) -> None:
    api = _start(make_api, "newsletter")
    granted = {}
    for consent in api.state()["marketingConsents"]:
        channel, state = consent["details"]["type"], consent["state"]
        identifier = "&".join(f"{name}={value}" for name, value in consent["details"].items()).replace("+", "%2B")
        answer = api.call("GET", f"{CONSENTS}/get-by", query=identifier).json
        granted[channel, state] = answer["communicationEligibility"]["granted"]
    assert granted.keys() == {(channel, state) for channel in ("EMAIL", "PHONE") for state in STATES}
    assert {kind for kind, may in granted.items() if may} == ELIGIBLE


def test_the_newsletters_reader_with_capitals_is_found_in_small_letters(make_api: MakeApi) -> None:
    api = _start(make_api, "newsletter")
    found = api.call("GET", f"{CONSENTS}/get-by", query="type=EMAIL&email=cora.lund@example.com").json
    assert found["marketingConsent"]["details"]["email"] == "Cora.Lund@Example.com"


def test_the_loyalty_worlds_members_follow_what_its_comments_say(make_api: MakeApi) -> None:
    api = _start(make_api, "loyalty")
    followed = {}
    for member in "1234":
        identity = {"identity": "MEMBER", "memberId": f"d0000000-0000-4000-8000-00000000000{member}"}
        token = api.control("POST", "/tokens", identity).json["access_token"]
        answer = api.call("GET", CHANNELS, identity=None, headers={"authorization": token})
        followed[member] = [item["channel"] for item in answer.json["followedChannels"]]
    assert followed == {
        "1": ["X", "INSTAGRAM"],
        "2": ["TIKTOK", "X", "INSTAGRAM", "FACEBOOK"],
        "3": ["LINKEDIN"],
        "4": [],
    }
    refused = api.call("POST", CHANNELS, {"followedChannel": {"channel": "LINKEDIN"}}, identity="MEMBER")
    assert (refused.status, "has not enabled the channel LINKEDIN" in refused.json["message"]) == (428, True)


def test_the_empty_world_is_a_site_without_a_seed(make_api: MakeApi) -> None:
    assert _start(make_api, "empty").state() == make_api(random_seed=1, clock="2024-01-31T08:00:00Z").state()


def test_every_world_says_at_its_top_what_it_is() -> None:
    folder = Path(seed_files.__file__).parent / "worlds"
    assert {path.stem for path in folder.iterdir()} == {"empty", "loyalty", "newsletter"} == set(world_names())
    assert all(path.read_text().startswith("# A ") for path in folder.iterdir())


# ---- one's own files -----------------------------------------------------------------------------

SEED: dict[str, Any] = {"marketingConsents": [{"details": {"type": "EMAIL", "email": "ada@example.com"}}]}


@pytest.mark.parametrize("name", ["own.json", "own.yaml", "own.yml", "./own", "own"])
def test_a_file_is_read_in_yaml_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(json.dumps(SEED, indent="\t" if name.endswith("json") else 1))
    assert load_seed(name) == load_seed(tmp_path / name) == SEED


def test_a_worlds_name_beats_a_file_and_a_path_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newsletter").write_text(json.dumps(SEED))
    assert len(load_seed("newsletter")["marketingConsents"]) == 11
    assert load_seed("./newsletter") == load_seed(Path("newsletter")) == SEED


def test_what_is_loaded_is_the_callers_own() -> None:
    load_seed("newsletter")["marketingConsents"].clear()
    assert len(load_seed("newsletter")["marketingConsents"]) == 11


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Newsletter", "There is no world 'Newsletter'. Closest: newsletter. Worlds: empty, loyalty, newsletter."),
        (
            "prices",
            "There is no world 'prices'. Worlds: empty, loyalty, newsletter. A file of your own is given as",
        ),
        ("prices.yaml", "prices.yaml cannot be read: No such file or directory."),
        ("bad.yaml", "bad.yaml cannot be read: This is no YAML: .* line 2, column"),
        ("bad.json", "bad.json cannot be read: The file is no valid JSON: .*, at line 2, column 1"),
        ("twice.json", "twice.json cannot be read: The key 'channels' stands twice"),
        (
            "wrong.yaml",
            r"(?s)wrong.yaml is no seed; its form is `Seed` in /_mock/control.yaml:\n"
            r"  line 3, /marketingConsents/0/details/email must not be empty\. .*\n"
            r"  line 5, /marketingConsents/0/details/emial is no field here\. Closest: email\.",
        ),
        ("many.yaml", r"(?s)/followedChannels/0/.*… and \d+ more"),
        ("list.yaml", "line 1, the whole must be an object"),
    ],
)
def test_what_is_no_seed_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("channels: [X\nmarketingConsents: {")
    (tmp_path / "bad.json").write_text('{"channels": [\n}')
    (tmp_path / "twice.json").write_text('{"channels": [], "channels": []}')
    (tmp_path / "wrong.yaml").write_text(
        "marketingConsents:\n# somebody\n- details:\n    type: EMAIL\n    emial: ada@example.com\n"
    )
    (tmp_path / "many.yaml").write_text(json.dumps({"followedChannels": [{}] * 30}))
    (tmp_path / "list.yaml").write_text("[]")
    with pytest.raises(BadSeed, match=text):
        load_seed(name)
