"""A good document gives no finding; each way to spoil it gives the one that names the place."""

import copy
import random
import socket
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import yaml

from wixture.contracts import pointers
from wixture.contracts.lint.lint import RULES, Finding, lint
from wixture.contracts.lint.outline import outlined

GOOD = """
openapi: 3.1.0
info:
  title: Things
  version: "1"
  x-lint: [side-effects, evidence, closed-objects]
tags: [{name: Things}]
security: [{token: [read]}]
paths:
  /things:
    post:
      operationId: createThing
      summary: Create.
      description: Creates a thing.
      tags: [Things]
      x-side-effects: reversible
      x-cleanup: deleteThing
      x-evidence: {label: documented, source: page 1}
      parameters:
      - {name: dryRun, in: query, schema: {type: boolean}, example: true}
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/NewThing"}
            examples:
              named: {$ref: "#/components/examples/Named"}
      responses:
        "200": {$ref: "#/components/responses/Thing"}
        "400": {description: Wrong.}
        "401": {description: Who are you.}
  /things/{id}:
    parameters:
    - {$ref: "#/components/parameters/Id"}
    delete:
      operationId: deleteThing
      summary: Delete.
      description: Deletes a thing.
      tags: [Things]
      security: [{}, {token: [write]}]
      x-side-effects: irreversible
      x-cleanup: "none: the thing is gone"
      x-evidence: {label: measured, source: run 7}
      responses:
        "204": {description: Gone.}
        4XX: {description: Not gone.}
webhooks:
  thingCreated:
    post:
      operationId: thingCreated
      summary: Created.
      description: A thing was created.
      tags: [Things]
      security: []
      x-evidence: {label: inferred, source: page 2}
      requestBody:
        content:
          application/json; charset=utf-8:
            schema: {$ref: "#/components/schemas/Thing"}
            example: {id: a1, name: One, labels: {a: {text: b}}}
      responses:
        "200": {description: Taken.}
components:
  securitySchemes:
    token:
      type: oauth2
      flows:
        clientCredentials:
          tokenUrl: https://example.com/token
          scopes: {read: Reads., write: Writes.}
  parameters:
    Id: {name: id, in: path, required: true, schema: {type: string, pattern: "^[a-z0-9]+$"}, example: a1}
  examples:
    Named: {value: {name: One}}
  responses:
    Thing:
      description: A thing.
      headers:
        X-Left: {schema: {type: integer}, example: 3}
      content:
        application/json:
          schema:
            type: object
            properties: {thing: {$ref: "#/components/schemas/Thing"}}
            unevaluatedProperties: false
          examples:
            one: {value: {thing: {id: a1, name: One}}}
      links:
        delete:
          operationId: deleteThing
          parameters: {path.id: $response.body#/thing/id}
        again:
          operationRef: "#/paths/~1things/post"
          parameters: {dryRun: $request.query.dryRun}
          requestBody: {name: $request.body#/name, note: "see {$response.body#/thing/labels/x/text}"}
  schemas:
    NewThing:
      type: object
      required: [name]
      allOf: [{$ref: "#/components/schemas/Named"}]
      properties:
        size: {$ref: "#/components/schemas/Size", description: How big.}
      unevaluatedProperties: false
    Named:
      type: object
      properties:
        name: {type: string, description: What it is called., examples: [One]}
    Size:
      type: integer
    Thing:
      type: object
      properties:
        id: {type: string, description: Its id., pattern: "^[a-z0-9]+$"}
        name: {type: string, description: Its name.}
        born: {type: string, format: date, pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description: When.}
        labels:
          type: object
          description: By name.
          additionalProperties: {$ref: "#/components/schemas/Label"}
        parts: {type: array, description: What it is made of., items: {$ref: "#/components/schemas/Thing"}}
    Label:
      type: object
      properties: {text: {type: string, description: What it says.}}
"""

Spoil = Callable[[dict[str, Any]], object]


def good() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(GOOD)
    return loaded


def spoiled(pointer: str, value: Any) -> dict[str, Any]:
    """The good document with `value` at `pointer`."""
    document = good()
    parent, _, _ = pointer.rpartition("/")
    key = pointers.split(pointer)[-1]
    node = pointers.resolve(document, parent)
    node[int(key) if isinstance(node, list) else key] = value
    return document


def without(pointer: str) -> dict[str, Any]:
    """The good document without what is at `pointer`."""
    document = good()
    parent, _, _ = pointer.rpartition("/")
    del pointers.resolve(document, parent)[pointers.split(pointer)[-1]]
    return document


