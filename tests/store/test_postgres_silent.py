"""A PostgreSQL that hangs, or lacks what it had: nothing waits for it for long, and what is told fits."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from conftest import CONSENTS, Api
from databases import Server, fresh_database, name_of, shared_server

from wixture.mockserver import control_health
from wixture.mockserver.messages import Request
from wixture.mockserver.mock import Mock
from wixture.mockserver.settings import Settings
from wixture.mockserver.store import postgres_pool
from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.postgres_address import Address
from wixture.mockserver.store.store import BadState, StateAway, StorageUnavailable
from wixture.mockserver.webhooks import sharing

from .conftest import LAUNCH
from .entities import guid

SLOW = "SELECT pg_sleep(60)"


@pytest.fixture
def store() -> Iterator[tuple[asyncio.Runner, PostgresStore]]:
    with asyncio.Runner() as runner:
        made = PostgresStore.open(fresh_database(), lambda: LAUNCH)
        yield runner, made
        runner.run(made.close())


@pytest.fixture
def start_mock(make_api: Callable[..., Api]) -> Callable[..., Api]:
    return lambda url, **settings: make_api(store=url, random_seed=1, **settings)


async def until(holds: Callable[[], Any]) -> None:
    """Return once something holds; whoever runs this bounds it."""
    while not holds():  # noqa: ASYNC110  # what is waited for tells nobody
        await asyncio.sleep(0.01)


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[None]:
    """While this lasts, whoever touches a table is not answered."""
    db = await asyncpg.connect(url)
    try:
        async with db.transaction():
            await db.execute(f"LOCK TABLE {table}")
            yield
    finally:
        db.terminate()


def test_a_close_ends_what_is_still_used(
    store: tuple[asyncio.Runner, PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, made = store
    monkeypatch.setattr(postgres_pool, "_LAST_SECONDS", 0.05)

    async def closed_meanwhile() -> list[Any]:
        pool = made._pool
        waiting = [asyncio.create_task(pool.fetch(SLOW, seconds=60)), asyncio.create_task(pool.write(SLOW))]
        await until(lambda: not (len(pool._taken) < 2))
        await pool.close()
        return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = runner.run(asyncio.wait_for(closed_meanwhile(), 20))
    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable] * 2


def test_a_write_that_nobody_waits_for_fails_in_silence(
    store: tuple[asyncio.Runner, PostgresStore], caplog: pytest.LogCaptureFixture
) -> None:
    runner, made = store

    async def abandoned() -> None:
        write = asyncio.create_task(made._pool.write(SLOW, seconds=0.2))
        await until(lambda: made._pool._taken)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        await until(lambda: not made._pool._taken)
        await asyncio.sleep(0)
        gc.collect()

    runner.run(asyncio.wait_for(abandoned(), 20))
    assert "never retrieved" not in caplog.text


def test_a_timeout_ends_the_idle_connections_too(store: tuple[asyncio.Runner, PostgresStore]) -> None:
    runner, made = store

    async def timed_out() -> int:
        await asyncio.gather(*(made._pool.fetch("SELECT pg_sleep(0.05)") for _ in range(3)))
        assert len(made._pool._idle) == 3
        with pytest.raises(StorageUnavailable, match="no answer in time"):
            await made._pool.fetch(SLOW, seconds=0.05)
        return len(made._pool._idle)

    assert runner.run(timed_out()) == 0


def test_only_a_write_that_was_on_its_way_may_be_stored(store: tuple[asyncio.Runner, PostgresStore]) -> None:
    runner, made = store
    for ask, may_be in ((made._pool.write, True), (made._pool.fetch, False)):
        with pytest.raises(StorageUnavailable) as lost:
            runner.run(ask(SLOW, seconds=0.05))
        assert lost.value.may_be_stored is may_be
        assert lost.value.how.startswith("Start the database")


def test_a_function_that_is_gone_is_unavailable_and_says_what_to_mend(start_mock: Callable[..., Api]) -> None:
    url = fresh_database()
    api = start_mock(url, clock="2024-01-31T08:00:00Z")
    shared_server().execute("DROP FUNCTION wixture.commit", database=name_of(url))
    body = {"marketingConsent": {"details": {"type": "EMAIL", "email": "a@b.c"}, "lastConfirmationActivity": {}}}
    answer = api.call("POST", CONSENTS, body)
    assert (answer.status, answer.code) == (503, "MOCK_STORAGE_UNAVAILABLE")
    assert "nothing of this call was stored. Bring back what is missing" in answer.json["message"]


@pytest.mark.parametrize("path", ["/_mock/health", "/_mock/metrics"])
def test_how_the_server_is_is_told_whatever_the_store_does_not_answer(
    start_mock: Callable[..., Api], path: str
) -> None:
    url = fresh_database()
    api = start_mock(url)

    async def asked() -> int:
        request = Request("GET", path, "", {"host": "127.0.0.1:8787"}, b"")
        async with locked(url, "wixture.tenants"):  # what a look at the tenant would wait for
            return (await asyncio.wait_for(api.mock.handle(request), 4)).status

    assert api._runner.run(asked()) == 200


def test_metrics_leave_out_what_the_store_does_not_tell(
    start_mock: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_health, "HEALTH_SECONDS", 0.2)
    url = fresh_database()
    api = start_mock(url)

    async def asked() -> str:
        async with locked(url, "wixture.deliveries"), locked(url, "wixture.state"):
            request = Request("GET", "/_mock/metrics", "", {"host": "127.0.0.1:8787"}, b"")
            return (await asyncio.wait_for(api.mock.handle(request), 4)).body.decode()

    told = api._runner.run(asked())
    assert "\nwixture_store_writable 0.0\n" in told
    assert "wixture_deliveries_pending" not in told
    assert "# TYPE wixture_requests_total counter" in told


def test_a_stop_gives_up_what_the_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from wixture.mockserver import mock as mock_module

    monkeypatch.setattr(mock_module, "STOP_SECONDS", 0.3)
    url = fresh_database()

    async def stopped() -> None:
        mock = Mock(Settings(store=url))
        await mock.start()
        api_tenant = mock.app.tenants.get(mock.app.settings.instance_id)
        _ = mock.app.dispatch.deliverer
        async with locked(url, "wixture.exchanges"):
            answer = await mock.handle(_request())
            assert answer.status == 401
            assert len(mock.app.tenants.unattributed) + len(api_tenant.journal) > 0
            mock.retire()
            await asyncio.wait_for(mock.stop(), 4)
        assert mock.app.store._pool._idle == []  # type: ignore[attr-defined]

    asyncio.run(stopped())
    assert "journal could not be written" in caplog.text


def _request() -> Any:
    return Request("GET", CONSENTS + "/" + guid(1), "", {"host": "127.0.0.1:8787"}, b"")


def test_what_others_left_is_looked_at_again_after_any_failure_and_each_is_told_once(
    start_mock: Callable[..., Api], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sharing, "LOOK_SECONDS", 0.01)
    caplog.set_level(logging.WARNING)
    url = fresh_database()
    api = start_mock(url)
    runner = api._runner
    failing = ["ALTER TABLE wixture.deliveries RENAME TO gone", "ALTER TABLE wixture.gone RENAME TO deliveries"]
    odd = [
        "ALTER TABLE wixture.deliveries RENAME COLUMN status TO other",
        "ALTER TABLE wixture.deliveries RENAME COLUMN other TO status",
    ]

    async def until_told(text: str, times: int, *, after: str) -> None:
        await asyncio.to_thread(shared_server().execute, after, database=name_of(url))
        await until(lambda: caplog.text.count(text) >= times)
        await asyncio.sleep(0.1)

    for turn, (break_it, mend) in enumerate((failing, odd), 1):
        runner.run(asyncio.wait_for(until_told("cannot be looked at", turn, after=break_it), 20))
        runner.run(asyncio.wait_for(until_told("is looked at again", turn, after=mend), 20))
        assert caplog.text.count("cannot be looked at") == caplog.text.count("is looked at again") == turn
    assert "UndefinedColumnError" in caplog.text


def test_lanes_that_a_stop_wakes_do_not_ask_the_store(
    start_mock: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    url = fresh_database()
    api = start_mock(url)
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/"})
    api.control("POST", "/faults", {"on": {"event": "*"}, "do": {"delay_s": 3600}})
    api.create()
    deliverer = api.mock.app.dispatch.deliverer

    async def execute(sql: str) -> None:
        await asyncio.to_thread(shared_server().execute, sql, database=name_of(url))

    async def ended() -> None:
        await execute("ALTER TABLE wixture.tenants RENAME TO gone")
        assert deliverer._lanes, "it waits for its time"
        api.mock.retire()
        await until(lambda: not deliverer._lanes)
        await execute("ALTER TABLE wixture.gone RENAME TO tenants")

    runner = api._runner
    runner.run(asyncio.sleep(0.2))
    runner.run(asyncio.wait_for(ended(), 20))
    assert "the deliveries to a receiver stopped" not in caplog.text


# ---- at a start ----------------------------------------------------------------------------------


def refused(url: str) -> BadState:
    with pytest.raises(BadState) as caught:
        PostgresStore.open(url, lambda: LAUNCH)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@127.0.0.1:99999/x",
        "postgresql://u@localhost:70000/x",
        "postgresql://u@/x?port=99999",
        "postgresql://u:a#b@127.0.0.1/x",
        "postgresql://u:a/b@127.0.0.1/x",
    ],
)
def test_no_address_of_a_database_says_how_one_is_written(url: str) -> None:
    said = refused(url)
    assert not isinstance(said, StateAway)
    for part in ("this is no address of a database", "%40", "%23", "%2F", "65535"):
        assert part in str(said)


def test_what_follows_the_question_mark_is_told_with_what_to_do() -> None:
    url = fresh_database()
    for more, hint in (
        ("&foo=bar", "Correct what follows the ? in the address"),
        ("&sslmode=bogus", "Give one of disable, allow, prefer, require"),
    ):
        said = refused(url + more)
        assert hint in str(said)
        assert not isinstance(said, StateAway)


def test_what_may_pass_by_itself_is_told_apart(own_server: Server) -> None:
    url = own_server.fresh()
    own_server.execute(f"ALTER DATABASE {name_of(url)} CONNECTION LIMIT 0", database="postgres")
    own_server.execute("CREATE ROLE few LOGIN", database="postgres")
    assert isinstance(refused(own_server.url(name_of(url), user="few")), StateAway), "too many connections"
    assert not isinstance(refused(own_server.url("nowhere")), StateAway)
    own_server.tell("stop")
    assert isinstance(refused(url), StateAway)
    assert isinstance(refused("postgresql://u@nowhere.invalid/x"), StateAway)


@pytest.fixture
def own_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_a_server_without_tls_says_so() -> None:
    """What answers `N` to the question for TLS, as PostgreSQL does."""

    async def asked() -> BadState:
        async def no(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(8)
            writer.write(b"N")
            await reader.read()
            writer.close()

        async with await asyncio.start_server(no, "127.0.0.1", 0) as door:
            port = door.sockets[0].getsockname()[1]
            return await asyncio.to_thread(refused, f"postgresql://u@127.0.0.1:{port}/x?sslmode=require")

    said = asyncio.run(asked())
    assert "take sslmode out of the address" in str(said)
    assert not isinstance(said, StateAway)


def test_an_address_with_several_hosts_is_one() -> None:
    assert Address.of("postgresql://u:p@a:1,b:2/x").place == "PostgreSQL"
