"""Every mutation can still be made, so that a change of the mock that takes its text away is seen at once."""

from __future__ import annotations

import ast

import pytest
from conformance.mutants import Mutation, mutations, survivors


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: mutation.name)
def test_a_mutation_changes_one_place_of_its_module_to_other_python(mutation: Mutation) -> None:
    assert mutation.old != mutation.new
    ast.parse(mutation.source())  # raises where the text is gone, there twice, or no Python afterwards


def test_a_mutation_has_a_name_of_its_own_and_a_survivor_is_one_of_them() -> None:
    names = [mutation.name for mutation in mutations()]
    assert len(names) == len(set(names))
    assert set(survivors()) <= set(names)