def only(document: dict[str, Any], rule: str) -> Finding:
    found = [finding for finding in lint(document) if finding.rule == rule]
    assert len(found) == 1, found
    pointers.resolve(document, found[0].pointer)
    return found[0]


def assert_found(document: dict[str, Any], rule: str, pointer: str, said: str, *, severity: str = "error") -> None:
    finding = only(document, rule)
    assert (finding.pointer, finding.severity) == (pointer, severity)
    assert said in finding.message


POST = "/paths/~1things/post"
DELETE = "/paths/~1things~1{id}/delete"
HOOK = "/webhooks/thingCreated/post"
SCHEMAS = "/components/schemas"
RESPONSE = "/components/responses/Thing"


def test_a_good_document_gives_no_finding() -> None:
    assert lint(good()) == []


def test_every_rule_is_described_in_one_sentence() -> None:
    assert all(rule.description.endswith(".") for rule in RULES.values())


# The document as a whole


def test_another_version_of_openapi_is_found() -> None:
    assert_found(spoiled("/openapi", "3.0.3"), "openapi-version", "/openapi", "expected 3.1.0")


def test_a_missing_version_is_found() -> None:
    assert_found(without("/openapi"), "openapi-version", "", "no `openapi` version")


@pytest.mark.parametrize("document", [None, [], "x", 1, {}], ids=repr)
def test_what_is_no_document_is_found(document: Any) -> None:
    assert "json-values" in {finding.rule for finding in lint(document)}


def test_an_unquoted_status_is_found() -> None:
    document = good()
    document["paths"]["/things"]["post"]["responses"][404] = {"description": "Gone."}
    assert_found(document, "json-values", f"{POST}/responses", "The key 404 was read as int")


def test_an_unquoted_date_is_found() -> None:
    document = spoiled(f"{SCHEMAS}/Label/default", date(2026, 1, 2))
    assert_found(document, "json-values", f"{SCHEMAS}/Label/default", "2026-01-02 was read as date")


def test_a_document_that_contains_itself_is_found() -> None:
    document = good()
    document["components"]["schemas"]["Loop"] = document
    assert [finding.rule for finding in lint(document)] == ["json-values"]


def test_a_misspelt_keyword_of_openapi_is_found() -> None:
    document = spoiled(f"{POST}/respones", {})
    assert_found(document, "valid-document", POST, "'respones' was unexpected")


def test_a_schema_of_an_unknown_type_is_found() -> None:
    document = spoiled(f"{SCHEMAS}/Size/type", "intger")
    assert_found(document, "valid-document", f"{SCHEMAS}/Size/type", "'intger' is not")


def test_a_schema_made_of_itself_is_found_and_does_not_hang() -> None:
    document = spoiled(f"{SCHEMAS}/Named/allOf", [{"$ref": "#/components/schemas/Named"}])
    assert_found(document, "valid-document", "", "gave up on the document (RecursionError")


def test_an_unknown_rule_in_x_lint_is_found() -> None:
    assert_found(spoiled("/info/x-lint/0", "sideeffects"), "known-rules", "/info/x-lint/0", "is no rule")


# References


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("https://example.com/a.yaml#/A", "'https://example.com/a.yaml#/A' is in another address"),
        ("file:///etc/passwd", "'file:///etc/passwd' is in another file"),
        ("other.yaml#/A", "'other.yaml#/A' is in another file"),
        ("#anchor", "'#anchor' is no local reference"),
        ("#/components/schemas/Gone", "/components/schemas has no 'Gone'"),
        ("#/components/responses/Thing", "is a response; expected a schema"),
        ("#/info/title", "is Things; expected a schema"),
        ("#/components/schemas/Thing/properties/id", "form a circle"),
        (7, "`$ref` is 7"),
    ],
    ids=["http", "file", "relative", "anchor", "missing", "kind", "scalar", "circle", "number"],
)
def test_a_reference_that_does_not_resolve_is_found(ref: Any, said: str) -> None:
    document = spoiled(f"{SCHEMAS}/Thing/properties/id", {"$ref": ref, "description": "Its id."})
    assert_found(document, "refs-resolve", f"{SCHEMAS}/Thing/properties/id/$ref", said)


def test_an_id_in_a_schema_is_found() -> None:
    assert_found(spoiled(f"{SCHEMAS}/Size/$id", "urn:x"), "refs-resolve", f"{SCHEMAS}/Size/$id", "Remove it")


