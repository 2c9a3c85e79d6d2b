"""Schemathesis, behind this file alone: a plan and a gate go in, events with values of our own come out.

Its engine's events are no public interface, so its version is pinned. It generates, checks and shrinks; it never
sends: while a run goes on, each request of its HTTP library ends in the gate. It sees no token, and none of its
own reports, caches or configuration files is read or written.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
from hypothesis.configuration import set_hypothesis_home_dir
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import NoLinksFound
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.engine import Status, events, from_schema

from wixture.contracts.findings import Exchanged, Finding
from wixture.contracts.fuzz.adapter import only_through, outgoing_of, text_of, withheld
from wixture.contracts.fuzz.gate import Gate, exchanged
from wixture.contracts.fuzz.outgoing import Outgoing, chosen, stand_in
from wixture.contracts.fuzz.plan import Began, Broke, Event, Failed, Pass, Plan, Seen
from wixture.contracts.targets.connection import Answer

Judge = Callable[[str, Exchanged], Iterator[Finding]]
"""Our own checks: of an operation's ID and an exchange."""

IsExpected = Callable[[str, str, Outgoing, Answer], bool]
"""Whether a check's failure is none: of the check, the operation's ID, the request and the answer."""

_OWN_CHECK = "wixture_checks"


class _Judged(Failure):
    """A finding of our own checks, on its way through the engine."""

    checks = (_OWN_CHECK,)

    def __init__(self, finding: Finding, operation: str) -> None:
        super().__init__(operation=operation, title=finding.title, message=finding.message)
        self.finding = finding

    @property
    def _unique_key(self) -> Any:
        return self.finding.fingerprint


_GOING_ON: list[Fuzzing] = []
"""The run that goes on: the engine's registry of checks belongs to the process, and so does the adapter."""


@schemathesis.check
def wixture_checks(_: Any, response: Any, case: Any) -> None:
    """Our own checks, inside of the engine so that it shrinks what fails them."""
    found = [_Judged(finding, case.operation.label) for run in _GOING_ON for finding in run.judged(response, case)]
    if found:
        raise FailureGroup(found)


