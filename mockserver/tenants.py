"""Tenants: one site's clock, chance, switches and journal. Any GUID is one from its first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import TypeVar

from wixture.mockserver.clock import Chance, Clock, derived_id
from wixture.mockserver.cursors import SiteCursors
from wixture.mockserver.domain_events import Delivery, DomainEvent, Subscription
from wixture.mockserver.faults import FaultPlans
from wixture.mockserver.forms import Forms, forms_of_server
from wixture.mockserver.journal import Budget, Journal
from wixture.mockserver.messages import Change
from wixture.mockserver.rate_limit import RateLimit
from wixture.mockserver.records import EMPTY, record_of, restore
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sites import Launch
from wixture.mockserver.store.store import MOST_CHANGES, RecordChanged, StorageUnavailable, Store
from wixture.mockserver.tenant import Tenant

T = TypeVar("T")
_AT_ONCE = nullcontext()


class Tenants:
    """All tenants of a server, made when first asked for, or found as the store has kept them."""

    def __init__(self, settings: Settings, launch: Launch, store: Store) -> None:
        self._settings = settings
        self._launch = launch
        self._store = store
        self.survive = store.survives
        """Whether the store keeps what tenants are."""
        self.shared = store.shared
        """Whether other processes may change them."""
        self.on_emptied: Callable[[Tenant], None] = lambda _: None
        """What is called when another process has emptied one."""
        self.random_seed = launch.random_seed if settings.random_seed is None else settings.random_seed
        self._by_id: dict[str, Tenant] = {}
        self._kept = dict(launch.records)
        self._by_client = {self._client_id(instance_id): instance_id for instance_id in self._kept}
        self._budget = Budget()
        self.forms = forms_of_server(settings)
        self.choosy: set[str] = set()
        """The tenants with forms of their own."""
        self.unattributed = Journal(settings.journal_size, self._budget)
        self.outside = Chance(self.random_seed, "no tenant", launch.generation)
        self.get(settings.instance_id)
        for instance_id, record in launch.records.items():
            if b'"forms"' in record:  # its requests are read by them before anything else is known
                self.get(instance_id)

    def get(self, instance_id: str) -> Tenant:
        """The tenant of an instance ID."""
        tenant = self._by_id.get(instance_id)
        if tenant is None:
            tenant = self._by_id[instance_id] = self._make(instance_id)
            self._by_client[tenant.client_id] = instance_id
            kept = self._kept.pop(instance_id, None)
            if kept is not None:
                tenant.saved = kept
                self.put_back(tenant)
                for stream in (tenant.chance, tenant.secrets):
                    stream.reset(self._launch.generation - tenant.born)
        return tenant

    def __len__(self) -> int:
        """How many tenants are known, in use or not."""
        return len(self._by_id) + len(self._kept)

    def known(self, instance_id: str) -> Tenant | None:
        """The tenant of an instance ID, if it was used before."""
        return self.get(instance_id) if instance_id in self._by_id or instance_id in self._kept else None

    def of_client(self, client_id: str) -> Tenant | None:
        """The tenant that an OAuth client ID names; None for an unknown one."""
        instance_id = self._by_client.get(client_id)
        return None if instance_id is None else self.get(instance_id)

    def all(self) -> list[Tenant]:
        """Every tenant used so far."""
        for instance_id in list(self._kept):
            self.get(instance_id)
        return list(self._by_id.values())

    def in_use(self) -> list[Tenant]:
        """Every tenant used since the server was started."""
        return list(self._by_id.values())

    @property
    def journal_bytes(self) -> int:
        """What the journals of all tenants hold in memory."""
        return self._budget.used

    def choose(self, tenant: Tenant, forms: Forms) -> None:
        """Read a tenant's requests and write its answers in these forms from now on."""
        tenant.forms = forms
        (self.choosy.discard if forms == self.forms else self.choosy.add)(tenant.instance_id)

    def forget(self, tenant: Tenant) -> None:
        """Let go of a tenant: its ID names a new one from its next use."""
        self.rewind(tenant)
        tenant.journal.clear()
        del self._by_id[tenant.instance_id], self._by_client[tenant.client_id]

    def _client_id(self, instance_id: str) -> str:
        default = instance_id == self._settings.instance_id
        return self._settings.client_id if default else derived_id("client", instance_id)

    def _make(self, instance_id: str) -> Tenant:
        settings, keys, generation = self._settings, self._launch.keys, self._launch.generation
        chance = Chance(self.random_seed, instance_id, generation)
        tenant = Tenant(
            instance_id=instance_id,
            client_id=self._client_id(instance_id),
            clock=Clock(settings.clock, speed=settings.clock_speed, made=self._launch.made),
            chance=chance,
            faults=FaultPlans(chance),
            forms=self.forms,
            # A stream of its own key: whoever knows the random seed must not foresee what protects a token.
            secrets=Chance(int.from_bytes(keys.link, "big"), instance_id, generation),
            cursors=SiteCursors(keys.cursor, instance_id),
            journal=Journal(settings.journal_size, self._budget),
            channels=frozenset(settings.channels),
            rate_limit=RateLimit() if settings.rate_limit == "wix" else None,
        )
        self._subscribe(tenant)
        return tenant

    def rewind(self, tenant: Tenant) -> None:
        """The tenant's clock, chance and switches as they were at launch. Entities and journal are not touched."""
        tenant.clock.reset()
        tenant.born = self._launch.generation
        tenant.life += self.shared  # nothing is on its way any more, wherever it is sent from
        tenant.chance.reset(0)
        tenant.secrets.reset(0)
        tenant.channels = frozenset(self._settings.channels)
        tenant.loyalty_installed = True
        tenant.codes.clear()
        tenant.faults.clear()
        self.choose(tenant, self.forms)
        if tenant.rate_limit is not None:
            tenant.rate_limit.clear()
        self._subscribe(tenant)

    def _subscribe(self, tenant: Tenant) -> None:
        """The receivers that the server was started with: those of the default tenant."""
        tenant.subscriptions.clear()
        if tenant.instance_id == self._settings.instance_id:
            for event_type, url in self._settings.webhooks:
                subscription = Subscription(derived_id("subscription", event_type, url), event_type, url)
                tenant.subscriptions[subscription.id] = subscription

    # ---- records: what a store keeps of a tenant -------------------------------------------------

    def record(self, tenant: Tenant) -> bytes | None:
        """What a store that survives is to keep of a tenant now; None for one that does not."""
        return record_of(tenant, self._make(tenant.instance_id)) if self.survive else None

    async def keep(self, tenant: Tenant) -> None:
        """Let the store keep the tenant as it is. Raises StorageUnavailable; the tenant is what it was then."""
        record = self.record(tenant)
        gone = self._by_id.get(tenant.instance_id) is not tenant
        known = tenant.version != 0  # by the store, where others have to know of it
        if record is None or gone or (record == tenant.saved and known):
            return
        try:
            version = await self._store.sites.save(tenant.instance_id, record, based_on=self.based_on(tenant))
        except RecordChanged:
            await self.look(tenant, again=True)
            raise
        except StorageUnavailable:
            self.put_back(tenant)
            raise
        self.note_saved(tenant, record, version)

    async def write(
        self,
        tenant: Tenant,
        changes: Sequence[Change],
        now: int,
        events: Sequence[DomainEvent],
        deliveries: Sequence[Delivery],
    ) -> None:
        """Commit changes, with the tenant's record where it may be another one now. Raises Conflict."""
        record = self.record(tenant) if tenant.faults or (self.shared and tenant.changing) else None
        version = await self._store.commit(
            tenant.instance_id,
            changes,
            now=now,
            events=events,
            deliveries=deliveries,
            record=record,
            record_based_on=self.based_on(tenant),
        )
        self.note_saved(tenant, record, version)

    def based_on(self, tenant: Tenant) -> int | None:
        """The version that a record which is saved now must replace; None where nobody else saves any."""
        return tenant.version if self.shared else None

    def note_saved(self, tenant: Tenant, record: bytes | None, version: int | None) -> None:
        """The store has this record now, if there is one."""
        if record is not None and version is not None and (version > tenant.version or not self.shared):
            tenant.saved, tenant.version = record, version

    def put_back(self, tenant: Tenant, record: bytes | None = None) -> None:
        """Make a tenant what a record says, without one what the store has of it. Its streams go on."""
        restore(tenant, self._make(tenant.instance_id), record or tenant.saved or EMPTY)
        self.choose(tenant, tenant.forms)

    # ---- what other processes do to them ---------------------------------------------------------

    async def look(self, tenant: Tenant, *, again: bool = False) -> None:
        """Make a tenant what another process made of it; not while a change here is to be kept, unless `again`."""
        if not self.shared or (tenant.changing and not again and self.record(tenant) != tenant.saved):
            return
        kept = await self._store.sites.newer(tenant.instance_id, tenant.version)
        if kept is None or 0 < kept.version <= tenant.version:  # this process has saved a newer one meanwhile
            return
        known, born, life = tenant.version, tenant.born, tenant.life
        tenant.saved, tenant.version = kept.record, kept.version
        self.put_back(tenant)
        if tenant.born != born:
            for stream in (tenant.chance, tenant.secrets):
                stream.reset(self._launch.generation - tenant.born)
        if known > 0 and (tenant.life != life or kept.version == 0):
            self.on_emptied(tenant)

    async def look_at(self, instance_id: str | None) -> None:
        """The same for the tenant of an instance ID, if there is one."""
        if instance_id is not None:
            await self.look(self.get(instance_id))

    def in_turn(self, tenant: Tenant) -> AbstractAsyncContextManager[object]:
        """While no other request of this process changes what others may, too: it would only lose the race."""
        return tenant.turn if self.shared and tenant.faults else _AT_ONCE

    async def change(self, tenant: Tenant, do: Callable[[], T]) -> T:
        """What `do` returns, which changes the tenant as it is in the store now; kept before this returns.

        Raises Refusal when other processes were faster again and again.
        """
        if not self.shared:
            return do()
        for _ in range(MOST_CHANGES):
            async with tenant.turn:
                await self.look(tenant)
                done = do()
                try:
                    await self.keep(tenant)
                except RecordChanged:
                    continue
                return done
        raise Refusal("MOCK_CONFLICT", "Others kept changing this tenant; try again.")

    async def learn(self) -> None:
        """Know of the tenants that other processes have made."""
        if self.shared:
            for instance_id in await self._store.sites.tenants():
                if instance_id not in self._by_id and instance_id not in self._kept:
                    self._kept[instance_id] = EMPTY
                    self._by_client[self._client_id(instance_id)] = instance_id

    async def announce(self, tenant: Tenant) -> None:
        """Let other processes know of a tenant that was made here."""
        if self.shared:
            await self.change(tenant, lambda: None)

    @contextmanager
    def unless_refused(self, tenant: Tenant) -> Iterator[None]:
        """What is done to a tenant's clock and switches within is undone when it raises."""
        before = record_of(tenant, self._make(tenant.instance_id))
        try:
            yield
        except BaseException:
            self.put_back(tenant, before)
            raise
