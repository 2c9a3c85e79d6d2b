"""A violation: where a message breaks the contract, how, by which rule, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from difflib import get_close_matches
from typing import Any

from wixture.contracts.pointers import join
from wixture.contracts.rulebook import rules

Step = str | int
SHOWN = 60
MOST_KNOWN = 12


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach.

    `field` is the REST path that the SDK understands (`info[0].state`), `pointer` the JSON pointer into the
    part named by `where` (body, query, path, response), `spec_pointer` the place in the contract. `violated_rule`
    is the vendor's word for the kind, `rule` the ID in spec/rules.yaml.
    """

    field: str
    pointer: str
    where: str
    spec_pointer: str
    violated_rule: str
    rule: str
    problem: str
    closest: str | None = None
    data: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @property
    def description(self) -> str:
        """The breach in words: what is wrong, the nearest right form, the rule and its evidence."""
        hint = f" Closest: {self.closest}." if self.closest else ""
        return f"{self.problem}.{hint} {rules()[self.rule].cited}"


@dataclass(frozen=True, slots=True)
class SchemaError:
    """What an engine found, in its neutral form: `value` at `path` fails `keyword` of the schema at `pointer`.

    `form` is what the schema asks a text to be, as `form_of` says it.
    """

    path: tuple[Step, ...]
    keyword: str
    pointer: str
    expected: Any
    value: Any
    names: Sequence[str] = ()
    rule: str = "contract-keyword"
    form: str = ""


def field_path(steps: Iterable[Step]) -> str:
    """The REST path of some steps: `["info", 0, "state"]` is `info[0].state`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN]}"
    return text.removeprefix(".") or "body"


def shown(value: Any) -> str:
    """A value as an error text may repeat it: short, on one line."""
    text = repr(value) if isinstance(value, str) else _JSON_TYPES.get(type(value), "a value")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` was probably meant to be: the same letters, its last step, or nearly."""
    known = list(candidates)
    for key, wanted in ((_plain, _plain(name)), (_last_step, _plain(name)), (_plain, _last_step(name))):
        alike = {key(candidate): candidate for candidate in reversed(known)}
        if wanted in alike:
            return alike[wanted]
    longer = [candidate for candidate in known if candidate.startswith(f"{name}.")]
    if longer:
        return longer[0]
    found = get_close_matches(name[:128], known, n=1, cutoff=0.6)
    return found[0] if found else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _last_step(name: str) -> str:
    return _plain(name.rpartition(".")[2])


_JSON_TYPES = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number"}
_JSON_TYPES |= {float: "a number", type(None): "null"}
_TYPE_WORDS = {"object": "an object", "array": "a list", "string": "a text", "boolean": "a boolean"}
_TYPE_WORDS |= {"integer": "a whole number", "number": "a number", "null": "null"}

_FORMATS = {"uuid": "a GUID", "date-time": "an instant", "email": "an email address", "uri": "a web address"}


def form_of(schema: Mapping[str, Any]) -> str:
    """What a text that keeps a schema has to be, by its format and first example; empty without an example."""
    if not schema.get("examples"):
        return ""
    example = schema["examples"][0]
    named = _FORMATS.get(schema.get("format", ""))
    return f"be {named} such as {example}" if named else f"look like {example}"


def from_schema_error(error: SchemaError, *, where: str) -> list[Violation]:
    """The violations that one schema error stands for: one for each missing or unknown name."""
    tell = _TELLERS.get(error.keyword, _other)
    return list(tell(error, where))


def _violation(error: SchemaError, where: str, kind: str, problem: str, **more: Any) -> Violation:
    name = more.pop("name", None)
    path = error.path if name is None else (*error.path, name)
    return Violation(
        field=field_path(path),
        pointer=join(*(step if isinstance(step, int) else step[:SHOWN] for step in path)),
        where=where,
        spec_pointer=error.pointer,
        violated_rule=kind,
        rule=more.pop("rule", error.rule),
        problem=problem,
        **more,
    )


def _required(error: SchemaError, where: str) -> Iterable[Violation]:
    for name in error.names:
        yield _violation(error, where, "REQUIRED_FIELD", "must not be empty", name=name)


