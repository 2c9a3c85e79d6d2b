"""The life of a request, read from `Application.handle` on. Nothing here does I/O of its own but the store."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from wixture.contracts.document import Match, Operation
from wixture.contracts.routes import Routes
from wixture.contracts.validation import own_contract
from wixture.contracts.violations import Violation
from wixture.mockserver import cors
from wixture.mockserver.answers import Answers
from wixture.mockserver.auth import Auth, authorize
from wixture.mockserver.calls import Calls
from wixture.mockserver.disturbances import disturbed, instead
from wixture.mockserver.faults import Plan
from wixture.mockserver.forms import (
    STRICT,
    Forms,
    find_operation,
    forms_of,
    keep_stored,
    read_request,
)
from wixture.mockserver.instants import to_text
from wixture.mockserver.keys import make_keys
from wixture.mockserver.links import Links, claims_for
from wixture.mockserver.messages import REQUEST_ID, Call, Caller, Change, Entity, Request, Response
from wixture.mockserver.oauth import OAuth
from wixture.mockserver.refusals import Refusal, add_closest, breaches, log_failure, no_match, to_response
from wixture.mockserver.rules import all_rules
from wixture.mockserver.rules.world import World
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.sqlite import SqliteStore
from wixture.mockserver.store.store import MOST_RACES, Conflict, IdTaken, Store
from wixture.mockserver.tenants import Tenant, Tenants
from wixture.mockserver.tokens import Tokens
from wixture.mockserver.webhooks.dispatch import Dispatch

log = logging.getLogger("wixture.app")

API_TAGS = ("Marketing Consent", "Loyalty Social Media")


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


class Application:
    """The mock without a socket: give it a Request, get its Response."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Store | None = None,
        seed: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.launch_seed = seed or {}
        self.validation = own_contract("openapi")
        self.contract = self.validation.contract
        self.routes = Routes(self.contract.operations.values())
        self.calls = Calls(self.validation, self.routes)
        self.rules = all_rules(operation.operation_id for operation in self.contract.tagged(*API_TAGS))
        self.store: Store = store or SqliteStore(lag_ms=self.settings.consistency_ms)
        self.answers = Answers(self.validation, recheck=self.settings.recheck)
        self.keys = make_keys(self.settings.random_seed)
        self.tenants = Tenants(self.settings, self.keys)
        self.tokens = Tokens(self.keys.token)
        self.auth = Auth(self.settings, self.tenants, self.tokens)
        self.oauth = OAuth(self.settings, self.tenants, self.tokens, self.auth)
        self.dispatch = Dispatch(self.settings, self.store.outbox)
        self.public_url = self.settings.public_url
        self.links = Links(self.keys.link, lambda: self.public_url)
        self.breached = 0  # exchanges so far that broke the contract
        self.failures: deque[tuple[str, Exception]] = deque(maxlen=16)
        """The newest failures of our own, each with its request's ID."""

    # ---- the pipeline ----------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        """The answer to a request. Never raises."""
        started = time.perf_counter_ns()
        trace = Trace(request)
        try:
            response = await self._answer(trace)
        except Refusal as refusal:
            response = self._refused(trace, refusal)
        except Exception as failure:
            trace.failure = failure
            response = _bug("The mock failed; its log says where, under this answer's X-Wix-Request-Id.")
        if trace.plan is not None:
            response = disturbed(response, trace.plan)
        return self._record(trace, response, (time.perf_counter_ns() - started) // 1000)

    async def _answer(self, trace: Trace) -> Response:
        if cors.is_preflight(trace.request):
            return cors.preflight()
        trace.forms = forms_of(trace.request, self._usual_forms(trace.request))
        match = self._match(trace)
        if match.operation.operation_id not in self.rules:
            return self._token_answer(trace, match.operation)
        tenant = self._identify(trace, match.operation)
        if tenant.faults and (injected := self._injected(trace, tenant, match.operation)):
            return injected
        if tenant.rate_limit is not None:
            tenant.rate_limit.count(tenant.clock.now())
        call = self._validated(trace, match)
        return await self._decide(trace, call)

    def _injected(
        self, trace: Trace, tenant: Tenant, operation: Operation, *, named: bool = False
    ) -> Response | None:
        """The answer that a fault plan puts in the place of ours, if one that hits does that."""
        trace.tenant = tenant
        trace.plan = tenant.faults.hit("operation", operation.operation_id, named=named)
        return instead(trace.plan) if trace.plan else None

    def _token_answer(self, trace: Trace, operation: Operation) -> Response:
        call = self.oauth.read(operation.operation_id, trace.request)
        if call.tenant and call.tenant.faults:
            injected = self._injected(trace, call.tenant, operation, named=True)
            if injected is not None:
                return injected
        response = self.oauth.answer(call)
        if not self.validation.accepts_response(operation, response.status, orjson.loads(response.body)):
            raise Refusal("MOCK_BUG", "The mock's own token answer breaks the contract.")
        answer = orjson.loads(response.body)
        issued = self.tokens.read(answer.get("access_token", ""), "access")
        about = answer.get("instanceId") or (issued.instance_id if issued else None)
        trace.tenant = self.tenants.get(about) if about else trace.tenant
        return response

    def _usual_forms(self, request: Request) -> Forms:
        """The forms of the request's tenant, as far as its credential names one; else the server's."""
        if not self.tenants.choosy:
            return self.tenants.forms
        named = self.auth.tenant_named_by(request)
        return self.tenants.get(named).forms if named in self.tenants.choosy else self.tenants.forms

    def _match(self, trace: Trace) -> Match:
        request = trace.request
        match, trace.rows = find_operation(request, self.routes, trace.forms)
        if match is None:
            why = self.routes.explain(request.method, request.path)
            raise no_match(request, why, "operation", "List them all with: wixture routes.")
        trace.operation = match.operation
        return match

    def _identify(self, trace: Trace, operation: Operation) -> Tenant:
        caller = trace.caller = self.auth.identify(trace.request)
        trace.tenant = tenant = self.tenants.get(caller.instance_id)
        authorize(operation, caller)
        return tenant

    def _validated(self, trace: Trace, match: Match) -> Call:
        sent = read_request(trace.request, match.operation, trace.forms)
        trace.rows = (*trace.rows, *sent.rows)
        assert trace.caller is not None  # noqa: S101  # _identify ran
        return self.calls.make(match, trace.request, sent, trace.caller, lenient=trace.forms.lenient)

    async def _decide(self, trace: Trace, call: Call) -> Response:
        """Find, decide, check the answer, commit; once more from the start when somebody else was faster."""
        tenant, operation, rule = trace.tenant, trace.operation, self.rules[call.operation_id]
        assert tenant is not None  # noqa: S101  # _identify ran
        assert operation is not None  # noqa: S101  # _match ran
        now = tenant.clock.now()
        world = self.world(tenant, now)
        lost = 0
        while lost < MOST_RACES:
            found = await self.store.find(tenant.instance_id, rule.find(call, world), now=now)
            keep_stored(call.kept, found)
            decision = rule.decide(call, found, world)
            body = self.answers.encode(operation, decision.answer)
            if trace.forms.documented:
                body = self.answers.documented(operation, body)
            if not decision.changes:
                return Response(200, body)
            try:
                await self.commit(tenant, decision.changes, call.caller, origin=call.operation_id, now=now)
            except IdTaken:
                continue  # a restored snapshot can hold IDs that the stream gives once more: draw the next one
            except Conflict:
                lost += 1
            else:
                return Response(200, body)
        raise Refusal("MOCK_CONFLICT", "Others kept changing this entity; try again.")

    async def commit(
        self,
        tenant: Tenant,
        changes: Sequence[Change],
        caller: Caller,
        *,
        origin: str,
        now: int,
        anonymized: bool = False,
    ) -> None:
        """Write changes, and exactly one event for each. Raises Conflict, and then nothing is written or told."""
        events = self.dispatch.events(tenant, changes, caller, origin=origin, now=now, anonymized=anonymized)
        deliveries = self.dispatch.plan(tenant, events)
        try:
            await self.store.commit(tenant.instance_id, changes, now=now, events=events, deliveries=deliveries)
        except BaseException:
            self.dispatch.take_back(tenant, events, deliveries)
            raise
        self.dispatch.sent(tenant, deliveries)

    def own_caller(self, tenant: Tenant) -> Caller:
        """The app, as the caller of what nobody calls."""
        return Caller("APP", tenant.instance_id, self.settings.app_id)

    # ---- around it -------------------------------------------------------------------------------

    def world(self, tenant: Tenant, now: int) -> World:
        """What a rule may know of a tenant and its time, in microseconds since 1970."""

        def link(kind: str, consent: Entity, language: str | None) -> str:
            claims = claims_for(tenant.instance_id, kind, consent, language)
            return self.links.make(claims, now=now, draw=lambda size: tenant.secrets.bytes("link", size))

        return World(
            now=to_text(now),
            new_id=tenant.chance.new_id,
            link=link,
            cursors=tenant.cursors,
            channels=tenant.channels,
            loyalty_installed=tenant.loyalty_installed,
        )

    def _refused(self, trace: Trace, refusal: Refusal) -> Response:
        trace.violations = tuple(refusal.violations) or breaches(refusal, trace.operation)
        trace.failure = refusal if refusal.code == "MOCK_BUG" else None
        if trace.tenant is None:
            named = self.auth.tenant_named_by(trace.request)
            trace.tenant = self.tenants.get(named) if named else None
        if refusal.code == "NOT_FOUND":
            add_closest(refusal, self.routes.meant(trace.request.method, trace.request.path))
        response = to_response(refusal)
        operation = trace.operation
        if operation and not self.validation.accepts_response(
            operation, response.status, orjson.loads(response.body)
        ):
            log.error("%s answered %d, which its contract does not have", operation.operation_id, response.status)
            trace.failure = refusal
            return _bug(f"The mock refused with {response.status}, which the contract does not have here.")
        return response

    def _record(self, trace: Trace, response: Response, duration_us: int) -> Response:
        tenant = trace.tenant
        request_id = (tenant.chance if tenant else self.tenants.outside).new_id("request")
        headers = {**response.headers, REQUEST_ID: request_id, **cors.headers(trace.request)}
        answered = Response(response.status, response.body, headers, response.content_type, response.disturbance)
        about = (
            request_id,
            (tenant or self.tenants.get(self.settings.instance_id)).clock.now(),
            tenant.instance_id if tenant else None,
            trace.operation.operation_id if trace.operation else None,
            trace.caller.identity if trace.caller else None,
            trace.violations,
            trace.plan.id if trace.plan else None,
            trace.rows,
            duration_us,
        )
        (tenant.journal if tenant else self.tenants.unattributed).note(trace.request, answered, about)
        self.breached += bool(trace.violations)
        if trace.failure is not None:
            log_failure(log, request_id, trace.failure)
            self.failures.append((request_id, trace.failure))
        return answered

    def body_limit(self, method: str, path: str) -> int:
        """How long a body may be, in bytes."""
        match = self.routes.find(method, path)
        return match.operation.body_limit if match else 1024 * 1024


def _bug(text: str) -> Response:
    return to_response(Refusal("MOCK_BUG", text))
