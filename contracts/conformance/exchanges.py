"""Every exchange of a run, held against the promises of single exchanges, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from wixture.contracts.document import Operation
from wixture.contracts.findings import CheckResult, Exchanged, Finding, Forms
from wixture.contracts.judging.coverage import Coverage
from wixture.contracts.judging.discretion import Discretion
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS, Check
from wixture.contracts.judging.forms import forms_seen
from wixture.contracts.judging.judged import Judged
from wixture.contracts.secrets import Redactor
from wixture.contracts.validation import Validation

_KNOWN = {"APP": "APP", "OTHER_APP": "APP", "WIX_USER": "WIX_USER", "MEMBER": "MEMBER", "VISITOR": "VISITOR"}


def _knows_nothing() -> Redactor:
    return Redactor(())


@dataclass(slots=True)
class _Tally:
    count: int = 0
    findings: list[Finding] = field(default_factory=list)


class ExchangeChecks:
    """Asks every check of every exchange. With `lenient_on_guesses` what is only inferred is told as a warning."""

    def __init__(
        self,
        validation: Validation,
        *,
        lenient_on_guesses: bool = False,
        redactor: Callable[[], Redactor] = _knows_nothing,
    ) -> None:
        self._validation = validation
        self._lenient = lenient_on_guesses
        self._redactor = redactor
        self._tallies = {check.id: _Tally() for check in EXCHANGE_CHECKS}
        self.seen: list[Exchanged] = []
        self.coverage = Coverage(validation.contract)
        self.forms: dict[str, Forms] = {}

    def saw(
        self, exchange: Exchanged, operation: Operation, path: Mapping[str, str], identity: str | None = None
    ) -> None:
        """Ask and count one exchange."""
        self.seen.append(exchange)
        if exchange.status is not None:
            self.coverage.saw(operation, exchange.status, exchange.response_body)
            self._count_forms(operation, exchange)
        judged = Judged(exchange, operation, path, self._validation, _KNOWN.get(identity or ""))
        discretion = Discretion(self._redactor)
        for check in EXCHANGE_CHECKS:
            self._ask(check, judged, discretion)

    def _ask(self, check: Check, judged: Judged, discretion: Discretion) -> None:
        tally = self._tallies[check.id]
        if not check.applies(judged):
            return
        tally.count += 1
        for found in check(judged):
            finding = discretion(found)
            guess = self._lenient and finding.evidence == "inferred" and finding.severity == "error"
            tally.findings.append(replace(finding, severity="warning") if guess else finding)

    def _count_forms(self, operation: Operation, exchange: Exchanged) -> None:
        seen = forms_seen(operation.operation_id, exchange.status or 0, exchange.response_body)
        for row, forms in seen.items():
            before = self.forms.get(row, Forms())
            self.forms[row] = Forms(before.corrected + forms.corrected, before.documented + forms.documented)

    @property
    def findings(self) -> list[Finding]:
        """What was found, each check's together."""
        return [finding for tally in self._tallies.values() for finding in tally.findings]

    def results(self) -> list[CheckResult]:
        """How each check went."""
        return [self._result(check, self._tallies[check.id]) for check in EXCHANGE_CHECKS]

    def _result(self, check: Check, tally: _Tally) -> CheckResult:
        if tally.findings:
            worst = "error" if any(found.severity == "error" for found in tally.findings) else "warning"
            return CheckResult(check.id, check.title, worst, "failed", tally.count)  # type: ignore[arg-type]
        if tally.count:
            return CheckResult(check.id, check.title, check.severity, "passed", tally.count)
        reason = "no answer of this run was of that kind"
        return CheckResult(check.id, check.title, check.severity, "skipped", 0, reason)


def merged(findings: list[Finding]) -> tuple[Finding, ...]:
    """The first of each kind of finding; its message says how many more there are."""
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.fingerprint, finding.severity), []).append(finding)
    return tuple(_with_count(group) for group in alike.values())


def _with_count(group: list[Finding]) -> Finding:
    more = len(group) - 1
    if not more:
        return group[0]
    times = "once" if more == 1 else f"{more:,} times"
    return replace(group[0], message=f"{group[0].message} It was found {times} more.")
