"""Write the pages of docs/reference/ from spec/: `make docs`. A test holds that they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from wixture.contracts.cli import identities
from wixture.contracts.document import SPEC_FOLDER, Contract, Operation, read_yaml
from wixture.contracts.rulebook import rules
from wixture.mockserver.refusals import STATUS

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py from spec/. Change it there. -->"


def rules_page() -> Iterator[str]:
    """Every rule, with its evidence."""
    pages = read_yaml((SPEC_FOLDER / "rules.yaml").read_text(encoding="utf-8"))["pages"]
    yield from ("# The rulebook", "", NOTE, "")
    yield "What is refused, what follows from a call, and what speaks for it. **measured**: seen with the official"
    yield "SDK on the wire. **documented**: said by the vendor; the source names the page and its lines."
    yield "**inferred**: decided here where nobody says, with what else might be true."
    yield from (
        "",
        "Pages: " + "; ".join(f"`{name}` is the {page['title']}" for name, page in pages.items()) + ".",
        "",
    )
    yield from ("| rule | says | evidence | otherwise |", "|---|---|---|---|")
    for rule in rules().values():
        source = f": {rule.source}" if rule.source else ""
        switch = f" Switch: `{rule.switch}`." if rule.switch else ""
        yield f"| `{rule.id}` | {rule.says} | {rule.evidence}{source} | {rule.otherwise}{switch} |"


def operations_page() -> Iterator[str]:
    """Every operation of the contract."""
    yield from ("# Operations", "", NOTE, "")
    yield "Every success is status 200 with a JSON object. `wixture routes` prints the list,"
    yield "`wixture spec` the contract."
    for operation in Contract.load(SPEC_FOLDER / "openapi.yaml").operations.values():
        yield from _operation(operation)
    yield from (
        "",
        "# Error codes",
        "",
        "The vendor documents none for these operations: they are conventions.",
        "",
    )
    yield from ("| code | status |", "|---|---|")
    yield from (f"| `{code}` | {status} |" for code, status in STATUS.items())


def _operation(operation: Operation) -> Iterator[str]:
    yield from (
        "",
        f"## {operation.operation_id}",
        "",
        f"`{operation.method} {operation.path}`",
        "",
        operation.summary,
    )
    facts = [
        f"- statuses: {', '.join(str(status) for status in operation.responses)}",
        f"- side effects: {operation.side_effects}",
        f"- evidence: {operation.evidence.get('label')} ({operation.evidence.get('source')})",
    ]
    if operation.security:
        facts.insert(0, f"- identities: {', '.join(identities(operation))}")
    if operation.aliases:
        facts.append(f"- also at: {', '.join(f'`{alias}`' for alias in operation.aliases)}")
    yield from ("", *facts)


def control_page() -> Iterator[str]:
    """Every call of the control API."""
    yield from ("# The control API", "", NOTE, "")
    yield "JSON in, JSON out, below `/_mock`; errors in the envelope of the APIs. A call is about the default"
    yield "tenant unless it has `?instance=GUID`. The document with every field is `/_mock/control.yaml`."
    yield from ("", "| call | operation | does |", "|---|---|---|")
    for operation in Contract.load(SPEC_FOLDER / "control.yaml").operations.values():
        yield f"| `{operation.method} {operation.path}` | `{operation.operation_id}` | {operation.summary} |"


PAGES = {"rules.md": rules_page, "operations.md": operations_page, "control-api.md": control_page}


def page(name: str) -> str:
    """The text of a page."""
    return "\n".join(PAGES[name]()) + "\n"


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (FOLDER / name).write_text(page(name), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
