"""jsonschema-rs, which accepts, and openapi-core, which says why not, never disagree; nor does the mock with them.

Ten thousand generated requests, valid and damaged, go to both engines and through the whole mock. A failure
names its seed and the request: `generated(contract, random.Random(seed))` makes the same ones again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest
from generators import NUMBERS, TEXTS, Maker, Sent, about, damaged, damaged_value

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.dialect import forms
from wixture.contracts.document import Contract, Operation
from wixture.contracts.ledger import rows as rows_of_the_ledger
from wixture.contracts.validation import ABSENT, Validation
from wixture.mockserver.app import API_TAGS, Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.messages import Entity, Request, Response

SEEDS = range(10)
REQUESTS = 1000
ANSWERS = 200
ITEMS = 100

Handle = Callable[[Request], Response]


def operations_of(contract: Contract) -> list[Operation]:
    return contract.tagged(*API_TAGS)


def generated(contract: Contract, rng: random.Random) -> Iterator[Sent]:
    """Requests of all operations in turn, without end: not quite half of them valid, the others damaged.

    Fewer are valid where damage often breaks no contract: in the elements of a list that may be anything, in a
    body that nobody reads, in fields that are ignored.
    """
    maker = Maker(contract, rng)
    while True:
        for operation in operations_of(contract):
            sent = maker.request(operation)
            forgiving = operation.item_schema or (operation.body is None and "{" in operation.path)
            share = 0.3 if forgiving else 0.35 if operation.method == "PATCH" else 0.45
            yield sent if rng.random() < share else damaged(sent, rng)


def understood(sent: Sent) -> tuple[Mapping[str, str], Any] | None:
    """The query string and body as the engines get them; None for what is refused before them."""
    query = dict(sent.query)
    if len(query) != len(sent.query):
        return None
    if not sent.body_bytes or sent.operation.body is None:
        return query, ABSENT
    try:
        return query, parse_json(sent.body_bytes)
    except BadJson:
        return None


def engines_on_request(
    validation: Validation, sent: Sent, query: Mapping[str, str], body: Any
) -> tuple[bool, bool]:
    """Whether jsonschema-rs and whether openapi-core accept, each asked for everything."""
    operation = sent.operation
    violations = validation.request_violations(operation, sent.path, query, body)
    if operation.query_schema is not None:
        violations += validation.violations(operation.query_schema, query, where="query")
    return validation.accepts_request(operation, sent.path, query, body), not violations


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_give_a_request_the_same_verdict(seed: int, validation: Validation) -> None:
    verdicts: Counter[tuple[str, bool]] = Counter()
    requests = generated(validation.contract, random.Random(seed))
    while verdicts.total() < REQUESTS:
        sent = next(requests)
        parts = understood(sent)
        if parts is None:
            continue
        fast, exact = engines_on_request(validation, sent, *parts)
        assert fast == exact, f"seed {seed}: jsonschema-rs says {fast}, openapi-core {exact} to {sent}"
        verdicts[sent.operation.operation_id, fast] += 1
    for operation in operations_of(validation.contract):
        accepted, refused = (verdicts[operation.operation_id, verdict] for verdict in (True, False))
        share = accepted / (accepted + refused)
        assert 0.3 <= share <= 0.7, f"seed {seed}: {operation.operation_id} is accepted in {share:.0%}"


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_accept_every_request_made_from_the_schemas(seed: int, validation: Validation) -> None:
    maker = Maker(validation.contract, random.Random(1000 + seed))
    for operation in operations_of(validation.contract) * 10:
        sent = maker.request(operation)
        verdict = engines_on_request(validation, sent, dict(sent.query), sent.body)
        assert verdict == (True, True), f"seed {seed}: {verdict} to {sent}"


# ---- the same requests, through the mock ---------------------------------------------------------


class Visitor:
    """Sends generated requests to one tenant as whoever may, and remembers the consents it is told of."""

    def __init__(self, app: Application, rng: random.Random, instance_id: str) -> None:
        self._app = app
        self._rng = rng
        self._known: dict[str, Entity] = {}
        members = [derived_id("member", instance_id, str(number)) for number in range(30)]
        self._app_token = self._token("APP", instance_id, app.settings.app_id)
        self._member_tokens = [self._token("MEMBER", instance_id, member) for member in members]

    def _token(self, identity: Any, instance_id: str, subject_id: str) -> str:
        caller = self._app.oauth.caller(identity, instance_id, subject_id)
        return str(self._app.oauth.tokens_for(caller, 14_400)["access_token"])

    def token_for(self, operation: Operation) -> str:
        consents = "Marketing Consent" in operation.tags
        return self._app_token if consents else self._rng.choice(self._member_tokens)

    def pointed(self, sent: Sent) -> Sent:
        """The request, half of the time about a consent that is stored."""
        if not self._known or sent.text is not None or self._rng.random() < 0.5:
            return sent
        return about(sent, self._rng.choice(list(self._known.values())), self._rng)

    def learn(self, sent: Sent, answer: Any) -> None:
        consents = answer.get("marketingConsent", [])
        for consent in consents if isinstance(consents, list) else [consents]:
            self._known[consent["id"]] = consent
        if sent.operation.operation_id == "deleteMarketingConsent":
            self._known.pop(sent.path["marketingConsentId"], None)


def is_refused_by_contract(validation: Validation, sent: Sent) -> bool:
    parts = understood(sent)
    return parts is None or not validation.accepts_request(sent.operation, sent.path, *parts)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mock_answers_every_request_within_its_contract(
    seed: int, app: Application, handle: Handle, runner: asyncio.Runner
) -> None:
    rng = random.Random(seed)
    instance_id = derived_id("parity", str(seed))
    visitor = Visitor(app, random.Random(seed), instance_id)
    statuses: dict[str, Counter[int]] = {item.operation_id: Counter() for item in operations_of(app.contract)}
    rows: set[str] = set()
    requests = generated(app.contract, rng)
    for index in range(REQUESTS):
        sent = visitor.pointed(next(requests))
        before = runner.run(app.store.snapshot(instance_id)) if index % 4 == 0 else None
        response = handle(sent.to_request(visitor.token_for(sent.operation)))
        answer = orjson.loads(response.body)
        told = f"seed {seed}, request {index}: {response.status} {answer!r:.1000} to {sent}"
        assert response.status < 500, told
        assert app.validation.accepts_response(sent.operation, response.status, answer), told
        assert (response.status == 400) or not is_refused_by_contract(app.validation, sent), told
        if index % 5 == 0:
            assert not app.validation.response_violations(sent.operation, response.status, answer), told
        if before is not None and (response.status != 200 or sent.operation.side_effects == "none"):
            assert runner.run(app.store.snapshot(instance_id)) == before, told
        if response.status == 200:
            rows.update(rows_shown(app, sent, response, told))
            visitor.learn(sent, answer)
        statuses[sent.operation.operation_id][response.status] += 1
    for operation_id, counted in statuses.items():
        assert counted[200] >= 5, f"seed {seed}: {operation_id} was hardly ever answered: {counted}"
        assert counted[400] >= 5, f"seed {seed}: {operation_id} was hardly ever refused: {counted}"
    assert rows == emitted_in_answers(app.contract), f"seed {seed}: not every row was met"


def rows_shown(app: Application, sent: Sent, response: Response, told: str) -> set[str]:
    """The rows of the ledger that an answer shows: none in its documented form, until the dialect is asked for."""
    name = sent.operation.operation_id
    corrected = forms(name, orjson.loads(response.body))
    assert all(shown == {"corrected"} for shown in corrected.values()), f"{corrected} in {told}"
    body = app.answers.documented(sent.operation, response.body)
    as_documented = forms(name, orjson.loads(body))
    assert all(shown == {"documented"} for shown in as_documented.values()), f"{as_documented} in {told}"
    hidden = corrected.keys() - as_documented.keys()  # a member that one row drops cannot show another row's name
    assert hidden <= ({"entity-dates-snake-case"} if name == "bulkUpsertMarketingConsent" else set()), told
    return set(as_documented)


def emitted_in_answers(contract: Contract) -> set[str]:
    """The rows that an answer, and not only an event, can show."""
    steps = (step for row in rows_of_the_ledger().values() for step in row.emits)
    return {step.row for step in steps if set(step.messages) & set(contract.operations)}


# ---- answers and the elements of a bulk request --------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_give_a_consent_answer_the_same_verdict(seed: int, validation: Validation) -> None:
    rng = random.Random(2000 + seed)
    maker = Maker(validation.contract, rng)
    answering = [item for item in operations_of(validation.contract) if "Marketing Consent" in item.tags]
    answering = [item for item in answering if item.operation_id != "deleteMarketingConsent"]
    verdicts: Counter[bool] = Counter()
    while verdicts.total() < ANSWERS:
        operation = rng.choice(answering)
        answer = maker.answer(operation)
        if rng.random() < 0.6:
            answer = damaged_value(answer, rng)
        if answer is ABSENT:
            continue
        fast = validation.accepts_response(operation, 200, answer)
        exact = not validation.response_violations(operation, 200, answer)
        told = f"seed {seed}: jsonschema-rs says {fast}, openapi-core {exact} to {operation.operation_id}"
        assert fast == exact, f"{told} {answer!r}"
        verdicts[fast] += 1
    assert min(verdicts[True], verdicts[False]) >= 0.3 * ANSWERS, f"seed {seed}: {verdicts}"


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_give_every_declared_answer_the_same_verdict(seed: int, validation: Validation) -> None:
    """Errors too, and the answers without a consent in them."""
    rng = random.Random(3000 + seed)
    maker = Maker(validation.contract, rng)
    for operation in operations_of(validation.contract):
        for status in (200, 400, 418):
            answer = maker.answer(operation, status) if status in operation.responses else {}
            for body in (answer, damaged_value(answer, rng)):
                if body is ABSENT:
                    continue
                fast = validation.accepts_response(operation, status, body)
                exact = not validation.response_violations(operation, status, body)
                assert fast == exact, f"seed {seed}: {fast}, {exact} to {status} {operation.operation_id} {body!r}"
                assert fast or body is not answer or status == 418, f"seed {seed}: {body!r} is refused"


@pytest.mark.parametrize("seed", SEEDS)
def test_both_engines_give_an_element_of_a_bulk_request_the_same_verdict(
    seed: int, validation: Validation
) -> None:
    rng = random.Random(4000 + seed)
    maker = Maker(validation.contract, rng)
    bulk = validation.contract.operations["bulkUpsertMarketingConsent"]
    assert bulk.item_schema is not None
    _, schema = bulk.item_schema
    verdicts: Counter[bool] = Counter()
    while verdicts.total() < ITEMS:
        item = maker.value(schema)
        if rng.random() < 0.6:
            item = damaged_value(item, rng)
        if item is ABSENT:
            continue
        fast, exact = validation.accepts(schema, item), not validation.violations(schema, item)
        assert fast == exact, f"seed {seed}: jsonschema-rs says {fast}, openapi-core {exact} to {item!r}"
        verdicts[fast] += 1
    assert min(verdicts[True], verdicts[False]) >= 0.3 * ITEMS, f"seed {seed}: {verdicts}"


# ---- single values at the edges ------------------------------------------------------------------

NUMBER_PLACES: Mapping[str, Callable[[int | float], tuple[str, Any]]] = {
    "revision": lambda number: ("UpdateMarketingConsentRequest", {"marketingConsent": _update(number)}),
    "limit": lambda number: ("QueryMarketingConsentRequest", {"query": {"cursorPaging": {"limit": number}}}),
    "count": lambda number: ("CursorPagingMetadata", {"count": number, "cursors": {}, "hasNext": False}),
    "state": lambda number: ("State", number),
}


def _update(revision: int | float) -> dict[str, Any]:
    details = {"type": "EMAIL", "email": "ada@example.com"}
    return {"details": details, "state": "NEVER_CONFIRMED", "revision": revision}


@pytest.mark.parametrize("place", NUMBER_PLACES)
def test_both_engines_read_every_number_the_same_way(place: str, validation: Validation) -> None:
    for number in NUMBERS:
        name, value = NUMBER_PLACES[place](orjson.loads(orjson.dumps(number)))
        pointer = f"/components/schemas/{name}"
        fast, exact = validation.accepts(pointer, value), not validation.violations(pointer, value)
        assert fast == exact, f"jsonschema-rs says {fast}, openapi-core {exact} to {number!r} as {place}"


@pytest.mark.parametrize("name", ["Guid", "Timestamp", "Revision", "Email", "Phone", "LinkLanguage", "LinkUrl"])
def test_both_engines_read_every_text_the_same_way(name: str, validation: Validation) -> None:
    pointer, rng = f"/components/schemas/{name}", random.Random(5000)
    maker = Maker(validation.contract, rng)
    good = [maker.value(pointer) for _ in range(20)]
    for text in (*good, *(damaged_value(text, rng) for text in good for _ in range(10)), *TEXTS):
        if text is ABSENT:
            continue
        fast, exact = validation.accepts(pointer, text), not validation.violations(pointer, text)
        assert fast == exact, f"jsonschema-rs says {fast}, openapi-core {exact} to {text!r} as {name}"
    assert all(validation.accepts(pointer, text) for text in good), name
    assert not validation.accepts(pointer, good[0] + "\n"), name
