"""The rules of spec/rules.yaml: what each says and what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.yaml_text import read_yaml


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `evidence` is measured, documented or inferred; `source` names page and lines, or the SDK."""

    id: str
    says: str
    evidence: str
    source: str = ""
    otherwise: str = ""
    switch: str = ""

    @property
    def cited(self) -> str:
        """The rule and its evidence in one sentence."""
        source = f": {self.source}" if self.source else ""
        return f"{self.says} ({self.evidence}{source})"


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by ID. Read from the file once, when the first one is needed."""
    table = read_yaml((SPEC_FOLDER / "rules.yaml").read_text(encoding="utf-8"))["rules"]
    return {rule_id: Rule(id=rule_id, **fields) for rule_id, fields in table.items()}
