"""The life of a request, read from `Application.handle` on. Nothing here does I/O of its own but the store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from wixture.contracts.document import Match, Operation
from wixture.contracts.routes import Routes
from wixture.contracts.validation import own_contract
from wixture.mockserver import cors
from wixture.mockserver.answers import Answers
from wixture.mockserver.auth import Auth, authorize
from wixture.mockserver.calls import Calls
from wixture.mockserver.disturbances import disturbed, instead
from wixture.mockserver.forms import find_operation, forms_of, keep_stored, read_request
from wixture.mockserver.instants import to_text
from wixture.mockserver.journals import Journals
from wixture.mockserver.links import Links, claims_for
from wixture.mockserver.messages import (
    REQUEST_ID,
    Call,
    Caller,
    Change,
    Decision,
    Entity,
    Found,
    Request,
    Response,
)
from wixture.mockserver.oauth import OAuth
from wixture.mockserver.opening import Opened, begin
from wixture.mockserver.refusals import (
    Refusal,
    add_closest,
    breaches,
    bug,
    log_failure,
    no_match,
    to_response,
    unavailable,
)
from wixture.mockserver.rules import all_rules
from wixture.mockserver.rules.world import Rule, World
from wixture.mockserver.settings import Settings
from wixture.mockserver.store.store import MOST_RACES, Conflict, IdTaken, StorageUnavailable, Store
from wixture.mockserver.tally import Tally
from wixture.mockserver.tenant import Tenant
from wixture.mockserver.tenants import Tenants
from wixture.mockserver.token_answers import token_answer
from wixture.mockserver.tokens import Tokens
from wixture.mockserver.trace import Trace
from wixture.mockserver.webhooks.dispatch import Dispatch

log = logging.getLogger("wixture.app")

API_TAGS = ("Marketing Consent", "Loyalty Social Media")


class Application:
    """The mock without a socket: give it a Request, get its Response."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Store | None = None,
        seed: Mapping[str, Any] | None = None,
        opened: Opened | None = None,
    ) -> None:
        """State is `opened`, or a `store` that begins now, or what the settings name: BadState, StateInUse."""
        self.settings = settings or Settings()
        opened = opened or begin(self.settings, store)
        self.launch_seed = seed or {}
        self.validation = own_contract("openapi")
        self.contract = self.validation.contract
        self.routes = Routes(self.contract.operations.values())
        self.calls = Calls(self.validation, self.routes)
        self.rules = all_rules(operation.operation_id for operation in self.contract.tagged(*API_TAGS))
        self.launch, self.keys, self.store = opened.launch, opened.launch.keys, opened.store
        self.answers = Answers(self.validation, recheck=self.settings.recheck)
        self.tenants = Tenants(self.settings, self.launch, self.store)
        self.journals = Journals(self.tenants, self.store, self.settings.journal_size)
        self.tokens = Tokens(self.keys.token)
        self.auth = Auth(self.settings, self.tenants, self.tokens)
        self.oauth = OAuth(self.settings, self.tenants, self.tokens, self.auth)
        self.dispatch = Dispatch(self.settings, self.store.outbox, keys=self.launch.signing_keys)
        self.public_url = self.settings.public_url
        self.links = Links(self.keys.link, lambda: self.public_url)
        self.tally = Tally()

    # ---- the pipeline ----------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        """The answer to a request. Never raises."""
        started = time.perf_counter_ns()
        trace = Trace(request)
        try:
            response = await self._answer(trace)
            if trace.tenant is not None and trace.tenant.faults and not self.tenants.shared:
                await self.tenants.keep(trace.tenant)  # what they have come to
        except Refusal as refusal:
            response = self._refused(trace, refusal)
        except StorageUnavailable as trouble:
            response = unavailable(trouble)
        except Exception as failure:
            trace.failure = failure
            response = bug("The mock failed; its log says where, under this answer's X-Wix-Request-Id.")
        if trace.plan is not None:
            response = disturbed(response, trace.plan)
        return self._record(trace, response, (time.perf_counter_ns() - started) // 1000)

    async def _answer(self, trace: Trace) -> Response:
        if cors.is_preflight(trace.request):
            return cors.preflight()
        if self.tenants.shared:
            await self.tenants.look_at(self.auth.tenant_named_by(trace.request))
        trace.forms = forms_of(trace.request, self.auth.usual_forms(trace.request))
        match = self._match(trace)
        if match.operation.operation_id not in self.rules:
            return await token_answer(self, trace, match.operation)
        tenant = self._identify(trace, match.operation)
        if tenant.faults and (injected := await self.injected(trace, tenant, match.operation)):
            return injected
        if tenant.rate_limit is not None:
            tenant.rate_limit.count(tenant.clock.now())
        call = self._validated(trace, match)
        return await self._decide(trace, call)

    async def injected(
        self, trace: Trace, tenant: Tenant, operation: Operation, *, named: bool = False
    ) -> Response | None:
        """The answer that a fault plan puts in the place of ours, if one that hits does that."""
        trace.tenant = tenant
        trace.plan = await self.tenants.change(
            tenant, lambda: tenant.faults.hit("operation", operation.operation_id, named=named)
        )
        return instead(trace.plan) if trace.plan else None

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
            survive = self.tenants.survive
            decision = await self._kept(rule, call, found, world) if survive else rule.decide(call, found, world)
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
                world = self.world(tenant, now)
            else:
                return Response(200, body)
        raise Refusal("MOCK_CONFLICT", "Others kept changing this entity; try again.")

    async def _kept(self, rule: Rule, call: Call, found: Found, world: World) -> Decision:
        """What a rule decides, once what it saw is kept: nobody is told of it before, not even by a refusal."""
        try:
            decision = rule.decide(call, found, world)
        except Refusal:
            await self.store.settled()
            raise
        if not decision.changes:
            await self.store.settled()
        return decision

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
        async with self.tenants.in_turn(tenant):
            events = self.dispatch.events(tenant, changes, caller, origin=origin, now=now, anonymized=anonymized)
            deliveries = self.dispatch.plan(tenant, events)
            try:
                await self.tenants.write(tenant, changes, now, events, deliveries)
            except BaseException as error:
                if type(error) is asyncio.CancelledError:  # nobody waits any more, but it is written
                    self.tally.committed(events)
                    self.dispatch.sent(tenant, deliveries)
                    raise
                self.tally.not_committed(error)
                self.dispatch.take_back(tenant, events, deliveries)
                if isinstance(error, Conflict):
                    await self.tenants.look(tenant, again=True)
                raise
            self.tally.committed(events)
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
        operation, body = trace.operation, orjson.loads(response.body)
        if operation and not self.validation.accepts_response(operation, response.status, body):
            log.error("%s answered %d, which its contract does not have", operation.operation_id, response.status)
            trace.failure = refusal
            return bug(f"The mock refused with {response.status}, which the contract does not have here.")
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
        self.tally.note(about[3], response.status, duration_us, trace.violations)
        if trace.failure is not None:
            log_failure(log, request_id, trace.failure)
            self.tally.failures.append((request_id, trace.failure))
        return answered

    def body_limit(self, method: str, path: str) -> int:
        """How long a body may be, in bytes."""
        match = self.routes.find(method, path)
        return match.operation.body_limit if match else 1024 * 1024
