"""What queries find, asked through the application: filters, orders and pages over real entities."""

from __future__ import annotations

import pytest

PEOPLE = ("ada", "bob", "cyd", "dan", "eve")
STATES = ("CONFIRMED", "PENDING", "REVOKED", "NEVER_CONFIRMED", "UNKNOWN_STATE")
DAYS = tuple(f"2024-05-0{day}T08:00:00.000Z" for day in range(1, 6))
QUERY = "queryMarketingConsent"


@pytest.fixture(scope="module")
def people(make_site, sent):
    """A site with five consents, made a day apart: ada to cyd by email, dan and eve by phone."""
    site = make_site()
    for number, (name, state) in enumerate(zip(PEOPLE, STATES, strict=True)):
        details = {"type": "EMAIL", "email": f"{name.title()}@Example.com"}
        if name in ("dan", "eve"):
            details = {"type": "PHONE", "phone": f"+4917{number}"}
        site.upsert(sent(state, details=details))
        site.advance(86_400)
    return site


@pytest.fixture
def names(people):
    """The names of the people that a query finds, in its order."""

    def find(**query):
        answer = people.call(QUERY, {"query": query})
        assert answer.status == 200, answer.body
        return [_name(consent) for consent in answer.body["marketingConsent"]]

    return find


def _name(consent):
    details = consent["details"]
    return details["email"][:3].lower() if "email" in details else PEOPLE[int(details["phone"][-1])]


E, P = "details.email", "details.phone"


@pytest.mark.rule(
    "query-date-operators", "query-identifier-operators", "query-state-operators", "query-logic", "query-required"
)
@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        pytest.param({}, "ada bob cyd dan eve", id="nothing asked"),
        pytest.param({E: "ADA@example.COM"}, "ada", id="email bare, another case"),
        pytest.param({E: {"$eq": " bob@example.com "}}, "bob", id="email $eq, blanks"),
        pytest.param({E: {"$ne": "ada@example.com"}}, "bob cyd dan eve", id="email $ne, the absent too"),
        pytest.param({E: {"$in": ["ADA@example.com", "cyd@example.com", "no"]}}, "ada cyd", id="email $in"),
        pytest.param({E: {"$exists": True}}, "ada bob cyd", id="email $exists"),
        pytest.param({E: {"$exists": False}}, "dan eve", id="email not $exists"),
        pytest.param({E: {"$startsWith": "CYD@"}}, "cyd", id="email $startsWith"),
        pytest.param({E: {"$startsWith": "example"}}, "", id="email $startsWith is no contains"),
        pytest.param({E: None}, "dan eve", id="email null"),
        pytest.param({E: {"$ne": None}}, "ada bob cyd", id="email $ne null"),
        pytest.param({E: {"$in": ["ada@example.com", None]}}, "ada dan eve", id="email $in with null"),
        pytest.param({E: {"$in": []}}, "", id="email $in of none"),
        pytest.param({"$not": {E: {"$in": []}}}, "ada bob cyd dan eve", id="not $in of none"),
        pytest.param({P: "+49173"}, "dan", id="phone bare"),
        pytest.param({P: {"$ne": "+49173"}}, "ada bob cyd eve", id="phone $ne"),
        pytest.param({P: {"$in": ["+49173", "+49174"]}}, "dan eve", id="phone $in"),
        pytest.param({P: {"$startsWith": "+49"}}, "dan eve", id="phone $startsWith"),
        pytest.param({"$not": {P: {"$startsWith": "+49"}}}, "ada bob cyd", id="not $startsWith, the absent too"),
        pytest.param({P: {"$exists": True}}, "dan eve", id="phone $exists"),
        pytest.param({"state": "PENDING"}, "bob", id="state bare"),
        pytest.param({"state": {"$ne": "PENDING"}}, "ada cyd dan eve", id="state $ne"),
        pytest.param({"state": {"$in": ["REVOKED", "UNKNOWN_STATE"]}}, "cyd eve", id="state $in"),
        pytest.param({"createdDate": DAYS[1]}, "bob", id="date bare"),
        pytest.param({"createdDate": {"$eq": "2024-05-02T10:00:00+02:00"}}, "bob", id="date $eq, another zone"),
        pytest.param({"createdDate": {"$ne": DAYS[1]}}, "ada cyd dan eve", id="date $ne"),
        pytest.param({"createdDate": {"$gt": DAYS[2]}}, "dan eve", id="date $gt"),
        pytest.param({"createdDate": {"$gte": DAYS[2]}}, "cyd dan eve", id="date $gte"),
        pytest.param({"updatedDate": {"$lt": DAYS[2]}}, "ada bob", id="date $lt"),
        pytest.param({"updatedDate": {"$lte": DAYS[2]}}, "ada bob cyd", id="date $lte"),
        pytest.param({"createdDate": {"$gte": DAYS[1], "$lt": DAYS[3]}}, "bob cyd", id="between"),
        pytest.param({"$and": [{E: {"$exists": True}}, {"state": "REVOKED"}]}, "cyd", id="$and"),
        pytest.param({"$or": [{P: "+49173"}, {"state": "CONFIRMED"}]}, "ada dan", id="$or"),
        pytest.param({"$not": {"state": "CONFIRMED"}}, "bob cyd dan eve", id="$not"),
        pytest.param(
            {
                "$or": [
                    {"$and": [{"state": "PENDING"}, {E: None}]},
                    {"$not": {"$or": [{E: None}, {"state": "PENDING"}]}},
                ]
            },
            "ada cyd",
            id="nested",
        ),
    ],
)
def test_a_filter_finds(names, condition, wanted):
    assert sorted(names(filter=condition)) == wanted.split()


