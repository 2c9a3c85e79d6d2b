"""A run: scenarios made against a target, then asked by the checks. What comes out is findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wixture.contracts.conformance.exchanges import ExchangeChecks
from wixture.contracts.conformance.flow import MISSING, Flow, Problem, Step, StepLost, at
from wixture.contracts.conformance.promise import PROMISES, Promise
from wixture.contracts.conformance.scenarios import Call, Scenario, Values
from wixture.contracts.findings import CheckResult, Exchanged, Finding
from wixture.contracts.judging.discretion import bare, repeats
from wixture.contracts.judging.forms import corrected
from wixture.contracts.targets.identities import Identity, NoIdentity, NotProven
from wixture.contracts.targets.pace import Stopped, Stopwatch
from wixture.contracts.targets.safety import NotPermitted
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import ABSENT, Validation

MOST_PAGES = 60
FIRST_REST = 0.02

Progress = Callable[[Scenario, str], None]


@dataclass(slots=True)
class Tally:
    """How one check went so far."""

    count: int = 0
    findings: list[Finding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class Runner:
    """Makes scenarios against one target. `patience` is how long a read may lag behind a write, in seconds."""

    def __init__(
        self, target: Target, validation: Validation, *, patience: float = 2.0, strict: bool = False
    ) -> None:
        self.target = target
        self.exchange_checks = ExchangeChecks(
            validation,
            lenient_on_guesses=not (strict or target.is_mock),
            redactor=lambda: target.redactor,
        )
        self._patience = patience
        self._strict = strict
        self._tallies = {name: Tally() for name in PROMISES}
        self._stopped: str | None = None
        self.unproven: str | None = None
        """Why a caller whose credentials were given could not call."""

    def run(self, chosen: Iterable[Scenario], progress: Progress = lambda *_: None) -> None:
        """Make the scenarios in order. One that may not be made leaves its checks a reason."""
        for scenario in chosen:
            told, reason = self._stopped, self._stopped or obstacle(self.target, scenario)
            if told is None:
                progress(scenario, reason or "")
            if reason:
                self._skip(scenario, reason)
                continue
            self._judge(scenario, self._make(scenario))

    def results(self) -> tuple[CheckResult, ...]:
        """How each check went."""
        return (
            *(self._result(name, tally) for name, tally in self._tallies.items()),
            *self.exchange_checks.results(),
        )

    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, in single exchanges first: they are often the cause of the rest."""
        flows = (finding for tally in self._tallies.values() for finding in tally.findings)
        return (*self.exchange_checks.findings, *flows)

    @property
    def stopped(self) -> str | None:
        """Why the run went no further; None when it went to its end."""
        return self._stopped

    def _make(self, scenario: Scenario) -> Flow:
        flow = Flow(scenario.name)
        values = Values(self.target.journal.run, scenario.name, flow, self.target.identities.token)
        before = len(self.exchange_checks.seen)
        try:
            flow.clock_runs = self._clock_runs()
            for call in scenario.calls:
                self._try(flow, call, values)
            if self.target.is_mock:
                flow.events = _events(self.target, self.exchange_checks.seen[before:])
        except Stopped as error:
            self._stopped = str(error)
            flow.lost |= {call.name: str(error) for call in scenario.calls if call.name not in flow.steps}
        return flow

    def _try(self, flow: Flow, call: Call, values: Values) -> None:
        """Make a step, or say why it could not be made. May raise Stopped."""
        try:
            self._step(flow, call, values)
        except NotProven as error:
            flow.lost[call.name] = self.unproven = str(error)
        except (StepLost, NotPermitted, NoIdentity) as error:
            flow.lost[call.name] = str(error)

    def _step(self, flow: Flow, call: Call, values: Values) -> None:
        if call.rest:
            self.target.pace.rest(call.rest)
        if "$unfollowed" in str(call.body) and values.unfollowed is None:
            # Nothing undoes a follow, so that a real account follows no more than one.
            values.unfollowed = _unfollowed(flow)[: 2 if self.target.is_mock else 1]
        for invented in _invented(call, values):
            self.target.invent(invented)
        wanted = {name: values.of(value) for name, value in call.until.items()}
        step = self._asked(call, values)
        watch, rest = Stopwatch(), FIRST_REST
        while wanted and not _is_there(step, wanted) and watch.ms < self._patience * 1000:
            self.target.pace.rest(rest)
            rest = min(rest * 2, 1.0)
            step = self._asked(call, values)
        if wanted and not _is_there(step, wanted):
            self._patience /= 2  # what never comes is not waited for as long again
        flow.steps[call.name] = step

    def _asked(self, call: Call, values: Values) -> Step:
        body = MISSING if call.body is MISSING else values.of(call.body)
        path, query = _texts(call.path, values), _texts(call.query, values)
        exchange = self._sent(call, values, path, query, body)
        pages = [_read(call, exchange)]
        while call.walk and len(pages) < MOST_PAGES:
            cursor = at(pages[-1], "/pagingMetadata/cursors/next")
            if not isinstance(cursor, str) or not cursor:
                break
            paging = {"limit": body["query"]["cursorPaging"]["limit"], "cursor": cursor}
            following = self._sent(call, values, path, query, {"query": {"cursorPaging": paging}})
            pages.append(_read(call, following))
        walked = tuple(pages) if call.walk else ()
        return Step(call.name, call.operation, call.identity, path, query, body, exchange, pages[0], walked)

    def _sent(
        self, call: Call, values: Values, path: Mapping[str, str], query: Mapping[str, str], body: Any
    ) -> Exchanged:
        sent = call.text.encode() if call.text is not None else ABSENT if body is MISSING else body
        exchange = self.target.call(
            call.operation,
            path=path,
            query=query,
            body=sent,
            identity=_identity(call.identity),
            headers=_texts(call.headers, values),
        )
        self.exchange_checks.saw(exchange, call.operation, path, call.identity)
        return exchange

    def _judge(self, scenario: Scenario, flow: Flow) -> None:
        repeated: bool | None = None  # asked where something is found, for it takes long
        for name in scenario.checks:
            promise, tally = PROMISES[name], self._tallies[name]
            try:
                problems = _problems(promise, flow)
            except StepLost as lost:
                tally.skipped.append(f"in `{scenario.name}`, {lost}")
                continue
            tally.count += 1
            if problems:
                repeated = self._repeats_secrets(flow) if repeated is None else repeated
                found = (self._finding(promise, problem) for problem in problems)
                tally.findings += (bare(finding) if repeated else finding for finding in found)

    def _repeats_secrets(self, flow: Flow) -> bool:
        """Whether an answer of the flow repeats a credential: a problem may quote any of them, cut short."""
        redactor = self.target.redactor
        for step in flow:
            pages = (replace(step.exchange, response_body=page) for page in step.pages)
            if any(repeats(exchange, step.operation, redactor) for exchange in (step.exchange, *pages)):
                return True
        return False

    def _finding(self, promise: Promise, problem: Problem) -> Finding:
        guess = promise.evidence == "inferred" and not self._strict and not self.target.is_mock
        return Finding(
            check=promise.id,
            severity="warning" if guess and promise.severity == "error" else promise.severity,
            title=promise.title,
            message=problem.message,
            evidence=promise.evidence,
            operation_id=problem.operation_id,
            pointer=problem.pointer,
            spec_pointer=self.target.contract.operations[problem.operation_id].pointer,
            rule=promise.rule,
            exchange=problem.exchange,
        )

    def _skip(self, scenario: Scenario, reason: str) -> None:
        for name in scenario.checks:
            self._tallies[name].skipped.append(reason)

    def _result(self, name: str, tally: Tally) -> CheckResult:
        promise = PROMISES[name]
        severity = tally.findings[0].severity if tally.findings else promise.severity
        if tally.findings:
            return CheckResult(name, promise.title, severity, "failed", tally.count)
        if tally.count:
            return CheckResult(name, promise.title, severity, "passed", tally.count)
        reason = "; ".join(dict.fromkeys(tally.skipped)) or "no scenario of this run asks it"
        return CheckResult(name, promise.title, severity, "skipped", 0, reason)

    def _clock_runs(self) -> bool:
        if not self.target.is_mock:
            return True
        return at(self.target.control("GET", f"/clock{self.target.site}").response_body, "/frozen") is not True


