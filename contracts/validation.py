"""Does a message keep the contract? Fast when it does, exact when it does not.

Every schema is compiled once with jsonschema-rs, which accepts a good message in microseconds. What it refuses
goes to openapi-core for the reasons (`authority.py`), loaded only then. A parity test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson

from wixture.contracts.document import SPEC_FOLDER, Contract, Operation, default_rule, schemas_of
from wixture.contracts.pointers import join, resolve, split
from wixture.contracts.violations import SchemaError, Violation, field_path, from_schema_error

if TYPE_CHECKING:
    from wixture.contracts.authority import Authority

_URN = "urn:contract"
MOST_EXPLAINED = 20
ABSENT: Any = object()
"""Stands for a request without a body."""


class Validation:
    """The compiled schemas of one contract. Safe to share between threads once built."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._registry = jsonschema_rs.Registry([(_URN, contract.document)])
        self._compiled: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._queries = {op.operation_id: self._query_schema(op) for op in contract.operations.values()}
        for operation in contract.operations.values():
            self._compile_operation(operation)
        self._takes_no_query = {name for name, query in self._queries.items() if query.is_valid({})}
        self._paths = {op.operation_id: self._path_validators(op) for op in contract.operations.values()}

    def _compile_operation(self, operation: Operation) -> None:
        pointers = [operation.body, *operation.responses.values()]
        pointers += [parameter.schema for parameter in operation.parameters]
        for pointer in pointers:
            if pointer:
                self._validator(pointer)

    def _validator(self, pointer: str) -> jsonschema_rs.Draft202012Validator:
        if pointer not in self._compiled:
            self._compiled[pointer] = self._compile({"$ref": f"{_URN}#{_fragment(pointer)}"})
        return self._compiled[pointer]

    def _compile(self, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        options = jsonschema_rs.RegexOptions()  # the linear engine
        return jsonschema_rs.Draft202012Validator(schema, registry=self._registry, pattern_options=options)

    def _query_schema(self, operation: Operation) -> jsonschema_rs.Draft202012Validator:
        if operation.query_schema:
            return self._validator(operation.query_schema)
        declared = [found for found in operation.parameters if found.where == "query"]
        return self._compile(
            {
                "properties": {item.name: {"$ref": f"{_URN}#{_fragment(item.schema)}"} for item in declared},
                "required": [item.name for item in declared if item.required],
                "additionalProperties": False,
            }
        )

    def accepts_request(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: Any = ABSENT
    ) -> bool:
        """Whether a request keeps the contract. `body` is the parsed JSON, or ABSENT."""
        if operation.body is not None and (body is ABSENT or not self._compiled[operation.body].is_valid(body)):
            return False
        for name, validator in self._paths[operation.operation_id] if path else ():
            if not validator.is_valid(path[name]):
                return False
        if not query:
            return operation.operation_id in self._takes_no_query
        return self._queries[operation.operation_id].is_valid(query)

    def _path_validators(self, operation: Operation) -> list[tuple[str, jsonschema_rs.Draft202012Validator]]:
        declared = [found for found in operation.parameters if found.where == "path"]
        return [(found.name, self._validator(found.schema)) for found in declared]

    def accepts_response(self, operation: Operation, status: int, body: Any) -> bool:
        """Whether an answer's status is declared and its parsed JSON body keeps that status's schema."""
        pointer = operation.responses.get(status)
        return pointer is not None and self._compiled[pointer].is_valid(body)

    def accepts(self, pointer: str, value: Any) -> bool:
        """Whether a value keeps the schema at `pointer`."""
        return self._validator(pointer).is_valid(value)

    @cached_property
    def authority(self) -> Authority:
        """openapi-core over this contract, imported on first use (about half a second)."""
        from wixture.contracts.authority import Authority

        return Authority(self.contract, self.accepts)

    def request_violations(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: Any = ABSENT
    ) -> list[Violation]:
        """Every violation of a request, empty when it keeps the contract."""
        if operation.body is None:
            body = ABSENT
        found: list[Violation] = []
        if operation.body is not None and body is ABSENT:
            found += from_schema_error(_missing_body(operation), where="body")
        else:
            errors = self.authority.request_errors(operation, path, query, body, has_body=body is not ABSENT)
            found += [item for where, error in errors for item in from_schema_error(error, where=where)]
        found += self._unknown_parameters(operation, query)
        if operation.query_schema and not self.accepts(operation.query_schema, query):
            found += self.violations(operation.query_schema, query, where="query")
        return _distinct(found)

    def _unknown_parameters(self, operation: Operation, query: Mapping[str, str]) -> list[Violation]:
        declared = [found.name for found in operation.parameters if found.where == "query"]
        unknown = [name for name in query if name not in declared]
        pointer = operation.pointer + "/parameters"
        if not unknown:
            return []
        rule = default_rule(self.contract.document)
        error = SchemaError((), "unevaluatedProperties", pointer, declared, query, unknown, rule)
        return from_schema_error(error, where="query")

    def response_violations(self, operation: Operation, status: int, body: Any) -> list[Violation]:
        """Every violation of an answer, empty when it keeps the contract."""
        errors = self.authority.response_errors(operation, status, orjson.dumps(body))
        return _distinct(item for error in errors for item in from_schema_error(error, where="response"))

    def violations(
        self, pointer: str, value: Any, *, where: str = "body", at: tuple[str | int, ...] = ()
    ) -> list[Violation]:
        """Every violation of a value by the schema at `pointer`; `at` is where the value stands in its message."""
        errors = (replace(error, path=(*at, *error.path)) for error in self.authority.value_errors(pointer, value))
        return _distinct(item for error in errors for item in from_schema_error(error, where=where))

    @cached_property
    def rule_places(self) -> Mapping[str, str]:
        """For each rule that a schema names, the pointer of the first one that does."""
        places: dict[str, str] = {}
        for pointer, schema in schemas_of(self.contract.document):
            if "x-rule" in schema:
                places.setdefault(schema["x-rule"], pointer)
        return places

    def item_violations(self, operation: Operation, body: Any) -> dict[int, list[Violation]]:
        """For an operation that judges the elements of a list one by one: the violations of each bad one."""
        if operation.item_schema is None:
            return {}
        at, schema = operation.item_schema
        bad = [(index, item) for index, item in enumerate(resolve(body, at)) if not self.accepts(schema, item)]
        return {
            index: self.violations(schema, item, at=(*split(at), index))
            if turn < MOST_EXPLAINED
            else [_unexplained(schema, (*split(at), index))]
            for turn, (index, item) in enumerate(bad)
        }


@cache
def own_contract(name: str) -> Validation:
    """The validation of one of our own contracts, `openapi` or `control`: read and compiled once a process."""
    return Validation(Contract.load(SPEC_FOLDER / f"{name}.yaml"))


def _unexplained(schema: str, at: tuple[str | int, ...]) -> Violation:
    problem = f"breaks the contract; only the first {MOST_EXPLAINED} bad elements of a call are explained"
    return Violation(field_path(at), join(*at), "body", schema, "OTHER", "bulk-item-error", problem)


def _missing_body(operation: Operation) -> SchemaError:
    pointer = operation.body or operation.pointer
    return SchemaError((), "required", pointer, None, None, ("body",), "json-body")


def _fragment(pointer: str) -> str:
    return pointer.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")


def _distinct(violations: Any) -> list[Violation]:
    """One violation for each field and rule, in the order found: a form's pattern and length are one."""
    found: dict[tuple[str, str, str], Violation] = {}
    for violation in violations:
        key = (violation.where, violation.field, violation.rule)
        if key not in found or violation.violated_rule == "FORMAT":
            found[key] = violation
    return list(found.values())
