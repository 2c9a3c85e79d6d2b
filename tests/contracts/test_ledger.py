"""The ledger keeps its form, its quotes stand on the pages, and the command prints it in three ways."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from wixture.contracts.document import SPEC_FOLDER, Contract, read_document
from wixture.contracts.ledger import Place, Row, as_json, as_markdown, as_text, rows
from wixture.contracts.lint.patterns import why_not_linear
from wixture.contracts.pointers import resolve
from wixture.contracts.steps import read_steps
from wixture.contracts.yaml_text import read_yaml

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"
LEDGER = read_yaml((SPEC_FOLDER / "ledger.yaml").read_text(encoding="utf-8"), unique_keys=True)
SCHEMA = read_yaml((SPEC_FOLDER / "ledger.schema.yaml").read_text(encoding="utf-8"), unique_keys=True)
PAGES = read_yaml((SPEC_FOLDER / "rules.yaml").read_text(encoding="utf-8"))["pages"]

every_row = pytest.mark.parametrize("row", rows().values(), ids=list(rows()))

FACTS = {
    1: "eligibility-grated",
    2: "eligibility-capital-c",
    3: "entity-dates-snake-case",
    4: "activity-date-snake-case",
    5: "get-by-email-under-phone",
    6: "query-cursor-paging-snake-case",
    7: "upsert-without-wrapper",
    8: "activities-below-info",
    9: "revision-sent-as-number",
    10: "update-mask-as-object",
    11: "get-by-with-a-body",
    12: "get-by-parameter-names",
    13: "query-list-key-singular",
    14: "bulk-counters-singular",
    15: "bulk-results-partial",
    16: "deleted-event-moved-to-trash",
    17: "webhook-claims-as-objects",
    18: "webhook-identity-all-ids",
    19: "eligibility-reason-empty",
    20: "extended-fields-empty",
    21: "list-channels-by-post",
    22: "query-by-patch",
    23: "get-by-with-a-body",
    24: "curl-backslash-space",
    25: "curl-command-unfinished",
    26: "curl-body-cut-off",
    27: "curl-no-content-type",
    28: "curl-addresses-unquoted",
    29: "addresses-without-prefix",
    30: "id-group-of-ten",
    31: "id-with-a-v",
    32: "channel-event-other-entity",
    33: "consent-events-other-entity",
    34: "one-channel-id-three-channels",
    35: "one-consent-id-four-identifiers",
    36: "created-events-late",
    37: "updated-event-first-revision",
    38: "updated-date-stands-still",
    39: "update-keeps-revision",
    40: "activity-before-creation",
    41: "update-revokes-without-activity",
    42: "remove-without-activity",
    43: "revoked-without-revoke-activity",
    44: "mask-without-details",
    45: "create-confirms-double-opt-in",
    46: "create-link-revokes",
    47: "update-without-link",
    48: "description-loses-full-stop",
    49: "sort-by-id",
    50: "state-row-lacks-a-cell",
    51: "unknown-level-when-confirmed",
    52: "channel-account-from-request",
    53: "channel-identities",
    54: "channels-order-direction",
    55: "channels-flow-other-fields",
    56: "channel-event-lacks-listed-fields",
    57: "channel-values-unlisted",
    58: "document-filed-or-filled cancel-spellings",
    59: "link-hosts-differ",
    60: "lost-list-of-abilities",
    61: "lost-eligibility-condition",
    62: "lost-never-confirmed-heading",
    63: "lost-confirmation-flow",
    64: "lost-sync-flow",
    65: "lost-terminology-breaks",
}
"""The project's numbered list of what is wrong with the pages, and the rows that tell each."""

UNNUMBERED = {"event-time-digits", "phone-number-unassigned", "state-default-never-applies"}


# ---- the document --------------------------------------------------------------------------------


def _errors(document: Any) -> list[str]:
    validator = jsonschema_rs.Draft202012Validator(SCHEMA, pattern_options=jsonschema_rs.RegexOptions())
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(document)
    ]


