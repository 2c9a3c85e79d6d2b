"""The statements of a store: conditions, orders and pages as SQL that SQLite and PostgreSQL both read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wixture.mockserver.messages import Condition, Page

_NULLABLE = ("email", "phone")
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_LAST_CHARACTER = chr(0x10FFFF)
_SURROGATES = range(0xD800, 0xE000)


class QuestionMarks:
    """Values for `?` placeholders, in order."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values.append(value)
        return "?"

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
    at_least = f"{column} >= {values.add(prefix)}"
    return at_least if end is None else f"({at_least} AND {column} < {values.add(end)})"


def _successor(prefix: str) -> str | None:
    """The first text after all that begin with `prefix`; None when nothing comes after them."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)


FEW = 3000
"""Up to so many matches of the beginning of a text are sorted; beyond, the order of the page is walked along."""


def few(
    table: str, page: Page, tenant: Any, marks: type[QuestionMarks] = QuestionMarks
) -> tuple[str, list[Any]] | None:
    """The statement that counts, up to one more than FEW, what begins as a page's filter says.

    None for a page whose filter does not demand a beginning: only there does it matter how many match.
    """
    begins = next((part for part in _demanded(page.filter) if part[0] == "prefix"), None)
    if begins is None:
        return None
    values = marks()
    matches = f"{values.of_tenant(tenant)} AND {where(begins, values)}"
    inner = f"SELECT 1 FROM {table} WHERE {matches} LIMIT {FEW + 1}"  # noqa: S608
    return f"SELECT count(*) FROM ({inner}) AS matches", values.values  # noqa: S608


def _demanded(condition: Condition) -> Iterator[Condition]:
    """The conditions that must hold whatever else is asked for."""
    if condition[0] == "all":
        for part in condition[1]:
            yield from _demanded(part)
    else:
        yield condition


def page_of_few(
    table: str, page: Page, tenant: Any, marks: type[QuestionMarks] = QuestionMarks, *, wide: bool = False
) -> tuple[str, list[Any]]:
    """The statement of a page in the order of IDs of which few match: only their IDs are sorted, in an index.

    With `wide` that order is walked along instead, which is for an index of IDs that has the other columns too.
    """
    values = marks()
    outer = values.of_tenant(tenant)
    parts = [values.of_tenant(tenant)]
    if page.after is not None:
        parts += _beyond([("id", False)], page, 0, values)
    parts.append(where(page.filter, values, wide=wide))
    direction = _direction(False, page)  # ascending, as IDs are
    inner = f"SELECT id FROM {table} WHERE {' AND '.join(parts)} ORDER BY id{direction} LIMIT "  # noqa: S608
    inner += values.at_most(page.limit + 1)
    sql = f"SELECT body FROM {table} WHERE {outer} AND id IN ({inner}) ORDER BY id{direction}"  # noqa: S608
    return sql, values.values


def pages(
    table: str, page: Page, tenant: Any, *, wide: bool = False, marks: type[QuestionMarks] = QuestionMarks
) -> Iterator[tuple[str, list[Any]]]:
    """The statements whose rows, one after the other, make a page: each selects `body` and stops at the limit.

    A page that begins after a position is the rows equal to it in all orders but beyond its ID, then those equal
    in all orders but the last and beyond it there, and so on: each of them one range of an index. `wide` says that
    more than a few match the beginning of a text that the filter demands.
    """
    goes_down = bool(page.sort) and page.sort[-1][1]
    columns = [*page.sort, ("id", goes_down)]  # so that one index serves both directions
    order = ", ".join(f"{name}{_direction(descending, page)}" for name, descending in columns)
    for length in _prefix_lengths(page):
        values = marks()
        parts = [values.of_tenant(tenant)]
        if page.after is not None:
            parts += _beyond(columns, page, length, values)
        parts.append(where(page.filter, values, wide=wide))
        sql = f"SELECT body FROM {table} WHERE {' AND '.join(parts)} ORDER BY {order} LIMIT "  # noqa: S608
        yield sql + values.at_most(page.limit + 1), values.values


def _prefix_lengths(page: Page) -> Iterable[int]:
    return (0,) if page.after is None else range(len(page.sort), -1, -1)


def _beyond(columns: Sequence[tuple[str, bool]], page: Page, length: int, values: QuestionMarks) -> Iterator[str]:
    after = page.after or ()
    for (name, _), value in zip(columns[:length], after, strict=False):
        yield f"{name} = {values.add(value)}"
    name, descending = columns[length]
    sign = "<" if descending != page.backwards else ">"
    yield f"{name} {sign} {values.add(after[length])}"


def _direction(descending: bool, page: Page) -> str:
    return " DESC" if descending != page.backwards else ""
