"""Where in the contract a finding points to: a pointer and the line of spec/openapi.yaml it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from wixture.contracts.document import SPEC_FOLDER, Contract
from wixture.contracts.findings import Finding
from wixture.contracts.pointers import line_of

SPEC = "spec/openapi.yaml"


@dataclass(frozen=True, slots=True)
class SpecPlace:
    """A node of the contract; `pointer` is empty for the document itself."""

    pointer: str
    line: int

    @property
    def cited(self) -> str:
        """File and line, as editors open them."""
        return f"{SPEC}:{self.line}"


def place_of(finding: Finding) -> SpecPlace:
    """Where the finding's promise stands: the node it names, else its operation, else the document."""
    for pointer in (finding.spec_pointer, _operations().get(finding.operation_id or "")):
        line = None if pointer is None else _line(pointer)
        if pointer is not None and line is not None:
            return SpecPlace(pointer, line)
    return SpecPlace("", 1)


@cache
def _operations() -> dict[str, str]:
    contract = Contract.load(SPEC_FOLDER / "openapi.yaml")
    return {name: operation.pointer for name, operation in contract.operations.items()}


@cache
def _line(pointer: str) -> int | None:
    try:
        return line_of(_text(), pointer)
    except ValueError:  # a pointer that was redacted, or never was one
        return None


@cache
def _text() -> str:
    return (SPEC_FOLDER / "openapi.yaml").read_text(encoding="utf-8")
