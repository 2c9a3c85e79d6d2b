"""Deviations of queries: pages, cursors, orders, filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.planting import QUERY, accepting, deviation, in_answers, in_requests, put, without
from conformance.proxy import Asked, consents_in, envelope, parsed, saying

from wixture.mockserver.messages import Request, Response


def _paging(sent: Any) -> dict[str, Any]:
    query = sent.get("query") if isinstance(sent, dict) else None
    paging = query.get("cursorPaging") if isinstance(query, dict) else None
    return paging if isinstance(paging, dict) else {}


# ---- pages and cursors ---------------------------------------------------------------------------


@deviation
async def query_loses_a_page(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != QUERY or response.status != 200 or not _paging(asked.sent).get("cursor"):
        return response
    following = parsed(response)["pagingMetadata"]["cursors"]["next"]
    if following is None:
        return response
    paging = {**_paging(asked.sent), "cursor": following}
    return await asked.answer(asked.with_body({"query": {"cursorPaging": paging}}))


@deviation
async def query_repeats_an_item_on_the_next_page(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != QUERY or response.status != 200:
        return response
    body, last = parsed(response), asked.memory.get("last")
    found = body["marketingConsent"]
    if found:
        asked.memory["last"] = found[-1]
    if _paging(asked.sent).get("cursor") and last and found:
        found[0] = last
    return saying(response, body)


@in_answers(of=(QUERY,))
def query_loses_the_last_item_of_a_full_page(body: Any, asked: Asked) -> None:
    if body["pagingMetadata"]["hasNext"] and len(body["marketingConsent"]) > 1:
        body["marketingConsent"].pop()
        body["pagingMetadata"]["count"] -= 1


@in_requests(of=(QUERY,))
def page_is_larger_than_the_limit(sent: Any, asked: Asked) -> None:
    paging = _paging(sent)
    if paging.get("limit") and paging["limit"] < 100:
        paging["limit"] += 1


@in_requests(of=(QUERY,))
def limit_is_ignored(sent: Any, asked: Asked) -> None:
    if 0 < _paging(sent).get("limit", 0) <= 100:
        del sent["query"]["cursorPaging"]["limit"]


@in_requests(of=(QUERY,))
def limit_is_forgotten_behind_a_cursor(sent: Any, asked: Asked) -> None:
    if _paging(sent).get("cursor"):
        _paging(sent).pop("limit", None)


@in_answers(of=(QUERY,))
def count_is_one_too_many(body: Any, asked: Asked) -> None:
    body["pagingMetadata"]["count"] += 1


@deviation
async def count_is_of_all_pages(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != QUERY or response.status != 200:
        return response
    body = parsed(response)
    body["pagingMetadata"]["count"] = len(await asked.stored())
    return saying(response, body)


@in_answers(of=(QUERY,))
def cursors_never_end(body: Any, asked: Asked) -> None:
    cursors, cursor = body["pagingMetadata"]["cursors"], _paging(asked.sent).get("cursor")
    if cursors["next"] is None and cursor:
        cursors["next"] = cursor
        body["pagingMetadata"]["hasNext"] = True


@in_answers(of=(QUERY,))
def last_page_is_an_empty_one(body: Any, asked: Asked) -> None:
    paging, cursors = body["pagingMetadata"], body["pagingMetadata"]["cursors"]
    if cursors["next"] is None and body["marketingConsent"] and _paging(asked.sent).get("cursor"):
        paging["hasNext"] = True


@in_answers(of=(QUERY,))
def has_next_is_always_false(body: Any, asked: Asked) -> None:
    body["pagingMetadata"]["hasNext"] = False


@in_answers(of=(QUERY,))
def first_page_has_no_next(body: Any, asked: Asked) -> None:
    body["pagingMetadata"]["hasNext"] = False
    body["pagingMetadata"]["cursors"]["next"] = None


@in_answers(of=(QUERY,))
def first_page_has_a_previous_one(body: Any, asked: Asked) -> None:
    cursors = body["pagingMetadata"]["cursors"]
    if cursors["prev"] is None:
        cursors["prev"] = cursors["next"]


@in_answers(of=(QUERY,))
def previous_cursor_leads_forward(body: Any, asked: Asked) -> None:
    cursors = body["pagingMetadata"]["cursors"]
    if cursors["prev"] and cursors["next"]:
        cursors["prev"] = cursors["next"]


@deviation
async def filter_is_forgotten_behind_a_cursor(asked: Asked) -> Response:
    response = await asked.answer()
    if asked.operation != QUERY or response.status != 200 or not _paging(asked.sent).get("cursor"):
        return response
    paging = {key: said for key, said in _paging(asked.sent).items() if key != "cursor"}
    return await asked.answer(asked.with_body({"query": {"cursorPaging": paging}}))


@deviation
async def forged_cursor_begins_anew(asked: Asked) -> Response:
    response = await asked.answer()
    sent = asked.sent
    if asked.operation != QUERY or response.status != 400 or not isinstance(sent, dict):
        return response
    if not _paging(sent).pop("cursor", None):
        return response
    again = await asked.answer(asked.with_body(sent))
    return again if again.status == 200 else response


@deviation
async def forged_cursor_is_an_empty_page(asked: Asked) -> Response:
    response = await asked.answer()
    cursor = asked.operation == QUERY and response.status == 400 and _paging(asked.sent).get("cursor")
    if not cursor:
        return response
    metadata = {"count": 0, "cursors": {"next": None, "prev": None}, "hasNext": False}
    return saying(response, {"marketingConsent": [], "pagingMetadata": metadata}, status=200)


# ---- orders --------------------------------------------------------------------------------------


@in_requests(of=(QUERY,))
def sort_is_ignored(sent: Any, asked: Asked) -> None:
    if all(one.get("fieldName") in ("createdDate", "updatedDate") for one in sent["query"].get("sort") or ()):
        sent["query"].pop("sort", None)


@in_requests(of=(QUERY,))
def sort_is_always_ascending(sent: Any, asked: Asked) -> None:
    for one in sent["query"].get("sort") or ():
        if one.get("order") == "DESC":
            one["order"] = "ASC"


@in_requests(of=(QUERY,))
def sort_is_by_the_other_date(sent: Any, asked: Asked) -> None:
    other = {"createdDate": "updatedDate", "updatedDate": "createdDate"}
    for one in sent["query"].get("sort") or ():
        one["fieldName"] = other.get(one["fieldName"], one["fieldName"])


@in_answers(of=(QUERY,))
def default_order_is_by_no_id(body: Any, asked: Asked) -> None:
    if not asked.sent["query"].get("sort"):
        body["marketingConsent"].reverse()


# ---- filters -------------------------------------------------------------------------------------

Parts = Callable[[dict[str, Any]], None]


def _filtering(name: str) -> Callable[[Parts], Parts]:
    """Registers a change in place of every object of a filter."""

    def register(change: Parts) -> Parts:
        def alter(sent: Any, asked: Asked) -> None:
            _everywhere(sent["query"].get("filter"), change)

        alter.__name__ = name
        in_requests(of=(QUERY,))(alter)
        return change

    return register


def _everywhere(part: Any, change: Parts) -> None:
    if isinstance(part, dict):
        change(part)
    for inner in list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else ():
        _everywhere(inner, change)


@_filtering("equal email answers a stranger")
def _(part: dict[str, Any]) -> None:
    value = part.get("details.email")
    if isinstance(value, str) or (isinstance(value, dict) and "$eq" in value):
        del part["details.email"]


@_filtering("equal id is ignored")
def _(part: dict[str, Any]) -> None:
    value = part.get("id")
    if isinstance(value, str) or (isinstance(value, dict) and "$eq" in value):
        del part["id"]


@_filtering("one of many loses one")
def _(part: dict[str, Any]) -> None:
    if isinstance(part.get("$in"), list) and len(part["$in"]) > 1:
        part["$in"].pop()


@_filtering("beginning of a phone is its middle")
def _(part: dict[str, Any]) -> None:
    value = part.get("details.phone")
    if isinstance(value, dict) and "$startsWith" in value:
        part["details.phone"] = {"$exists": True}


@_filtering("not is ignored")
def _(part: dict[str, Any]) -> None:
    if isinstance(part.get("$not"), dict):
        part.update(part.pop("$not"))


@_filtering("or is and")
def _(part: dict[str, Any]) -> None:
    if "$or" in part:
        part["$and"] = part.pop("$or")


@_filtering("and is or")
def _(part: dict[str, Any]) -> None:
    if "$and" in part:
        part["$or"] = part.pop("$and")


@_filtering("not equal is equal")
def _(part: dict[str, Any]) -> None:
    if "$ne" in part:
        part["$eq"] = part.pop("$ne")


@_filtering("exists means does not exist")
def _(part: dict[str, Any]) -> None:
    if isinstance(part.get("$exists"), bool):
        part["$exists"] = not part["$exists"]


@_filtering("exists is always true")
def _(part: dict[str, Any]) -> None:
    if isinstance(part.get("$exists"), bool):
        part["$exists"] = True


@_filtering("state is not filtered by")
def _(part: dict[str, Any]) -> None:
    part.pop("state", None)


@_filtering("greater includes equal")
def _(part: dict[str, Any]) -> None:
    if "$gt" in part:
        part["$gte"] = part.pop("$gt")


@_filtering("at most excludes equal")
def _(part: dict[str, Any]) -> None:
    if "$lte" in part:
        part["$lt"] = part.pop("$lte")


@_filtering("less is greater")
def _(part: dict[str, Any]) -> None:
    if "$lt" in part:
        part["$gt"] = part.pop("$lt")


@deviation
async def beginning_of_an_email_is_told_apart_by_case(asked: Asked) -> Response:
    wanted = _beginning(asked)
    response = await asked.answer()
    if wanted is None or response.status != 200:
        return response
    body = parsed(response)
    body["marketingConsent"] = [
        one for one in consents_in(body) if one["details"].get("email", "").startswith(wanted)
    ]
    body["pagingMetadata"]["count"] = len(body["marketingConsent"])
    return saying(response, body)


def _beginning(asked: Asked) -> str | None:
    found: list[str] = []
    if asked.operation == QUERY and isinstance(asked.sent, dict):
        source = (asked.sent.get("query") or {}).get("filter")
        _everywhere(source, lambda part: found.extend(str(part[key]) for key in part if key == "$startsWith"))
    return found[0] if found else None


@deviation
async def equal_email_is_told_apart_by_case(asked: Asked) -> Response:
    sent = asked.sent
    source = (
        (sent.get("query") or {}).get("filter") if asked.operation == QUERY and isinstance(sent, dict) else None
    )
    value = source.get("details.email") if isinstance(source, dict) else None
    wanted = value.get("$eq") if isinstance(value, dict) else value
    response = await asked.answer()
    if not isinstance(wanted, str) or response.status != 200:
        return response
    body = parsed(response)
    body["marketingConsent"] = [one for one in consents_in(body) if one["details"].get("email") == wanted]
    body["pagingMetadata"]["count"] = len(body["marketingConsent"])
    return saying(response, body)


# ---- what should be refused ----------------------------------------------------------------------


@deviation
async def empty_query_is_refused(asked: Asked) -> Response:
    response = await asked.answer()
    empty = asked.operation == QUERY and response.status == 200 and not asked.sent["query"]
    return envelope(response, 400, "INVALID_ARGUMENT") if empty else response


def _within(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    limit = _paging(sent).get("limit") if isinstance(sent, dict) else None
    if not isinstance(limit, int):
        return None
    sent["query"]["cursorPaging"]["limit"] = min(100, limit)
    return asked.with_body(sent)


def _positive(asked: Asked, places: list[str]) -> Request | None:
    sent = asked.sent
    limit = _paging(sent).get("limit") if isinstance(sent, dict) else None
    if not isinstance(limit, int) or limit > 0:
        return None
    sent["query"]["cursorPaging"].pop("limit")
    return asked.with_body(sent)


def _no_filter(asked: Asked, places: list[str]) -> Request:
    sent = asked.sent
    sent["query"].pop("filter", None)
    return asked.with_body(sent)


def _no_sort(asked: Asked, places: list[str]) -> Request:
    sent = asked.sent
    sent["query"].pop("sort", None)
    return asked.with_body(sent)


_OPERATORS = tuple(f"query-{kind}-operators" for kind in ("id", "date", "identifier", "state"))

accepting("limit 101 is accepted", rules=("query-page-limit",), repair=_within)
accepting("limit 0 is accepted", rules=("query-page-limit",), repair=_positive)
accepting("unknown operators are accepted", rules=_OPERATORS, repair=_no_filter)
accepting("unknown fields of a filter are accepted", rules=("query-filterable-fields",), repair=_no_filter)
accepting("sort by any field is accepted", rules=("query-sortable-fields",), repair=_no_sort)
accepting("any order is accepted", rules=("query-sort-order",), repair=put("ASC"))
accepting("101 values are accepted", rules=("query-in-limit",), repair=_no_filter)
accepting(
    "any filter is accepted", rules=(*_OPERATORS, "query-filterable-fields", "query-logic"), repair=_no_filter
)
accepting("unknown parts of a query are accepted", rules=("query-parts", "unknown-field"), repair=without)
