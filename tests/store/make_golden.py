"""Writes the golden files of the layouts, once, when they are released: python -m tests.store.make_golden."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from wixture.mockserver.mock import Mock
from wixture.mockserver.settings import Settings
from wixture.mockserver.store import postgres_layout, sqlite_layout

from ..conftest import CHANNELS, CONSENTS, Api  # noqa: TID252
from ..databases import programs, shared_server  # noqa: TID252

FOLDER = Path(__file__).parent / "golden"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"layout-{sqlite_layout.VERSION}.db"
    dump = FOLDER / f"postgresql-{postgres_layout.VERSION}.sql"
    for path, write in ((file, _write_file), (dump, _write_dump)):
        if path.exists():
            sys.stderr.write(f"{path} is there: what was released stays as it is.\n")
        else:
            write(path)


def _write_file(path: Path) -> None:
    _fill(f"sqlite:{path}")
    path.with_name(path.name + "-lock").unlink()


def _write_dump(path: Path) -> None:
    url = shared_server().fresh()
    _fill(url)
    command = [programs() / "pg_dump", "--inserts", "--no-owner", "--no-privileges", url]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    path.write_text("".join(f"{line}\n" for line in lines if line and not line.startswith(("--", "\\"))))


def _fill(store: str) -> None:
    settings = Settings(store=store, random_seed=1, clock="2024-01-31T08:00:00Z")
    with asyncio.Runner() as runner:
        mock = Mock(settings)
        runner.run(mock.start())
        api = Api(mock, runner, settings.instance_id)
        api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/"})
        first = api.create("ada@example.com")
        api.control("POST", "/webhooks/flush")
        subscription = api.control("GET", "/webhooks/subscriptions").json["subscriptions"][0]["id"]
        api.control("DELETE", f"/webhooks/subscriptions/{subscription}")
        api.create("grace@example.com")
        removed = {"details": first["details"], "lastRevokeActivity": {}}
        assert api.call("POST", f"{CONSENTS}/remove", removed).status == 200
        api.call("POST", CHANNELS, {"followedChannel": {"channel": "X"}}, identity="MEMBER")
        api.control("POST", "/faults", {"on": {"operation": "*", "nth": 99}, "do": {"status": 503}, "times": 2})
        runner.run(mock.stop())


if __name__ == "__main__":
    main()
