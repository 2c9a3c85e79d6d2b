"""A state file: made whole, refused when it is not sound, never shared, and brought up to date."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wixture.mockserver.messages import ById
from wixture.mockserver.store import seal as seals
from wixture.mockserver.store import sqlite_file
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.sqlite_file import SqliteFile
from wixture.mockserver.store.sqlite_layout import VERSION, create, migrate, version_of
from wixture.mockserver.store.store import BadState, StateInUse

from . import golden_states
from .conftest import LAUNCH
from .entities import channel, consent, created, guid
from .kills import killed

TENANT = guid(1, kind=0xB)
GOLDEN = Path(__file__).parent / "golden"
Open = Callable[..., SqliteFile]


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def opened(runner: asyncio.Runner) -> Iterator[Open]:
    """Opens states, and closes at the end what is still open."""
    made: list[SqliteFile] = []

    def start(path: Path, launch: Launch = LAUNCH, *, lag_ms: int = 0) -> SqliteFile:
        made.append(SqliteFile.open(path, lambda: launch, lag_ms=lag_ms))
        return made[-1]

    yield start
    for store in made:
        runner.run(store.close())


@pytest.fixture
def path(tmp_path: Path, runner: asyncio.Runner) -> Path:
    """A state with two entities that was closed."""
    path = tmp_path / "state.db"
    store = SqliteFile.open(path, lambda: LAUNCH)
    runner.run(store.commit(TENANT, [created(consent(1)), created(channel(1))], now=0))
    runner.run(store.close())
    return path


def entities(store: SqliteFile, runner: asyncio.Runner) -> list[str]:
    found = runner.run(store.snapshot(TENANT))
    return [one["id"] for kind in found.values() for one in kind]


def refusal(path: Path) -> str:
    """What is said of a file that is refused, which stays as it is."""
    before = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None
    with pytest.raises(BadState) as refused:
        SqliteFile.open(path, lambda: LAUNCH)
    if before is not None:
        assert hashlib.sha256(path.read_bytes()).digest() == before
    assert "\n" not in str(refused.value)
    return str(refused.value)


# ---- life ----------------------------------------------------------------------------------------


def test_what_is_written_is_there_after_a_stop_and_after_a_kill(
    tmp_path: Path, path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    store = opened(path)
    runner.run(store.commit(TENANT, [created(consent(2))], now=0))
    assert entities(store, runner) == [guid(1), guid(2), guid(1, kind=0xC)]
    after = opened(killed(path, tmp_path / "killed"))
    assert entities(after, runner) == [guid(1), guid(2), guid(1, kind=0xC)]


def test_each_start_has_a_generation_of_its_own_also_after_a_kill(tmp_path: Path, opened: Open) -> None:
    path, seen = tmp_path / "state.db", []
    for number in range(4):
        store = opened(path)
        seen.append(store.launch.generation)
        path = killed(path, tmp_path / str(number))
    assert seen == [0, 1, 2, 3]


def test_the_keys_of_the_first_launch_stay(path: Path, opened: Open) -> None:
    other = Launch(LAUNCH.keys.__class__(b"1", b"2", b"3"), random_seed=7)
    found = opened(path, other).launch
    assert (found.keys, found.random_seed) == (LAUNCH.keys, LAUNCH.random_seed)


def test_files_are_for_their_owner_alone_and_folders_are_made(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "a" / "b" / "state.db"
    opened(path)
    made = sorted(found for found in path.parent.iterdir())
    assert [found.name for found in made] == ["state.db", "state.db-lock", "state.db-shm", "state.db-wal"]
    assert {stat.S_IMODE(found.stat().st_mode) for found in made} == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


def test_a_closed_state_is_one_file_and_its_empty_lock(path: Path) -> None:
    assert sorted(found.name for found in path.parent.iterdir()) == ["state.db", "state.db-lock"]
    assert (path.parent / "state.db-lock").stat().st_size == 0


def test_what_a_kill_left_of_the_making_of_a_state_is_made_anew(tmp_path: Path, opened: Open) -> None:
    for ending in ("", "-wal", "-journal"):
        (tmp_path / f"state.db-new{ending}").write_bytes(b"half")
    assert opened(tmp_path / "state.db").launch.generation == 0
    assert not list(tmp_path.glob("state.db-new*"))


def test_a_state_that_is_open_cannot_be_opened_again(path: Path, opened: Open, runner: asyncio.Runner) -> None:
    store = opened(path)
    with pytest.raises(StateInUse):
        opened(path)
    runner.run(store.close())
    opened(path)


def test_a_kill_lets_go_of_the_lock(path: Path, opened: Open) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from wixture.mockserver.store.sqlite_file import SqliteFile\n"
        "store = SqliteFile.open(pathlib.Path(sys.argv[1]), None)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert opened(path).launch.generation == 2


def test_reads_that_lag_see_everything_after_a_time_without_a_lag(
    path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    for lag_ms, number in ((0, 2), (5000, 3), (0, 4), (5000, 5)):
        store = opened(path, lag_ms=lag_ms)
        runner.run(store.commit(TENANT, [created(consent(number))], now=0))
        seen = [bool(runner.run(store.find(TENANT, ById(guid(n)), now=0)).entities) for n in range(1, number + 1)]
        assert seen == [True] * (number - 1) + [lag_ms == 0]
        runner.run(store.close())


def test_a_long_log_is_brought_into_the_file_while_it_is_written(
    path: Path, opened: Open, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_LOG_BYTES", 100_000)
    monkeypatch.setattr(sqlite_file, "_COMMITS", 10)
    store, before = opened(path), path.stat().st_size

    async def write() -> None:
        for number in range(100, 600):
            await store.commit(TENANT, [created(consent(number))], now=0)
            await asyncio.sleep(0)

    runner.run(write())
    assert path.stat().st_size > before + 200_000
    assert len(entities(store, runner)) == 502


def test_a_log_does_not_grow_from_kill_to_kill(
    tmp_path: Path, path: Path, opened: Open, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_LOG_BYTES", 1_000_000)
    for number in range(6):
        store = opened(path)
        many = [created(consent(1000 * (number + 1) + part)) for part in range(400)]
        runner.run(store.commit(TENANT, many, now=0))
        path = killed(path, tmp_path / str(number))
        assert path.with_name("state.db-wal").stat().st_size < 3_000_000
    assert len(entities(opened(path), runner)) == 2 + 6 * 400


# ---- what is refused -----------------------------------------------------------------------------


def test_a_directory_is_no_state(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path)


def test_a_path_below_a_file_is_no_state(path: Path) -> None:
    assert "Not a directory" in refusal(path / "state.db")


def test_a_file_of_something_else_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing to do with it. " * 10)
    assert "is no state file of Wixture" in refusal(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_something_else_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "their.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    assert "is no state file of Wixture" in refusal(path)
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    assert "is cut off" in refusal(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999], ids=str)
@pytest.mark.parametrize("is_sealed", [True, False], ids=["sealed", "unsealed"])
def test_a_file_that_is_cut_off_is_refused(path: Path, share: float, is_sealed: bool) -> None:
    if not is_sealed:
        seals.unseal(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "is damaged" in refusal(path)


def test_one_bit_that_fell_over_anywhere_is_noticed(path: Path, runner: asyncio.Runner) -> None:
    content, rng = path.read_bytes(), random.Random(1)
    places = [*range(100), *(rng.randrange(len(content)) for _ in range(200))]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        refusal(path)
    path.write_bytes(content)
    runner.run(SqliteFile.open(path, lambda: LAUNCH).close())


def test_a_broken_structure_is_noticed_after_a_kill_too(tmp_path: Path, path: Path, opened: Open) -> None:
    left = killed(path, tmp_path / "killed")
    seals.unseal(left)
    with sqlite3.connect(left) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'consents'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    content = bytearray(left.read_bytes())
    content[(page - 1) * size] ^= 0xFF
    left.write_bytes(content)
    assert "is damaged" in refusal(left)


def test_a_kill_amid_the_bringing_in_of_the_log_loses_nothing(
    tmp_path: Path, path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    store = opened(path)
    runner.run(store.commit(TENANT, [created(consent(number)) for number in range(100, 400)], now=0))
    left = killed(path, tmp_path / "killed")
    runner.run(store.close())
    assert path.stat().st_size > left.stat().st_size
    for pages in (1, 3, 10):
        half = killed(left, tmp_path / str(pages))
        with half.open("r+b") as file:  # the first pages are new, and the file is shorter than they say
            file.write(path.read_bytes()[: pages * 4096])
        assert len(entities(opened(half), runner)) == 302


def test_a_seal_that_came_with_anothers_log_is_broken(path: Path, opened: Open, runner: asyncio.Runner) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"\0" * 100)
    assert seals.is_sealed(path)
    store = opened(path)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not seals.is_sealed(path)
    runner.run(store.close())
    assert seals.holds(path)


def test_a_state_of_a_newer_version_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    assert f"is a state of layout {VERSION + 1}" in refusal(path)


def test_a_file_with_a_second_name_is_refused(path: Path) -> None:
    os.link(path, path.with_name("other.db"))
    assert "has 2 names (hard links)" in refusal(path)


def test_what_is_no_ordinary_file_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "state.db")
    assert "is no ordinary file" in refusal(tmp_path / "state.db")


def test_what_processes_of_before_had_claimed_is_free_at_a_start(
    path: Path, tmp_path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    url, until = "http://127.0.0.1:9/", 1 << 50
    store = opened(path)
    assert runner.run(store.outbox.claim(TENANT, url, worker="1", now=until - 4_000_000, until=until))
    after = opened(killed(path, tmp_path / "killed"))
    assert runner.run(after.outbox.claim(TENANT, url, worker="2", now=until - 4_000_000, until=until))


def test_a_log_that_somebody_removes_costs_nobody_an_answer(
    path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    store = opened(path)
    path.with_name("state.db-wal").unlink()
    for number in range(100, 200):
        runner.run(store.commit(TENANT, [created(consent(number))], now=0))


def test_a_log_without_its_file_is_not_taken_for_a_new_state(tmp_path: Path) -> None:
    log = tmp_path / "state.db-wal"
    log.write_bytes(b"frames")
    with pytest.raises(BadState, match="is gone, but its log"):
        SqliteFile.open(tmp_path / "state.db", lambda: LAUNCH)
    assert not (tmp_path / "state.db").exists()
    assert log.read_bytes() == b"frames"


# ---- layouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.db")), ids=lambda found: found.stem)
def test_every_released_layout_still_loads(
    golden: Path, tmp_path: Path, opened: Open, runner: asyncio.Runner
) -> None:
    path = tmp_path / golden.name
    shutil.copy(golden, path)
    golden_states.check(opened(path), runner)


def test_there_is_a_golden_file_of_each_layout() -> None:
    assert {found.stem for found in GOLDEN.glob("*.db")} == {f"layout-{n}" for n in range(1, VERSION + 1)}


def test_an_older_layout_is_brought_up_to_date_in_whole_or_not_at_all(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    create(db)
    first, second = "ALTER TABLE tenants ADD COLUMN a; ALTER TABLE tenants ADD COLUMN b", "CREATE TABLE new (c)"
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(db, to=VERSION + 2, migrations={VERSION: first, VERSION + 1: "INSERT INTO nowhere VALUES (1)"})
    assert version_of(db) == VERSION
    migrate(db, to=VERSION + 2, migrations={VERSION: first, VERSION + 1: second})
    assert version_of(db) == VERSION + 2
    assert db.execute("SELECT a, b FROM tenants").fetchall() == []
    assert db.execute("SELECT c FROM new").fetchall() == []
    db.close()
