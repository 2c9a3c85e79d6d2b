"""One run of `wixture conform`, from the first call to the last report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from wixture import __version__
from wixture.contracts.conformance.exchanges import merged
from wixture.contracts.conformance.runner import Progress, Runner
from wixture.contracts.conformance.scenarios import Scenario
from wixture.contracts.findings import Run
from wixture.contracts.judging.history import BadHistory, Past, append, changes, contradictions, last_of
from wixture.contracts.redacted import RedactedRun, redacted
from wixture.contracts.reports.write import render, write
from wixture.contracts.targets.cleanup import Cleaned, clean_up
from wixture.contracts.targets.identities import NoIdentity
from wixture.contracts.targets.opening import is_terminal
from wixture.contracts.targets.pace import Stopped, Stopwatch, instant
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import Validation

PATIENCE = {True: 2.0, False: 15.0}
"""How many seconds a read may lag behind a write, on loopback and elsewhere."""


class Conforming:
    """Makes scenarios, cleans up, and reports."""

    def __init__(
        self,
        target: Target,
        validation: Validation,
        *,
        patience: float | None = None,
        strict: bool = False,
        history: Path | None = None,
    ) -> None:
        self.target = target
        self.patience = PATIENCE[target.address.is_loopback] if patience is None else patience
        self.runner = Runner(target, validation, patience=self.patience, strict=strict)
        self._history = history
        self._started = instant()
        self._watch = Stopwatch()
        self._notes: list[str] = []
        self._interrupted = False

    def go(self, chosen: Sequence[Scenario], form: str, reports: Sequence[str]) -> int:
        """The exit code of the whole run; what it found is printed and written."""
        try:
            self._make(chosen)
        finally:
            self._clean()
        if not any(exchange.status for exchange in self.runner.exchange_checks.seen):
            reason = self.runner.stopped or self._why_nothing()
            raise click.UsageError(self.target.redactor.text(f"No call was answered: {reason}"))
        run = redacted(self.run(), self.target.redactor)
        self._tell(run, form, reports)
        if self._interrupted:
            return 2
        return 1 if run.is_failure else 2 if self._is_cut_short else 0

    @property
    def _is_cut_short(self) -> bool:
        """Whether less was asked than was wanted: a caller was refused, or the run stopped with calls left."""
        stopped = self.runner.stopped is not None and not self.target.pace.is_spent
        return stopped or self.runner.unproven is not None

    def run(self) -> Run:
        """What came out."""
        checks = self.runner.exchange_checks
        found = list(self.runner.findings())
        broken = {finding.row for finding in found if finding.row and finding.severity == "error"}
        found += contradictions(checks.forms, broken)
        return Run(
            tool="conform",
            version=__version__,
            target=self.target.address.url,
            started=self._started,
            seconds=round(self._watch.ms / 1000, 3),
            checks=self.runner.results(),
            findings=merged(found),
            coverage=checks.coverage.covered(),
            forms=checks.forms,
            notes=tuple(self._notes),
        )

    def _make(self, chosen: Sequence[Scenario]) -> None:
        with _progress(len(chosen)) as told:
            try:
                self.runner.run(chosen, told)
            except KeyboardInterrupt:
                self._interrupted = True
                self._notes.append("The run was interrupted, and went no further.")
        if self.runner.stopped:
            self._notes.append(f"The run went no further: {self.runner.stopped}")
        if self.runner.unproven:
            self._notes.append(f"Calls were left out: {self.runner.unproven}.")

    def _clean(self) -> None:
        journal = self.target.journal
        left = journal.left()
        if not left.claims:
            journal.discard()
            return
        try:
            saw_all = self.runner.stopped is None and not self._notes
            cleaned = clean_up(self.target, left, patience=self.patience, saw_all=saw_all)
        except (Stopped, NoIdentity, KeyboardInterrupt) as error:
            cleaned = Cleaned(unsure=[str(error) or "interrupted"])
        self._notes += (f"Left alone: {kept}." for kept in cleaned.kept)
        if cleaned.is_clean:
            journal.discard()
            return
        journal.close()
        self._notes += (f"Not cleaned up: {unsure}." for unsure in cleaned.unsure)
        self._notes.append(f"Clean up later with: wixture cleanup {journal.run} --url {self.target.address.url}")

    def _why_nothing(self) -> str:
        reasons = [result.reason for result in self.runner.results() if result.reason]
        seen = self.runner.exchange_checks.seen
        return str(seen[0].response_body) if seen else (reasons[0] if reasons else "there was nothing to call")

    def _drift(self, run: RedactedRun) -> list[str]:
        """What changed since the last run against this target; this one is kept."""
        if self._history is None:
            return []
        failed = tuple(result.check for result in run.checks if result.outcome == "failed")
        now = Past(run.started, run.target, run.version, dict(run.forms), failed)
        try:
            before = last_of(self._history, run.target)
            append(self._history, now)
        except (BadHistory, OSError) as error:
            raise click.UsageError(f"--history: {error}") from error
        return changes(before, now) if before else []

    def _tell(self, run: RedactedRun, form: str, reports: Sequence[str]) -> None:
        changed = self._drift(run)
        if changed:
            click.echo("\n".join(("since the last run:", *(f"  {line}" for line in changed))), err=True)
        click.echo(render(form, run), nl=False)
        for path in write(run, *reports):
            click.echo(f"report written: {path}", err=True)


@contextmanager
def _progress(total: int) -> Iterator[Progress]:
    """Tells how far a run is: a bar on a terminal, lines elsewhere, both on the error output."""
    if not is_terminal():
        yield lambda scenario, reason: print(_line(scenario, reason), file=sys.stderr)  # noqa: T201
        return
    with click.progressbar(length=total, label="conform", file=sys.stderr, item_show_func=_named) as bar:
        yield lambda scenario, _: bar.update(1, scenario.name)


def _named(name: str | None) -> str | None:
    return name


def _line(scenario: Scenario, reason: str) -> str:
    return f"– {reason}" if reason else f"… {scenario.name}"
