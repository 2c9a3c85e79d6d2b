"""`wixture serve --store`: what it takes, what it refuses, and that a kill takes nothing with it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import databases
import pytest
from databases import fresh_database, name_of, shared_server

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., Any]
CONSENTS = "/marketing-consent/v1/marketing-consent"


def ask(url: str, body: Any = None, token: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": token}
    request = urllib.request.Request(url, data, headers)  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())


def create(url: str, email: str) -> str:
    token = ask(url + "/_mock/tokens", {"identity": "APP"})["access_token"]
    consent = {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": {}}
    return str(ask(url + CONSENTS, {"marketingConsent": consent}, token)["marketingConsent"]["id"])


def ids(url: str) -> list[str]:
    return [one["id"] for one in ask(url + "/_mock/state")["marketingConsents"]]


@pytest.mark.parametrize("signal", ["kill", "terminate"])
def test_what_was_stored_is_there_after_any_end(serve: Serve, tmp_path: Path, signal: str) -> None:
    served = serve("--store", "sqlite:kept/state.db")
    made = create(served.url, "ada@example.com")
    getattr(served.process, signal)()
    served.process.wait(10)
    assert "went with the memory" not in served.process.stdout.read()
    assert ids(serve("--store", f"sqlite:{tmp_path / 'kept' / 'state.db'}").url) == [made]


def test_a_copy_that_sqlite_takes_of_a_running_state_is_a_state(serve: Serve, tmp_path: Path) -> None:
    served = serve("--store", "sqlite:state.db")
    made = [create(served.url, f"{number}@example.com") for number in range(20)]
    running, copy = sqlite3.connect(tmp_path / "state.db"), sqlite3.connect(tmp_path / "copy.db")
    with closing(running), closing(copy):
        running.backup(copy)
    made.append(create(served.url, "later@example.com"))
    assert sorted(ids(serve("--store", "sqlite:copy.db").url)) == sorted(made[:-1])
    assert sorted(ids(served.url)) == sorted(made)


def test_the_option_comes_from_the_environment_or_a_file_too(serve: Serve, tmp_path: Path) -> None:
    serve(WIXTURE_STORE="sqlite:one.db")
    (tmp_path / "serve.toml").write_text('store = "sqlite:two.db"\n')
    serve("--config", "serve.toml")
    assert {"one.db", "two.db"} <= {found.name for found in tmp_path.iterdir()}


def test_a_state_in_use_is_exit_code_3_and_one_line(serve: Serve, wixture: Run) -> None:
    serve("--store", "sqlite:state.db")
    ended = wixture("serve", "--port", "0", "--store", "sqlite:state.db")
    assert ended.returncode == 3
    assert ended.stderr.count("\n") == 1
    assert "another process has it open" in ended.stderr


def test_a_database_that_is_away_is_exit_code_3_and_one_that_nobody_can_use_is_2(wixture: Run) -> None:
    away = wixture("serve", "--port", "0", "--store", "postgresql://u@127.0.0.1:1/x")
    assert away.returncode == 3
    assert "Start it, or correct the address" in away.stderr
    assert "Traceback" not in away.stderr
    wrong = wixture("serve", "--port", "0", "--store", "postgresql://u:s3cret@127.0.0.1:99999/x")
    assert wrong.returncode == 2
    assert "this is no address of a database" in wrong.stderr
    assert "s3cret" not in wrong.stderr


def test_a_state_can_be_used_again_once_its_server_could_not_listen(serve: Serve, wixture: Run) -> None:
    port = serve().url.rpartition(":")[2]
    assert wixture("serve", "--port", port, "--store", "sqlite:state.db").returncode == 3
    serve("--store", "sqlite:state.db")


@pytest.mark.parametrize("store", ["redis://me:sesame@localhost", "sqlite:", "sqlite", "postgresql:x", ""])
def test_another_kind_of_store_is_exit_code_2(wixture: Run, store: str) -> None:
    ended = wixture("serve", "--store", store)
    assert ended.returncode == 2
    assert "neither `memory` nor `sqlite:PATH`" in ended.stderr
    assert "sesame" not in ended.stderr


@pytest.mark.parametrize(
    ("store", "advice"),
    [("sqlite::memory:", "write `memory`"), ("sqlite:///state.db", "write a path, such as sqlite:state.db")],
)
def test_what_others_write_for_a_store_is_told_what_to_write_here(
    wixture: Run, tmp_path: Path, store: str, advice: str
) -> None:
    ended = wixture("serve", "--port", "0", "--store", store)
    assert ended.returncode == 2
    assert advice in ended.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture
def database() -> str:
    """The address of an empty database, for a user with the password sesame."""
    url = fresh_database()
    if not databases.ask(url, "SELECT 1 FROM pg_roles WHERE rolname = 'locked'"):
        shared_server().execute("CREATE ROLE locked LOGIN PASSWORD 'sesame'", database="postgres")
    shared_server().execute(f"GRANT CREATE ON DATABASE {name_of(url)} TO locked", database="postgres")
    return shared_server().url(name_of(url), user="locked:sesame")


def test_what_a_database_has_is_there_after_a_kill_and_a_second_server_has_it_too(
    serve: Serve, database: str
) -> None:
    first = serve("--store", database)
    made = create(first.url, "ada@example.com")
    other = serve(WIXTURE_STORE=database)
    assert ids(other.url) == [made]
    first.process.kill()
    first.process.wait(10)
    made = sorted([made, create(other.url, "grace@example.com")])
    assert ids(serve("--store", database).url) == made
    for served in (first, other):
        assert not [line for line in served.lines if "sesame" in line]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("locked:sesame@", "locked:wrong-sesame@"), "set PGPASSWORD"),
        (("host=/", "host=/nowhere/"), "Start it, or correct the address"),
        (("?host=", "-nowhere?host="), "createdb"),
        (("locked:sesame@/", "locked:sesame@[x/"), "Its form is postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
    ],
    ids=["a wrong password", "nobody there", "no such database", "no address"],
)
def test_a_database_that_cannot_be_used_is_exit_code_2_or_3_if_that_may_pass_and_says_what_to_do(
    wixture: Run, database: str, change: tuple[str, str], says: str
) -> None:
    ended = wixture("serve", "--port", "0", "--store", database.replace(*change))
    assert ended.returncode == (3 if says.startswith("Start it") else 2)
    assert says in ended.stderr
    for word in ("sesame", "Traceback"):
        assert word not in ended.stdout + ended.stderr


def test_without_the_extra_a_database_is_exit_code_2_and_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['asyncpg'] = None; from wixture.cli import main; "
        "main(['serve', '--port', '0', '--store', 'postgresql://localhost/x'])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "pip install 'wixture[postgres]'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [("", "is a directory"), ("notes.txt", "is no state file of Wixture"), ("notes.txt/x", "Not a directory")],
    ids=["a directory", "another file", "below a file"],
)
def test_what_is_no_state_is_exit_code_2_and_stays(wixture: Run, tmp_path: Path, name: str, says: str) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("mine " * 50)
    ended = wixture("serve", "--store", f"sqlite:{tmp_path / name}")
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ([found.name for found in tmp_path.iterdir()], notes.read_text()) == (["notes.txt"], "mine " * 50)


def test_a_state_that_was_changed_is_exit_code_2_and_stays(serve: Serve, wixture: Run, tmp_path: Path) -> None:
    served = serve("--store", "sqlite:state.db")
    create(served.url, "ada@example.com")
    served.process.terminate()
    served.process.wait(10)
    path = tmp_path / "state.db"
    content = bytearray(path.read_bytes())
    content[content.index(b"ada@example.com")] ^= 1
    path.write_bytes(content)
    ended = wixture("serve", "--store", "sqlite:state.db")
    assert (ended.returncode, "is damaged" in ended.stderr) == (2, True)
    assert path.read_bytes() == content
