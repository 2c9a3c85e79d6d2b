"""Seeded messages for tests and fuzzing: what the contract takes, and the same damaged in one way or another.

`Maker` walks a contract's schemas (`$ref`, `allOf`, `anyOf`, `if`/`then`, enums, patterns, limits, nullable and
optional fields) and makes requests and answers that keep it. `damaged` and `damaged_value` change such a message
the way bugs and attackers do; the result may or may not break the contract. `about` points a request at a stored
entity. Everything follows from the `random.Random` handed in, so that a seed is a reproduction:

    rng = random.Random(7)
    sent = Maker(contract, rng).request(contract.operations["upsertMarketingConsent"])
    response = await app.handle(damaged(sent, rng).to_request(token))
"""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # the only reader of patterns that the standard library has
from typing import Any
from urllib.parse import quote, urlencode

from wixture.contracts.document import Contract, Operation
from wixture.contracts.pointers import from_ref, resolve
from wixture.contracts.validation import ABSENT
from wixture.mockserver.messages import Entity, Request

TEXTS = (
    "",
    "Ada",
    "free text, with a full stop.",
    " blanks around ",
    "line\nbreak\ttab\r",
    'quotes " and \\ and /',
    "\\u0000",
    "null",
    "été ΣΑΣ İı ßẞ ǅ",
    "漢字 \u3000\u00a0",
    "😀\U0010ffff",
    "e\u0301 \u202e\u200f\ufeff\u2028",
    "\x7f\x85\x1f\ud7ff\ue000",
    "<script>alert(1)</script>",
    "x" * 400,
)
"""Free text as people and attackers send it: no U+0000 and no lone surrogate, which no body may carry."""

NUMBERS: tuple[int | float, ...] = (
    *(0, 1, -1, 2, 99, 100, 101, 499, 500, 501, 2**31 - 1, 2**31, -(2**31) - 1),
    *(2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)),
    *(1.0, 50.0, 100.0, 101.0, 0.0, -0.0, -1.0, 0.5, 1.5, 99.99999999999999, 100.00000000000001),
    *(1e300, -1e300, 1e-300, 5e-324, 1.8446744073709552e19, 9.223372036854775807e18, 9.223372036854774e18),
)
"""Numbers at and around the contract's limits, whole floats among them. Every one survives orjson."""

