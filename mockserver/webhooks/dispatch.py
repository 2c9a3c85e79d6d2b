"""From a committed change to what is on its way: events, who wants them, and what faults do to them."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from wixture.mockserver.access import is_loopback
from wixture.mockserver.domain_events import Delivery, DomainEvent, Subscription
from wixture.mockserver.instants import to_text
from wixture.mockserver.messages import Caller, Change
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.outbox import Outbox
from wixture.mockserver.tenants import Tenant
from wixture.mockserver.webhooks.events import events_of

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

    def __init__(self, settings: Settings, outbox: Outbox, *, posts: Posts | None = None) -> None:
        """`posts` sends in place of real HTTP."""
        self._settings = settings
        self._outbox = outbox
        self._posts = posts
        self._making = threading.Lock()
        self._keyring: Keyring | None = None
        self._started = False

    @property
    def keyring(self) -> Keyring:
        """The keys that sign, the same for every thread. Raises BadKey for a file that holds none."""
        from wixture.mockserver.webhooks.signing import Keyring, read_key  # loads the cryptography: late

        with self._making:
            if self._keyring is None:
                given = self._settings.signing_key
                self._keyring = Keyring(read_key(given) if given else None)
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
        return Deliverer(self._outbox, self.tokens, self._posts or Poster(self.policy))

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
    ) -> None:
        """Send an event that no change caused, with a fault's action or those of the plans that hit.

        With `url` it goes there alone, and no plan hits.
        """
        if url is not None:
            once = Subscription(tenant.chance.new_id("subscription"), event.name, url)
            deliveries: Sequence[Delivery] = planned(tenant, event, once, do or {})
        elif do is None:
            deliveries = self.plan(tenant, [event])
        else:
            wanting = [found for found in tenant.subscriptions.values() if found.wants(event.name)]
            deliveries = [one for found in wanting for one in planned(tenant, event, found, do)]
        await self._outbox.add(tenant.instance_id, [event], deliveries)
        self.sent(tenant, deliveries)

    def as_sent(self, tenant: Tenant, event: DomainEvent) -> DomainEvent:
        """An event in the dialect in which it goes out."""
        if not tenant.forms.documented:
            return event
        from wixture.mockserver.webhooks.tokens import in_dialect

        return in_dialect(event, documented=True)

    # ---- time ------------------------------------------------------------------------------------

    async def advance(self, tenant: Tenant, seconds: float) -> None:
        """Move the tenant's time on, running what falls due, in order. Raises ValueError beyond the year 9999.

        Raises Refusal when time stands still on the way, as the receivers of an instant keep causing events.
        """
        if not self._started:
            tenant.clock.advance(seconds)
        elif (await self.deliverer.advance(tenant, seconds)).more:
            stands = f"The clock stands at {to_text(tenant.clock.now())}"
            why = "a receiver causes an event by each that it gets, without end"
            how = "Mend that, or drop what is on its way with POST /_mock/reset."
            raise Refusal("MOCK_CONFLICT", f"{stands}: {why}. {how}")

    async def set_clock(self, tenant: Tenant, now: int | None, *, frozen: bool) -> None:
        """Let the tenant's time jump, or without `now` stay, and stop or run there."""
        if self._started:
            await self.deliverer.set_clock(tenant, now, frozen=frozen)
        else:
            tenant.clock.set(tenant.clock.now() if now is None else now, frozen=frozen)

    # ---- ends ------------------------------------------------------------------------------------

    def forget(self, tenant: Tenant) -> None:
        """The tenant's outbox was emptied: nothing of it is on its way any more."""
        if self._started:
            self.deliverer.forget(tenant)

    def retire(self) -> None:
        """Begin to stop: nothing more goes out."""
        if self._started:
            self.deliverer.retire()

    async def close(self) -> int:
        """Stop sending; how many deliveries stay in the outbox."""
        if not self._started:
            return 0
        await self.deliverer.close()
        return await self._outbox.count_pending()


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
