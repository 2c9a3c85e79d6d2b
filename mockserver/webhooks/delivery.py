"""Brings events to their receivers: at once on a running clock, when told to on a frozen one.

On a running clock each receiver has a lane of its own, a task that lives while something is on its way there, so
that a dead receiver delays nobody. On a frozen clock nothing moves until `flush` or `advance`; then everything
that is due goes out in order, instant by instant, the lanes of one instant side by side.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from wixture.mockserver.clock import wall_seconds
from wixture.mockserver.domain_events import Attempt, Delivery, DomainEvent
from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.store.store import StorageUnavailable
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.webhooks.lanes import Lane, Step
from wixture.mockserver.webhooks.outcomes import REASONS, Posted
from wixture.mockserver.webhooks.schedule import MOST_ATTEMPTS, next_due
from wixture.mockserver.webhooks.tokens import TokenMaker, TokenOrder

log = logging.getLogger("wixture.webhooks")

MOST_AT_ONCE = 256
MOST_FAILING_AT_ONCE = 192
MOST_FAILING_A_SECOND = 400
"""Attempts at receivers that failed last, of all lanes: a hundred that refuse at once must not fill the loop."""
MOST_CAUSED = 1000
"""Attempts of one step beyond what was on its way when it began: a receiver may cause an event by each it gets."""
_LONGEST_PAUSE = 1.0
_LONGEST_WAIT = 3600.0
_LAST_ATTEMPTS = 1.5


class Posts(Protocol):
    """What sends a token: see post.py."""

    async def post(self, url: str, body: bytes) -> Posted: ...
    async def close(self) -> None: ...


class Deliverer:
    """The deliveries of one server, in its loop."""

    def __init__(self, outbox: Outbox, tokens: TokenMaker, posts: Posts) -> None:
        self._outbox = outbox
        self._tokens = tokens
        self._posts = posts
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._steps: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lives: dict[str, int] = defaultdict(int)
        self._all = asyncio.Semaphore(MOST_AT_ONCE)
        self._slow = asyncio.Semaphore(MOST_FAILING_AT_ONCE)
        self._failing = 0
        self.reasons: Counter[str] = Counter()  # what became of the attempts so far
        self._retired = self._closed = False

    # ---- on a running clock ----------------------------------------------------------------------

    def notify(self, tenant: Tenant, urls: Iterable[str]) -> None:
        """Something is on its way to these receivers."""
        if not self._runs(tenant):
            return
        for url in urls:
            lane = self._lanes.get((tenant.instance_id, url))
            if lane is None:
                lane = self._lanes[tenant.instance_id, url] = Lane(tenant, url)
                lane.task = asyncio.get_running_loop().create_task(
                    self._drive(lane), name=f"webhooks to {url[:60]}"
                )
            lane.wake.set()

    def _runs(self, tenant: Tenant) -> bool:
        """Whether a tenant's deliveries go out by themselves."""
        return not (self._retired or tenant.clock.frozen or self._steps[tenant.instance_id].locked())

    async def resume(self, tenant: Tenant) -> None:
        """The tenant's clock moved, stopped or runs again: look at everything that is on its way."""
        for lane in self._lanes_of(tenant):
            lane.wake.set()
        if self._runs(tenant):
            self.notify(tenant, await self._outbox.receivers(tenant.instance_id))

    def _lanes_of(self, tenant: Tenant) -> list[Lane]:
        return [lane for lane in self._lanes.values() if lane.tenant is tenant]

    async def _drive(self, lane: Lane) -> None:
        try:
            while lane.wake.is_set():
                lane.wake.clear()
                while await self._drive_once(lane):
                    pass
        except Exception as failure:
            log.error("the deliveries to a receiver stopped: %s", type(failure).__name__)
        finally:
            self._note(lane, failed=False)
            place = (lane.tenant.instance_id, lane.url)
            if self._lanes.get(place) is lane:
                del self._lanes[place]

    async def _drive_once(self, lane: Lane) -> bool:
        """Send what is due next in a lane, or wait for it; False when there is nothing to wait for."""
        tenant = lane.tenant
        lane.wake.clear()
        if not self._runs(tenant):
            return False
        delivery = await self._outbox.next_for(tenant.instance_id, lane.url)
        if delivery is None:
            return False
        wait = (delivery.due - tenant.clock.now()) / 1_000_000 / tenant.clock.speed
        if wait > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(lane.wake.wait(), min(wait, _LONGEST_WAIT))
        else:
            await self._send_in_turn(lane, delivery)
        return True

    async def _send_in_turn(self, lane: Lane, delivery: Delivery) -> None:
        """Send when there is a slot: receivers that failed last share some, and leave the rest to the others."""
        if lane.failed_last:
            async with self._slow, self._all:
                attempt = await self.attempt(lane.tenant, delivery, patient=True)
        else:
            async with self._all:
                attempt = await self.attempt(lane.tenant, delivery, patient=True)
        self._note(lane, failed=attempt.reason != "received")
        if lane.failed_last:
            await asyncio.sleep(min(self._failing / MOST_FAILING_A_SECOND, _LONGEST_PAUSE))

    def _note(self, lane: Lane, *, failed: bool) -> None:
        self._failing += failed - lane.failed_last
        lane.failed_last = failed

    # ---- told to ---------------------------------------------------------------------------------

    async def flush(self, tenant: Tenant) -> Step:
        """Send everything that is due now, and wait for the outcome."""
        return await self._step(tenant, tenant.clock.now)

    async def advance(self, tenant: Tenant, seconds: float) -> Step:
        """Move the tenant's time on, running everything that falls due on the way, in order. Raises ValueError."""
        return await self._step(tenant, lambda: tenant.clock.after(seconds))

    async def set_clock(self, tenant: Tenant, now: int | None, *, frozen: bool) -> None:
        """Let the tenant's time jump, once nothing is on its way to an earlier target, and stop or run there."""
        async with self._alone(tenant):
            tenant.clock.set(tenant.clock.now() if now is None else now, frozen=frozen)
        await self.resume(tenant)

    async def _step(self, tenant: Tenant, target: Callable[[], int]) -> Step:
        try:
            async with self._alone(tenant):
                until, life = target(), self._lives[tenant.instance_id]
                await self._let_lanes_end(tenant)
                due = await self._outbox.pending(tenant.instance_id, by=until)
                attempts, held, most = 0, False, MOST_ATTEMPTS * len(due) + MOST_CAUSED
                while due and attempts < most and self._goes_on(tenant, life):
                    await self._move(tenant, due[0].due)
                    now = [delivery for delivery in due if delivery.due <= tenant.clock.now()]
                    attempts += len(now)
                    held = not await self._send_side_by_side(tenant, now)
                    if held:
                        break
                    due = await self._outbox.pending(tenant.instance_id, by=until)
                more = bool(due) and self._goes_on(tenant, life)
                if not more and self._lives[tenant.instance_id] == life:
                    await self._move(tenant, until)
                return Step(attempts, more, held)
        finally:
            await self.resume(tenant)

    def _alone(self, tenant: Tenant) -> AbstractAsyncContextManager[object]:
        """While nobody else moves the tenant's clock."""
        return self._steps[tenant.instance_id]

    async def _move(self, tenant: Tenant, instant: int) -> None:
        tenant.clock.move_to(instant)

    async def _send_side_by_side(self, tenant: Tenant, deliveries: list[Delivery]) -> bool:
        """Whether all receivers had their turn."""
        by_receiver: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_receiver[delivery.url].append(delivery)
        life = self._lives[tenant.instance_id]

        async def send(queue: list[Delivery]) -> bool:
            return await self._send_queue(tenant, queue, life)

        return all(await asyncio.gather(*map(send, by_receiver.values())))

    async def _send_queue(self, tenant: Tenant, queue: list[Delivery], life: int) -> bool:
        for delivery in queue:
            async with self._all:
                if not self._goes_on(tenant, life):
                    break
                await self.attempt(tenant, delivery)
        return True

    def _goes_on(self, tenant: Tenant, life: int) -> bool:
        """Whether the server still sends, and the tenant was not emptied since that life of it."""
        return not self._retired and self._lives[tenant.instance_id] == life

    async def _let_lanes_end(self, tenant: Tenant) -> None:
        """Let what is being sent come to its end, so that nothing is sent twice."""
        running = self._lanes_of(tenant)
        for lane in running:
            lane.wake.set()
        await asyncio.gather(*(lane.task for lane in running if lane.task), return_exceptions=True)

    # ---- one attempt -----------------------------------------------------------------------------

    async def attempt(
        self, tenant: Tenant, delivery: Delivery, *, by_hand: bool = False, patient: bool = False
    ) -> Attempt:
        """Sign and send a delivery once, and keep what came of it; `patient` waits where it cannot be kept."""
        life = self._lives[tenant.instance_id]
        at = tenant.clock.now()
        posted = await self._posted(tenant, delivery)
        self.reasons[posted.reason] += 1
        attempt = Attempt(at, posted.reason, posted.status, posted.duration_ms, by_hand)
        while life == self._lives[tenant.instance_id] and not self._closed:
            try:
                await self._keep(tenant, delivery.id, attempt)
                break
            except StorageUnavailable:  # what is sent now would be sent again and again
                if not patient or self._retired:
                    raise
                await asyncio.sleep(_LONGEST_PAUSE)
        return attempt

    async def _posted(self, tenant: Tenant, delivery: Delivery) -> Posted:
        try:
            event = await self._outbox.event_of(tenant.instance_id, delivery.id)
            if event is None:
                return _failed()
            return await self._posts.post(delivery.url, await self._token(tenant, event, delivery.tamper))
        except Exception as failure:  # a receiver's later events must not wait behind one that cannot be sent
            log.error("delivery %s could not be sent: %s", delivery.id, type(failure).__name__)
            return _failed()

    async def _token(self, tenant: Tenant, event: DomainEvent, tamper: str | None) -> bytes:
        issued_at = self._tokens.issued_at(tenant, wall_seconds())
        order = TokenOrder(event, tenant.instance_id, tamper, issued_at, tenant.forms.documented)
        made = self._tokens.made(order)
        return made if made is not None else await asyncio.to_thread(self._tokens.make, order)

    async def _keep(self, tenant: Tenant, delivery_id: str, attempt: Attempt) -> None:
        """By the delivery as it stands now: somebody may have sent it by hand meanwhile."""
        known = await self._outbox.delivery(tenant.instance_id, delivery_id)
        if known is None:
            return
        status, due, attempts = known.status, known.due, (*known.attempts, attempt)
        if attempt.reason == "received":
            status = "received"
        elif status == "pending" and not attempt.by_hand:
            later = next_due(attempts, failed_at=tenant.clock.now())
            status, due = ("exhausted", due) if later is None else ("pending", later)
        await self._outbox.record(tenant.instance_id, delivery_id, attempts, status=status, due=due)

    # ---- ends ------------------------------------------------------------------------------------

    def forget(self, tenant: Tenant) -> None:
        """The tenant was emptied: end what is being sent, and keep nothing of what comes of it."""
        self._lives[tenant.instance_id] += 1
        for lane in self._lanes_of(tenant):
            del self._lanes[tenant.instance_id, lane.url]
            if lane.task is not None:
                lane.task.cancel()

    def retire(self) -> None:
        """Begin to stop: no attempt starts any more, and those that run come to their end."""
        self._retired = True
        for lane in self._lanes.values():
            lane.wake.set()

    async def close(self) -> None:
        """Stop: what is on its way stays in the outbox, and what is being answered now is still kept.

        Who is cancelled here waits for nothing more, and yet nothing is left that sends.
        """
        self.retire()
        running = [lane.task for lane in self._lanes.values() if lane.task]
        try:
            if running:
                await asyncio.wait(running, timeout=_LAST_ATTEMPTS)
        finally:
            self._closed = True
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._posts.close()


def _failed() -> Posted:
    return Posted(None, "failed", 0, b"", REASONS["failed"])