_ASCII = [chr(code) for code in range(0x21, 0x7F)]
_LETTERS = [*_ASCII, *"éßẞΣςσİıКж漢😀\u00a0\u3000\u200b\ufeff\ud7ff\ue000\U0010ffff"]
_JSON_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of an operation, before it is bytes.

    `query` keeps names that stand twice; `text` stands in for the body where the JSON itself is broken.
    """

    operation: Operation
    path: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: Any = ABSENT
    text: bytes | None = None

    @property
    def body_bytes(self) -> bytes:
        """The body as it travels; nothing when there is none."""
        if self.text is not None:
            return self.text
        return b"" if self.body is ABSENT else json.dumps(self.body, ensure_ascii=False).encode()

    @property
    def query_string(self) -> str:
        """The query string as it travels."""
        return urlencode(self.query, quote_via=quote)

    def to_request(self, token: str) -> Request:
        """The request as the server's socket hands it on, with a caller's token."""
        path = self.operation.path
        for name, value in self.path.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        headers = {"authorization": token, "content-type": "application/json"}
        return Request(self.operation.method, path, self.query_string, headers, self.body_bytes)

    def __str__(self) -> str:
        path = {name: value[:80] for name, value in self.path.items()}
        body = self.body_bytes.decode("utf-8", "backslashreplace")
        return f"{self.operation.operation_id} path={path} query={self.query!r:.500} body={body[:4000]}"


# ---- values that keep a schema -------------------------------------------------------------------


@dataclass(slots=True)
class _Shape:
    """Several schemas that hold at once, flattened: no reference, no allOf and no decided condition is left."""

    types: set[str] = field(default_factory=lambda: set(_JSON_TYPES))
    enum: list[Any] | None = None
    patterns: list[str] = field(default_factory=list)
    lowest: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    properties: dict[str, list[Any]] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    items: list[Any] = field(default_factory=list)
    additional: list[Any] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)

    def narrow(self, allowed: Iterable[Any]) -> None:
        allowed = list(allowed)
        self.enum = allowed if self.enum is None else [item for item in self.enum if item in allowed]


class Maker:
    """Makes messages that keep a contract, from its schemas and a random source."""

    def __init__(self, contract: Contract, rng: random.Random) -> None:
        self._document = contract.document
        self._rng = rng

    def request(self, operation: Operation) -> Sent:
        """A request of the operation that keeps the contract."""
        path = {item.name: self._guid() for item in operation.parameters if item.where == "path"}
        body = ABSENT if operation.body is None else self.value(operation.body)
        return Sent(operation, path, self._query(operation, path), body)

    def answer(self, operation: Operation, status: int = 200) -> Any:
        """The body of an answer of the operation that keeps the contract."""
        pointer = operation.responses[status]
        assert pointer is not None, f"{operation.operation_id} has no body with status {status}"
        return self.value(pointer)

    def value(self, pointer: str) -> Any:
        """A value that keeps the schema at `pointer`. Raises NotImplementedError for a keyword unknown here."""
        return self._make([resolve(self._document, pointer)], levels=7)

    def _query(self, operation: Operation, path: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        if operation.query_schema is not None:
            return tuple(self.value(operation.query_schema).items())
        declared = [item for item in operation.parameters if item.where == "query"]
        chosen = [item for item in declared if item.required or self._rng.random() < 0.5]
        return tuple((item.name, path.get(item.name) or self.value(item.schema)) for item in chosen)

    def _guid(self) -> str:
        digits = f"{self._rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _make(self, schemas: Sequence[Any], levels: int) -> Any:
        shape = _Shape()
        for schema in schemas:
            self._add(shape, schema)
        kind = self._rng.choice(sorted(_choosable(shape)))
        if kind == "object" and shape.enum is None:
            return self._object(shape, levels)
        self._settle(shape, {"string": "", "array": []}.get(kind))
        if shape.enum is not None:
            return self._rng.choice([item for item in shape.enum if _is_of(item, kind)])
        return self._plain(shape, kind, levels)

    def _plain(self, shape: _Shape, kind: str, levels: int) -> Any:
        if kind == "array":
            return self._array(shape, levels)
        if kind == "string":
            return self._text(shape)
        if kind == "integer":
            return self._integer(shape)
        return {"null": None, "boolean": self._rng.random() < 0.5, "number": self._rng.choice(NUMBERS)}[kind]

    # ---- flattening ----

    def _add(self, shape: _Shape, schema: Mapping[str, Any]) -> None:
        for keyword, wanted in schema.items():
            if keyword in _ADDERS:
                _ADDERS[keyword](shape, wanted)
            elif keyword in ("$ref", "allOf", "anyOf", "oneOf"):
                self._add_all(shape, keyword, wanted)
            elif keyword == "if":
                shape.conditions.append(dict(schema))
            elif keyword not in _SILENT and not keyword.startswith("x-"):
                raise NotImplementedError(f"tests/generators.py does not know the keyword {keyword!r}")

    def _add_all(self, shape: _Shape, keyword: str, wanted: Any) -> None:
        if keyword == "$ref":
            self._add(shape, resolve(self._document, from_ref(wanted)))
        elif keyword == "allOf":
            for part in wanted:
                self._add(shape, part)
        else:
            first = keyword == "anyOf" and self._rng.random() < 0.8
            self._add(shape, wanted[0] if first else self._rng.choice(wanted))

    def _settle(self, shape: _Shape, value: Any) -> None:
        """Decide the conditions by what is there already, and add what follows from each."""
        while shape.conditions:
            condition = shape.conditions.pop()
            self._add(shape, condition.get("then" if _holds(condition["if"], value) else "else", {}))

    # ---- one type each ----

    def _object(self, shape: _Shape, levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for name in sorted({name for item in shape.conditions for name in item["if"].get("properties", ())}):
            if name in shape.properties and (name in shape.required or self._rng.random() < 0.5):
                value[name] = self._make(shape.properties[name], levels - 1)
        self._settle(shape, value)
        for name in self._chosen(shape, value, levels):
            value[name] = self._make(shape.properties.get(name, shape.additional or [{}]), levels - 1)
        shuffled = list(value.items())
        self._rng.shuffle(shuffled)
        return dict(shuffled)

    def _chosen(self, shape: _Shape, value: Mapping[str, Any], levels: int) -> list[str]:
        most = shape.highest.get("Properties", 1000)
        open_names = [name for name in shape.properties if name not in shape.forbidden and name not in value]
        if shape.additional and levels > 0:
            open_names += [self._rng.choice(TEXTS)[:20] + str(index) for index in range(self._rng.randrange(3))]
        required = [name for name in open_names if name in shape.required]
        optional = [name for name in open_names if name not in shape.required]
        share = 0.0 if levels <= 0 else min(0.6, 2.5 / max(1, len(optional)))
        taken = [name for name in optional if self._rng.random() < share]
        missing = shape.lowest.get("Properties", 0) - len(value) - len(required) - len(taken)
        taken += [name for name in optional if name not in taken][: max(0, missing)]
        return [*required, *taken][: most - len(value)]

    def _array(self, shape: _Shape, levels: int) -> list[Any]:
        least, most = shape.lowest.get("Items", 0), shape.highest.get("Items", 1000)
        usual = least if levels <= 0 else self._rng.randint(least, least + 3)
        edge = most if most <= 100 and levels > 2 and self._rng.random() < 0.01 else usual
        return [self._make(shape.items or [{}], levels - 1) for _ in range(min(edge, most))]

    def _integer(self, shape: _Shape) -> int:
        low, high = shape.lowest.get("imum", -(2**63)), shape.highest.get("imum", 2**63 - 1)
        inner, near = self._rng.randint(low, high), self._rng.randint(low, min(high, low + 9))
        return self._rng.choice((low, high, inner, near))

    def _text(self, shape: _Shape) -> str:
        least, most = shape.lowest.get("Length", 0), shape.highest.get("Length", 10_000)
        if not shape.patterns:
            return self._rng.choice(TEXTS)[:most].ljust(least, "x")
        while True:
            text = matching(self._rng.choice(shape.patterns), self._rng)
            if least <= len(text) <= most and all(re.search(_strict(item), text) for item in shape.patterns):
                return text


def _choosable(shape: _Shape) -> set[str]:
    kinds = shape.types - ({"number"} if "integer" in shape.types else set())
    if shape.enum is not None:
        return {kind for kind in kinds if any(_is_of(item, kind) for item in shape.enum)}
    return kinds


def _is_of(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PYTHON_TYPES[kind])


def _holds(condition: Mapping[str, Any], value: Any) -> bool:
    """Whether a value keeps the schema of an `if`, which is a simple one."""
    for keyword, wanted in condition.items():
        if keyword == "type":
            kept = any(_is_of(value, kind) for kind in ([wanted] if isinstance(wanted, str) else wanted))
        elif keyword == "const":
            kept = value == wanted
        elif keyword == "enum":
            kept = value in wanted
        elif keyword == "required":
            kept = not isinstance(value, dict) or all(name in value for name in wanted)
        elif keyword == "properties":
            inner = [(value[name], wanted[name]) for name in wanted if isinstance(value, dict) and name in value]
            kept = all(_holds(schema, member) for member, schema in inner)
        else:
            raise NotImplementedError(f"tests/generators.py does not know the keyword {keyword!r} in an `if`")
        if not kept:
            return False
    return True


def _add_properties(shape: _Shape, wanted: Mapping[str, Any]) -> None:
    for name, schema in wanted.items():
        if schema.get("not") == {}:
            shape.forbidden.add(name)
        else:
            shape.properties.setdefault(name, []).append(schema)


def _add_not(shape: _Shape, wanted: Mapping[str, Any]) -> None:
    if set(wanted) != {"required"} or len(wanted["required"]) != 1:
        raise NotImplementedError(f"tests/generators.py does not know how to avoid {wanted!r}")
    shape.forbidden.update(wanted["required"])


def _add_types(shape: _Shape, wanted: str | list[str]) -> None:
    shape.types &= {wanted} if isinstance(wanted, str) else set(wanted)


def _limit(side: str, name: str, better: Callable[[int, int], int]) -> Callable[[_Shape, int], None]:
    def add(shape: _Shape, wanted: int) -> None:
        limits: dict[str, int] = getattr(shape, side)
        limits[name] = better(limits.get(name, wanted), wanted)

    return add


_ADDERS: Mapping[str, Callable[[_Shape, Any], None]] = {
    "type": _add_types,
    "enum": _Shape.narrow,
    "const": lambda shape, wanted: shape.narrow([wanted]),
    "pattern": lambda shape, wanted: shape.patterns.append(wanted),
    "properties": _add_properties,
    "required": lambda shape, wanted: shape.required.update(wanted),
    "not": _add_not,
    "items": lambda shape, wanted: shape.items.append(wanted),
    "additionalProperties": lambda shape, wanted: shape.additional.append(wanted),
    **{f"min{name}": _limit("lowest", name, max) for name in ("Length", "Items", "Properties", "imum")},
    **{f"max{name}": _limit("highest", name, min) for name in ("Length", "Items", "Properties", "imum")},
}
_SILENT = frozenset(
    "description title default example examples format then else unevaluatedProperties contentMediaType "
    "contentSchema deprecated".split()
)


# ---- texts that match a pattern ------------------------------------------------------------------


def matching(pattern: str, rng: random.Random) -> str:
    """A text that the whole of an anchored pattern matches; repetitions are short."""
    return _text_of(_parsed(pattern), rng)


@lru_cache
def _parsed(pattern: str) -> Any:
    return _parser.parse(pattern)


def _strict(pattern: str) -> str:
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern


def _text_of(nodes: Iterable[tuple[Any, Any]], rng: random.Random) -> str:
    return "".join(_part(str(kind), value, rng) for kind, value in nodes)


def _part(kind: str, value: Any, rng: random.Random) -> str:
    if kind == "AT":
        return ""
    if kind == "LITERAL":
        return chr(value)
    if kind == "IN":
        return rng.choice(_members(tuple(map(tuple, value))))
    if kind == "SUBPATTERN":
        return _text_of(value[-1], rng)
    if kind == "BRANCH":
        return _text_of(rng.choice(value[1]), rng)
    if kind == "MAX_REPEAT":
        low, high, inner = value
        return "".join(_text_of(inner, rng) for _ in range(rng.randint(low, min(int(high), low + 9))))
    raise NotImplementedError(f"tests/generators.py does not know {kind} in a pattern")


@lru_cache
def _members(items: tuple[tuple[Any, ...], ...]) -> list[str]:
    kinds = [str(item[0]) for item in items]
    codes = [(value, value) if str(kind) == "LITERAL" else value for kind, value in items if str(kind) != "NEGATE"]
    if "NEGATE" in kinds:
        return [letter for letter in _LETTERS if not any(low <= ord(letter) <= high for low, high in codes)]
    return [chr(code) for low, high in codes for code in range(low, high + 1)]


# ---- requests about what is stored ---------------------------------------------------------------


def about(sent: Sent, entity: Entity, rng: random.Random) -> Sent:
    """The request, pointed at a stored consent: its ID, its identifier and, for an update, mostly its revision."""
    details = entity["details"]
    path = dict.fromkeys(sent.path, entity["id"])
    query = [(name, entity["id"] if name == "marketingConsentId" else value) for name, value in sent.query]
    if sent.operation.query_schema is not None:
        query = [*details.items(), *(pair for pair in query if pair[0] == "linkLanguage")]
    body = ABSENT if sent.body is ABSENT else copy.deepcopy(sent.body)
    for holder in _holders(body):
        holder["details"] = dict(details)
        if "revision" in holder:
            revision = rng.choice((entity["revision"], int(entity["revision"]), "1", None))
            holder["revision"] = revision
    return dataclasses.replace(sent, path=path, query=tuple(query), body=body)


def _holders(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        members = body.get("info")
        listed = members if isinstance(members, list) else [body.get("marketingConsent")]
        for member in [body, *listed[:1]]:
            if isinstance(member, dict) and "details" in member:
                yield member


# ---- damage --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Site:
    """A place in a JSON value: `holder[key]`."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        self.holder[self.key] = value


