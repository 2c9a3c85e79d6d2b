"""Records, keys and the journal of every kind of store."""

from __future__ import annotations

from typing import Any

import pytest

from wixture.mockserver.store import postgres_sites, sqlite_sites
from wixture.mockserver.store.postgres import PostgresStore
from wixture.mockserver.store.sites import KeptExchange
from wixture.mockserver.store.store import Conflict

from .conftest import Tenant
from .entities import consent, created


def kept(number: int, size: int = 1) -> KeptExchange:
    return KeptExchange(str(number).encode(), b"q" * size, b"a" * size)


def read(tenant: Tenant, most: int = 100) -> tuple[list[int], int]:
    """The numbers of the exchanges that are kept, and how many are gone."""
    found = tenant.runner.run(tenant.store.sites.exchanges(tenant.id, most=most))
    return [int(one.about) for one in found.exchanges], found.forgotten


def add(tenant: Tenant, *exchanges: KeptExchange, most: int = 100) -> None:
    tenant.runner.run(tenant.store.sites.add_exchanges(tenant.id, exchanges, most=most))


def test_exchanges_are_kept_in_order_and_apart_by_tenant(tenant: Tenant) -> None:
    other = tenant.other()
    add(tenant, kept(1), kept(2))
    add(other, kept(3))
    add(tenant, kept(4))
    assert (read(tenant), read(other)) == (([1, 2, 4], 0), ([3], 0))
    (first, *_) = tenant.runner.run(tenant.store.sites.exchanges(tenant.id, most=9)).exchanges
    assert first == kept(1)


def test_a_tenant_that_nothing_was_written_of_has_no_exchanges(tenant: Tenant) -> None:
    assert read(tenant) == ([], 0)


def test_the_newest_exchanges_are_kept_and_the_others_counted(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sites in (sqlite_sites, postgres_sites):
        monkeypatch.setattr(sites, "_PRUNE_EVERY", 4)
    for number in range(20):
        add(tenant, kept(number), most=5)
        numbers, gone = read(tenant, most=5)
        assert numbers == list(range(max(0, number - 4), number + 1))
        assert gone == max(0, number - 4)
    assert len(read(tenant, most=100)[0]) <= 5 + 4


def test_exchanges_that_are_too_heavy_together_lose_the_oldest_bodies(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sites in (sqlite_sites, postgres_sites):
        monkeypatch.setattr(sites, "_PRUNE_EVERY", 1)
        monkeypatch.setattr(sites, "MOST_EXCHANGE_BYTES", 1000)
    add(tenant, *(kept(number, size=100) for number in range(10)))
    found = tenant.runner.run(tenant.store.sites.exchanges(tenant.id, most=100)).exchanges
    assert [len(one.request) for one in found] == [0] * 7 + [100] * 3
    assert [int(one.about) for one in found] == list(range(10))


def test_cleared_exchanges_are_gone_and_no_longer_counted(tenant: Tenant) -> None:
    add(tenant, *map(kept, range(20)), most=5)
    tenant.runner.run(tenant.store.sites.clear_exchanges(tenant.id))
    assert read(tenant) == ([], 0)


def record(tenant: Tenant) -> bytes | None:
    """The tenant's record as the tables have it; None for a tenant that they do not have."""
    store: Any = tenant.store
    if isinstance(store, PostgresStore):
        sql = "SELECT record FROM wixture.tenants WHERE instance_id = $1"
        rows = tenant.runner.run(store._pool.fetch(sql, tenant.id))
    else:
        rows = store._db.execute("SELECT record FROM tenants WHERE instance_id = ?", (tenant.id,)).fetchall()
    return bytes(rows[0][0]) if rows else None


def test_a_record_goes_with_the_change_or_not_at_all(tenant: Tenant) -> None:
    store: Any = tenant.store

    tenant.runner.run(store.load(tenant.id, [created(consent(1))], replace=False, record=b'{"a":1}'))
    assert record(tenant) == b'{"a":1}'
    with pytest.raises(Conflict):
        tenant.runner.run(store.load(tenant.id, [created(consent(1))], replace=False, record=b'{"a":2}'))
    with pytest.raises(Conflict):
        tenant.runner.run(store.commit(tenant.id, [created(consent(1))], now=0, record=b'{"a":3}'))
    assert record(tenant) == b'{"a":1}'


def test_a_forgotten_tenant_leaves_nothing(tenant: Tenant) -> None:
    store: Any = tenant.store
    tenant.commit(created(consent(1)))
    add(tenant, kept(1))
    tenant.runner.run(store.sites.save(tenant.id, b'{"a":1}'))
    tenant.runner.run(store.forget(tenant.id))
    assert (tenant.snapshot["marketingConsents"], read(tenant)) == ([], ([], 0))
    assert record(tenant) is None
    tenant.commit(created(consent(2)))
    assert len(tenant.snapshot["marketingConsents"]) == 1
