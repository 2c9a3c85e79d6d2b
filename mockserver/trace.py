"""What is found out about one request on its way through the application."""

from __future__ import annotations

from dataclasses import dataclass

from wixture.contracts.document import Operation
from wixture.contracts.violations import Violation
from wixture.mockserver.faults import Plan
from wixture.mockserver.forms import STRICT, Forms
from wixture.mockserver.messages import Caller, Request
from wixture.mockserver.tenant import Tenant


@dataclass(slots=True)
class Trace:
    """What is found out about one request on its way, for the journal and for refusals."""

    request: Request
    operation: Operation | None = None
    caller: Caller | None = None
    tenant: Tenant | None = None
    violations: tuple[Violation, ...] = ()
    forms: Forms = STRICT
    rows: tuple[str, ...] = ()
    plan: Plan | None = None
    failure: Exception | None = None
