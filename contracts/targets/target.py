"""A target: every call that a run makes goes through here, and is paced, permitted, journalled and kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.document import Contract, Operation
from wixture.contracts.findings import Exchanged
from wixture.contracts.secrets import Redactor
from wixture.contracts.targets.address import Address
from wixture.contracts.targets.connection import Connection, Unanswered
from wixture.contracts.targets.credentials import Credentials
from wixture.contracts.targets.identities import MOST_TOKEN, Identities, Identity, encoded
from wixture.contracts.targets.pace import MOST_WAITS, Pace, Stopped, Stopwatch
from wixture.contracts.targets.run_journal import Claim, RunJournal
from wixture.contracts.targets.safety import NotPermitted, Permits
from wixture.contracts.validation import ABSENT

FINDS_OWN = "getMarketingConsentByIdentifier"
"""The read that tells whether an address or number is somebody's."""

_FINDS_BY_ID = "getMarketingConsent"
_LOOKED_FOR = {"EMAIL": re.compile(r"[^@\s]+@[^@\s]+"), "PHONE": re.compile(r"\+[1-9][0-9]{6,14}")}
"""Addresses and numbers that a get-by has to look for: when it refuses one of these, nothing is known of it."""
_TOKENS = ("access_token", "refresh_token", "accessToken", "refreshToken")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(slots=True)
class Ownership:
    """What a run may write to: what its journal names, and GUIDs that it made up itself."""

    journal: RunJournal
    invented: set[str] = field(default_factory=set)

    def is_foreign(self, value: str) -> bool:
        """Whether an ID may be of somebody else's entity: any GUID that is neither made nor made up by the run."""
        return _GUID.fullmatch(value) is not None and value.lower() not in {*self.journal.own, *self.invented}


