"""Stored entities leave as the bytes that were checked when they were stored, and can be checked again."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from conftest import CONSENTS, Api

from wixture.contracts.validation import own_contract
from wixture.mockserver.answers import Answers, to_bytes
from wixture.mockserver.messages import AsStored, Verbatim
from wixture.mockserver.refusals import Refusal

PAGING = {"count": 1, "cursors": {"next": None, "prev": None}, "hasNext": False}


def test_stored_bytes_are_sent_as_they_are() -> None:
    body = to_bytes({"marketingConsent": Verbatim([b'{"a": 1}', b"2"]), "n": None})
    assert body == b'{"marketingConsent":[{"a": 1},2],"n":null}'


def test_a_page_has_what_the_store_has(api: Api) -> None:
    stored = [api.create(f"{name}@example.com") for name in "cab"]
    page = api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["marketingConsent"]
    assert page == sorted(stored, key=lambda consent: consent["id"])


@pytest.mark.parametrize("recheck", [True, False])
def test_a_broken_envelope_is_caught_and_with_recheck_a_broken_entity_too(*, recheck: bool) -> None:
    validation = own_contract("openapi")
    operation = validation.contract.operations["queryMarketingConsent"]
    answers = Answers(validation, recheck=recheck)
    with pytest.raises(Refusal, match="pagingMetadata must not be empty"):
        answers.encode(operation, {"marketingConsent": Verbatim([])})
    broken = {"marketingConsent": Verbatim([b'{"grated": true}']), "pagingMetadata": PAGING}
    if recheck:
        with pytest.raises(Refusal, match="grated is no field here"):
            answers.encode(operation, broken)
    else:
        assert orjson.loads(answers.encode(operation, broken))["marketingConsent"] == [{"grated": True}]


def test_what_a_seed_stores_keeps_the_contract_of_answers(make_api: Callable[..., Api]) -> None:
    api = make_api(recheck=True)
    states = ("UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED")
    consents = [
        {"details": {"type": "EMAIL", "email": f"{state}@example.com"}, "state": state, "extendedFields": None}
        for state in states
    ]
    api.control("POST", "/seed", {"marketingConsents": consents})
    assert api.call("POST", f"{CONSENTS}/query", {"query": {}}).json["pagingMetadata"]["count"] == 5


def test_a_lone_stored_entity_is_checked_the_first_time_and_with_recheck_every_time(api: Api) -> None:
    validation = own_contract("openapi")
    operation = validation.contract.operations["getMarketingConsent"]
    good = {"marketingConsent": AsStored(orjson.dumps(api.create()))}
    broken = {"marketingConsent": AsStored(b'{"grated": true}')}
    trusting, doubting = Answers(validation, recheck=False), Answers(validation, recheck=True)
    for answers in (trusting, doubting):
        with pytest.raises(Refusal, match="grated is no field here"):
            answers.encode(operation, broken)
        answers.encode(operation, good)
    assert trusting.encode(operation, broken) == b'{"marketingConsent":{"grated": true}}'
    with pytest.raises(Refusal, match="grated is no field here"):
        doubting.encode(operation, broken)


def test_what_stands_beside_a_stored_entity_is_checked_every_time(api: Api) -> None:
    validation = own_contract("openapi")
    operation = validation.contract.operations["getMarketingConsentByIdentifier"]
    answers = Answers(validation, recheck=False)
    stored = AsStored(orjson.dumps(api.create()))
    good = {"granted": False, "revokeConfirmationLink": None, "reason": "No."}
    answers.encode(operation, {"marketingConsent": stored, "communicationEligibility": good})
    bad = {**good, "granted": "perhaps"}
    with pytest.raises(Refusal, match="granted"):
        answers.encode(operation, {"marketingConsent": stored, "communicationEligibility": bad})
