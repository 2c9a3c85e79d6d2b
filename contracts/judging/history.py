"""What a target showed in earlier runs: a line for each run, and what is different now."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from wixture.contracts.findings import Finding, Forms
from wixture.contracts.judging.forms import form_names
from wixture.contracts.ledger import rows

CHECK = "chosen-form"
TITLE = "The target has each form that the ledger chose"
_MARK = "wixture-history"
_FORMAT = 1
_BEGIN = json.dumps({"type": _MARK}).encode().removesuffix(b"}")
_LONGEST = 4 * 1024 * 1024


class BadHistory(ValueError):
    """A file that is no history. The text says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Past:
    """One run: when, against what, by which version; the forms it met, and the checks that failed."""

    at: str
    target: str
    version: str
    forms: Mapping[str, Forms] = field(default_factory=dict)
    failed: tuple[str, ...] = ()

    @property
    def contradicted(self) -> tuple[str, ...]:
        """The rows whose documented form was met."""
        return tuple(row for row, seen in self.forms.items() if seen.documented)


# ---- the file ------------------------------------------------------------------------------------


def last_of(path: Path, target: str) -> Past | None:
    """The newest run against a target; None when there is none, or no file yet.

    A last line that was cut off counts as never written. Raises BadHistory for a file that is no history, and
    OSError when it cannot be read.
    """
    if not path.exists():
        return None
    found = None
    with path.open("rb") as file:
        for past in _read(file, path):
            if past.target == target:
                found = past
    return found


def _read(file: IO[bytes], path: Path) -> Iterator[Past]:
    number = 0
    while line := file.readline(_LONGEST):
        number += 1
        past = _past(line)
        if past is not None:
            yield past
        elif line.endswith(b"\n") or not _was_cut_off(line):
            raise BadHistory(
                f"{path} is no history of runs: its line {number} is no run. Name another file, or a new one."
            )


def _was_cut_off(line: bytes) -> bool:
    return line.startswith(_BEGIN) or _BEGIN.startswith(line)


def _past(line: bytes) -> Past | None:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or raw.get("type") != _MARK or raw.get("format") != _FORMAT:
        return None
    words, forms, failed = (
        [raw.get(name) for name in ("at", "target", "version")],
        raw.get("forms"),
        raw.get("failed"),
    )
    if (
        not all(isinstance(word, str) for word in words)
        or not isinstance(forms, dict)
        or not isinstance(failed, list)
    ):
        return None
    read = {row: _forms(seen) for row, seen in forms.items() if isinstance(seen, dict)}
    return Past(str(words[0]), str(words[1]), str(words[2]), read, tuple(map(str, failed)))


def _forms(seen: Mapping[str, Any]) -> Forms:
    counts = [seen.get(name) for name in ("corrected", "documented")]
    first, second = (count if isinstance(count, int) else 0 for count in counts)
    return Forms(first, second)


def append(path: Path, past: Past) -> None:
    """Adds a run at the end, and returns when it is on the disk. What an earlier run left cut off goes.

    Raises BadHistory rather than write into a file that is no history, and OSError when it cannot be written.
    """
    last_of(path, past.target)
    line = json.dumps(_raw(past), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    with path.open("a+b") as file:
        _end_with_a_line(file)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _raw(past: Past) -> dict[str, Any]:
    return {
        "type": _MARK,
        "format": _FORMAT,
        "at": past.at,
        "target": past.target,
        "version": past.version,
        "forms": {
            row: {"corrected": seen.corrected, "documented": seen.documented} for row, seen in past.forms.items()
        },
        "failed": list(past.failed),
    }


def _end_with_a_line(file: IO[bytes]) -> None:
    """Cuts a last line off that has no end, or ends it when it is whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST))
    tail = file.read().rpartition(b"\n")[2]
    if not tail:
        return
    if _past(tail) is None:
        file.truncate(size - len(tail))
    else:
        file.write(b"\n")


# ---- what changed --------------------------------------------------------------------------------


def changes(before: Past, now: Past) -> list[str]:
    """What is different from an earlier run, a sentence each; rows that only one run met say nothing."""
    found = [_changed(row, before.forms[row], seen) for row, seen in now.forms.items() if row in before.forms]
    broken = [name for name in now.failed if name not in before.failed]
    mended = [name for name in before.failed if name not in now.failed]
    found += [f"{name}: was kept on {before.at}, now broken" for name in broken]
    found += [f"{name}: was broken on {before.at}, not met now" for name in mended]
    return [sentence for sentence in found if sentence]


def _changed(row: str, before: Forms, now: Forms) -> str:
    if (before.corrected > 0, before.documented > 0) == (now.corrected > 0, now.documented > 0):
        return ""
    return f"{row}: was {_shown(row, before)}, now {_shown(row, now)}"


def _shown(row: str, seen: Forms) -> str:
    names = form_names(row) if row in rows() else ("corrected", "documented")
    counts = zip(names, (seen.corrected, seen.documented), strict=True)
    return " and ".join(f"{name} {count:,}×" for name, count in counts if count) or "not met"


def contradictions(forms: Mapping[str, Forms], broken: frozenset[str] | set[str] = frozenset()) -> list[Finding]:
    """A finding for each row whose documented form was met: an error where that breaks the contract, else a note.

    `broken` are the rows by which a message broke the contract.
    """
    return [
        Finding(
            check=CHECK,
            severity="error" if row in broken else "note",
            title=rows()[row].title,
            message=f"Met as {_shown(row, seen)}; chosen: {rows()[row].chosen}. See: wixture ledger {row}.",
            evidence="measured",
            spec_pointer=next(iter(rows()[row].contract), None),
            row=row,
        )
        for row, seen in forms.items()
        if seen.documented
    ]
