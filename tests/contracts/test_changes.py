"""Each kind of change, told from a minimal pair of documents, and what it is the other way round."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from wixture.contracts.changes.changes import changes
from wixture.contracts.changes.kinds import KINDS, LOWER_BOUNDS, UPPER_BOUNDS, kebab
from wixture.contracts.yaml_text import BadDocument

Json = dict[str, Any]
# name, wide schema, narrow schema, kind when it grows narrower, kind when it grows wider
SCHEMAS: list[tuple[str, Any, Any, str, str]] = [
    ("type", {"type": ["string", "integer"]}, {"type": "string"}, "type-narrowed", "type-widened"),
    ("number", {"type": "number"}, {"type": "integer"}, "type-narrowed", "type-widened"),
    ("any type", {}, {"type": "string"}, "type-narrowed", "type-widened"),
    ("null", {"type": ["string", "null"]}, {"type": "string"}, "null-refused", "null-accepted"),
    ("nullable", {"type": "string", "nullable": True}, {"type": "string"}, "null-refused", "null-accepted"),
    ("enum", {"enum": ["A", "B"]}, {"enum": ["A"]}, "enum-member-removed", "enum-member-added"),
    ("const of enum", {"enum": ["A", "B"]}, {"const": "A"}, "enum-member-removed", "enum-member-added"),
    ("first enum", {}, {"enum": ["A"]}, "enum-added", "enum-removed"),
    ("nothing", {}, False, "enum-added", "enum-removed"),
    ("field needed", {}, {"required": ["a"]}, "field-now-required", "field-now-optional"),
    ("closed", {}, {"additionalProperties": False}, "other-fields-refused", "other-fields-accepted"),
    ("unevaluated", {}, {"unevaluatedProperties": False}, "other-fields-refused", "other-fields-accepted"),
    (
        "anyOf less",
        {"anyOf": [{"const": 1}, {"const": 2}]},
        {"anyOf": [{"const": 1}]},
        "alternative-removed",
        "alternative-added",
    ),
    (
        "oneOf less",
        {"oneOf": [{"const": 1}, {"const": 2}]},
        {"oneOf": [{"const": 1}]},
        "alternative-removed",
        "alternative-added",
    ),
    ("if", {}, {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if-added", "if-removed"),
    (
        "then",
        {"if": {"required": ["a"]}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        "if-added",
        "if-removed",
    ),
    (
        "in allOf",
        {"allOf": [{"maxLength": 9}]},
        {"allOf": [{"maxLength": 3}]},
        "max-length-lowered",
        "max-length-raised",
    ),
    (
        "inner items",
        {"items": {"maxLength": 9}},
        {"items": {"maxLength": 3}},
        "max-length-lowered",
        "max-length-raised",
    ),
    (
        "in then",
        {"if": {"minLength": 1}, "then": {"maxLength": 9}},
        {"if": {"minLength": 1}, "then": {"maxLength": 3}},
        "max-length-lowered",
        "max-length-raised",
    ),
    (
        "other fields",
        {"additionalProperties": {"maxLength": 9}},
        {"additionalProperties": {"maxLength": 3}},
        "max-length-lowered",
        "max-length-raised",
    ),
    (
        "of an alternative",
        {"anyOf": [{"title": "a", "maxLength": 9}, {"const": 2}]},
        {"anyOf": [{"title": "a", "maxLength": 3}, {"const": 2}]},
        "max-length-lowered",
        "max-length-raised",
    ),
    *(
        (keyword, {}, {keyword: value}, f"{kind}-added", f"{kind}-removed")
        for keyword, kind, value in (
            ("pattern", "pattern", "^a"),
            ("format", "format", "uuid"),
            ("not", "not", {"const": 1}),
            ("contentMediaType", "content-media-type", "application/jwt"),
            ("contentEncoding", "content-encoding", "base64"),
            ("uniqueItems", "unique-items", True),
            ("multipleOf", "multiple-of", 2),
            ("dependentRequired", "dependent-required", {"a": ["b"]}),
            ("dependentSchemas", "dependent-schemas", {"a": {"required": ["b"]}}),
            ("patternProperties", "pattern-properties", {"^a": {"type": "string"}}),
            ("prefixItems", "prefix-items", [{"type": "string"}]),
            ("contains", "contains", {"const": 1}),
            ("items", "items", {"type": "string"}),
            ("propertyNames", "property-names", {"maxLength": 3}),
            ("unevaluatedItems", "unevaluated-items", {"type": "string"}),
            ("contentSchema", "content-schema", {"type": "string"}),
            ("additionalProperties", "additional-properties", {"type": "string"}),
            ("unevaluatedProperties", "unevaluated-properties", {"type": "string"}),
            ("anyOf", "any-of", [{"const": 1}]),
            ("oneOf", "one-of", [{"const": 1}]),
        )
    ),
    *(
        (
            f"{keyword} {much} {less}",
            {keyword: much} if much is not None else {},
            {keyword: less},
            f"{kind}-{down}",
            f"{kind}-{up}",
        )
        for keyword, kind, sign in (
            ("minLength", "min-length", 1),
            ("minimum", "minimum", 1),
            ("exclusiveMinimum", "exclusive-minimum", 1),
            ("minItems", "min-items", 1),
            ("minProperties", "min-properties", 1),
            ("minContains", "min-contains", 1),
            ("maxLength", "max-length", -1),
            ("maximum", "maximum", -1),
            ("maxItems", "max-items", -1),
            ("exclusiveMaximum", "exclusive-maximum", -1),
            ("maxProperties", "max-properties", -1),
            ("maxContains", "max-contains", -1),
        )
        for much, less, down, up in (
            (5, 5 + sign, "raised" if sign > 0 else "lowered", "lowered" if sign > 0 else "raised"),
            (None, 5, "added", "removed"),
        )
    ),
]
EITHER_WAY: list[tuple[str, Any, Any, str]] = [  # name, schema, another, kind in both directions
    ("type", {"type": "string"}, {"type": "integer"}, "type-changed"),
    ("values", {"enum": ["A"]}, {"enum": ["B"]}, "enum-replaced"),
    *((bound, {bound: 1}, {bound: "1"}, f"{kebab(bound)}-changed") for bound in (*LOWER_BOUNDS, *UPPER_BOUNDS)),
    ("condition", {"if": {"const": 1}, "then": False}, {"if": {"const": 2}, "then": False}, "if-changed"),
    ("anyOf", {"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 3}, {"const": 4}]}, "any-of-changed"),
    ("oneOf", {"oneOf": [{"const": 1}, {"const": 2}]}, {"oneOf": [{"const": 3}, {"const": 4}]}, "one-of-changed"),
    *(
        (keyword, {keyword: one}, {keyword: two}, f"{kind}-changed")
        for keyword, kind, one, two in (
            ("pattern", "pattern", "^a", "^b"),
            ("format", "format", "uuid", "date"),
            ("contentMediaType", "content-media-type", "a/b", "a/c"),
            ("contentEncoding", "content-encoding", "base64", "base32"),
            ("not", "not", {"const": 1}, {"const": 2}),
            ("multipleOf", "multiple-of", 2, 3),
            ("uniqueItems", "unique-items", True, "yes"),
            ("dependentRequired", "dependent-required", {"a": ["b"]}, {"a": ["c"]}),
            ("dependentSchemas", "dependent-schemas", {"a": False}, {"b": False}),
            ("patternProperties", "pattern-properties", {"^a": False}, {"^b": False}),
            ("prefixItems", "prefix-items", [{"const": 1}], [{"const": 2}]),
            ("contains", "contains", {"const": 1}, {"const": 2}),
        )
    ),
]


def document(operation: Json | None = None, **more: Any) -> Json:
    raw = {"operationId": "send", "responses": {"204": {"description": "Done."}}, **(operation or {})}
    info = {"title": "T", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": {"/a/{id}": {"post": raw}}, **more}


def request(schema: Any) -> Json:
    return document({"requestBody": {"content": {"application/json": {"schema": schema}}}})


def response(schema: Any) -> Json:
    return document({"responses": {"200": {"content": {"application/json": {"schema": schema}}}}})


def kinds(old: Json, new: Json) -> set[str]:
    return {change.kind for change in changes(old, new)}


@pytest.mark.parametrize("case", SCHEMAS, ids=[case[0] for case in SCHEMAS])
def test_a_narrower_schema_breaks_who_sends_and_a_wider_one_is_told_to_who_reads(case: Any) -> None:
    _, wide, narrow, down, up = case
    assert kinds(request(wide), request(narrow)) == {f"request-{down}"}
    assert kinds(request(narrow), request(wide)) - {"request-alternative-overlap"} == {f"request-{up}"}
    assert kinds(response(wide), response(narrow)) == {f"response-{down}"}
    assert kinds(response(narrow), response(wide)) == {f"response-{up}"}
    assert KINDS[f"request-{down}"] == "breaking"
    assert KINDS[f"request-{up}"] == KINDS[f"response-{down}"] == "other"
    assert KINDS[f"response-{up}"] in ("breaking", "warning") or up == "other-fields-accepted"


@pytest.mark.parametrize("case", EITHER_WAY, ids=[case[0] for case in EITHER_WAY])
def test_what_is_neither_narrower_nor_wider_is_no_silence(case: Any) -> None:
    _, one, two, kind = case
    for put, side in ((request, "request"), (response, "response")):
        assert kinds(put(one), put(two)) == kinds(put(two), put(one)) == {f"{side}-{kind}"}
        assert KINDS[f"{side}-{kind}"] in ("breaking", "warning")


A_FIELD = {"properties": {"a": {"type": "string"}}}
CLOSED = {"additionalProperties": False}
NEEDED = {**A_FIELD, "required": ["a"]}
TEXT = {"schema": {"type": "string"}}
SECURED = {
    "components": {
        "securitySchemes": {
            "app": {"type": "apiKey", "in": "header", "name": "A"},
            "user": {"type": "http", "scheme": "bearer"},
        }
    }
}


def _query(**more: Any) -> Json:
    return document({"parameters": [{"in": "query", "name": "q", **TEXT, **more}]})


def _answer(**more: Any) -> Json:
    return document({"responses": {"200": {"description": "Done.", **more}}})


def _header(**more: Any) -> Json:
    return _answer(headers={"X-A": {**TEXT, **more}})


def _body(**more: Any) -> Json:
    return document({"requestBody": {"content": {"application/json": {}}, **more}})


def _types(*names: str) -> Json:
    return {"content": {name: {} for name in names}}


def _webhook(**more: Any) -> Json:
    hook = {"operationId": "onSent", "responses": {"200": {"description": "Taken."}}, **more}
    return document(webhooks={"sent": {"post": hook}})


def _path(path: str, **more: Any) -> Json:
    return {**document(), "paths": {path: document()["paths"]["/a/{id}"], **more}}


def _received(schema: Any) -> Json:
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


AND_BACK: list[tuple[str, Json, Json, set[str], set[str]]] = [  # name, old, new, kinds, kinds the other way
    ("request field", request({}), request(A_FIELD), {"request-field-added"}, {"request-field-undeclared"}),
    (
        "closed field",
        request(CLOSED),
        request({**A_FIELD, **CLOSED}),
        {"request-field-added"},
        {"request-optional-field-removed"},
    ),
    (
        "needed field",
        request(CLOSED),
        request({**NEEDED, **CLOSED}),
        {"request-field-added", "request-field-now-required"},
        {"request-field-removed"},
    ),
    (
        "response field",
        response({}),
        response(A_FIELD),
        {"response-field-added"},
        {"response-optional-field-removed"},
    ),
    (
        "certain field",
        response({}),
        response(NEEDED),
        {"response-field-added", "response-field-now-required"},
        {"response-field-removed"},
    ),
    ("request schema", _body(), request({}), {"request-schema-added"}, {"request-schema-removed"}),
    (
        "response schema",
        _answer(**_types("application/json")),
        _answer(content={"application/json": TEXT}),
        {"response-schema-added"},
        {"response-schema-removed"},
    ),
    ("body", document(), _body(), {"request-body-added"}, {"request-body-removed"}),
    ("needed body", document(), _body(required=True), {"request-required-body-added"}, {"request-body-removed"}),
    ("body needed", _body(), _body(required=True), {"request-body-now-required"}, {"request-body-now-optional"}),
    (
        "body limit",
        document(),
        document({"x-body-limit": 9}),
        {"request-body-limit-lowered"},
        {"request-body-limit-raised"},
    ),
    (
        "request media",
        document({"requestBody": _types("a/b")}),
        document({"requestBody": _types("a/b", "a/c")}),
        {"request-media-type-added"},
        {"request-media-type-removed"},
    ),
    (
        "response media",
        _answer(**_types("a/b")),
        _answer(**_types("a/b", "a/c")),
        {"response-media-type-added"},
        {"response-media-type-removed"},
    ),
    ("parameter", document(), _query(), {"request-parameter-added"}, {"request-parameter-removed"}),
    (
        "needed parameter",
        document(),
        _query(required=True),
        {"request-required-parameter-added"},
        {"request-parameter-removed"},
    ),
    (
        "parameter needed",
        _query(),
        _query(required=True),
        {"request-parameter-now-required"},
        {"request-parameter-now-optional"},
    ),
    (
        "parameter's values",
        _query(),
        _query(schema={"type": "string", "maxLength": 3}),
        {"request-max-length-added"},
        {"request-max-length-removed"},
    ),
    ("header", _answer(headers={}), _header(), {"response-header-added"}, {"response-header-removed"}),
    (
        "certain header",
        _answer(headers={}),
        _header(required=True),
        {"response-header-added"},
        {"response-required-header-removed"},
    ),
    (
        "header certain",
        _header(),
        _header(required=True),
        {"response-header-now-required"},
        {"response-header-now-optional"},
    ),
    ("success", document({"responses": {}}), _answer(), {"response-success-added"}, {"response-success-removed"}),
    (
        "status",
        document(),
        document({"responses": {"204": {"description": "Done."}, "404": {"description": "No."}}}),
        {"response-status-added"},
        {"response-status-removed"},
    ),
    (
        "links",
        _answer(links={}),
        _answer(links={"next": {"operationId": "send"}}),
        {"link-added"},
        {"link-removed"},
    ),
    (
        "link",
        _answer(links={"next": {"operationId": "send"}}),
        _answer(links={"next": {"operationId": "take"}}),
        {"link-changed"},
        {"link-changed"},
    ),
    (
        "operation",
        document(),
        _path("/a/{id}", **{"/b": {"get": {"operationId": "get", "responses": {}}}}),
        {"operation-added"},
        {"operation-removed"},
    ),
    (
        "method",
        _path("/a/{id}"),
        {**document(), "paths": {"/a/{id}": {**document()["paths"]["/a/{id}"], "get": {"operationId": "get"}}}},
        {"operation-added"},
        {"operation-removed"},
    ),
    ("address", _path("/a/{id}"), _path("/b/{id}"), {"operation-moved"}, {"operation-moved"}),
    ("name", document(), document({"operationId": "sendIt"}), {"operation-id-changed"}, {"operation-id-changed"}),
    (
        "path parameter",
        _path("/a/{id}"),
        _path("/a/{key}"),
        {"path-parameter-renamed"},
        {"path-parameter-renamed"},
    ),
    (
        "alias",
        {**document(), "paths": {"/a/{id}": {**document()["paths"]["/a/{id}"], "x-aliases": ["/b"]}}},
        {**document(), "paths": {"/a/{id}": {**document()["paths"]["/a/{id}"], "x-aliases": ["/b", "/c"]}}},
        {"alias-added"},
        {"alias-removed"},
    ),
    ("webhook", document(webhooks={}), _webhook(), {"webhook-added"}, {"webhook-removed"}),
    (
        "webhook's name",
        document(webhooks={"a": {"post": {"operationId": "on"}}}),
        document(webhooks={"b": {"post": {"operationId": "on"}}}),
        {"webhook-moved"},
        {"webhook-moved"},
    ),
    (
        "webhook's body",
        _webhook(**_received({"type": "string"})),
        _webhook(**_received({"type": ["string", "null"]})),
        {"response-null-accepted"},
        {"response-null-refused"},
    ),
    (
        "answer to a webhook",
        _webhook(),
        _webhook(responses={"200": {}, "202": {}}),
        {"request-success-added", "wording-changed"},
        {"request-success-removed", "wording-changed"},
    ),
    (
        "event",
        _webhook(**{"x-event-type": "a"}),
        _webhook(**{"x-event-type": "b"}),
        {"event-type-changed"},
        {"event-type-changed"},
    ),
    (
        "claims",
        _webhook(**{"x-envelope": {"type": "string"}}),
        _webhook(**{"x-envelope": {"type": ["string", "null"]}}),
        {"response-null-accepted"},
        {"response-null-refused"},
    ),
    (
        "query schema",
        document({"x-query-schema": {"type": ["string", "null"]}}),
        document({"x-query-schema": {"type": "string"}}),
        {"request-null-refused"},
        {"request-null-accepted"},
    ),
    (
        "item schema",
        document({"x-item-schema": {"pointer": "/info", **TEXT}}),
        document({"x-item-schema": {"pointer": "/info", "schema": {"type": ["string", "null"]}}}),
        {"request-null-accepted"},
        {"request-null-refused"},
    ),
    (
        "first security",
        document({}, **SECURED),
        document({"security": [{"app": []}]}, **SECURED),
        {"security-added"},
        {"security-removed"},
    ),
    (
        "security for all",
        document({}, **SECURED),
        document({}, security=[{"app": []}], **SECURED),
        {"security-added"},
        {"security-removed"},
    ),
    (
        "another way",
        document({"security": [{"app": []}]}, **SECURED),
        document({"security": [{"app": []}, {"user": []}]}, **SECURED),
        {"security-alternative-added"},
        {"security-alternative-removed"},
    ),
    (
        "scope",
        document({"security": [{"app": []}]}, **SECURED),
        document({"security": [{"app": ["s"]}]}, **SECURED),
        {"security-alternative-removed"},
        {"security-alternative-added"},
    ),
    (
        "scheme",
        document({"security": [{"app": []}]}, **SECURED),
        document(
            {"security": [{"app": []}]},
            components={
                "securitySchemes": {
                    **SECURED["components"]["securitySchemes"],
                    "app": {"type": "apiKey", "in": "header", "name": "B"},
                }
            },
        ),
        {"security-scheme-changed"},
        {"security-scheme-changed"},
    ),
    (
        "server",
        document(servers=[]),
        document(servers=[{"url": "https://a.example"}]),
        {"server-added"},
        {"server-removed"},
    ),
    (
        "side effects",
        document({"x-side-effects": "none"}),
        document({"x-side-effects": "irreversible"}),
        {"side-effects-changed"},
        {"side-effects-changed"},
    ),
    ("default", request({"default": 1}), request({"default": 2}), {"default-changed"}, {"default-changed"}),
    ("deprecated", document(), document({"deprecated": True}), {"deprecation-changed"}, {"deprecation-changed"}),
    ("words", document({"summary": "A"}), document({"summary": "B"}), {"wording-changed"}, {"wording-changed"}),
    ("example", request({"examples": [1]}), request({"examples": [2]}), {"example-changed"}, {"example-changed"}),
    (
        "extension",
        request({"x-rule": "a"}),
        request({"x-rule": "b"}),
        {"extension-changed"},
        {"extension-changed"},
    ),
    (
        "order",
        request({"required": ["a", "b"]}),
        request({"required": ["b", "a"]}),
        {"order-changed"},
        {"order-changed"},
    ),
    ("one value", request({"const": 1}), request({"enum": [1]}), {"rewritten"}, {"rewritten"}),
    (
        "unknown keyword",
        request({"colour": 1}),
        request({"colour": 2}),
        {"changed-not-judged"},
        {"changed-not-judged"},
    ),
    (
        "callbacks",
        document({"callbacks": {}}),
        document({"callbacks": {"a": {}}}),
        {"changed-not-judged"},
        {"changed-not-judged"},
    ),
    ("way to write a parameter", _query(), _query(style="form"), {"changed-not-judged"}, {"changed-not-judged"}),
    (
        "component",
        document(components={"schemas": {}}),
        document(components={"schemas": {"A": {}}}),
        {"component-added"},
        {"component-removed"},
    ),
    (
        "exclusive",
        request({"oneOf": [{"title": "a", "maxLength": 3}, {"const": 1}]}),
        request({"oneOf": [{"title": "a", "maxLength": 9}, {"const": 1}]}),
        {"request-max-length-raised", "request-alternative-overlap"},
        {"request-max-length-lowered", "request-alternative-overlap"},
    ),
]


@pytest.mark.parametrize("case", AND_BACK, ids=[case[0] for case in AND_BACK])
def test_a_change_is_told_by_its_kind_in_both_directions(case: Any) -> None:
    _, old, new, there, back = case
    assert kinds(old, new) == there
    assert kinds(new, old) == back
    assert kinds(old, copy.deepcopy(old)) == kinds(new, copy.deepcopy(new)) == set()


def test_every_kind_is_told_by_a_pair_of_documents() -> None:
    pairs = [(case[1], case[2]) for case in AND_BACK]
    pairs += [(put(case[1]), put(case[2])) for case in [*SCHEMAS, *EITHER_WAY] for put in (request, response)]
    pairs += [
        (
            _webhook(parameters=[{"in": "header", "name": "X-A", **TEXT}]),
            _webhook(parameters=[{"in": "header", "name": "x-a", "required": True, **TEXT}]),
        ),
    ]
    told = {kind for old, new in pairs for kind in (*kinds(old, new), *kinds(new, old))}
    untold = set(KINDS) - told
    assert {kind for kind in untold if kind.partition("-")[2] not in OF_ONE_SIDE} == set()


# What the other side of a message has only in webhooks.
OF_ONE_SIDE = frozenset(
    """body-added required-body-added body-removed body-now-required body-now-optional body-limit-lowered
    body-limit-raised media-type-added media-type-removed parameter-added parameter-removed header-added
    required-parameter-added header-removed required-header-removed header-now-required header-now-optional
    status-added status-removed schema-added schema-removed field-undeclared alternative-overlap""".split()
)


def test_a_change_says_what_happened_for_whom_it_breaks_and_what_to_do() -> None:
    (change,) = changes(request({"enum": ["A", "B"]}), request({"enum": ["A"]}))
    place = "/paths/~1a~1{id}/post/requestBody/content/application~1json/schema/enum/1"
    assert (change.where, change.old, change.new) == (("send",), place, None)
    assert change.words == (
        'The request\'s body no longer has the value "B". Callers that still do it the old way are refused: '
        "let both ways stand, or tell them first."
    )


def test_a_schema_that_is_written_another_way_breaks_nobody() -> None:
    inline = request({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}})
    by_name = request({"allOf": [{"type": "object"}, {"$ref": "#/components/schemas/A"}]})
    by_name["components"] = {"schemas": {"A": {"properties": {"a": {"$ref": "#/components/schemas/B"}}}, "B": {}}}
    by_name["components"]["schemas"]["B"] = {"type": "string", "maxLength": 3}
    assert kinds(inline, by_name) == {"rewritten", "component-added"}
    assert kinds(by_name, inline) == {"rewritten", "component-removed"}


def test_one_change_of_a_shared_schema_names_every_operation_once() -> None:
    def shared(limit: int) -> Json:
        body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
        put, post = ({"operationId": name, "requestBody": body} for name in ("replace", "send"))
        schemas = {"A": {"maxLength": limit, "properties": {"a": {"$ref": "#/components/schemas/A"}}}}
        return {
            "openapi": "3.1.0",
            "paths": {"/a": {"put": put, "post": post}},
            "components": {"schemas": schemas},
        }

    (change,) = changes(shared(9), shared(3))
    assert (change.kind, change.where) == ("request-max-length-lowered", ("replace", "send"))
    assert change.new == "/components/schemas/A/maxLength"


@pytest.mark.parametrize("junk", [None, [], "text", {}, {"paths": {}}, {"swagger": "2.0"}])
def test_what_is_no_openapi_document_is_refused_with_what_to_give(junk: Any) -> None:
    with pytest.raises(BadDocument, match=r"new contract is no OpenAPI document.*Give an OpenAPI 3\.1 document"):
        changes(document(), junk)
    with pytest.raises(BadDocument, match="old contract"):
        changes(junk, document())


def test_a_reference_out_of_the_document_is_not_followed_and_not_passed_over() -> None:
    old, new = (request({"$ref": f"https://example.com/{name}.json"}) for name in "ab")
    assert kinds(old, new) == {"changed-not-judged"}
