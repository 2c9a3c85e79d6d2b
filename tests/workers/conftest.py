"""Several processes on one state: as mocks with a store of their own each, or as a real `wixture serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from benchmarks.crash_clients import Client
from benchmarks.weather import event_id
from conftest import Api
from databases import fresh_database

from wixture.mockserver.mock import Mock
from wixture.mockserver.opening import hand_over, join_state
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sqlite_file import HeldFile

WIXTURE = Path(sys.executable).with_name("wixture")
FROZEN = "2024-01-31T08:00:00Z"


class Worker(Api):
    """A mock on a thread of its own, which is called there."""

    def __init__(self, mock: Mock, server: BackgroundServer, tenant: str) -> None:
        super().__init__(mock, server, tenant)  # type: ignore[arg-type]  # both run what they are given
        self.run: Callable[..., Any] = server.run


async def filled(parent: Mock) -> None:
    """Fill the state, as the parent of workers does."""
    await parent.fill()
    if parent.app.store.shared:
        await parent.app.store.close()


class Crew:
    """Mocks on one state, each on a thread and with connections of its own, as workers and servers have them."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._made: list[BackgroundServer] = []
        self._held: HeldFile | None = None
        self._is_filled = False

    def hire(self, **settings: Any) -> Worker:
        """One more worker; where the state is a database, one more server."""
        chosen = Settings(store=self._store, **{"clock": FROZEN, "random_seed": 1, **settings})
        if not self._is_filled:
            parent = Mock(chosen)
            asyncio.run(filled(parent))
            self._held = hand_over(parent.app.store)
            self._is_filled = True
        mock = Mock(chosen, opened=join_state(chosen))
        server = BackgroundServer(mock, lifespan=mock.lifespan).start()
        self._made.append(server)
        return Worker(mock, server, chosen.instance_id)

    def close(self) -> None:
        for server in self._made:
            server.stop()
        if self._held is not None:
            self._held.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def crew(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crew]:
    """Workers of one server on a file, and servers on one database."""
    made = Crew(f"sqlite:{tmp_path / 'state.db'}" if request.param == "sqlite" else fresh_database())
    yield made
    made.close()


@pytest.fixture
def pair(crew: Crew) -> tuple[Worker, Worker]:
    """Two workers with a frozen clock."""
    return crew.hire(), crew.hire()


@dataclass
class Served:
    """A running `wixture serve --workers`."""

    process: subprocess.Popen[str]
    port: int
    errors: Path
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        """A connection of its own, which some worker answers."""
        made = Client(self.port)
        self.clients.append(made)
        made.token = made.ask("POST", "/_mock/tokens", {"identity": "APP"})["access_token"]
        return made

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


def in_parallel(work: Callable[[int], None], count: int) -> None:
    """Let threads do it; what one of them raises is raised here."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def until(holds: Callable[[], Any], *, seconds: float = 30) -> None:
    """Return once something holds. The bound is no promise: it ends a hopeless wait."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "this never came to hold"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be asked for its exit code is none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers of several workers on free ports, and leaves none of their processes behind."""
    running: list[Served] = []

    def start(*arguments: str, workers: int = 4, store: str = f"sqlite:{tmp_path / 'state.db'}") -> Served:
        errors = tmp_path / f"errors-{len(running)}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WIXTURE_")}
        command = [WIXTURE, "serve", "--port", "0", "--store", store]
        with errors.open("w") as log:
            process = subprocess.Popen(
                [*command, "--workers", str(workers), *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**kept, "WIXTURE_HOME": str(tmp_path)},
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("wixture ready on "), errors.read_text()
        running.append(Served(process, int(line.rpartition(":")[2]), errors))
        return running[-1]

    yield start
    for one in running:
        for client in one.clients:
            client.close()
        workers = one.workers() if one.process.poll() is None else []
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(10)
        assert one.process.stdout is not None
        one.process.stdout.close()
        until(lambda left=workers: not any(map(is_alive, left)))


class Receiver:
    """Takes webhooks over HTTP, and remembers in which order the events came to each path."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()
        came, hold = self.came, self.hold

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                token = self.rfile.read(int(self.headers["content-length"]))
                came.append((self.path, event_id(token)))
                hold.wait(20)
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The list says it all."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def of(self, path: str) -> list[str]:
        return [event for at, event in list(self.came) if at == path]

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
