"""Which forms of queries the application takes, and by which rule it refuses the others."""

from __future__ import annotations

import pytest

QUERY = "queryMarketingConsent"
EMAIL, PHONE = "details.email", "details.phone"
AT, FILTER, SORT, PAGING = "query", "query.filter", "query.sort", "query.cursorPaging"
IDENTIFIER = "query-identifier-operators"


def _told(answer):
    """Status, field and rule of the first violation."""
    violation = answer.violations[0]
    return answer.status, violation["field"], violation["data"]["rule"]


@pytest.mark.rule(
    "query-parts", "query-required", "query-filterable-fields", "query-id-operators", "query-date-operators",
    "query-identifier-operators", "query-state-operators", "query-logic", "query-in-limit", "query-sort-form",
    "query-sortable-fields", "query-sort-order", "query-sort-limit", "query-paging-form", "query-page-limit",
    "query-cursor", "timestamp-form", "state-known",
)  # fmt: skip
@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ([], AT, "query-parts"),
        (None, AT, "query-parts"),
        ({"filter": 5}, FILTER, "query-filterable-fields"),
        ({"filter": {"$and": []}}, f"{FILTER}.$and", "query-logic"),
        ({"filter": {"$or": []}}, f"{FILTER}.$or", "query-logic"),
        ({"filter": {"$or": {}}}, f"{FILTER}.$or", "query-logic"),
        ({"filter": {"id": {}}}, f"{FILTER}.id", "query-id-operators"),
        ({"filter": {"id": 7}}, f"{FILTER}.id", "query-id-operators"),
        ({"filter": {"createdDate": {}}}, f"{FILTER}.createdDate", "query-date-operators"),
        ({"filter": {"createdDate": None}}, f"{FILTER}.createdDate", "query-date-operators"),
        ({"filter": {"createdDate": "yesterday"}}, f"{FILTER}.createdDate", "query-date-operators"),
        ({"filter": {"updatedDate": {"$gt": "2024"}}}, f"{FILTER}.updatedDate.$gt", "timestamp-form"),
        ({"filter": {EMAIL: {}}}, f"{FILTER}.{EMAIL}", IDENTIFIER),
        ({"filter": {EMAIL: {"$startsWith": None}}}, f"{FILTER}.{EMAIL}.$startsWith", IDENTIFIER),
        ({"filter": {PHONE: {"$exists": "yes"}}}, f"{FILTER}.{PHONE}.$exists", IDENTIFIER),
        ({"filter": {"state": {}}}, f"{FILTER}.state", "query-state-operators"),
        ({"filter": {"state": None}}, f"{FILTER}.state", "query-state-operators"),
        ({"filter": {"state": "CONFIRMED_"}}, f"{FILTER}.state", "state-known"),
        ({"filter": {"state": {"$in": ["CONFIRMED_"]}}}, f"{FILTER}.state.$in[0]", "state-known"),
        ({"filter": {"id": {"$in": ["x"] * 101}}}, f"{FILTER}.id.$in", "query-in-limit"),
        ({"filter": {EMAIL: {"$in": ["x"] * 101}}}, f"{FILTER}.{EMAIL}.$in", "query-in-limit"),
        ({"filter": {"state": {"$in": ["PENDING"] * 101}}}, f"{FILTER}.state.$in", "query-in-limit"),
        ({"sort": {}}, SORT, "query-sort-limit"),
        ({"sort": [{"fieldName": "createdDate"}] * 6}, SORT, "query-sort-limit"),
        ({"sort": [{}]}, f"{SORT}[0].fieldName", "query-sort-form"),
        ({"sort": ["createdDate"]}, f"{SORT}[0]", "query-sort-form"),
        ({"sort": [{"fieldName": "id"}]}, f"{SORT}[0].fieldName", "query-sortable-fields"),
        ({"sort": [{"fieldName": "state"}]}, f"{SORT}[0].fieldName", "query-sortable-fields"),
        ({"sort": [{"fieldName": "createdDate", "order": "desc"}]}, f"{SORT}[0].order", "query-sort-order"),
        ({"cursorPaging": 5}, PAGING, "query-paging-form"),
        ({"cursorPaging": {"limit": 0}}, f"{PAGING}.limit", "query-page-limit"),
        ({"cursorPaging": {"limit": 101}}, f"{PAGING}.limit", "query-page-limit"),
        ({"cursorPaging": {"limit": "50"}}, f"{PAGING}.limit", "query-page-limit"),
        ({"cursorPaging": {"cursor": "x" * 16001}}, f"{PAGING}.cursor", "query-cursor"),
        ({"cursorPaging": {"cursor": "forged"}}, f"{PAGING}.cursor", "query-cursor"),
    ],
    ids=str,
)  # fmt: skip
def test_a_query_of_another_form_is_refused(site, query, field, rule):
    assert _told(site.call(QUERY, {"query": query})) == (400, field, rule)


