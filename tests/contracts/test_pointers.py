from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wixture.contracts import pointers

DOCUMENT: dict[str, Any] = {
    "paths": {"/a/{id}": {"get": {"tags": ["x", "y"]}}},
    "schemas": {
        "Text": {"type": "string", "pattern": "^a$"},
        "Alias": {"$ref": "#/schemas/Text"},
        "AliasOfAlias": {"$ref": "#/schemas/Alias", "description": "both"},
        "Thing": {"properties": {"name": {"$ref": "#/schemas/AliasOfAlias"}, "$ref": {"type": "integer"}}},
        "Things": {"items": {"$ref": "#/schemas/Thing"}},
        "Ping": {"$ref": "#/schemas/Pong"},
        "Pong": {"$ref": "#/schemas/Ping"},
        "Far": {"$ref": "https://example.com/x.yaml"},
        "Encoded": {"$ref": "#/paths/~1a~1%7Bid%7D/get"},
    },
}


TEXT_PATTERN = "/schemas/Text/pattern"


@given(st.lists(st.text()))
def test_what_was_joined_splits_into_the_same_steps(parts: list[str]) -> None:
    assert pointers.split(pointers.join(*parts)) == parts


def test_slashes_and_tildes_are_escaped() -> None:
    assert pointers.join("a/b", "c~d", 0) == "/a~1b/c~0d/0"


def test_a_pointer_without_a_leading_slash_is_refused() -> None:
    with pytest.raises(ValueError, match="expected it to be empty or to start with '/'"):
        pointers.split("a/b")


def test_the_empty_pointer_is_the_document() -> None:
    assert pointers.resolve(DOCUMENT, "") is DOCUMENT


def test_a_pointer_goes_through_mappings_and_lists() -> None:
    assert pointers.resolve(DOCUMENT, "/paths/~1a~1{id}/get/tags/1") == "y"


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/path", "the document has no 'path'; it has paths, schemas"),
        ("/paths/~1a~1{id}/get/tags/2", "/tags is a list of 2 and has no item '2'"),
        ("/paths/~1a~1{id}/get/tags/01", "has no item '01'"),
        ("/paths/~1a~1{id}/get/tags/-1", "has no item '-1'"),
        ("/schemas/Text/type/x", "/schemas/Text/type is str, so it cannot have 'x'"),
    ],
    ids=["key", "index", "leading zero", "negative", "scalar"],
)
def test_a_missing_step_is_named(pointer: str, said: str) -> None:
    with pytest.raises(LookupError, match=r"does not resolve") as caught:
        pointers.resolve(DOCUMENT, pointer)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("start", "steps", "end"),
    [
        ("/schemas/Text", ["pattern"], TEXT_PATTERN),
        ("/schemas/Text", ["$ref", "pattern"], TEXT_PATTERN),
        ("/schemas/Things", ["items", "$ref", "properties", "name", "$ref", "$ref", "pattern"], TEXT_PATTERN),
        ("/schemas/Things", ["items", "properties", "name", "pattern"], TEXT_PATTERN),
        ("/schemas/Alias", [], "/schemas/Text"),
        ("/schemas/AliasOfAlias", ["description"], "/schemas/AliasOfAlias/description"),
        ("/schemas/Thing", ["properties", "$ref", "type"], "/schemas/Thing/properties/$ref/type"),
        ("/schemas/Encoded", ["tags", 0], "/paths/~1a~1{id}/get/tags/0"),
    ],
    ids=["plain", "ref of the asker", "refs", "refs unsaid", "alias", "sibling", "named $ref", "encoded"],
)
def test_a_schema_path_leads_to_its_canonical_place(start: str, steps: list[str | int], end: str) -> None:
    assert pointers.follow(DOCUMENT, start, steps) == end


def test_a_circle_of_references_is_named() -> None:
    with pytest.raises(LookupError, match="form a circle"):
        pointers.follow(DOCUMENT, "/schemas/Ping", ["type"])


def test_a_remote_reference_is_not_followed() -> None:
    with pytest.raises(LookupError, match=r"'https://example.com/x.yaml' is no local reference"):
        pointers.follow(DOCUMENT, "/schemas/Far", ["type"])


def test_a_pointer_survives_being_a_fragment() -> None:
    pointer = pointers.join("paths", "/a/{id}", "ü %", "~x")
    assert pointers.from_ref(pointers.to_fragment(pointer)) == pointer


TEXT = """\
openapi: 3.1.0
paths:
  /a:
    get:
      tags: [x,
        y]
      responses:
        200:
          description: fine
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 1),
        ("/openapi", 1),
        ("/paths", 2),
        ("/paths/~1a/get", 4),
        ("/paths/~1a/get/tags/1", 6),
        ("/paths/~1a/get/responses/200/description", 9),
        ("/paths/~1b", None),
        ("/openapi/x", None),
    ],
)
def test_a_pointer_has_a_line(pointer: str, line: int | None) -> None:
    assert pointers.line_of(TEXT, pointer) == line


@pytest.mark.parametrize("text", ["", "a: [", "\t{", "[" * 5000], ids=["empty", "open", "tab", "deep"])
def test_text_that_is_no_yaml_has_no_lines(text: str) -> None:
    assert pointers.line_of(text, "/a") is None


def test_json_text_has_lines_too() -> None:
    assert pointers.line_of('{\n "a": {\n  "b": 1}}', "/a/b") == 3
