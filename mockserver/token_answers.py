"""The answer of a token endpoint, and what it makes of the tenant: a code is good once, whoever takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wixture.contracts.document import Operation
from wixture.mockserver.messages import Response
from wixture.mockserver.oauth import TokenCall
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.trace import Trace

if TYPE_CHECKING:
    from wixture.mockserver.app import Application


async def token_answer(app: Application, trace: Trace, operation: Operation) -> Response:
    """The answer of a token endpoint, checked against the contract. Raises Refusal MOCK_BUG."""
    call = app.oauth.read(operation.operation_id, trace.request)
    if call.tenant is None and app.tenants.shared:
        await app.tenants.learn()
        call = app.oauth.read(operation.operation_id, trace.request)
    if call.tenant and app.tenants.shared:
        await app.tenants.look(call.tenant)
    if call.tenant and call.tenant.faults:
        injected = await app.injected(trace, call.tenant, operation, named=True)
        if injected is not None:
            return injected
    response = await _granted(app, call)
    if not app.validation.accepts_response(operation, response.status, orjson.loads(response.body)):
        raise Refusal("MOCK_BUG", "The mock's own token answer breaks the contract.")
    about = _tenant_of(app, response)
    if about is not None:
        await app.tenants.announce(about)
        trace.tenant = about
    return response


async def _granted(app: Application, call: TokenCall) -> Response:
    tenants = app.tenants
    if call.tenant is None:
        return app.oauth.answer(call)
    response = await tenants.change(call.tenant, lambda: app.oauth.answer(call))
    if not tenants.shared:
        await tenants.keep(call.tenant)  # a code is good once
    return response


def _tenant_of(app: Application, response: Response) -> Tenant | None:
    """The tenant that an answer is about."""
    answer = orjson.loads(response.body)
    issued = app.tokens.read(answer.get("access_token", ""), "access")
    about = answer.get("instanceId") or (issued.instance_id if issued else None)
    return app.tenants.get(about) if about else None