def _unknown(error: SchemaError, where: str) -> Iterable[Violation]:
    for name in error.names:
        closest = nearest(name, error.expected)
        problem = f"is no {_kind_of(name, where)} here"
        own = [known for known in error.expected if "." not in known or known.startswith("details.")]
        if closest is None and 0 < len(own) <= MOST_KNOWN:
            problem += f"; known here: {', '.join(own)}"
        data = {"ruleName": "UNKNOWN_FIELD"}
        rule = _rule_of_unknown(error, where)
        yield _violation(error, where, "CUSTOM", problem, name=name, rule=rule, closest=closest, data=data)


def _kind_of(name: str, where: str) -> str:
    if where == "query":
        return "query parameter"
    return "operator" if name.startswith("$") else "field"


def _rule_of_unknown(error: SchemaError, where: str) -> str:
    if error.rule == "control-contract":
        return error.rule
    if where == "query":
        return "unknown-query-parameter"
    return error.rule if error.rule.startswith("query-") else "unknown-field"


def _type(error: SchemaError, where: str) -> Iterable[Violation]:
    wanted = [error.expected] if isinstance(error.expected, str) else list(error.expected)
    if wanted == ["null"]:
        yield _violation(error, where, "CUSTOM", "must be absent", data={"ruleName": "ONE_IDENTIFIER"})
    elif error.value is None:
        yield _violation(error, where, "REQUIRED_FIELD", "must not be empty")
    else:
        words = " or ".join(_TYPE_WORDS[name] for name in wanted if name != "null" or len(wanted) == 1)
        problem = f"must be {words}, and is {_JSON_TYPES.get(type(error.value), 'something else')}"
        yield _violation(error, where, "FORMAT", problem, data={"type": wanted[0].upper()})


def _enum(error: SchemaError, where: str) -> Iterable[Violation]:
    members = [member for member in error.expected if isinstance(member, str)]
    closest = nearest(error.value, members) if isinstance(error.value, str) else None
    allowed = ", ".join(
        member if isinstance(member, str) else shown(member) for member in error.expected if member is not None
    )
    problem = f"must be one of {allowed}, and is {shown(error.value)}"
    yield _violation(error, where, "INVALID_ENUM_VALUE", problem, closest=closest)


def _const(error: SchemaError, where: str) -> Iterable[Violation]:
    problem = f"must be {shown(error.expected)}, and is {shown(error.value)}"
    yield _violation(error, where, "INVALID_ENUM_VALUE", problem)


def _form(error: SchemaError, where: str) -> Iterable[Violation]:
    closest = None
    if where == "query" and isinstance(error.value, str) and error.value.startswith(" "):
        closest = f"%2B{error.value[1:SHOWN]}, for a plus sign in a query string means a blank"
    problem = f"must {error.form}, and is" if error.form else "has the wrong form:"
    yield _violation(error, where, "FORMAT", f"{problem} {shown(error.value)}", closest=closest)


def _absent(error: SchemaError, where: str) -> Iterable[Violation]:
    yield _violation(error, where, "CUSTOM", "must be absent", data={"ruleName": "ONE_IDENTIFIER"})


def _other(error: SchemaError, where: str) -> Iterable[Violation]:
    problem = f"fits none of the forms that the contract allows: {shown(error.value)}"
    yield _violation(error, where, "OTHER", problem, data={"ruleName": error.keyword.upper()})


def _bound(kind: str, words: str) -> Callable[[SchemaError, str], Iterable[Violation]]:
    def tell(error: SchemaError, where: str) -> Iterable[Violation]:
        data = {"threshold": error.expected}
        yield _violation(error, where, kind, words.format(limit=error.expected), data=data)

    return tell


_TELLERS: dict[str, Callable[[SchemaError, str], Iterable[Violation]]] = {
    "required": _required,
    "unevaluatedProperties": _unknown,
    "additionalProperties": _unknown,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _form,
    "format": _form,
    "not": _absent,
    "minimum": _bound("MIN", "must be at least {limit}"),
    "maximum": _bound("MAX", "must be at most {limit}"),
    "minLength": _bound("MIN_LENGTH", "must not be shorter than {limit}"),
    "maxLength": _bound("MAX_LENGTH", "must not be longer than {limit} characters"),
    "minItems": _bound("MIN_SIZE", "must not have fewer elements than {limit}"),
    "maxItems": _bound("MAX_SIZE", "must not have more elements than {limit}"),
    "minProperties": _bound("MIN_SIZE", "must not have fewer fields than {limit}"),
    "maxProperties": _bound("MAX_SIZE", "must not have more fields than {limit}"),
}
