"""The control API below /_mock: matches, guards and validates a call, then hands it on (`control_calls.py`)."""

from __future__ import annotations

from typing import Any

import orjson

from wixture.contracts.document import Operation
from wixture.contracts.routes import Routes
from wixture.contracts.validation import ABSENT, own_contract
from wixture.mockserver import control_calls, control_coverage, control_faults, control_journal, control_webhooks
from wixture.mockserver.access import Access
from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import ControlCall
from wixture.mockserver.json_body import read_json
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.querystring import parse_query
from wixture.mockserver.refusals import Refusal, invalid, no_match, to_response

PREFIX = "/_mock"
LARGE_BODIES = (("POST", "/_mock/seed"), ("PUT", "/_mock/state"))
LARGE_BODY_LIMIT = 64 * 1024 * 1024
PARTS = (control_calls, control_journal, control_coverage, control_faults, control_webhooks)
_CALLS = {name: answer for part in PARTS for name, answer in part.CALLS.items()}
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
            raise invalid(self._validation.request_violations(operation, match.path_parameters, query, body))
        instance = query.get("instance", self._app.settings.instance_id).lower()
        everybody = instance == "*"
        tenant = self._app.tenants.get(self._app.settings.instance_id if everybody else instance)
        call = ControlCall(tenant, everybody, query, body, match.path_parameters)
        answer = await _CALLS[operation.operation_id](self._app, call)
        return answer if isinstance(answer, Response) else Response(200, orjson.dumps(answer))


def _body(operation: Operation, request: Request) -> Any:
    """The parsed body, or ABSENT. One that is sent must be JSON even where none is read; no plain form is."""
    if not request.body:
        return ABSENT
    body = read_json(request)
    return ABSENT if operation.body is None else body