_ROOT = "root"
_Damage = Callable[[_Site, random.Random], None]


def damaged(sent: Sent, rng: random.Random) -> Sent:
    """The request with one to three changes in its body, query string, path or JSON text."""
    for _ in range(rng.randint(1, 3)):
        part = rng.random()
        if sent.body is ABSENT or part < 0.1:
            sent = _with_other_query(sent, rng)
        elif part < 0.15:
            return dataclasses.replace(sent, text=_broken_text(sent, rng))
        else:
            sent = dataclasses.replace(sent, body=damaged_value(sent.body, rng))
    return sent


def damaged_value(value: Any, rng: random.Random) -> Any:
    """A copy of a JSON value, changed in one place; ABSENT when the whole was dropped."""
    root = {_ROOT: copy.deepcopy(value)}
    levels = list(_levels(root))
    site = rng.choice(rng.choice(levels[: rng.randint(1, len(levels))]))
    rng.choice(DAMAGES)(site, rng)
    return root.get(_ROOT, ABSENT)


def _levels(root: dict[str, Any]) -> Iterator[list[_Site]]:
    """The places of a value, level by level: the few outer ones are to be hit as often as the many inner ones."""
    level = [_Site(root, _ROOT)]
    while level:
        yield level
        level = [inner for site in level for inner in _inside(site.value)]


