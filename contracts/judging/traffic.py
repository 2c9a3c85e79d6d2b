"""Recorded traffic, read: HAR 1.2 and NDJSON, one exchange after the other.

An NDJSON file of any size is read line by line. A file may be packed with gzip. Whatever it holds, it is read, or
refused by BadTraffic, which names the line or entry.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from wixture.contracts.findings import Exchanged
from wixture.contracts.judging import har
from wixture.contracts.judging.messages import BadMessage, exchange_of, journal_of

LONGEST_LINE = 64 * 1024 * 1024
LARGEST_HAR = 512 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 120


class BadTraffic(ValueError):
    """A file that is no recorded traffic. The text names the line or entry, and says what was expected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange of a file. `place` says where it stands: `line 3`, `entry 3`.

    `identity` is known from the mock's own journal; `lacks` is that of `Judged`; `fault` says that the mock spoilt
    this answer on purpose.
    """

    place: str
    exchange: Exchanged
    identity: str | None = None
    lacks: frozenset[str] = frozenset()
    fault: bool = False


def entries(path: Path) -> Iterator[Entry]:
    """The exchanges of a HAR or NDJSON file, in its order. Raises BadTraffic, and OSError from the file itself."""
    with path.open("rb") as raw:
        start = raw.read(4)
        raw.seek(0)
        if start.startswith(_GZIP):
            with gzip.open(raw) as packed:
                yield from _unpacked(packed, path)
        else:
            yield from _entries(raw, path)


def _unpacked(packed: Any, path: Path) -> Iterator[Entry]:
    try:
        yield from _entries(packed, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadTraffic(f"{path} is packed with gzip and cannot be unpacked: {error}.") from error


def _entries(file: IO[bytes], path: Path) -> Iterator[Entry]:
    line = _line(file, path, 1)
    if line.startswith(_WIDE):
        raise BadTraffic(f"{path} is UTF-16; UTF-8 is expected. Save it as UTF-8.")
    line = line.removeprefix(_BOM)
    if _is_har(line, path):
        yield from _of_har(line + file.read(LARGEST_HAR + 1 - len(line)), path)
        return
    number = 1
    while line:
        if line.strip():
            yield from _of_line(line, f"line {number}", path)
        number += 1
        line = _line(file, path, number)


def _line(file: IO[bytes], path: Path, number: int) -> bytes:
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE and not (number == 1 and path.suffix.lower() == ".har"):
        most = LONGEST_LINE // 2**20
        raise BadTraffic(f"{path}, line {number}: it is longer than {most} MiB; a line holds one exchange.")
    return line


def _is_har(line: bytes, path: Path) -> bool:
    """Whether a file is HAR: by its first line, else by its name."""
    try:
        first = orjson.loads(line)
    except orjson.JSONDecodeError:
        suffix = path.suffix.lower()
        return suffix == ".har" or (suffix not in (".ndjson", ".jsonl") and not line.rstrip().endswith(b"}"))
    return isinstance(first, dict) and "log" in first


def _of_har(text: bytes, path: Path) -> Iterator[Entry]:
    if len(text) > LARGEST_HAR:
        most = LARGEST_HAR // 2**20
        raise BadTraffic(
            f"{path}: a HAR of more than {most} MiB is not read. Give NDJSON, a line for each exchange."
        )
    listed = har.listed(_json(text, str(path), "a HAR"))
    if listed is None:
        raise BadTraffic(f"{path} is no HAR: an object with log.entries was expected, and no list. {_EXPECTED}")
    for number, raw in enumerate(listed, 1):
        try:
            exchange, lacks = har.exchange_of(raw)
        except BadMessage as error:
            raise BadTraffic(f"{path}, entry {number}: {error}") from error
        yield Entry(f"entry {number}", exchange, None, lacks)


_EXPECTED = "Give a HAR, or NDJSON with an exchange on each line."


def _of_line(line: bytes, place: str, path: Path) -> Iterator[Entry]:
    raw = _json(line, f"{path}, {place}", "an exchange")
    listed = raw.get("exchanges") if isinstance(raw, dict) else None
    unattributed = raw.get("unattributed") if isinstance(raw, dict) else None
    held = [*listed, *(unattributed or ())] if isinstance(listed, list) else [raw]
    for one in held:
        try:
            yield _entry(one, place)
        except BadMessage as error:
            raise BadTraffic(f"{path}, {place}: {error}") from error


def _entry(raw: Any, place: str) -> Entry:
    if isinstance(raw, dict) and isinstance(raw.get("request"), dict) and "path" in raw["request"]:
        exchange, lacks = journal_of(raw)
        identity = raw.get("identity")
        return Entry(
            place, exchange, identity if isinstance(identity, str) else None, lacks, bool(raw.get("faultId"))
        )
    return Entry(place, exchange_of(raw))


def _json(text: bytes, where: str, expected: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = str(error).partition(": line")[0][:_SHOWN]
        at = (
            f" at line {error.lineno}, column {error.colno}"
            if expected == "a HAR"
            else f" at column {error.colno}"
        )
        raise BadTraffic(
            f"{where}: this is no JSON, {reason}{at}; {expected} was expected. {_EXPECTED}"
        ) from error
