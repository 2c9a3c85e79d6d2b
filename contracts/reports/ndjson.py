"""A run as lines of JSON, for programs that read line by line: each says its `type`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wixture.contracts.findings import check_dict, covered_dict, finding_dict
from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.said import json_text

_LINES = ("checks", "findings", "coverage")
"""What has lines of its own instead of standing in the last one."""


def render(run: RedactedRun) -> str:
    """A line for each check, finding and covered status, and one for the run at the end."""
    return "".join(json_text(line) + "\n" for line in _lines(run))


def _lines(run: RedactedRun) -> Iterator[dict[str, Any]]:
    yield from ({"type": "check", **check_dict(result)} for result in run.checks)
    yield from ({"type": "finding", **finding_dict(finding)} for finding in run.findings)
    yield from ({"type": "coverage", **covered_dict(covered)} for covered in run.coverage)
    rest = {name: value for name, value in run.to_dict().items() if name not in _LINES}
    yield {"type": "run", **rest}
