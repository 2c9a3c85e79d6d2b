"""One pure module per Wix API: what a call does to the entities it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from wixture.mockserver.rules import followed_channels, marketing_consent
from wixture.mockserver.rules.world import Rule

_MODULES = (marketing_consent, followed_channels)


def all_rules(operation_ids: Iterable[str]) -> Mapping[str, Rule]:
    """The rule of each operation. Raises LookupError unless operations and rules match one to one."""
    rules = {name: rule for module in _MODULES for name, rule in module.OPERATIONS.items()}
    wanted = set(operation_ids)
    for name in sorted(wanted ^ set(rules)):
        kind, others = (
            ("no rule", rules) if name in wanted else ("a rule, but no operation in the contract", wanted)
        )
        near = get_close_matches(name, others, n=1)
        closest = f" The closest name is {near[0]}." if near else ""
        raise LookupError(f"{name} has {kind}.{closest} See mockserver/rules/ and spec/openapi.yaml.")
    return rules
