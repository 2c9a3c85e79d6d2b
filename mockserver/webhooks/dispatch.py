"""From a committed change to what is on its way: events, who wants them, and what faults do to them."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from wixture.mockserver.access import is_loopback
from wixture.mockserver.domain_events import Delivery, DomainEvent, Subscription
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Caller, Change
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.store.sites import Sites
from wixture.mockserver.store.store import IdTaken
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.tenants import Tenants
from wixture.mockserver.webhooks.events import events_of
from wixture.mockserver.webhooks.sharing import Sharing

if TYPE_CHECKING:
    from wixture.mockserver.webhooks.delivery import Deliverer, Posts
    from wixture.mockserver.webhooks.destinations import Policy
    from wixture.mockserver.webhooks.signing import Keyring
    from wixture.mockserver.webhooks.tokens import TokenMaker

REORDER_HOLD_US = 2_000_000
"""How much real time an event that is to arrive after the next one waits for that, on a running clock."""

_NO_DELIVERIES: tuple[Delivery, ...] = ()


class Dispatch:
    """What a server tells whom. Keys and outgoing HTTP are made when first needed."""

    def __init__(self, settings: Settings, outbox: Outbox, *, keys: Sequence[bytes] = ()) -> None:
        """`keys` are those that signed before, in PEM, the newest first."""
        self._keys = keys
        self._settings = settings
        self._outbox = outbox
        self._posts: Posts | None = None
        self._making = threading.Lock()
        self._keyring: Keyring | None = None
        self._started = False
        self._sharing: Sharing | None = None

    def send_by(self, posts: Posts) -> None:
        """Send by this in place of real HTTP. To be said before the first delivery."""
        self._posts = posts

    def share(self, sites: Sites, tenants: Tenants, generation: int) -> None:
        """Other processes send from the same state, too; this one has that generation."""
        self._sharing = Sharing(sites, tenants, self._outbox, f"{generation}")

    async def renew_keys(self) -> None:
        """Sign with what another process has rotated to."""
        if self._sharing is None:
            return
        from wixture.mockserver.webhooks.signing import key_from  # loads cryptography: late

        kept = list(await self._sharing.sites.signing_keys())
        if kept and kept != list(self._keys):
            self._keys = kept
            self.keyring.replace([key_from(pem, "the state") for pem in kept])

    @property
    def keyring(self) -> Keyring:
        """The keys that sign, the same for every thread. Raises BadKey for a file that holds none."""
        from wixture.mockserver.webhooks.signing import Keyring, key_from, read_key  # loads cryptography: late

        with self._making:
            if self._keyring is None:
                path = self._settings.signing_key
                given = [read_key(path)] if path else []
                self._keyring = Keyring(*given, *(key_from(pem, "the state") for pem in self._keys))
            return self._keyring

    @cached_property
    def tokens(self) -> TokenMaker:
        """What makes the tokens of deliveries."""
        from wixture.mockserver.webhooks.tokens import TokenMaker

        return TokenMaker(
            self.keyring,
            virtual=self._settings.token_clock == "virtual",  # noqa: S105  # a name of a clock
        )

    @cached_property
    def policy(self) -> Policy:
        """Which network addresses receivers may have."""
        from wixture.mockserver.webhooks.destinations import Policy

        allowed = tuple(ip_network(net) for net in self._settings.allow_net)
        return Policy(loopback=is_loopback(self._settings.host), allowed=allowed)

    @cached_property
    def deliverer(self) -> Deliverer:
        """What brings events to their receivers."""
        from wixture.mockserver.webhooks.delivery import Deliverer  # loads the HTTP client: late
        from wixture.mockserver.webhooks.post import Poster

        self._started = True
        posts = self._posts or Poster(self.policy)
        if self._sharing is None:
            return Deliverer(self._outbox, self.tokens, posts)
        from wixture.mockserver.webhooks.shared_delivery import SharedDeliverer

        return SharedDeliverer(self._outbox, self.tokens, posts, self._sharing, self.renew_keys)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How often an attempt to deliver came to each reason."""
        return self.deliverer.reasons if self._started else {}

    def load(self) -> None:
        """Import, on any thread, what the first delivery would else make its request wait for."""
        importlib.import_module("wixture.mockserver.webhooks.delivery")
        _ = self.keyring

    def events(
        self,
        tenant: Tenant,
        changes: Iterable[Change],
        caller: Caller,
        *,
        origin: str,
        now: int,
        anonymized: bool = False,
    ) -> tuple[DomainEvent, ...]:
        """The events of some changes that are about to be committed."""
        return events_of(
            changes,
            caller,
            origin=origin,
            now=now,
            new_id=lambda: tenant.chance.new_id("event"),
            anonymized=anonymized,
        )

    def plan(self, tenant: Tenant, events: Iterable[DomainEvent]) -> Sequence[Delivery]:
        """A delivery of each event for each subscription that wants it, changed by the faults that hit."""
        if not tenant.subscriptions:
            return _NO_DELIVERIES
        return [
            delivery
            for event in events
            for subscription in tenant.subscriptions.values()
            if subscription.wants(event.name)
            for delivery in self._with_faults(tenant, event, subscription)
        ]

    def _with_faults(self, tenant: Tenant, event: DomainEvent, subscription: Subscription) -> list[Delivery]:
        plan = tenant.faults.hit("event", event.name) if tenant.faults else None
        if plan is None:
            return planned(tenant, event, subscription, {})
        return planned(tenant, event, subscription, plan.do, fault_id=plan.id)

    def take_back(self, tenant: Tenant, events: Iterable[DomainEvent], deliveries: Iterable[Delivery]) -> None:
        """These are not committed: their faults have not acted."""
        names = {event.id: event.name for event in events}
        hits = {(delivery.event_id, delivery.subscription_id): delivery.fault_id for delivery in deliveries}
        for (event_id, _), plan_id in hits.items():
            tenant.faults.take_back("event", names[event_id], plan_id)

    def sent(self, tenant: Tenant, deliveries: Sequence[Delivery]) -> None:
        """These deliveries are committed: bring them on their way."""
        if deliveries:
            self.deliverer.notify(tenant, dict.fromkeys(delivery.url for delivery in deliveries))

    async def trigger(
        self, tenant: Tenant, event: DomainEvent, do: Mapping[str, Any] | None, *, url: str | None = None
    ) -> DomainEvent:
        """Send an event that no change caused, with a fault's action or those of the plans that hit.

        With `url` it goes there alone, and no plan hits. Returns it with the ID that it has in the end.
        """
        if url is not None:
            once = Subscription(tenant.chance.new_id("subscription"), event.name, url)
            deliveries: Sequence[Delivery] = planned(tenant, event, once, do or {})
        elif do is None:
            plan = partial(self.plan, tenant, [event])
            deliveries = plan() if self._sharing is None else await self._sharing.tenants.change(tenant, plan)
        else:
            wanting = [found for found in tenant.subscriptions.values() if found.wants(event.name)]
            deliveries = [one for found in wanting for one in planned(tenant, event, found, do)]
        while True:
            try:
                await self._outbox.add(tenant.instance_id, [event], deliveries)
                break
            except IdTaken:  # what was on its way during a reset has an ID that the stream gives once more
                draw = tenant.chance.new_id
                event = replace(event, id=draw("event"))
                deliveries = [replace(one, id=draw("delivery"), event_id=event.id) for one in deliveries]
        self.sent(tenant, deliveries)
        return event

    def as_sent(self, tenant: Tenant, event: DomainEvent) -> DomainEvent:
        """An event in the dialect in which it goes out."""
        if not tenant.forms.documented:
            return event
        from wixture.mockserver.webhooks.tokens import in_dialect

        return in_dialect(event, documented=True)

    # ---- time ------------------------------------------------------------------------------------

    async def advance(self, tenant: Tenant, seconds: float) -> None:
        """Move the tenant's time on, running what falls due, in order. Raises ValueError beyond the year 9999.

        Raises Refusal when time stands still on the way: the receivers of an instant keep causing events, or
        another process keeps sending to one.
        """
        if not self._started and self._sharing is None:
            tenant.clock.advance(seconds)
            return
        step = await self.deliverer.advance(tenant, seconds)
        if step.more:
            raise Refusal("MOCK_CONFLICT", f"The clock stands at {to_text(tenant.clock.now())}: {step.why}")

    async def set_clock(self, tenant: Tenant, now: int | None, *, frozen: bool) -> None:
        """Let the tenant's time jump, or without `now` stay, and stop or run there."""
        if self._started or self._sharing is not None:
            await self.deliverer.set_clock(tenant, now, frozen=frozen)
        else:
            tenant.clock.set(tenant.clock.now() if now is None else now, frozen=frozen)

    async def go_on(self, tenants: Tenants) -> None:
        """Bring on their way what an earlier server was to deliver."""
        if self._sharing is not None:
            self._sharing.watch(self._look_at_receivers)
            return
        for instance_id in await self._outbox.waiting():
            await self.deliverer.resume(tenants.get(instance_id))

    async def _look_at_receivers(self, tenant: Tenant) -> None:
        """Drive what nobody may be driving any more."""
        if not tenant.clock.frozen:
            self.deliverer.notify(tenant, await self._outbox.receivers(tenant.instance_id))

    # ---- ends ------------------------------------------------------------------------------------

    def forget(self, tenant: Tenant) -> None:
        """The tenant's outbox was emptied: nothing of it is on its way any more."""
        if self._started:
            self.deliverer.forget(tenant)

    def retire(self) -> None:
        """Begin to stop: nothing more goes out."""
        if self._started:
            self.deliverer.retire()

    async def close(self) -> None:
        """Stop sending."""
        try:
            if self._sharing is not None:
                await self._sharing.stop()
        finally:
            if self._started:
                await self.deliverer.close()

    async def count_pending(self) -> int:
        """How many deliveries stay in the outbox, once something was on its way."""
        return await self._outbox.count_pending() if self._started else 0


def planned(
    tenant: Tenant,
    event: DomainEvent,
    subscription: Subscription,
    do: Mapping[str, Any],
    *,
    fault_id: str | None = None,
) -> list[Delivery]:
    """The deliveries of one event to one subscription, as a fault's action says."""
    now = tenant.clock.now()
    late = round(do.get("delay_s", 0) * 1_000_000)
    if "reorder" in do and not tenant.clock.frozen:
        late = round(REORDER_HOLD_US * tenant.clock.speed)
    return [
        Delivery(
            id=tenant.chance.new_id("delivery"),
            event_id=event.id,
            subscription_id=subscription.id,
            url=subscription.url,
            status="dropped" if "drop" in do else "pending",
            due=now + late,
            rank=1 if "reorder" in do else 0,
            tamper=do.get("tamper"),
            fault_id=fault_id,
        )
        for _ in range(do.get("duplicate", 1))
    ]
