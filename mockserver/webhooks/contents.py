"""What a webhook token carries, layer by layer below its signature: envelope, identity, domain event. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.ledger import rows
from wixture.contracts.pointers import resolve
from wixture.contracts.validation import Validation, own_contract
from wixture.contracts.violations import Violation, nearest, shown
from wixture.mockserver.auth import is_guid
from wixture.mockserver.webhooks.events import IDENTITIES, event_types, short_name
from wixture.mockserver.webhooks.verdicts import Layer, Problem, found, judged, unread, with_value

_ID_OF = dict(IDENTITIES.values())
_IDS = tuple(_ID_OF.values())
_ENVELOPE = "/components/schemas/MessageEnvelope"


def object_in(raw: bytes | None, what: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The JSON object in some bytes, or None and what is wrong with them."""
    if raw is None:
        return None, (f"{what} is no base64url",)
    try:
        value = parse_json(raw)
    except BadJson as error:
        return None, (str(error).replace("The body", what).replace("the body", what),)
    if not isinstance(value, dict):
        return None, (f"{what} is {shown(value)[:40]}; a JSON object is expected",)
    return value, ()


def drawn(what: str) -> str:
    """Why an object where a text should be is wrong, though the vendor's pages draw it so."""
    row = rows()["webhook-claims-as-objects"]
    places = "; ".join(place.cited for place in row.where)
    return (
        f"{what} is an object; expected a text with JSON in it. The vendor's pages draw an object ({places}), "
        f"but nothing sends it so and the SDK refuses it: ledger row {row.id}"
    )


# ---- data, envelope ------------------------------------------------------------------------------


def data(claims: Mapping[str, Any] | None) -> Layer:
    """The claim `data`: a text with the envelope's JSON."""
    if claims is None:
        return unread("data", "the claims cannot be read")
    return _text_layer("data", "the claim data", claims.get("data"), _without_data(claims))


def _without_data(claims: Mapping[str, Any]) -> str:
    if "eventType" in claims:
        return "the claim data is absent: the envelope stands among the claims; it belongs into data, as a text"
    return "the claim data is absent; expected a text with JSON in it"


def _text_layer(name: str, what: str, value: Any, absent: str) -> Layer:
    """A layer that travels as a text with a JSON object in it; an object in its place is read all the same."""
    if isinstance(value, dict):
        return with_value(found(name, "an object", drawn(what)), value)
    if value is None:
        return found(name, "absent", absent)
    if not isinstance(value, str):
        return found(name, shown(value), f"{what} is {shown(value)}; expected a text with JSON in it")
    read, wrong = object_in(value.encode("utf-8", "surrogatepass"), what)
    return with_value(found(name, f"a text of {len(value)} characters with JSON in it", *wrong), read)


def envelope(read: Mapping[str, Any] | None, instance_id: str | None) -> Layer:
    """The envelope: which event, of which site, and two more texts."""
    if read is None:
        return unread("envelope", "data cannot be read")
    event_type, site = read.get("eventType"), read.get("instanceId")
    says = f"{_short(event_type)} of site {shown(site)}"
    texts = [*_wrong_type(event_type), *_wrong_site(site, instance_id), *_wrong_texts(read), *_wrong_rest(read)]
    return with_value(found("envelope", says, *texts), read)


def _short(event_type: Any) -> str:
    return (short_name(event_type) if isinstance(event_type, str) else None) or f"eventType {shown(event_type)}"


def _wrong_type(event_type: Any) -> Iterator[str]:
    known = event_types()
    if event_type is None:
        yield "eventType is absent; expected the event's name in full"
    elif not isinstance(event_type, str):
        yield f"eventType is {shown(event_type)}; expected a text"
    elif event_type in known:
        yield f"eventType is the event's short name; expected {known[event_type]}"
    elif event_type not in known.values():
        close = nearest(event_type, known.values())
        yield f"eventType {shown(event_type)} is unknown; {f'closest: {close}' if close else _all(known)}"


def _all(known: Mapping[str, str]) -> str:
    return f"known: {', '.join(known.values())}"


def _wrong_site(site: Any, expected: str | None) -> Iterator[str]:
    if not isinstance(site, str) or not is_guid(site.lower()):
        yield f"instanceId is {shown(site)}, no GUID; it names the site"
    elif expected is not None and site.lower() != expected.lower():
        yield f"instanceId is {site}, and the site expected is {expected}: the event is somebody else's"


