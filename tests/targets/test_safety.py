"""What a run may do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wixture.contracts.targets.safety import Permits, irreversible_named
from wixture.contracts.validation import own_contract

CONTRACT = own_contract("openapi").contract
READS = {"getMarketingConsent", "getMarketingConsentByIdentifier", "queryMarketingConsent", "listFollowedChannels"}
READS |= {"issueToken", "getTokenInfo", "issueLegacyToken"}


@pytest.mark.parametrize("name", CONTRACT.operations)
def test_without_permission_only_reads_may_be_called(name: str) -> None:
    assert (Permits().refusal(CONTRACT.operations[name]) is None) == (name in READS)


@pytest.mark.parametrize("name", CONTRACT.operations)
def test_writes_may_be_allowed_but_for_what_nothing_undoes(name: str) -> None:
    refusal = Permits(allow_writes=True).refusal(CONTRACT.operations[name])
    assert (refusal is None) == (name != "createFollowedChannel")


def test_what_nothing_undoes_is_allowed_by_name_alone() -> None:
    operation = CONTRACT.operations["createFollowedChannel"]
    assert Permits(irreversible=frozenset({"createFollowedChannel"})).refusal(operation) is None
    assert "--allow-irreversible createFollowedChannel" in str(Permits(allow_writes=True).refusal(operation))


def test_an_operation_that_declares_no_side_effect_may_not_be_called() -> None:
    undeclared = replace(CONTRACT.operations["getMarketingConsent"], side_effects=None)
    assert Permits(allow_writes=True).refusal(undeclared)


@pytest.mark.parametrize("name", ["deleteMarketingConsent", "createFollowedChanel", ""])
def test_only_what_is_irreversible_can_be_named_so(name: str) -> None:
    with pytest.raises(ValueError, match="createFollowedChannel"):
        irreversible_named(CONTRACT, [name])
