"""What every golden file holds, whatever layout it has: see make_golden.py."""

from __future__ import annotations

import asyncio

from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.sqlite_file import SqliteFile

from .entities import consent, created


def check(store: SqliteFile | PostgresStore, runner: asyncio.Runner) -> None:
    """Everything is there, and can be added to."""
    tenant = next(iter(store.launch.records))
    found = runner.run(store.snapshot(tenant))
    assert (len(found["marketingConsents"]), len(found["followedChannels"])) == (2, 1)
    assert len(runner.run(store.outbox.events(tenant))) == 4
    (delivery,) = [one for one in runner.run(store.outbox.deliveries(tenant)) if one.status == "pending"]
    assert [attempt.reason for attempt in delivery.attempts] == ["refused"]
    assert store.launch.signing_keys[0].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert b'"faults"' in store.launch.records[tenant]
    assert runner.run(store.sites.exchanges(tenant, most=100)).exchanges
    runner.run(store.commit(tenant, [created(consent(7))], now=0))
    assert len(runner.run(store.snapshot(tenant))["marketingConsents"]) == 3