def _wrong_texts(read: Mapping[str, Any]) -> Iterator[str]:
    for name in ("data", "identity"):
        value = read.get(name)
        if isinstance(value, dict):
            yield drawn(f"{name} in the envelope")
        elif name == "data" and value is None:
            yield "data is absent from the envelope; expected a text with the domain event's JSON"
        elif value is not None and not isinstance(value, str):
            yield f"{name} in the envelope is {shown(value)}; expected a text with JSON in it"


def _wrong_rest(read: Mapping[str, Any]) -> Iterator[str]:
    """What the contract has against the fields that are not judged above, with more to say."""
    contract = own_contract("openapi")
    if contract.accepts(_ENVELOPE, read):
        return
    for violation in contract.violations(_ENVELOPE, read):
        if violation.field.partition(".")[0] not in ("eventType", "instanceId", "data", "identity"):
            yield f"{violation.field} {violation.description}"


# ---- identity ------------------------------------------------------------------------------------


def identity(read: Mapping[str, Any] | None) -> Layer:
    """Who caused the event: a type, and the one ID that it names."""
    if read is None:
        return unread("identity", "the envelope cannot be read")
    value = read.get("identity")
    if value is None or value == "":
        return found("identity", "absent, which the SDK allows")
    who, wrong = _unwrapped(value, "identity")
    if who is None:
        return found("identity", "cannot be read", *wrong)
    return with_value(found("identity", f"{shown(who.get('identityType'))}", *_wrong_identity(who)), who)


def _unwrapped(value: Any, what: str) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """The object that a text holds, or one that stands in its place; or None and what is wrong."""
    if isinstance(value, dict):  # the envelope's layer says what is wrong with that
        return value, ()
    if not isinstance(value, str):
        return None, (f"{what} is {shown(value)}; expected a text with JSON in it",)
    return object_in(value.encode("utf-8", "surrogatepass"), what)


def _wrong_identity(who: Mapping[str, Any]) -> Iterator[str]:
    kind, given = who.get("identityType"), [name for name in _IDS if who.get(name) is not None]
    if not isinstance(kind, str) or kind not in (*_ID_OF, "UNKNOWN"):
        yield f"identityType is {shown(kind)}; expected one of {', '.join((*_ID_OF, 'UNKNOWN'))}"
        return
    wanted = _ID_OF.get(kind)
    if len(given) > 1:
        yield f"{' and '.join(given)} are there together; {kind} comes with {wanted or 'none of them'} alone"
    elif wanted is not None and given != [wanted]:
        yield f"{kind} comes with {wanted}, and {given[0] if given else 'no ID'} is there"
    for name in given:
        if not (isinstance(who[name], str) and is_guid(who[name].lower())):
            yield f"{name} is {shown(who[name])}, no GUID"
    yield from (f"{shown(name)} is no field of an identity" for name in who if name not in (*_IDS, "identityType"))


# ---- domain event --------------------------------------------------------------------------------


def event(read: Mapping[str, Any] | None, contract: Validation) -> Layer:
    """The domain event, against the contract's schema for its type."""
    if read is None:
        return unread("event", "the envelope cannot be read")
    if read.get("data") is None:
        return unread("event", "the envelope has no data")
    body, wrong = _unwrapped(read["data"], "the domain event")
    if body is None:
        return found("event", "cannot be read", *wrong)
    named = read.get("eventType")
    name = short_name(named) if isinstance(named, str) else None
    says = f"{shown(body.get('slug'))}, entity {shown(body.get('entityId'))}, event ID {shown(body.get('id'))}"
    if name is None:
        return Layer("event", "unread", f"{says}; not checked: the type is unknown", value=body)
    return judged("event", says, _violations(contract, name, body), value=body)


def _violations(contract: Validation, name: str, body: Any) -> tuple[Problem, ...]:
    pointer = contract.contract.webhooks[name]["x-domain-event"]["$ref"].removeprefix("#")
    if contract.accepts(pointer, body):
        return ()
    violations = contract.violations(pointer, body)
    return tuple(Problem(f"{one.field} {one.description}", one, _value_at(body, one)) for one in violations) or (
        Problem("does not keep the contract"),
    )


def _value_at(body: Any, violation: Violation) -> Any:
    try:
        return resolve(body, violation.pointer)
    except (LookupError, ValueError, TypeError):
        return None
