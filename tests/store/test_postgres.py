"""What only PostgreSQL has: several servers on one database, and a database that goes away and comes back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import CONSENTS, Api
from databases import Server, ask, fresh_database, name_of, shared_server

from wixture.mockserver.messages import ById
from wixture.mockserver.store import postgres_layout
from wixture.mockserver.store.in_thread import run_apart
from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.postgres_address import Address
from wixture.mockserver.store.postgres_pool import SIZE, connect
from wixture.mockserver.store.sites import KeptRecord, Launch
from wixture.mockserver.store.store import BadState, Conflict, RecordChanged, StorageUnavailable

from . import golden_states
from .conftest import LAUNCH
from .entities import by_email, consent, created, guid, updated

TENANT = guid(1, kind=0xB)
URL = "http://127.0.0.1:9/in"
SECRET = "open sesame"
FROZEN = "2024-01-31T08:00:00Z"
SECOND = 1_000_000
_names = count(1)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def open_store(runner: asyncio.Runner) -> Iterator[Callable[..., PostgresStore]]:
    """Opens stores; two on one address are two servers on one database."""
    opened: list[PostgresStore] = []

    def start(url: str, launch: Launch = LAUNCH, **options: Any) -> PostgresStore:
        opened.append(PostgresStore.open(url, lambda: launch, **options))
        return opened[-1]

    yield start
    for store in opened:
        runner.run(store.close())


@pytest.fixture
def start_mock(make_api: Callable[..., Api]) -> Callable[..., Api]:
    """Starts mocks, each a server of its own."""
    return lambda url: make_api(store=url, random_seed=1, clock=FROZEN)


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    server = Server()
    yield server
    server.close()


def with_role(server: Server, url: str, *, name: str = "locked") -> str:
    """The same database for a user who needs the password SECRET."""
    database = name_of(url)
    if not ask(url, "SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'", database="postgres")
    return server.url(database, user=f"{name}:{SECRET.replace(' ', '%20')}")


# ---- several servers on one database -------------------------------------------------------------


def test_a_write_by_one_server_is_seen_by_the_other_at_once(start_mock: Callable[..., Api]) -> None:
    url = fresh_database()
    one, other = start_mock(url), start_mock(url)
    made = one.create("ada@example.com")
    found = other.call("GET", f"{CONSENTS}/{made['id']}")
    assert found.json["marketingConsent"] == made
    page = other.call("POST", CONSENTS + "/query", {"query": {}}).json["marketingConsent"]
    assert page == [made]
    assert other.create("grace@example.com")["id"] != made["id"], "their streams of IDs differ"
    assert len(one.state()["marketingConsents"]) == 2


def test_the_seed_is_loaded_by_the_first_server_alone(start_mock: Callable[..., Api]) -> None:
    url = fresh_database()
    one = start_mock(url)
    made = one.create()
    assert start_mock(url).state()["marketingConsents"] == [made]


def test_of_two_changes_of_one_revision_one_conflicts(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    one, other = open_store(url), open_store(url)
    runner.run(one.commit(TENANT, [created(consent(1))], now=0))

    async def race() -> list[Any]:
        commits = (
            store.commit(TENANT, [updated(consent(1), state=state)], now=0)
            for store, state in ((one, "REVOKED"), (other, "PENDING"), (one, "PENDING"), (other, "REVOKED"))
        )
        return await asyncio.gather(*commits, return_exceptions=True)

    outcomes = runner.run(race())
    assert [type(outcome) for outcome in outcomes if outcome] == [Conflict] * 3
    assert runner.run(one.find(TENANT, ById(guid(1)), now=0)).entities[0]["revision"] == "2"


def test_batches_that_lock_each_other_out_are_all_written_or_conflict(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    stores = [open_store(url), open_store(url)]
    entities = [consent(number) for number in range(20)]
    runner.run(stores[0].load(TENANT, [*map(created, entities)], replace=False))

    async def race() -> list[Any]:
        batches = ([updated(one) for one in order] for order in (entities, entities[::-1]) for _ in range(3))
        commits = (stores[place % 2].commit(TENANT, batch, now=0) for place, batch in enumerate(batches))
        return await asyncio.gather(*commits, return_exceptions=True)

    outcomes = runner.run(race())
    assert [type(outcome) for outcome in outcomes if outcome] == [Conflict] * 5
    snapshot = runner.run(stores[0].snapshot(TENANT))
    assert {one["revision"] for one in snapshot["marketingConsents"]} == {"2"}


def test_each_server_has_a_generation_of_its_own_and_all_start_from_the_same(
    open_store: Callable[..., PostgresStore],
) -> None:
    url = fresh_database()
    launches = [open_store(url, Launch(LAUNCH.keys, random_seed=seed, made=7)).launch for seed in (5, 6, 7)]
    assert [launch.generation for launch in launches] == [0, 1, 2]
    assert {(launch.random_seed, launch.keys.token, launch.made) for launch in launches} == {
        (5, LAUNCH.keys.token, 7)
    }


def test_servers_that_start_at_once_make_the_schema_once(open_store: Callable[..., PostgresStore]) -> None:
    url = fresh_database()
    with ThreadPoolExecutor(6) as threads:
        stores = list(threads.map(open_store, [url] * 6))
    assert sorted(store.launch.generation for store in stores) == list(range(6))
    assert ask(url, "SELECT version FROM wixture.layout") == [(postgres_layout.VERSION,)]


def test_a_record_is_saved_by_compare_and_set(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    one, other = open_store(url).sites, open_store(url).sites
    assert runner.run(other.newer(TENANT, 0)) is None
    first = runner.run(one.save(TENANT, b'{"a":1}'))
    assert runner.run(other.newer(TENANT, 0)) == KeptRecord(b'{"a":1}', first)
    assert runner.run(other.newer(TENANT, first)) is None
    second = runner.run(other.save(TENANT, b'{"a":2}', based_on=first))
    assert second != first
    with pytest.raises(RecordChanged):
        runner.run(one.save(TENANT, b'{"a":3}', based_on=first))
    assert runner.run(one.newer(TENANT, first)) == KeptRecord(b'{"a":2}', second)
    assert runner.run(one.tenants()) == [TENANT]


def test_a_commit_whose_record_is_not_the_newest_writes_nothing(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    store = open_store(fresh_database())
    version = runner.run(store.sites.save(TENANT, b"{}"))
    runner.run(store.sites.save(TENANT, b'{"a":1}'))
    changes = [created(consent(1))]
    for write in (
        lambda: store.commit(TENANT, changes, now=0, record=b'{"a":2}', record_based_on=version),
        lambda: store.load(TENANT, changes, replace=False, record=b'{"a":2}', record_based_on=version),
    ):
        with pytest.raises(RecordChanged):
            runner.run(write())
    assert runner.run(store.snapshot(TENANT))["marketingConsents"] == []


def test_rotated_keys_are_read_anew(open_store: Callable[..., PostgresStore], runner: asyncio.Runner) -> None:
    url = fresh_database()
    one, other = open_store(url).sites, open_store(url).sites
    runner.run(one.save_signing_keys([b"new", b"old"]))
    assert runner.run(other.signing_keys()) == [b"new", b"old"]


def test_a_lane_is_held_by_one_worker_until_it_lets_go_or_its_lease_ends(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    one, other = open_store(url).outbox, open_store(url).outbox

    def claim(outbox: Any, worker: str, length: int, lane: str = URL) -> bool:
        return bool(runner.run(outbox.claim(TENANT, lane, worker=worker, now=0, until=length)))

    assert claim(one, "1", 60 * SECOND)
    assert not claim(other, "2", 60 * SECOND)
    assert claim(one, "1", 60 * SECOND), "it keeps what it has"
    assert claim(other, "2", 60 * SECOND, lane=URL + "/other")
    runner.run(other.release(TENANT, URL, worker="2"))
    assert not claim(other, "2", 60 * SECOND), "nobody lets go of what another has"
    runner.run(one.release(TENANT, URL, worker="1"))
    assert claim(other, "2", 1)
    runner.run(asyncio.sleep(0.01))
    assert claim(one, "1", 60 * SECOND), "a claim that has ended is nobody's"


def test_of_many_that_claim_a_lane_at_once_one_has_it(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    stores = [open_store(url) for _ in range(3)]

    async def race() -> list[bool]:
        claims = (
            stores[worker % 3].outbox.claim(TENANT, URL, worker=str(worker), now=0, until=60 * SECOND)
            for worker in range(12)
        )
        return await asyncio.gather(*claims)

    assert sum(runner.run(race())) == 1


# ---- a database that goes away -------------------------------------------------------------------


def test_a_mock_goes_on_once_its_database_is_back(own_server: Server, start_mock: Callable[..., Api]) -> None:
    url = own_server.fresh()
    api = start_mock(url)
    before = api.create("ada@example.com")
    for how in ("stop", "kill"):
        own_server.tell(how)
        for answer in (
            api.call("GET", f"{CONSENTS}/{before['id']}"),
            api.call("POST", CONSENTS, {"marketingConsent": {**consent(), "lastConfirmationActivity": {}}}),
        ):
            assert (answer.status, answer.code) == (503, "MOCK_STORAGE_UNAVAILABLE")
        health = api.control("GET", "/health", query="")
        assert (health.status, health.json["status"]) == (503, "degraded")
        own_server.tell("start")
        assert api.control("GET", "/health", query="").status == 200
        assert api.call("GET", f"{CONSENTS}/{before['id']}").json["marketingConsent"] == before
        api.create(f"{how}@example.com")
    assert len(api.state()["marketingConsents"]) == 3


def test_a_password_is_in_no_answer_and_no_log_while_the_database_is_away(
    own_server: Server, start_mock: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = own_server.fresh()
    database = name_of(url)
    secret_url = with_role(own_server, url)
    own_server.execute("GRANT CREATE ON DATABASE " + database + " TO locked", database=database)
    api = start_mock(secret_url)
    api.token("APP")
    own_server.tell("stop")
    shown = [
        api.call("GET", f"{CONSENTS}/{guid(1)}").response.body.decode(),
        api.control("GET", "/health", query="").response.body.decode(),
        caplog.text,
        repr(api.mock.app.settings),
        repr(Address.of(secret_url)),
        repr(vars(api.mock.app.store)),
    ]
    with pytest.raises(StorageUnavailable) as away:
        api._runner.run(api.mock.app.store.find(TENANT, ById(guid(1)), now=0))
    shown.append(str(away.value))
    for text in shown:
        assert "sesame" not in text
    own_server.tell("start")


def test_a_cancelled_request_leaves_nothing_half_done_and_no_connection_lost(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    store = open_store(fresh_database())

    async def cancelled(number: int, turns: int) -> None:
        batch = [created(consent(number * 100 + part)) for part in range(5)]
        write = asyncio.create_task(store.commit(TENANT, batch, now=0))
        read = asyncio.create_task(store.find(TENANT, by_email("ada1@example.com"), now=0))
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in (write, read):
            task.cancel()
        await asyncio.gather(write, read, return_exceptions=True)

    async def storm() -> int:
        for number in range(3 * SIZE):
            await cancelled(number, number % 7)
        await store.commit(TENANT, [created(consent(99_999))], now=0)
        await asyncio.gather(*(store.find(TENANT, ById(guid(1)), now=0) for _ in range(4 * SIZE)))
        for _ in range(SIZE):  # a write comes to its end, whoever waits for it, and gives its connection back
            await store._pool._slots.acquire()
        for _ in range(SIZE):
            store._pool._slots.release()
        return len((await store.snapshot(TENANT))["marketingConsents"])

    assert (runner.run(asyncio.wait_for(storm(), 30)) - 1) % 5 == 0


# ---- what is refused at a start ------------------------------------------------------------------


def refused(url: str) -> str:
    """Why a database cannot be used."""
    with pytest.raises(BadState) as caught:
        PostgresStore.open(url, lambda: LAUNCH)
    return str(caught.value)


def test_a_newer_layout_is_refused_and_stays(open_store: Callable[..., PostgresStore]) -> None:
    url = fresh_database()
    open_store(url)
    shared_server().execute("UPDATE wixture.layout SET version = 99", database=name_of(url))
    assert "layout 99, of a newer Wixture" in refused(url)
    assert ask(url, "SELECT convert_from(value, 'UTF8') FROM wixture.state WHERE name = 'starts'") == [("1",)]


def test_a_database_is_brought_up_to_date_step_by_step_and_not_at_all_where_one_fails(
    open_store: Callable[..., PostgresStore],
) -> None:
    url, today = fresh_database(), postgres_layout.VERSION
    open_store(url)

    async def migrate(to: int, *last: str) -> None:
        db = await connect(Address.of(url))
        steps = {
            today: ("ALTER TABLE wixture.tenants ADD more text",),
            today + 1: ("CREATE TABLE wixture.more ()", *last),
        }
        try:
            await postgres_layout.begin(db, lambda: LAUNCH, lagging=False, to=to, migrations=steps)
        finally:
            await db.close()

    with pytest.raises(Exception, match="nowhere"):
        run_apart(migrate(today + 2, "DROP TABLE nowhere"))
    assert ask(url, "SELECT version, to_regclass('wixture.more') FROM wixture.layout") == [(today, None)]
    run_apart(migrate(today + 2))
    assert ask(url, "SELECT version, to_regclass('wixture.more') IS NOT NULL FROM wixture.layout") == [
        (today + 2, True)
    ]
    assert f"layout {today + 2}" in refused(url)


def test_what_cannot_be_used_says_what_to_do_and_never_the_password(own_server: Server) -> None:
    server, url = own_server, own_server.fresh()
    right = with_role(server, url)
    said = {
        "createdb": refused(server.url("nowhere")),
        "PGPASSWORD": refused(right.replace("sesame", "sesamo")),
        "CREATE SCHEMA wixture": refused(right),
        "Its form is postgresql://USER:PASSWORD@HOST": refused("postgresql://me:open/sesame@host/x"),
    }
    server.tell("stop")
    said["Start it"] = refused(right)
    for hint, text in said.items():
        assert hint in text
        assert "sesam" not in text
        assert "\n" not in text
    server.tell("start")


def test_a_database_of_another_encoding_is_refused() -> None:
    name = f"latin{next(_names)}"
    shared_server().execute(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", database="postgres"
    )
    assert "createdb --encoding=UTF8" in refused(shared_server().url(name))


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:pass@db.example:6543/app", "PostgreSQL at db.example:6543/app"),
        ("postgresql://me:pass@/app?host=/run/db", "PostgreSQL at /run/db/app"),
        ("postgresql://me:pa/ss@db.example/app", "PostgreSQL"),
        ("postgresql://db.example/app?user=me&password=pa@ss", "PostgreSQL"),
        ("postgresql://db.example/app?password=pass", "PostgreSQL at db.example/app"),
        ("postgresql://me:pass@db.example:pass/app", "PostgreSQL"),
    ],
)
def test_of_an_address_only_what_is_surely_no_password_is_shown(dsn: str, shown: str) -> None:
    assert Address.of(dsn).place == shown
    assert "pass" not in Address.of(dsn).place


# ---- texts ---------------------------------------------------------------------------------------


def test_a_zero_byte_is_found_and_sorted_where_it_belongs(
    open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    store = open_store(fresh_database())
    emails = ["a@x", "a\0@x", "a\1@x", "a\2@x"]
    entities = [consent(number, email=email) for number, email in enumerate(emails)]
    runner.run(store.commit(TENANT, [*map(created, entities)], now=0))
    for entity, email in zip(entities, emails, strict=True):
        assert list(runner.run(store.find(TENANT, by_email(email), now=0)).entities) == [entity]
    assert list(runner.run(store.find(TENANT, ById("\0"), now=0)).entities) == []
    assert runner.run(store.outbox.delivery(TENANT, "a\0b")) is None
    assert ask(store._pool._address.dsn, "SELECT id FROM wixture.consents ORDER BY email") == [
        (guid(place),) for place in (1, 2, 3, 0)
    ]


# ---- the tests' own server -----------------------------------------------------------------------


def test_a_server_of_the_tests_is_gone_with_the_process_that_started_it(own_server: Server) -> None:
    code = "from databases import Server; import time; print(Server().folder, flush=True); time.sleep(60)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    ) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        assert (folder / "data" / "postmaster.pid").exists()
        other.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert Path(own_server.folder).exists()


# ---- layouts -------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.sql")), ids=lambda found: found.stem)
def test_every_released_layout_still_loads(
    golden: Path, open_store: Callable[..., PostgresStore], runner: asyncio.Runner
) -> None:
    url = fresh_database()
    shared_server().execute(golden.read_text(), database=name_of(url))
    store = open_store(url)
    assert ask(url, "SELECT version FROM wixture.layout") == [(postgres_layout.VERSION,)]
    golden_states.check(store, runner)


def test_there_is_a_golden_dump_of_each_layout() -> None:
    dumps = {found.stem for found in GOLDEN.glob("*.sql")}
    assert dumps == {f"postgresql-{number}" for number in range(1, postgres_layout.VERSION + 1)}
