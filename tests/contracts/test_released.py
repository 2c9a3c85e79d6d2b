"""The contracts of the last release still hold: what breaks somebody is named, with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from wixture.contracts.changes.changes import changes
from wixture.contracts.changes.comparison import Change
from wixture.contracts.document import SPEC_FOLDER, read_document
from wixture.contracts.yaml_text import read_yaml

RELEASED = SPEC_FOLDER / "released"
NAMES = ["openapi.yaml", "control.yaml"]
ACCEPTED: list[dict[str, str]] = read_yaml((RELEASED / "accepted.yaml").read_text(encoding="utf-8"))["accepted"]


def _breaking(old: Any, new: Any) -> list[Change]:
    return [change for change in changes(old, new) if change.severity == "breaking"]


def _unnamed(found: list[Change], accepted: list[dict[str, str]], name: str) -> list[Change]:
    meant = {(one["kind"], one["pointer"]) for one in accepted if one["contract"] == name}
    return [one for one in found if not {(one.kind, one.old), (one.kind, one.new)} & meant]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_breaks_who_relies_on_the_released_contract(name: str) -> None:
    found = _breaking(read_document(RELEASED / name), read_document(SPEC_FOLDER / name))
    left = _unnamed(found, ACCEPTED, name)
    assert left == [], "take it back, or name it with its reason in spec/released/accepted.yaml"


def test_every_accepted_change_is_one_and_has_a_reason() -> None:
    for one in ACCEPTED:
        assert set(one) == {"contract", "kind", "pointer", "why"}
        assert len(one["why"].split()) > 3, one
        found = _breaking(read_document(RELEASED / one["contract"]), read_document(SPEC_FOLDER / one["contract"]))
        assert len(_unnamed(found, [one], one["contract"])) < len(found), f"{one} is no longer a change: delete it"


def test_the_guard_refuses_a_breaking_change_until_it_is_named() -> None:
    old = read_document(RELEASED / "openapi.yaml")
    new = read_document(RELEASED / "openapi.yaml")
    new["components"]["schemas"]["Channel"]["enum"].remove("TIKTOK")
    found = _breaking(old, new)
    named = {
        "contract": "openapi.yaml",
        "kind": "request-enum-member-removed",
        "pointer": "/components/schemas/Channel/enum/4",
        "why": "The network closed its doors in spring.",
    }
    assert [change.kind for change in _unnamed(found, [], "openapi.yaml")] == [named["kind"]]
    assert _unnamed(found, [named], "openapi.yaml") == []
    assert _unnamed(found, [{**named, "contract": "control.yaml"}], "openapi.yaml") == found
