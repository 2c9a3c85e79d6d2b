"""What a page of consents promises: matches alone, in order, no more than asked for, and cursors that fit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wixture.contracts.judging.consents import email_key, identifier_of
from wixture.contracts.judging.instants import Instant, instant
from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_QUERY = "queryMarketingConsent"
_PLACE = "/marketingConsent"
_METADATA = "/components/schemas/CursorPagingMetadata"
_PAGE = "/components/schemas/QueryMarketingConsentResponse/properties/marketingConsent"
_DEFAULT_LIMIT, _MOST = 50, 100
_DATES = ("createdDate", "updatedDate")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def _query(judged: Judged) -> Mapping[str, Any]:
    """What was asked for; empty when the request was not right."""
    return mapping(judged.sent.get("query")) if judged.has_valid_request else {}


def _cursor(judged: Judged) -> Any:
    return mapping(_query(judged).get("cursorPaging")).get("cursor")


def _first_page(judged: Judged) -> bool:
    """Whether filter and sort of the page stand in its own request."""
    return success_of(_QUERY, asked=True)(judged) and not _cursor(judged)


@exchange_check(
    "page-within-limit",
    "No page is longer than asked for",
    rule="query-page-limit",
    spec=_PAGE,
    when=success_of(_QUERY, asked=True),
)
def page_within_limit(judged: Judged) -> Iterator[Said]:
    """The request's limit, or 50."""
    limit = mapping(_query(judged).get("cursorPaging")).get("limit")
    most = int(limit or (_MOST if _cursor(judged) else _DEFAULT_LIMIT))
    if len(judged.consents) > most:
        yield Said(f"The page has {len(judged.consents)} consents; at most {most} were expected.", _PLACE)


@exchange_check(
    "page-count-is-its-length",
    "The count of a page is the number of its consents",
    rule="query-page-limit",
    spec=f"{_METADATA}/properties/count",
    when=success_of(_QUERY),
)
def page_count_is_its_length(judged: Judged) -> Iterator[Said]:
    """pagingMetadata.count."""
    listed, count = (
        judged.answer.get("marketingConsent"),
        mapping(judged.answer.get("pagingMetadata")).get("count"),
    )
    if isinstance(listed, list) and isinstance(count, int) and count != len(listed):
        yield Said(f"count is {shown(count)}; the page has {len(listed)} consents.", "/pagingMetadata/count")


@exchange_check(
    "page-cursors-fit",
    "There is a next cursor exactly where there is a next page",
    rule="query-last-page",
    spec=f"{_METADATA}/properties/cursors",
    when=success_of(_QUERY),
)
def page_cursors_fit(judged: Judged) -> Iterator[Said]:
    """hasNext and cursors.next say the same, and the first page has no page before it."""
    metadata = mapping(judged.answer.get("pagingMetadata"))
    cursors, has_next = mapping(metadata.get("cursors")), metadata.get("hasNext")
    if isinstance(has_next, bool) and has_next != bool(cursors.get("next")):
        said = "a next cursor" if cursors.get("next") else "no next cursor"
        yield Said(f"hasNext is {str(has_next).lower()}, and there is {said}.", "/pagingMetadata/cursors/next")
    if _first_page(judged) and cursors.get("prev"):
        yield Said(
            "The first page has a cursor of one before it; null was expected.", "/pagingMetadata/cursors/prev"
        )


@exchange_check(
    "page-has-no-double",
    "No consent and no identifier stands twice on a page",
    rule="consent-one-per-identifier",
    spec=_PAGE,
    when=success_of(_QUERY),
)
def page_has_no_double(judged: Judged) -> Iterator[Said]:
    """IDs, and addresses or numbers."""
    seen: set[object] = set()
    for pointer, consent in judged.consents:
        details = mapping(consent.get("details"))
        keys: list[object] = [consent["id"].lower()] if isinstance(consent.get("id"), str) else []
        keys += [identifier_of(details)] if details.get("type") in ("EMAIL", "PHONE") else []
        if any(key in seen for key in keys):
            yield Said("This consent, or its address or number, stands earlier on the page already.", pointer)
        seen.update(keys)


