"""What a run is about to change, written down and flushed to the disk before it does: what a clean-up goes by.

One JSON object a line. `run` names the run and its target; `claim` an address or number that nobody had before;
`call` a write that is sent next; `made` and `gone` an ID that the run saw made, and saw deleted. It holds no
credential.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wixture.contracts.targets.address import Address
from wixture.contracts.targets.pace import Stopped

FOLDER = Path(".wixture") / "runs"
MOST_BYTES = 256 * 1024 * 1024
_RUN = re.compile(r"[a-z0-9]{14}")
"""A run's name. It is part of file names, and by it a clean-up knows the run's own: a short one is in any text."""


class BadJournal(ValueError):
    """A file is no journal of a run. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An address or number that a run may write to, since no consent had it."""

    kind: str
    value: str

    @classmethod
    def of(cls, details: Mapping[str, Any]) -> Claim | None:
        """The claim on what details name: the address by EMAIL, the number by PHONE; None when they do not."""
        name = {"EMAIL": "email", "PHONE": "phone"}.get(str(details.get("type")))
        value = details.get(name) if name else None
        return cls(str(details["type"]), value.strip().lower()) if isinstance(value, str) else None

    @property
    def query(self) -> dict[str, str]:
        """The parameters by which a get-by finds it."""
        return {"type": self.kind, {"EMAIL": "email", "PHONE": "phone"}[self.kind]: self.value}


class RunJournal:
    """The journal of a run that goes on. Nothing is written before the first claim, so reading leaves no file."""

    def __init__(
        self, folder: Path, run: str, address: Address, instance_id: str | None = None, *, resumed: bool = False
    ) -> None:
        """`resumed` goes on with the file of a run that ended."""
        self.run = run
        self.path = folder / f"{run}.ndjson"
        self._resumed = resumed
        self._head = {"run": run, "format": 1, "target": address.url, "instance": instance_id}
        self._file: int | None = None
        self.claims: set[Claim] = set()
        self.own: set[str] = set()

    def claim(self, claim: Claim) -> None:
        """The run may write to this from now on."""
        self._write({"claim": claim.kind, "value": claim.value})
        self.claims.add(claim)

    def call(self, operation_id: str, path: str) -> None:
        """A write is sent next."""
        self._write({"call": operation_id, "path": path})

    def made(self, entity_id: str, claim: Claim) -> None:
        """An entity of the run's own is there."""
        if entity_id not in self.own:
            self._write({"made": entity_id, "of": claim.kind, "value": claim.value})
            self.own.add(entity_id)

    def adopt(self, entity_id: str) -> None:
        """An entity was found to be the run's own, and may be deleted."""
        self.own.add(entity_id.lower())

    def gone(self, entity_id: str) -> None:
        """An entity of the run's own is there no longer."""
        self._write({"gone": entity_id})

    def left(self) -> Left:
        """What a clean-up would have to look for, as far as this run goes."""
        return read_journal(self.path) if self._file is not None else Left(self.run, "", None)

    def discard(self) -> None:
        """Remove the file: nothing of the run is left."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, line: Mapping[str, Any]) -> None:
        """Add a line, and come back when it is on the disk. Raises Stopped: without it, nothing may be sent."""
        try:
            file = self._opened()
            self._append(file, line)
        except OSError as error:
            reason = f"The run's journal {self.path} cannot be written ({error.strerror}), so nothing more is."
            raise Stopped(f"{reason} Make room for it, or name another folder with --runs.") from error

    def _opened(self) -> int:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = 0 if self._resumed else os.O_CREAT | os.O_EXCL
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | new, 0o600)
            try:
                if self._resumed:
                    _cut(file, self.path)
                else:
                    self._append(file, self._head)
            except OSError:
                os.close(file)
                if new:
                    self.path.unlink()
                raise
            self._file = file
        return self._file

    def _append(self, file: int, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=True).encode() + b"\n"
        try:
            if os.write(file, data) != len(data):
                raise OSError(errno.ENOSPC, "No space left on device")
            os.fsync(file)
        except OSError:
            _cut(file, self.path)
            raise


def _cut(file: int, path: Path) -> None:
    """Remove a last line that was cut short: it must not swallow the next."""
    os.ftruncate(file, path.read_bytes().rfind(b"\n") + 1)


@dataclass(slots=True)
class Left:
    """What a journal says of a run: its target, what it claimed, and the IDs it saw made for each claim."""

    run: str
    target: str
    instance_id: str | None
    claims: dict[Claim, set[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def read_journal(path: Path) -> Left:
    """What is in a journal; a last line that was cut short is no line. Raises BadJournal, or OSError."""
    if path.stat().st_size > MOST_BYTES:
        raise BadJournal(f"{path} is over {MOST_BYTES // 1024 // 1024} MiB, so no journal of a run.")
    lines = list(_lines(path))
    head = lines[0] if lines else {}
    run = head.get("run")
    named = isinstance(run, str) and _RUN.fullmatch(run)
    if head.get("format") != 1 or not named or not isinstance(head.get("target"), str):
        raise BadJournal(
            f"{path} is no journal of a run: its first line names no run. Give the run's name or file."
        )
    left = Left(head["run"], head["target"], head.get("instance"))
    for line in lines[1:]:
        if "claim" in line:
            left.claims.setdefault(Claim(line["claim"], line["value"]), set())
        elif "made" in line:
            left.claims.setdefault(Claim(line["of"], line["value"]), set()).add(line["made"])
        elif "gone" in line:
            left.gone.add(line["gone"])
    return left


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    for number, text in enumerate(whole.split(b"\n"), start=1):
        if not text:
            continue
        try:
            line = json.loads(text)
            ok = isinstance(line, dict) and _is_known(line)
        except (ValueError, RecursionError):
            ok = False
        if not ok:
            raise BadJournal(f"{path}, line {number}: no line of a run's journal. Nothing was cleaned up.")
        yield line


def _is_known(line: Mapping[str, Any]) -> bool:
    needs = {"claim": ("value",), "made": ("of", "value"), "gone": (), "call": (), "run": ()}
    kind = next((name for name in needs if name in line), None)
    if kind is None or not all(isinstance(line.get(name), str) for name in (kind, *needs[kind])):
        return False
    return line.get(_CHANNEL.get(kind, ""), "EMAIL") in ("EMAIL", "PHONE")


_CHANNEL = {"claim": "claim", "made": "of"}
