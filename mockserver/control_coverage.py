"""What the control API's call about coverage does, named as in spec/control.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import Answer, ControlCall


async def get_coverage(app: Application, call: ControlCall) -> Answer:
    """What was met, and what never was."""
    from wixture.mockserver.coverage import coverage_of  # nobody else needs it, nor what it loads

    if call.query.get("unattributed") == "true":
        return await coverage_of(app, (), unattributed=True)
    if call.everybody:
        return await coverage_of(app, app.tenants.all(), unattributed=True)
    return await coverage_of(app, [call.tenant])


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {"getCoverage": get_coverage}