def test_a_reference_in_an_example_is_data() -> None:
    document = spoiled(f"{SCHEMAS}/Label/examples", [{"text": "x", "$ref": "https://example.com/"}])
    assert lint(document) == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        (f"{SCHEMAS}/Lost", {"type": "object"}),
        (f"{SCHEMAS}/Lost", {"items": {"$ref": "#/components/schemas/Lost"}}),
        ("/components/responses/Lost", {"description": "Lost."}),
        ("/components/parameters/Lost", {"name": "a", "in": "query", "schema": {}}),
    ],
    ids=["schema", "only by itself", "response", "parameter"],
)
def test_a_component_that_nobody_uses_is_found(pointer: str, value: Any) -> None:
    said = "Nothing refers to Lost"
    assert_found(spoiled(pointer, value), "unused-components", pointer, said, severity="warning")


def test_a_schema_named_by_a_discriminator_is_used() -> None:
    document = spoiled(f"{SCHEMAS}/Cat", {"type": "object"})
    mapping = {"propertyName": "text", "mapping": {"cat": "Cat", "label": "#/components/schemas/Label"}}
    document["components"]["schemas"]["Label"]["discriminator"] = mapping
    assert lint(document) == []


# Operations


def test_an_operation_without_an_id_is_found() -> None:
    assert_found(without(f"{HOOK}/operationId"), "operation-id", HOOK, "has no `operationId`")


def test_an_id_that_is_not_camel_case_is_found() -> None:
    document = spoiled(f"{POST}/operationId", "create_thing")
    assert_found(document, "operation-id", f"{POST}/operationId", "`operationId: create_thing` is not camelCase")


def test_an_id_used_twice_is_found() -> None:
    document = spoiled(f"{HOOK}/operationId", "createThing")
    assert_found(document, "operation-id", f"{HOOK}/operationId", f"taken by {POST}")


def test_an_operation_without_any_security_is_found() -> None:
    assert_found(without("/security"), "operation-security", POST, "declares no `security`")


def test_a_webhook_that_inherits_security_is_found() -> None:
    assert_found(without(f"{HOOK}/security"), "operation-security", HOOK, "does not say `security: []`")


def test_a_callback_is_nobody_s_to_secure() -> None:
    answer = {"200": {"description": "Taken."}}
    called = {"operationId": "thingDone", "summary": "Done.", "description": "Done.", "responses": answer}
    document = spoiled(f"{POST}/callbacks", {"done": {"{$request.body#/name}": {"post": called}}})
    assert lint(document) == []


def test_a_webhook_kept_among_the_components_is_a_webhook() -> None:
    document = good()
    document["components"]["pathItems"] = {"Hook": document["webhooks"]["thingCreated"]}
    document["webhooks"]["thingCreated"] = {"$ref": "#/components/pathItems/Hook"}
    assert lint(document) == []
    del document["components"]["pathItems"]["Hook"]["post"]["security"]
    pointer = "/components/pathItems/Hook/post"
    assert_found(document, "operation-security", pointer, "does not say `security: []`")


def test_an_unknown_security_scheme_is_found() -> None:
    document = spoiled("/security/0", {"tokn": []})
    assert_found(document, "operation-security", "/security/0", "The security scheme tokn does not exist")


def test_an_unknown_scope_is_found() -> None:
    document = spoiled(f"{DELETE}/security/1/token/0", "wipe")
    assert_found(document, "operation-security", f"{DELETE}/security/1", "lists no scope wipe")


def test_an_operation_without_error_responses_is_found() -> None:
    document = spoiled(f"{DELETE}/responses", {"204": {"description": "Gone."}})
    found = [finding for finding in lint(document) if finding.rule == "error-responses"]
    assert [finding.pointer for finding in found] == [f"{DELETE}/responses"] * 2
    assert "no 4xx response" in found[0].message


def test_a_secured_operation_without_401_is_found() -> None:
    document = without(f"{POST}/responses/401")
    assert_found(document, "error-responses", f"{POST}/responses", "no 401 response")


def test_an_open_operation_needs_no_401() -> None:
    document = without(f"{POST}/responses/401")
    document["paths"]["/things"]["post"]["security"] = []
    assert lint(document) == []


@pytest.mark.parametrize("effect", ["some", None, ["none"]], ids=repr)
def test_an_unstated_side_effect_is_found(effect: Any) -> None:
    document = spoiled(f"{POST}/x-side-effects", effect)
    assert_found(document, "side-effects", POST, "expected one of none, reversible, irreversible")


