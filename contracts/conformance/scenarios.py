"""The scenarios of scenarios.yaml, checked when they are read, and the values that stand in their steps."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from wixture.contracts.conformance.flow import MISSING, Flow, StepLost
from wixture.contracts.document import Contract, Operation
from wixture.contracts.yaml_text import read_yaml

_FILE = Path(__file__).with_name("scenarios.yaml")
_SEVERITY = {"none": 0, "reversible": 1, "irreversible": 2}
_REFERENCE = re.compile(
    r"\$(email|phone|guid)\.(\w+)|\$(run|unfollowed|another|token|refresh)\b|\$([a-z][a-z0-9 ]*):(/[\w/~]*)"
)
_CASES: Mapping[str, Callable[[str], str]] = {"upper": str.upper, "lower": str.lower}
_WHOLE = re.compile(rf"(?:{_REFERENCE.pattern})(?:\|(upper|lower))?")


@dataclass(frozen=True, slots=True)
class Call:
    """One step as it is written down; its values still hold references."""

    name: str
    operation: Operation
    identity: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = MISSING
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    until: Mapping[str, Any] = field(default_factory=dict)
    walk: bool = False
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A flow as data, and the checks that are asked of it."""

    name: str
    tells: str
    calls: tuple[Call, ...]
    checks: tuple[str, ...]

    @property
    def side_effects(self) -> str:
        """That of its worst step."""
        return max((call.operation.side_effects or "none" for call in self.calls), key=_SEVERITY.__getitem__)

    @property
    def operations(self) -> list[Operation]:
        """Every operation that it calls, once."""
        return list({call.operation.operation_id: call.operation for call in self.calls}.values())

    @property
    def identities(self) -> list[str]:
        """Everybody who calls, once."""
        return list(dict.fromkeys(call.identity for call in self.calls))


@cache
def scenarios(contract: Contract) -> tuple[Scenario, ...]:
    """All scenarios, over the operations of a contract."""
    return tuple(_scenario(raw, contract) for raw in read_yaml(_FILE.read_text(encoding="utf-8")))


def _scenario(raw: Mapping[str, Any], contract: Contract) -> Scenario:
    calls = tuple(_call(step, raw["identity"], contract) for step in raw["steps"])
    return Scenario(raw["name"], raw["tells"], calls, tuple(raw["checks"]))


def _call(raw: Mapping[str, Any], identity: str, contract: Contract) -> Call:
    more = {
        name: raw[name] for name in ("path", "query", "body", "text", "headers", "until", "walk") if name in raw
    }
    operation = contract.operations[raw["call"]]
    return Call(raw["name"], operation, raw.get("as", identity), rest=raw.get("rest", 0) / 1000, **more)


_TOKENS = {"token": "access token of the app", "refresh": "refresh token of a visitor"}


class Values:
    """What references stand for in one scenario of one run: the same run and scenario give the same values."""

    def __init__(
        self, run: str, scenario: str, flow: Flow, token: Callable[[str], str | None] = lambda _: None
    ) -> None:
        """`token` tells the app's `token`, and a visitor's `refresh` token, where the target gave one."""
        self._run = run
        self._token = token
        self._seed = f"{run} {scenario}"
        self._scenario = re.sub(r"[^a-z]+", "-", scenario)
        self._flow = flow
        self.unfollowed: list[str] | None = None

    def of(self, value: Any) -> Any:
        """A value with its references replaced. Raises StepLost where an answer lacks what is asked of it."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self.of(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        return value

    def _text(self, text: str) -> Any:
        whole = _WHOLE.fullmatch(text)
        if whole:
            found = self._referred(whole)
            case = whole[6]
            return _CASES[case](found) if case and isinstance(found, str) else found
        return _REFERENCE.sub(lambda match: str(self._referred(match)), text)

    def _referred(self, match: re.Match[str]) -> Any:
        kind, name, word, step, pointer = match.groups()[:5]
        if kind:
            return {"email": self.email, "phone": self.phone, "guid": self.guid}[kind](name)
        if word == "run":
            return self._run
        if word in ("token", "refresh"):
            token = self._token(word)
            if token is None:
                raise StepLost(f"the target gave no {_TOKENS[word]}")
            return token
        if word in ("unfollowed", "another"):
            turn = ("unfollowed", "another").index(word)
            if not self.unfollowed:
                raise StepLost("this account follows every channel already")
            if len(self.unfollowed) <= turn:
                raise StepLost("a run follows a second channel on a mock alone")
            return self.unfollowed[turn]
        found = self._flow[step].at(pointer)
        if found is MISSING or found is None:
            raise StepLost(f"the answer of `{step}` has nothing at {pointer}")
        return found

    def email(self, name: str) -> str:
        """An address of the run's own, in a domain that nobody has; $email.q is how those of q1 begin."""
        whole = f"wixture-{self._run}-{self._scenario}-{name}"
        return whole if name == "q" else f"{whole}@example.com"

    def phone(self, name: str) -> str:
        """A number out of those that are kept free for stories: 555-0100 to 555-0199 of an area code."""
        number = int.from_bytes(self._digest(name)[:6], "big")
        return f"+1{200 + number // 100 % 700}55501{number % 100:02}"

    def guid(self, name: str) -> str:
        """An ID that nobody has."""
        digits = self._digest(name).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"

    def _digest(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed} {name}".encode()).digest()


def references(value: Any) -> Iterator[str]:
    """The steps that a value refers to."""
    for match in _REFERENCE.finditer(str(value)):
        if match[4]:
            yield match[4]
