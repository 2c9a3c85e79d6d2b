"""Several processes that serve one address: started by one parent, replaced when they die, ended together."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import click

MOST = 64
_STOP_SECONDS = 4.7
"""How long workers may take to end; then they are killed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONG_LIFE = 10.0
"""Who lived so long is replaced as if it were the first to die."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker knows of its place: its number, and the ends of two pipes to its parent.

    `lifeline` ends when the parent does; the number, as a byte, in `ready` says that the worker answers.
    """

    number: int
    lifeline: int
    ready: int

    def report(self) -> None:
        """Tell the parent that this worker answers."""
        os.write(self.ready, bytes([self.number]))


@dataclass(slots=True)
class _Place:
    number: int
    begun: float = 0.0
    pause: float = _FIRST_PAUSE
    due: float = 0.0
    pid: int = 0


class Workers:
    """The parent's side. `work` is what each worker does, in a process of its own; it returns an exit code."""

    def __init__(self, count: int, work: Callable[[Post], int]) -> None:
        self._work = work
        self._places = [_Place(number) for number in range(count)]
        self._answering: set[int] = set()
        self._stop_by: float | None = None
        self._code = 0

    def run(self, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> int:
        """Keep all workers at work until SIGTERM or SIGINT, then end within five seconds; the exit code.

        `on_ready` is called once, when all answer, `on_stop` before the workers are told to end. A worker that
        ends before that ends all, with its exit code.
        """
        self._pipes = [os.pipe() for _ in range(3)]
        (self._lifeline, _), (self._told, self._ready), (self._woken, wake) = self._pipes
        for end in (self._told, self._woken, wake):
            os.set_blocking(end, False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        before = [signal.signal(number, lambda *_: None) for number in numbers]
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            return self._watch(on_ready, on_stop)
        finally:
            self._signal_all(signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
            for end in (end for pipe in self._pipes for end in pipe):
                os.close(end)

    def _watch(self, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> int:
        is_ready = False
        while True:
            signals = self._wait()
            self._reap(is_ready)
            if self._stop_by is None and (self._code or {signal.SIGTERM, signal.SIGINT} & set(signals)):
                self._stop_by = time.monotonic() + _STOP_SECONDS
                on_stop()
                self._signal_all(signal.SIGTERM)
            if not is_ready and self._stop_by is None and len(self._answering) == len(self._places):
                is_ready = True
                on_ready()
            if self._stop_by is not None:
                if not any(place.pid for place in self._places):
                    return self._code
                if time.monotonic() > self._stop_by:
                    self._signal_all(signal.SIGKILL)

    def _wait(self) -> bytes:
        """Start who is due, then return at the next signal or word of a worker, or soon; the signals."""
        now = time.monotonic()
        for place in self._places:
            if not place.pid and self._stop_by is None and place.due <= now:
                self._start(place)
        select.select([self._woken, self._told], [], [], 0.1)
        self._answering.update(_read(self._told))
        return _read(self._woken)

    def _start(self, place: _Place) -> None:
        place.begun = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        place.pid = os.fork()
        if not place.pid:
            self._be_worker(place)

    def _be_worker(self, place: _Place) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            for end in (self._pipes[0][1], self._told, *self._pipes[2]):
                os.close(end)
            code = self._work(Post(place.number, self._lifeline, self._ready))
        except SystemExit as end_of_it:
            code = end_of_it.code if isinstance(end_of_it.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self, is_ready: bool) -> None:
        for place in self._places:
            if not place.pid:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if not pid:
                continue
            place.pid = 0
            if self._stop_by is None:
                self._lost(place, os.waitstatus_to_exitcode(status), is_ready)

    def _lost(self, place: _Place, code: int, is_ready: bool) -> None:
        """Replace a worker that died, after a pause that grows; or give up, if it never answered at the start."""
        if not is_ready and place.number not in self._answering:
            self._code = code if code > 0 else 1
            return
        now = time.monotonic()
        if now - place.begun > _LONG_LIFE:
            place.pause = _FIRST_PAUSE
        place.due = now + place.pause
        place.pause = min(2 * place.pause, _LONGEST_PAUSE)
        click.echo(f"Worker {place.number + 1} ended ({_told(code)}); another takes its place.", err=True)

    def _signal_all(self, number: int) -> None:
        for place in self._places:
            if place.pid:
                with suppress(ProcessLookupError):
                    os.kill(place.pid, number)


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _read(end: int) -> bytes:
    try:
        return os.read(end, 4096)
    except BlockingIOError:
        return b""
