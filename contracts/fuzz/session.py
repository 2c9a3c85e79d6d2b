"""One fuzzing run from its options to what it found out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from wixture import __version__
from wixture.contracts.findings import Run
from wixture.contracts.fuzz.choosing import chosen_callers, foreign_document, refuse_the_vendors
from wixture.contracts.fuzz.collecting import Collector
from wixture.contracts.fuzz.expectations import expectations
from wixture.contracts.fuzz.gate import INTERRUPTED, Gate, body_of, is_free
from wixture.contracts.fuzz.outgoing import Outgoing
from wixture.contracts.fuzz.own_checks import OwnChecks
from wixture.contracts.fuzz.owned import Own
from wixture.contracts.fuzz.plan import MAX_EXAMPLES, PHASES, Event, Phase, Plan, for_the_engine, share
from wixture.contracts.fuzz.rules import READS, ForeignRules, OwnRules
from wixture.contracts.redacted import RedactedRun, redacted
from wixture.contracts.secrets import Redactor
from wixture.contracts.targets.cleanup import clean_up
from wixture.contracts.targets.connection import Answer
from wixture.contracts.targets.identities import NoIdentity
from wixture.contracts.targets.pace import Stopped, Stopwatch, instant
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import own_contract

_NOBODY = Redactor(())
PATIENCE = 15.0
"""How many seconds a read of a real site may lag behind a write when the run is cleaned up."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to fuzz of what. `spec` is another contract than ours."""

    spec: Path | None = None
    phases: tuple[Phase, ...] = PHASES
    max_examples: int = MAX_EXAMPLES
    max_time: int | None = None
    random_seed: int | None = None
    operations: tuple[str, ...] = ()
    my_own_site: bool = False
    certificate: Path | None = None


