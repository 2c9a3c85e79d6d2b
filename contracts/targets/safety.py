"""What a run may do to a target: reading always, writing where it is allowed, the rest only by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wixture.contracts.document import Contract, Operation


class NotPermitted(Exception):
    """A call was not sent, since the run may not make it. The text says what would permit it."""


@dataclass(frozen=True, slots=True)
class Permits:
    """What was allowed: writes that a clean-up undoes, and, one by one, operations that nothing undoes."""

    allow_writes: bool = False
    irreversible: frozenset[str] = field(default_factory=frozenset)

    def refusal(self, operation: Operation) -> str | None:
        """Why an operation may not be called; None when it may. One that declares no side effect may not."""
        if operation.side_effects == "none":
            return None
        if operation.side_effects == "reversible":
            return None if self.allow_writes else "it writes: --allow-writes permits it"
        if operation.operation_id in self.irreversible:
            return None
        return f"nothing can undo it: --allow-irreversible {operation.operation_id} permits it"


def irreversible_named(contract: Contract, names: Iterable[str]) -> frozenset[str]:
    """Names of --allow-irreversible, checked. Raises ValueError for one that is no such operation."""
    known = {found.operation_id for found in contract.operations.values() if found.side_effects == "irreversible"}
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no irreversible operation; these are: {', '.join(sorted(known))}.")
    return frozenset(names)
