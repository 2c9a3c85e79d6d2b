"""What the control API's calls about the journal do, one function each, named as in spec/control.yaml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import Answer, ControlCall, instant
from wixture.mockserver.journal import Journal
from wixture.mockserver.messages import Exchange
from wixture.mockserver.redaction import Redaction, secrets_of


async def list_exchanges(app: Application, call: ControlCall) -> Answer:
    """The tenant's exchanges, and those that name no tenant."""
    tenants = app.tenants.all() if call.everybody else [call.tenant]
    own = [one for tenant in tenants for one in _selected(await app.journals.read(tenant), call.query)]
    if call.everybody:
        own.sort(key=lambda exchange: exchange.time)
    unattributed = await app.journals.read(None)
    redaction = Redaction(secrets_of(app.settings))
    return {
        "exchanges": [redaction.shown(exchange) for exchange in own],
        "unattributed": [redaction.shown(exchange) for exchange in _selected(unattributed, call.query)],
    }


async def delete_exchanges(app: Application, call: ControlCall) -> Answer:
    """Forget them."""
    for tenant in app.tenants.all() if call.everybody else [call.tenant]:
        await app.journals.clear(tenant)
    if call.everybody:
        await app.journals.clear(None)
    return {}


def _selected(journal: Journal, query: Mapping[str, str]) -> list[Exchange]:
    gone = journal.breaches_gone if query.get("violations") == "true" else ()
    found = [*gone, *journal]
    if "since" in query:
        found = _since(found, query["since"])
    if "operation" in query:
        found = [exchange for exchange in found if exchange.operation_id == query["operation"]]
    if "status" in query:
        found = [exchange for exchange in found if exchange.response.status == int(query["status"])]
    if "violations" in query:
        found = [exchange for exchange in found if bool(exchange.violations) == (query["violations"] == "true")]
    return found


def _since(journal: Iterable[Exchange], since: str) -> list[Exchange]:
    """Those after the exchange with that ID (all, where this journal has none), or after that instant."""
    exchanges = list(journal)
    if len(since) == 36 and since.count("-") == 4:
        ids = [exchange.id for exchange in exchanges]
        return exchanges[ids.index(since) + 1 :] if since in ids else exchanges
    start = instant(since, "since")
    return [exchange for exchange in exchanges if exchange.time > start]


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {
    "listExchanges": list_exchanges,
    "deleteExchanges": delete_exchanges,
}