def test_the_ledger_keeps_its_schema() -> None:
    assert _errors(LEDGER) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"more": "?"}, "an unknown field"),
        ({"kind": "external"}, "an external row with lines"),
        ({"where": "elsewhere"}, "a defect without lines"),
        ({"where": [{"page": "social-media", "lines": [1]}]}, "neither quote nor reason"),
        ({"where": [{"page": "social-media", "lines": [1], "quote": "a", "reason": "b"}]}, "quote and reason"),
        ({"where": [{"page": "social-media", "lines": ["1-"], "quote": "a"}]}, "half a range"),
        ({"where": [{"page": "social-media", "lines": [1], "quote": "a " * 8 + "a"}]}, "nine words"),
        ({"where": [{"page": "loyalty", "lines": [1], "quote": "a"}]}, "an unknown page"),
        ({"contract": []}, "no pointer and no reason"),
        ({"contract": ["components"]}, "no pointer"),
        ({"witnesses": {"text": "a"}}, "witnesses missing"),
        ({"id": "Not-Kebab"}, "a capital in an ID"),
        ({"emits": "granted → grated"}, "prose instead of steps"),
        ({"emits": [{"in": ["get"], "at": "/a"}]}, "a step that does nothing"),
        ({"emits": [{"in": ["get"], "rename": {"a": "b"}, "drop": ["c"]}]}, "a step that does two things"),
        ({"emits": [{"in": ["get"], "wrap": "a"}]}, "a request's step for an answer"),
        ({"lenient": [{"in": ["get"], "drop": ["a"]}]}, "an answer's step for a request"),
        ({"lenient": [{"rename": {"a": "b"}}]}, "a step for no message"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_the_schema_refuses(change: dict[str, Any], why: str) -> None:
    assert _errors({"rows": [LEDGER["rows"][0] | change]}), why


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _patterns(child)


@pytest.mark.parametrize("pattern", sorted(set(_patterns(SCHEMA))))
def test_the_patterns_of_the_schema_are_linear(pattern: str) -> None:
    assert why_not_linear(pattern) is None


def test_every_id_stands_once() -> None:
    assert len(rows()) == len(LEDGER["rows"])


def test_the_pages_are_those_of_the_rulebook() -> None:
    assert SCHEMA["$defs"]["Place"]["properties"]["page"]["enum"] == list(PAGES)


@pytest.mark.parametrize("fact", range(1, 66))
def test_every_known_inconsistency_has_a_row(fact: int) -> None:
    assert set(FACTS[fact].split()) <= set(rows())


def test_every_other_row_is_listed_as_unnumbered() -> None:
    assert set(rows()) - UNNUMBERED == {row_id for ids in FACTS.values() for row_id in ids.split()}


# ---- each row ------------------------------------------------------------------------------------


@every_row
def test_a_row_says_its_title_and_its_why_in_sentences(row: Row) -> None:
    assert row.title.endswith(".")
    assert row.why.endswith(".")


@every_row
def test_a_row_names_its_place(row: Row) -> None:
    assert bool(row.where) != bool(row.elsewhere)
    for place in row.where:
        assert bool(place.quote) != bool(place.reason)
        assert len(place.quote.split()) <= 8


@every_row
def test_the_contract_has_what_a_row_points_to(row: Row) -> None:
    document = read_document(SPEC_FOLDER / "openapi.yaml")
    for pointer in row.contract:
        resolve(document, pointer)
    assert bool(row.contract) != bool(row.not_in_contract)


@every_row
def test_what_lenient_input_and_the_dialect_do_goes_from_one_form_to_another(row: Row) -> None:
    assert all(
        re.search(r"→|dropped|without a body|with the same body|accepted", step.says()) for step in row.lenient
    )
    assert all(re.search(r"→|dropped", step.says()) for step in row.emits)


def _messages() -> set[str]:
    document = read_document(SPEC_FOLDER / "openapi.yaml")
    contract = Contract(document)
    return set(contract.operations) | set(contract.webhooks)


@every_row
def test_the_steps_of_a_row_name_messages_of_the_contract(row: Row) -> None:
    named = {message for step in (*row.lenient, *row.emits) for message in step.messages}
    assert named <= _messages()


@pytest.fixture(scope="session")
def lines_of() -> Mapping[str, list[str]]:
    """The lines of the vendor's pages; without the pages the tests skip, or fail where they are required."""
    if not SEEDS.is_dir():
        message = f"THE QUOTES OF THE LEDGER WERE NOT CHECKED: there is no {SEEDS}."
        if "seeds" in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
            pytest.fail(f"{message} WIXTURE_REQUIRE names seeds, so this is a failure.", pytrace=False)
        pytest.skip(message)
    return {page: (SEEDS / row["file"]).read_text(encoding="utf-8").splitlines() for page, row in PAGES.items()}


@every_row
def test_a_quote_stands_on_a_named_line(lines_of: Mapping[str, list[str]], row: Row) -> None:
    for place in row.where:
        named = [lines_of[place.page][number - 1] for number in place.numbers]
        assert any(place.quote in line for line in named), f"{place.cited} has no {place.quote!r}"


@every_row
def test_the_lines_of_a_place_ascend(row: Row) -> None:
    for place in row.where:
        assert list(place.numbers) == sorted(set(place.numbers))


# ---- how it is printed ---------------------------------------------------------------------------


@pytest.fixture
def row() -> Row:
    """A row of ours, in which only some fields matter."""
    return Row(
        id="a-row",
        title="Something is *wrong*.",
        kind="defect",
        where=(Place("social-media", (3, "5-6"), quote="some words"),),
        elsewhere="",
        documented="grated",
        witnesses={"text": "granted", "sample": "grated", "sdk-types": "granted", "sdk-wire": "silent"},
        chosen="granted",
        why="It is spelt so elsewhere.",
        contract=("/info",),
        not_in_contract="",
        lenient=(),
        emits=read_steps("a-row", [{"in": ["getIt"], "at": "/a", "rename": {"granted": "grated"}}]),
    )


def test_a_place_knows_its_lines_one_by_one_and_as_they_are_cited(row: Row) -> None:
    place = row.where[0]
    assert (place.numbers, place.cited) == ((3, 5, 6), "social-media:3,5-6")


def test_text_shows_the_place_the_choice_and_the_reason(row: Row) -> None:
    assert as_text([row]).splitlines() == [
        "Defects: social-media",
        "",
        "  a-row: Something is *wrong*.",
        "    social-media:3,5-6  some words",
        "    grated → granted",
        "    It is spelt so elsewhere.",
    ]


def test_text_gathers_rows_by_kind_and_then_by_page(row: Row) -> None:
    other_page = replace(row, id="b-row", where=(Place("marketing-consent", (1,), reason="no words"),))
    outside = replace(row, id="c-row", kind="external", where=(), elsewhere="The other pages.")
    fine = replace(row, id="d-row", kind="confirmed")
    last = replace(row, id="e-row")
    text = as_text([outside, row, fine, other_page, last])
    assert re.findall(r"^\S.*|(?<=^  )[a-z]-row", text, flags=re.MULTILINE) == [
        "Defects: social-media", "a-row", "e-row",
        "Defects: marketing-consent", "b-row",
        "Looks wrong, is right: social-media", "d-row",
        "On other pages", "c-row",
    ]  # fmt: skip
    assert "    marketing-consent:1  no words\n" in text
    assert "    The other pages.\n" in text


def test_markdown_shows_all_fields_and_escapes_what_is_no_markup(row: Row) -> None:
    page = as_markdown([row])
    assert page.startswith("## Defects: social-media\n\n### a-row\n\nSomething is \\*wrong\\*.\n\n")
    for line in (
        "- **where**: social-media:3,5-6: `some words`",
        "- **witnesses**: text: granted; sample: grated; sdk-types: granted; sdk-wire: silent",
        "- **contract**: `/info`",
        "- **lenient input accepts**: nothing",
        "- **the documented dialect emits**: getIt: /a/granted → /a/grated",
    ):
        assert line in page.splitlines()


def test_markdown_shows_why_nothing_is_quoted_and_nothing_is_in_the_contract(row: Row) -> None:
    bare = replace(row, contract=(), not_in_contract="A shell's matter.")
    place = Place("social-media", (3,), reason="Nothing stands there.")
    page = as_markdown([replace(bare, where=(place,)), replace(bare, where=(), elsewhere="Elsewhere.")])
    assert "- **where**: social-media:3: Nothing stands there.\n" in page
    assert "- **where**: Elsewhere.\n" in page
    assert "- **contract**: A shell's matter.\n" in page


def test_json_is_the_rows_of_the_file() -> None:
    assert json.loads(as_json(rows().values())) == LEDGER["rows"]


def test_json_keeps_the_reason_of_a_place_without_a_quote(row: Row) -> None:
    place = Place("social-media", (3,), reason="Nothing stands there.")
    shown = json.loads(as_json([replace(row, where=(place,))]))
    assert shown[0]["where"] == [{"page": "social-media", "lines": [3], "reason": "Nothing stands there."}]


# ---- the command ---------------------------------------------------------------------------------


def _wixture(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wixture", "ledger", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [([], as_text), (["--format", "json"], as_json), (["--format", "markdown"], as_markdown)],
    ids=["text", "json", "markdown"],
)
def test_the_command_prints_all_rows(arguments: list[str], printed: Any) -> None:
    ended = _wixture(*arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == printed(rows().values())


def test_the_command_prints_named_rows_once_in_the_order_named() -> None:
    ended = _wixture("--format", "json", "sort-by-id", "eligibility-grated", "sort-by-id")
    assert [row["id"] for row in json.loads(ended.stdout)] == ["sort-by-id", "eligibility-grated"]


def test_an_unknown_row_is_wrong_use_and_the_closest_is_named() -> None:
    ended = _wixture("eligibility-granted")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no row 'eligibility-granted'. The closest is 'eligibility-grated'" in ended.stderr