def _inside(value: Any) -> list[_Site]:
    if isinstance(value, list):
        return [_Site(value, index) for index in range(len(value))]
    return [_Site(value, key) for key in value] if isinstance(value, dict) else []


def _drop(site: _Site, _: random.Random) -> None:
    del site.holder[site.key]


def _add_unknown(site: _Site, rng: random.Random) -> None:
    target = site.value if isinstance(site.value, dict) else site.holder
    if isinstance(target, dict) and target.keys() != {_ROOT}:
        name = rng.choice(("unknown", "State", "marketing_consent", "", "__proto__", "$where", "é", "ids", "type"))
        target[name] = rng.choice((None, "x", 1, {}, []))


def _rename(site: _Site, rng: random.Random) -> None:
    if isinstance(site.key, str) and site.key != _ROOT:
        spellings = (_snake, str.upper, str.lower, str.capitalize, "{}s".format, "{}\n".format)
        value = site.holder.pop(site.key)
        site.holder[rng.choice(spellings)(site.key)] = value


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def _other_type(site: _Site, rng: random.Random) -> None:
    others: tuple[Any, ...] = (None, True, False, 0, 1, 1.0, "", "1", "CONFIRMED", [], {}, [{}], {"": None})
    site.put(copy.deepcopy(rng.choice(others)))


