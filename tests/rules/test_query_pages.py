"""Which page a query asks for, and the cursors of its answer."""

from __future__ import annotations

import orjson
import pytest

from wixture.mockserver.answers import to_bytes
from wixture.mockserver.messages import Call, Caller, Found
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules.query import answer_page, find_page

CREATED_DOWN = [{"fieldName": "createdDate", "order": "DESC"}]


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def page_of(world):
    """The page that a query asks for: `page_of(filter=…, cursorPaging=…)`."""
    return lambda **query: find_page(_call(query), world)


@pytest.fixture
def answer(world):
    """The answer when the store found some consents for a page."""

    def make(page, entities):
        stored = [orjson.dumps(entity) for entity in entities]
        return orjson.loads(to_bytes(answer_page(_call({}), Found(page, stored=stored), world).answer))

    return make


def _call(query):
    return Call("queryMarketingConsent", Caller("APP", "site", "app"), body={"query": query})


def _consents(*numbers):
    dates = {"createdDate": "2024-01-01T00:00:00Z", "updatedDate": "2024-01-02T00:00:00Z"}
    return [{"id": f"id-{number}", **dates} for number in numbers]


# ---- what is asked for ---------------------------------------------------------------------------


@pytest.mark.rule("query-page-limit", "query-default-order", "query-required")
@pytest.mark.parametrize(
    "query", [{}, {"filter": None, "sort": None, "cursorPaging": None}], ids=["empty", "nulls"]
)
def test_an_empty_query_asks_for_the_first_50_by_id(page_of, query):
    page = page_of(**query)
    assert (page.limit, page.sort, page.after, page.backwards) == (50, (), None, False)


@pytest.mark.rule("query-page-limit")
@pytest.mark.parametrize(("sent", "limit"), [(1, 1), (100, 100), (None, 50)])
def test_the_limit_is_the_one_named_or_50(page_of, sent, limit):
    assert page_of(cursorPaging={"limit": sent}).limit == limit


@pytest.mark.rule("query-sort-order", "query-sortable-fields")
@pytest.mark.parametrize(
    ("entry", "order"),
    [
        ({"fieldName": "createdDate"}, ("created", False)),
        ({"fieldName": "createdDate", "order": None}, ("created", False)),
        ({"fieldName": "createdDate", "order": "ASC"}, ("created", False)),
        ({"fieldName": "updatedDate", "order": "DESC"}, ("updated", True)),
    ],
    ids=["ASC when absent", "ASC when null", "ASC", "DESC"],
)
def test_an_order_is_ascending_unless_it_says_desc(page_of, entry, order):
    assert page_of(sort=[entry]).sort == (order,)


@pytest.mark.rule("query-sort-form")
def test_orders_apply_in_turn(page_of):
    sort = [{"fieldName": "updatedDate"}, {"fieldName": "createdDate", "order": "DESC"}]
    assert page_of(sort=sort).sort == (("updated", False), ("created", True))


# ---- what is answered ----------------------------------------------------------------------------


@pytest.mark.rule("query-last-page")
@pytest.mark.parametrize("found", [(), (1, 2)], ids=["empty", "full"])
def test_a_page_that_is_all_has_no_cursors(page_of, answer, found):
    got = answer(page_of(cursorPaging={"limit": 2}), _consents(*found))
    nothing = {"count": len(found), "cursors": {"next": None, "prev": None}, "hasNext": False}
    assert got == {"marketingConsent": _consents(*found), "pagingMetadata": nothing}


@pytest.mark.rule("query-last-page", "query-page-limit")
def test_a_first_page_with_more_to_come_has_a_next_cursor_alone(page_of, answer):
    got = answer(page_of(cursorPaging={"limit": 2}), _consents(1, 2, 3))
    metadata = got["pagingMetadata"]
    assert got["marketingConsent"] == _consents(1, 2)
    assert (metadata["count"], metadata["hasNext"], metadata["cursors"]["prev"]) == (2, True, None)
    assert metadata["cursors"]["next"]


@pytest.mark.rule("query-cursor")
def test_the_next_cursor_carries_filter_sort_and_position(page_of, answer):
    first = page_of(filter={"state": "PENDING"}, sort=CREATED_DOWN, cursorPaging={"limit": 2})
    cursor = answer(first, _consents(1, 2, 3))["pagingMetadata"]["cursors"]["next"]
    second = page_of(cursorPaging={"cursor": cursor, "limit": 2})
    assert (second.filter, second.source, second.sort) == (first.filter, first.source, first.sort)
    assert (second.after, second.backwards) == (("2024-01-01T00:00:00.000000000", "id-2"), False)


@pytest.mark.rule("query-cursor")
def test_the_limit_beside_a_cursor_may_be_another_one(page_of, answer):
    cursor = answer(page_of(cursorPaging={"limit": 1}), _consents(1, 2))["pagingMetadata"]["cursors"]["next"]
    assert page_of(cursorPaging={"cursor": cursor, "limit": 7}).limit == 7


@pytest.mark.rule("query-cursor-stands-alone")
def test_filter_and_sort_beside_a_cursor_are_ignored(page_of, answer):
    cursor = answer(page_of(cursorPaging={"limit": 1}), _consents(1, 2))["pagingMetadata"]["cursors"]["next"]
    page = page_of(filter={"state": "PENDING"}, sort=CREATED_DOWN, cursorPaging={"cursor": cursor})
    assert (page.source, page.sort) == ({}, ())


@pytest.mark.rule("query-cursor")
def test_the_prev_cursor_asks_for_the_page_before_and_it_comes_in_normal_order(page_of, answer):
    following = answer(page_of(cursorPaging={"limit": 2}), _consents(1, 2, 3))["pagingMetadata"]["cursors"]["next"]
    second = answer(page_of(cursorPaging={"cursor": following, "limit": 2}), _consents(3, 4))
    before = page_of(cursorPaging={"cursor": second["pagingMetadata"]["cursors"]["prev"], "limit": 2})
    assert (before.after, before.backwards) == (("id-3",), True)
    assert answer(before, _consents(2, 1))["marketingConsent"] == _consents(1, 2)


@pytest.mark.rule("query-last-page")
def test_a_page_reached_backwards_has_a_next_page_and_a_prev_one_only_with_more_before(page_of, answer, world):
    cursor = world.cursors.seal({"filter": {}, "sort": [], "after": ["id-3"], "backwards": True})
    page = page_of(cursorPaging={"cursor": cursor, "limit": 2})
    first, middle = (answer(page, found)["pagingMetadata"] for found in (_consents(2, 1), _consents(2, 1, 0)))
    assert (first["hasNext"], first["cursors"]["prev"]) == (True, None)
    assert middle["hasNext"]
    assert middle["cursors"]["prev"]


@pytest.mark.rule("query-cursor")
def test_a_cursor_that_is_not_ours_is_invalid(page_of):
    with pytest.raises(Refusal, match="is no cursor of this site") as refused:
        page_of(cursorPaging={"cursor": "forged"})
    assert (refused.value.status, refused.value.violations[0].field) == (400, "query.cursorPaging.cursor")
