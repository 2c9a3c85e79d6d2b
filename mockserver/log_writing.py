"""Writes the log to standard error, on a thread: a pipe that nobody reads delays no request and fails none."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from wixture.mockserver.log_lines import Lines
from wixture.mockserver.options import option
from wixture.mockserver.redaction import Redaction

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
MOST_WAITING = 10_000
"""Lines that wait to be written; of more, the newest are dropped and counted."""
_LAST_SECONDS = 0.5
_PAUSE = 0.05

log = logging.getLogger("wixture.log")


def log_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that logs."""
    form = option(
        "--log-format",
        type=click.Choice(FORMATS),
        default="text",
        show_default=True,
        help="How the log is written to standard error: for people, or one JSON object a line.",
    )
    level = option(
        "--log-level",
        type=click.Choice(LEVELS),
        default="warning",
        show_default=True,
        help="What is worth a line: debug has one for each request.",
    )
    with_both: Callable[..., Any] = form(level(command))
    return with_both


@contextmanager
def logging_to_stderr(form: str, level: str, secrets: Sequence[str | None]) -> Iterator[None]:
    """Everything that is logged within goes to standard error, without `secrets`."""
    handler = Writer(Lines(form, Redaction(secrets)), _stderr())
    root, ours = logging.getLogger(), logging.getLogger("wixture")
    before = ours.level
    root.addHandler(handler)
    ours.setLevel(level.upper())
    try:
        yield
        logging.getLogger("wixture.serve").info("stopped")
    finally:
        root.removeHandler(handler)
        ours.setLevel(before)
        handler.close()


def _stderr() -> int | None:
    """Its descriptor; None in a process that was started without one: the number can be another file's there."""
    try:
        return None if sys.stderr is None else sys.stderr.fileno()
    except (OSError, ValueError):
        return None


class Writer(logging.Handler):
    """Hands records to a thread that writes them to a file descriptor; in a forked process to one of its own."""

    def __init__(self, lines: Lines, descriptor: int | None, *, most: int = MOST_WAITING) -> None:
        super().__init__()
        self._lines = lines
        self._descriptor = descriptor
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: deque[logging.LogRecord] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._ending = False
        self.dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Let a record be written later. Never waits, never raises."""
        if self._descriptor is None or self._ending:
            return
        if self._pid != os.getpid():
            self._begin()
        if len(self._waiting) >= self._most:
            self.dropped += 1
            return
        self._waiting.append(record)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="wixture-log", daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Write what waits, as far as that takes no longer than half a second."""
        self._ending = True
        if self._thread is not None and self._pid == os.getpid():
            self._wake.set()
            self._thread.join(_LAST_SECONDS)
        super().close()

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._write(self._waiting.popleft())
                if self.dropped and not self._waiting:
                    self._tell_of_dropped()
            if self._ending:
                return

    def _tell_of_dropped(self) -> None:
        count, self.dropped = self.dropped, 0
        text = "%d lines of the log were dropped: standard error was not read fast enough"
        self._write(log.makeRecord(log.name, logging.WARNING, __file__, 0, text, (count,), None))

    def _write(self, record: logging.LogRecord) -> None:
        try:
            line = self._lines.format(record)
        except Exception as error:  # the other lines must not stop with one that cannot be told
            text = "a line of the log could not be written: %s"
            about = log.makeRecord(log.name, logging.ERROR, __file__, 0, text, (type(error).__name__,), None)
            line = self._lines.format(about)
        left = (line + "\n").encode("utf-8", "backslashreplace")
        while left and self._descriptor is not None:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                time.sleep(_PAUSE)
            except OSError:  # nobody is there to read it
                return
