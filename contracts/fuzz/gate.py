"""The one place that sends what was generated: every request is judged, turned, journalled and paced here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.findings import Exchanged
from wixture.contracts.fuzz.outgoing import Outgoing, identity_of
from wixture.contracts.fuzz.owned import NotOurs, Own
from wixture.contracts.fuzz.rules import Rules, Verdict
from wixture.contracts.targets.connection import Answer, Connection, Unanswered
from wixture.contracts.targets.identities import NoIdentity, NotProven
from wixture.contracts.targets.pace import MOST_WAITS, Stopped
from wixture.contracts.targets.run_journal import Claim
from wixture.contracts.targets.target import FINDS_OWN, Target
from wixture.contracts.validation import ABSENT

INTERRUPTED = "The run was interrupted; this is what it found out until then."
_NEVER_SENT = frozenset({"host", "content-length", "transfer-encoding", "connection", "x-schemathesis-testcaseid"})
_ALWAYS = {"User-Agent": "wixture", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Withheld:
    """A request that was not sent, and why."""

    reason: str


@dataclass(slots=True)
class Gate:
    """Sends requests to one target, those that may be sent. `stopped` says why the run may go on no longer,
    `unproven` why a caller with credentials got no token.

    Callers are stand-ins until a request is here (see `outgoing.py`); nobody before sees a token.
    """

    target: Target
    rules: Rules
    own: Own | None = None
    certificate: Path | None = None
    stopped: str | None = None
    unproven: str | None = None
    sent: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    secrets: set[str] = field(default_factory=set)
    _connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = Connection(self.target.address, self.certificate)

    def send(self, outgoing: Outgoing) -> Answer | Withheld:
        """The answer to a request, or why it was not sent. Raises Unanswered when none came."""
        try:
            return self._send(outgoing)
        except Stopped as error:
            self.stopped = str(error)
            return Withheld(self.stopped)
        except NotProven as error:
            self.unproven = str(error)
            return self._withhold(str(error))
        except (NoIdentity, NotOurs) as error:
            return self._withhold(str(error))

    def _send(self, outgoing: Outgoing) -> Answer | Withheld:
        if self.stopped:
            return Withheld(self.stopped)
        verdict = self.rules.verdict(outgoing)
        if verdict.refusal:
            return self._withhold(verdict.refusal)
        if verdict.writes and self.own is not None:
            outgoing = self._turned(outgoing, verdict)
        answer = self._exchange(self._proven(outgoing))
        if b"_token" in answer.body:
            self.secrets.update(_tokens_in(body_of(answer)))
        if verdict.writes and self.own is not None:
            self.own.learn(body_of(answer))
            if outgoing.method == "DELETE" and answer.status == 200:
                self.own.journal.gone(outgoing.path.rpartition("/")[2].lower())
        return answer

    def _withhold(self, reason: str) -> Withheld:
        self.withheld[reason] += 1
        return Withheld(reason)

    def _turned(self, outgoing: Outgoing, verdict: Verdict) -> Outgoing:
        """The write with the run's own identifiers, written to the journal before it is sent."""
        operation = verdict.operation
        if operation is None or self.own is None:
            raise NotOurs("it is no operation")
        if operation.side_effects == "reversible":
            outgoing = self.own.turned(outgoing, operation)
        self.own.journal.call(operation.operation_id, outgoing.target[:500])
        return outgoing

    def _proven(self, outgoing: Outgoing) -> Outgoing:
        """The request with the caller's own headers in place of the stand-in."""
        identity = identity_of(outgoing)
        proof: Mapping[str, str] = self.target.identities.headers(identity) if identity else {}
        taken = {name.lower() for name in (*proof, *_ALWAYS)} | _NEVER_SENT
        kept = {name: value for name, value in outgoing.headers.items() if name.lower() not in taken}
        return replace(outgoing, headers={**kept, **proof, **_ALWAYS})

    def _exchange(self, outgoing: Outgoing) -> Answer:
        """Send until something other than 429 is answered. Raises Unanswered, and Stopped."""
        for _ in range(MOST_WAITS):
            with self.target.pace as pace:
                self.sent += 1
                try:
                    answer = self._connection.send(
                        outgoing.method, outgoing.target, outgoing.headers, outgoing.body
                    )
                except Unanswered:
                    pace.heard(None)
                    raise
                again = pace.heard(answer.status, answer.headers.get("retry-after"))
            if not again:
                return answer
        raise Stopped(f"It answered 429 to {MOST_WAITS} attempts of one call, each after the wait it asked for.")


def _tokens_in(body: Any) -> list[str]:
    """Tokens that a target handed out because chance found a grant: they are printed nowhere either."""
    found = [body.get(name) for name in ("access_token", "refresh_token")] if isinstance(body, dict) else []
    return [token for token in found if isinstance(token, str) and token]


def is_free(target: Target, claim: Claim) -> bool:
    """Whether a get-by finds nobody with an address or number."""
    operation = target.contract.operations[FINDS_OWN]
    return target.call(operation, query=claim.query).status == 404


def body_of(answer: Answer) -> Any:
    """The body of an answer as a JSON value, else as text, else as bytes; None when it is empty."""
    return readable(answer.body)


def readable(data: bytes | None) -> Any:
    """Bytes as a JSON value, else as text, else as they are; None when there are none."""
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


def exchanged(gate: Gate, outgoing: Outgoing, answer: Answer | None) -> Exchanged:
    """A request and its answer as reports show them; the caller is still a stand-in."""
    return Exchanged(
        method=outgoing.method,
        url=gate.target.address.url + outgoing.target,
        status=None if answer is None else answer.status,
        request_headers=dict(outgoing.headers),
        request_body=None if outgoing.json is ABSENT and not outgoing.body else readable(outgoing.body),
        response_headers={} if answer is None else dict(answer.headers),
        response_body=None if answer is None else body_of(answer),
        duration_ms=0.0 if answer is None else answer.duration_ms,
    )
