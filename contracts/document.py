"""Load a contract and find its operations.

A contract is an OpenAPI 3.1 document in which every `$ref` is local and every schema keyword is one that
both validation engines know: anything else would be silently ignored, so it stops the load instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wixture.contracts.pointers import from_ref, join, landing, resolve
from wixture.contracts.yaml_text import BadDocument, read_yaml

Document = dict[str, Any]

SPEC_FOLDER = Path(__file__).parent.parent / "spec"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DEFAULT_BODY_LIMIT = 1024 * 1024

_SCHEMA_KEYWORDS = frozenset(
    """$ref type enum const properties required additionalProperties patternProperties unevaluatedProperties
    propertyNames minProperties maxProperties items prefixItems minItems maxItems uniqueItems contains
    minContains maxContains allOf anyOf oneOf not if then else dependentRequired minLength maxLength pattern
    contentMediaType contentSchema format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf title
    description default examples example deprecated readOnly writeOnly discriminator""".split()
)
_SUBSCHEMAS = "additionalProperties unevaluatedProperties propertyNames items contains not if then else".split()
_SUBSCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMA_MAPS = ("properties", "patternProperties")


def read_document(path: Path) -> Document:
    """The document in a file, made whole: schemas it lacks come from the sibling that `x-schemas-from` names."""
    document: Document = read_yaml(path.read_text(encoding="utf-8"))
    if isinstance(document, dict) and "x-schemas-from" in document:
        lender = read_yaml((path.parent / Path(document["x-schemas-from"]).name).read_text(encoding="utf-8"))
        _borrow_schemas(document, lender["components"]["schemas"])
    return document


def _borrow_schemas(document: Document, lent: Mapping[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    missing = [document]
    while missing:
        names = {name for node in missing for name in _schema_names(node) if name not in schemas and name in lent}
        missing = [lent[name] for name in sorted(names)]
        schemas.update((name, lent[name]) for name in sorted(names))


def _schema_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/components/schemas/")
        node = list(node.values())
    for child in node if isinstance(node, list) else ():
        yield from _schema_names(child)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter: where it stands (`query`, `path`, `header`), its name and schema pointer."""

    name: str
    where: str
    required: bool
    schema: str


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of a contract, with pointers to the schemas that its messages keep."""

    operation_id: str
    method: str
    path: str
    pointer: str
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    summary: str
    side_effects: str | None
    evidence: Mapping[str, str]
    security: tuple[Mapping[str, list[str]], ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    media_types: tuple[str, ...]
    responses: Mapping[int, str | None]
    query_schema: str | None
    item_schema: tuple[str, str] | None
    body_limit: int


@dataclass(frozen=True, slots=True)
class Match:
    """An operation found for a request line, and the values of its path parameters, decoded."""

    operation: Operation
    path_parameters: Mapping[str, str]


class Contract:
    """An OpenAPI document and its operations by ID. Building one raises BadDocument when it is none."""

    def __init__(self, document: Document) -> None:
        if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
            raise BadDocument(
                "This is no OpenAPI document: it has no `paths` object. Give an OpenAPI 3.1 document."
            )
        self.document = document
        _refuse_foreign_references(document)
        _refuse_unknown_keywords(document)
        operations = list(_operations(document))
        self.operations: dict[str, Operation] = {found.operation_id: found for found in operations}
        if len(self.operations) != len(operations):
            raise BadDocument("Two operations share one operationId. Give each its own.")

    @classmethod
    def load(cls, path: Path | str) -> Contract:
        """The contract in a YAML or JSON file. Raises BadDocument, or OSError when it cannot be read."""
        return cls(read_document(Path(path)))

    def tagged(self, *tags: str) -> list[Operation]:
        """The operations that carry one of `tags`, in the document's order."""
        return [found for found in self.operations.values() if set(tags) & set(found.tags)]

    @cached_property
    def webhooks(self) -> Mapping[str, Mapping[str, Any]]:
        """The document's webhooks by name: the operation object of each."""
        return {name: item["post"] for name, item in self.document.get("webhooks", {}).items()}


def _operations(document: Document) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield _operation(document, path, method)


