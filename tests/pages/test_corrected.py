"""Every curl of the pages has one command on our page that works: the same operation, the same kind of data."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer

from .conftest import MEMBER, Ran, Server
from .samples import Sample
from .table import Entry, entries

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "curl-corrected.md").read_text(encoding="utf-8")
LEDGER_PAGE = (ROOT / "docs" / "reference" / "ledger.md").read_text(encoding="utf-8")
ENTRIES = entries()

REPAIRED = {"/lastRevokeActivity/source", "/marketingConsent/lastRevokeActivity/source"}
"""What the pages do not say and a repair had to."""

Exchange = dict[str, Any]
Pages = dict[tuple[str, int], Sample]
Servers = Callable[[str], Server]
every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def _blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
"""What our page says about each operation."""


@pytest.fixture(scope="module")
def exchanges(shell: None) -> Mapping[str, Exchange]:
    """The exchange of each section's command, where the page is pasted into one shell from its top to its end."""
    mock = Mock()
    with BackgroundServer(mock) as server:
        mock.app.public_url = server.url
        script = "\n".join(_blocks(PAGE)).replace("http://127.0.0.1:8787", server.url)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={"PATH": path, "WIXTURE_URL": server.url, "CURL_HOME": os.devnull},
            stdout=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        with urllib.request.urlopen(f"{server.url}/_mock/exchanges", timeout=30) as answer:  # noqa: S310  # our own
            seen = json.loads(answer.read())["exchanges"]
    return dict(zip(SECTIONS, seen, strict=True))


def test_the_page_has_one_section_for_each_curl_and_one_command_in_each() -> None:
    assert sorted(SECTIONS) == sorted(entry.operation for entry in ENTRIES)
    commands = {name: len(re.findall(r"\bcurl\b", "".join(_blocks(text)))) for name, text in SECTIONS.items()}
    assert commands == dict.fromkeys(SECTIONS, 1)


def test_the_page_counts_what_works() -> None:
    ways = (("printed", "strict"), ("repaired", "strict"), ("printed", "lenient"), ("repaired", "lenient"))
    assert [sum(entry.verdicts[way].works for entry in ENTRIES) for way in ways] == [0, 1, 1, 9]
    said = " ".join(PAGE.split())
    assert "None of them works as it is printed; with its backslashes put right, one does." in said
    assert "takes one as it is printed, and nine with their backslashes put right." in said


@every_entry
def test_a_corrected_command_works_and_reaches_the_operation_of_its_curl(
    exchanges: Mapping[str, Exchange], entry: Entry
) -> None:
    exchange = exchanges[entry.operation]
    assert (exchange["operationId"], exchange["response"]["status"]) == (entry.operation, 200)
    assert exchange["identity"] == entry.identity


@every_entry
def test_a_section_names_the_rows_that_break_its_curl(entry: Entry) -> None:
    linked = re.findall(r"\[([\w-]+)\]\(\.\./reference/ledger\.md#([\w-]+)\)", SECTIONS[entry.operation])
    assert linked == [(row, row) for row in entry.breaks]
    assert all(f"\n### {row}\n" in LEDGER_PAGE for row in entry.breaks)


@every_entry
def test_a_corrected_command_sends_the_same_kind_of_data_and_values_of_its_own(
    pages: Pages, server: Servers, exchanges: Mapping[str, Exchange], entry: Entry
) -> None:
    theirs = _sent(_with_every_row_put_right(server("strict"), entry, pages[entry.page, entry.line]))
    ours = _sent(exchanges[entry.operation])
    assert set(ours) == set(theirs)
    said = {path for path in theirs if path not in REPAIRED}
    names = {path for path in said if _is_name(theirs[path])}
    assert {path: ours[path] for path in names} == {path: theirs[path] for path in names}
    assert [path for path in said - names if ours[path] == theirs[path]] == []


def _with_every_row_put_right(server: Server, entry: Entry, sample: Sample) -> Exchange:
    seed: dict[str, Any] = {"marketingConsents": sample.entities()} if entry.seeded else {}
    if entry.identity == "MEMBER":
        seed = {"followedChannels": [{"memberId": MEMBER, "channel": "TIKTOK"}]}
    ran: Ran = server.run(sample.repaired(entry.breaks), identity=entry.identity, seed=seed)
    (exchange,) = ran.exchanges
    return exchange


def _sent(exchange: Exchange) -> dict[str, str]:
    """The values of a request by their place: those of its query string, and the leaves of its body."""
    query = exchange["request"]["path"].partition("?")[2]
    sent = {"?" + part.partition("=")[0]: part.partition("=")[2] for part in query.split("&") if part}
    return sent | dict(_leaves(exchange["request"]["body"] or {}, ""))


def _leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """A mask counts as one leaf: it has three forms, and all say the same."""
    if path == "/mask" or not isinstance(node, dict | list):
        yield path, "MASK" if path == "/mask" else str(node)
        return
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        yield from _leaves(child, f"{path}/{name}")


def _is_name(value: str) -> bool:
    """Whether a value is one of the API's own, such as EMAIL, rather than the caller's."""
    return re.fullmatch(r"[A-Z_]+", value) is not None