@pytest.mark.parametrize("cleanup", ["deleteThings", "none:", "", None, 1], ids=repr)
def test_a_cleanup_that_is_no_operation_and_no_reason_is_found(cleanup: Any) -> None:
    assert_found(
        spoiled(f"{POST}/x-cleanup", cleanup), "side-effects", POST, "expected an operationId or 'none: '"
    )


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({"label": "guessed", "source": "x"}, "`x-evidence.label` is guessed"),
        ({"label": "measured", "source": " "}, "`x-evidence.source` is missing"),
    ],
    ids=["label", "source"],
)
def test_an_operation_without_evidence_is_found(evidence: dict[str, str], said: str) -> None:
    assert_found(spoiled(f"{HOOK}/x-evidence", evidence), "evidence", HOOK, said)


def test_optional_rules_run_only_where_asked_for() -> None:
    document = without("/info/x-lint")
    for pointer in (POST, DELETE):
        del pointers.resolve(document, pointer)["x-evidence"]
        del pointers.resolve(document, pointer)["x-side-effects"]
    del document["components"]["schemas"]["NewThing"]["unevaluatedProperties"]
    assert lint(document) == []


@pytest.mark.parametrize("key", ["summary", "description"])
def test_an_undescribed_operation_is_found(key: str) -> None:
    assert_found(spoiled(f"{POST}/{key}", " "), "descriptions", POST, f"The operation has no {key}")


def test_an_undescribed_property_is_a_warning() -> None:
    document = without(f"{SCHEMAS}/NewThing/properties/size/description")
    pointer = f"{SCHEMAS}/NewThing/properties/size"
    assert_found(document, "descriptions", pointer, "The property size has no description", severity="warning")


@pytest.mark.parametrize("key", ["$ref", "allOf"])
def test_a_property_is_described_by_what_it_refers_to(key: str) -> None:
    ref = "#/components/schemas/Size"
    document = spoiled(f"{SCHEMAS}/NewThing/properties/size", {key: ref if key == "$ref" else [{"$ref": ref}]})
    document["components"]["schemas"]["Size"]["description"] = "How big."
    assert lint(document) == []


def test_a_property_that_a_condition_refines_needs_no_description() -> None:
    document = spoiled(f"{SCHEMAS}/Thing/if", {"properties": {"name": {"const": "One"}}})
    assert lint(document) == []


def test_an_undeclared_tag_is_found() -> None:
    assert_found(
        spoiled(f"{POST}/tags/0", "Thing"), "tags-known", f"{POST}/tags/0", "The tag Thing is not declared"
    )


# Examples


@pytest.mark.parametrize(
    ("pointer", "value", "said"),
    [
        (
            f"{POST}/parameters/0/example",
            "yes",
            'breaks its schema at the top: "yes" is not of type "boolean"',
        ),
        (f"{RESPONSE}/headers/X-Left/example", "x", f"as {RESPONSE}/headers/X-Left/schema/type demands"),
        (f"{SCHEMAS}/Named/properties/name/examples/0", 1, '1 is not of type "string"'),
        (f"{SCHEMAS}/Size/example", "x", '"x" is not of type "integer"'),
        ("/components/examples/Named/value", {"name": 1}, "at /name: 1 is not of type"),
        (f"{RESPONSE}/content/application~1json/examples/one/value", {"thing": {"id": "!"}}, "at /thing/id"),
    ],
    ids=["parameter", "header", "schema", "old keyword", "referred to", "response"],
)
def test_an_example_that_breaks_its_schema_is_found(pointer: str, value: Any, said: str) -> None:
    found = [f for f in lint(spoiled(pointer, value)) if f.rule == "examples-valid"]
    assert {finding.pointer for finding in found} == {pointer}
    assert any(said in finding.message for finding in found)


def test_an_example_in_an_external_file_is_refused() -> None:
    document = spoiled("/components/examples/Named", {"externalValue": "https://example.com/a.json"})
    assert_found(document, "examples-valid", "/components/examples/Named", "The example named is external")


def test_an_example_without_a_value_is_found() -> None:
    document = spoiled("/components/examples/Named", {"summary": "x"})
    assert_found(document, "examples-valid", "/components/examples/Named", "has no `value`")


def test_example_beside_examples_is_found() -> None:
    document = spoiled(f"{POST}/parameters/0/examples", {"no": {"value": False}})
    found = [f for f in lint(document) if f.rule == "examples-valid"]
    assert [(f.pointer, f.message[:33]) for f in found] == [
        (f"{POST}/parameters/0", "There are `example` and `examples")
    ]


