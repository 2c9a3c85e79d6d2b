"""What `why_not_linear` accepts is fast in Python and means the same in Rust; what is slow it refuses."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wixture.contracts.lint.patterns import why_not_linear

GOOD = [
    r"^$",
    r"^[0-9]+$",
    r"^[a-z]{1,64}$",
    r"^(?:MO|TU|WE|TH|FR)$",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    r"^[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$",
    r"^\+[1-9][0-9]{1,14}$",
    r"^[^@ ]+@[^@ .]+(?:\.[^@ .]+)+$",
    r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$",
    r"^https?://[^ /?#]+(?:/[^ ?#]*)?(?:\?[^ #]*)?$",
    r"^(?:[a-z]+,)*;$",
    r"^(?:a[0-9]*b)+$",
    r"^(?:ab)*$",
    r"^[a-z]+(?:-[a-z]+)*$",
    r"^[a-z]{1,5000}$",
    r"^[^\n]*$",
    r"^[^\n]*",
    r"^a{0,50}a$",
    r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$",
    r"^\/[\]\-\\^]+\/$",
    r"^\x41[\u00e0-\u00ff]*$",
    r"^(?:\r\n|\n)*$",
    r"^a*?b$",
    r"^(a|b)(c|d)*$",
    r"^(?:a{2}){3}$",
    r"^(?:a{1,3}){4}$",
    r"^[^a]*a[^b]*b[^c]*c$",
    r"^(?:a*b|c*d)+$",
    r"^(?:(?:x+,)+;)+$",
    r"^🙂*$",
]

BAD = [
    (r"[0-9]+$", "does not begin with ^"),
    (r"", "does not begin with ^"),
    (r"^a|b$", "does not begin with ^"),
    (r"^a$|^b$", "may only stand at the two ends"),
    (r"^(?:a$|b)", "may only stand at the two ends"),
    (r"^(a+)+$", "can both take 'a'"),
    (r"^(a*)*$", "can both take 'a'"),
    (r"^(a|a)*$", "matches the same text in several ways"),
    (r"^(a|aa)+$", "matches the same text in several ways"),
    (r"^(?:a?){30}a{30}$", "more than 100 ways"),
    (r"^(?:a?)+$", "matches the same text in several ways"),
    (r"^(?:|a)*$", "matches the same text in several ways"),
    (r"^(?:a{1,10}){1,10}$", "more than 100 ways"),
    (r"^[a-z]*[a-z0-9]*$", "can both take 'a' to 'z'"),
    (r"^[a-z]+x$", "can both take 'x'"),
    (r"^a*a*$", "can both take 'a'"),
    (r"^[^,]*[^;]*;$", "can both take"),
    (r"^(?:[a-z]+)*;$", "can both take 'a' to 'z'"),
    (r"^([a-zA-Z0-9]+\.?)+$", "can both take"),
    (r"^(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}$", "can both take 'A' to 'Z'"),
    (r"^(?:[a-z]{1,3}[a-z]{1,3}-)*$", "matches the same text in several ways"),
    (r"^a{1,5000}a$", "more than 100 ways"),
    (r"^(?:a{1,1000}){1,1000}$", "more than 100 ways"),
    (r"^(?:[^a]{1000}b){1000}$", "Rust's regex refuses it"),
    (r"^(a)\1$", r"\1 is a back-reference"),
    (r"^\0$", r"\0 is a back-reference or an octal number"),
    (r"^(?=a)b$", "(?= begins a look-around"),
    (r"^(?!a)b$", "(?! begins a look-around"),
    (r"^(?<=a)b$", "(?< begins a look-around"),
    (r"^(?<name>a)$", "(?< begins a look-around, a named group"),
    (r"^(?P<name>a)$", "(?P begins a look-around, a named group"),
    (r"(?i)^a$", "(?i begins a look-around, a named group or a flag"),
    (r"^(?>a)b$", "(?> begins a look-around"),
    (r"^a++b$", "+ right after a repeat is possessive"),
    (r"^a{2}{3}$", "{3} right after a repeat"),
    (r"^\d+$", r"\d means other characters in each engine"),
    (r"^[\w-]+$", r"\w means other characters in each engine"),
    (r"^\S*$", r"\S means other characters in each engine"),
    (r"^a\b", r"\b is an assertion"),
    (r"^[\b]$", r"\b is an assertion"),
    (r"^a\Z", r"\Z is an assertion"),
    (r"\Aa\z", r"\A is an assertion"),
    (r"^.*$", "the dot leaves out other line ends"),
    (r"^\p{L}$", r"\p is not an escape in every engine"),
    (r"^\-$", r"\- is not an escape in every engine"),
    (r"^\u12$", r"\u is not an escape in every engine"),
    (r"^\uD83D$", "is half of a character"),
    (r"^[]a]$", "[] is empty in ECMA"),
    (r"^[^]$", "[^] is empty in ECMA"),
    (r"^[a[b]$", "[ inside a class begins another class"),
    (r"^[a-z&&b]$", "inside a class is a set operation"),
    (r"^a{,3}$", "{ stands alone"),
    (r"^a]$", "] stands alone"),
    (r"^a}$", "} stands alone"),
    (r"^(a$", "Python's re refuses it: missing ), unterminated"),
    (r"^[b-a]$", "Python's re refuses it: bad character range"),
    ("^a\\", "Python's re refuses it: bad escape"),
    (r"^a{1,99999999999}$", "Python's re refuses it"),
    ("^\ud800$", "Rust's regex refuses it"),
    ("^" + "(?:" * 3000 + "a" + ")" * 3000 + "$", "nested too deeply"),
]


@pytest.mark.parametrize("pattern", GOOD)
def test_a_pattern_with_one_way_to_go_on_passes(pattern: str) -> None:
    assert why_not_linear(pattern) is None


@pytest.mark.parametrize(("pattern", "said"), BAD, ids=lambda value: ascii(value)[:40])
def test_a_pattern_that_is_slow_or_differs_is_refused_with_the_reason(pattern: str, said: str) -> None:
    sentence = why_not_linear(pattern)
    assert sentence is not None
    assert said in sentence
    assert sentence.endswith(".")


PUMP = """
import re, sys
PUMPS = ("a", "a-", "ab", "0", "a.", "a,", "x,", "x,;", "a0b", "\\n", "\\r\\n", "@a.", "🙂", "/a", "+1")
for pattern in sys.argv[1:]:
    for pump in PUMPS:
        for prefix in ("", "+1", "https://", "a@", "A"):
            text = prefix + pump * (100_000 // len(pump))
            for tail in ("", "!", "\\n!"):
                re.search(pattern, text + tail)
"""


def test_every_accepted_pattern_is_fast_on_a_hundred_thousand_characters() -> None:
    command = [sys.executable, "-c", PUMP, *GOOD]
    done = subprocess.run(command, timeout=120, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# A backtracking matcher that counts its steps, so that "linear" is a number and not a feeling.


class Steps:
    def __init__(self, *, limit: int) -> None:
        self.taken, self.limit = 0, limit

    def step(self) -> None:
        self.taken += 1
        if self.taken > self.limit:
            raise OverflowError("more steps than a linear pattern may take")


def ends(items: list[Any], text: str, start: int, steps: Steps) -> Iterator[int]:
    """Where a match of `items` from `start` can end, in the order a backtracking engine tries."""
    steps.step()
    if not items:
        yield start
        return
    for middle in ends_of(items[0], text, start, steps):
        yield from ends(items[1:], text, middle, steps)


def ends_of(item: Any, text: str, start: int, steps: Steps) -> Iterator[int]:
    name, argument = str(item[0]), item[1]
    if name == "AT":
        yield from [start] if str(argument) == "AT_BEGINNING" or start == len(text) else []
    elif name == "SUBPATTERN":
        yield from ends(list(argument[3]), text, start, steps)
    elif name == "BRANCH":
        for alternative in argument[1]:
            yield from ends(list(alternative), text, start, steps)
    elif name == "MAX_REPEAT":
        yield from ends_of_repeat(argument, text, start, steps)
    elif start < len(text) and takes(item, text[start]):
        yield start + 1


def ends_of_repeat(argument: Any, text: str, start: int, steps: Steps) -> Iterator[int]:
    low, high, body = argument
    steps.step()
    if high > 0:
        left = (max(low - 1, 0), high - 1, body)
        for middle in ends(list(body), text, start, steps):
            if middle > start or low > 0:
                yield from ends_of_repeat(left, text, middle, steps)
    if low == 0:
        yield start


def takes(item: Any, character: str) -> bool:
    name, argument = str(item[0]), item[1]
    if name == "IN":
        wanted = str(argument[0][0]) != "NEGATE"
        return any(takes(each, character) for each in argument) is wanted
    if name == "RANGE":
        return bool(argument[0] <= ord(character) <= argument[1])
    return name != "NEGATE" and (argument == ord(character)) is (name == "LITERAL")


atoms = st.sampled_from(["a", "b", "c", "[ab]", "[^a]", "[bc]", "ab"])
repeats = st.sampled_from(["", "*", "+", "?", "{2}", "{0,3}", "{2,}"])


def larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.builds("(?:{}){}".format, smaller, repeats)
    chosen = st.builds("(?:{}|{})".format, smaller, smaller)
    return repeated | chosen | st.builds("{}{}".format, smaller, smaller)


patterns = st.builds("^{}{}".format, st.recursive(atoms, larger, max_leaves=5), st.sampled_from(["$", ""]))
pumps = st.builds(
    lambda head, pump, tail: head + pump * 30 + tail,
    *(st.text("abc", max_size=3), st.text("abc", min_size=1, max_size=3), st.text("abcd", max_size=2)),
)


@settings(deadline=None, max_examples=400)
@given(patterns, pumps)
def test_an_accepted_pattern_takes_few_steps_for_each_character(pattern: str, text: str) -> None:
    if why_not_linear(pattern) is not None:
        return
    steps = Steps(limit=(len(text) + 5) * 5 * len(pattern))
    items = list(re._parser.parse(pattern))  # type: ignore[attr-defined]
    found = next(ends(items, text, 0, steps), None)
    assert (found is not None) is (re.search(pattern, text) is not None)


@settings(deadline=None, max_examples=400)
@given(patterns, pumps)
def test_an_accepted_pattern_means_the_same_to_python_and_rust(pattern: str, text: str) -> None:
    if why_not_linear(pattern) is not None:
        return
    rust = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
    assert rust.is_valid(text) is (re.search(pattern, text) is not None)