@pytest.mark.rule("query-id-operators")
@pytest.mark.parametrize(
    ("operator", "wanted"), [("bare", 1), ("$eq", 1), ("$ne", 4), ("$in", 1), ("$exists", 5), ("null", 0)]
)
def test_a_filter_by_id_finds(people, names, operator, wanted):
    some_id = people.call(QUERY, {"query": {}}).body["marketingConsent"][2]["id"]
    values = {"bare": some_id, "null": None, "$in": {"$in": [some_id, "x"]}, "$exists": {"$exists": True}}
    assert len(names(filter={"id": values.get(operator, {operator: some_id})})) == wanted


@pytest.mark.rule("query-sortable-fields", "query-sort-order")
@pytest.mark.parametrize("field", ["createdDate", "updatedDate"])
@pytest.mark.parametrize(("order", "step"), [("ASC", 1), (None, 1), ("DESC", -1)])
def test_a_sort_orders_by_its_date(names, field, order, step):
    assert names(sort=[{"fieldName": field, "order": order}]) == list(PEOPLE[::step])


@pytest.mark.rule("query-default-order")
def test_without_a_sort_the_order_is_by_id(people):
    found = people.call(QUERY, {"query": {}}).body["marketingConsent"]
    assert [consent["id"] for consent in found] == sorted(consent["id"] for consent in found)


@pytest.mark.rule("query-default-order")
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_ties_of_a_sort_are_broken_by_id_in_its_direction(site, sent, details, order):
    site.call("bulkUpsertMarketingConsent", {"info": [sent(details=details(email=f"{n}@b.c")) for n in range(9)]})
    sort = [{"fieldName": "createdDate", "order": order}]
    found = site.call(QUERY, {"query": {"sort": sort}}).body["marketingConsent"]
    ids = [consent["id"] for consent in found]
    assert ids == sorted(ids, reverse=order == "DESC")


# ---- pages ---------------------------------------------------------------------------------------


@pytest.fixture
def pages(people):
    """The answers of all pages, the first query's and then those of the cursors alone."""

    def walk(limit, **query):
        answers = [people.call(QUERY, {"query": {**query, "cursorPaging": {"limit": limit}}}).body]
        while cursor := answers[-1]["pagingMetadata"]["cursors"]["next"]:
            answers.append(
                people.call(QUERY, {"query": {"cursorPaging": {"limit": limit, "cursor": cursor}}}).body
            )
        return answers

    return walk


@pytest.mark.rule("query-cursor", "query-last-page", "query-page-limit")
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "sort", [[], [{"fieldName": "createdDate", "order": "DESC"}]], ids=["by id", "newest first"]
)
def test_the_pages_of_a_query_are_the_whole_of_it_in_order(pages, names, limit, sort):
    answers = pages(limit, sort=sort, filter={"state": {"$ne": "PENDING"}})
    found = [_name(consent) for answer in answers for consent in answer["marketingConsent"]]
    assert found == names(sort=sort, filter={"state": {"$ne": "PENDING"}})
    assert [answer["pagingMetadata"]["hasNext"] for answer in answers] == [True] * (len(answers) - 1) + [False]
    assert [len(answer["marketingConsent"]) for answer in answers[:-1]] == [limit] * (len(answers) - 1)


@pytest.mark.rule("query-cursor", "query-last-page")
def test_going_back_gives_the_same_pages(people, pages):
    forwards = pages(2, sort=[{"fieldName": "createdDate"}])
    cursor, backwards = forwards[-1]["pagingMetadata"]["cursors"]["prev"], [forwards[-1]]
    while cursor:
        backwards.append(people.call(QUERY, {"query": {"cursorPaging": {"limit": 2, "cursor": cursor}}}).body)
        cursor = backwards[-1]["pagingMetadata"]["cursors"]["prev"]
    entities = [[answer["marketingConsent"] for answer in walk] for walk in (forwards, backwards[::-1])]
    assert entities[0] == entities[1]


@pytest.mark.rule("query-cursor", "tenants-apart")
def test_another_sites_cursor_is_invalid(make_site, pages):
    cursor = pages(2)[0]["pagingMetadata"]["cursors"]["next"]
    answer = make_site().call(QUERY, {"query": {"cursorPaging": {"cursor": cursor}}})
    assert (answer.status, answer.rules) == (400, ["query-cursor"])
    assert "is no cursor of this site" in answer.body["message"]


@pytest.mark.rule("query-cursor")
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda cursor: cursor[:-1], id="cut"),
        pytest.param(lambda cursor: ("A" if cursor[0] != "A" else "B") + cursor[1:], id="another seal"),
        pytest.param(lambda cursor: cursor + "AAAA", id="longer"),
        pytest.param(lambda _: "ä", id="no base64"),
        pytest.param(lambda _: ".", id="a dot"),
    ],
)
def test_a_cursor_that_was_changed_is_invalid(people, pages, spoil):
    cursor = pages(2)[0]["pagingMetadata"]["cursors"]["next"]
    answer = people.call(QUERY, {"query": {"cursorPaging": {"cursor": spoil(cursor)}}})
    assert (answer.status, answer.rules) == (400, ["query-cursor"])


@pytest.mark.rule("query-cursor-stands-alone")
def test_filter_and_sort_beside_a_cursor_change_nothing(people, pages):
    first, second = pages(3)
    paging = {"limit": 3, "cursor": first["pagingMetadata"]["cursors"]["next"]}
    answer = people.call(QUERY, {"query": {"filter": {"state": "PENDING"}, "cursorPaging": paging}})
    assert answer.body["marketingConsent"] == second["marketingConsent"]
