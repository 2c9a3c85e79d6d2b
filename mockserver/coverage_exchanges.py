"""What one exchange of the journal shows: its operation and status, the values it answers, the ledger's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wixture.contracts import dialect
from wixture.contracts.leniency import leniency
from wixture.mockserver.app import Application
from wixture.mockserver.faults import ANSWER_FAULTS
from wixture.mockserver.forms import Forms, find_operation, forms_of, read_request
from wixture.mockserver.messages import Exchange
from wixture.mockserver.refusals import Refusal

Item = tuple[str, str]
"""A dimension, and one item of it."""

ActionOf = Callable[[str], Mapping[str, Any] | None]
"""Says what a fault plan does or did, by its ID; None for an unknown one."""

ELIGIBILITY = ("granted", "notGranted")
BULK_RESULTS = ("stored", "refused")
PAGES = ("empty", "onlyPage", "firstOfMany", "furtherPage")
SERVER_ERROR = "5xx"
_SPOILT = ("reset", "empty", "garbage", "truncate")  # the right answer does not arrive
FAULTS = tuple(action for action in ANSWER_FAULTS if action not in ("status", "rate_limit"))

_OK, _SERVER_ERRORS = 200, range(500, 600)
_REFUSED_FORMS = (400, 405, 415)


@dataclass(frozen=True, slots=True)
class Reader:
    """What the exchanges of one journal are read with."""

    app: Application
    action_of: ActionOf


def shown_by(reader: Reader, exchange: Exchange, *, whole: bool = True) -> Iterator[Item]:
    """What one exchange shows. One that is not `whole` has lost its bodies."""
    operation_id = exchange.operation_id or ""
    if operation_id in reader.app.rules:
        yield "operations", operation_id
        action = (reader.action_of(exchange.fault_id) or {}) if exchange.fault_id else {}
        yield from (("faults", name) for name in FAULTS if name in action)
        if _arrived(exchange, action):
            yield "statuses", f"{operation_id} {_column(exchange.response.status)}"
            yield from _in_answer(operation_id, exchange)
    if exchange.rows and exchange.response.status == _OK:
        yield from (("ledgerRows", f"{row} lenient") for row in exchange.rows)
    elif whole and exchange.response.status in _REFUSED_FORMS:
        yield from (("ledgerRows", f"{row} strict") for row in _rows_that_would_help(reader.app, exchange))


def _arrived(exchange: Exchange, action: Mapping[str, Any]) -> bool:
    """Whether the caller got the answer as the journal has it, maybe late."""
    unknown = exchange.fault_id is not None and not action and exchange.response.status == _OK
    return not unknown and action.keys().isdisjoint(_SPOILT)


def _column(status: int) -> str:
    return SERVER_ERROR if status in _SERVER_ERRORS else str(status)


# ---- answers -------------------------------------------------------------------------------------


def _in_answer(operation_id: str, exchange: Exchange) -> Iterator[Item]:
    if exchange.response.status != _OK or not exchange.response.body:
        return
    body = orjson.loads(exchange.response.body)
    yield from of_entities(body)
    yield from of_rows(operation_id, body)
    yield from _eligibility(operation_id, body)
    yield from _page(body.get("pagingMetadata"))
    counts = body.get("metadata", {})
    for name, member in zip(BULK_RESULTS, ("totalSuccess", "totalFailure"), strict=True):
        if counts.get(member):
            yield "bulkResults", name


def of_rows(message: str, body: Any) -> Iterator[Item]:
    """The rows of the ledger of which an answer or event shows a form, each form an item."""
    for row, shown in dialect.forms(message, body).items():
        yield from (("ledgerRows", f"{row} {form}") for form in shown)


def of_entities(body: Any) -> Iterator[Item]:
    """The values of the entities in an answer or event, wherever they stand in it."""
    if isinstance(body, list):
        for item in body:
            yield from of_entities(item)
    elif isinstance(body, dict):
        if "details" in body and "state" in body:
            yield from _of_consent(body)
        elif "accountId" in body and "channel" in body:
            yield "channels", body["channel"]
        else:
            for value in body.values():
                yield from of_entities(value)


def _of_consent(consent: Mapping[str, Any]) -> Iterator[Item]:
    yield "states", f"{consent['details']['type']} {consent['state']}"
    if (confirmed := consent.get("lastConfirmationActivity")) is not None:
        yield "optInLevels", confirmed["optInLevel"]
        yield "confirmationSources", confirmed["source"]
    if (revoked := consent.get("lastRevokeActivity")) is not None:
        yield "revokeSources", revoked["source"]


def _eligibility(operation_id: str, body: Mapping[str, Any]) -> Iterator[Item]:
    found = body.get("communicationEligibility", {})
    for name in dialect.names(operation_id, "granted"):
        if name in found:
            yield "eligibility", ELIGIBILITY[0] if found[name] else ELIGIBILITY[1]


def _page(about: Mapping[str, Any] | None) -> Iterator[Item]:
    if about is None:
        return
    empty, only, first, further = PAGES
    if about["cursors"].get("prev"):
        yield "paging", further
    elif about["hasNext"]:
        yield "paging", first
    else:
        yield "paging", only if about["count"] else empty


# ---- requests ------------------------------------------------------------------------------------


def _rows_that_would_help(app: Application, exchange: Exchange) -> tuple[str, ...]:
    """The rows by which lenient input would have taken a request that strict input refused."""
    request = exchange.request
    try:
        tenant = app.tenants.known(exchange.instance_id or "")
        if forms_of(request, tenant.forms if tenant else app.tenants.forms).lenient:
            return ()
        lenient = Forms(lenient=True)
        match, rows = find_operation(request, app.routes, lenient)
        if match is None or match.operation.operation_id not in app.rules:
            return ()
        sent = read_request(request, match.operation, lenient)
    except Refusal:
        return ()
    accepts = leniency().validation.accepts_request
    accepted = accepts(match.operation, match.path_parameters, sent.query, sent.body)
    return (*rows, *sent.rows) if accepted else ()
