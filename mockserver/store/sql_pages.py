"""The statements that make a page of consents. Which one is asked follows from how many match: `pages`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from wixture.mockserver.messages import Condition, Page
from wixture.mockserver.store.sql import QuestionMarks, where

Statement = tuple[str, list[Any]]
Rows = Sequence[Sequence[Any]]
_Asking = Generator[Statement, Rows, list[bytes]]

FEW = 1000
"""Up to so many matches of the beginning of a text are gathered and sorted by ID, wherever they are."""
SORTABLE = 3000
"""The same where the filter or the order asks for more than that: otherwise the order is walked along."""
MANY = 400
"""More matches than that in one part are so many that walking along the IDs meets a page of them soon."""
PARTS = [f"{number:02x}" for number in range(256)]
"""How IDs begin, which are GUIDs in lower case: each is a part, one 256th of those that chance has made."""
PART = "substr(id, 1, 2)"
"""The part that a row is in."""
_TRIED = ((1, MANY), (8, FEW), (64, FEW))
"""Of so many parts the matches are gathered, the first that have a page of them; of more matches not."""


def pages(table: str, page: Page, tenant: Any, marks: type[QuestionMarks] = QuestionMarks) -> _Asking:
    """Yields statements, is sent the rows of each, and returns the bodies of a page: up to its limit and one.

    The beginning of a text may match any number of rows, which are in the order of that text, not of the page.
    Few of them are gathered and sorted. Of so many that every part of the IDs has a page of them, the order of the
    page is walked along until there are enough. Between the two, those are gathered that are in the next parts of
    the IDs. So a page costs about the same however many match.
    """
    return _Pages(table, page, tenant, marks).read()


class _Pages:
    def __init__(self, table: str, page: Page, tenant: Any, marks: type[QuestionMarks]) -> None:
        self._table = table
        self._page = page
        self._tenant = tenant
        self._marks = marks
        self._demanded = list(_demanded(page.filter))
        self._begins: Condition = next((part for part in self._demanded if part[0] == "prefix"), ())

    def read(self) -> _Asking:
        if not self._begins:
            return (yield from self._walked(wide=False))
        if len(self._demanded) > 1 or self._page.sort:
            return (yield from self._searched())
        ((matching, near),) = yield self._counting((None, FEW), (self._next(1), MANY))
        if matching <= FEW:
            return _bodies((yield self._gathering(None)))
        parts = yield from self._enough(near)
        if parts is not None:
            found = _bodies((yield self._gathering(parts)))
            if len(found) > self._page.limit or self._is_last(parts):
                return found
        return (yield from self._walked(wide=True))

    def _searched(self) -> _Asking:
        """A page for which the filter or the order asks for more than the beginning of a text."""
        ((matching,),) = yield self._counting((None, SORTABLE))
        if matching <= SORTABLE and not self._page.sort:
            return _bodies((yield self._gathering(None)))
        return (yield from self._walked(wide=matching > SORTABLE))

    def _enough(self, count: int) -> Generator[Statement, Rows, Sequence[str] | None]:
        """The next parts of the IDs with enough matches for a page, and not too many; None to walk along.

        `count` is that of the next part alone.
        """
        for size, most in _TRIED:
            parts = self._next(size)
            if size > 1:
                ((count,),) = yield self._counting((parts, most))
            if count > most:
                return None
            if count > self._page.limit or self._is_last(parts):
                return parts
        return None

    def _next(self, size: int) -> Sequence[str]:
        """So many parts of the IDs, from where the page begins."""
        after = self._page.after
        if self._page.backwards:
            end = bisect_right(PARTS, after[0][:2]) if after else len(PARTS)
            return PARTS[max(end - size, 0) : end]
        start = bisect_left(PARTS, after[0][:2]) if after else 0
        return PARTS[start : start + size]

    def _is_last(self, parts: Sequence[str]) -> bool:
        """Whether nothing is beyond some parts."""
        return (PARTS[0] if self._page.backwards else PARTS[-1]) in parts

    def _counting(self, *choices: tuple[Sequence[str] | None, int]) -> Statement:
        """The statement that counts what begins so, each time in some parts, or all (None), and up to a number."""
        values = self._marks()
        counts = []
        for parts, most in choices:
            matches = self._matching(self._begins, parts, values, is_beyond=parts is not None)
            counts.append(f"(SELECT count(*) FROM (SELECT 1 {matches} LIMIT {most + 1}) AS matches)")  # noqa: S608
        return f"SELECT {', '.join(counts)}", values.values

    def _gathering(self, parts: Sequence[str] | None, *, wide: bool = False) -> Statement:
        """The statement of a page in the order of IDs of which few match: only their IDs are sorted, in an index.

        With `wide` that order is walked along instead: for an index of IDs that has the other columns too.
        """
        values = self._marks()
        outer = values.of_tenant(self._tenant)
        matches = self._matching(self._page.filter, parts, values, is_beyond=True, wide=wide)
        direction = _direction(False, self._page)  # ascending, as IDs are
        inner = f"SELECT id {matches} ORDER BY id{direction} LIMIT {values.at_most(self._page.limit + 1)}"
        sql = f"SELECT body FROM {self._table} WHERE {outer} AND id IN ({inner}) ORDER BY id{direction}"  # noqa: S608
        return sql, values.values

    def _matching(
        self,
        condition: Condition,
        parts: Sequence[str] | None,
        values: QuestionMarks,
        *,
        is_beyond: bool,
        wide: bool = False,
    ) -> str:
        """What meets a condition: in some parts of the IDs or all (None), anywhere or beyond the page's begin."""
        table, matches = self._table, [values.of_tenant(self._tenant)]
        if is_beyond:
            matches += self._beyond([("id", False)], 0, values)
        if parts is not None:
            matches.append(values.one_of(PART, parts))
            wide = not values.names_indexes
            if values.names_indexes:
                table += f" INDEXED BY {table}_{self._begins[1]}_in_part"
        matches.append(where(condition, values, wide=wide))
        return f"FROM {table} WHERE {' AND '.join(matches)}"

    def _walked(self, *, wide: bool) -> _Asking:
        """The page along its order. `wide` says that many match the beginning that the filter demands."""
        if wide and not self._page.sort and self._marks.ids_cover:
            return _bodies((yield self._gathering(None, wide=True)))
        found: list[bytes] = []
        for statement in self._walking(wide=wide):
            found += _bodies((yield statement))
            if len(found) > self._page.limit:
                break
        return found[: self._page.limit + 1]

    def _walking(self, *, wide: bool) -> Iterator[Statement]:
        """The statements whose rows, one after the other, make a page: each selects `body` and stops at the limit.

        A page that begins after a position is the rows equal to it in all orders but beyond its ID, then those
        equal in all orders but the last and beyond it there, and so on: each of them one range of an index.
        """
        page = self._page
        goes_down = bool(page.sort) and page.sort[-1][1]
        columns = [*page.sort, ("id", goes_down)]  # so that one index serves both directions
        order = ", ".join(f"{name}{_direction(descending, page)}" for name, descending in columns)
        for length in (0,) if page.after is None else range(len(page.sort), -1, -1):
            values = self._marks()
            parts = [values.of_tenant(self._tenant), *self._beyond(columns, length, values)]
            parts.append(where(page.filter, values, wide=wide))
            sql = f"SELECT body FROM {self._table} WHERE {' AND '.join(parts)} ORDER BY {order} LIMIT "  # noqa: S608
            yield sql + values.at_most(page.limit + 1), values.values

    def _beyond(self, columns: Sequence[tuple[str, bool]], length: int, values: QuestionMarks) -> Iterator[str]:
        """That a row is as the one where the page begins in the first columns, and beyond it in the next."""
        after = self._page.after
        if after is None:
            return
        for (name, _), value in zip(columns[:length], after, strict=False):
            yield f"{name} = {values.add(value)}"
        name, descending = columns[length]
        sign = "<" if descending != self._page.backwards else ">"
        yield f"{name} {sign} {values.add(after[length])}"


def _demanded(condition: Condition) -> Iterator[Condition]:
    """The conditions that must hold whatever else is asked for."""
    if condition[0] == "all":
        for part in condition[1]:
            yield from _demanded(part)
    else:
        yield condition


def _direction(descending: bool, page: Page) -> str:
    return " DESC" if descending != page.backwards else ""


def _bodies(rows: Rows) -> list[bytes]:
    return [body for (body,) in rows]
