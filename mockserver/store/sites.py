"""What a store keeps beside entities and their outbox: the server's keys, each tenant's record, the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from wixture.mockserver.keys import Keys

NO_TENANT = ""
"""Where the exchanges are kept that name no tenant."""
MOST_EXCHANGE_BYTES = 64 * 1024 * 1024
"""Bytes of exchanges that a tenant keeps whole; beyond, the oldest lose their bodies."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server starts from, new or kept.

    `generation` counts the starts of one state: every stream of ids has it in its name, so that none gives an ID
    that an earlier start gave. `made` is when the state was made, in microseconds of the wall clock, None where it
    is made just now. `records` are those of every tenant by its instance ID, `signing_keys` PEM, the one that
    signs first.
    """

    keys: Keys = field(repr=False)
    random_seed: int
    generation: int = 0
    made: int | None = None
    is_filled: bool = False
    records: Mapping[str, bytes] = field(default_factory=dict)
    signing_keys: Sequence[bytes] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class KeptExchange:
    """An exchange as it is kept: what is known about it as JSON, and both bodies."""

    about: bytes
    request: bytes
    response: bytes


@dataclass(frozen=True, slots=True)
class KeptExchanges:
    """The exchanges of a tenant, oldest first, and how many had to go."""

    exchanges: Sequence[KeptExchange]
    forgotten: int


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A tenant's record and its version, which no other record of the state ever has: 0 where none was saved."""

    record: bytes
    version: int


class Sites(Protocol):
    """What is kept of tenants, beside entities, and of their server. Everything raises StorageUnavailable."""

    async def save(self, tenant: str, record: bytes, *, based_on: int | None = None) -> int:
        """Keep a tenant's record, JSON, and return its version; the tenant is known from then on.

        Raises RecordChanged where it has another version than `based_on`.
        """
        ...

    async def newer(self, tenant: str, version: int) -> KeptRecord | None:
        """The tenant's record where it has another version; None where it is the one that is known."""
        ...

    async def tenants(self) -> Sequence[str]:
        """The instance IDs of all that is known of."""
        ...

    async def signing_keys(self) -> Sequence[bytes]:
        """The keys that sign webhooks as they are kept now, in PEM, the one that signs first."""
        ...

    async def save_signing_keys(self, keys: Sequence[bytes]) -> None:
        """Keep the keys that sign webhooks, in the place of those before."""
        ...

    async def mark_filled(self) -> None:
        """The seed of the first launch is in the store: no later launch puts it there again."""
        ...

    async def add_exchanges(
        self, tenant: str, exchanges: Sequence[KeptExchange], *, most: int, forgotten: int = 0
    ) -> None:
        """Keep more exchanges; of too many the oldest go. `forgotten` went before they came here."""
        ...

    async def exchanges(self, tenant: str, *, most: int) -> KeptExchanges:
        """The newest exchanges that are kept."""
        ...

    async def clear_exchanges(self, tenant: str) -> None:
        """Forget the exchanges of a tenant."""
        ...
