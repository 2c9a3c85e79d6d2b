"""What a person sees of a run while it goes on: a bar on a terminal, plain lines otherwise. On standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from wixture.contracts.fuzz.plan import Began, Event, Seen
from wixture.contracts.reports.said import counted, harmless


class Progress(Protocol):
    """Told of each event, and of how many failures there are."""

    def tell(self, event: Event, failures: int) -> None:
        """Show it."""
        ...


class Lines:
    """A line for each phase and operation."""

    def __init__(self) -> None:
        self._cases = 0

    def tell(self, event: Event, failures: int) -> None:
        """Write a line, where there is something to say."""
        if isinstance(event, Seen):
            self._cases += event.cases
            said = f"skipped: {event.skipped}" if event.skipped else counted(event.cases, "case")
            if event.cases or event.skipped:
                end = f", {counted(failures, 'failure')}" if failures else ""
                sys.stderr.write(
                    f"  {event.phase}: {harmless(event.label)}: {said} ({self._cases:,} so far{end})\n"
                )
                sys.stderr.flush()


class _Bar:
    """The phase, the operation, cases and failures in one line that renews itself."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.completed:,.0f} cases"))
        self.rich = RichProgress(
            *columns,
            TextColumn("{task.fields[failures]} failures"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self.rich.add_task("starts", total=None, failures=0)

    def tell(self, event: Event, failures: int) -> None:
        """Renew the line."""
        if isinstance(event, Began):
            self.rich.update(self._task, description=event.phase)
        elif isinstance(event, Seen):
            said = f"{event.phase} {harmless(event.label)}"[:60]
            self.rich.update(self._task, advance=event.cases, description=said, failures=failures)


@contextmanager
def progress() -> Iterator[Progress]:
    """What fits where the standard error goes."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bar = _Bar()
    with bar.rich:
        yield bar
