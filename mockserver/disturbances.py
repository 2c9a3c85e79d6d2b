"""What a fault plan does to an answer: it stands in its place, or spoils it on its way.

`status` and `rate_limit` stand in its place: the request is not even validated, nothing is decided and nothing is
stored, as if it had never come through. All others spoil the answer of a request that was served: what it changed
is committed and told to subscribers, and the caller alone may not learn of it. That is what a client that sends
again has to survive.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wixture.mockserver.faults import Plan
from wixture.mockserver.messages import Disturbance, Response
from wixture.mockserver.rate_limit import exhausted
from wixture.mockserver.refusals import Refusal, to_response

HEADER = "X-Wixture-Fault"
_TOO_MANY_REQUESTS = 429
_GARBAGE_BYTES = 63


def instead(plan: Plan) -> Response | None:
    """The answer in the place of ours; None for a plan that lets the request be served."""
    status = _TOO_MANY_REQUESTS if "rate_limit" in plan.do else plan.do.get("status")
    if status is None:
        return None
    if status == _TOO_MANY_REQUESTS:
        return to_response(exhausted(seconds=1))
    text = f"A fault plan answers {status} here. DELETE /_mock/faults/{plan.id} removes it."
    return to_response(Refusal("MOCK_FAULT", text, status=status, data={"faultId": plan.id}))


def disturbed(response: Response, plan: Plan) -> Response:
    """The answer as the plan has it leave, under the plan's ID."""
    body = response.body
    if "empty" in plan.do:
        body = b""
    elif "garbage" in plan.do:
        # No JSON begins with a closing brace, whatever follows.
        body = b"}" + plan.chance.bytes("garbage", _GARBAGE_BYTES)
    headers = {**response.headers, HEADER: plan.id}
    return replace(response, body=body, headers=headers, disturbance=_disturbance(plan.do))


def _disturbance(do: Any) -> Disturbance | None:
    if not do.keys() & {"reset", "latency_ms", "truncate", "slow_bytes_per_s"}:
        return None
    return Disturbance(
        reset="reset" in do,
        latency_ms=do.get("latency_ms", 0),
        share=do.get("truncate"),
        bytes_per_s=do.get("slow_bytes_per_s"),
    )