def test_an_example_of_a_schema_that_cannot_be_compiled_is_found() -> None:
    document = spoiled(f"{SCHEMAS}/Size", {"type": "string", "pattern": "^(?=a)", "example": "a"})
    found = {f.pointer: f.message for f in lint(document) if f.rule == "examples-valid"}
    assert "was not checked, because the schema" in found[f"{SCHEMAS}/Size/example"]


@pytest.mark.parametrize(
    "pointer",
    [f"{POST}/requestBody/content/application~1json", f"{RESPONSE}/content/application~1json"],
    ids=["request", "response"],
)
def test_json_without_an_example_is_a_warning(pointer: str) -> None:
    document = without(f"{pointer}/examples")
    assert_found(document, "example-present", pointer, "There is no example", severity="warning")


def test_an_example_of_the_schema_is_an_example_of_the_body() -> None:
    document = without(f"{POST}/requestBody/content/application~1json/examples")
    document["components"]["schemas"]["NewThing"]["examples"] = [{"name": "One"}]
    assert lint(document) == []


# Links


def test_a_link_to_an_unknown_operation_is_found() -> None:
    pointer = f"{RESPONSE}/links/delete/operationId"
    said = "leads to removeThing, which is no operation here; expected one of createThing, deleteThing"
    assert_found(spoiled(pointer, "removeThing"), "links-resolve", pointer, said)


def test_a_link_by_reference_to_an_unknown_operation_is_found() -> None:
    pointer = f"{RESPONSE}/links/again/operationRef"
    document = spoiled(pointer, "https://example.com/#/paths/~1a/get")
    assert_found(document, "links-resolve", pointer, "which is no operation here")


def test_a_link_to_nothing_is_found() -> None:
    document = without(f"{RESPONSE}/links/delete/operationId")
    assert_found(document, "links-resolve", f"{RESPONSE}/links/delete", "needs one of `operationId`")


@pytest.mark.parametrize("name", ["ID", "query.id", "path.ids", "path."])
def test_a_link_with_an_unknown_parameter_is_found(name: str) -> None:
    document = spoiled(f"{RESPONSE}/links/delete/parameters", {name: "a1"})
    pointer = f"{RESPONSE}/links/delete/parameters/{name}"
    assert_found(document, "links-resolve", pointer, f"has no parameter {name}; expected one of path.id")


@pytest.mark.parametrize(
    "expression",
    [
        "$response.body#/thing/parts/0/parts/1/id",
        "$response.body#/thing/labels/any/text",
        "$response.body",
        "$response.header.X-Left",
        "$request.body#/size",
        "$statusCode",
        "a1",
    ],
)
def test_a_link_with_a_declared_value_passes(expression: Any) -> None:
    assert lint(spoiled(f"{RESPONSE}/links/delete/parameters/path.id", expression)) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("$response.body#/thing/ident", "points at 'ident', which the schema does not declare"),
        ("$response.body#/thing/parts/x", "points at 'x'"),
        ("$request.body#/id", "points at 'id'"),
        ("$response.body#thing", "has no JSON pointer after '#'"),
        ("$request.query.dry", "names no query parameter of createThing"),
        ("$request.path.id", "names no path parameter of createThing"),
        ("$response.path.id", "is no runtime expression"),
        ("$responce.body#/id", "is no runtime expression"),
        ("a{$response.body#/gone}", "points at 'gone'"),
    ],
)
def test_a_link_from_an_undeclared_value_is_found(expression: str, said: str) -> None:
    pointer = f"{RESPONSE}/links/delete/parameters/path.id"
    assert_found(spoiled(pointer, expression), "links-resolve", pointer, said)


# Schemas


def test_a_slow_pattern_is_found() -> None:
    document = spoiled(f"{SCHEMAS}/Thing/properties/name/pattern", "^(a+)+$")
    pointer = f"{SCHEMAS}/Thing/properties/name/pattern"
    assert_found(document, "patterns-linear", pointer, "an unbounded repeat and what comes after it")


def test_a_slow_pattern_for_names_is_found() -> None:
    document = spoiled(f"{SCHEMAS}/Label/patternProperties", {"x/.*": True})
    pointer = f"{SCHEMAS}/Label/patternProperties/x~1.*"
    assert_found(document, "patterns-linear", pointer, "the dot leaves out other line ends")


