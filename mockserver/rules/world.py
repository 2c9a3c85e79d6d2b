"""What a rule may know beside its call, and the shape that every rule has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from wixture.mockserver.messages import Call, Decision, Entity, Found, Lookup, value


class Cursors(Protocol):
    """Turns a query's position into an opaque text and back."""

    def seal(self, content: Mapping[str, object]) -> str: ...
    def open(self, text: str) -> Mapping[str, object] | None: ...


@value
class World:
    """The instant, new ids and the site around one call.

    `now` is the text of the instant; `link` makes the URL of a link from its type, the consent and a language.
    """

    now: str
    new_id: Callable[[], str]
    link: Callable[[str, Entity, str | None], str]
    cursors: Cursors
    channels: frozenset[str]
    loyalty_installed: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One operation: `find` says which entities it needs, `decide` what follows from them. Both are pure.

    Either may raise `Refusal`.
    """

    find: Callable[[Call, World], Lookup]
    decide: Callable[[Call, Found, World], Decision]
