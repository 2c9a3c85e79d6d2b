"""A run as one JSON document, in the form of spec/report.schema.yaml."""

from __future__ import annotations

from wixture.contracts.redacted import RedactedRun
from wixture.contracts.reports.said import json_text


def render(run: RedactedRun) -> str:
    """The run as indented JSON, a line end behind it."""
    return json_text(run.to_dict(), indent=2) + "\n"