class Fuzzing:
    """One run of the engine over a plan."""

    def __init__(self, plan: Plan, gate: Gate, judge: Judge | None, is_expected: IsExpected) -> None:
        self._plan = plan
        self._gate = gate
        self._judge = judge
        self._is_expected = is_expected

    def events(self, part: Pass, seconds: int | None) -> Iterator[Event]:
        """What happens, as it happens. Ends early when the gate says so."""
        schema = self._schema(self._plan.settings(part, seconds))
        with self._going_on(), only_through(self._gate), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stream = from_schema(schema).execute()
            for event in stream:
                if self._gate.stopped:
                    stream.stop()
                elif isinstance(event, events.Interrupted):
                    raise KeyboardInterrupt  # the engine only ends its own part
                yield from self._told(event)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Only one run goes on in a process. What the generator keeps on disk goes with the run."""
        _GOING_ON.append(self)
        with TemporaryDirectory(prefix="wixture-fuzz-") as folder:
            set_hypothesis_home_dir(folder)
            try:
                yield
            finally:
                set_hypothesis_home_dir(None)
                _GOING_ON.remove(self)

    def _schema(self, settings: Mapping[str, Any]) -> Any:
        config = SchemathesisConfig.from_dict(dict(settings))
        schema: Any = schemathesis.openapi.from_dict(dict(self._plan.document), config=config)
        if self._plan.operations is not None:
            schema = schema.include(operation_id=list(self._plan.operations))
        if self._plan.methods is not None:
            schema = schema.include(method=list(self._plan.methods))
        self._prepare(schema)
        return schema

    def _prepare(self, schema: Any) -> None:
        """Callers and expectations, for this schema alone."""

        if self._plan.callers:
            schema.auth(refresh_interval=None)(_callers(self._plan))

        def filter_failure(_: Any, failure: Any, case: Any, response: Any) -> bool:
            return self._counts(failure, case, response)

        schema.hook(filter_failure)

    def _counts(self, failure: Any, case: Any, response: Any) -> bool:
        """Whether a failure is one: not of a request that was withheld, and not an expected one."""
        if withheld(response.request):
            return False
        outgoing = outgoing_of(response.request, self._gate.target.address.url)
        operation_id = _operation_id(case)
        return outgoing is None or not any(
            self._is_expected(check, operation_id, outgoing, _answer(response)) for check in failure.checks
        )

    def judged(self, response: Any, case: Any) -> Iterator[Finding]:
        """What our own checks find in an answer; nothing in one that was never asked for."""
        outgoing = outgoing_of(response.request, self._gate.target.address.url)
        if outgoing is not None and not withheld(response.request) and self._judge:
            answer = _answer(response)
            yield from self._judge(_operation_id(case), exchanged(self._gate, outgoing, answer))

    def _told(self, event: Any) -> Iterator[Event]:
        if isinstance(event, events.PhaseStarted):
            yield Began(event.phase.name.value)
        elif isinstance(event, events.ScenarioFinished) and event.is_test_scenario:
            yield self._seen(event)
        elif isinstance(event, events.NonFatalError):
            yield _broke(event)
        elif isinstance(event, events.FatalError):
            yield Broke("The engine", f"It failed itself: {type(event.exception).__name__}: {event.exception}")

    def _seen(self, event: Any) -> Seen:
        recorder = event.recorder
        checked: Counter[str] = Counter()
        met: Counter[tuple[str, int]] = Counter()
        for nodes in recorder.checks.values():
            checked.update(node.name for node in nodes)
        for case_id, interaction in recorder.interactions.items():
            case = recorder.cases[case_id].value
            if interaction.response is not None and case.method.upper() == case.operation.method.upper():
                met[_operation_id(case), interaction.response.status_code] += 1
        failed = [
            self._failed(recorder, case_id, node.name, node.failure_info.failure, event.phase.value)
            for case_id, nodes in recorder.checks.items()
            for node in nodes
            if node.status is Status.FAILURE and node.failure_info
        ]
        label = event.label or "sequences"
        return Seen(event.phase.value, label, len(recorder.cases), checked, met, tuple(failed), event.skip_reason)

    def _failed(self, recorder: Any, case_id: str, check: str, failure: Any, phase: str) -> Failed:
        last = failure.case_id or case_id
        related = tuple(failure.related_case_ids())
        chain = list(recorder.iter_chain_cases(case_id=last, related_case_ids=related))
        cases = [case for case in chain if case.id != last] if phase == "stateful" else []
        steps = [self._step(recorder, one) for one in (*(case.id for case in cases), last)]
        return Failed(
            check=check,
            operation_id=_operation_id(recorder.cases[last].value),
            title=failure.title,
            message=failure.message,
            phase=phase,
            steps=tuple(step for step in steps if step is not None),
            finding=getattr(failure, "finding", None),
        )

    def _step(self, recorder: Any, case_id: str) -> Exchanged | None:
        interaction = recorder.interactions.get(case_id)
        if interaction is None:
            return None
        request = interaction.request
        target = request.uri.removeprefix(self._gate.target.address.url)
        headers = {name: ", ".join(map(text_of, values)) for name, values in request.headers.items()}
        answer = None if interaction.response is None else _answer(interaction.response)
        return exchanged(self._gate, Outgoing(request.method, target, headers, request.body), answer)


def _broke(event: Any) -> Event:
    if isinstance(event.value, NoLinksFound):
        return Seen("stateful", "sequences", skipped="no link joins the operations that are called")
    return Broke(event.label, f"{event.info.title}: {event.info.message}")


def _callers(plan: Plan) -> type:
    class Callers:
        """Gives each case a caller that its operation allows, always the same one for the same case."""

        def get(self, case: Any, _: Any) -> str | None:
            identities = plan.callers.get(_operation_id(case))
            if not identities:
                return None
            parts = (case.method, case.path, case.path_parameters, case.query, case.body)
            return stand_in(chosen(identities, *parts))

        def set(self, case: Any, data: str | None, _: Any) -> None:
            if data is not None:
                case.headers = {**(case.headers or {}), "Authorization": data}

    return Callers


def _answer(response: Any) -> Answer:
    headers = {name: ", ".join(values) for name, values in response.headers.items()}
    return Answer(response.status_code, headers, response.content or b"", response.elapsed * 1000)


def _operation_id(case: Any) -> str:
    return str(case.operation.definition.raw.get("operationId") or case.operation.label)
