"""The values of deliveries: a receiver while something is on its way there, and what a step came to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from wixture.mockserver.tenant import Tenant


@dataclass(eq=False)
class Lane:
    """One receiver of one tenant while something is on its way there. `wake` is set when it has to look anew."""

    tenant: Tenant
    url: str
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    failed_last: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a flush or an advance came to; with `more` it ended early, for its receivers kept causing events.

    With `held` it was because another process went on sending to one of them.
    """

    attempts: int
    more: bool
    held: bool = False

    @property
    def why(self) -> str:
        """What kept it from its end, and what to do next."""
        if self.held:
            return "another process is sending to a receiver. Try again once it is done."
        why = "a receiver causes an event by each that it gets, without end"
        return f"{why}. Mend that, or drop what is on its way with POST /_mock/reset."
