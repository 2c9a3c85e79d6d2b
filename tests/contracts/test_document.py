"""Loading a contract: nothing is fetched, nothing is silently ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wixture.contracts.document import SPEC_FOLDER, Contract, read_document
from wixture.contracts.pointers import resolve
from wixture.contracts.yaml_text import BadDocument, read_yaml


def _document(schema: dict[str, Any]) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Thing": schema}}}


@pytest.mark.parametrize(
    "ref",
    [
        "http://127.0.0.1:9/thing.yaml",
        "https://example.com/#/a",
        "file:///etc/passwd",
        "other.yaml#/a",
        "#/missing",
        "#a",
    ],
)
def test_a_reference_out_of_the_document_or_into_nothing_stops_the_load(ref: str) -> None:
    with pytest.raises(BadDocument, match=r"A \$ref cannot be followed.*nothing is fetched"):
        Contract(_document({"$ref": ref}))


@pytest.mark.parametrize("keyword", ["requierd", "nullable", "minLenght", "properites"])
def test_an_unknown_schema_keyword_stops_the_load(keyword: str) -> None:
    nested = {"type": "object", "properties": {"a": {"allOf": [{keyword: True}]}}}
    with pytest.raises(
        BadDocument, match=f"/components/schemas/Thing/properties/a/allOf/0 has the unknown keyword '{keyword}'"
    ):
        Contract(_document(nested))


def test_our_own_keywords_begin_with_x() -> None:
    assert Contract(_document({"type": "string", "x-rule": "some-rule"})).operations == {}


@pytest.mark.parametrize("document", [None, [], {}, {"paths": []}, "text"])
def test_what_is_no_openapi_document_is_refused(document: Any) -> None:
    with pytest.raises(BadDocument, match="no OpenAPI document"):
        Contract(document)


def test_operations_need_an_id_of_their_own() -> None:
    without = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {}}}}}
    with pytest.raises(BadDocument, match="GET /a has no operationId"):
        Contract(without)
    twice = {"get": {"operationId": "a", "responses": {}}}
    with pytest.raises(BadDocument, match="share one operationId"):
        Contract({"openapi": "3.1.0", "paths": {"/a": twice, "/b": twice}})


def test_dates_and_words_of_a_yaml_text_stay_text() -> None:
    assert read_yaml("a: 2024-01-31\nb: NO\nc: on\nd: true\ne: 1") == {
        "a": "2024-01-31",
        "b": "NO",
        "c": "on",
        "d": True,
        "e": 1,
    }


def test_a_text_that_is_no_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(BadDocument, match="line 2, column 1"):
        read_yaml("a: [")


def test_the_control_document_borrows_the_schemas_it_names() -> None:
    whole = read_document(SPEC_FOLDER / "control.yaml")
    lender = read_document(SPEC_FOLDER / "openapi.yaml")
    borrowed = whole["components"]["schemas"]["MarketingConsent"]
    assert borrowed == lender["components"]["schemas"]["MarketingConsent"]
    assert "QueryMarketingConsentRequest" not in whole["components"]["schemas"]


def test_a_document_borrows_only_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("components: {schemas: {Thing: {type: string}}}")
    file = tmp_path / "control.yaml"
    file.write_text("x-schemas-from: ../../../../etc/passwd\npaths: {a: {$ref: '#/components/schemas/Thing'}}\n"
                    "components: {schemas: {}}\n")  # fmt: skip
    assert read_document(file)["components"]["schemas"] == {"Thing": {"type": "string"}}


def test_the_contract_describes_eleven_operations_and_four_webhooks() -> None:
    contract = Contract.load(SPEC_FOLDER / "openapi.yaml")
    assert {operation.operation_id for operation in contract.tagged("Marketing Consent")} == {
        "createMarketingConsent", "getMarketingConsent", "updateMarketingConsent", "deleteMarketingConsent",
        "getMarketingConsentByIdentifier", "removeMarketingConsent", "queryMarketingConsent",
        "upsertMarketingConsent", "bulkUpsertMarketingConsent",
    }  # fmt: skip
    assert [operation.operation_id for operation in contract.tagged("Loyalty Social Media")] == [
        "listFollowedChannels",
        "createFollowedChannel",
    ]
    assert set(contract.webhooks) == {
        "marketing_consent_created",
        "marketing_consent_updated",
        "marketing_consent_deleted",
        "followed_channel_created",
    }
    for webhook in contract.webhooks.values():
        for layer in ("x-jwt-claims", "x-envelope", "x-domain-event", "x-identity"):
            assert resolve(contract.document, webhook[layer]["$ref"][1:])


def test_every_success_is_200_and_every_operation_has_its_evidence() -> None:
    for operation in Contract.load(SPEC_FOLDER / "openapi.yaml").operations.values():
        assert [status for status in operation.responses if status < 400] == [200]
        assert operation.evidence["label"] in ("measured", "documented", "inferred")
        assert operation.side_effects in ("none", "reversible", "irreversible")
