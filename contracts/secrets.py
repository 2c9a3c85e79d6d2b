"""Secrets and people, kept out of what is printed: by value, wherever they stand and however they are spelt.

The text is undone layer by layer (spaces out, then escapes of URLs, JSON and HTML), each layer is searched for
every secret and its encodings, and what is found is traced back to the bytes that spelt it. Each step is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wixture.contracts.layers import MOST_LAYERS, Layer, decoded, stripped
from wixture.contracts.spellings import Spelling, compact, spellings

Octets = bytes
"""In the class below, `bytes` is a method."""

REPLACED = "***"
SHORTEST = 6
"""Shorter secrets are replaced only where they stand as a whole word: their letters are in every text."""

_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_HEAD = 20
"""A longer spelling is found by its beginning, so that one cut short by an answer is found too."""

_AT = r"(?:@|%(?:25)?40|\\u0040|&#0{0,6}64;|&#[xX]0{0,6}40;|&commat;)"
_PLUS = r"(?:\+|%(?:25)?2[bB]|\\u002[bB]|&#0{0,6}43;|&#[xX]0{0,6}2[bB];|&plus;)"
# Bounded and possessive: the text may be long and somebody else's.
_EMAIL = re.compile(rf"[^\s\"'<>(){{}}\[\],;:@/\\=&?%#*]{{1,64}}+{_AT}(?=[^\W_])[\w.-]{{1,255}}+")
_PHONE = re.compile(rf"{_PLUS}[0-9](?:[ ().-]{{0,2}}+[0-9]){{5,14}}+")
_AT_SIGN = re.compile(_AT)


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    mask: bytes


class Redactor:
    """Replaces known secrets by `***` and masks people. Safe to share between threads; shows nothing in `repr`."""

    __slots__ = ("_personal", "_secrets", "_short", "_spellings")

    def __init__(self, secrets: Iterable[str], personal: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secret.strip() for secret in secrets) - {""}
        self._personal = frozenset(person.strip() for person in personal) - {""}
        known = {secret: REPLACED for secret in self._secrets if len(compact(secret)) >= SHORTEST}
        people = {form: mask(person) for person in self._personal for form in _forms_of(person)}
        values = {**people, **known}
        self._spellings = [spelling for value in values for spelling in spellings(value, values[value].encode())]
        short = sorted((self._secrets | self._personal) - set(values), key=len, reverse=True)
        words = "|".join(re.escape(word) for word in short)
        self._short = re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])") if words else None

    def also(self, secrets: Iterable[str] = (), personal: Iterable[str] = ()) -> Redactor:
        """A redactor that knows these too: tokens that a run was given on its way."""
        return Redactor({*self._secrets, *secrets}, {*self._personal, *personal})

    def text(self, text: str) -> str:
        """The text without secrets and people."""
        return self._without_people(self._secretless(text))

    def bytes(self, data: Octets) -> Octets:
        """The bytes without secrets and people; what is no UTF-8 stays as it is."""
        known = self._without_known(data) if self._spellings else data
        people = self._without_people(known.decode("utf-8", "surrogateescape"))
        return people.encode("utf-8", "surrogateescape")

    def value(self, value: Any) -> Any:
        """A JSON value, or text or bytes, without secrets and people: in names, texts and numbers."""
        return _mapped(value, self.text, self.bytes)

    def without_secrets(self, value: Any) -> Any:
        """A JSON value, or text or bytes, without what is known; people of whom nothing is known stay."""
        return _mapped(value, self._secretless, self._without_known if self._spellings else lambda data: data)

    def finds(self, text: str) -> bool:
        """Whether a known secret or person stands in the text, in whatever spelling."""
        raw = text.encode("utf-8", "surrogatepass")
        known = bool(self._spellings) and next(self._spans(raw), None) is not None
        return known or (self._short is not None and self._short.search(text) is not None)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without secrets and people; of those that carry credentials, only their names."""
        return {
            self.text(name): REPLACED if name.lower() in _HEADERS else self.text(said)
            for name, said in headers.items()
        }

    def _secretless(self, text: str) -> str:
        """The text without what is known."""
        if self._spellings:
            raw = text.encode("utf-8", "surrogatepass")
            text = self._without_known(raw).decode("utf-8", "surrogatepass")
        return text if self._short is None else self._short.sub(REPLACED, text)

    def _without_people(self, text: str) -> str:
        """The text without short secrets, and without what has the form of an address or a number."""
        if self._short is not None:
            text = self._short.sub(REPLACED, text)
        return _PHONE.sub(lambda found: mask(found[0]), _EMAIL.sub(lambda found: mask(found[0]), text))

    def _without_known(self, data: Octets) -> Octets:
        spans = sorted(self._spans(data), key=lambda span: (span.start, -span.end))
        parts, done = [], 0
        for span in spans:
            if span.start >= done:
                parts += [data[done : span.start], span.mask]
            done = max(done, span.end)
        return b"".join([*parts, data[done:]])

    def _spans(self, data: Octets) -> Iterator[_Span]:
        """Where the data spells what is known, in any layer: with its spaces closed up first, and read first.

        Both, because a space can be what broke an escape in two, and what ends one.
        """
        yield from self._in_layers([stripped(data)])
        opened = decoded(data)
        if opened.view != data:
            yield from self._in_layers([opened, stripped(opened.view)])

    def _in_layers(self, layers: list[Layer]) -> Iterator[_Span]:
        while True:
            view = layers[-1].view.lower()
            for spelling in self._spellings:
                for start, end in _found(view, spelling):
                    yield _traced(layers, start, end, spelling.mask)
            opened = decoded(layers[-1].view)
            if opened.view == layers[-1].view or len(layers) > 2 * MOST_LAYERS:
                return
            layers += [opened, stripped(opened.view)]


