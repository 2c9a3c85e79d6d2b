"""Every curl of the pages is given to bash, with the real curl and a mock that stands for the vendor's host."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from .conftest import MEMBER, Ran, Server
from .samples import SHELL, Sample
from .table import Entry, Verdict, entries

Pages = dict[tuple[str, int], Sample]
Servers = Callable[[str], Server]

ENTRIES = entries()
BAD_ADDRESS = {1, 3}
"""What curl ends with when an address begins with a blank: older ones take it for an unknown protocol."""
UNKNOWN_COMMAND = 127

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
every_input = pytest.mark.parametrize("kind", ["strict", "lenient"])
every_mixture = pytest.mark.parametrize(
    ("entry", "left"),
    [
        pytest.param(entry, left, id="-".join([entry.name, *left]))
        for entry in ENTRIES
        if entry.verdicts["repaired", "lenient"].works
        for size in range(len(entry.left("repaired")) + 1)
        for left in combinations(entry.left("repaired"), size)
    ],
)
every_row = pytest.mark.parametrize(
    ("entry", "row"),
    [pytest.param(entry, row, id=f"{entry.name}-{row}") for entry in ENTRIES for row in entry.breaks],
)


def _run(server: Server, entry: Entry, sample: Sample, rows: Any, **more: Any) -> Ran:
    """Run a sample with the repairs of some rows, where what it names is there if the entry says so."""
    seed: dict[str, Any] = {}
    if entry.seeded and entry.identity == "MEMBER":
        seed = {"followedChannels": [{"memberId": MEMBER, "channel": "TIKTOK"}]}
    elif entry.seeded:
        seed = {"marketingConsents": sample.entities()}
    return server.run(sample.repaired(rows), identity=entry.identity, seed=seed, **more)


def _verdict(entry: Entry, ran: Ran) -> Verdict:
    """What came of a run, in the words of the table. A command that the shell still waits for sends nothing."""
    if ran.transcript.waited:
        return Verdict()
    if not ran.exchanges:
        assert ran.transcript.printed.strip() == ""
        return Verdict()
    (exchange,) = ran.exchanges
    by, status = exchange["operationId"], exchange["response"]["status"]
    details = json.loads(ran.transcript.printed).get("details", {})
    found = details.get("validationError", {}).get("fieldViolations", [])
    return Verdict(
        status=status,
        by=None if by == entry.operation else by,
        rule=details.get("applicationError", {}).get("data", {}).get("rule"),
        fields={violation["field"]: violation["data"]["rule"] for violation in found},
    )


@every_input
@every_entry
def test_a_curl_as_printed(pages: Pages, server: Servers, entry: Entry, kind: str) -> None:
    ran = _run(server(kind), entry, pages[entry.page, entry.line], [])
    assert _verdict(entry, ran) == entry.verdicts["printed", kind], ran


@every_input
@every_entry
def test_a_curl_with_its_shell_repaired(pages: Pages, server: Servers, entry: Entry, kind: str) -> None:
    ran = _run(server(kind), entry, pages[entry.page, entry.line], SHELL)
    assert ran.transcript.exits == [0], ran
    assert _verdict(entry, ran) == entry.verdicts["repaired", kind], ran


@every_entry
def test_a_curl_may_ask_for_lenient_input_by_itself(pages: Pages, server: Servers, entry: Entry) -> None:
    sample = pages[entry.page, entry.line]
    ran = _run(server("strict"), entry, sample, SHELL, asks_for_lenient=True)
    assert _verdict(entry, ran) == entry.verdicts["repaired", "lenient"], ran


@every_mixture
def test_lenient_input_answers_any_mixture_of_rows_as_strict_input_answers_the_corrected_curl(
    pages: Pages, server: Servers, entry: Entry, left: tuple[str, ...]
) -> None:
    """To the byte: two servers with one random seed, one clock and one site have the same ids and dates."""
    sample, site = pages[entry.page, entry.line], str(uuid.uuid5(uuid.NAMESPACE_URL, f"{entry.name}{left}"))
    lenient = _run(server("lenient"), entry, sample, set(entry.breaks) - set(left), site=site)
    strict = _run(server("strict"), entry, sample, entry.breaks, site=site)
    assert lenient.transcript.printed == strict.transcript.printed
    assert sorted(lenient.exchanges[0]["ledgerRows"]) == sorted(left)


@every_entry
def test_what_the_shell_makes_of_a_curl_is_what_its_rows_say(pages: Pages, server: Servers, entry: Entry) -> None:
    """A backslash at the end: it waits for more. Before a blank: curl refuses the address. None: two commands."""
    ran = _run(server("strict"), entry, pages[entry.page, entry.line], [])
    waits = "curl-command-unfinished" in entry.breaks
    refused = "curl-backslash-space" in entry.breaks
    cut = "curl-body-cut-off" in entry.breaks
    transcript = ran.transcript
    assert transcript.waited == waits, ran
    assert ("curl: (" in transcript.complained) == refused, ran
    assert [command in ("-d", "--data-binary") for command in transcript.unknown_commands] == [True] * cut, ran
    if not waits:
        assert (transcript.exits[0] in BAD_ADDRESS) == refused, ran
        assert transcript.exits[1:] == [UNKNOWN_COMMAND] * cut, ran


@every_entry
def test_a_curl_works_once_every_row_that_breaks_it_is_put_right(
    pages: Pages, server: Servers, entry: Entry
) -> None:
    ran = _run(server("strict"), entry, pages[entry.page, entry.line], entry.breaks)
    assert _verdict(entry, ran) == Verdict(status=200), ran


@every_row
def test_each_row_breaks_its_curl_by_itself(pages: Pages, server: Servers, entry: Entry, row: str) -> None:
    others = [other for other in entry.breaks if other != row]
    ran = _run(server("strict"), entry, pages[entry.page, entry.line], others)
    assert not _verdict(entry, ran).works, ran
