"""One run of `wixture judge`: a file read, judged and told."""

from __future__ import annotations

import time
from pathlib import Path

from wixture import __version__
from wixture.contracts.findings import Run
from wixture.contracts.judging import history
from wixture.contracts.judging.traffic import BadTraffic, entries
from wixture.contracts.judging.verdict import Verdict
from wixture.contracts.redacted import RedactedRun, redacted


def judge_file(file: Path, verdict: Verdict, past: Path | None = None) -> RedactedRun:
    """Judges a file, and compares with the last run where there is a history; the run may be shown.

    Raises BadTraffic and BadHistory.
    """
    start, started = time.perf_counter(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    _read(file, verdict)
    redactor = verdict.redactor()
    notes = list(verdict.notes())
    if past is not None:
        notes += _remembered(past, _past(verdict, started, redactor.text(verdict.hosts)))
    run = Run(
        tool="judge",
        version=__version__,
        target=str(file),
        started=started,
        seconds=round(time.perf_counter() - start, 3),
        checks=verdict.results(),
        findings=verdict.findings(),
        coverage=verdict.coverage(),
        forms=verdict.forms,
        notes=tuple(notes),
    )
    return redacted(run, redactor)


def _read(file: Path, verdict: Verdict) -> None:
    try:
        for entry in entries(file):
            verdict.saw(entry)
    except OSError as error:
        raise BadTraffic(f"{file} cannot be read: {error.strerror or error}.") from error
    if not verdict.judged:
        said = " ".join(verdict.notes())
        raise BadTraffic(f"{file} has nothing to judge. {said} Operations and their paths: wixture routes.")


def _past(verdict: Verdict, started: str, target: str) -> history.Past:
    failed = tuple(result.check for result in verdict.results() if result.outcome == "failed")
    return history.Past(started, target, __version__, verdict.forms, failed)


def _remembered(path: Path, now: history.Past) -> list[str]:
    """What changed since the last run on the same hosts; this run is added to the file."""
    try:
        before = history.last_of(path, now.target)
        history.append(path, now)
    except OSError as error:
        raise history.BadHistory(f"{path} cannot be used: {error.strerror or error}.") from error
    if before is None:
        return [f"{path} has no earlier run on {now.target}."]
    return history.changes(before, now) or [f"Nothing changed since {before.at}."]
