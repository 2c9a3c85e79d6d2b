"""A disk that is full: writes are refused whole, reads go on, and once there is room all goes on by itself."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import CONSENTS, Api

from wixture.mockserver.mock import Mock
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sqlite_file import SqliteFile

from .conftest import LAUNCH
from .kills import killed

UNAVAILABLE = (503, "MOCK_STORAGE_UNAVAILABLE")


class Full:
    """A mock whose file may not grow while `no_more` holds."""

    def __init__(self, path: Path, runner: asyncio.Runner) -> None:
        self.path = path
        self._runner = runner
        self.mock = Mock(Settings(store=f"sqlite:{path}", random_seed=1, clock="2024-01-31T08:00:00Z"))
        self.store: Any = self.mock.app.store
        runner.run(self.mock.start())
        self.api = Api(self.mock, runner, self.mock.app.settings.instance_id)

    def fill(self) -> None:
        """From now on no page can be added to the file."""
        self._runner.run(self.mock.app.journals.stop())
        pages = self.store._db.execute("PRAGMA page_count").fetchone()[0]
        self.store._db.execute(f"PRAGMA max_page_count = {pages}")
        free = self.store._db.execute("PRAGMA freelist_count").fetchone()[0]
        assert free == 0

    def fill_exactly(self) -> None:
        """The same, once what was deleted is given back."""
        self._runner.run(self.mock.app.journals.stop())
        self.store._db.execute("VACUUM")
        self.fill()

    def make_room(self) -> None:
        self.store._db.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    with asyncio.Runner() as runner:
        made = Full(tmp_path / "state.db", runner)
        yield made
        made.make_room()
        runner.run(made.mock.stop())


def create(api: Api, number: int) -> tuple[int, str]:
    details = {"type": "EMAIL", "email": f"{number}{'x' * 200}@example.com"}
    answer = api.call("POST", CONSENTS, {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}})
    return (200, answer.json["marketingConsent"]["id"]) if answer.status == 200 else (answer.status, answer.code)


def created_until_full(api: Api) -> list[str]:
    """The IDs of what could be stored before the disk was full."""
    stored = []
    for number in range(1000):
        status, found = create(api, number)
        if status != 200:
            assert (status, found) == UNAVAILABLE
            return stored
        stored.append(found)
    raise AssertionError("the disk was never full")


def test_a_full_disk_refuses_writes_whole_and_serves_reads(full: Full, tmp_path: Path) -> None:
    api = full.api
    first = create(api, -1)[1]
    full.fill()
    stored = [first, *created_until_full(api)]
    assert create(api, 5000) == UNAVAILABLE
    assert api.call("GET", f"{CONSENTS}/{first}").status == 200
    assert sorted(one["id"] for one in api.state()["marketingConsents"]) == sorted(stored)
    events = api.control("GET", "/webhooks/events").json["events"]
    assert len(events) == len(stored)
    left = SqliteFile.open(killed(full.path, tmp_path / "killed"), lambda: LAUNCH)
    found = full._runner.run(left.snapshot(api.tenant))["marketingConsents"]
    full._runner.run(left.close())
    assert sorted(one["id"] for one in found) == sorted(stored)


def test_a_full_disk_undoes_what_the_control_api_was_asked(full: Full) -> None:
    api = full.api
    full.fill()
    created_until_full(api)
    calls = ("/channels", "/forms", "/clock", "/webhooks/subscriptions", "/faults", "/state")
    before = [api.control("GET", call).json for call in calls]
    plan = {"on": {"operation": "*"}, "do": {"status": 503, "latency_ms": 1}}
    padded = "http://127.0.0.1:9/" + "x" * 1900
    many = {"marketingConsents": [{"details": {"type": "EMAIL", "email": f"{n}@b.example"}} for n in range(200)]}
    for method, path, body in (
        *(("POST", "/webhooks/subscriptions", {"eventType": "*", "url": f"{padded}{n}"}) for n in range(40)),
        *(("POST", "/faults", plan) for _ in range(200)),
    ):
        answer = api.control(method, path, body)
        if answer.status != 200:
            break
    assert (answer.status, answer.code) == UNAVAILABLE
    kept = [api.control("GET", call).json for call in calls]
    for _ in range(3):
        assert api.control("POST", "/seed", {**many, "channels": ["X"]}).status == 503
    assert [api.control("GET", call).json for call in calls] == kept
    assert kept[-1] == before[-1]


def test_a_server_goes_on_by_itself_once_there_is_room(full: Full) -> None:
    api = full.api
    full.fill()
    stored = created_until_full(api)
    full.make_room()
    assert create(api, 5000)[0] == 200
    assert len(api.state()["marketingConsents"]) == len(stored) + 1
    assert api.control("GET", "/health", query="").status == 200


def test_a_snapshot_that_does_not_fit_changes_nothing(full: Full) -> None:
    api = full.api
    snapshot = api.state()
    for number in range(300):
        create(api, number)
    later = {"now": "2030-01-01T00:00:00.000Z", "frozen": True}
    other = {**api.state(), "channels": ["X"], "loyaltyInstalled": False, "clock": later}
    api.control("PUT", "/state", snapshot)
    api.control("DELETE", "/exchanges")
    full.fill_exactly()
    before = api.state()
    answer = api.control("PUT", "/state", other)
    assert (answer.status, answer.code) == UNAVAILABLE
    assert api.state() == before
    full.make_room()
    assert api.control("PUT", "/state", other).status == 200
    assert api.state() == other


def test_a_full_disk_is_in_the_metrics_and_the_scrape_goes_on(full: Full) -> None:
    api = full.api
    full.fill()
    stored = created_until_full(api)
    assert create(api, 5000) == UNAVAILABLE
    lines = api.control("GET", "/metrics", query="").response.body.decode().splitlines()
    assert "wixture_store_writable 0.0" in lines
    assert f'wixture_commits_total{{outcome="written",worker="0"}} {len(stored)}.0' in lines
    assert 'wixture_commits_total{outcome="unavailable",worker="0"} 2.0' in lines
    full.make_room()
    assert create(api, 5000)[0] == 200
    lines = api.control("GET", "/metrics", query="").response.body.decode().splitlines()
    assert "wixture_store_writable 1.0" in lines


# ---- real disks, over HTTP -----------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 4 MB. Needs root, which CI is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class Served:
    """A server of its own process."""

    def __init__(self, path: Path, **more: Any) -> None:
        command = [Path(sys.executable).with_name("wixture"), "serve", "--port", "0", "--store", f"sqlite:{path}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=path.parent, **more)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.token = self.ask("POST", "/_mock/tokens", {"identity": "APP"})[1]["access_token"]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"authorization": self.token} if hasattr(self, "token") else {}
        if body is not None:
            headers["content-type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def create(self, number: int) -> tuple[int, Any]:
        details = {"type": "EMAIL", "email": f"{number}{'x' * 200}@example.com"}
        sent = {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}}
        status, body = self.ask("POST", CONSENTS, sent)
        return (200, body["marketingConsent"]["id"]) if status == 200 else (status, _code(body))

    def fill(self) -> list[str]:
        stored = []
        for number in range(20_000):
            status, found = self.create(number)
            if status != 200:
                assert (status, found) == UNAVAILABLE
                return stored
            stored.append(found)
        raise AssertionError("the disk was never full")

    def stored(self) -> list[str]:
        return sorted(one["id"] for one in self.ask("GET", "/_mock/state")[1]["marketingConsents"])

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _code(body: Any) -> str:
    return str(body["details"]["applicationError"]["code"])


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system")
def test_a_file_system_without_room_is_red_in_health_and_green_after_a_mend(small_disk: Path) -> None:
    served = Served(small_disk / "state.db")
    try:
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 2_000_000)
        stored = served.fill()
        assert stored
        _use_up(small_disk / "rest")
        status, health = served.ask("GET", "/_mock/health")
        assert (status, health["status"]) == (503, "degraded")
        assert "full" in health["problem"]
        assert served.ask("GET", f"{CONSENTS}/{stored[0]}")[0] == 200
        assert served.stored() == sorted(stored)
        ballast.unlink()
        (small_disk / "rest").unlink()
        assert served.ask("GET", "/_mock/health")[0] == 200
        status, one_more = served.create(30_000)
        assert status == 200
    finally:
        served.end(signal.SIGKILL)
    served = Served(small_disk / "state.db")
    assert served.stored() == sorted([*stored, one_more])
    served.end()


def _use_up(path: Path) -> None:
    """Fill what room is left, to the last byte."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_file_that_may_not_grow_is_as_a_full_disk(tmp_path: Path) -> None:
    served = Served(tmp_path / "state.db")
    pid = served.process.pid
    try:
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
        stored = served.fill()
        assert served.stored() == sorted(stored)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        status, one_more = served.create(30_000)
        assert status == 200
    finally:
        served.end(signal.SIGKILL)
    served = Served(tmp_path / "state.db")
    assert served.stored() == sorted([*stored, one_more])
    served.end()
