"""What a filter means: each operator of each field, bare values, nulls, logic and limits."""

from __future__ import annotations

import orjson
import pytest

from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules.query import parse_filter

GUID = "11111111-1111-4111-8111-111111111111"
NOON, NOON_KEY = "2024-05-01T14:00:00+02:00", "2024-05-01T12:00:00.000000000"
VALUES = {
    # field: the column, a value, and the value as it compares
    "id": ("id", GUID, GUID),
    "createdDate": ("created", NOON, NOON_KEY),
    "updatedDate": ("updated", NOON, NOON_KEY),
    "details.email": ("email", " Ada@Example.COM ", "ada@example.com"),
    "details.phone": ("phone", "+19172222222", "+19172222222"),
    "state": ("state", "PENDING", "PENDING"),
}
DATES = ("createdDate", "updatedDate")
IDENTIFIERS = ("details.email", "details.phone")

every_field = pytest.mark.parametrize("field", VALUES)


def _nested(operator, levels):
    condition = {"state": "PENDING"}
    for _ in range(levels):
        condition = {operator: condition if operator == "$not" else [condition]}
    return condition


# ---- operators -----------------------------------------------------------------------------------


@pytest.mark.rule(
    "query-id-operators", "query-date-operators", "query-identifier-operators", "query-state-operators"
)
@every_field
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"$eq": value}], ids=["bare", "$eq"])
def test_a_bare_value_and_eq_mean_the_same_value(field, wrap):
    column, value, key = VALUES[field]
    assert parse_filter({field: wrap(value)}) == ("eq", column, key)


@pytest.mark.rule(
    "query-id-operators", "query-date-operators", "query-identifier-operators", "query-state-operators"
)
@every_field
def test_ne_means_not_that_value(field):
    column, value, key = VALUES[field]
    assert parse_filter({field: {"$ne": value}}) == ("not", ("eq", column, key))


@pytest.mark.rule("query-id-operators", "query-identifier-operators", "query-state-operators")
@pytest.mark.parametrize("field", ["id", *IDENTIFIERS, "state"])
def test_in_means_one_of_the_values_each_once(field):
    column, value, key = VALUES[field]
    assert parse_filter({field: {"$in": [value, value]}}) == ("in", column, (key,))


@pytest.mark.rule("query-id-operators", "query-identifier-operators", "query-state-operators")
@pytest.mark.parametrize("field", ["id", *IDENTIFIERS, "state"])
def test_in_without_values_means_none(field):
    assert parse_filter({field: {"$in": []}}) == ("in", VALUES[field][0], ())


@pytest.mark.rule("query-id-operators", "query-identifier-operators")
@pytest.mark.parametrize("field", ["id", *IDENTIFIERS])
@pytest.mark.parametrize("exists", [True, False])
def test_exists_means_present_or_absent(field, exists):
    present = ("exists", VALUES[field][0])
    assert parse_filter({field: {"$exists": exists}}) == (present if exists else ("not", present))


@pytest.mark.rule("query-date-operators")
@pytest.mark.parametrize("field", DATES)
@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte"])
def test_comparisons_of_dates_compare_instants(field, operator):
    column, value, key = VALUES[field]
    assert parse_filter({field: {operator: value}}) == (operator[1:], column, key)


@pytest.mark.rule("query-identifier-operators", "email-compared-trimmed-lower-case")
@pytest.mark.parametrize(
    ("field", "start", "key"),
    [
        pytest.param("details.email", "ADA@Ex", "ada@ex", id="email, without case"),
        pytest.param("details.email", "  Ada", "ada", id="email, without blanks before"),
        pytest.param("details.email", "", "", id="email, empty"),
        pytest.param("details.phone", "+1917", "+1917", id="phone"),
    ],
)
def test_starts_with_means_a_prefix(field, start, key):
    assert parse_filter({field: {"$startsWith": start}}) == ("prefix", VALUES[field][0], key)


