"""Who may call: the alternatives of an operation's security, and what each scheme is."""

from __future__ import annotations

from typing import Any

from wixture.contracts.changes.comparison import Comparison, Ends, at
from wixture.contracts.pointers import join

Alternative = frozenset[tuple[str, str]]


def compare_security(run: Comparison, where: str, ends: Ends) -> None:
    """Compare who may call an operation. A caller stays welcome when something no stricter is enough now."""
    old_place, old = _alternatives(run.old, ends.old)
    new_place, new = _alternatives(run.new, ends.new)
    run.judge("old", old_place)
    run.judge("new", new_place)
    if set(old) != set(new):
        run.settle(old=old_place, new=new_place)
    for index, before in enumerate(old):
        if not any(after <= before for after in new):
            kind = "security-alternative-removed" if before else "security-added"
            who = f"Callers with {_named(before)}" if before else "Callers without credentials"
            words = f"{who} are refused now; expected is {_all(new)}. Keep the old way, or tell them first."
            run.tell(kind, words, where=where, old=_item(run.old, old_place, index), new=new_place)
    for index, after in enumerate(new):
        if not any(before <= after for before in old):
            kind = "security-alternative-added" if after else "security-removed"
            who = f"Callers with {_named(after)}" if after else "Callers without credentials"
            place = _item(run.new, new_place, index)
            run.tell(kind, f"{who} are welcome now. Nobody has to change.", where=where, new=place)


def _alternatives(document: Any, operation: str) -> tuple[str, list[Alternative]]:
    """Where the security of an operation stands, and its alternatives: schemes with each scope they need."""
    place = operation + "/security" if "security" in at(document, operation) else "/security"
    raw = at(document, place.removesuffix("/security")).get("security")
    listed = [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
    found = [_flat(alternative) for alternative in listed]
    return place, found or [frozenset()]


def _flat(alternative: dict[str, Any]) -> Alternative:
    needed = {(str(scheme), "") for scheme in alternative}
    for scheme, scopes in alternative.items():
        needed |= {(str(scheme), str(scope)) for scope in (scopes if isinstance(scopes, list) else ())}
    return frozenset(needed)


def _item(document: Any, place: str, index: int) -> str:
    raw = at(document, place.removesuffix("/security")).get("security")
    return place + join(index) if raw else place


def _named(alternative: Alternative) -> str:
    return " and ".join(f"{scheme} ({scope})" if scope else scheme for scheme, scope in sorted(alternative))


def _all(alternatives: list[Alternative]) -> str:
    return ", or ".join(_named(one) or "nothing" for one in alternatives)


def compare_schemes(run: Comparison) -> None:
    """Compare what the security schemes of one name are: how a caller has to show itself."""
    here = "/components/securitySchemes"
    for name in at(run.old, here):
        ends = run.land(Ends(here, here) / join(name))
        for keyword in ("type", "in", "name", "scheme", "flows", "openIdConnectUrl"):
            old, new = run.get(ends, keyword)
            if old != new and at(run.new, ends.new):
                place = ends / join(keyword)
                words = f"`{keyword}` of the scheme {name} is another. Credentials shown the old way are refused."
                run.tell("security-scheme-changed", words, where=f"scheme {name}", old=place.old, new=place.new)
