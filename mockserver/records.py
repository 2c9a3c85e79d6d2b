"""A tenant's record: what was done to it since launch, as JSON that a store keeps beside its entities.

Only what differs from the launch options is in it, so that a later start's options hold for all that nobody has
touched. Chance is not in it: streams have the start's number in their names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from wixture.mockserver.domain_events import Subscription
from wixture.mockserver.forms import Forms
from wixture.mockserver.login_codes import Code

if TYPE_CHECKING:
    from wixture.mockserver.tenant import Tenant

EMPTY = b"{}"


def record_of(tenant: Tenant, launched: Tenant) -> bytes:
    """The record of a tenant; `launched` is one as it would be made now."""
    record: dict[str, Any] = {}
    for name, write in _WRITERS.items():
        content = write(tenant, launched)
        if content:
            record[name] = content
    return orjson.dumps(record)


def restore(tenant: Tenant, launched: Tenant, raw: bytes) -> None:
    """Make a tenant what its record says. `launched` is one as it would be made now, which is used up."""
    record: Mapping[str, Any] = orjson.loads(raw)
    tenant.born = record.get("born", 0)
    tenant.life = record.get("life", 0)
    tenant.clock.put_back(record.get("clock"))
    switches = record.get("switches", {})
    tenant.channels = frozenset(switches["channels"]) if "channels" in switches else launched.channels
    tenant.loyalty_installed = switches.get("loyaltyInstalled", launched.loyalty_installed)
    tenant.forms = Forms(**record["forms"]) if "forms" in record else launched.forms
    told = record.get("subscriptions", {})
    kept = {id_: one for id_, one in launched.subscriptions.items() if id_ not in told.get("removed", ())}
    added = (Subscription(**one) for one in told.get("added", ()))
    tenant.subscriptions = {**kept, **{one.id: one for one in added}}
    tenant.codes = {text: Code(**code) for text, code in record.get("codes", {}).items()}
    tenant.faults.put_back(record.get("faults", ()))


def _switches(tenant: Tenant, launched: Tenant) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if tenant.channels != launched.channels:
        found["channels"] = sorted(tenant.channels)
    if tenant.loyalty_installed != launched.loyalty_installed:
        found["loyaltyInstalled"] = tenant.loyalty_installed
    return found


def _forms(tenant: Tenant, launched: Tenant) -> dict[str, Any] | None:
    return None if tenant.forms == launched.forms else asdict(tenant.forms)


def _subscriptions(tenant: Tenant, launched: Tenant) -> dict[str, Any]:
    added = [asdict(one) for id_, one in tenant.subscriptions.items() if id_ not in launched.subscriptions]
    removed = [id_ for id_ in launched.subscriptions if id_ not in tenant.subscriptions]
    parts = {"added": added, "removed": removed}
    return {name: part for name, part in parts.items() if part}


_WRITERS: Mapping[str, Callable[[Tenant, Tenant], Any]] = {
    "born": lambda tenant, _: tenant.born,
    "life": lambda tenant, _: tenant.life,
    "clock": lambda tenant, _: tenant.clock.moved(),
    "switches": _switches,
    "forms": _forms,
    "subscriptions": _subscriptions,
    "codes": lambda tenant, _: {text: asdict(code) for text, code in tenant.codes.items()},
    "faults": lambda tenant, _: tenant.faults.kept(),
}