def obstacle(target: Target, scenario: Scenario) -> str | None:
    """Why a scenario may not be made on a target; None when it may. Sends nothing."""
    refusals = (target.permits.refusal(operation) for operation in scenario.operations)
    refusal = next((f"`{scenario.name}` is left out: {text}" for text in refusals if text), None)
    if refusal:
        return refusal
    lacking = ((who, target.identities.lacking(_identity(who))) for who in scenario.identities)
    return next((f"`{scenario.name}` needs {who}: {text}" for who, text in lacking if text), None)


def _problems(promise: Promise, flow: Flow) -> list[Problem]:
    """What is not as promised. Raises StepLost."""
    try:
        return list(promise.problems(flow))
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # an answer of no known form
        last = list(flow)[-1]
        return [last.problem(f"An answer has a form in which this cannot be asked ({type(error).__name__}).")]


def _texts(named: Mapping[str, str], values: Values) -> dict[str, str]:
    """What stands in a path, a query string or headers. Raises StepLost for what is no text in an answer."""
    found = {name: values.of(value) for name, value in named.items()}
    for name, value in found.items():
        if not isinstance(value, str):
            raise StepLost(f"what an answer has for {name} is no text")
    return found


def _read(call: Call, exchange: Exchanged) -> Any:
    """The body of an answer, with the documentation's names put right."""
    body = exchange.response_body
    return corrected(call.operation.operation_id, body) if exchange.status == 200 else body


def _identity(name: str) -> Identity:
    return name  # type: ignore[return-value]  # the scenarios' own test holds the words


def _is_there(step: Step, wanted: Mapping[str, Any]) -> bool:
    return all(
        step.status == value if name == "status" else step.at(name) == value for name, value in wanted.items()
    )


def _invented(call: Call, values: Values) -> Iterator[str]:
    """The IDs that a step makes up."""
    for value in call.path.values():
        if value.startswith("$guid."):
            yield values.of(value)


def _unfollowed(flow: Flow) -> list[str]:
    """The channels that the account of the flow's first list does not follow."""
    listed = flow["before"].at("/followedChannels")
    followed = {at(channel, "/channel") for channel in listed} if isinstance(listed, list) else set()
    return [name for name in ("FACEBOOK", "INSTAGRAM", "LINKEDIN", "X", "TIKTOK") if name not in followed]


def _events(target: Target, exchanges: Iterable[Exchanged]) -> list[Mapping[str, Any]]:
    """The mock's own list of events, as far as they are about what these exchanges answered."""
    listed = at(target.control("GET", f"/webhooks/events{target.site}").response_body, "/events")
    ids = {entity_id for exchange in exchanges for entity_id in _ids(exchange.response_body)}
    events = [event for event in listed if isinstance(event, dict)] if isinstance(listed, list) else []
    return [event for event in events if at(event, "/event/entityId") in ids]


def _ids(body: Any) -> Iterator[str]:
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("id"), str):
                yield node["id"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
