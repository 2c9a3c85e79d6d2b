"""Makes a run of conformance in this process, against a target that is started here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wixture.contracts.conformance.checks import PROMISES
from wixture.contracts.conformance.runner import Runner
from wixture.contracts.conformance.scenarios import Scenario, scenarios
from wixture.contracts.document import Contract
from wixture.contracts.findings import CheckResult, Finding
from wixture.contracts.judging.exchange_checks import EXCHANGE_CHECKS
from wixture.contracts.targets.address import parse_address
from wixture.contracts.targets.credentials import Credentials
from wixture.contracts.targets.run_journal import RunJournal
from wixture.contracts.targets.safety import Permits
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import own_contract
from wixture.mockserver.settings import Settings

CHECKS = frozenset((*PROMISES, *(check.id for check in EXCHANGE_CHECKS)))
"""The ID of every check."""

EVERYTHING = Permits(allow_writes=True, irreversible=frozenset({"createFollowedChannel"}))


@dataclass(frozen=True)
class Outcome:
    """What a run found, and how each check went."""

    findings: tuple[Finding, ...]
    results: tuple[CheckResult, ...]
    stopped: str | None

    @property
    def named(self) -> set[str]:
        """The checks that found something."""
        return {finding.check for finding in self.findings}

    @property
    def failed(self) -> bool:
        """Whether the command would exit with 1."""
        return any(finding.severity == "error" for finding in self.findings)


def all_scenarios() -> tuple[Scenario, ...]:
    """Every scenario of the contract."""
    return scenarios(contract())


def contract() -> Contract:
    """The contract."""
    return own_contract("openapi").contract


def conformed(url: str, chosen: Iterable[Scenario] | None = None, *, run: str = "240131testrun0") -> Outcome:
    """The outcome of a run that may do everything, with the mock's own API key."""
    address = parse_address(url)
    settings = Settings()
    given = Credentials(api_key=settings.api_key, site_id=settings.instance_id)
    with tempfile.TemporaryDirectory() as folder:
        journal = RunJournal(Path(folder), run, address)
        target = Target(address, contract(), journal, credentials=given, permits=EVERYTHING, is_mock=True)
        runner = Runner(target, own_contract("openapi"), patience=0.05)
        try:
            runner.run(all_scenarios() if chosen is None else chosen)
        finally:
            journal.close()
    return Outcome(runner.findings(), runner.results(), runner.stopped)
