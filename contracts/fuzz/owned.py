"""A run's own addresses, numbers and entities: what writes to a real site are turned to before they are sent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from wixture.contracts.document import Operation
from wixture.contracts.fuzz.outgoing import Outgoing, texts
from wixture.contracts.targets.run_journal import Claim, RunJournal
from wixture.contracts.validation import ABSENT

EMAILS = 20
PHONES = 20
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_KINDS = {"email": "EMAIL", "phone": "PHONE"}
_FORMS = {
    "EMAIL": re.compile(r"[^@\x00-\x20\x7f]+@[^@\x00-\x20\x7f]+"),
    "PHONE": re.compile(r"\+[1-9][0-9]{1,14}"),
}


class NotOurs(Exception):
    """A write cannot be turned to what is the run's own. The text says why."""


@dataclass(slots=True)
class Own:
    """What a run may write to.

    `is_free` asks the target whether nobody has an address or number yet, `leads_to_own` whether an ID that the
    target called the run's is not somebody else's.
    """

    journal: RunJournal
    is_free: Callable[[Claim], bool]
    leads_to_own: Callable[[str], bool] = lambda _: True

    def turned(self, outgoing: Outgoing, operation: Operation) -> Outgoing:
        """The write, with every identifier and ID the run's own. Raises NotOurs when that cannot be said of it."""
        target = self._own_path(outgoing, operation) if "{" in operation.path else outgoing.target
        if outgoing.body is None:
            return replace(outgoing, target=target)
        if outgoing.json is ABSENT:
            raise NotOurs("its body is no JSON, so whom it names cannot be told")
        body = self._own_body(outgoing.json)
        foreign = [text for text in texts(body) if _GUID.fullmatch(text) and text.lower() not in self.journal.own]
        if foreign:
            raise NotOurs(f"its body names {foreign[0]}, which the run did not make")
        return replace(outgoing, target=target, body=json.dumps(body).encode())

    def learn(self, answered: Any) -> None:
        """Take note of the entities that an answer shows, where the run claimed their address or number."""
        for entity in _entities(answered):
            claim = Claim.of(entity["details"])
            if claim in self.journal.claims and isinstance(entity["id"], str):
                self.journal.made(entity["id"].lower(), claim)

    def _own_path(self, outgoing: Outgoing, operation: Operation) -> str:
        """The target with an ID of the run's own in place of another's."""
        own = sorted(self.journal.own)
        if not own:
            raise NotOurs("the run has made no entity yet")
        path, _, _ = outgoing.target.partition("?")
        value = path.rpartition("/")[2]
        chosen = value if value.lower() in own else own[_number(value) % len(own)]
        if not self.leads_to_own(chosen):
            raise NotOurs("the target answered somebody else's ID for an entity of the run")
        return path if chosen == value else re.sub(r"\{[^}]*\}", quote(chosen, safe=""), operation.path)

    def _own_body(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self._own_body(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        turned = {name: self._own_member(name, inner) for name, inner in node.items()}
        details = turned.get("details")
        has_number = isinstance(details, dict) and any(name.strip().lower() == "phone" for name in details)
        return self._signed(turned) if has_number else turned

    def _signed(self, consent: dict[str, Any]) -> dict[str, Any]:
        """The consent of a number with the run's name in its activities: a number alone does not tell whose it is.

        An address has the name in itself. Without it, a clean-up after a crash would have to leave the consent.
        """
        signed = dict(consent)
        for name in ("lastConfirmationActivity", "lastRevokeActivity"):
            activity = consent.get(name)
            if isinstance(activity, dict):
                signed[name] = {**activity, "description": f"wixture {self.journal.run}"}
        if signed == consent:
            raise NotOurs("nothing in the consent of its number could say that the run made it")
        return signed

    def _own_member(self, name: str, value: Any) -> Any:
        kind = _KINDS.get(name.strip().lower())
        if kind is None or value is None:
            return self._own_body(value)
        if not isinstance(value, str) or not _FORMS[kind].fullmatch(value.strip()):
            raise NotOurs(f"its {kind.lower()} is none, so whom a target takes it for cannot be told")
        return self._identifier(kind, value.strip().lower())

    def _identifier(self, kind: str, value: str) -> str:
        """An address or number of the run's own: the same one for the same value, and nobody's before."""
        if Claim(kind, value) in self.journal.claims:
            return value
        start = _number(value)
        for turn in range(EMAILS if kind == "EMAIL" else PHONES):
            claim = Claim(kind, self._candidate(kind, start + turn))
            if claim in self.journal.claims:
                return claim.value
            if self.is_free(claim):
                self.journal.claim(claim)
                return claim.value
        raise NotOurs(f"every {kind.lower()} of the run is somebody's already")

    def _candidate(self, kind: str, number: int) -> str:
        if kind == "EMAIL":
            return f"wixture-{self.journal.run}-{number % EMAILS + 1}@example.com"
        return f"+120255501{number % PHONES:02}"


def _number(value: str) -> int:
    return int.from_bytes(hashlib.sha256(value.encode("utf-8", "backslashreplace")).digest()[:4], "big")


def _entities(body: Any) -> Iterator[dict[str, Any]]:
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("details"), dict) and "id" in node:
                yield node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
