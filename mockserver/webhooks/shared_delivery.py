"""Deliveries from a state that several processes share: each receiver is sent to by one of them at a time.

Who sends has a claim to the receiver, good for some seconds and made longer while it sends. What a dead process
had claimed is free again once that has passed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from wixture.mockserver.clock import wall_microseconds
from wixture.mockserver.domain_events import Attempt, Delivery
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.store.store import StorageUnavailable
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.webhooks.delivery import Deliverer, Posts
from wixture.mockserver.webhooks.lanes import Lane
from wixture.mockserver.webhooks.sharing import Sharing
from wixture.mockserver.webhooks.tokens import TokenMaker

CLAIM_US = 4_000_000
"""How long a claim is good: longer than an attempt can take."""
_FRESH_US = 2_500_000
_RENEW_SECONDS = 1.0
_AGAIN_SECONDS = 1.0
_LONGEST_WAIT = 5.0
_PAUSE = 0.05
_CLOCK = "clock"
"""What is claimed, in the place of a URL, by who moves a tenant's clock."""


class Claims:
    """The claims of one process."""

    def __init__(self, outbox: Outbox, worker: str) -> None:
        self._outbox = outbox
        self._worker = worker
        self._held: dict[tuple[str, str], int] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, tenant: str, url: str) -> bool:
        """Whether this process may send to a URL now, and for as long as an attempt takes."""
        now = wall_microseconds()
        if self._held.get((tenant, url), 0) - now > _FRESH_US:
            return True
        if not await self._outbox.claim(tenant, url, worker=self._worker, now=now, until=now + CLAIM_US):
            self._held.pop((tenant, url), None)
            return False
        self._held[tenant, url] = now + CLAIM_US
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew(), name="claims")
        return True

    async def take_soon(self, tenant: str, url: str) -> bool:
        """The same, waiting for another process that has it."""
        end = asyncio.get_running_loop().time() + _LONGEST_WAIT
        while not await self.take(tenant, url):
            if asyncio.get_running_loop().time() > end:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    async def give(self, tenant: str, url: str) -> None:
        """Let another process send there."""
        if self._held.pop((tenant, url), None) is not None:
            with suppress(StorageUnavailable):  # it ends by itself
                await self._outbox.release(tenant, url, worker=self._worker)

    async def _renew(self) -> None:
        while self._held:
            await asyncio.sleep(_RENEW_SECONDS)
            for tenant, url in list(self._held):
                now = wall_microseconds()
                with suppress(StorageUnavailable):
                    more = await self._outbox.claim(
                        tenant, url, worker=self._worker, now=now, until=now + CLAIM_US
                    )
                    if more and (tenant, url) in self._held:
                        self._held[tenant, url] = now + CLAIM_US

    async def close(self) -> None:
        """Let go of everything."""
        self.end()
        await asyncio.gather(*(self.give(tenant, url) for tenant, url in list(self._held)))

    def end(self) -> None:
        """Make no claim longer any more."""
        if self._renewing is not None:
            self._renewing.cancel()


class SharedDeliverer(Deliverer):
    """The deliveries of one process among several."""

    def __init__(
        self,
        outbox: Outbox,
        tokens: TokenMaker,
        posts: Posts,
        sharing: Sharing,
        renew_keys: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(outbox, tokens, posts)
        self._tenants = sharing.tenants
        self._claims = Claims(outbox, sharing.worker)
        self._renew_keys = renew_keys

    async def _drive(self, lane: Lane) -> None:
        try:
            await super()._drive(lane)
        finally:
            await self._claims.give(lane.tenant.instance_id, lane.url)

    async def _drive_once(self, lane: Lane) -> bool:
        tenant, place = lane.tenant, (lane.tenant.instance_id, lane.url)
        if not self._runs(tenant):  # which a stop asks of each lane: the store is not to be asked as often
            return False
        await self._tenants.look(tenant)
        delivery = await self._outbox.next_for(*place)
        if delivery is None or not self._runs(tenant):
            return False
        if delivery.due > tenant.clock.now():
            await self._claims.give(*place)
        elif not await self._claims.take(*place):
            await asyncio.sleep(_AGAIN_SECONDS)
            return True
        return await super()._drive_once(lane)  # which reads anew what is next, now that nobody else sends it

    async def _send_queue(self, tenant: Tenant, queue: list[Delivery], life: int) -> bool:
        place = tenant.instance_id, queue[0].url
        if not await self._claims.take_soon(*place):
            return False
        try:
            known = [await self._outbox.delivery(place[0], one.id) for one in queue]
            due = [one for one in known if one and one.status == "pending" and one.due <= tenant.clock.now()]
            return await super()._send_queue(tenant, due, life)
        finally:
            await self._claims.give(*place)

    def _alone(self, tenant: Tenant) -> AbstractAsyncContextManager[object]:
        return self._alone_of_all(tenant)

    @asynccontextmanager
    async def _alone_of_all(self, tenant: Tenant) -> AsyncIterator[None]:
        async with super()._alone(tenant):
            if not await self._claims.take_soon(tenant.instance_id, _CLOCK):
                text = (
                    "Another call is moving this tenant's clock or sends what is due; try again once it is done."
                )
                raise Refusal("MOCK_CONFLICT", text)
            try:
                await self._tenants.look(tenant, again=True)
                yield
            finally:
                await self._claims.give(tenant.instance_id, _CLOCK)

    async def _move(self, tenant: Tenant, instant: int) -> None:
        life = tenant.life

        def move() -> None:
            if tenant.life == life:  # else another process has emptied it meanwhile
                tenant.clock.move_to(instant)

        await self._tenants.change(tenant, move)

    async def attempt(
        self, tenant: Tenant, delivery: Delivery, *, by_hand: bool = False, patient: bool = False
    ) -> Attempt:
        """Sign and send a delivery once, by the newest key."""
        await self._renew_keys()
        return await super().attempt(tenant, delivery, by_hand=by_hand, patient=patient)

    async def close(self) -> None:
        """Stop, and leave every receiver to the other processes."""
        try:
            await super().close()
        finally:
            self._claims.end()
        await self._claims.close()