@pytest.mark.rule("query-required")
def test_a_query_stands_under_query(site):
    assert _told(site.call(QUERY, {})) == (400, "query", "query-required")


@pytest.mark.rule("query-in-limit", "query-sort-limit", "query-page-limit")
@pytest.mark.parametrize(
    "query",
    [
        {"filter": {"id": {"$in": ["x"] * 100}}},
        {"sort": [{"fieldName": "createdDate"}] * 5},
        {"cursorPaging": {"limit": 100}},
        {"filter": None, "sort": None, "cursorPaging": {"limit": None, "cursor": None}},
    ],
    ids=["100 values", "5 orders", "100 on a page", "nulls"],
)
def test_a_query_at_its_limits_is_taken(site, query):
    assert site.call(QUERY, {"query": query}).status == 200


@pytest.mark.rule(
    "query-id-operators", "query-date-operators", "query-identifier-operators", "query-state-operators"
)
@pytest.mark.parametrize(
    ("field", "rule", "operators"),
    [
        ("id", "query-id-operators", "$gt $gte $lt $lte $startsWith"),
        ("createdDate", "query-date-operators", "$in $exists $startsWith"),
        ("updatedDate", "query-date-operators", "$in $exists $startsWith"),
        (EMAIL, IDENTIFIER, "$gt $gte $lt $lte"),
        (PHONE, IDENTIFIER, "$gt $gte $lt $lte"),
        ("state", "query-state-operators", "$gt $gte $lt $lte $exists $startsWith"),
    ],
)
def test_operators_that_a_field_does_not_take_are_refused(site, field, rule, operators):
    values = {"$in": ["x"], "$exists": True}
    others = "$nin $endsWith $contains $hasSome $hasAll $isEmpty"  # codespell:ignore nin
    for operator in (*operators.split(), *others.split()):
        condition = {operator: values.get(operator, "2024-01-01T00:00:00Z")}
        answer = site.call(QUERY, {"query": {"filter": {field: condition}}})
        assert _told(answer) == (400, f"query.filter.{field}.{operator}", rule)
        assert answer.violations[0]["description"].startswith("is no operator here")


@pytest.mark.rule("query-filterable-fields")
@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("email", "is no field here. Closest: details.email."),
        ("created_date", "is no field here. Closest: createdDate."),
        ("revision", "is no field here"),
        ("$nor", "is no operator here. Closest: $or."),
    ],
)
def test_other_fields_cannot_be_filtered_by(site, field, told):
    answer = site.call(QUERY, {"query": {"filter": {field: "x"}}})
    assert _told(answer) == (400, f"query.filter.{field}", "query-filterable-fields")
    assert answer.violations[0]["description"].startswith(told)


@pytest.mark.rule("query-parts", "query-sort-form", "query-paging-form")
@pytest.mark.parametrize(
    ("query", "field", "rule", "closest"),
    [
        ({"cursor_paging": {}}, f"{AT}.cursor_paging", "query-parts", "cursorPaging"),
        ({"sort": [{"fieldName": "createdDate", "ordre": "ASC"}]}, f"{SORT}[0].ordre", "query-sort-form", "order"),
        ({"cursorPaging": {"limits": 5}}, f"{PAGING}.limits", "query-paging-form", "limit"),
    ],
)
def test_a_query_has_no_other_parts(site, query, field, rule, closest):
    answer = site.call(QUERY, {"query": query})
    assert _told(answer) == (400, field, rule)
    assert answer.violations[0]["description"].startswith(f"is no field here. Closest: {closest}.")