def _null(site: _Site, _: random.Random) -> None:
    site.put(None)


def _number(site: _Site, rng: random.Random) -> None:
    site.put(rng.choice(NUMBERS))


def _other_text(site: _Site, rng: random.Random) -> None:
    site.put(rng.choice((*TEXTS, "UNKNOWN_TYPE", "confirmed", "NONE", "@", "2024-02-30T00:00:00Z", "+0123", "-1")))


def _bent_text(site: _Site, rng: random.Random) -> None:
    if isinstance(site.value, str):
        bends: tuple[Callable[[str], str], ...] = (
            lambda text: text + "\n",
            lambda text: "\n" + text,
            lambda text: f" {text} ",
            lambda text: text + "\u2028",
            lambda text: text[:-1],
            lambda text: text + text,
            lambda text: text * 400,
            lambda text: text.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),
            str.swapcase,
            str.lower,
            str.title,
        )
        site.put(rng.choice(bends)(site.value))


def _empty(site: _Site, rng: random.Random) -> None:
    own = type(site.value) if site.value is not None else str
    site.put(rng.choice((own, str, list, dict))())


def _nest(site: _Site, rng: random.Random) -> None:
    value = site.value
    for _ in range(rng.choice((1, 1, 2, 5, 40, 70))):
        value = [value] if rng.randrange(2) else {rng.choice(("$not", "value", "marketingConsent")): value}
    site.put(value)


