"""The control API below /_mock: matches, guards and validates a call, then hands it on (`control_calls.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Any

import orjson

from wixture.contracts.document import Operation
from wixture.contracts.routes import Routes
from wixture.contracts.validation import ABSENT, own_contract
from wixture.contracts.violations import Violation
from wixture.mockserver import (
    control_calls,
    control_coverage,
    control_faults,
    control_health,
    control_journal,
    control_webhooks,
)
from wixture.mockserver.access import Access
from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import SNAPSHOT_VERSION, ControlCall
from wixture.mockserver.json_body import read_json
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.querystring import parse_query
from wixture.mockserver.refusals import Refusal, invalid, no_match, to_response, unavailable
from wixture.mockserver.store.store import MOST_CHANGES, RecordChanged, StorageUnavailable

PREFIX = "/_mock"
LARGE_BODIES = (("POST", "/_mock/seed"), ("PUT", "/_mock/state"))
LARGE_BODY_LIMIT = 64 * 1024 * 1024
PARTS = (control_calls, control_journal, control_coverage, control_faults, control_health, control_webhooks)
_CALLS = {name: answer for part in PARTS for name, answer in part.CALLS.items()}
_OF_JOURNALS = ("listExchanges", "deleteExchanges", "getCoverage", "resetTenant")
_OF_THE_SERVER = ("getHealth", "getMetrics")
"""Calls that say in their own time how the store is: nothing is asked of it around them."""
_ONCE = (
    "seedTenant",
    "anonymize",
    "triggerEvent",
    "resendDelivery",
    "flushDeliveries",
    "advanceClock",
    "rotateKey",
)
"""Calls that are not done again when another process has changed the tenant: they keep changes as they go."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Control:
    """Answers the control API of one application."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._access = Access(app.settings, lambda: app.public_url)
        self._validation = own_contract("control")
        self._routes = Routes(self._validation.contract.operations.values())

    async def handle(self, request: Request) -> Response:
        """The answer to a control call."""
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = to_response(refusal)
        except StorageUnavailable as trouble:
            answer = unavailable(trouble)
        headers = {
            **_HEADERS,
            **answer.headers,
            "X-Wix-Request-Id": self._app.tenants.outside.new_id("request"),
        }
        return Response(answer.status, answer.body, headers, answer.content_type)

    async def _answer(self, request: Request) -> Response:
        match = self._routes.find(request.method, request.path)
        self._access.check(request, open_to_all=match is not None and not match.operation.security)
        if match is None:
            why = self._routes.explain(request.method, request.path)
            raise no_match(request, why, "control call", "GET /_mock/control.yaml lists them.")
        operation = match.operation
        query, body = parse_query(request.query_string), _body(operation, request)
        if not self._validation.accepts_request(operation, match.path_parameters, query, body):
            violations = self._validation.request_violations(operation, match.path_parameters, query, body)
            raise _newer_snapshot(operation, violations, body) or invalid(violations)
        instance = query.get("instance", self._app.settings.instance_id).lower()
        everybody = instance == "*"
        tenant = self._app.tenants.get(self._app.settings.instance_id if everybody else instance)
        call = ControlCall(tenant, everybody, query, body, match.path_parameters)
        done = self._done_without_tenant if operation.operation_id in _OF_THE_SERVER else self._done
        answer = await done(operation, call)
        return answer if isinstance(answer, Response) else Response(200, orjson.dumps(answer))

    async def _done_without_tenant(self, operation: Operation, call: ControlCall) -> control_calls.Answer:
        """The answer of a call that asks the store for nothing but what it says itself."""
        answer: control_calls.Answer = await _CALLS[operation.operation_id](self._app, call)
        return answer

    async def _done(self, operation: Operation, call: ControlCall) -> control_calls.Answer:
        """The answer of a call whose change is kept. Raises StorageUnavailable; the change is undone then."""
        if operation.operation_id in _OF_JOURNALS:
            await self._app.journals.gather()
        for lost in range(MOST_CHANGES):
            if lost:
                await asyncio.sleep(lost / 1000)
            await self._look(call)
            call.tenant.changing += 1
            try:
                return await self._done_once(operation, call)
            except RecordChanged:
                await self._app.tenants.look(call.tenant, again=True)
            finally:
                call.tenant.changing -= 1
        raise Refusal("MOCK_CONFLICT", "Others kept changing this tenant; try again.")

    async def _look(self, call: ControlCall) -> None:
        """See what other processes did."""
        tenants = self._app.tenants
        if tenants.shared:
            with suppress(StorageUnavailable):  # what can be told without is told
                if call.everybody:
                    await tenants.learn()
                for tenant in tenants.all() if call.everybody else [call.tenant]:
                    await tenants.look(tenant)

    async def _done_once(self, operation: Operation, call: ControlCall) -> control_calls.Answer:
        """The same. Raises RecordChanged where another process has changed the tenant, and nothing is done."""
        tenants, changes = self._app.tenants, operation.method != "GET"
        try:
            answer: control_calls.Answer = await _CALLS[operation.operation_id](self._app, call)
        except StorageUnavailable:
            if changes:
                tenants.put_back(call.tenant)
            raise
        with nullcontext() if changes else suppress(StorageUnavailable):  # reads go on
            try:
                await tenants.keep(call.tenant)
            except RecordChanged:
                if changes and operation.operation_id not in _ONCE:
                    raise
        return answer


def _newer_snapshot(operation: Operation, violations: Sequence[Violation], body: Any) -> Refusal | None:
    """The refusal of a snapshot in a form that only later servers know: what else it holds is no mistake."""
    version = body.get("version") if isinstance(body, dict) else None
    if operation.operation_id != "putState" or not isinstance(version, int) or version <= SNAPSHOT_VERSION:
        return None
    hint = "A newer Wixture took this snapshot: put it back with that one. Nothing was changed"
    return invalid([found for found in violations if found.field == "version"], hint=hint)


def _body(operation: Operation, request: Request) -> Any:
    """The parsed body, or ABSENT. One that is sent must be JSON even where none is read; no plain form is."""
    if not request.body:
        return ABSENT
    body = read_json(request)
    return ABSENT if operation.body is None else body
