"""What a run would call, told without calling anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wixture.contracts.conformance.runner import obstacle
from wixture.contracts.conformance.scenarios import Scenario
from wixture.contracts.targets.target import Target


def plan(target: Target, chosen: Iterable[Scenario]) -> Iterator[str]:
    """A line for each scenario, and one for each of its calls where it would be made."""
    yield f"plan for {target.address.url}; nothing was called"
    total = 0
    for scenario in chosen:
        reason = obstacle(target, scenario)
        if reason:
            yield f"– {reason}"
            continue
        yield f"✓ {scenario.name} ({scenario.side_effects}): {scenario.tells}"
        for call in scenario.calls:
            total += 1
            effect = "" if call.operation.side_effects == "none" else f"  {call.operation.side_effects}"
            yield f"    {call.identity:9} {call.operation.operation_id}{effect}"
    yield f"{total:,} calls, and more for pages, reads that lag behind, and the clean-up"