class Session:
    """A run that was checked and can begin. Raises CannotFuzz."""

    def __init__(self, target: Target, options: Options) -> None:
        refuse_the_vendors(target.address, my_own_site=options.my_own_site)
        self.target = target
        self.options = options
        self.notes: list[str] = []
        self.expected: Counter[str] = Counter()
        self._started, self._watch = instant(), Stopwatch()
        self._known: tuple[tuple[Redactor, frozenset[str]], Redactor] | None = None
        self.gate = self._gate()
        self.plan = self._plan()
        self.own = self._own_checks() if self.plan.is_own else None
        operations = target.contract.operations if self.plan.is_own else {}
        named = {name: operations[name] for name in self.plan.operations or () if name in operations}
        self.collector = Collector(named, self.own, self._has_secret, self._has_people)

    def events(self) -> Iterator[Event]:
        """What happens, as it happens. Needs the extra `fuzz`."""
        from wixture.contracts.fuzzing import Fuzzing

        engine = Fuzzing(self.plan, self.gate, self.own, self._is_expected)
        watch, parts = Stopwatch(), self.plan.passes()
        for number, part in enumerate(parts):
            left = None if self.plan.max_time is None else self.plan.max_time - int(watch.ms / 1000)
            if self.gate.stopped or (left is not None and left <= 0):
                return
            for event in engine.events(part, share(left, parts[number:])):
                self.collector.take(event)
                yield event

    def run(self) -> RedactedRun:
        """What was found out so far, without secrets and people. What the run made is removed before."""
        self._clean()
        found = Run(
            tool="fuzz",
            version=__version__,
            target=self.target.address.url,
            started=self._started,
            seconds=round(self._watch.ms / 1000, 3),
            checks=self.collector.checks(),
            findings=self.collector.findings(),
            coverage=self.collector.coverage(),
            notes=tuple(self._notes()),
            random_seed=self.plan.random_seed,
        )
        return redacted(found, self._redactor())

    def _redactor(self) -> Redactor:
        """What knows every secret so far; made anew where one came to it."""
        key = (self.target.redactor, frozenset(self.gate.secrets))
        if self._known is None or self._known[0] != key:
            self._known = key, self.target.redactor.also(key[1])
        return self._known[1]

    def _has_secret(self, text: str) -> bool:
        return self._redactor().text(text) != _NOBODY.text(text)

    def _has_people(self, text: str) -> bool:
        """Whether a request to other than a mock names an address or number that is not the run's own."""
        for claim in self.target.journal.claims:
            text = text.replace(claim.value, "").replace(quote(claim.value, safe=""), "")
        return not self.target.is_mock and _NOBODY.text(text) != text

    def _clean(self) -> None:
        """Remove what the run made; what may be left is named with the command that removes it."""
        journal = self.target.journal
        left = journal.left()
        try:
            unsure = clean_up(self.target, left, patience=PATIENCE).unsure if left.claims else []
        except (Stopped, NoIdentity, KeyboardInterrupt) as error:
            unsure = [str(error) or "interrupted"]
        if not unsure:
            journal.discard()
            return
        journal.close()
        self.notes += (f"Not cleaned up: {reason}." for reason in unsure)
        self.notes.append(f"Clean up later with: wixture cleanup {journal.run} --url {self.target.address.url}")

    def _notes(self) -> Iterator[str]:
        yield from self.notes
        cases = ", ".join(f"{count:,} {phase}" for phase, count in self.collector.cases.items() if count)
        yield f"{self.gate.sent:,} calls; cases: {cases or 'none'}."
        for name, count in sorted(self.expected.items()):
            yield f"Expected, as spec/fuzz.yaml says: {name}, {count:,} times."
        for reason, count in self.gate.withheld.most_common(10):
            yield f"Not sent, {count:,} times: {reason}."
        if self.gate.stopped:
            yield INTERRUPTED if self.gate.stopped == INTERRUPTED else f"The run ended early: {self.gate.stopped}"

    def _is_expected(self, check: str, operation_id: str, outgoing: Outgoing, answer: Answer) -> bool:
        if not self.plan.is_own:
            return False
        for row in expectations():
            if row.covers(check, operation_id, answer.status, outgoing, body_of(answer)):
                self.expected[row.id] += 1
                return True
        return False

    def _own_checks(self) -> OwnChecks:
        lenient = not self.target.is_mock
        return OwnChecks(
            own_contract("openapi"), self.target.address, lenient_on_guesses=lenient, redactor=self._redactor
        )

    def _gate(self) -> Gate:
        target, certificate = self.target, self.options.certificate
        if self.options.spec is not None:
            return Gate(target, ForeignRules(target.permits), certificate=certificate)
        rules = OwnRules(target.contract, target.permits, is_loopback=target.address.is_loopback)
        own = (
            None
            if target.is_mock
            else Own(target.journal, lambda claim: is_free(target, claim), target.leads_to_own)
        )
        return Gate(target, rules, own, certificate)

    def _plan(self) -> Plan:
        given = self.options
        plan = Plan(
            document={},
            url=self.target.address.url,
            random_seed=self._seed(),
            operations=given.operations or None,
            phases=given.phases,
            max_examples=given.max_examples,
            max_time=given.max_time,
            is_own=given.spec is None,
            is_loopback=self.target.address.is_loopback,
        )
        if given.spec is not None:
            methods = None if self.target.permits.allow_writes else tuple(sorted(READS))
            return plan.of(foreign_document(given.spec), methods=methods)
        callers = chosen_callers(self.target, given.operations, self.notes)
        return plan.of(for_the_engine(self.target.contract.document), callers=callers)

    def _seed(self) -> int:
        if self.options.random_seed is not None:
            return self.options.random_seed
        return int.from_bytes(hashlib.sha256(self.target.journal.run.encode()).digest()[:4], "big")


def fuzzed(target: Target, options: Options) -> RedactedRun:
    """A whole run, without showing how it goes."""
    session = Session(target, options)
    for _ in session.events():
        pass
    return session.run()