@pytest.mark.rule("query-identifier-operators", "query-id-operators")
@pytest.mark.parametrize("field", ["id", *IDENTIFIERS])
@pytest.mark.parametrize(
    ("condition", "negated"),
    [(None, False), ({"$eq": None}, False), ({"$ne": None}, True)],
    ids=["bare", "$eq", "$ne"],
)
def test_null_means_absent(field, condition, negated):
    absent = ("eq", VALUES[field][0], None)
    assert parse_filter({field: condition}) == (("not", absent) if negated else absent)


@pytest.mark.rule("query-identifier-operators")
def test_null_among_the_values_of_in_means_or_absent():
    condition = parse_filter({"details.phone": {"$in": ["+123", None]}})
    assert condition == ("any", (("in", "phone", ("+123",)), ("eq", "phone", None)))


# ---- logic ---------------------------------------------------------------------------------------


@pytest.mark.rule("query-logic")
@pytest.mark.parametrize(
    ("source", "condition"),
    [
        pytest.param({}, ("all", ()), id="empty"),
        pytest.param(
            {"state": "PENDING", "id": GUID},
            ("all", (("eq", "state", "PENDING"), ("eq", "id", GUID))),
            id="two fields: both",
        ),
        pytest.param(
            {"createdDate": {"$gte": NOON, "$lt": NOON}},
            ("all", (("gte", "created", NOON_KEY), ("lt", "created", NOON_KEY))),
            id="two operators: both",
        ),
        pytest.param(
            {"$and": [{"state": "PENDING"}, {"id": GUID}]},
            ("all", (("eq", "state", "PENDING"), ("eq", "id", GUID))),
            id="$and",
        ),
        pytest.param(
            {"$or": [{"state": "PENDING"}, {"id": GUID}]},
            ("any", (("eq", "state", "PENDING"), ("eq", "id", GUID))),
            id="$or",
        ),
        pytest.param({"$not": {"state": "PENDING"}}, ("not", ("eq", "state", "PENDING")), id="$not"),
        pytest.param(
            {"$not": {"state": "PENDING", "id": GUID}},
            ("not", ("all", (("eq", "state", "PENDING"), ("eq", "id", GUID)))),
            id="$not of two",
        ),
        pytest.param(
            {"$or": [{"$and": [{"state": "PENDING"}]}, {"$not": {"id": GUID}}]},
            ("any", (("all", (("eq", "state", "PENDING"),)), ("not", ("eq", "id", GUID)))),
            id="nested",
        ),
    ],
)
def test_filters_combine(source, condition):
    assert parse_filter(source) == condition


# ---- limits --------------------------------------------------------------------------------------


@pytest.mark.rule("query-filter-size")
@pytest.mark.parametrize("operator", ["$and", "$or", "$not"])
def test_eight_levels_of_logic_are_read_and_nine_refused(operator):
    assert parse_filter(_nested(operator, 8))
    with pytest.raises(Refusal, match="at most 8 levels") as refused:
        parse_filter(_nested(operator, 9))
    violation = refused.value.violations[0]
    assert (refused.value.status, violation.field, violation.rule) == (400, "query.filter", "query-filter-size")


@pytest.mark.rule("query-filter-size")
def test_8192_bytes_of_filter_are_read_and_one_more_refused():
    rest = len(orjson.dumps({"details.email": ""}))
    assert parse_filter({"details.email": "x" * (8192 - rest)})
    with pytest.raises(Refusal, match="at most 8192 bytes") as refused:
        parse_filter({"details.email": "x" * (8193 - rest)})
    assert (refused.value.status, refused.value.violations[0].violated_rule) == (400, "MAX_SIZE")


@pytest.mark.rule("query-filter-size")
def test_the_size_of_a_filter_is_counted_in_bytes_not_in_characters():
    with pytest.raises(Refusal, match="at most 8192 bytes"):
        parse_filter({"details.email": "ä" * 4096})