def test_a_property_called_pattern_is_no_pattern() -> None:
    document = spoiled(f"{SCHEMAS}/Label/properties/pattern", {"type": "string", "description": "(a*)*"})
    assert lint(document) == []


def test_a_format_without_a_pattern_is_found() -> None:
    document = without(f"{SCHEMAS}/Thing/properties/born/pattern")
    pointer = f"{SCHEMAS}/Thing/properties/born/format"
    assert_found(document, "format-has-pattern", pointer, "`format: date` has no `pattern`")


@pytest.mark.parametrize(
    ("pointer", "value", "at"),
    [
        (f"{SCHEMAS}/NewThing/unevaluatedProperties", True, f"{SCHEMAS}/Named"),
        (f"{SCHEMAS}/NewThing/properties/size", {"$ref": "#/components/schemas/Label"}, f"{SCHEMAS}/Label"),
        (
            f"{SCHEMAS}/NewThing/properties/size",
            {"type": "array", "items": {"oneOf": [{"$ref": "#/components/schemas/Label"}]}},
            f"{SCHEMAS}/Label",
        ),
    ],
    ids=["itself", "property", "items of one of"],
)
def test_an_object_that_swallows_a_typo_is_found(pointer: str, value: Any, at: str) -> None:
    found = [finding for finding in lint(spoiled(pointer, value)) if finding.rule == "closed-objects"]
    assert at in [finding.pointer for finding in found]
    assert "a typo in a request is swallowed" in found[0].message


@pytest.mark.parametrize(
    "size",
    [
        {"allOf": [{"$ref": "#/components/schemas/Label"}], "unevaluatedProperties": False},
        {"allOf": [{"$ref": "#/components/schemas/Label"}, {"additionalProperties": False}]},
        {"additionalProperties": {"type": "integer"}, "type": "object", "properties": {"a": {}}},
        {
            "oneOf": [{"$ref": "#/components/schemas/Label"}, {"type": "integer"}],
            "unevaluatedProperties": False,
        },
    ],
    ids=["whole", "part", "described", "choice"],
)
def test_an_object_that_something_closes_passes(size: dict[str, Any]) -> None:
    found = lint(spoiled(f"{SCHEMAS}/NewThing/properties/size", size))
    assert [finding for finding in found if finding.rule == "closed-objects"] == []


# Whatever it is given


def test_findings_come_in_the_order_of_the_document() -> None:
    document = spoiled(f"{POST}/tags/0", "x")
    document["openapi"] = "3"
    document["components"]["schemas"]["Thing"]["properties"]["id"]["pattern"] = r"^\w+$"
    assert [finding.rule for finding in lint(document)] == [
        "openapi-version",
        "tags-known",
        "patterns-linear",
    ]


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    document = spoiled(f"{SCHEMAS}/Size", {"$ref": "https://example.com/a.json", "example": 1})
    document["components"]["schemas"]["Far"] = {"$schema": "https://example.com/dialect", "example": 1}
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    rules = {finding.rule for finding in lint(document)}
    assert {"refs-resolve", "examples-valid"} <= rules
    document["components"]["schemas"]["Size"] = {"type": "integer"}
    assert "valid-document" in {finding.rule for finding in lint(document)}


def places(node: Any, pointer: str = "") -> list[str]:
    children = node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ())
    inner = [place for key, child in children for place in places(child, pointer + pointers.join(key))]
    return [pointer, *inner]


ODD: list[Any] = [
    None,
    [],
    {},
    "x",
    1,
    True,
    [None],
    {"$ref": "#/x"},
    {"$ref": []},
    {1: 2},
    "#/components/schemas/Thing",
]


@pytest.mark.parametrize("seed", range(10))
def test_a_document_with_anything_anywhere_never_raises(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(50):
        document = good()
        for pointer in dice.sample(places(document)[1:], k=dice.choice((1, 1, 2, 4))):
            replace(document, pointer, copy.deepcopy(dice.choice(ODD)))
        as_json = outlined(document).root
        for finding in lint(document):
            pointers.resolve(as_json, finding.pointer)
            assert finding.message.endswith(".")


def replace(document: dict[str, Any], pointer: str, value: Any) -> None:
    parent, _, _ = pointer.rpartition("/")
    key = pointers.split(pointer)[-1]
    try:
        node = pointers.resolve(document, parent)
        node[int(key) if isinstance(node, list) else key] = value
    except (LookupError, TypeError, ValueError):
        return  # an earlier replacement took the parent away
