"""One tenant: a site as the server knows it, beside its entities."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from wixture.mockserver.clock import Chance, Clock
from wixture.mockserver.cursors import SiteCursors
from wixture.mockserver.domain_events import Subscription
from wixture.mockserver.faults import FaultPlans
from wixture.mockserver.forms import Forms
from wixture.mockserver.journal import Journal
from wixture.mockserver.login_codes import Code
from wixture.mockserver.rate_limit import RateLimit


@dataclass(slots=True, eq=False)
class Tenant:
    """What the server keeps for one site beside its entities.

    `born` is the generation of the server that last reset it: its streams count from there. `saved` is its record
    as the store has it, None for one that the store does not know, and `version` that of it where the store is
    shared, -1 before the first look. `life` counts how often it was emptied there, `changing` the calls that are
    changing it in this process; `turn` lets one of them after the other.
    """

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
    codes: dict[str, Code] = field(default_factory=dict)
    born: int = 0
    saved: bytes | None = None
    version: int = -1
    life: int = 0
    changing: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
