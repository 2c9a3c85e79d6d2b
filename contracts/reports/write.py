"""Reports by kind, and into files: what `--format KIND` and `--report KIND=PATH` do."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from wixture.contracts.redacted import RedactedRun

KINDS = {
    "text": "text",
    "json": "as_json",
    "junit": "junit",
    "html": "as_html",
    "sarif": "sarif",
    "ndjson": "ndjson",
}
"""Each kind and the file that renders it, imported when it is asked for."""


class BadReport(ValueError):
    """What was asked for is no report. The text says what would be one."""


def render(kind: str, run: RedactedRun) -> str:
    """The run as a report of this kind. Raises BadReport for another kind, TypeError for a run not redacted."""
    if kind not in KINDS:
        raise BadReport(f"{kind!r} is no kind of report; expected one of {', '.join(KINDS)}.")
    if not isinstance(run, RedactedRun):
        raise TypeError("A report prints only what was redacted. Give redacted(run, redactor), not the run.")
    text: str = import_module(f"wixture.contracts.reports.{KINDS[kind]}").render(run)
    return text


def parse(asked: str) -> tuple[str, Path]:
    """`KIND=PATH` as its two parts. Raises BadReport, so that a long run does not start with a wrong one."""
    kind, equals, name = asked.partition("=")
    if not equals or not name:
        raise BadReport(f"{asked!r} is no report; expected KIND=PATH, such as html=report.html.")
    if kind not in KINDS:
        raise BadReport(f"{kind!r} is no kind of report; expected one of {', '.join(KINDS)}.")
    path = Path(name)
    if path.is_dir() or not path.parent.is_dir():
        reason = "is a folder" if path.is_dir() else f"would stand in {path.parent}, which is no folder"
        raise BadReport(f"{asked!r} cannot be written: {path} {reason}. Name a file in a folder that is there.")
    return kind, path


def write(run: RedactedRun, *asked: str) -> list[Path]:
    """Writes a report for each `KIND=PATH`, and says where. All are rendered before the first file changes.

    Raises BadReport, and OSError that names a file that cannot be written. A file is replaced whole or not at all.
    """
    wanted = [parse(one) for one in asked]
    rendered = [(path, render(kind, run)) for kind, path in wanted]
    for path, text in rendered:
        try:
            _replace(path, text)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
    return [path for path, _ in rendered]


def _replace(path: Path, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    if path.exists() and not path.is_file():  # /dev/stdout and pipes
        path.write_bytes(data)
        return
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
