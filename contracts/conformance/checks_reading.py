"""What reads promise: filters, order, pages, and that every way of reading tells the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wixture.contracts.conformance.flow import MISSING, Flow, Problem, Step, at
from wixture.contracts.conformance.promise import promise
from wixture.contracts.judging.instants import instant

_READS = ("getMarketingConsent", "getMarketingConsentByIdentifier", "queryMarketingConsent")


def _ids(items: Iterable[Any]) -> list[Any]:
    return [at(item, "/id") for item in items]


# ---- what reads agree on -------------------------------------------------------------------------


@promise("reads-agree", "Every read of one revision tells the same", rule="revision-counts-changes")
def reads_agree(flow: Flow) -> Iterator[Problem]:
    told: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for step in flow:
        if step.status != 200 or not step.operation.operation_id.endswith(("Consent", "Identifier")):
            continue
        for consent in [step.consent, *step.items] if step.operation.operation_id in _READS else [step.consent]:
            if not isinstance(consent, dict) or "id" not in consent:
                continue
            key = (str(consent["id"]), str(consent.get("revision")))
            if told.setdefault(key, consent) != consent:
                names = sorted(name for name in {*consent, *told[key]} if consent.get(name) != told[key].get(name))
                yield step.problem(f"Revision {key[1]} was told otherwise before: {', '.join(names)}.")


@promise(
    "email-found-in-any-case",
    "Get-by finds an address in capitals, and tells it as it was given",
    rule="email-compared-trimmed-lower-case",
)
def email_found_in_any_case(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("found")
    sent = flow["created"].body["marketingConsent"]["details"]["email"]
    yield from flow.holds("found", "/marketingConsent/details/email", sent)


# ---- filters -------------------------------------------------------------------------------------

_FINDS = {
    "eq": ("p2",),
    "bare eq": ("p2",),
    "in": ("p1", "p3"),
    "state": ("p5",),
    "and": ("p4", "p5"),
    "or": ("p1", "p5"),
    "not": ("p4", "p5"),
    "ne": ("p4", "p5"),
    "by id": ("p3",),
    "no phone": (),
    "without phone": ("p1", "p2", "p3", "p4", "p5"),
    "phone begins": ("by phone",),
    "phone begins otherwise": (),
}

_FINDS_BY_DATE = {
    "since": ("p4", "p5"),
    "before": ("p1", "p2"),
    "up to": ("p1", "p2", "p3"),
    "from": ("p3", "p4", "p5"),
}


@promise("filter-finds-exactly", "A filter finds all that match and nothing else", rule="query-logic")
def filter_finds_exactly(flow: Flow) -> Iterator[Problem]:
    for name, made in _FINDS.items():
        yield from _finds(flow, name, made)
    for name, made in _FINDS_BY_DATE.items() if flow.clock_runs else ():
        yield from _finds(flow, name, made)


@promise("starts-with-in-any-case", "$startsWith finds addresses in any case", rule="query-identifier-operators")
def starts_with_in_any_case(flow: Flow) -> Iterator[Problem]:
    yield from _finds(flow, "starts", ("p1", "p2", "p3", "p4", "p5"))


def _finds(flow: Flow, name: str, made: Iterable[str]) -> Iterator[Problem]:
    step = flow[name]
    if step.status != 200:
        yield step.problem(f"`{name}`: expected status 200, got {step.status}.")
        return
    expected = {flow[one].consent.get("id") for one in made}
    found = set(_ids(step.items))
    if expected - found:
        yield step.problem(
            f"`{name}` did not find {len(expected - found)} of {len(expected)}.", "/marketingConsent"
        )
    if found - expected:
        yield step.problem(f"`{name}` found {len(found - expected)} that do not match.", "/marketingConsent")


@promise("filter-kept", "A filter by state finds that state alone", rule="query-state-operators")
def filter_kept(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("confirmed")
    for index, item in enumerate(flow["confirmed"].items):
        if at(item, "/state") != "CONFIRMED":
            yield flow["confirmed"].problem("Another state was found.", f"/marketingConsent/{index}/state")


# ---- order ---------------------------------------------------------------------------------------


@promise("default-order-by-id", "Without a sort the order is by ID", rule="query-default-order")
def default_order_by_id(flow: Flow) -> Iterator[Problem]:
    step = flow["all"]
    yield from flow.ok("all")
    ids = [str(one) for one in _ids(step.items)]
    if ids != sorted(ids):
        yield step.problem("The consents are not in the order of their IDs.", "/marketingConsent")


@promise("sort-kept", "A sort by createdDate is kept, in both directions", rule="query-sort-order")
def sort_kept(flow: Flow) -> Iterator[Problem]:
    for name, newest_first in (("newest", True), ("walk by date", True), ("oldest", False)):
        if name not in flow.steps and name not in flow.lost:
            continue
        step = flow[name]
        yield from flow.ok(name)
        dates = [instant(at(item, "/createdDate")) for item in step.items]
        known = [date for date in dates if date is not None]
        if known != sorted(known, reverse=newest_first):
            said = "newest first" if newest_first else "oldest first"
            yield step.problem(f"The consents are not {said}.", "/marketingConsent")


@promise("sort-by-change-kept", "A sort by updatedDate puts what changed last first", rule="query-sort-order")
def sort_by_change_kept(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("last changed")
    if flow.clock_runs:
        yield from flow.holds("last changed", "/marketingConsent/0/id", flow["touched"].at("/marketingConsent/id"))


# ---- pages ---------------------------------------------------------------------------------------


def _walks(flow: Flow) -> Iterator[Step]:
    yield flow["walk"]
    yield flow["walk by date"]


@promise("pages-partition", "Pages hold every match once", rule="query-cursor")
def pages_partition(flow: Flow) -> Iterator[Problem]:
    expected = {flow[name].consent.get("id") for name in ("p1", "p2", "p3", "p4", "p5")}
    for step in _walks(flow):
        found = _ids(step.items)
        if len(found) != len(set(map(str, found))):
            yield step.problem("A consent stands on two pages.", "/marketingConsent")
        if expected - set(found):
            yield step.problem(f"{len(expected - set(found))} of 5 stand on no page.", "/marketingConsent")
        if set(found) - expected:
            yield step.problem("A page holds what the filter does not match.", "/marketingConsent")


@promise("pages-keep-order", "Pages go on where the one before ended", rule="query-default-order")
def pages_keep_order(flow: Flow) -> Iterator[Problem]:
    ids = [str(one) for one in _ids(flow["walk"].items)]
    if ids != sorted(ids):
        yield flow["walk"].problem("The pages together are not in the order of IDs.", "/marketingConsent")


@promise(
    "page-sizes-kept", "Pages are full but for the last, which says that it is the last", rule="query-last-page"
)
def page_sizes_kept(flow: Flow) -> Iterator[Problem]:
    for step in _walks(flow):
        for turn, page in enumerate(step.pages):
            last = turn == len(step.pages) - 1
            size = len(at(page, "/marketingConsent") or ())
            if size > 2 or (size < 2 and not last) or (size == 0 < turn):
                yield step.problem(f"Page {turn + 1} of {len(step.pages)} holds {size}; 2 were asked for.")
            if at(page, "/pagingMetadata/hasNext") is last:
                said = "true on the last page" if last else f"false on page {turn + 1} of {len(step.pages)}"
                yield step.problem(f"hasNext is {said}.", "/pagingMetadata/hasNext")
        if len(step.pages) > 3:
            yield step.problem(f"Five consents in pages of two took {len(step.pages)} pages.")


@promise(
    "page-limit-kept-in-answers",
    "A page holds no more than its limit, and counts what it holds",
    rule="query-page-limit",
)
def page_limit_kept_in_answers(flow: Flow) -> Iterator[Problem]:
    for name, most in (("all", 50), ("one", 1), ("confirmed", 20), ("newest", 20)):
        step = flow[name]
        yield from flow.ok(name)
        if len(step.items) > most:
            yield step.problem(f"Expected at most {most} consents, got {len(step.items)}.", "/marketingConsent")
        yield from flow.holds(name, "/pagingMetadata/count", len(step.items))


@promise("cursors-go-both-ways", "The previous cursor of the second page answers the first", rule="query-cursor")
def cursors_go_both_ways(flow: Flow) -> Iterator[Problem]:
    first = at(flow["walk"].pages[0], "/marketingConsent") if flow["walk"].pages else MISSING
    yield from flow.holds("walk", "/pagingMetadata/cursors/prev", MISSING)
    if not isinstance(flow["second page"].at("/pagingMetadata/cursors/prev"), str):
        yield flow["second page"].problem("The second page has no previous one.", "/pagingMetadata/cursors/prev")
    elif _ids(flow["back"].items) != _ids(first if isinstance(first, list) else ()):
        yield flow["back"].problem("Going back did not answer the first page.", "/marketingConsent")


@promise("cursor-stands-alone", "A filter beside a cursor is ignored", rule="query-cursor-stands-alone")
def cursor_stands_alone(flow: Flow) -> Iterator[Problem]:
    if _ids(flow["cursor and filter"].items) != _ids(flow["second page"].items):
        yield flow["cursor and filter"].problem(
            "A filter beside the cursor changed the page.", "/marketingConsent"
        )
