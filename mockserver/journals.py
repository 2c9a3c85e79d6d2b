"""The journals of a server: in memory alone, or written to a store that survives, a moment after each exchange.

Where the store survives, an exchange is in memory until it is written, a fifth of a second later, and read from
the store from then on: a kill takes the last moment with it, and a stop nothing. Under a load that would be all
writing of what is pushed out again, it is written as seldom as every five seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from wixture.mockserver.journal import (
    Budget,
    FlatExchange,
    Journal,
    packed,
    size_of_bodies,
    unpacked,
    without_bodies,
)
from wixture.mockserver.store.sites import NO_TENANT, KeptExchange
from wixture.mockserver.store.store import StorageUnavailable, Store
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.tenants import Tenants

log = logging.getLogger("wixture.journal")

SECONDS = 0.2
"""Between two times that exchanges are written."""
LONGEST_SECONDS = 5.0
"""The same under load: writing then takes a tenth of the time at most."""
_REST = 10
_WRITING_SECONDS = 0.05
MOST_BYTES_AT_ONCE = 4 * 1024 * 1024
"""Bodies that are written every time; of more, those of the oldest exchanges are let go of."""
_AT_ONCE = 256
"""Exchanges that are written before others have their turn."""


class Journals:
    """What was asked of each tenant, and of none."""

    def __init__(self, tenants: Tenants, store: Store, size: int) -> None:
        """`size` is how many exchanges a journal has."""
        self._tenants = tenants
        self._store = store
        self._size = size
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def read(self, tenant: Tenant | None) -> Journal:
        """The journal of a tenant; with None, of what names no tenant."""
        journal = tenant.journal if tenant else self._tenants.unattributed
        if not self._store.survives:
            return journal
        with suppress(StorageUnavailable):  # what cannot be written now is read from memory below
            await self.flush()
        kept = await self._store.sites.exchanges(_name(tenant), most=self._size)
        whole = Journal(self._size, Budget())
        whole.add(unpacked(one.about, one.request, one.response) for one in kept.exchanges)
        whole.add(journal.copied())
        whole.forgotten += kept.forgotten + journal.forgotten
        return whole

    async def gather(self) -> None:
        """Return when what others were asked before now is in the store, too, but for those under load."""
        if self._store.shared:
            await asyncio.sleep(SECONDS + _WRITING_SECONDS)

    async def clear(self, tenant: Tenant | None) -> None:
        """Forget what is in a journal."""
        if self._store.survives:
            async with self._writing:
                await self._store.sites.clear_exchanges(_name(tenant))
        (tenant.journal if tenant else self._tenants.unattributed).clear()

    async def flush(self) -> None:
        """Write what is in memory alone. Raises StorageUnavailable; it is still there then."""
        async with self._writing:
            for tenant in (None, *self._tenants.in_use()):
                await self._write(tenant)

    async def _write(self, tenant: Tenant | None) -> None:
        journal = tenant.journal if tenant else self._tenants.unattributed
        forgotten, records = journal.forgotten, _light(journal.take())
        try:
            while records:
                kept = [KeptExchange(*packed(record)) for record in records[:_AT_ONCE]]
                add = self._store.sites.add_exchanges
                await add(_name(tenant), kept, most=self._size, forgotten=forgotten)
                del records[:_AT_ONCE]
                journal.forgotten -= forgotten
                forgotten = 0
                await asyncio.sleep(0)
        except BaseException:
            journal.add((*records, *journal.take()))
            raise

    def start(self) -> None:
        """Write from now on, every now and then, in the running loop."""
        if self._store.survives:
            self._task = asyncio.get_running_loop().create_task(self._keep_writing(), name="journals")

    async def stop(self) -> None:
        """Write the rest, and no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            try:
                await self.flush()
            except StorageUnavailable as error:
                log.warning("the last exchanges of the journal could not be written: %s", error)

    async def _keep_writing(self) -> None:
        rest = SECONDS
        while True:
            await asyncio.sleep(rest)
            begun = time.monotonic()
            with suppress(StorageUnavailable):
                await self.flush()
            rest = min(max(SECONDS, _REST * (time.monotonic() - begun)), LONGEST_SECONDS)


def _light(records: list[FlatExchange]) -> list[FlatExchange]:
    """The records, of which the newest have their bodies: a disk takes less in a second than a load can bring."""
    total = 0
    for place in range(len(records) - 1, -1, -1):
        total += size_of_bodies(records[place])
        if total > MOST_BYTES_AT_ONCE:
            records[place] = without_bodies(records[place])
    return records


def _name(tenant: Tenant | None) -> str:
    return tenant.instance_id if tenant else NO_TENANT
