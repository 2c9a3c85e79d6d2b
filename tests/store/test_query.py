"""Filters, orders and pages: the rule, the store and the cursors together against the plainest model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wixture.contracts.document import SPEC_FOLDER, Contract
from wixture.contracts.validation import Validation
from wixture.mockserver.answers import to_bytes
from wixture.mockserver.cursors import SiteCursors
from wixture.mockserver.messages import Call, Caller, Entity, Found, email_key
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules.query import answer_page, find_page
from wixture.mockserver.rules.world import World

from .conftest import Tenant
from .entities import consent, created, deleted, guid
from .model import field_of, matches, ordered

repeatable = settings(
    derandomize=True,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

STATES = ["UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED"]
DATES = st.sampled_from(
    [
        *("2024-02-29T12:00:00Z", "2024-02-29T14:00:00+02:00", "2024-02-29T12:00:00.000000000Z"),
        *("2024-02-29T12:00:00.1Z", "2024-02-29T12:00:00.100Z", "2024-02-29T06:30:00.1-05:30"),
        *(
            "2024-02-29T12:00:00.100000001Z",
            "2024-02-29T12:00:00.099999999Z",
            "2024-02-28T23:59:59.999999999-23:59",
        ),
        *("2024-03-01T00:00:00+12:00", "1969-12-31T23:59:59.999Z", "0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"),
    ]
)
"""Few instants, several spellings of the same ones, so that dates are equal often."""

LETTERS = "abAB.+éÉßẞİıKΣσς漢😀\U0010ffff\ud7ff\ue000\u00a0'%_*?\\"
EMAILS = st.builds(
    "{}{}@{}{}".format,
    st.sampled_from(["", "", " ", "   "]),
    st.text(LETTERS, min_size=1, max_size=3),
    st.sampled_from(["x.example", "X.Example", "é.example"]),
    st.sampled_from(["", "", " "]),
)
PHONES = st.from_regex(r"\+[12][0-2]{1,4}", fullmatch=True)


@st.composite
def populations(draw: st.DrawFn) -> list[Entity]:
    """Up to fourteen consents with identifiers of their own."""
    emails = draw(st.lists(EMAILS, min_size=draw(st.sampled_from([3, 3, 0])), max_size=9, unique_by=email_key))
    phones = draw(st.lists(PHONES, min_size=draw(st.sampled_from([1, 1, 0])), max_size=5, unique=True))
    identifiers = [{"email": item} for item in emails] + [{"phone": item} for item in phones]
    numbers = draw(st.permutations(range(len(identifiers))))
    return [
        consent(
            number,
            state=draw(st.sampled_from(STATES)),
            createdDate=draw(DATES),
            updatedDate=draw(DATES),
            **identifier,
        )
        for number, identifier in zip(numbers, identifiers, strict=True)
    ]


# ---- filters of every operator -------------------------------------------------------------------


def _respelt(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text, text.upper(), text.lower(), f" {text.strip(' ')}  ", text[:-1], text + "x"])


def _operands(name: str, population: Sequence[Entity]) -> st.SearchStrategy[str]:
    """Values for a filter on a field: mostly those that are stored, in this or another spelling."""
    if name in ("createdDate", "updatedDate"):
        return DATES
    if name == "state":
        return st.sampled_from(STATES)
    if name == "id":
        return st.integers(0, 14).map(guid) | st.sampled_from(["", guid(1).upper(), "x"])
    own = name.removeprefix("details.")
    stored = [item["details"][own] for item in population if own in item["details"]]
    others = EMAILS if own == "email" else PHONES | st.sampled_from(["", "+", " +1"])
    return (st.sampled_from(stored).flatmap(_respelt) | others) if stored else others


def _starts(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda text, length: text[:length], operands, st.integers(0, 6))


def _conditions(name: str, population: Sequence[Entity]) -> st.SearchStrategy[Any]:
    operands = _operands(name, population)
    nullable = operands if name in ("createdDate", "updatedDate", "state") else operands | st.none()
    choices: dict[str, st.SearchStrategy[Any]] = {"$eq": nullable, "$ne": nullable}
    if "Date" in name:
        choices |= dict.fromkeys(("$lt", "$lte", "$gt", "$gte"), operands)
    else:
        choices["$in"] = st.lists(nullable, max_size=4)
    if name in ("id", "details.email", "details.phone"):
        choices["$exists"] = st.booleans()
    if name.startswith("details."):
        choices["$startsWith"] = _starts(operands)
    often = [*sorted(choices), *(name for name in choices if name in ("$startsWith", "$exists"))]
    one = st.sampled_from(often).flatmap(lambda operator: st.fixed_dictionaries({operator: choices[operator]}))
    return nullable | one | one | st.fixed_dictionaries({}, optional=choices).filter(bool)


FIELDS = ["id", "createdDate", "updatedDate", "details.email", "details.phone", "state"]


def filters(population: Sequence[Entity]) -> st.SearchStrategy[Any]:
    """Filters of every operator and nesting, empty and null ones among them."""
    conditions = {name: _conditions(name, population) for name in FIELDS}
    often = [*FIELDS, "details.email", "details.phone", "details.email", "details.phone"]
    one = st.sampled_from(often).flatmap(lambda name: st.fixed_dictionaries({name: conditions[name]}))
    flat = st.none() | one | one | one | st.fixed_dictionaries({}, optional=conditions)

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        some = st.lists(inner, min_size=1, max_size=3)
        logic = {"$and": some, "$or": some, "$not": inner}
        alone = st.sampled_from(sorted(logic)).flatmap(lambda name: st.fixed_dictionaries({name: logic[name]}))
        return alone | st.fixed_dictionaries({}, optional={**logic, "state": conditions["state"]})

    return st.recursive(flat, nested, max_leaves=6).filter(lambda item: _levels(item) <= 8)


def _levels(filter_: Any) -> int:
    inner = [part for name in ("$and", "$or") for part in (filter_ or {}).get(name, ())]
    inner += [filter_["$not"]] if "$not" in (filter_ or {}) else []
    return max((1 + _levels(part) for part in inner), default=0)


ORDERS = st.fixed_dictionaries(
    {"fieldName": st.sampled_from(["createdDate", "updatedDate"])},
    optional={"order": st.sampled_from(["ASC", "DESC", "DESC", None])},
)
SORTS = st.none() | st.lists(ORDERS, max_size=5)
LIMITS = st.sampled_from([1, 1, 2, 2, 3, 5, 100, 3.0, None])


# ---- through the rule and the store --------------------------------------------------------------

CALLER = Caller("APP", guid(1), guid(2))


class Query:
    """Asks one tenant for pages the way the application does: rule, store, rule."""

    def __init__(self, tenant: Tenant, validation: Validation) -> None:
        self._tenant = tenant
        self._validation = validation
        self._world = World(
            now="2024-05-01T12:00:00.000Z",
            new_id=lambda: guid(99),
            link=lambda *_: "",
            cursors=SiteCursors(b"key", tenant.id),
            channels=frozenset(),
        )

    def page(self, **query: Any) -> dict[str, Any]:
        body = {"query": query}
        operation = self._validation.contract.operations["queryMarketingConsent"]
        assert self._validation.accepts_request(operation, {}, {}, body), body
        call = Call("queryMarketingConsent", CALLER, body=body)
        lookup = find_page(call, self._world)
        stored = [orjson.dumps(entity) for entity in self._tenant.find(lookup)]
        answer = orjson.loads(to_bytes(answer_page(call, Found(lookup, stored=stored), self._world).answer))
        assert self._validation.accepts_response(operation, 200, answer), answer
        return answer

    def pages_from(self, page: dict[str, Any], way: str, limit: int | None) -> list[dict[str, Any]]:
        """The page and all that follow by its cursors, `next` or `prev`."""
        pages = [page]
        while cursor := pages[-1]["pagingMetadata"]["cursors"][way]:
            assert len(pages) <= 20, "the cursors go round in circles"
            pages.append(self.page(cursorPaging={"cursor": cursor, "limit": limit}))
        return pages


@pytest.fixture(scope="module")
def validation() -> Validation:
    return Validation(Contract.load(SPEC_FOLDER / "openapi.yaml"))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Entity], Any, Any, Any]:
    """Consents, a filter that mostly matches some of them but not all, a sort and a limit."""
    population = draw(populations())
    candidates = [draw(filters(population)) for _ in range(3)]
    telling = [item for item in candidates if len({matches(consent, item) for consent in population}) == 2]
    return population, (telling or candidates)[0], draw(SORTS), draw(LIMITS)


def _stored(shared: Tenant, population: Sequence[Entity]) -> Tenant:
    tenant = shared.other()
    tenant.load(*map(created, population))
    return tenant


def _ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["marketingConsent"]]


@settings(repeatable, max_examples=250)
@given(cases())
def test_all_pages_together_are_what_the_model_finds_in_its_order(
    shared: Tenant, validation: Validation, case: Any
) -> None:
    population, filter_, sort, limit = case
    query = Query(_stored(shared, population), validation)
    expected = ordered([item for item in population if matches(item, filter_)], sort)

    first = query.page(filter=filter_, sort=sort, cursorPaging={"limit": limit})
    pages = query.pages_from(first, "next", limit)

    assert [item for page in pages for item in page["marketingConsent"]] == expected
    size = int(limit or 50)
    lengths = [len(expected[start : start + size]) for start in range(0, max(1, len(expected)), size)]
    assert [page["pagingMetadata"]["count"] for page in pages] == lengths
    assert [page["pagingMetadata"]["hasNext"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [page["pagingMetadata"]["cursors"]["prev"] is None for page in pages] == [True] + [False] * (
        len(pages) - 1
    )

    back = query.pages_from(pages[-1], "prev", limit)
    assert [_ids(page) for page in back] == [_ids(page) for page in reversed(pages)]
    assert [page["pagingMetadata"]["hasNext"] for page in back] == [False] + [True] * (len(pages) - 1)
    assert query.pages_from(back[-1], "next", limit) == [back[-1], *pages[1:]]


@settings(repeatable, max_examples=100)
@given(cases(), st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=8))
def test_any_walk_with_any_limits_shows_the_neighbours_of_where_it_was(
    shared: Tenant, validation: Validation, case: Any, steps: list[tuple[bool, int]]
) -> None:
    population, filter_, sort, limit = case
    query = Query(_stored(shared, population), validation)
    expected = [item["id"] for item in ordered([item for item in population if matches(item, filter_)], sort)]
    page = query.page(filter=filter_, sort=sort, cursorPaging={"limit": limit})
    start, end = 0, min(len(expected), int(limit or 50))
    for forwards, size in steps:
        assert _ids(page) == expected[start:end]
        cursor = page["pagingMetadata"]["cursors"]["next" if forwards else "prev"]
        assert (cursor is None) == (end >= len(expected) if forwards else start == 0)
        if cursor is None:
            continue
        start, end = (end, min(len(expected), end + size)) if forwards else (max(0, start - size), start)
        page = query.page(cursorPaging={"cursor": cursor, "limit": size})


def test_the_generated_filters_use_every_operator_and_match_some_but_not_all() -> None:
    """The properties above would be hollow if their filters matched nothing, or everything."""
    used: Counter[str] = Counter()

    @settings(repeatable, max_examples=250)  # as many as above: what is drawn shifts with the code that is loaded
    @given(cases())
    def look(case: Any) -> None:
        population, filter_, _, _ = case
        found = sum(matches(item, filter_) for item in population)
        used["some"] += 0 < found < len(population)
        used.update(_operators(filter_))

    look()
    assert used["some"] >= 52, used
    names = "$and $or $not $eq $ne $in $exists $startsWith $lt $lte $gt $gte".split()
    assert all(used[name] >= 6 for name in names), used


def _operators(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [
            *(name for name in value if name[0] == "$"),
            *(name for item in value.values() for name in _operators(item)),
        ]
    return [name for item in value for name in _operators(item)] if isinstance(value, list) else []


# ---- single promises -----------------------------------------------------------------------------

ADA = consent(1, email=" Ada@Example.com ", createdDate="2024-02-29T14:00:00.1+02:00", state="PENDING")
BOB = consent(2, phone="+4912345", createdDate="2024-02-29T12:00:00.100000001Z")

TRUTHS: dict[str, tuple[dict[str, Any] | None, list[Entity]]] = {
    "no filter": (None, [ADA, BOB]),
    "an empty filter": ({}, [ADA, BOB]),
    "not an empty filter": ({"$not": {}}, []),
    "not null, which is absent": ({"$not": None}, [ADA, BOB]),
    "any of null": ({"$or": [None]}, [ADA, BOB]),
    "an address in other letters": ({"details.email": "ADA@EXAMPLE.COM"}, [ADA]),
    "another address": ({"details.email": {"$ne": "ada@example.com"}}, [BOB]),
    "not that address": ({"$not": {"details.email": "ada@example.com"}}, [BOB]),
    "no address": ({"details.email": None}, [BOB]),
    "not no address": ({"details.email": {"$ne": None}}, [ADA]),
    "none of no addresses": ({"details.email": {"$in": []}}, []),
    "one of an address and none": ({"details.email": {"$in": [None, "ada@example.com "]}}, [ADA, BOB]),
    "not one of other addresses": ({"$not": {"details.email": {"$in": ["x@y"]}}}, [ADA, BOB]),
    "an address exists": ({"details.email": {"$exists": True}}, [ADA]),
    "no address exists": ({"details.email": {"$exists": False}}, [BOB]),
    "an address begins": ({"details.email": {"$startsWith": "ADA@ex"}}, [ADA]),
    "an address begins behind blanks": ({"details.email": {"$startsWith": "  ada"}}, [ADA]),
    "an address begins with nothing": ({"details.email": {"$startsWith": ""}}, [ADA]),
    "an address does not begin so": ({"$not": {"details.email": {"$startsWith": "bob"}}}, [ADA, BOB]),
    "a wild card is a letter": ({"details.email": {"$startsWith": "%"}}, []),
    "a number begins": ({"details.phone": {"$startsWith": "+49"}}, [BOB]),
    "the same instant in another zone": ({"createdDate": "2024-02-29T12:00:00.10Z"}, [ADA]),
    "a nanosecond later": ({"createdDate": {"$gt": "2024-02-29T12:00:00.1Z"}}, [BOB]),
    "two operators at once": ({"createdDate": {"$gte": ADA["createdDate"], "$lt": BOB["createdDate"]}}, [ADA]),
    "a state": ({"state": "PENDING"}, [ADA]),
    "an ID that does not exist": ({"id": {"$exists": False}}, []),
    "fields together": ({"state": "PENDING", "details.phone": None, "$or": [{"id": guid(1)}]}, [ADA]),
}  # fmt: skip


@pytest.mark.parametrize(("filter_", "found"), TRUTHS.values(), ids=TRUTHS)
def test_a_filter_finds(tenant: Tenant, validation: Validation, filter_: Any, found: list[Entity]) -> None:
    tenant.load(created(ADA), created(BOB))
    assert Query(tenant, validation).page(filter=filter_)["marketingConsent"] == found
    assert [item for item in (ADA, BOB) if matches(item, filter_)] == found, "the model says the same"


@pytest.mark.parametrize("letter", ["\ud7ff", "\ue000", "\uffff", "\U0010ffff", "😀", "z"], ids=ascii)
def test_a_beginning_can_end_in_any_letter(tenant: Tenant, validation: Validation, letter: str) -> None:
    """The letters before and after the surrogates, which are no letters, and the last one of all."""
    fits = [f"a{letter}@x", f"a{letter}b@x", f"a{letter}\U0010ffff@x"]
    others = ["a@x", f"b{letter}@x", "a\ud7fe@x", "a\ue001@x", "a{@x", "a\U0010fffe@x"]
    tenant.load(*(created(consent(number, email=email)) for number, email in enumerate([*fits, *others])))
    page = Query(tenant, validation).page(filter={"details.email": {"$startsWith": f"A{letter}"}})
    assert [item["details"]["email"] for item in page["marketingConsent"]] == fits


def test_equal_dates_are_ordered_by_id_in_the_direction_of_the_last_sort(
    tenant: Tenant, validation: Validation
) -> None:
    same = ["2024-02-29T12:00:00Z", "2024-02-29T14:00:00+02:00", "2024-02-29T12:00:00.0Z"]
    tenant.load(*(created(consent(number, createdDate=same[number])) for number in (2, 0, 1)))
    up, down = [guid(0), guid(1), guid(2)], [guid(2), guid(1), guid(0)]
    for orders, expected in ((["ASC"], up), (["DESC"], down), (["DESC", "ASC"], up), (["ASC", "DESC"], down)):
        sort = [{"fieldName": "createdDate", "order": order} for order in orders]
        page = Query(tenant, validation).page(sort=sort)
        assert _ids(page) == expected, orders


def test_fifty_consents_are_a_page_unless_a_limit_is_named(tenant: Tenant, validation: Validation) -> None:
    tenant.load(*(created(consent(number)) for number in range(120)))
    query = Query(tenant, validation)
    assert [len(_ids(page)) for page in query.pages_from(query.page(), "next", None)] == [50, 50, 20]
    assert len(_ids(query.page(cursorPaging={"limit": 100}))) == 100


def test_a_cursor_carries_its_filter_and_sort(tenant: Tenant, validation: Validation) -> None:
    tenant.load(*(created(consent(number, state="PENDING" if number % 2 else "CONFIRMED")) for number in range(6)))
    query = Query(tenant, validation)
    first = query.page(filter={"state": "PENDING"}, cursorPaging={"limit": 1})
    cursor = first["pagingMetadata"]["cursors"]["next"]
    other = query.page(
        filter={"state": "CONFIRMED"},
        sort=[{"fieldName": "createdDate"}],
        cursorPaging={"cursor": cursor, "limit": 5},
    )
    assert _ids(other) == [guid(3), guid(5)]


def test_a_walk_goes_on_when_the_entity_of_its_cursor_is_gone(tenant: Tenant, validation: Validation) -> None:
    consents = [consent(number) for number in range(4)]
    tenant.load(*map(created, consents))
    query = Query(tenant, validation)
    cursor = query.page(cursorPaging={"limit": 2})["pagingMetadata"]["cursors"]["next"]
    tenant.commit(deleted(consents[1]), deleted(consents[2]))
    assert _ids(query.page(cursorPaging={"cursor": cursor})) == [guid(3)]
    tenant.commit(deleted(consents[3]))
    assert query.page(cursorPaging={"cursor": cursor}) == {
        "marketingConsent": [],
        "pagingMetadata": {"count": 0, "cursors": {"next": None, "prev": None}, "hasNext": False},
    }


def test_the_cursor_of_another_tenant_is_refused(tenant: Tenant, validation: Validation) -> None:
    other = tenant.other()
    for each in (tenant, other):
        each.load(created(consent(1)), created(consent(2)))
    cursor = Query(other, validation).page(cursorPaging={"limit": 1})["pagingMetadata"]["cursors"]["next"]
    with pytest.raises(Refusal, match=r"query\.cursorPaging\.cursor is no cursor of this site") as refused:
        Query(tenant, validation).page(cursorPaging={"cursor": cursor})
    assert refused.value.status == 400


def _deep(levels: int) -> Any:
    filter_: Any = {"state": "PENDING"}
    for level in range(levels):
        filter_ = {"$not": filter_} if level % 2 else {"$and": [filter_]}
    return filter_


def test_eight_levels_of_logic_are_taken_and_nine_refused(tenant: Tenant, validation: Validation) -> None:
    query = Query(tenant, validation)
    assert _ids(query.page(filter=_deep(8))) == []
    with pytest.raises(Refusal, match="at most 8 levels"):
        query.page(filter=_deep(9))


def test_a_filter_of_eight_kilobytes_is_taken_and_a_byte_more_refused(
    tenant: Tenant, validation: Validation
) -> None:
    tenant.load(created(consent(1)))
    query = Query(tenant, validation)
    shell = len('{"id":{"$ne":""}}')
    assert _ids(query.page(filter={"id": {"$ne": "x" * (8192 - shell)}})) == [guid(1)]
    with pytest.raises(Refusal, match="at most 8192 bytes"):
        query.page(filter={"id": {"$ne": "x" * (8193 - shell)}})


def test_the_widest_filter_that_is_taken_is_answered(tenant: Tenant, validation: Validation) -> None:
    """A thousand conditions side by side: more than SQL engines nest by themselves."""
    tenant.load(created(consent(1)), created(consent(2, phone="+4912345")))
    query = Query(tenant, validation)
    assert _ids(query.page(filter={"$or": [{}] * 2700})) == [guid(1), guid(2)]
    assert _ids(query.page(filter={"$or": [{"id": str(number)} for number in range(590)]})) == []
    hundred = [f"a{number}@x" for number in range(100)]
    wide = {"details.email": {"$in": hundred}}
    assert _ids(query.page(filter={"$and": [{"$not": wide}] * 5})) == [guid(1), guid(2)]


def test_the_model_reads_instants_as_whole_nanoseconds() -> None:
    assert field_of(ADA, "createdDate") + 1 == field_of(BOB, "createdDate")
