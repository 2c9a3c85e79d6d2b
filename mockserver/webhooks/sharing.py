"""What the processes that send from one state have in common, and how each looks out for what another left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.store.sites import Sites
from wixture.mockserver.store.store import StorageUnavailable
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.tenants import Tenants

log = logging.getLogger("wixture.webhooks")

LOOK_SECONDS = 1.0
"""Between two looks for receivers that nobody sends to any more."""


class Sharing:
    """One process among those that share a state, by the name `worker`."""

    def __init__(self, sites: Sites, tenants: Tenants, outbox: Outbox, worker: str) -> None:
        self.sites = sites
        self.tenants = tenants
        self.outbox = outbox
        self.worker = worker
        self._task: asyncio.Task[None] | None = None

    def watch(self, look_at: Callable[[Tenant], Awaitable[None]]) -> None:
        """From now on, look every second at each tenant for which something is on its way."""
        self._task = asyncio.get_running_loop().create_task(self._watch(look_at), name="webhooks of others")

    async def _watch(self, look_at: Callable[[Tenant], Awaitable[None]]) -> None:
        before = None
        while True:
            trouble = await self._looked(look_at)
            if trouble and not before:
                log.warning("what is on its way cannot be looked at: %s", trouble)
            elif before and not trouble:
                log.warning("what is on its way is looked at again")
            before = trouble
            await asyncio.sleep(LOOK_SECONDS)

    async def _looked(self, look_at: Callable[[Tenant], Awaitable[None]]) -> str | None:
        """Look once; why that could not be done. What is wrong with one tenant keeps nobody from the others."""
        trouble = None
        try:
            for instance_id in await self.outbox.waiting():
                try:
                    tenant = self.tenants.get(instance_id)
                    await self.tenants.look(tenant)
                    await look_at(tenant)
                except StorageUnavailable:
                    raise
                except Exception as failure:
                    trouble = type(failure).__name__
        except StorageUnavailable as error:
            return str(error)
        except Exception as failure:  # or what others leave would be taken over by nobody any more
            return type(failure).__name__
        return trouble

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
