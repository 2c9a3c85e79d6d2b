"""What a file of traffic says about a contract: findings, coverage, forms, and what was left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from wixture.contracts.findings import CheckResult, Covered, Exchanged, Finding, Forms, finding_dict
from wixture.contracts.judging.carried import knowing, secrets_of
from wixture.contracts.judging.coverage import Coverage
from wixture.contracts.judging.discretion import bare, repeats
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS, REQUEST_CHECKS
from wixture.contracts.judging.forms import added, forms_seen
from wixture.contracts.judging.history import CHECK, TITLE, contradictions
from wixture.contracts.judging.judged import Check, Judged, judged, parts_of
from wixture.contracts.judging.traffic import Entry
from wixture.contracts.redacted import redacted_finding
from wixture.contracts.reports.said import counted
from wixture.contracts.secrets import Redactor
from wixture.contracts.validation import own_contract

MOST_FINDINGS = 1000
MOST_KEPT = 64 * 1024
"""How long a body of an exchange may be that is kept as a witness."""
MOST_URL = 2000
MOST_SECRETS = 50
"""So many secrets are looked for everywhere, in every encoding. Of more, a finding is searched so for those of its
own exchange; the others are found where they stand as they are."""

_MOST_NAMES = 5
_MOST_HOSTS = 1000
_MOST_SECRET_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Case:
    """An exchange that is judged, where it stands, and the secrets that findings about it must not show."""

    found: Judged
    place: str
    secrets: frozenset[str]

    def told(self, finding: Finding) -> Finding:
        """A finding about it that can be kept and shown."""
        finding = bare(finding) if self._repeats_a_secret else finding
        return redacted_finding(replace(finding, exchange=self._witness), knowing(self.secrets))

    @cached_property
    def _repeats_a_secret(self) -> bool:
        return repeats(self.found.exchange, self.found.operation, knowing(self.secrets))

    @cached_property
    def _witness(self) -> Exchanged:
        return _light(self.found.exchange)


@dataclass(slots=True)
class _Seen:
    """A finding, how often it was made, and where first."""

    finding: Finding
    place: str
    count: int = 1


class Verdict:
    """Takes entries one by one and keeps what a report needs: its size follows from what was found."""

    def __init__(self, *, host: str | None = None, requests: bool = True, answers: bool = True) -> None:
        """Judges requests, answers, or both; with a host, only what was sent to that one."""
        self._host = None if host is None else host.lower()
        self._requests: tuple[Check, ...] = REQUEST_CHECKS if requests else ()
        self._answers = tuple(check for check in EXCHANGE_CHECKS if check.id != "answered") if answers else ()
        self._coverage = Coverage(own_contract("openapi").contract)
        self._asked: Counter[str] = Counter()
        self._seen: dict[str, _Seen] = {}
        self._failed: set[str] = set()
        self._untold = 0
        self._broken: set[str] = set()
        self._secrets: dict[str, None] = {}
        self._secret_bytes = 0
        self._left_out: Counter[str] = Counter()
        self._others: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self.forms: dict[str, Forms] = {}
        self.read = 0
        self.judged = 0

    # ---- one by one ----

    def saw(self, entry: Entry) -> None:
        """Judges one entry, or counts why it is left out."""
        self.read += 1
        host, path, _ = parts_of(entry.exchange.url)
        found = judged(entry.exchange, identity=entry.identity, lacks=entry.lacks)
        if found is None or self._is_of_another_host(host):
            self._leave_out(host, path, is_operation=found is not None)
            return
        self._count(self._hosts, host or "no host")
        self.judged += 1
        case = self._case(found, entry.place)
        self._ask(self._requests, case)
        if found.status is None:
            self._left_out["had no answer"] += 1
        elif entry.fault:
            self._left_out["had an answer that a fault plan of the mock had spoilt"] += 1
        elif self._answers:
            self._judge_answer(case)

    def _case(self, found: Judged, place: str) -> _Case:
        own = frozenset(secrets_of(found.exchange, found.operation))
        for secret in own:
            if secret not in self._secrets and self._secret_bytes < _MOST_SECRET_BYTES:
                self._secrets[secret] = None
                self._secret_bytes += len(secret)
        return _Case(found, place, own if len(self._secrets) > MOST_SECRETS else frozenset(self._secrets))

    def _is_of_another_host(self, host: str) -> bool:
        return self._host is not None and self._host not in (host, host.rpartition(":")[0])

    def _leave_out(self, host: str, path: str, *, is_operation: bool) -> None:
        name = host or "no host" if is_operation or host else path[:60]
        self._count(self._others, name)

    def _count(self, counter: Counter[str], name: str) -> None:
        counter[name[:100] if name in counter or len(counter) < _MOST_HOSTS else "others"] += 1

    def _judge_answer(self, case: _Case) -> None:
        found = case.found
        self._ask(self._answers, case)
        self._coverage.saw(found.operation, found.status or 0, found.received)
        self.forms = added(self.forms, forms_seen(found.operation.operation_id, found.status, found.received))

    def _ask(self, checks: Iterable[Check], case: _Case) -> None:
        for check in checks:
            if check.applies(case.found):
                self._asked[check.id] += 1
                for finding in check(case.found):
                    self._keep(finding, case)

    def _keep(self, finding: Finding, case: _Case) -> None:
        if finding.row is not None and finding.check == "body-valid":
            self._broken.add(finding.row)
        self._failed.add(finding.check)
        seen = self._seen.get(finding.fingerprint)
        if seen is not None:
            seen.count += 1
        elif len(self._seen) < MOST_FINDINGS:
            self._seen[finding.fingerprint] = _Seen(case.told(finding), case.place)
        else:
            self._untold += 1

    # ---- the result ----

    def findings(self) -> tuple[Finding, ...]:
        """The findings, each once, with how often it was made; then the rows that the target contradicts."""
        told = (replace(seen.finding, message=_told(seen)) for seen in self._seen.values())
        return (*told, *contradictions(self.forms, self._broken))

    def results(self) -> tuple[CheckResult, ...]:
        """How each check went."""
        return (*(self._result(check) for check in (*self._requests, *self._answers)), self._of_forms())

    def _result(self, check: Check) -> CheckResult:
        asked = self._asked[check.id]
        outcome = "failed" if check.id in self._failed else "passed" if asked else "skipped"
        reason = None if asked else "the traffic has nothing that could show it"
        return CheckResult(check.id, check.title, check.severity, outcome, asked, reason)  # type: ignore[arg-type]

    def _of_forms(self) -> CheckResult:
        met = sum(seen.corrected + seen.documented for seen in self.forms.values())
        if not met:
            return CheckResult(CHECK, TITLE, "error", "skipped", 0, "no form of the ledger was met")
        found = contradictions(self.forms, self._broken)
        severity = "error" if any(one.severity == "error" for one in found) or not found else "note"
        return CheckResult(CHECK, TITLE, severity, "failed" if found else "passed", met)  # type: ignore[arg-type]

    def coverage(self) -> tuple[Covered, ...]:
        """What of the contract the answers met."""
        return self._coverage.covered()

    @property
    def hosts(self) -> str:
        """The hosts that were judged, as one name of the target."""
        return ", ".join(sorted(self._hosts)[:_MOST_NAMES]) or "nobody"

    def notes(self) -> Iterator[str]:
        """What was read, and what was left out."""
        yield f"{self.judged:,} of {self.read:,} exchanges are of operations of the contract, on {self.hosts}."
        if self._others:
            named = ", ".join(f"{name} {count:,}" for name, count in self._others.most_common(_MOST_NAMES))
            more = ", …" if len(self._others) > _MOST_NAMES else ""
            yield f"Left out, of other hosts or paths: {self._others.total():,} ({named}{more})."
        yield from (f"{counted(count, 'exchange')} {why}." for why, count in self._left_out.items())
        if self._untold:
            told = f"only the first {MOST_FINDINGS:,} different ones are"
            yield f"{counted(self._untold, 'further finding')} not told: {told}."

    def redactor(self) -> Redactor:
        """Knows the credentials of the traffic that a report of it could hold."""
        if len(self._secrets) <= MOST_SECRETS:
            return Redactor(self._secrets)
        told = [finding_dict(seen.finding) for seen in self._seen.values()]
        text = json.dumps(told, ensure_ascii=False, default=str)
        return Redactor(secret for secret in self._secrets if secret in text)


def _told(seen: _Seen) -> str:
    times = "" if seen.count == 1 else f", and {seen.count - 1:,} more like it"
    return f"{seen.finding.message}\nFirst at {seen.place}{times}."


def _light(exchange: Exchanged) -> Exchanged:
    """The exchange as it can be kept: long bodies, headers and addresses are cut."""
    return replace(
        exchange,
        url=exchange.url[:MOST_URL],
        request_headers=_short(exchange.request_headers),
        request_body=_cut(exchange.request_body),
        response_headers=_short(exchange.response_headers),
        response_body=_cut(exchange.response_body),
    )


def _cut(body: Any) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body, ensure_ascii=False, default=str)
    if len(text) <= MOST_KEPT:
        return body
    start = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{start[:MOST_KEPT]}… and {len(text) - MOST_KEPT:,} more"


def _short(headers: Mapping[str, str]) -> dict[str, str]:
    return {name[:200]: value[:MOST_KEPT] for name, value in list(headers.items())[:200]}
