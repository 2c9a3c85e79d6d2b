"""The query language of marketing consents: filters, orders and pages.

A filter becomes a condition: `("all", conditions)`, `("any", conditions)`, `("not", condition)`,
`("eq", column, value)` where None means absent, `("in", column, values)`, `("exists", column)`,
`("prefix", column, text)`, and `("lt" | "lte" | "gt" | "gte", column, value)`. Columns are `id`, `created`,
`updated`, `email`, `phone` and `state`; dates are sort keys, email addresses lower case.

The contract has checked fields, operators and values; what no schema can say is checked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from wixture.mockserver.instants import sort_key
from wixture.mockserver.messages import (
    Call,
    Condition,
    Decision,
    Found,
    Order,
    Page,
    Verbatim,
    email_key,
    lower,
)
from wixture.mockserver.refusals import invalid_field
from wixture.mockserver.rules.world import World

DEFAULT_LIMIT = 50
MOST_FILTER_BYTES = 8 * 1024
MOST_FILTER_LEVELS = 8

COLUMNS = {
    "id": "id",
    "createdDate": "created",
    "updatedDate": "updated",
    "details.email": "email",
    "details.phone": "phone",
    "state": "state",
}
_COMPARISONS = {"$lt": "lt", "$lte": "lte", "$gt": "gt", "$gte": "gte"}


def _as_is(value: str) -> str:
    return value


_NORMAL: Mapping[str, Callable[[str], str]] = {"created": sort_key, "updated": sort_key, "email": email_key}


def find_page(call: Call, world: World) -> Page:
    """The page a request asks for. 'query-cursor', 'query-cursor-stands-alone'"""
    query = call.body["query"]
    paging = query.get("cursorPaging") or {}
    limit = int(paging.get("limit") or DEFAULT_LIMIT)
    if not paging.get("cursor"):
        source = query.get("filter") or {}
        return Page(parse_filter(source), source, _sort(query.get("sort") or ()), limit)
    sealed = world.cursors.open(paging["cursor"])
    if sealed is None:
        problem = "is no cursor of this site; take one from pagingMetadata.cursors of an answer, unchanged"
        raise invalid_field("query.cursorPaging.cursor", problem, "query-cursor")
    return _page_at(sealed, limit)


def _page_at(sealed: Mapping[str, Any], limit: int) -> Page:
    return Page(
        filter=parse_filter(sealed["filter"]),
        source=sealed["filter"],
        sort=tuple((column, descending) for column, descending in sealed["sort"]),
        limit=limit,
        after=tuple(sealed["after"]),
        backwards=sealed["backwards"],
    )


def answer_page(_: Call, found: Found, world: World) -> Decision:
    """The page, and the cursors of its neighbours. 'query-last-page', 'query-page-limit'"""
    page = found.lookup
    assert isinstance(page, Page)  # noqa: S101  # find_page gave it
    stored = found.stored[: page.limit]
    more = len(found.stored) > page.limit
    if page.backwards:
        stored = stored[::-1]
    has_next = bool(stored) and (more or page.backwards)
    has_prev = bool(stored) and (more if page.backwards else page.after is not None)
    cursors = {
        "next": _cursor(page, stored[-1], world, backwards=False) if has_next else None,
        "prev": _cursor(page, stored[0], world, backwards=True) if has_prev else None,
    }
    metadata = {"count": len(stored), "cursors": cursors, "hasNext": has_next}
    return Decision({"marketingConsent": Verbatim(stored), "pagingMetadata": metadata})


def _cursor(page: Page, stored: bytes, world: World, *, backwards: bool) -> str:
    entity = orjson.loads(stored)
    position = [entity["id"] if column == "id" else sort_key(entity[f"{column}Date"]) for column, _ in page.sort]
    content = {
        "filter": page.source,
        "sort": page.sort,
        "after": [*position, entity["id"]],
        "backwards": backwards,
    }
    return world.cursors.seal(content)


def _sort(entries: Any) -> tuple[Order, ...]:
    """'query-sort-order', 'query-sortable-fields'"""
    return tuple((COLUMNS[entry["fieldName"]], entry.get("order") == "DESC") for entry in entries)


# ---- filters -------------------------------------------------------------------------------------


def parse_filter(source: Mapping[str, Any]) -> Condition:
    """The condition of a filter. Raises Refusal for one that is too long or too deep: 'query-filter-size'"""
    if len(orjson.dumps(source)) > MOST_FILTER_BYTES:
        problem = f"must be at most {MOST_FILTER_BYTES} bytes of JSON"
        raise invalid_field("query.filter", problem, "query-filter-size", kind="MAX_SIZE")
    return _filter(source, levels=0)


def _filter(source: Mapping[str, Any], *, levels: int) -> Condition:
    if levels > MOST_FILTER_LEVELS:
        problem = f"must be at most {MOST_FILTER_LEVELS} levels of $and, $or and $not deep"
        raise invalid_field("query.filter", problem, "query-filter-size", kind="MAX_SIZE")
    parts = [_part(name, value, levels) for name, value in source.items()]
    return parts[0] if len(parts) == 1 else ("all", tuple(parts))


def _part(name: str, value: Any, levels: int) -> Condition:
    if name in ("$and", "$or"):
        inner = tuple(_filter(part or {}, levels=levels + 1) for part in value)
        return ("all" if name == "$and" else "any", inner)
    if name == "$not":
        return ("all", ()) if value is None else ("not", _filter(value, levels=levels + 1))
    column = COLUMNS[name]
    if not isinstance(value, dict):
        return ("eq", column, _normal(column, value))
    parts = tuple(_operators(column, value))
    return parts[0] if len(parts) == 1 else ("all", parts)


def _operators(column: str, operators: Mapping[str, Any]) -> Iterator[Condition]:
    for name, value in operators.items():
        if name == "$eq":
            yield ("eq", column, _normal(column, value))
        elif name == "$ne":
            yield ("not", ("eq", column, _normal(column, value)))
        elif name == "$in":
            yield _one_of(column, [_normal(column, member) for member in value])
        elif name == "$exists":
            yield ("exists", column) if value else ("not", ("exists", column))
        elif name == "$startsWith":
            yield ("prefix", column, lower(value.lstrip(" ")) if column == "email" else value)
        else:
            yield (_COMPARISONS[name], column, _normal(column, value))


def _one_of(column: str, members: list[str | None]) -> Condition:
    present: Condition = (
        "in",
        column,
        tuple(dict.fromkeys(member for member in members if member is not None)),
    )
    return ("any", (present, ("eq", column, None))) if None in members else present


def _normal(column: str, value: str | None) -> str | None:
    return None if value is None else _NORMAL.get(column, _as_is)(value)
