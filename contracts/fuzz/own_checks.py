"""Our own checks of a fuzzed exchange, beside the engine's: every promise about single exchanges, and two more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from wixture.contracts.document import Operation
from wixture.contracts.findings import Evidence, Exchanged, Finding
from wixture.contracts.fuzz.outgoing import Outgoing, identity_of
from wixture.contracts.judging.discretion import Discretion
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS
from wixture.contracts.judging.judged import Judged, parts_of
from wixture.contracts.routes import Routes
from wixture.contracts.secrets import Redactor
from wixture.contracts.targets.address import Address
from wixture.contracts.validation import ABSENT, Validation

METHODS_OF_EVERY_PATH = frozenset({"HEAD", "OPTIONS"})
"""May stand in Allow without being an operation: HEAD answers as GET does, OPTIONS tells the methods."""

ALLOW, REFUSED = "allow-exact", "violation-refused"


def _knows_nothing() -> Redactor:
    return Redactor(())


def evidence_of(operation: Operation | None) -> Evidence:
    """How well it is known what an operation does."""
    label = (operation.evidence if operation else {}).get("label", "documented")
    known: dict[str, Evidence] = {"measured": "measured", "inferred": "inferred"}
    return known.get(label, "documented")


class OwnChecks:
    """The checks over one contract and one target. `asked` counts how often each had something to judge.

    With `lenient_on_guesses` what is only inferred is told as a warning. Warnings end up in `warned`, each once.
    `redactor` knows the secrets so far: a finding whose exchange repeats one quotes nothing of it.
    """

    def __init__(
        self,
        validation: Validation,
        address: Address,
        *,
        lenient_on_guesses: bool = False,
        redactor: Callable[[], Redactor] = _knows_nothing,
    ) -> None:
        self._validation = validation
        self._routes = Routes(validation.contract.operations.values())
        self._base = address.base
        self._lenient = lenient_on_guesses
        self._redactor = redactor
        self.asked: Counter[str] = Counter()
        self.warned: dict[str, Finding] = {}
        self.titles = {
            ALLOW: "Allow names the methods of the path, and no other",
            REFUSED: "What breaks the contract is not answered with success",
            **{check.id: check.title for check in EXCHANGE_CHECKS},
        }

    def __call__(self, operation_id: str, exchange: Exchanged) -> Iterator[Finding]:
        """The errors in one exchange; `operation_id` is the one that was fuzzed, whatever path was met."""
        for finding in self._told(operation_id, exchange):
            is_guess = self._lenient and finding.evidence == "inferred"
            if finding.severity == "error" and not is_guess:
                yield finding
            else:
                told = replace(finding, severity="warning") if finding.severity == "error" else finding
                self.warned.setdefault(told.fingerprint, told)

    def _told(self, operation_id: str, exchange: Exchanged) -> Iterator[Finding]:
        discretion = Discretion(self._redactor)
        for finding in self._found(operation_id, exchange):
            yield discretion(finding)

    def _found(self, operation_id: str, exchange: Exchanged) -> Iterator[Finding]:
        path = parts_of(exchange.url)[1].removeprefix(self._base)
        if exchange.status == 405:
            yield from self._allow_exact(operation_id, exchange, path)
        match = self._routes.find(exchange.method, path)
        if match is None:
            return
        identity = identity_of(Outgoing(exchange.method, path, exchange.request_headers))
        judged = Judged(exchange, match.operation, match.path_parameters, self._validation, identity)
        yield from self._violation_refused(judged)
        for check in EXCHANGE_CHECKS:
            self.asked[check.id] += check.applies(judged)
            yield from check(judged)

    def _allow_exact(self, operation_id: str, exchange: Exchanged, path: str) -> Iterator[Finding]:
        self.asked[ALLOW] += 1
        expected = set(self._routes.explain(exchange.method, path).allowed)
        header = {name.lower(): value for name, value in exchange.response_headers.items()}.get("allow", "")
        said = {method.strip().upper() for method in header.split(",") if method.strip()}
        if said - METHODS_OF_EVERY_PATH != expected - METHODS_OF_EVERY_PATH:
            operation = self._validation.contract.operations.get(operation_id)
            told = f"Allow says {', '.join(sorted(said)) or 'nothing'}"
            text = f"{told}; this path has {', '.join(sorted(expected)) or 'no method'}."
            yield self._finding(ALLOW, exchange, operation, text)

    def _violation_refused(self, judged: Judged) -> Iterator[Finding]:
        if judged.status != 200:
            return
        self.asked[REFUSED] += 1
        is_unread = judged.sent is ABSENT and judged.exchange.request_body is not None
        if len(judged.query) != len(judged.pairs) or is_unread or judged.has_valid_request:
            return
        asked = (judged.operation, judged.path, judged.query, judged.sent)
        found = "; ".join(f"{one.field} {one.problem}" for one in self._validation.request_violations(*asked)[:3])
        yield self._finding(REFUSED, judged.exchange, judged.operation, f"Answered 200 although {found}.")

    def _finding(self, check: str, exchange: Exchanged, operation: Operation | None, message: str) -> Finding:
        return Finding(
            check=check,
            severity="error",
            title=self.titles[check],
            message=message,
            evidence=evidence_of(operation),
            operation_id=None if operation is None else operation.operation_id,
            exchange=exchange,
        )