def _unwrap(site: _Site, rng: random.Random) -> None:
    inside = _inside(site.value)
    if inside:
        site.put(rng.choice(inside).value)


def _wrap(site: _Site, rng: random.Random) -> None:
    names = ("marketingConsent", "info", "query", "followedChannel", "details", str(site.key))
    site.put({rng.choice(names): site.value})


def _swap(site: _Site, rng: random.Random) -> None:
    other = rng.choice(_inside(site.holder))
    one, two = site.value, other.value
    site.put(two)
    other.put(one)


def _copy_elsewhere(site: _Site, rng: random.Random) -> None:
    inner = [found for found in _inside(site.value) if isinstance(found.value, dict)]
    if inner:
        rng.choice(inner).value[str(site.key)] = copy.deepcopy(rng.choice(_inside(site.value)).value)


def _multiply(site: _Site, rng: random.Random) -> None:
    if isinstance(site.value, list) and site.value:
        site.put((site.value * 501)[: rng.choice((2, 6, 101, 501))])


DAMAGES: tuple[_Damage, ...] = (
    *(_drop, _add_unknown, _rename, _other_type, _null, _number, _other_text, _bent_text, _bent_text),
    *(_empty, _nest, _unwrap, _wrap, _swap, _copy_elsewhere, _multiply),
)
"""What can happen to one place of a JSON value. Each changes the holder; none fails."""


def _broken_text(sent: Sent, rng: random.Random) -> bytes:
    """The body's text, spoilt so that it is no acceptable JSON any more."""
    text = sent.body_bytes
    first = next((index for index, byte in enumerate(text) if byte == 0x7B), 0)
    return rng.choice(
        (
            _with_first_key_twice(text),
            text + b"}",
            text + text,
            text[: len(text) // 2],
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
            text[: first + 1] + b'"\\ud800":1,' + text[first + 1 :],
            text[: first + 1] + b'"x":"\\u0000",' + text[first + 1 :],
            text[: first + 1] + b'"x":"\xff",' + text[first + 1 :],
            text[: first + 1] + b'"x":NaN,' + text[first + 1 :],
            text[: first + 1] + b'"x":1e400,' + text[first + 1 :],
            b"[" * 100 + b"]" * 100,
        )
    )


def _with_first_key_twice(text: bytes) -> bytes:
    """`{"a": …}` as `{"a":0,"a": …}`."""
    found = re.search(rb'\{("(?:[^"\\]|\\.)*"):', text)
    if found is None:
        return text + b"x"
    at = found.start() + 1
    return text[:at] + found[1] + b":0," + text[at:]


def _with_other_query(sent: Sent, rng: random.Random) -> Sent:
    query = list(sent.query)
    chance = rng.random()
    if sent.path and chance < 0.25:
        other = rng.choice(("null", "undefined", "x" * 8193, "x" * 8192, "é/ ?%", "..", "{marketingConsentId}"))
        return dataclasses.replace(sent, path=dict.fromkeys(sent.path, other))
    if not query or chance < 0.55:
        name = rng.choice(("unknown", "limit", "Type", "marketing_consent_id", "email", "fields", "x", ""))
        query.append((name, rng.choice(("", "1", "a@b.example"))))
    else:
        _bend_parameter(query, rng.randrange(len(query)), rng)
    return dataclasses.replace(sent, query=tuple(query))


def _bend_parameter(query: list[tuple[str, str]], index: int, rng: random.Random) -> None:
    name, value = query[index]
    changed: tuple[tuple[tuple[str, str], ...], ...] = (
        (),
        ((name, value), (name, value)),
        ((name.upper(), value),),
        ((_snake(name), value),),
        ((name, value + "\n"),),
        ((name, value.swapcase()),),
        ((name, ""),),
        ((name, "x" * 8193),),
        ((name, rng.choice(TEXTS)),),
        ((name, value.replace("+", " ")),),
    )
    query[index : index + 1] = rng.choice(changed)