# ---- filters -------------------------------------------------------------------------------------


@exchange_check(
    "page-matches-filter",
    "A page has only what the filter asks for",
    rule="query-filterable-fields",
    spec="/components/schemas/MarketingConsentFilter",
    when=_first_page,
)
def page_matches_filter(judged: Judged) -> Iterator[Said]:
    """Bare values, $eq, $ne, $in and the comparisons of dates, also below $and."""
    conditions = list(_conditions(mapping(_query(judged).get("filter"))))
    for pointer, consent in judged.consents:
        for field, name, wanted in conditions:
            if not _holds(_value(consent, field), name, _normal(field, wanted)):
                found = shown(_shown(consent, field))
                yield Said(f"{field} is {found}; the filter asks for {name} {shown(wanted)}.", pointer)


def _conditions(source: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Field, operator and value of each condition that every match has to meet."""
    for field, value in source.items():
        if field == "$and":
            for part in value:
                yield from _conditions(mapping(part))
        elif not field.startswith("$"):
            operators = value if isinstance(value, dict) else {"$eq": value}
            yield from ((field, name, wanted) for name, wanted in operators.items() if wanted is not None)


def _shown(consent: Mapping[str, Any], field: str) -> Any:
    head, _, part = field.partition(".")
    return mapping(consent.get(head)).get(part) if part else consent.get(head)


def _value(consent: Mapping[str, Any], field: str) -> Any:
    return _normal(field, _shown(consent, field))


def _normal(field: str, value: Any) -> Any:
    """A value as it is compared: instants, and email addresses trimmed and in small letters."""
    if isinstance(value, list):
        return None if None in value else [_normal(field, member) for member in value]
    if field in _DATES:
        return instant(value)
    if field == "details.email" and isinstance(value, str):
        return email_key(value)
    return value


def _holds(found: Any, name: str, wanted: Any) -> bool:
    """Whether a condition holds; what nobody can judge holds."""
    if name == "$eq":
        return bool(found == wanted)
    if name == "$ne":
        return bool(found != wanted)
    if name == "$in":
        return wanted is None or found in wanted
    if found is None or wanted is None or not isinstance(found, tuple):
        return True
    compare = _COMPARISONS.get(name)
    return True if compare is None else bool(compare(found, wanted))


# ---- order ---------------------------------------------------------------------------------------


@exchange_check(
    "page-in-order",
    "A page is in the order that was asked for",
    rule="query-default-order",
    spec="/components/schemas/Sorting",
    when=_first_page,
)
def page_in_order(judged: Judged) -> Iterator[Said]:
    """The request's sort, ties by ID in the last direction; by ID, ascending, without one."""
    sort = [(entry["fieldName"], entry.get("order") == "DESC") for entry in _query(judged).get("sort") or ()]
    orders = [*sort, ("id", sort[-1][1] if sort else False)]
    before: list[Any] | None = None
    for pointer, consent in judged.consents:
        keys = [_key(consent, field) for field, _ in orders]
        if None in keys:
            return
        if before is not None and _is_out_of_order(before, keys, orders):
            words = ", ".join(f"{field} {'descending' if down else 'ascending'}" for field, down in orders)
            yield Said(f"This consent belongs before the one above it; the order is {words}.", pointer)
        before = keys


def _key(consent: Mapping[str, Any], field: str) -> Instant | str | None:
    value = consent.get(field)
    if field in _DATES:
        return instant(value)
    return value.lower() if isinstance(value, str) else None


def _is_out_of_order(before: list[Any], after: list[Any], orders: list[tuple[str, bool]]) -> bool:
    for earlier, later, (_, down) in zip(before, after, orders, strict=True):
        if earlier != later:
            return bool(earlier < later) if down else bool(earlier > later)
    return False


CHECKS = (
    page_within_limit,
    page_count_is_its_length,
    page_cursors_fit,
    page_has_no_double,
    page_matches_filter,
    page_in_order,
)