class Target:
    """One endpoint, called by operation and identity. `redactor` knows every secret that it was ever given.

    `site` is the query string by which a mock's own API names the credentials' site; empty for its default one.
    """

    def __init__(
        self,
        address: Address,
        contract: Contract,
        journal: RunJournal,
        *,
        credentials: Credentials | None = None,
        permits: Permits | None = None,
        pace: Pace | None = None,
        certificate: Path | None = None,
        is_mock: bool = False,
    ) -> None:
        self.address = address
        self.contract = contract
        self.journal = journal
        self.permits = permits or Permits()
        self.pace = pace or pace_for(address)
        self.is_mock = is_mock
        given = credentials or Credentials()
        self.site = f"?instance={given.instance_id}" if given.instance_id else ""
        self.redactor = Redactor(given.secrets())
        self.owned = Ownership(journal)
        self._checked: dict[str, bool] = {}
        self._connection = Connection(address, certificate)
        self.identities = Identities(given, self._ask, on_mock=is_mock)

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        body: Any = ABSENT,
        identity: Identity = "APP",
        headers: Mapping[str, str] | None = None,
    ) -> Exchanged:
        """The exchange of one call. `body` is a JSON value, or bytes that are sent as they are.

        Raises NotPermitted before anything is sent, NoIdentity, and Stopped when the run may not go on.
        """
        refusal = self.permits.refusal(operation)
        if refusal:
            raise NotPermitted(f"{operation.operation_id}: {refusal}.")
        proof = self.identities.headers(identity)
        if operation.side_effects != "none":
            self._own(operation, path or {}, body)
        sent = {**proof, **({} if body is ABSENT else {"Content-Type": "application/json"}), **(headers or {})}
        line = _path(operation, path or {}, query or {})
        exchange = self._exchange(operation.method, line, sent, body)
        if operation.side_effects != "none":
            self._learn_made(operation, path or {}, exchange)
        return exchange

    def invent(self, entity_id: str) -> str:
        """Take note of a GUID that nobody has, so that writes may name it; answers it."""
        self.owned.invented.add(entity_id.lower())
        return entity_id

    def adopt(self, entity_id: str) -> None:
        """An entity was read and found to be the run's own, so that it may be deleted."""
        self.journal.adopt(entity_id)
        self._checked[entity_id.lower()] = True

    def leads_to_own(self, entity_id: str) -> bool:
        """Whether nothing is known to speak against an ID that the run saw made: a target may answer another's.

        It is read once, before the first write by it. On a mock nobody else is there.
        """
        known = entity_id.lower()
        if self.is_mock or known not in self.journal.own or _FINDS_BY_ID not in self.contract.operations:
            return True
        if known not in self._checked:
            read = self.call(self.contract.operations[_FINDS_BY_ID], path={"marketingConsentId": entity_id})
            claims = [
                Claim.of(consent["details"])
                for consent in _consents_in(read.response_body)
                if isinstance(consent.get("details"), dict)
            ]
            self._checked[known] = all(claim is None or claim in self.journal.claims for claim in claims)
        return self._checked[known]

    def control(self, method: str, path: str, body: Any = ABSENT) -> Exchanged:
        """A call of the mock's own API below /_mock; on another target it is never made."""
        if not self.is_mock:
            raise NotPermitted("Only a mock has /_mock.")
        return self._exchange(method, f"/_mock{path}", {"Content-Type": "application/json"}, body)

    def _own(self, operation: Operation, path: Mapping[str, str], body: Any) -> None:
        """Make sure that a write can meet nothing but the run's own, and write it down. Raises NotPermitted."""
        if operation.side_effects == "reversible":
            foreign = [value for value in path.values() if self.owned.is_foreign(value)]
            if foreign:
                raise NotPermitted(f"{operation.operation_id}: the run did not make {foreign[0]}.")
            for value in path.values():
                if not self.leads_to_own(value):
                    raise NotPermitted(f"{operation.operation_id}: {value} leads to somebody else's consent.")
            for claim in _claims_in(body):
                self._claim(claim)
        self.journal.call(operation.operation_id, self.redactor.without_secrets(_path(operation, path, {})))

    def _claim(self, claim: Claim) -> None:
        if claim in self.journal.claims or FINDS_OWN not in self.contract.operations:
            return
        found = self.call(self.contract.operations[FINDS_OWN], query=claim.query)
        is_none = found.status == 400 and not _LOOKED_FOR[claim.kind].fullmatch(claim.value)
        if found.status != 404 and not is_none:  # nobody can have what is no address and no number
            raise NotPermitted(
                f"{claim.kind} of a write: get-by answered {found.status}, not 404, so it may be somebody's."
            )
        self.journal.claim(claim)

    def _learn_made(self, operation: Operation, path: Mapping[str, str], exchange: Exchanged) -> None:
        for consent in _consents_in(exchange.response_body):
            claim = Claim.of(consent["details"]) if isinstance(consent.get("details"), dict) else None
            if claim is not None and claim in self.journal.claims and self._is_an_id(consent.get("id")):
                self.journal.made(consent["id"].lower(), claim)
        if operation.method == "DELETE" and exchange.status == 200:
            for value in filter(self._is_an_id, path.values()):
                self.journal.gone(value.lower())

    def _is_an_id(self, value: Any) -> bool:
        """Whether what an answer has for an ID may be written down: a target may put a credential there."""
        return isinstance(value, str) and self.redactor.without_secrets(value) == value

    def _ask(self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Exchanged:
        return self._exchange(method, path, {"Content-Type": "application/json", **headers}, body)

    def _learn(self, body: Any) -> None:
        """Tokens that an answer hands out are secrets from then on."""
        if isinstance(body, dict):
            found = (body.get(name) for name in _TOKENS)
            tokens = [token for token in found if isinstance(token, str) and len(token) <= MOST_TOKEN]
            self.redactor = self.redactor.also(tokens) if tokens else self.redactor

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Exchanged:
        """Send until something other than 429 is answered; each time it waits as it was told to."""
        for _ in range(MOST_WAITS):
            with self.pace as pace:
                exchange = self._send(method, path, headers, body)
                again = pace.heard(exchange.status, exchange.response_headers.get("retry-after"))
            if not again:
                self._learn(exchange.response_body)
                return exchange
        raise Stopped(f"It answered 429 to {MOST_WAITS} attempts of one call, each after the wait it asked for.")

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Exchanged:
        data = None if body is ABSENT else body if isinstance(body, bytes) else encoded(body)
        sent = {"Accept": "application/json", "User-Agent": "wixture", **headers}
        watch = Stopwatch()
        try:
            answer = self._connection.send(method, path, sent, data)
        except Unanswered as error:
            status, came, content, took = None, {}, f"No answer: {error}.", watch.ms
        else:
            status, came, took = answer.status, dict(answer.headers), answer.duration_ms
            content = _readable(answer.body)
        return Exchanged(
            method=method,
            url=self.address.url + path,
            status=status,
            request_headers=sent,
            request_body=None if body is ABSENT else _readable(body) if isinstance(body, bytes) else body,
            response_headers=came,
            response_body=content,
            duration_ms=took,
        )


def pace_for(address: Address, most_calls: int | None = None) -> Pace:
    """The pace of an address: free on loopback, 180 calls a minute and five failures in a row elsewhere."""
    if address.is_loopback:
        return Pace(calls_a_minute=None, most_failures=None, most_calls=most_calls)
    return Pace(most_calls=most_calls)


def _path(operation: Operation, path: Mapping[str, str], query: Mapping[str, str]) -> str:
    line = operation.path
    for name, value in path.items():
        line = line.replace(f"{{{name}}}", quote(value, safe=""))
    return f"{line}?{urlencode(query, quote_via=quote)}" if query else line


def _readable(data: bytes) -> Any:
    """A body as a JSON value, else as text, else as bytes; None when it is empty."""
    if not data:
        return None
    try:
        return parse_json(data)
    except (BadJson, RecursionError):
        pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _claims_in(body: Any) -> Iterator[Claim]:
    """The addresses and numbers that a body names, wherever its details stand."""
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.values())
            if isinstance(node.get("details"), dict):
                for kind, name in (("EMAIL", "email"), ("PHONE", "phone")):
                    claim = Claim.of({**node["details"], "type": kind}) if name in node["details"] else None
                    if claim:
                        yield claim
        elif isinstance(node, list):
            stack.extend(node)


def _consents_in(body: Any) -> Iterator[dict[str, Any]]:
    stack = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("marketingConsent"), dict):
                yield node["marketingConsent"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
