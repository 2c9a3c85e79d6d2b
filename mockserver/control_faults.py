"""What the control API's calls about fault plans do, one function each, named as in spec/control.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from wixture.contracts.violations import nearest
from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import Answer, ControlCall
from wixture.mockserver.control_webhooks import not_found
from wixture.mockserver.faults import MOST_PLANS
from wixture.mockserver.refusals import Refusal, invalid_field
from wixture.mockserver.webhooks.events import event_types, short_name


async def list_faults(_: Application, call: ControlCall) -> Answer:
    """The plans."""
    return {"faults": [plan.to_dict() for plan in call.tenant.faults]}


async def create_fault(app: Application, call: ControlCall) -> Answer:
    """One more plan."""
    on = call.body["on"]
    if len(call.tenant.faults) >= MOST_PLANS:
        problem = f"would be one more than the {MOST_PLANS} plans that a tenant may have; delete some first"
        raise invalid_field("on", problem, "fault-limit")
    if on.get("event", "*") != "*" and short_name(on["event"]) is None:
        raise _unknown("event", on["event"], event_types(), "GET /_mock/openapi.yaml has them under webhooks")
    if on.get("operation", "*") not in ("*", *app.contract.operations):
        raise _unknown("operation", on["operation"], app.contract.operations, "wixture routes lists them")
    return call.tenant.faults.add(call.body, short_name=short_name).to_dict()


def _unknown(kind: str, named: str, known: Iterable[str], how: str) -> Refusal:
    closest = nearest(named, list(known))
    return invalid_field(f"on.{kind}", f"is no {kind}; {how}", "fault-target-known", closest=closest)


async def delete_faults(_: Application, call: ControlCall) -> Answer:
    """No plan any more."""
    call.tenant.faults.clear()
    return {}


async def delete_fault(_: Application, call: ControlCall) -> Answer:
    """One plan less."""
    if not call.tenant.faults.remove(call.path["faultId"]):
        raise not_found("fault plan", call.path["faultId"])
    return {}


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {
    "listFaults": list_faults,
    "createFault": create_fault,
    "deleteFaults": delete_faults,
    "deleteFault": delete_fault,
}
