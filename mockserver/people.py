"""People who do not exist, one after the other: seeded, each with an address and a number of their own.

Every address is under a domain and every number in a range that is reserved for examples: they reach nobody.
Words come from Faker, everything else from `clock.py`; Faker is imported when the first word is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from wixture.contracts.violations import nearest
from wixture.mockserver.clock import Chance

if TYPE_CHECKING:
    from faker import Faker

_Option = TypeVar("_Option")

DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606

_AREAS = tuple(
    f"{first}{second}{third}"
    for first in range(2, 10)
    for second in range(9)  # 9 is kept for longer numbers
    for third in range(10)
    if second != third and f"{first}{second}" not in ("52", "88")  # of no place: toll-free, personal …
)
_LINES = 100  # 555-0100 to 555-0199 of an area are for fiction
_NUMBERS = len(_AREAS) * _LINES
_STRIDE = 7919  # shares no factor with how many there are, so that every number comes once


class People:
    """The people of one seed. What is known of the n-th follows from the seed and n, and from nobody before."""

    def __init__(self, seed: int | str, locale: str) -> None:
        """`locale` is one of Faker's. Raises ValueError, when the first word is needed, for an unknown one."""
        self._seed = seed
        self._locale = locale
        self._met = 0

    def next(self) -> Person:
        """Somebody new."""
        self._met += 1
        return Person(self, self._met, f"{self._seed}/{self._met}")

    def words(self, stream: str) -> Faker:
        """Faker, at the start of a stream of its own: what others draw from Faker, or seed, is nothing to it."""
        self._fake.seed_instance(stream)
        return self._fake

    def number(self, position: int) -> str:
        """The reserved phone number at a position, each another one. Raises ValueError after the last."""
        if position > _NUMBERS:
            raise ValueError(
                f"All {_NUMBERS:,} phone numbers that are kept for examples are taken. "
                "Make another factory, or give phone= yourself."
            )
        start = int.from_bytes(Chance(0, f"people/{self._seed}").bytes("phone", 8), "big")
        area, line = divmod((start + position * _STRIDE) % _NUMBERS, _LINES)
        return f"+1{_AREAS[area]}55501{line:02d}"

    @cached_property
    def _fake(self) -> Faker:
        try:
            from faker import Faker  # 90 ms that a server need not wait for
            from faker.config import AVAILABLE_LOCALES
        except ImportError as error:
            text = "The factory needs Faker for its names and words: pip install 'wixture[factory]'."
            raise ImportError(text) from error

        name = self._locale.replace("-", "_")
        if name not in AVAILABLE_LOCALES:
            close = nearest(name, sorted(AVAILABLE_LOCALES))
            hint = f"Closest: {close}." if close else "Use one such as en_US or de_DE."
            raise ValueError(f"Faker has no locale {self._locale!r}. {hint}")
        return Faker(name, use_weighting=True)


class Person:
    """Somebody, and what would be made up about them. Asking for one thing changes no other."""

    def __init__(self, people: People, position: int, name: str) -> None:
        self._people = people
        self._position = position
        self._name = name
        self._chance = Chance(0, f"people/{name}")

    @property
    def email(self) -> str:
        """An address under a reserved domain. The number in it is nobody else's."""
        user = self._people.words(f"{self._name}/email").user_name()
        return f"{user}-{self._position}@{self.one_of('domain', DOMAINS)}"

    @property
    def phone(self) -> str:
        """A reserved number in E.164, nobody else's. Raises ValueError when all are taken."""
        return self._people.number(self._position)

    def occasion(self, purpose: str) -> str:
        """Where something happened, in a few words."""
        words = self._people.words(f"{self._name}/{purpose}")
        return f"{words.company()}, {words.city()}"

    def new_id(self, of: str) -> str:
        """A GUID of one kind of thing: the same whenever it is asked for."""
        return self._fresh().new_id(of)

    def one_of(self, purpose: str, options: Sequence[_Option]) -> _Option:
        """One of some options."""
        return options[self.below(purpose, len(options))]

    def below(self, purpose: str, limit: int) -> int:
        """A number from 0 up to and without `limit`."""
        return int.from_bytes(self._fresh().bytes(purpose, 8), "big") % limit

    def _fresh(self) -> Chance:
        self._chance.reset()
        return self._chance
