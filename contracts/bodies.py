"""Read a JSON body strictly: what lenient parsers let through is refused here, before any schema sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
MOST_DIGITS = 400
_CONTAINERS = (dict, list)
_WHITE_SPACE = b" \t\r\n"


class BadJson(ValueError):
    """A body that is no acceptable JSON. The text says what was found and what is expected."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. Raises BadJson.

    Refuses an empty body, anything but UTF-8, a byte order mark, NaN, infinities and numbers beyond a double,
    lone surrogates, U+0000 in a text, a key that stands twice, numbers of more than 400 digits, and more than 64
    levels of nesting.
    """
    if not body.strip():
        raise BadJson("The body is empty; a JSON object is expected.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"The body is no valid JSON: {_reason(error)}.") from error
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_depth(value)
    if b"\\u0000" in body:
        _refuse_nul(value)
    if not _comes_back(orjson.dumps(value), body):
        _refuse_repeated_keys(body)
    return value


def _comes_back(written: bytes, body: bytes) -> bool:
    """Whether a text is written again as it was, white space aside: then it hides no second key or long number."""
    return written == body or written.translate(None, _WHITE_SPACE) == body.translate(None, _WHITE_SPACE)


def _reason(error: orjson.JSONDecodeError) -> str:
    return str(error).partition(": line")[0][:120] + f", at line {error.lineno}, column {error.colno}"


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node) if type(child) in _CONTAINERS]
        if not level:
            return
    raise BadJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _refuse_nul(value: Any) -> None:
    level = [value]
    while level:
        texts = [text for node in level for text in _texts(node)]
        if any("\0" in text for text in texts):
            raise BadJson("A text in the body holds the character U+0000, which cannot be stored.")
        level = [child for node in level for child in _children(node)]


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [*node, *(text for text in node.values() if isinstance(text, str))]
    if isinstance(node, list):
        return [text for text in node if isinstance(text, str)]
    return [node] if isinstance(node, str) else []


def _refuse_repeated_keys(body: bytes) -> None:
    json.loads(body, object_pairs_hook=_unique, parse_int=_number, parse_float=_number)


def _number(text: str) -> None:
    """Only its length matters here; converting it would cost."""
    if len(text) > MOST_DIGITS:
        raise BadJson(f"A number in the body has more than {MOST_DIGITS} digits.")


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            _refuse_key(key)
        seen.add(key)


def _refuse_key(key: str) -> NoReturn:
    raise BadJson(f"The key {key[:80]!r} stands twice in one object; keep one of them.")