def _operation(document: Document, path: str, method: str) -> Operation:
    item = document["paths"][path]
    raw = item[method]
    pointer = join("paths", path, method)
    if not isinstance(raw.get("operationId"), str):
        raise BadDocument(f"{method.upper()} {path} has no operationId. Give it one.")
    body, media_types = _body(document, pointer, raw)
    item_schema = raw.get("x-item-schema")
    return Operation(
        operation_id=raw["operationId"],
        method=method.upper(),
        path=path,
        pointer=pointer,
        aliases=tuple(item.get("x-aliases", ())),
        tags=tuple(raw.get("tags", ())),
        summary=raw.get("summary", ""),
        side_effects=raw.get("x-side-effects"),
        evidence=raw.get("x-evidence", {}),
        security=tuple(raw.get("security", document.get("security", []))),
        parameters=tuple(_parameters(document, path, method)),
        body=body,
        media_types=media_types,
        responses=_responses(document, pointer, raw),
        query_schema=from_ref(raw["x-query-schema"]["$ref"]) if "x-query-schema" in raw else None,
        item_schema=(item_schema["pointer"], from_ref(item_schema["schema"]["$ref"])) if item_schema else None,
        body_limit=raw.get("x-body-limit", DEFAULT_BODY_LIMIT),
    )


def _parameters(document: Document, path: str, method: str) -> Iterator[Parameter]:
    for parts in (("paths", path), ("paths", path, method)):
        for index, _ in enumerate(resolve(document, join(*parts)).get("parameters", ())):
            here = landing(document, join(*parts, "parameters", index))
            raw = resolve(document, here)
            yield Parameter(raw["name"], raw["in"], bool(raw.get("required")), here + "/schema")


def _body(document: Document, pointer: str, raw: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    if "requestBody" not in raw:
        return None, ()
    here = landing(document, pointer + "/requestBody")
    content = resolve(document, here).get("content", {})
    if "application/json" not in content:
        return None, tuple(content)
    return here + join("content", "application/json", "schema"), tuple(content)


def _responses(document: Document, pointer: str, raw: Mapping[str, Any]) -> dict[int, str | None]:
    found: dict[int, str | None] = {}
    for status in raw.get("responses", {}):
        here = landing(document, pointer + join("responses", status))
        content = resolve(document, here).get("content", {})
        schema = here + join("content", "application/json", "schema") if "application/json" in content else None
        if str(status).isdigit():
            found[int(status)] = schema
    return found


def _refuse_foreign_references(document: Document) -> None:
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend(node.values())
            if isinstance(node.get("$ref"), str):
                _refuse_foreign_reference(document, node["$ref"])


def _refuse_foreign_reference(document: Document, ref: str) -> None:
    try:
        resolve(document, from_ref(ref))
    except (ValueError, LookupError) as error:
        raise BadDocument(
            f"A $ref cannot be followed: {error} Only references inside the document are read; "
            "nothing is fetched from a network or another file."
        ) from error


def _refuse_unknown_keywords(document: Document) -> None:
    for pointer, schema in schemas_of(document):
        for keyword in schema:
            if keyword not in _SCHEMA_KEYWORDS and not str(keyword).startswith("x-"):
                raise BadDocument(
                    f"{pointer} has the unknown keyword {keyword!r}, which no engine would check. "
                    "Correct the name, or begin it with x-."
                )


def schemas_of(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema object under `components.schemas`, bodies and parameters, with its pointer, depth first."""
    for pointer, node in _schema_roots(document):
        yield from _with_subschemas(pointer, node)


def _schema_roots(document: Document) -> Iterator[tuple[str, Any]]:
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield join("components", "schemas", name), schema
    stack: list[tuple[str, Any]] = [
        (join(part), document[part]) for part in ("paths", "webhooks") if part in document
    ]
    components = document.get("components", {})
    stack += [(join("components", part), components[part]) for part in components if part != "schemas"]
    while stack:
        pointer, node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("schema"), dict):
                yield pointer + "/schema", node["schema"]
            skip = ("schema", "example", "examples", "links")
            stack.extend((pointer + join(key), value) for key, value in node.items() if key not in skip)
        elif isinstance(node, list):
            stack.extend((pointer + join(index), value) for index, value in enumerate(node))


def _with_subschemas(pointer: str, schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for keyword in _SUBSCHEMAS:
        yield from _with_subschemas(pointer + join(keyword), schema.get(keyword))
    for keyword in _SUBSCHEMA_LISTS:
        for index, part in enumerate(schema.get(keyword, ())):
            yield from _with_subschemas(pointer + join(keyword, index), part)
    for keyword in _SUBSCHEMA_MAPS:
        for name, part in schema.get(keyword, {}).items():
            yield from _with_subschemas(pointer + join(keyword, name), part)


def default_rule(document: Any) -> str:
    """The rule of what no schema names one for: a document may name its own in `info.x-rule`."""
    return str(document.get("info", {}).get("x-rule", "contract-keyword"))
