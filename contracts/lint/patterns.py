"""Is a `pattern` of the contract safe: linear in a backtracking engine, and the same in every engine?

The contract's patterns run in Python's `re` (openapi-core), in Rust's regex (jsonschema-rs) and in the
ECMA engines of whoever reads the document. A pattern passes when one character is enough, wherever it
could go on in two ways, to know which: then a backtracking engine has nothing to try twice. When in
doubt, it is refused.
"""

import importlib
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import jsonschema_rs

_parser: Any = importlib.import_module("re._parser")
_LINEAR = jsonschema_rs.RegexOptions()
_MANY: int = _parser.MAXREPEAT

MAX_WAYS = 100
"""In how many ways the bounded parts (`a{0,9}`) may match the same text, all together."""

Characters = tuple[tuple[int, int], ...]  # inclusive ranges of code points
Item = tuple[Any, Any]  # an operation of Python's parser and its argument

_TOKEN = re.compile(
    r"""(?P<class> \[ \^? (?:\\.|[^\]\\])* \] )
      | (?P<escape> \\ (?:x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | .) )
      | (?P<open> \(\?: )
      | (?P<special> \(\?.? )
      | (?P<repeat> (?:[*+?] | \{[0-9]+(?:,[0-9]*)?\}) \?? )
      | (?P<dot> \. )
      | (?P<stray> [\[\]{}] )
      | (?P<other> . )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = frozenset(r"^$\.*+?()[]{}|/nrtfv")
_REFUSED_ESCAPES = (
    ("0123456789", "is a back-reference or an octal number; write out what it stands for"),
    ("dDwWsS", "means other characters in each engine; write the class out, as in [0-9]"),
    ("bBAZzG", "is an assertion that engines treat differently; use only ^ and $"),
    ("", "is not an escape in every engine; write the character itself"),
)
_REFUSED_TOKENS = {
    "special": "{} begins a look-around, a named group or a flag; use plain groups, (…) or (?:…)",
    "dot": "the dot leaves out other line ends in each engine; write the class, as in [^\\n]",
    "stray": "{0} stands alone, which engines read differently; write \\{0}",
}
_SET_OPERATIONS = ("&&", "--", "~~", "||")


class _UnfitError(Exception):
    """The sentence, without its full stop, on why a pattern does not pass."""


@dataclass(frozen=True, slots=True)
class _Span:
    """What a stretch of the pattern can begin with, and whether it can match nothing."""

    first: Characters
    nullable: bool


def why_not_linear(pattern: str) -> str | None:
    """A sentence on why `pattern` may be slow or mean different things, or None when it is safe."""
    try:
        _check_notation(pattern)
        items = _without_anchors(_parse(pattern))
        if _ways(items, ()) > MAX_WAYS:
            raise _UnfitError(f"its bounded repeats can match the same text in more than {MAX_WAYS} ways")
        _check_rust(pattern)
    except _UnfitError as refused:
        return f"{refused}."
    except RecursionError:
        return "its groups are nested too deeply to be checked."
    return None


def _check_notation(pattern: str) -> None:
    before = ""
    for token in _TOKEN.finditer(pattern):
        kind, text = str(token.lastgroup), token[0]
        if kind == "repeat" and before == "repeat":
            raise _UnfitError(f"{text} right after a repeat is possessive; put the first in (?:…)")
        _check_token(kind, text)
        before = kind


def _check_token(kind: str, text: str) -> None:
    if kind == "class":
        _check_class(text[1:-1])
    if kind == "escape":
        _check_escape(text)
    if kind in _REFUSED_TOKENS:
        raise _UnfitError(_REFUSED_TOKENS[kind].format(text))


def _check_class(body: str) -> None:
    plain = re.sub(r"\\.", "_", body, flags=re.DOTALL)
    if body in ("", "^"):
        raise _UnfitError(f"[{body}] is empty in ECMA and unfinished elsewhere; for a bracket write [\\]]")
    if "[" in plain:
        raise _UnfitError("[ inside a class begins another class in Rust; write \\[")
    if any(operation in plain for operation in _SET_OPERATIONS):
        raise _UnfitError(f"{' '.join(_SET_OPERATIONS)} inside a class is a set operation; escape it")
    for token in _TOKEN.finditer(body):
        if token["escape"] and token[0] != "\\-":
            _check_escape(token[0])


def _check_escape(text: str) -> None:
    if re.fullmatch(r"\\u[dD][89a-fA-F]..", text):
        raise _UnfitError(f"{text} is half of a character; write the character itself")
    if text[1] in _ESCAPED or len(text) > 2:
        return
    reason = next(sentence for letters, sentence in _REFUSED_ESCAPES if not letters or text[1] in letters)
    raise _UnfitError(f"{text} {reason}")


def _check_rust(pattern: str) -> None:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_LINEAR)
    except ValueError as error:
        raise _UnfitError("Rust's regex refuses it: it is malformed or too large") from error


def _parse(pattern: str) -> Sequence[Item]:
    try:
        return list(_parser.parse(pattern))
    except (re.error, OverflowError) as error:
        raise _UnfitError(f"Python's re refuses it: {error}") from error


def _without_anchors(items: Sequence[Item]) -> Sequence[Item]:
    if not items or str(items[0][1]) != "AT_BEGINNING":
        raise _UnfitError("it does not begin with ^, so it is tried again from every character")
    if str(items[-1][1]) == "AT_END":
        return items[1:-1]
    return items[1:]


def _ways(items: Sequence[Item], follow: Characters) -> int:
    """In how many ways `items` may match one text when one of `follow` comes next.

    Raises _UnfitError when that number grows with the text.
    """
    ways = 1
    for operation, argument in reversed(items):
        span = _span_of(operation, argument)
        ways *= _ways_of(operation, argument, follow)
        follow = _union(span.first, follow) if span.nullable else span.first
    return min(ways, _MANY)


def _ways_of(operation: Any, argument: Any, follow: Characters) -> int:
    match str(operation):
        case "SUBPATTERN":
            return _ways(argument[3], follow)
        case "BRANCH":
            return _ways_of_branch(argument[1], follow)
        case "MAX_REPEAT" | "MIN_REPEAT":
            return _ways_of_repeat(*argument, follow=follow)
    return 1


def _ways_of_branch(alternatives: Sequence[Sequence[Item]], follow: Characters) -> int:
    each = [_ways(alternative, follow) for alternative in alternatives]
    spans = [_span(alternative) for alternative in alternatives]
    starts = [_union(span.first, follow) if span.nullable else span.first for span in spans]
    apart = not any(_overlap(one, other) for one, other in combinations(starts, 2))
    return max(each) if apart and sum(span.nullable for span in spans) < 2 else sum(each)


def _ways_of_repeat(low: int, high: int, body: Sequence[Item], *, follow: Characters) -> int:
    span = _span(body)
    inner = _ways(body, _union(span.first, follow) if high > 1 else follow)
    unclear = _overlap(span.first, follow)
    if high == _MANY and (inner > 1 or span.nullable):
        raise _UnfitError("an unbounded repeat holds something that matches the same text in several ways")
    if high == _MANY and unclear:
        raise _UnfitError(f"an unbounded repeat and what comes after it can both take {_show(unclear)}")
    exits = high - low + 1 if unclear or span.nullable else 1
    ways: int = exits * inner ** min(high, 32)
    return ways


def _span(items: Iterable[Item]) -> _Span:
    first: Characters = ()
    for operation, argument in items:
        span = _span_of(operation, argument)
        first = _union(first, span.first)
        if not span.nullable:
            return _Span(first, nullable=False)
    return _Span(first, nullable=True)


def _span_of(operation: Any, argument: Any) -> _Span:
    match str(operation):
        case "LITERAL" | "NOT_LITERAL":
            return _Span(_members([(operation, argument)]), nullable=False)
        case "IN":
            return _Span(_members(argument), nullable=False)
        case "SUBPATTERN":
            return _span(argument[3])
        case "BRANCH":
            spans = [_span(alternative) for alternative in argument[1]]
            return _Span(_union(*(span.first for span in spans)), any(span.nullable for span in spans))
        case "MAX_REPEAT" | "MIN_REPEAT":
            span = _span(argument[2])
            return _Span(span.first, span.nullable or argument[0] == 0)
    raise _UnfitError("^ and $ may only stand at the two ends, around everything, as in ^(?:a|b)$")


def _members(items: Sequence[Item]) -> Characters:
    names = [str(operation) for operation, _ in items]
    ranges = [each if name == "RANGE" else (each, each) for name, (_, each) in zip(names, items, strict=True)]
    if names[0] == "NEGATE":
        return _complement(_union(ranges[1:]))
    return _complement(_union(ranges)) if names[0] == "NOT_LITERAL" else _union(ranges)


def _union(*sets: Iterable[tuple[int, int]]) -> Characters:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for one in sets for each in one):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _complement(characters: Characters) -> Characters:
    edges = [-1, *(edge for one in characters for edge in one), sys.maxunicode + 1]
    gaps = ((low + 1, high - 1) for low, high in zip(edges[::2], edges[1::2], strict=True))
    return tuple((low, high) for low, high in gaps if low <= high)


def _overlap(one: Characters, other: Characters) -> Characters:
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple((low, high) for low, high in pairs if low <= high)


def _show(characters: Characters) -> str:
    low, high = characters[0]
    return repr(chr(low)) if low == high else f"{chr(low)!r} to {chr(high)!r}"
