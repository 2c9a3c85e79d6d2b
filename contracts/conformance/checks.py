"""Every check over a flow: importing this file fills the register."""

from __future__ import annotations

from wixture.contracts.conformance import (
    checks_callers,
    checks_consents,
    checks_reading,
    checks_refusals,
    checks_sites,
    checks_states,
)
from wixture.contracts.conformance.promise import PROMISES

__all__ = (
    "PROMISES",
    "checks_callers",
    "checks_consents",
    "checks_reading",
    "checks_refusals",
    "checks_sites",
    "checks_states",
)
