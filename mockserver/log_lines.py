"""How a line of the log is written: as text for people or as JSON for machines, without secrets and people."""

from __future__ import annotations

import json
import logging
import re
import traceback
from typing import Any

from wixture.mockserver.instants import to_text
from wixture.mockserver.personal import masked
from wixture.mockserver.redaction import Redaction

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[\w.:/@*-]+\Z", re.ASCII)


class Lines(logging.Formatter):
    """Makes lines: `fields` of a record's `extra` stand beside its message."""

    def __init__(self, form: str, redaction: Redaction) -> None:
        """`form` is `text` or `json`."""
        super().__init__()
        self._as_json = form == "json"
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """One line, or with a traceback as text several. Never has a secret or personal datum that is known."""
        time = to_text(int(record.created * 1_000_000))
        level = record.levelname.lower()
        fields = {name: self._clean(value) for name, value in getattr(record, "fields", {}).items()}
        trace = _places(record)
        message = self._clean(record.getMessage())
        if self._as_json:
            more = {**fields, **({"trace": trace} if trace else {})}
            return json.dumps({"time": time, "level": level, "logger": record.name, "message": message, **more})
        shown = "".join(f" {name}={_shown(value)}" for name, value in fields.items())
        line = f"{time} {level} {record.name}: {message}{shown}" + (f"\n{trace}" if trace else "")
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)

    def _clean(self, value: Any) -> Any:
        return masked(self._redaction.value(value))


def _shown(value: Any) -> str:
    text = str(value)
    return text if _PLAIN.match(text) else json.dumps(text)


def _places(record: logging.LogRecord) -> str:
    """Where an exception came from and its kind, without its text: that may repeat what a client sent."""
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    kind, _, trace = record.exc_info
    return "".join(traceback.format_tb(trace)) + kind.__name__
