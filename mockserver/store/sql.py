"""Conditions as SQL that SQLite and PostgreSQL both read, and the values that go with a statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wixture.mockserver.messages import Condition

_NULLABLE = ("email", "phone")
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_LAST_CHARACTER = chr(0x10FFFF)
_SURROGATES = range(0xD800, 0xE000)


class QuestionMarks:
    """Values for `?` placeholders, in order."""

    ids_cover = False
    """Whether the index of IDs has what filters ask for."""
    names_indexes = True
    """Whether a statement can say by which index it is read; otherwise its conditions are written for that."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return "?"

    def add_unseen(self, value: Any) -> str:
        """The placeholder of a value at which no plan is to look: its own one would not be worth its making."""
        return self.add(value)

    def add_all(self, values: Iterable[Any]) -> str:
        """The placeholders of some values, separated by commas."""
        return ", ".join(self.add(value) for value in values)

    def one_of(self, column: str, values: Sequence[Any]) -> str:
        """That a column has one of some values."""
        return f"{column} IN ({self.add_all(values)})"

    def at_most(self, count: int) -> str:
        """How many rows a statement stops at."""
        return self.add(count)

    def of_tenant(self, tenant: Any) -> str:
        """That a row is a tenant's."""
        return f"tenant = {self.add(tenant)}"


def where(condition: Condition, values: QuestionMarks, *, wide: bool = False) -> str:
    """A condition as an SQL expression that is true or false and never null, so that NOT means what it says.

    With `wide` the beginnings of texts that must hold are written so that no index is used for them.
    """
    kind, *rest = condition
    if kind == "all":
        return _balanced([where(part, values, wide=wide) for part in rest[0]], "AND", "1 = 1")
    if kind == "any":
        return _balanced([where(part, values) for part in rest[0]], "OR", "1 = 0")
    if kind == "not":
        return f"NOT ({where(rest[0], values)})"
    if wide and kind == "prefix":
        return _never_null(rest[0], _starts_with(f"({rest[0]} || '')", rest[1], values))
    return _on_column(kind, rest[0], rest[1] if len(rest) > 1 else None, values)


def _balanced(parts: Sequence[str], word: str, empty: str) -> str:
    """The parts joined as a balanced tree: SQLite limits how deep an expression may be."""
    if len(parts) <= 1:
        return parts[0] if parts else empty
    half = len(parts) // 2
    return f"({_balanced(parts[:half], word, empty)} {word} {_balanced(parts[half:], word, empty)})"


def _on_column(kind: str, column: str, value: Any, values: QuestionMarks) -> str:
    present = f"{column} IS NOT NULL"
    if kind == "exists":
        return present
    if kind == "eq" and value is None:
        return f"{column} IS NULL"
    if kind == "in" and not value:
        return "1 = 0"
    return _never_null(column, _comparison(kind, column, value, values))


def _never_null(column: str, expression: str) -> str:
    return f"({column} IS NOT NULL AND {expression})" if column in _NULLABLE else expression


def _comparison(kind: str, column: str, value: Any, values: QuestionMarks) -> str:
    if kind == "eq":
        return f"{column} = {values.add(value)}"
    if kind == "in":
        return values.one_of(column, value)
    if kind == "prefix":
        return _starts_with(column, value, values)
    return f"{column} {_SIGNS[kind]} {values.add(value)}"


def _starts_with(column: str, prefix: str, values: QuestionMarks) -> str:
    end = _successor(prefix)
    at_least = f"{column} >= {values.add_unseen(prefix)}"
    return at_least if end is None else f"({at_least} AND {column} < {values.add_unseen(end)})"


def _successor(prefix: str) -> str | None:
    """The first text after all that begin with `prefix`; None when nothing comes after them."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
