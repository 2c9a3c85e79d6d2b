"""What must be refused, and with which status: what is not there, and requests that break the contract."""

from __future__ import annotations

from collections.abc import Iterator

from wixture.contracts.conformance.flow import Flow, Problem
from wixture.contracts.conformance.promise import promise

# ---- what is not there ---------------------------------------------------------------------------


@promise("unknown-id-not-found", "An ID that no consent has is 404", rule="malformed-id-not-found")
def unknown_id_not_found(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("unknown", 404, "NOT_FOUND")


@promise("malformed-id-not-found", "An ID that is no GUID is 404", rule="malformed-id-not-found")
def malformed_id_not_found(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("malformed", 404, "NOT_FOUND")


@promise(
    "unknown-identifier-not-found",
    "An address or number without a consent is 404",
    rule="get-by-unknown-not-found",
)
def unknown_identifier_not_found(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("email", 404, "NOT_FOUND")
    yield from flow.answered("phone", 404, "NOT_FOUND")


@promise(
    "unknown-not-found-by-writes", "Changing a consent that is not there is 404", rule="remove-unknown-not-found"
)
def unknown_not_found_by_writes(flow: Flow) -> Iterator[Problem]:
    for name in ("remove unknown", "update unknown", "delete unknown"):
        yield from flow.answered(name, 404, "NOT_FOUND")


# ---- requests that break the contract ------------------------------------------------------------


@promise(
    "get-by-needs-type-and-identifier",
    "Get-by needs a known type and the identifier of that type",
    rule="get-by-parameters",
)
def get_by_needs_type_and_identifier(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no type", "no number", "wrong type")


@promise(
    "get-by-reads-no-body", "Get-by reads its parameters from the query string alone", rule="get-by-parameters"
)
def get_by_reads_no_body(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("in a body")


@promise(
    "unknown-parameter-refused", "A parameter that no operation has is refused", rule="unknown-query-parameter"
)
def unknown_parameter_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("one more")


@promise("filter-depth-limited", "A filter of more than 8 levels is refused", rule="query-filter-size")
def filter_depth_limited(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("nine deep")


@promise("changed-cursor-refused", "A cursor that was changed is refused", rule="query-cursor")
def changed_cursor_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("changed cursor")


@promise("filter-values-counted", "More than 100 values of $in are refused", rule="query-in-limit")
def filter_values_counted(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("101 values")


@promise("query-required", "A query stands under `query`", rule="query-required")
def query_required(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("bare")


@promise("page-limit-kept", "A page limit outside of 1 to 100 is refused", rule="query-page-limit")
def page_limit_kept(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("limit 0", "limit 101", "limit text")


@promise(
    "filter-fields-known", "A filter on a field that cannot be filtered is refused", rule="query-filterable-fields"
)
def filter_fields_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("field")


@promise(
    "filter-operators-known", "An operator that a field does not take is refused", rule="query-date-operators"
)
def filter_operators_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("operator", "operator of another")


@promise("filter-values-known", "A filter by a state that does not exist is refused", rule="state-known")
def filter_values_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no such state")


@promise("sort-fields-known", "A sort by what cannot be sorted by is refused", rule="query-sortable-fields")
def sort_fields_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("sort by state", "sort order")


@promise("broken-cursor-refused", "A cursor that nobody answered is refused", rule="query-cursor")
def broken_cursor_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("cursor")


@promise("unknown-field-refused", "A field that no query has is refused", rule="unknown-field")
def unknown_field_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("unknown part", "snake case")


@promise("broken-json-refused", "A body that is no JSON is refused", rule="json-body")
def broken_json_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no json", "twice", "not finite", "empty")


@promise("only-json-read", "A body that is not declared as JSON is refused with 415", rule="json-content-type")
def only_json_read(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("plain text", 415)


@promise(
    "create-needs-activity", "Create needs a confirmation activity", rule="create-needs-confirmation-activity"
)
def create_needs_activity(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no activity")


@promise("details-required", "A consent without details is refused", rule="details-required")
def details_are_required(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no details")


@promise(
    "one-identifier-sent",
    "Details name the identifier of their type, and no other",
    rule="details-one-identifier",
)
def details_name_one_identifier(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no identifier", "both")


@promise("identifiers-have-their-form", "What is no address or number is refused", rule="phone-form")
def identifiers_have_their_form(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no address", "no number")


@promise("consent-wrapper-needed", "A consent that is not wrapped is refused", rule="consent-wrapper")
def consent_wrapper_needed(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("flat")


@promise("unknown-field-refused-in-writes", "A field that no consent has is refused", rule="unknown-field")
def unknown_field_refused_in_writes(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("misspelt")


@promise(
    "enums-known", "A source, level or state that does not exist is refused", rule="confirmation-source-known"
)
def enums_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("source", "level", "state")


@promise("dates-of-the-calendar", "A day that no calendar has is refused", rule="timestamp-form")
def dates_of_the_calendar(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no such day")


@promise("revision-has-its-form", "An update with a revision that is no number is refused", rule="revision-form")
def revision_has_its_form(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("odd revision")


@promise("update-needs-state", "An update needs the state, whatever it changes", rule="update-required-fields")
def update_needs_state(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("activity alone")


@promise("upsert-needs-state", "Upsert needs a state", rule="upsert-required-fields")
def upsert_needs_state(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no state")


@promise(
    "state-needs-activity", "A state comes with the activity that explains it", rule="revoke-activity-required"
)
def state_needs_activity(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("pending bare", "confirmed bare", "revoked bare")


@promise("remove-needs-activity", "Remove needs a revoke activity", rule="remove-required-fields")
def remove_needs_activity(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("remove bare")


@promise("refused-stores-nothing", "What is refused stores nothing", rule="event-per-change")
def refused_stores_nothing(flow: Flow) -> Iterator[Problem]:
    for name in ("still absent", "absent at the end"):
        if flow[name].status == 200:
            yield flow[name].problem("Every write before was refused, and there is a consent.")


@promise("mask-paths-known", "A mask that names no field is refused", rule="mask-paths")
def mask_paths_known(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("no such path")


@promise("bulk-envelope-kept", "A bulk without a list under `info` is refused", rule="bulk-envelope")
def bulk_envelope_kept(flow: Flow) -> Iterator[Problem]:
    yield from flow.refused("empty", "no info")
