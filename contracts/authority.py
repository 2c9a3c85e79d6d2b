"""Ask openapi-core why a message breaks the contract. The only file that imports it.

openapi-core decides what the reasons are; the places where it looks away are closed around it: bodies are
parsed by `bodies.py`, unknown query parameters and read-only fields are schemas of their own, references were
checked by `document.py`, and a final `$` of a pattern becomes `\\Z`, since Python's `$` lets a newline through.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from jsonschema.validators import extend  # type: ignore[import-untyped]  # its stubs are a package apart
from jsonschema_path import SchemaPath
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.deserializing.styles.exceptions import EmptyQueryParameterValue
from openapi_core.validation.request.exceptions import MissingParameterError
from openapi_core.validation.request.validators import V31RequestParametersValidator
from openapi_core.validation.schemas import oas31_schema_validators_factory
from openapi_core.validation.schemas.factories import DialectSchemaValidatorsFactory
from werkzeug.datastructures import Headers, ImmutableMultiDict

from wixture.contracts.document import Contract, Operation, Parameter, default_rule, schemas_of
from wixture.contracts.pointers import follow, landing, resolve, split
from wixture.contracts.violations import SchemaError, form_of

HOST = "https://www.wixapis.com"
MOST_ERRORS = 100
"""How many errors of one message are looked for: enough to mend it, and hostile ones stay cheap."""

Accepts = Callable[[str, Any], bool]
"""Whether a value keeps the schema at a pointer."""

_SHORT = 100


def _always(_: object) -> bool:
    return True


# In our contracts a pattern stands beside every format and decides, so that both engines agree.
_FORMATS: dict[str, Callable[[object], bool]] = dict.fromkeys(
    ("date-time", "date", "email", "uuid", "uri", "int32", "int64"), _always
)


class _PatientWithLists(DialectSchemaValidatorsFactory):
    """Validators that do not look for errors where a long list has none: elements can be a million."""

    def __init__(self, accepts: Accepts) -> None:
        usual = oas31_schema_validators_factory
        super().__init__(usual.schema_validator_cls, usual.default_jsonschema_dialect_id)
        self._accepts = accepts

    def get_validator_cls(self, spec: SchemaPath, schema: SchemaPath) -> Any:
        usual = super().get_validator_cls(spec, schema)
        return extend(usual, {"items": partial(self._items, usual.VALIDATORS["items"])})

    def _items(self, usual: Any, validator: Any, items: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if not isinstance(instance, list) or len(instance) <= _SHORT:
            yield from usual(validator, items, instance, schema)
        elif len(instance) <= schema.get("maxItems", len(instance)):  # of a longer one, that is told alone
            pointer = items.get("$ref", "").removeprefix("#")
            for index, element in enumerate(instance):
                if not (pointer and self._accepts(pointer, element)):
                    yield from validator.descend(instance=element, schema=items, path=index)


@dataclass(slots=True)
class _Request:
    """A request as openapi-core reads it; `path` is a stand-in, for the operation is known already."""

    method: str
    path: str
    path_pattern: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str
    host_url: str = HOST


@dataclass(slots=True)
class _Response:
    status_code: int
    data: bytes
    content_type: str
    headers: Headers


def _request(operation: Operation, path: Mapping[str, str], query: Mapping[str, str]) -> _Request:
    parameters = RequestParameters(
        query=ImmutableMultiDict(query), header=Headers(), cookie=ImmutableMultiDict(), path=dict(path)
    )
    method = operation.method.lower()
    return _Request(method, operation.path, operation.path, parameters, None, "application/json")


class Authority:
    """openapi-core over one contract. Building it costs 100 ms, most of it the import of this module."""

    def __init__(self, contract: Contract, accepts: Accepts) -> None:
        """`accepts` judges elements of long lists at once, and only the bad ones are asked about."""
        self._document = contract.document
        self._factory = _PatientWithLists(accepts)
        adapted = copy.deepcopy(contract.document)
        _end_patterns_strictly(adapted)
        _drop_security(adapted)
        adapted["servers"] = [{"url": HOST}]
        config = Config(spec_validator_cls=None, extra_format_validators=_FORMATS)
        self._api = OpenAPI.from_dict(adapted, config=config)
        self._spec = SchemaPath.from_dict(adapted)
        self._parameters = V31RequestParametersValidator(self._spec, extra_format_validators=_FORMATS)
        self._validators: dict[str, Any] = {}
        self._places: dict[tuple[Any, ...], tuple[str, str]] = {}

    def request_errors(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: Any, *, has_body: bool
    ) -> Iterator[tuple[str, SchemaError]]:
        """What is wrong with a request: pairs of the part (`body`, `query`, `path`) and the error."""
        for error in self._parameters.iter_errors(_request(operation, path, query)):
            named = (getattr(error, "name", None), getattr(error, "location", None))
            declared = ((found, (found.name, found.where)) for found in operation.parameters)
            parameter = next((found for found, its_name in declared if its_name == named), None)
            if parameter is None:
                raise error  # it could not judge the request at all
            yield from ((parameter.where, found) for found in self._parameter_error(parameter, error))
        if has_body and operation.body:  # one by one, for a hostile body can have a hundred thousand
            yield from (("body", found) for found in self.value_errors(operation.body, body))

    def _parameter_error(self, parameter: Parameter, error: Exception) -> Iterator[SchemaError]:
        start, path = parameter.schema, (parameter.name,)
        causes = getattr(error.__cause__, "schema_errors", None)
        if causes:
            yield from self._schema_errors(start, causes, path)
        elif isinstance(error, MissingParameterError):
            yield SchemaError((), "required", start, None, None, path, _rule(self._document, start))
        elif isinstance(error.__cause__, EmptyQueryParameterValue):
            # Refused before any schema; to the contract an empty text is a text like others.
            yield from (replace(found, path=path) for found in self.value_errors(start, ""))
        else:
            raise error  # it could not judge the request at all

    def response_errors(self, operation: Operation, status: int, body: bytes) -> Iterator[SchemaError]:
        """What is wrong with a JSON answer of an operation."""
        request = _request(operation, {}, {})
        response = _Response(status, body, "application/json", Headers({"X-Wix-Request-Id": "checked"}))
        start = operation.responses.get(status) or operation.pointer
        for error in self._api.iter_response_errors(request, response):
            causes = getattr(error.__cause__, "schema_errors", None)
            if not causes:
                yield SchemaError((), "status", start, None, None, (type(error).__name__,))
            else:
                yield from self._schema_errors(start, causes, ())

    def value_errors(self, pointer: str, value: Any) -> Iterator[SchemaError]:
        """What is wrong with a value, by the schema at `pointer`."""
        errors = self._validator(pointer).iter_errors(value)
        yield from self._schema_errors(pointer, islice(errors, MOST_ERRORS), ())

    def _validator(self, pointer: str) -> Any:
        if pointer not in self._validators:
            schema = self._spec
            for step in split(landing(self._document, pointer)):
                schema = schema / (int(step) if step.isdigit() and isinstance(schema.read_value(), list) else step)
            made = self._factory.create(self._spec, schema, extra_format_validators=_FORMATS)
            self._validators[pointer] = made.validator
        return self._validators[pointer]

    def _schema_errors(self, start: str, errors: Iterable[Any], prefix: Sequence[str]) -> Iterator[SchemaError]:
        for error in errors:
            pointer, rule = self._place(start, tuple(error.absolute_schema_path))
            names, expected = self._names(pointer, error)
            if names is not None and not names:
                continue  # only names that a failing subschema declares: that failure is told by itself
            yield SchemaError(
                path=(*prefix, *error.absolute_path),
                keyword=error.validator,
                pointer=pointer,
                expected=expected,
                value=error.instance,
                names=names or (),
                rule=rule,
                form=self._form(pointer, error.validator),
            )

    def _place(self, start: str, path: tuple[Any, ...]) -> tuple[str, str]:
        """The canonical pointer of a schema path, and the rule that stands there."""
        key = (start, path)
        if key not in self._places:
            pointer = follow(self._document, start, path)
            self._places[key] = pointer, _rule(self._document, pointer)
        return self._places[key]

    def _form(self, pointer: str, keyword: str) -> str:
        """What a text has to be whose form is wrong; empty for every other error."""
        if keyword != "pattern":
            return ""
        return form_of(resolve(self._document, pointer.rpartition("/")[0]))

    def _names(self, pointer: str, error: Any) -> tuple[Sequence[str] | None, Any]:
        if error.validator == "required":
            return [name for name in error.validator_value if name not in error.instance], error.validator_value
        if error.validator in ("unevaluatedProperties", "additionalProperties"):
            schema = pointer.rpartition("/")[0]
            declared = dict(_declared(self._document, schema))
            unknown = list(islice((name for name in error.instance if name not in declared), MOST_ERRORS))
            return unknown, list(_with_inner_names(self._document, declared)) if unknown else ()
        return None, error.validator_value


def _declared(document: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield from _declared_by(document, resolve(document, landing(document, pointer)))


def _declared_by(document: Any, schema: Any) -> Iterator[tuple[str, Any]]:
    stack = [schema]
    while stack:
        node = stack.pop()
        if not isinstance(node, dict):
            continue
        if "$ref" in node:
            stack.append(resolve(document, node["$ref"][1:]))
        yield from node.get("properties", {}).items()
        stack.extend(node[part] for part in ("if", "then", "else") if part in node)
        for part in ("allOf", "anyOf", "oneOf"):
            stack.extend(node.get(part, ()))


def _with_inner_names(document: Any, declared: Mapping[str, Any]) -> Iterator[str]:
    """The declared names, then those one level deeper as paths: a lost wrapper is the commonest mistake."""
    yield from sorted(declared)
    for name, schema in declared.items():
        yield from (f"{name}.{inner}" for inner, _ in _declared_by(document, schema))


def _rule(document: Any, pointer: str) -> str:
    here = pointer.rpartition("/")[0]
    while here.count("/") >= 3:
        node = resolve(document, here)
        if isinstance(node, dict) and isinstance(node.get("x-rule"), str):
            return str(node["x-rule"])
        here = here.rpartition("/")[0]
    return default_rule(document)


def _end_patterns_strictly(document: dict[str, Any]) -> None:
    for _, schema in schemas_of(document):
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and pattern.endswith("$") and not pattern.endswith(r"\$"):
            schema["pattern"] = pattern[:-1] + r"\Z"


def _drop_security(document: dict[str, Any]) -> None:
    """Who calls is judged before a message is, and by more than whether a header is there."""
    document.pop("security", None)
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
