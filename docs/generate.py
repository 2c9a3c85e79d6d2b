"""Write the pages of docs/reference/ from spec/: `make docs`. A test holds that they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from wixture.contracts.cli import identities
from wixture.contracts.document import SPEC_FOLDER, Contract, Document, Operation
from wixture.contracts.ledger import as_markdown
from wixture.contracts.ledger import rows as ledger_rows
from wixture.contracts.pointers import landing, resolve
from wixture.contracts.rulebook import rules
from wixture.contracts.yaml_text import read_yaml
from wixture.mockserver.refusals import STATUS
from wixture.mockserver.serve import serve

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
    contract = Contract.load(SPEC_FOLDER / "openapi.yaml")
    for operation in contract.operations.values():
        yield from _operation(operation)
        yield from _parameters(contract, operation)
        yield from _table(contract, "Request", operation.body)
        yield from _table(contract, "Answer", operation.responses[200])
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


def _fields(contract: Contract, pointer: str | None) -> Iterator[str]:
    """The fields of a body, a line each, two levels deep."""
    if pointer is None:
        return
    for path, schema, required in _walk(contract.document, pointer, (), levels=3):
        kind = schema.get("type", "")
        kinds = "/".join(kind) if isinstance(kind, list) else kind
        members = ", ".join(str(member) for member in schema.get("enum", ()) if member is not None)
        what = f"{kinds}: {members}" if members else kinds
        yield f"| `{path}` | {what or 'any'} | {'yes' if required else ''} | {schema.get('description', '')} |"


def _walk(
    document: Document, pointer: str, path: tuple[str, ...], *, levels: int
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    schema = _whole(document, resolve(document, landing(document, pointer)))
    for name, raw in schema.get("properties", {}).items():
        inner = _whole(document, raw)
        here = (*path, name + "[]" if "items" in inner else name)
        yield ".".join(here), inner, name in schema.get("required", ())
        if levels > 1 and not name.startswith("$"):
            yield from _inner(document, inner, here, levels=levels - 1)


def _inner(document: Document, schema: dict[str, Any], path: tuple[str, ...], *, levels: int) -> Any:
    shape = _whole(document, schema.get("items", schema))
    holder = {"components": document["components"], "here": shape}
    yield from _walk(holder, "/here", path, levels=levels)


def _whole(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference and its `allOf` parts taken in; its own words win."""
    made: dict[str, Any] = {}
    parts = [*schema.get("allOf", ()), *schema.get("anyOf", ())[:1]]
    if "$ref" in schema:
        parts.append(resolve(document, schema["$ref"][1:]))
    for part in parts:
        taken = _whole(document, part)
        properties = {**made.get("properties", {}), **taken.get("properties", {})}
        required = [*made.get("required", ()), *taken.get("required", ())]
        made = {**made, **taken, "properties": properties, "required": required}
    own = dict(made.get("properties", {}))
    for name, inner in schema.get("properties", {}).items():
        own[name] = {"allOf": [own[name]], **inner} if name in own else inner
    required = [*made.get("required", ()), *schema.get("required", ())]
    return {**made, **schema, "properties": own, "required": required}


def _table(contract: Contract, title: str, pointer: str | None) -> Iterator[str]:
    rows = list(_fields(contract, pointer))
    if rows:
        yield from ("", f"{title}:", "", "| field | type | required | |", "|---|---|---|---|", *rows)


def options_page() -> Iterator[str]:
    """Every option of `wixture serve`."""
    yield from ("# Options of `wixture serve`", "", NOTE, "")
    yield "An option beats the environment, that the file given by `--config`, that the default. The file is TOML:"
    yield "the options' names without dashes in front, one a line, such as `random-seed = 7`."
    yield from ("", "| option | environment | default | |", "|---|---|---|---|")
    for option in serve.params:
        if isinstance(option, click.Option):
            shown = isinstance(option.default, str | int | float) and not option.is_flag
            default = f"`{option.default}`" if shown else ""
            yield f"| `{option.opts[0]}` | `{option.envvar}` | {default} | {option.help} |"
    yield ""
    yield '`--channels ""` enables none. `--public-url` names where links lead; reached by that name, the control'
    yield "API asks for the admin token. `--allow-net` is for receivers in private networks; this machine is open."
    yield ""
    yield "Other commands read `WIXTURE_URL`, where the mock runs (`token`, `sdk-env`, `webhook listen`, `verify`,"
    yield "`trigger`, and the preload module), `WIXTURE_ADMIN_TOKEN`, for a mock off loopback, and"
    yield "`WIXTURE_PUBLIC_KEY` (`webhook listen` and `verify`). `WIXTURE_HOME` is where the certificate authority"
    yield "of `--tls` and the key of `webhook trigger` and `grade` are kept (else `$XDG_STATE_HOME/wixture` or"
    yield "`~/.local/state/wixture`)."


def control_page() -> Iterator[str]:
    """Every call of the control API."""
    yield from ("# The control API", "", NOTE, "")
    yield "JSON in, JSON out, below `/_mock`; errors in the envelope of the APIs. A call is about the default"
    yield "tenant unless it has `?instance=GUID`. The document with every field is `/_mock/control.yaml`."
    yield from ("", "| call | operation | does |", "|---|---|---|")
    contract = Contract.load(SPEC_FOLDER / "control.yaml")
    for operation in contract.operations.values():
        yield f"| `{operation.method} {operation.path}` | `{operation.operation_id}` | {operation.summary} |"
    for operation in contract.operations.values():
        rows = [*_parameters(contract, operation), *_table(contract, "Body", operation.body)]
        if rows:
            yield from ("", f"## {operation.operation_id}", "", f"`{operation.method} {operation.path}`", *rows)


def _parameters(contract: Contract, operation: Operation) -> Iterator[str]:
    declared = [found for found in operation.parameters if found.where == "query"]
    if not declared:
        return
    yield from ("", "Query parameters:", "", "| parameter | required | |", "|---|---|---|")
    for found in declared:
        raw = resolve(contract.document, found.schema.rpartition("/")[0])
        yield f"| `{found.name}` | {'yes' if found.required else ''} | {raw.get('description', '')} |"


def ledger_page() -> Iterator[str]:
    """Every row of the ledger."""
    yield from ("# The ledger", "", NOTE, "")
    yield "Where the vendor's two pages are wrong, and where they only look wrong: what stands there, what each"
    yield "witness says, which form was chosen and why. Lines are those of the pages' text. `wixture ledger`"
    yield "prints the rows. The last two points of each say what [lenient input and the documented"
    yield "dialect](../how-to/dialects.md) make of it; `*` is every item of a list, `+` every item but the first."
    yield from ("", as_markdown(ledger_rows().values()).rstrip("\n"))


PAGES = {
    "rules.md": rules_page,
    "operations.md": operations_page,
    "control-api.md": control_page,
    "options.md": options_page,
    "ledger.md": ledger_page,
}


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
