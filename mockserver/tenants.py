"""Tenants: one site's clock, chance, switches and journal. Any GUID is one from its first use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wixture.mockserver.clock import Chance, Clock, derived_id, new_random_seed
from wixture.mockserver.cursors import SiteCursors
from wixture.mockserver.domain_events import Subscription
from wixture.mockserver.faults import FaultPlans
from wixture.mockserver.forms import Forms, forms_of_server
from wixture.mockserver.journal import Budget, Journal
from wixture.mockserver.keys import Keys
from wixture.mockserver.rate_limit import RateLimit
from wixture.mockserver.settings import Settings


@dataclass(slots=True, eq=False)
class Tenant:
    """What the server keeps for one site beside its entities."""

    instance_id: str
    client_id: str
    clock: Clock
    chance: Chance
    secrets: Chance
    cursors: SiteCursors
    journal: Journal
    channels: frozenset[str]
    faults: FaultPlans
    forms: Forms
    rate_limit: RateLimit | None = None
    loyalty_installed: bool = True
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    codes: dict[str, Any] = field(default_factory=dict)


class Tenants:
    """All tenants of a server, made when first asked for."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self.random_seed = new_random_seed() if settings.random_seed is None else settings.random_seed
        self._by_id: dict[str, Tenant] = {}
        self._by_client: dict[str, Tenant] = {}
        self._budget = Budget()
        self.forms = forms_of_server(settings)
        self.choosy: set[str] = set()
        """The tenants with forms of their own."""
        self.unattributed = Journal(settings.journal_size, self._budget)
        self.outside = Chance(self.random_seed, "no tenant")
        self.get(settings.instance_id)

    def get(self, instance_id: str) -> Tenant:
        """The tenant of an instance ID."""
        tenant = self._by_id.get(instance_id)
        if tenant is None:
            tenant = self._make(instance_id)
            self._by_id[instance_id] = self._by_client[tenant.client_id] = tenant
        return tenant

    def known(self, instance_id: str) -> Tenant | None:
        """The tenant of an instance ID, if it was used before."""
        return self._by_id.get(instance_id)

    def of_client(self, client_id: str) -> Tenant | None:
        """The tenant that an OAuth client ID names; None for an unknown one."""
        return self._by_client.get(client_id)

    def all(self) -> list[Tenant]:
        """Every tenant used so far."""
        return list(self._by_id.values())

    def choose(self, tenant: Tenant, forms: Forms) -> None:
        """Read a tenant's requests and write its answers in these forms from now on."""
        tenant.forms = forms
        (self.choosy.discard if forms == self.forms else self.choosy.add)(tenant.instance_id)

    def forget(self, tenant: Tenant) -> None:
        """Let go of a tenant: its ID names a new one from its next use."""
        self.rewind(tenant)
        del self._by_id[tenant.instance_id], self._by_client[tenant.client_id]

    def _make(self, instance_id: str) -> Tenant:
        settings = self._settings
        default = instance_id == settings.instance_id
        chance = Chance(self.random_seed, instance_id)
        tenant = Tenant(
            instance_id=instance_id,
            client_id=settings.client_id if default else derived_id("client", instance_id),
            clock=Clock(settings.clock, speed=settings.clock_speed),
            chance=chance,
            faults=FaultPlans(chance),
            forms=self.forms,
            # A stream of its own key: whoever knows the random seed must not foresee what protects a token.
            secrets=Chance(int.from_bytes(self._keys.link, "big"), instance_id),
            cursors=SiteCursors(self._keys.cursor, instance_id),
            journal=Journal(settings.journal_size, self._budget),
            channels=frozenset(settings.channels),
            rate_limit=RateLimit() if settings.rate_limit == "wix" else None,
        )
        self._subscribe(tenant)
        return tenant

    def rewind(self, tenant: Tenant) -> None:
        """The tenant's clock, chance, switches and journal as they were at launch. Entities are the store's."""
        tenant.clock.reset()
        tenant.chance.reset()
        tenant.secrets.reset()
        tenant.journal.clear()
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
