"""What the answer to a bulk request promises: one result for each consent, in order, and counts that add up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wixture.contracts.judging.consents import identifier_of
from wixture.contracts.judging.judged import Judged, Said, exchange_check, mapping, success_of
from wixture.contracts.violations import shown

_BULK = "bulkUpsertMarketingConsent"
_RESULTS = "/components/schemas/BulkUpsertMarketingConsentResponse/properties/results"
_RESULT = "/components/schemas/BulkUpsertResult"
_METADATA = "/components/schemas/BulkUpsertMetadata"


def _results(judged: Judged) -> list[Any]:
    results = judged.answer.get("results")
    return results if isinstance(results, list) else []


@exchange_check(
    "bulk-answers-each",
    "A bulk answers each consent, in the request's order",
    rule="bulk-in-order",
    spec=_RESULTS,
    when=success_of(_BULK, asked=True),
)
def bulk_answers_each(judged: Judged) -> Iterator[Said]:
    """As many results as consents; originalIndex counts from 0."""
    sent, results = judged.sent["info"], _results(judged)
    if len(results) != len(sent):
        yield Said(
            f"There are {len(results)} results for {len(sent)} consents; one for each was expected.", "/results"
        )
    for index, result in enumerate(results):
        found = mapping(result).get("originalIndex", index)
        if found != index or isinstance(found, bool):
            said = f"originalIndex is {shown(found)} in place {index}; the same number was expected."
            yield Said(said, f"/results/{index}/originalIndex")


@exchange_check(
    "bulk-result-is-one-thing",
    "Each result of a bulk is a consent or an error",
    rule="bulk-item-error",
    spec=_RESULT,
    when=success_of(_BULK),
)
def bulk_result_is_one_thing(judged: Judged) -> Iterator[Said]:
    """Never both, never neither; an error says something."""
    for index, result in enumerate(_results(judged)):
        has_consent, error = mapping(result).get("marketingConsent") is not None, mapping(result).get("error")
        if has_consent == bool(error):
            said = "both a consent and an error" if has_consent else "neither a consent nor an error"
            yield Said(f"The result has {said}; one of them was expected.", f"/results/{index}")


@exchange_check(
    "bulk-counts-add-up",
    "The counts of a bulk are those of its results",
    rule="bulk-item-error",
    spec=_METADATA,
    when=success_of(_BULK),
)
def bulk_counts_add_up(judged: Judged) -> Iterator[Said]:
    """totalSuccess and totalFailure."""
    stored = sum(mapping(result).get("marketingConsent") is not None for result in _results(judged))
    metadata = mapping(judged.answer.get("metadata"))
    for name, wanted in (("totalSuccess", stored), ("totalFailure", len(_results(judged)) - stored)):
        if isinstance(metadata.get(name), int) and metadata[name] != wanted:
            said = f"{name} is {shown(metadata[name])}; the results make it {wanted}."
            yield Said(said, f"/metadata/{name}")


@exchange_check(
    "bulk-details-echoed",
    "Each consent of a bulk has the details that were sent",
    rule="bulk-in-order",
    spec="/components/schemas/MarketingConsentDetails",
    when=success_of(_BULK, asked=True),
)
def bulk_details_echoed(judged: Judged) -> Iterator[Said]:
    """Type and identifier, place by place."""
    sent = judged.sent["info"]
    for index, result in enumerate(_results(judged)[: len(sent)]):
        found = mapping(mapping(mapping(result).get("marketingConsent")).get("details"))
        wanted = mapping(mapping(sent[index]).get("details"))
        if found and wanted and identifier_of(found) != identifier_of(wanted):
            said = f"This is the consent of another identifier than was sent in info[{index}]."
            yield Said(said, f"/results/{index}/marketingConsent/details")


@exchange_check(
    "bulk-refuses-what-breaks-its-schema",
    "A consent of a bulk that breaks its schema is a result with an error",
    rule="bulk-item-error",
    spec=_RESULT,
    when=success_of(_BULK, asked=True),
)
def bulk_refuses_what_breaks_its_schema(judged: Judged) -> Iterator[Said]:
    """And one that keeps it is stored."""
    _, schema = judged.operation.item_schema or ("", "")
    sent = judged.sent["info"]
    for index, result in enumerate(_results(judged)[: len(sent)]):
        is_good = judged.validation.accepts(schema, sent[index])
        if mapping(result).get("marketingConsent") is not None and not is_good:
            yield Said(f"info[{index}] breaks its schema, and was stored all the same.", f"/results/{index}")
        elif mapping(result).get("error") and is_good:
            yield Said(f"info[{index}] keeps its schema, and was refused.", f"/results/{index}/error")


CHECKS = (
    bulk_answers_each,
    bulk_result_is_one_thing,
    bulk_counts_add_up,
    bulk_details_echoed,
    bulk_refuses_what_breaks_its_schema,
)