def _mapped(value: Any, text: Callable[[str], str], data: Callable[[Octets], Octets]) -> Any:
    """A JSON value, or text or bytes, with every text changed, and numbers whose text is."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return data(value)
    if isinstance(value, Mapping):
        return {text(str(name)): _mapped(inner, text, data) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(inner, text, data) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    shown = str(value)
    said = text(shown)
    return value if said == shown else said


def mask(person: str) -> str:
    """An address or number as somebody recognises it who knows it: `a***@example.com`, `+19***22`."""
    at = _AT_SIGN.search(person)
    if at is not None:
        return f"{person[:1]}{REPLACED}{person[at.start() :]}"
    digits = re.sub(r"[^0-9]", "", re.sub(_PLUS, "", person, count=1))
    if len(digits) >= SHORTEST and not re.search(r"[^\W\d_]", re.sub(_PLUS, "", person)):
        return f"+{digits[:2]}{REPLACED}{digits[-2:]}"
    return REPLACED


def _forms_of(person: str) -> list[str]:
    """A person's address or number, and a number without its plus sign and spaces."""
    digits = re.sub(r"[\s().-]", "", person).removeprefix("+")
    forms = [person, digits, f"+{digits}"] if digits.isdigit() else [person]
    return [form for form in forms if len(compact(form)) >= SHORTEST]


def _found(view: bytes, spelling: Spelling) -> Iterator[tuple[int, int]]:
    """Where a view spells it, whole or cut short behind its beginning."""
    word = spelling.word
    head = word[:_HEAD]
    at = view.find(head)
    while at >= 0:
        end = at + len(word)
        if not view.startswith(word, at):
            end = at + _agreed(view[at:end], word)
        end_of_word = end - at == len(word)
        start, stop = at - spelling.before, end + (spelling.behind if end_of_word else 0)
        yield max(0, start), min(len(view), stop)
        at = view.find(head, end)


def _agreed(seen: bytes, word: bytes) -> int:
    """How many bytes are the same from the beginning."""
    pairs = zip(seen, word, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), len(seen))


def _traced(layers: list[Layer], start: int, end: int, mask: bytes) -> _Span:
    """The bytes behind a place of the last layer, widened to whole characters."""
    for layer in reversed(layers):
        start, end = layer.source(start, end)
    data = layers[0].data
    while start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return _Span(start, end, mask)
