"""The curl samples of the vendor's pages, read from the pages each time, and what would put each of them right.

A repair changes a sample's text and is named after the row of the ledger that it answers. So a sample can be run
as it is printed, with its shell put right, with everything put right, and with everything but one thing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.yaml_text import read_yaml

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
PAGES = read_yaml((SPEC_FOLDER / "rules.yaml").read_text(encoding="utf-8"))["pages"]
PLACEHOLDER = "<AUTH>"
HOST = "www.wixapis.com"

A_CONSENT = "5a1e5a1e-0000-4000-8000-0000000000c5"
"""What stands for an ID that is none, once it is put right."""


@dataclass(frozen=True)
class Sample:
    """One curl of a page: the number of its first line, and its lines as they stand there."""

    page: str
    line: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """What a reader would copy, with the last line break."""
        return "\n".join(self.lines) + "\n"

    @property
    def numbers(self) -> range:
        """The numbers of its lines."""
        return range(self.line, self.line + len(self.lines))

    def repaired(self, rows: Iterable[str]) -> str:
        """The text with the repairs of some rows, in the order of `REPAIRS`."""
        text, wanted = self.text, set(rows)
        for row, repair in REPAIRS.items():
            if row in wanted:
                text = repair(text)
        return text

    def entities(self) -> list[dict[str, Any]]:
        """What has to be there for it to call upon: a consent for every identifier that it names.

        A sample that names none gets a consent all the same, under the ID that stands for one that is no GUID.
        """
        named = re.findall(r'"(?:details\.)?(email|phone)": "([^"]+)"', self.text)
        called = re.search(r"/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b", self.text)
        revision = re.search(r'"revision": "?(\d+)', self.text)
        return [
            {
                "id": called[1] if called else A_CONSENT[:-1] + str(number),
                "details": {"type": kind.upper(), kind: identifier},
                "state": "CONFIRMED",
                "revision": revision[1] if revision else "1",
                "lastConfirmationActivity": {"source": "FORM", "optInLevel": "SINGLE_CONFIRMATION"},
            }
            for number, (kind, identifier) in enumerate(named or [("email", "reader@example.com")], start=5)
        ]


def samples() -> list[Sample]:
    """Every curl of the pages, in their order. Needs the pages."""
    return [sample for page in PAGES for sample in _samples_of(page)]


def _samples_of(page: str) -> Iterator[Sample]:
    lines = (SEEDS / PAGES[page]["file"]).read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines):
        if re.match(r"curl\b", line):
            yield Sample(page, start + 1, tuple(_until_the_answer(lines[start:])))


def _until_the_answer(lines: list[str]) -> Iterator[str]:
    """Up to the line that opens a JSON object outside of quotes: there the page shows the answer."""
    quotes = 0
    for line in lines:
        if quotes % 2 == 0 and line.startswith("{"):
            return
        quotes += line.count("'")
        yield line


# ---- the repairs ---------------------------------------------------------------------------------


def _changed(pattern: str, to: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, to, text, flags=re.DOTALL)


def _with_parameters(text: str) -> str:
    """A GET whose body has become its query string."""
    body = re.search(r" \\\n-H 'Content-Type: [^']+' \\\n-d '([^']+)'", text)
    if body is None:
        return text
    query = urlencode(json.loads(body[1])["details"])
    return re.sub(r"https://\S+/get-by", lambda address: f"'{address[0]}?{query}'", text.replace(body[0], ""))


def _revoking(text: str) -> str:
    """An update that says who revoked, in the body and in the mask."""
    said = text.replace('"state": "REVOKED",', f'"state": "REVOKED", {REVOCATION},')
    return said.replace('"state",\n', '"state", "lastRevokeActivity",\n')


REVOCATION = '"lastRevokeActivity": {"source": "UNKNOWN_SOURCE"}'
"""What lenient input takes a missing revocation for."""

SHELL: Mapping[str, Callable[[str], str]] = {
    "curl-backslash-space": _changed(r"\\ +", r"\\\n"),
    "curl-command-unfinished": _changed(r" *\\\n\Z", "\n"),
    "curl-body-cut-off": _changed(r"(?<!\\)\n(?=-)", r" \\\n"),
}
"""What puts backslashes right, and nothing else."""

REPAIRS: Mapping[str, Callable[[str], str]] = {
    **SHELL,
    "list-channels-by-post": _changed(r"-X POST(?=.*/followed-channels')", "-X GET"),
    "query-by-patch": _changed(r"-X PATCH(?=.*/query)", "-X POST"),
    "get-by-with-a-body": _with_parameters,
    "curl-no-content-type": _changed(
        rf"('Authorization: {PLACEHOLDER}')", r"\1 -H 'Content-Type: application/json'"
    ),
    "id-group-of-ten": _changed(r"/[0-9a-f]{10}-[0-9a-f-]+'", f"/{A_CONSENT}'"),
    "id-with-a-v": _changed(r"/[0-9a-z]{12}-[0-9a-f-]+'", f"/{A_CONSENT}'"),
    "query-cursor-paging-snake-case": _changed('"cursor_paging"', '"cursorPaging"'),
    "upsert-without-wrapper": _changed(r"-d '(\{.*\})'", r"""-d '{"marketingConsent": \1}'"""),
    "activity-date-snake-case": _changed('"updated_date"', '"updatedDate"'),
    "update-revokes-without-activity": _revoking,
    "remove-without-activity": _changed(r"-d '\{", "-d '{" + REVOCATION + ","),
}
"""The repair of every row that breaks a sample, by the row's ID. The shell comes first."""
