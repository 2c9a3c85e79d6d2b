"""The values that travel through the server: frozen, without I/O.

A `Request` comes off the socket, becomes a `Call` once it is matched, authorised and validated, is
answered by a `Decision`, and leaves as a `Response`. An `Exchange` is the pair as the journal keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, dataclass_transform

import orjson

JSON_TYPE = "application/json"
REQUEST_ID = "X-Wix-Request-Id"
"""The header by which an answer, its exchange in the journal and a line of the log belong together."""

Entity = dict[str, Any]
"""One marketing consent or followed channel, shaped as the contract's response schema says."""

IdentityType = Literal["APP", "WIX_USER", "MEMBER", "VISITOR"]

_Kind = TypeVar("_Kind")


@dataclass_transform(frozen_default=True)
def value(kind: type[_Kind]) -> type[_Kind]:
    """A frozen value of which every request makes some: only the type checker refuses to change it.

    A dataclass that is frozen when it runs costs four times as much to make.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)


@value
class Request:
    """One HTTP request, whole. `path` and `query_string` are raw, as they stood on the request line.

    Header names are lower case; a repeated header keeps its first value. `body` is already free of
    any content encoding.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@value
class Disturbance:
    """What the connection does to an answer: reset instead of it, late, only a share of its body, or slowly."""

    reset: bool = False
    latency_ms: int = 0
    share: float | None = None
    bytes_per_s: int | None = None


@value
class Response:
    """One HTTP answer. The server adds `Date`, `Content-Length` and the connection headers itself."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    disturbance: Disturbance | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, on which site.

    `subject_id` is the app, user, member or visitor; `account_id` the loyalty account it acts for, if any;
    `scopes` what the token may do, everything when None. Times are microseconds since 1970.
    """

    identity: IdentityType
    instance_id: str
    subject_id: str
    client_id: str = ""
    account_id: str | None = None
    scopes: frozenset[str] | None = None
    issued_at: int = 0
    expires_at: int | None = None


@value
class Identifier:
    """An email address or phone number as consents are told apart by it: see `identifier_of`."""

    type: str
    key: str


def identifier_of(details: Mapping[str, Any]) -> Identifier:
    """The identifier in a consent's details. Email addresses compare trimmed and in lower case."""
    if details["type"] == "EMAIL":
        return Identifier("EMAIL", email_key(details["email"]))
    return Identifier("PHONE", details["phone"])


def email_key(email: str) -> str:
    """What two spellings of one email address have in common."""
    return lower(email.strip(" "))


def lower(text: str) -> str:
    """Lower case, letter by letter, so that the start of a text stays the start of its lower case."""
    return text.lower() if text.isascii() else "".join(map(str.lower, text))


# ---- what a rule asks the store for --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Nothing:
    """The rule needs no entity."""


@value
class ById:
    """The consent with an ID: none or one entity. `latest` reads past a lag of reads."""

    id: str
    latest: bool = False


@value
class ByIdentifier:
    """The consents with any of some identifiers, in no order."""

    identifiers: tuple[Identifier, ...]
    latest: bool = False


@value
class Followed:
    """The channels that an account follows, newest first."""

    account_id: str
    latest: bool = False


Condition = tuple[Any, ...]
"""A condition on consents, as nested tuples: see rules/query.py."""

Order = tuple[str, bool]
"""A column to sort by, `created` or `updated`, and whether it descends."""


@value
class Page:
    """One page of consents.

    `filter` is a condition (see rules/query.py) and `source` the JSON it came from, `sort` the orders before the
    final one by ID, which goes the way of the last of them. `after` are the sort values and ID of the entity where
    the page begins, exclusive. Found are up to `limit` and one entities; with `backwards`, those before `after`,
    nearest first.
    """

    filter: Condition
    source: Any
    sort: tuple[Order, ...]
    limit: int
    after: tuple[str, ...] | None = None
    backwards: bool = False


Lookup = Nothing | ById | ByIdentifier | Followed | Page


class Parsed(Sequence[Entity]):
    """Stored entities, each parsed when it is looked at."""

    __slots__ = ("_entities", "stored")

    def __init__(self, stored: Sequence[bytes]) -> None:
        self.stored = stored
        self._entities: dict[int, Entity] = {}

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, index: Any) -> Any:
        if index not in self._entities:
            self._entities[index] = orjson.loads(self.stored[index])
        return self._entities[index]


@value
class Found:
    """What the store found for a lookup: entities, or for a page their stored bytes."""

    lookup: Lookup
    entities: Sequence[Entity] = ()
    stored: Sequence[bytes] = ()

    def first_for_answer(self) -> Entity | AsStored:
        """The first entity, to be sent and not to be read."""
        entities = self.entities
        return AsStored(entities.stored[0]) if isinstance(entities, Parsed) else entities[0]


# ---- what a rule is given, and what it decides ---------------------------------------------------


@value
class Call:
    """A request that is matched, authorised and valid.

    `body` is the parsed JSON; `item_errors` has, for an operation that judges the elements of a list one by one,
    the text for each bad element. `kept` has the objects of a lenient request's body in which something that is
    missing stays as it is stored, each with the names.
    """

    operation_id: str
    caller: Caller
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    item_errors: Mapping[int, str] = field(default_factory=dict)
    kept: Sequence[tuple[dict[str, Any], tuple[str, ...]]] = ()


@value
class AsStored:
    """Stands in an answer for one entity, by the bytes that were checked when they were stored."""

    stored: bytes


@value
class Verbatim:
    """Stands in an answer for a list of entities, by the bytes that were checked when they were stored."""

    stored: Sequence[bytes]


ChangeKind = Literal["created", "updated", "deleted"]
EntityType = Literal["marketing_consent", "followed_channel"]


@value
class Change:
    """One entity written: exactly one domain event follows from each.

    `entity` is the new state, or the last one of a deleted entity. An update or deletion holds only when the
    stored revision is still `based_on`.
    """

    kind: ChangeKind
    entity_type: EntityType
    entity: Entity
    based_on: str | None = None


@value
class Decision:
    """What a rule decides: the answer's body, always status 200, and what to write.

    A value of the answer may be `Verbatim` or `AsStored`, at its top level.
    """

    answer: dict[str, Any]
    changes: tuple[Change, ...] = ()


@value
class Exchange:
    """A request and its response as the journal keeps them; `redaction` shows them without credentials.

    `time` is microseconds since 1970 on the tenant's clock, `duration_us` real microseconds; `rows` are those of
    the ledger that lenient input needed.
    """

    id: str
    time: int
    instance_id: str | None
    operation_id: str | None
    identity: str | None
    request: Request
    response: Response
    violations: Sequence[Any] = ()
    fault_id: str | None = None
    rows: Sequence[str] = ()
    duration_us: int = 0
