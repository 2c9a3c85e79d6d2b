"""What a server finds again after it was killed: all that was acknowledged, and what it gave out is still good."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Api
from databases import fresh_database, shared_server
from store.kills import killed

from wixture.mockserver.messages import Request
from wixture.mockserver.mock import Mock
from wixture.mockserver.opening import open_state
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.store import StateInUse

FROZEN = "2024-01-31T08:00:00Z"
NOWHERE = "http://127.0.0.1:9/"
OTHER = "b0000000-0000-4000-8000-000000000077"


class Host:
    """Starts mocks on one state, each after the one before was killed."""

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self._folder = folder
        self._runner = runner
        self._numbers = itertools.count()
        self._made: list[Mock] = []
        self.path = folder / "0" / "state.db"

    @property
    def store(self) -> str:
        """What the next mock is started with."""
        return f"sqlite:{self.path}"

    def start(self, *, seed: dict[str, Any] | None = None, **settings: Any) -> Api:
        """A mock on the state as it is now."""
        launch = {"clock": FROZEN, "random_seed": 1, **settings}
        mock = Mock(Settings(store=self.store, **launch), seed=seed)
        self._made.append(mock)
        self._runner.run(mock.start())
        return Api(mock, self._runner, mock.app.settings.instance_id)

    def kill(self) -> None:
        """The next mock finds what a kill leaves now."""
        self.path = killed(self.path, self._folder / str(next(self._numbers) + 1))

    def stop(self) -> None:
        """The next mock finds what a stop leaves."""
        self._runner.run(self._made.pop().stop())

    def restarted(self, **settings: Any) -> Api:
        self.kill()
        return self.start(**settings)

    def close(self) -> None:
        for mock in self._made:
            self._runner.run(mock.stop())


class DatabaseHost(Host):
    """The same in a PostgreSQL database."""

    store = ""

    def start(self, **settings: Any) -> Api:
        self.store = self.store or fresh_database()
        return super().start(**settings)

    def kill(self) -> None:
        self.store = shared_server().killed(self.store)


@pytest.fixture(params=[Host, DatabaseHost], ids=["file", "postgresql"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with asyncio.Runner() as runner:
        made = request.param(tmp_path, runner)
        yield made
        made.close()


@pytest.fixture
def file_host(tmp_path: Path) -> Iterator[Host]:
    with asyncio.Runner() as runner:
        made = Host(tmp_path, runner)
        yield made
        made.close()


def upsert(api: Api, email: str) -> str:
    """The link in the answer to an upsert of a pending consent."""
    consent = {
        "details": {"type": "EMAIL", "email": email},
        "state": "PENDING",
        "lastConfirmationActivity": {"source": "FORM"},
    }
    answer = api.call("POST", CONSENTS + "/upsert", {"marketingConsent": consent})
    assert answer.status == 200, answer.json
    return str(answer.json["link"]["url"])


# ---- what is found again -------------------------------------------------------------------------


def test_entities_events_and_deliveries_are_there_again(host: Host) -> None:
    api = host.start()
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE})
    api.create("ada@example.com")
    api.control("POST", "/webhooks/flush")
    api.create("grace@example.com")
    calls = ("/state", "/webhooks/events", "/webhooks/deliveries", "/webhooks/subscriptions")
    before = [api.control("GET", call).json for call in calls]
    api = host.restarted()
    assert [api.control("GET", call).json for call in calls] == before
    first, second = before[2]["deliveries"]
    assert (first["attempts"][0]["reason"], first["nextAttempt"]) == ("refused", "2024-01-31T08:01:00.000Z")
    assert (second["attempts"], second["nextAttempt"]) == ([], "2024-01-31T08:00:00.000Z")


def test_what_was_to_be_delivered_goes_out_after_the_restart(host: Host) -> None:
    api = host.start()  # where time stands still nothing goes out
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE})
    api.create("ada@example.com")
    (delivery,) = api.control("GET", "/webhooks/deliveries").json["deliveries"]
    assert delivery["attempts"] == []
    api = host.restarted(clock="real")

    async def attempted() -> list[Any]:
        while True:
            found = await api.mock.handle(
                Request("GET", "/_mock/webhooks/deliveries", "", {"host": "127.0.0.1:8787"})
            )
            (delivery,) = json.loads(found.body)["deliveries"]
            if delivery["attempts"]:
                return list(delivery["attempts"])
            await asyncio.sleep(0.01)

    (attempt,) = host._runner.run(asyncio.wait_for(attempted(), 20))
    assert attempt["reason"] == "refused"


def test_tokens_links_cursors_and_the_public_key_stay_good(host: Host) -> None:
    api = host.start(random_seed=None)
    link = upsert(api, "ada@example.com")
    upsert(api, "grace@example.com")
    page = api.call("POST", CONSENTS + "/query", {"query": {"cursorPaging": {"limit": 1}}}).json
    cursor = page["pagingMetadata"]["cursors"]["next"]
    app_token, keys = api.token("APP"), api.control("GET", "/webhooks/jwks.json", query="").json
    api = host.restarted(random_seed=None)
    api._tokens["APP"] = app_token
    after = api.call("POST", CONSENTS + "/query", {"query": {"cursorPaging": {"limit": 1, "cursor": cursor}}})
    assert len(after.json["marketingConsent"]) == 1
    assert after.json["marketingConsent"] != page["marketingConsent"]
    path, _, query = link.removeprefix("http://127.0.0.1:8787").partition("?")
    shown = api.send(Request("GET", path, query, {"host": "127.0.0.1:8787"}))
    assert shown.status == 200
    assert api.control("GET", "/webhooks/jwks.json", query="").json == keys


def test_rotated_keys_are_there_again_in_their_order(host: Host) -> None:
    api = host.start()
    assert api.control("POST", "/webhooks/rotate-key", query="").status == 200
    keys = api.control("GET", "/webhooks/jwks.json", query="").json
    assert len(keys["keys"]) == 2
    assert host.restarted().control("GET", "/webhooks/jwks.json", query="").json == keys


def test_switches_forms_clock_faults_and_subscriptions_are_there_again(host: Host) -> None:
    api = host.start().of(OTHER)
    api.control("PUT", "/channels", {"channels": ["X"], "loyaltyInstalled": False})
    api.control("PUT", "/forms", {"dialect": "documented", "input": "lenient"})
    api.control("POST", "/clock/advance", {"seconds": 3600})
    plan = {"on": {"operation": "queryMarketingConsent", "nth": 2}, "do": {"status": 503}, "times": 1}
    api.control("POST", "/faults", plan)
    api.control("POST", "/webhooks/subscriptions", {"eventType": "marketing_consent_created", "url": NOWHERE})
    api.call("POST", CONSENTS + "/query", {"query": {}})
    calls = ("/channels", "/forms", "/clock", "/faults", "/webhooks/subscriptions", "/tenant")
    before = [api.control("GET", call).json for call in calls]
    assert before[3]["faults"][0]["matched"] == 1
    api = host.restarted().of(OTHER)
    assert [api.control("GET", call).json for call in calls] == before
    assert api.call("POST", CONSENTS + "/query", {"query": {}}).status == 503


@pytest.mark.parametrize("frozen", [True, False])
def test_a_clock_that_was_moved_goes_on_from_there(host: Host, frozen: bool) -> None:
    api = host.start(clock="real")
    api.control("PUT", "/clock", {"now": "2038-01-19T03:14:08Z", "frozen": frozen})
    now = host.restarted(clock="real").control("GET", "/clock").json
    assert (now["now"][:15], now["frozen"]) == ("2038-01-19T03:1", frozen)


def test_a_fault_that_draws_goes_on_drawing_where_it_was(host: Host, make_api: Callable[..., Api]) -> None:
    def statuses(api: Api, count: int) -> list[int]:
        return [api.call("POST", CONSENTS + "/query", {"query": {}}).status for _ in range(count)]

    plan = {"on": {"operation": "*", "probability": 0.5}, "do": {"status": 503}}
    memory, api = make_api(clock=FROZEN, random_seed=1), host.start()
    memory.control("POST", "/faults", plan)
    api.control("POST", "/faults", plan)
    found = statuses(api, 10) + statuses(host.restarted(), 10)
    assert found == statuses(memory, 20)
    assert len(set(found)) == 2


def test_a_fault_that_has_acted_does_not_act_again(host: Host) -> None:
    api = host.start()
    api.control("POST", "/faults", {"on": {"operation": "*"}, "do": {"status": 503}, "times": 1})
    assert api.call("POST", CONSENTS + "/query", {"query": {}}).status == 503
    assert host.restarted().call("POST", CONSENTS + "/query", {"query": {}}).status == 200


def test_a_login_code_is_good_once_also_across_a_restart(host: Host) -> None:
    api = host.start()
    codes = [api.control("POST", "/codes", {"memberId": OTHER}).json["code"] for _ in range(2)]
    client = api.control("GET", "/tenant").json["clientId"]

    def exchange(api: Api, code: str) -> int:
        body = {"grant_type": "authorization_code", "client_id": client, "code": code}
        return api.call("POST", "/oauth2/token", body, identity=None).status

    assert exchange(api, codes[0]) == 200
    api = host.restarted()
    assert [exchange(api, code) for code in codes] == [400, 200]
    assert exchange(host.restarted(), codes[1]) == 400


def test_a_client_id_that_was_given_out_still_names_its_site(host: Host) -> None:
    client = host.start().of(OTHER).control("GET", "/tenant").json["clientId"]
    api = host.restarted()
    answer = api.call("POST", "/oauth2/token", {"grant_type": "anonymous", "client_id": client}, identity=None)
    assert answer.status == 200


# ---- ids and chance ------------------------------------------------------------------------------


def test_no_id_is_given_twice_whatever_the_restarts(host: Host) -> None:
    api, seen = host.start(), []
    for number in range(5):
        for part in range(7):
            seen.append(api.create(f"{number}.{part}@example.com")["id"])
            seen.append(api.control("GET", "/exchanges").response.headers["X-Wix-Request-Id"])
            answer = api.call("GET", f"{CONSENTS}/{seen[0]}").response
            seen += [
                answer.headers["X-Wix-Request-Id"],
                api.control("POST", "/tokens", {"identity": "VISITOR"}).json,
            ]
        seen += [event["id"] for event in api.control("GET", "/webhooks/events").json["events"][-7:]]
        api = host.restarted()
    texts = [json.dumps(one) for one in seen]
    assert len(set(texts)) == len(texts)


def test_without_a_restart_a_file_answers_as_memory_does(host: Host, make_api: Callable[..., Api]) -> None:
    def history(api: Api) -> list[Any]:
        api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": NOWHERE})
        answers = [upsert(api, "ada@example.com"), api.create("grace@example.com")]
        api.control("POST", "/webhooks/flush")
        api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
        calls = ("/state", "/exchanges", "/webhooks/events", "/webhooks/deliveries", "/coverage")
        answers += [api.control("GET", call).json for call in calls]
        for exchange in answers[3]["exchanges"]:
            exchange.pop("durationMs")
        for delivery in answers[5]["deliveries"]:
            for attempt in delivery["attempts"]:
                attempt.pop("durationMs")
        return answers

    assert history(host.start()) == history(make_api(clock=FROZEN, random_seed=1))


def test_a_reset_gives_the_same_ids_in_every_start(host: Host) -> None:
    api, seen = host.start(), set()
    for _ in range(3):
        api.control("POST", "/reset")
        seen.add((api.create("ada@example.com")["id"], upsert(api, "b@example.com")))
        api = host.restarted()
        api.create("more@example.com")
    assert len(seen) == 1


# ---- launch options ------------------------------------------------------------------------------


def test_what_nobody_touched_is_as_the_newest_start_says(host: Host) -> None:
    host.start(webhooks=(("*", NOWHERE),)).create()
    api = host.restarted(channels=("TIKTOK",), webhooks=(("*", NOWHERE + "new"),), clock="2030-01-01T00:00:00Z")
    assert api.control("GET", "/channels").json["channels"] == ["TIKTOK"]
    assert [one["url"] for one in api.control("GET", "/webhooks/subscriptions").json["subscriptions"]] == [
        NOWHERE + "new"
    ]
    assert api.control("GET", "/clock").json["now"] == "2030-01-01T00:00:00.000Z"


def test_the_seed_is_that_of_the_first_start_and_of_a_reset(host: Host) -> None:
    def emails(api: Api) -> list[str]:
        return [one["details"]["email"] for one in api.state()["marketingConsents"]]

    def seed(email: str) -> dict[str, Any]:
        return {"marketingConsents": [{"details": {"type": "EMAIL", "email": email}}]}

    assert emails(host.start(seed=seed("ada@example.com"))) == ["ada@example.com"]
    api = host.restarted(seed=seed("grace@example.com"))
    assert emails(api) == ["ada@example.com"]
    api.control("POST", "/reset")
    assert emails(api) == ["grace@example.com"]


def test_a_reset_and_a_deleted_tenant_stay_as_they_were_left(host: Host) -> None:
    api = host.start()
    for site in (api, api.of(OTHER)):
        site.create()
        site.control("PUT", "/channels", {"channels": ["X"]})
    api.control("POST", "/reset")
    api.control("DELETE", "/tenant", query=f"instance={OTHER}")
    api = host.restarted()
    assert api.state()["marketingConsents"] == []
    assert len(api.control("GET", "/channels").json["channels"]) == 5
    assert api.control("GET", "/exchanges").json["exchanges"] == []
    assert api.mock.app.tenants.known(OTHER) is None


# ---- the journal ---------------------------------------------------------------------------------


def ids(api: Api, **query: str) -> list[str]:
    text = "&".join(f"{name}={content}" for name, content in {"instance": api.tenant, **query}.items())
    return [one["id"] for one in api.control("GET", "/exchanges", query=text).json["exchanges"]]


def test_the_journal_is_whole_after_a_stop(host: Host) -> None:
    api = host.start()
    api.create()
    api.call("POST", CONSENTS, {"marketingConsent": {"details": 1}}, headers={"x-odd": "\xfc"})
    api.call("GET", "/nowhere", identity=None)
    shown = api.control("GET", "/exchanges").json
    assert [len(shown["exchanges"]), len(shown["unattributed"])] == [2, 1]
    host.stop()
    assert host.start().control("GET", "/exchanges").json == shown


def test_the_journal_is_written_a_moment_after_the_exchange(file_host: Host) -> None:
    api = file_host.start()
    api.create()
    file_host._runner.run(asyncio.sleep(0.5))
    file_host.kill()
    written = file_host.path.with_name(file_host.path.name + "-wal").read_bytes()
    assert b"createMarketingConsent" in written
    assert len(ids(file_host.start())) == 1


def test_the_journal_of_a_file_is_bounded_and_counts_what_is_gone(host: Host) -> None:
    api = host.start(journal_size=3)
    for number in range(8):
        api.create(f"{number}@example.com")
    newest = ids(api)
    assert len(newest) == 3
    api = host.restarted(journal_size=3)
    assert ids(api) == newest
    gone = api.control("GET", "/coverage").json["forgotten"]
    assert gone["exchanges"] == 5


def test_a_journal_that_was_cleared_stays_empty(host: Host) -> None:
    api = host.start()
    api.create()
    assert len(ids(api)) == 1
    api.control("DELETE", "/exchanges")
    assert ids(host.restarted()) == []


# ---- between stores ------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["from a file", "into a file"])
def test_a_snapshot_goes_from_one_kind_of_store_to_the_other(
    host: Host, make_api: Callable[..., Api], direction: str
) -> None:
    memory, file = make_api(clock="real"), host.start(clock="real")
    one, other = (file, memory) if direction == "from a file" else (memory, file)
    one.create("ada@example.com")
    upsert(one, "grace@example.com")
    one.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
    one.control("PUT", "/channels", {"channels": ["TIKTOK"], "loyaltyInstalled": False})
    one.control("PUT", "/clock", {"now": "2024-05-01T00:00:00Z", "frozen": True})
    snapshot = one.state()
    assert other.control("PUT", "/state", snapshot).status == 200
    assert other.state() == snapshot
    if other is file:
        assert host.restarted(clock="real").state() == snapshot


def test_a_snapshot_that_clashes_with_itself_changes_nothing(host: Host) -> None:
    api = host.start()
    api.create()
    before = api.state()
    twice = {**before, "marketingConsents": before["marketingConsents"] * 2, "channels": ["X"]}
    twice["clock"] = {"now": "2030-01-01T00:00:00.000Z", "frozen": True}
    assert api.control("PUT", "/state", twice).status == 409
    assert api.state() == before
    assert host.restarted().state() == before


def test_a_state_behind_a_link_is_one_with_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "link").mkdir()
    link = tmp_path / "link" / "other.db"
    link.symlink_to(tmp_path / "state.db")
    first = open_state(Settings(store=f"sqlite:{link}")).store
    with pytest.raises(StateInUse):
        open_state(Settings(store=f"sqlite:{tmp_path / 'state.db'}"))
    asyncio.run(first.close())
    assert link.is_symlink()
    assert [file.name for file in link.parent.iterdir()] == ["other.db"]
    assert sorted(file.name for file in tmp_path.glob("state.db*")) == ["state.db", "state.db-lock"]
