"""`parse_json` gives what `json.loads` gives, and refuses what a lenient parser lets through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wixture.contracts.bodies import MAX_DEPTH, BadJson, parse_json

repeatable = settings(derandomize=True, deadline=None, print_blob=True, max_examples=300)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(["\\u0000", "\\", '"', "\ufeff", "\U0010ffff", "NaN", "\x7f\x1f\u2028"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5), max_leaves=30
)
SEPARATORS = [(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")]
STYLES = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, 4, "\t"]),
        "separators": st.sampled_from(SEPARATORS),
        "ensure_ascii": st.booleans(),
        "sort_keys": st.booleans(),
    }
)


def same(one: Any, two: Any) -> bool:
    """Whether two values are equal, of equal types and, for objects, in equal order."""
    return repr(one) == repr(two)


@repeatable
@given(VALUES, STYLES, st.sampled_from(["", " ", "\n", "\t\r\n "]))
def test_every_text_that_json_dumps_makes_comes_back(value: Any, style: dict[str, Any], around: str) -> None:
    text = around + json.dumps(value, **style) + around
    assert same(parse_json(text.encode()), json.loads(text)), text


@repeatable
@given(st.integers(2**64, 10**300) | st.integers(-(10**300), -(2**63) - 1))
def test_an_integer_beyond_64_bits_is_the_nearest_double(number: int) -> None:
    assert parse_json(str(number).encode()) == float(number)


# ---- keys that stand twice -----------------------------------------------------------------------


def wrapped(text: str, around: Sequence[tuple[str, str]]) -> str:
    for left, right in around:
        text = left + text + right
    return text


AROUND = st.lists(
    st.sampled_from([("[", "]"), ("[1,", "]"), ('{"a":', "}"), ('{"a": 1, "b" :', ', "c":{}}'), ("[{},", ",[]]")]),
    max_size=6,
)


@st.composite
def objects_with_a_repeated_key(draw: st.DrawFn) -> tuple[str, str]:
    """The text of an object in which a key stands twice, maybe far apart or spelt with escapes, and the key."""
    others = draw(st.dictionaries(TEXT, SCALARS, max_size=4))
    key = draw(TEXT.filter(lambda text: text not in others))
    members = [(name, value) for name, value in others.items()]
    for _ in range(2):
        members.insert(draw(st.integers(0, len(members))), (key, draw(SCALARS)))
    escaped = [draw(st.booleans()) for _ in members]
    pairs = zip(members, escaped, strict=True)
    parts = [f"{json.dumps(name, ensure_ascii=ascii)}:{json.dumps(value)}" for (name, value), ascii in pairs]  # noqa: A001
    return "{" + draw(st.sampled_from([",", " , ", ",\n"])).join(parts) + "}", key


@repeatable
@given(objects_with_a_repeated_key(), AROUND)
def test_a_key_that_stands_twice_is_refused_by_name(object_and_key: tuple[str, str], around: Any) -> None:
    text, key = object_and_key
    body = wrapped(text, around).encode()
    with pytest.raises(BadJson) as refused:
        parse_json(body)
    assert str(refused.value) == f"The key {key[:80]!r} stands twice in one object; keep one of them."


@pytest.mark.parametrize(
    "body",
    [b'{"a":1,"a":1}', b'{"a":1, "\\u0061":2}', b'[{"x":{"a":[],"b":1,"a":[]}}]', b'{"a":{"a":1},"a":2}'],
    ids=["equal values", "spelt with an escape", "deep inside", "beside the same key one level deeper"],
)
def test_each_form_of_a_repeated_key_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson, match="The key 'a' stands twice"):
        parse_json(body)


@repeatable
@given(st.lists(st.dictionaries(st.sampled_from("abc"), SCALARS), max_size=5), AROUND)
def test_the_same_key_in_different_objects_is_fine(objects: list[Any], around: Any) -> None:
    text = wrapped(json.dumps(objects, indent=1), around)
    assert same(parse_json(text.encode()), json.loads(text))


# ---- what is no acceptable JSON ------------------------------------------------------------------

REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "blanks alone": b" \n\t\r ",
    "NaN": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "1e400": b'{"a":1e400}',
    "-1e400": b"-1e400",
    "an integer beyond a double": b"[1" + b"0" * 400 + b"]",
    "an integer of 5,000 digits": b'{"a":' + b"7" * 5000 + b"}",
    "a negative integer of 5,000 digits": b"-" + b"7" * 5000,
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "a byte order mark alone": b"\xef\xbb\xbf",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-le"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "bad UTF-8": b'{"a":"\xff"}',
    "overlong UTF-8": b'{"a":"\xc0\xaf"}',
    "a cut UTF-8 sequence": b'{"a":"\xe2\x82"}',
    "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "UTF-8 beyond Unicode": b'{"a":"\xf5\x80\x80\x80"}',
    "a lone high surrogate": b'{"a":"\\ud800"}',
    "a lone low surrogate": b'{"a":"\\udc00x"}',
    "surrogates the wrong way round": b'["\\udc00\\ud800"]',
    "a lone surrogate in a key": b'{"\\ud800":1}',
    "U+0000 in a text": b'{"a":"x\\u0000"}',
    "U+0000 in a key": b'{"\\u0000":1}',
    "U+0000 as the whole body": b'"\\u0000"',
    "U+0000 in a list in a list": b'[[1,["\\u0000"]]]',
    "U+0000 behind an escaped backslash": b'["\\\\\\u0000"]',
    "U+0000 beside a harmless one": b'["\\\\u0000","\\u0000"]',
    "U+0000 as it is": b'{"a":"\0"}',
    "U+0000 outside of texts": b'{"a":1}\0',
    "another value behind": b"{} {}",
    "a brace behind": b'{"a":1}}',
    "a comma behind": b"[1],",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // one",
    "single quotes": b"{'a':1}",
    "no end": b'{"a":',
    "a control character": b'["a\nb"]',
    "a leading zero": b"[01]",
    "a plus sign": b"[+1]",
    "a bare point": b"[1.]",
    "a Python word": b"[None]",
    "100,000 brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 brackets without end": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_body_that_is_no_acceptable_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson) as refused:
        parse_json(body)
    assert str(refused.value).endswith((".", ";")), "a refusal is a sentence"
    assert len(str(refused.value)) <= 300, "a refusal repeats no body"


@repeatable
@given(VALUES, STYLES, st.sampled_from([b"x", b"0", b"{}", b"\xff", b"\0", b"]", b"}", b",", b'"', b"\xc2\xa0"]))
def test_text_behind_the_value_is_refused(value: Any, style: dict[str, Any], behind: bytes) -> None:
    with pytest.raises(BadJson):
        parse_json(json.dumps(value, **style).encode() + b" " + behind)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"\\u0000"', "\\u0000"),
        (rb'{"\\u0000":["\\u0000"]}', {"\\u0000": ["\\u0000"]}),
        (rb'"\\\\u0000"', "\\\\u0000"),
        (rb'"\ud83d\ude00"', "😀"),
        (b'"\xf0\x9f\x98\x80\\u0001"', "😀\x01"),
        (b"[1e308, -0.0, 1E+2, 0]", [1e308, -0.0, 100.0, 0]),
        (b"[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
        (b" null\n", None),
        (b'{"":{"":{}}}', {"": {"": {}}}),
        (b"[1e-400]", [0.0]),
    ],
)
def test_what_only_looks_dangerous_is_read(body: bytes, value: Any) -> None:
    assert same(parse_json(body), value)


# ---- depth ---------------------------------------------------------------------------------------

INNERMOST = {"an empty list": "[]", "an empty object": "{}", "a list of one": "[1]", "an object of one": '{"a":1}'}
LAYERS = {"lists": ("[", "]"), "objects": ('{"a":', "}"), "long lists": ("[1,[],", ",{}]")}


def nested(levels: int, innermost: str, layer: tuple[str, str]) -> bytes:
    """`levels` lists or objects in one another, the innermost one counted."""
    return (layer[0] * (levels - 1) + innermost + layer[1] * (levels - 1)).encode()


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("innermost", INNERMOST.values(), ids=INNERMOST)
def test_sixty_four_levels_are_read(innermost: str, layer: tuple[str, str]) -> None:
    body = nested(MAX_DEPTH, innermost, layer)
    assert MAX_DEPTH == 64
    assert same(parse_json(body), json.loads(body))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("innermost", INNERMOST.values(), ids=INNERMOST)
def test_sixty_five_levels_are_refused(innermost: str, layer: tuple[str, str]) -> None:
    with pytest.raises(BadJson, match="nested deeper than 64 levels"):
        parse_json(nested(MAX_DEPTH + 1, innermost, layer))


@repeatable
@given(
    st.lists(st.sampled_from(list(LAYERS.values())), min_size=60, max_size=67), st.sampled_from(["0", "[]", "{}"])
)
def test_depth_is_counted_along_any_mix_of_lists_and_objects(layers: list[Any], innermost: str) -> None:
    body = wrapped(innermost, layers)
    ends_in_a_scalar = innermost == "0" and layers[0] != LAYERS["long lists"]
    if len(layers) + (not ends_in_a_scalar) > MAX_DEPTH:
        with pytest.raises(BadJson, match="nested deeper than 64 levels"):
            parse_json(body.encode())
    else:
        assert same(parse_json(body.encode()), json.loads(body))


def test_a_thousand_brackets_side_by_side_are_no_depth() -> None:
    assert parse_json(b"[" + b",".join([b"{}"] * 1000) + b"]") == [{}] * 1000
