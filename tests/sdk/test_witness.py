"""Two witnesses: what the installed SDK says of the APIs, and spec/openapi.yaml. They must say the same.

`witness.mjs` asks the SDK: its enums and events, the requests it sends, the fields it declares. A new version that
differs is reported by name, with the place in the contract to look at. Differences that are meant stand in
`KNOWN`, each with its reason; one that is gone is reported as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from sdk.test_official_sdk import SUITE, find_node

from wixture.contracts.document import SPEC_FOLDER, Contract
from wixture.contracts.pointers import landing, resolve

Witness = dict[str, Any]
Comparison = Callable[[Witness], list[str]]

CONTRACT = Contract.load(SPEC_FOLDER / "openapi.yaml")
SCHEMAS = "/components/schemas/"
CONSENTS = "@wix/marketing_marketing-consent"
CHANNELS = "@wix/auto_sdk_loyalty_social-media"

RENAMED = {"_id": "id", "_createdDate": "createdDate", "_updatedDate": "updatedDate"}
WITNESS_SECONDS = 60

OPERATIONS = {
    CONSENTS: """getMarketingConsent getMarketingConsentByIdentifier createMarketingConsent
        updateMarketingConsent deleteMarketingConsent removeMarketingConsent queryMarketingConsent
        upsertMarketingConsent bulkUpsertMarketingConsent""".split(),
    CHANNELS: ["listFollowedChannels", "createFollowedChannel"],
}

# An enum of the SDK, and the schemas that list the same members.
ENUMS = {
    CONSENTS: {
        "MarketingConsentDetailsIdentifierType": ["IdentifierType", "SentIdentifierType"],
        "MarketingConsentState": ["State", "CreatedMarketingConsent/properties/state"],
        "Source": ["ConfirmationSource", "SentConfirmationActivity/properties/source"],
        "LastRevokeActivitySource": ["RevokeSource", "SentRevokeActivity/properties/source"],
        "OptInLevel": ["OptInLevel", "SentConfirmationActivity/properties/optInLevel"],
        "LinkType": ["LinkType"],
        "SortOrder": ["Sorting/properties/order"],
        "WebhookIdentityType": ["IdentificationData/properties/identityType"],
    },
    CHANNELS: {
        "Type": ["Channel"],
        "WebhookIdentityType": ["IdentificationData/properties/identityType"],
    },
}

# An interface of the SDK, and the schemas that have the same fields.
FIELDS = {
    CONSENTS: {
        "MarketingConsent": [
            "MarketingConsent",
            "CreatedMarketingConsent",
            "UpsertedMarketingConsent",
            "UpdatedMarketingConsent",
        ],
        "MarketingConsentDetails": ["MarketingConsentDetails", "SentDetails"],
        "LastConfirmationActivity": ["LastConfirmationActivity", "SentConfirmationActivity"],
        "LastRevokeActivity": ["LastRevokeActivity", "SentRevokeActivity"],
        "ExtendedFields": ["ExtendedFields", "SentExtendedFields"],
        "Link": ["Link"],
        "CommunicationEligibility": ["CommunicationEligibility"],
        "GetMarketingConsentResponse": ["GetMarketingConsentResponse"],
        "GetMarketingConsentByIdentifierRequest": ["GetByIdentifierQuery"],
        "GetMarketingConsentByIdentifierResponse": ["GetMarketingConsentByIdentifierResponse"],
        "CreateMarketingConsentRequest": ["CreateMarketingConsentRequest"],
        "CreateMarketingConsentResponse": ["CreateMarketingConsentResponse"],
        "UpdateMarketingConsentRequest": ["UpdateMarketingConsentRequest"],
        "UpdateMarketingConsentResponse": ["UpdateMarketingConsentResponse"],
        "DeleteMarketingConsentResponse": ["DeleteMarketingConsentResponse"],
        "RemoveMarketingConsentRequest": ["RemoveMarketingConsentRequest"],
        "RemoveMarketingConsentResponse": ["RemoveMarketingConsentResponse"],
        "UpsertMarketingConsentRequest": ["UpsertMarketingConsentRequest"],
        "UpsertMarketingConsentResponse": ["UpsertMarketingConsentResponse"],
        "QueryMarketingConsentRequest": ["QueryMarketingConsentRequest"],
        "CursorQuery": ["QueryMarketingConsentRequest/properties/query"],
        "Sorting": ["Sorting"],
        "CursorPaging": ["CursorPaging"],
        "QueryMarketingConsentResponse": ["QueryMarketingConsentResponse"],
        "CursorPagingMetadata": ["CursorPagingMetadata"],
        "Cursors": ["CursorPagingMetadata/properties/cursors"],
        "BulkUpsertMarketingConsentRequest": ["BulkUpsertMarketingConsentRequest"],
        "BulkUpsertMarketingConsentResponse": ["BulkUpsertMarketingConsentResponse"],
        "BulkUpsertMarketingConsentResult": ["BulkUpsertResult"],
        "Metadata": ["BulkUpsertMetadata"],
        "DomainEvent": ["DomainEvent"],
        "MessageEnvelope": ["MessageEnvelope"],
        "IdentificationData": ["IdentificationData"],
    },
    CHANNELS: {
        "FollowedChannel": ["FollowedChannel", "CreateFollowedChannelRequest/properties/followedChannel"],
        "CreateFollowedChannelRequest": ["CreateFollowedChannelRequest"],
        "CreateFollowedChannelResponse": ["CreateFollowedChannelResponse"],
        "ListFollowedChannelsResponse": ["ListFollowedChannelsResponse"],
        "DomainEvent": ["DomainEvent"],
        "MessageEnvelope": ["MessageEnvelope"],
        "AccountInfo": ["MessageEnvelope/properties/accountInfo"],
        "IdentificationData": ["IdentificationData"],
    },
}

# Differences that are meant: package, name in the SDK, schema, what only one of the two has, and why.
KNOWN = {
    (CONSENTS, "MarketingConsentDetailsIdentifierType", "SentIdentifierType"): {
        "UNKNOWN_TYPE": "It is only ever received.",
    },
    (CONSENTS, "UpdateMarketingConsentRequest", "UpdateMarketingConsentRequest"): {
        "mask": "The SDK never sends it; other clients do.",
    },
    (CONSENTS, "MarketingConsent", "UpdatedMarketingConsent"): {
        "_id": "Ignored: update sends it beside `id` when a caller hands a consent back whole.",
    },
    (CONSENTS, "MessageEnvelope", "MessageEnvelope"): {
        "accountInfo": "The package is older than the field; the package of the followed channels has it.",
    },
    (CONSENTS, "DomainEvent", "DomainEvent"): {"actionEvent": "No event of the two APIs is one."},
    (CHANNELS, "DomainEvent", "DomainEvent"): {"actionEvent": "No event of the two APIs is one."},
}


# ---- the contract's side ----------------------------------------------------------------------


def _members(place: str) -> set[str]:
    """The members that a schema lists. Null is how it says optional, and no member."""
    return set(resolve(CONTRACT.document, landing(CONTRACT.document, SCHEMAS + place))["enum"]) - {None}


def _declared(pointer: str) -> dict[str, list[str]]:
    """The properties of the schema at a pointer, those of its parts included: where each is declared."""
    here = landing(CONTRACT.document, pointer)
    schema = resolve(CONTRACT.document, here)
    found = {name: [f"{here}/properties/{name}"] for name in schema.get("properties", ())}
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, _ in enumerate(schema.get(keyword, ())):
            for name, pointers in _declared(f"{here}/{keyword}/{index}").items():
                found.setdefault(name, []).extend(pointers)
    return found


def _items(pointers: Collection[str]) -> list[str]:
    landed = [landing(CONTRACT.document, pointer) for pointer in pointers]
    return [f"{pointer}/items" for pointer in landed if "items" in resolve(CONTRACT.document, pointer)]


def _undeclared(value: Any, pointers: Collection[str], where: str = "") -> Iterator[str]:
    """The keys of a body, at any depth, that no schema at the pointers declares."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _undeclared(item, _items(pointers), f"{where}[{index}]")
    elif isinstance(value, dict):
        declared: dict[str, list[str]] = {}
        for pointer in pointers:
            for name, places in _declared(pointer).items():
                declared.setdefault(name, []).extend(places)
        for name, child in value.items():
            path = f"{where}.{name}" if where else name
            if name in declared:
                yield from _undeclared(child, declared[name], path)
            else:
                yield path


# ---- the comparisons: each answers with sentences, none when the two agree ---------------------------


def _sdk(witness: Witness, package: str) -> str:
    return f"({package} {witness[package]['version']})"


def _see(pointer: str) -> str:
    return f"See spec/openapi.yaml {pointer}."


def _compare_sets(
    witness: Witness, package: str, name: str, place: str, said: Collection[str], held: Collection[str]
) -> list[str]:
    known = set(KNOWN.get((package, name, place), ()))
    schema = place.replace("/properties/", ".")
    sdk = _sdk(witness, package)
    differing = set(said) ^ set(held)
    return [
        *(
            f"The SDK's {name} {sdk} has {item}, which the contract lacks. {_see(SCHEMAS + place)}"
            for item in sorted(set(said) - set(held) - known)
        ),
        *(
            f"The contract's {schema} has {item}, which the SDK's {name} {sdk} lacks. {_see(SCHEMAS + place)}"
            for item in sorted(set(held) - set(said) - known)
        ),
        *(
            f"The SDK's {name} {sdk} and the contract's {schema} agree on {item} now; take it out of KNOWN."
            for item in sorted(known - differing)
        ),
    ]


def compare_enum(package: str, name: str, place: str) -> Comparison:
    def compare(witness: Witness) -> list[str]:
        said = witness[package]["enums"].get(name)
        if said is None:
            return [f"The SDK {_sdk(witness, package)} exports no enum {name} any more. {_see(SCHEMAS + place)}"]
        return _compare_sets(witness, package, name, place, said, _members(place))

    return compare


def compare_fields(package: str, name: str, place: str) -> Comparison:
    def compare(witness: Witness) -> list[str]:
        said = witness[package]["fields"].get(name)
        if said is None:
            return [f"The SDK {_sdk(witness, package)} declares no {name} any more. {_see(SCHEMAS + place)}"]
        names = {RENAMED.get(field, field) for field in said}
        return _compare_sets(witness, package, name, place, names, _declared(SCHEMAS + place))

    return compare


def _requests(witness: Witness, package: str, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """What the SDK sent for an operation, and why that cannot be compared."""
    found = witness[package]["requests"].get(name)
    sdk = _sdk(witness, package)
    if found is None:
        return [], [f"The SDK {sdk} exports no operation {name} any more."]
    if found["error"] is not None:
        return found["sent"], [f"The SDK's {name} {sdk} refused the witness's call: {found['error']}."]
    if not found["sent"]:
        return [], [f"The SDK's {name} {sdk} sent nothing."]
    return found["sent"], []


def compare_route(package: str, name: str) -> Comparison:
    operation = CONTRACT.operations[name]

    def compare(witness: Witness) -> list[str]:
        sent, problems = _requests(witness, package, name)
        wanted = f"{operation.method} {operation.path}"
        routes = sorted({f"{request['method']} {request['path']}" for request in sent})
        return problems + [
            f"The SDK's {name} {_sdk(witness, package)} calls {route}, and the contract has {wanted}. "
            f"{_see(operation.pointer)}"
            for route in routes
            if route != re.sub(r"\{\w+\}", "{id}", wanted)
        ]

    return compare


def compare_query(package: str, name: str) -> Comparison:
    operation = CONTRACT.operations[name]

    def compare(witness: Witness) -> list[str]:
        sent, problems = _requests(witness, package, name)
        said = {parameter for request in sent for parameter in request["query"]}
        held = {parameter.name for parameter in operation.parameters if parameter.where == "query"}
        sdk = _sdk(witness, package)
        return [
            *problems,
            *(
                f"The SDK's {name} {sdk} sends the query parameter {parameter}, which the contract lacks. "
                f"{_see(operation.pointer)}"
                for parameter in sorted(said - held)
            ),
            *(
                f"The contract's {name} has the query parameter {parameter}, which the SDK {sdk} does not send. "
                f"{_see(operation.pointer)}"
                for parameter in sorted(held - said)
            ),
        ]

    return compare


def compare_body(package: str, name: str) -> Comparison:
    operation = CONTRACT.operations[name]

    def compare(witness: Witness) -> list[str]:
        sent, problems = _requests(witness, package, name)
        bodies = [request["body"] for request in sent]
        sdk = _sdk(witness, package)
        if operation.body is None:
            if any(body is not None for body in bodies):
                problems.append(
                    f"The SDK's {name} {sdk} sends a body, and the contract has none. {_see(operation.pointer)}"
                )
            return problems
        place = landing(CONTRACT.document, operation.body)
        schema = resolve(CONTRACT.document, place)
        known = set(KNOWN.get((package, name, place.removeprefix(SCHEMAS)), ()))
        undeclared = {path for body in bodies for path in _undeclared(body, [place])}
        unsent = {key for body in bodies for key in schema.get("required", ()) if key not in (body or {})}
        return [
            *problems,
            *(
                f"The SDK's {name} {sdk} sends {path} in its body, which the contract lacks. {_see(place)}"
                for path in sorted(undeclared - known)
            ),
            *(
                f"The SDK's {name} {sdk} sends {path} in its body no more; take it out of KNOWN."
                for path in sorted(known - undeclared)
            ),
            *(
                f"The contract's {name} requires {key} in its body, which the SDK {sdk} does not send. "
                f"{_see(place)}"
                for key in sorted(unsent)
            ),
        ]

    return compare


def compare_events(package: str) -> Comparison:
    tag = {CONSENTS: "Marketing Consent", CHANNELS: "Loyalty Social Media"}[package]
    held = {webhook["x-event-type"] for webhook in CONTRACT.webhooks.values() if tag in webhook["tags"]}

    def compare(witness: Witness) -> list[str]:
        said = set(witness[package]["events"].values())
        sdk = _sdk(witness, package)
        return [
            *(
                f"The SDK {sdk} has the event {event}, which the contract lacks. {_see('/webhooks')}"
                for event in sorted(said - held)
            ),
            *(
                f"The contract has the event {event}, which the SDK {sdk} lacks. {_see('/webhooks')}"
                for event in sorted(held - said)
            ),
        ]

    return compare


def compare_exports(package: str) -> Comparison:
    """Operations and enums that are new in the SDK, and that no comparison here knows of."""

    def compare(witness: Witness) -> list[str]:
        sdk = _sdk(witness, package)
        return [
            *(
                f"The SDK {sdk} has the operation {name}, which the contract lacks. {_see('/paths')}"
                for name in sorted(set(witness[package]["operations"]) - set(OPERATIONS[package]))
            ),
            *(
                f"The SDK {sdk} has the enum {name}, which is compared with no schema. Add it to ENUMS."
                for name in sorted(set(witness[package]["enums"]) - set(ENUMS[package]))
            ),
        ]

    return compare


def _comparisons() -> Iterator[Any]:
    for package in (CONSENTS, CHANNELS):
        for compare in (compare_exports, compare_events):
            yield pytest.param(compare(package), id=f"{compare.__name__.removeprefix('compare_')}-{package}")
        for name in OPERATIONS[package]:
            for check in (compare_route, compare_query, compare_body):
                yield pytest.param(check(package, name), id=f"{check.__name__.removeprefix('compare_')}-{name}")
        for table, against in ((ENUMS, compare_enum), (FIELDS, compare_fields)):
            kind = against.__name__.removeprefix("compare_")
            api = "consents" if package == CONSENTS else "channels"
            for name, places in table[package].items():
                for place in places:
                    shown = place.replace("/properties/", ".")
                    yield pytest.param(against(package, name, place), id=f"{kind}-{api}-{name}-{shown}")


@pytest.fixture(scope="module")
def witness() -> Witness:
    """What the installed SDK says. Without Node or the packages the tests skip, or fail as `find_node` does."""
    command = [find_node(), "witness.mjs"]
    # Without a preload: the recorder stands where it would, and the SDK's own addresses are to be seen.
    environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    run = subprocess.run(
        command, cwd=SUITE, env=environment, capture_output=True, text=True, timeout=WITNESS_SECONDS, check=False
    )
    if run.returncode != 0:
        pytest.fail(f"witness.mjs could not question the SDK:\n{run.stderr}", pytrace=False)
    said: Witness = json.loads(run.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("compare", list(_comparisons()))
def test_the_sdk_and_the_contract_agree(compare: Comparison, witness: Witness) -> None:
    differences = compare(witness)
    if differences:
        pytest.fail("\n".join(differences), pytrace=False)


# ---- the comparison can fail: a witness that says something else, without Node or the SDK ------------

STATES = ["UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED"]
PREFIX = "/marketing-consent/v1/marketing-consent"
SDK = f"({CONSENTS} 9.9.9)"


def _doctored(**parts: Any) -> Witness:
    nothing: Witness = {"enums": {}, "events": {}, "operations": [], "requests": {}, "fields": {}}
    return {CONSENTS: {"version": "9.9.9", **nothing, **parts}}


def _sent(name: str, *, error: str | None = None, **request: Any) -> Witness:
    return _doctored(requests={name: {"sent": [{"query": [], "body": None, **request}], "error": error}})


def test_a_renamed_member_is_reported_from_both_sides() -> None:
    compare = compare_enum(CONSENTS, "MarketingConsentState", "State")
    assert compare(_doctored(enums={"MarketingConsentState": STATES})) == []
    assert compare(_doctored(enums={"MarketingConsentState": [*STATES[:-1], "NEW_STATE"]})) == [
        f"The SDK's MarketingConsentState {SDK} has NEW_STATE, which the contract lacks. "
        "See spec/openapi.yaml /components/schemas/State.",
        f"The contract's State has CONFIRMED, which the SDK's MarketingConsentState {SDK} lacks. "
        "See spec/openapi.yaml /components/schemas/State.",
    ]


def test_a_missing_field_is_reported_and_a_renamed_one_is_the_same() -> None:
    compare = compare_fields(CONSENTS, "LastRevokeActivity", "LastRevokeActivity")
    assert compare(_doctored(fields={"LastRevokeActivity": ["source", "description", "_updatedDate"]})) == []
    assert compare(_doctored(fields={"LastRevokeActivity": ["source", "_updatedDate"]})) == [
        f"The contract's LastRevokeActivity has description, which the SDK's LastRevokeActivity {SDK} "
        "lacks. See spec/openapi.yaml /components/schemas/LastRevokeActivity."
    ]


def test_a_known_difference_that_is_gone_is_reported() -> None:
    compare = compare_fields(CONSENTS, "UpdateMarketingConsentRequest", "UpdateMarketingConsentRequest")
    assert compare(_doctored(fields={"UpdateMarketingConsentRequest": ["marketingConsent"]})) == []
    assert compare(_doctored(fields={"UpdateMarketingConsentRequest": ["marketingConsent", "mask"]})) == [
        f"The SDK's UpdateMarketingConsentRequest {SDK} and the contract's "
        "UpdateMarketingConsentRequest agree on mask now; take it out of KNOWN."
    ]


def test_a_moved_path_is_reported() -> None:
    compare = compare_route(CONSENTS, "getMarketingConsent")
    assert compare(_sent("getMarketingConsent", method="GET", path=f"{PREFIX}/{{id}}")) == []
    assert compare(_sent("getMarketingConsent", method="GET", path="/marketing-consent/v2/consents/{id}")) == [
        f"The SDK's getMarketingConsent {SDK} calls GET /marketing-consent/v2/consents/{{id}}, and the "
        f"contract has GET {PREFIX}/{{marketingConsentId}}. "
        "See spec/openapi.yaml /paths/~1marketing-consent~1v1~1marketing-consent~1{marketingConsentId}/get."
    ]


def test_another_query_parameter_is_reported_from_both_sides() -> None:
    compare = compare_query(CONSENTS, "getMarketingConsent")
    assert compare(_sent("getMarketingConsent", query=["marketingConsentId"])) == []
    see = "See spec/openapi.yaml /paths/~1marketing-consent~1v1~1marketing-consent~1{marketingConsentId}/get."
    assert compare(_sent("getMarketingConsent", query=["consentId"])) == [
        f"The SDK's getMarketingConsent {SDK} sends the query parameter consentId, which the contract "
        f"lacks. {see}",
        "The contract's getMarketingConsent has the query parameter marketingConsentId, which the SDK "
        f"{SDK} does not send. {see}",
    ]


def test_another_body_key_is_reported_at_any_depth() -> None:
    compare = compare_body(CONSENTS, "bulkUpsertMarketingConsent")
    see = "See spec/openapi.yaml /components/schemas/BulkUpsertMarketingConsentRequest."
    agreed = {"info": [{"details": {"type": "EMAIL", "email": "ada@example.com"}}]}
    assert compare(_sent("bulkUpsertMarketingConsent", body=agreed)) == []
    assert compare(_sent("bulkUpsertMarketingConsent", body={"info": [{"details": {"fax": "1"}}]})) == [
        f"The SDK's bulkUpsertMarketingConsent {SDK} sends info[0].details.fax in its body, which the "
        f"contract lacks. {see}"
    ]
    assert compare(_sent("bulkUpsertMarketingConsent", body={"items": []})) == [
        f"The SDK's bulkUpsertMarketingConsent {SDK} sends items in its body, which the contract lacks. {see}",
        "The contract's bulkUpsertMarketingConsent requires info in its body, which the SDK "
        f"{SDK} does not send. {see}",
    ]


def test_a_body_where_the_contract_has_none_is_reported() -> None:
    [sentence] = compare_body(CONSENTS, "deleteMarketingConsent")(_sent("deleteMarketingConsent", body={"a": 1}))
    assert sentence.startswith(f"The SDK's deleteMarketingConsent {SDK} sends a body, and the contract")


@pytest.mark.parametrize(
    ("compare", "sentence"),
    [
        (compare_enum(CONSENTS, "LinkType", "LinkType"), "exports no enum LinkType any more."),
        (compare_fields(CONSENTS, "Link", "Link"), "declares no Link any more."),
        (compare_route(CONSENTS, "getMarketingConsent"), "exports no operation getMarketingConsent any more."),
    ],
    ids=["enum", "interface", "operation"],
)
def test_what_is_gone_from_the_sdk_is_reported(compare: Comparison, sentence: str) -> None:
    [said] = compare(_doctored())
    assert said.startswith(f"The SDK {SDK} {sentence}")


def test_what_is_new_in_the_sdk_is_reported() -> None:
    new = _doctored(
        operations=["listMarketingConsents"], enums={"Channel": ["SMS"]}, events={"onA": "wix.a_moved"}
    )
    assert compare_exports(CONSENTS)(new) == [
        f"The SDK {SDK} has the operation listMarketingConsents, which the contract lacks. "
        "See spec/openapi.yaml /paths.",
        f"The SDK {SDK} has the enum Channel, which is compared with no schema. Add it to ENUMS.",
    ]
    assert compare_events(CONSENTS)(new)[0] == (
        f"The SDK {SDK} has the event wix.a_moved, which the contract lacks. See spec/openapi.yaml /webhooks."
    )


def test_a_call_that_the_sdk_refuses_is_reported() -> None:
    refused = _sent("getMarketingConsent", method="GET", path=f"{PREFIX}/{{id}}", error="_id is required")
    assert compare_route(CONSENTS, "getMarketingConsent")(refused) == [
        f"The SDK's getMarketingConsent {SDK} refused the witness's call: _id is required."
    ]


def test_a_known_key_of_a_body_that_is_gone_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    place = (CONSENTS, "updateMarketingConsent", "UpdateMarketingConsentRequest")
    monkeypatch.setitem(KNOWN, place, {"marketingConsent.old": "It was sent once."})
    compare = compare_body(CONSENTS, "updateMarketingConsent")
    assert compare(_sent("updateMarketingConsent", body={"marketingConsent": {"old": "a", "id": "a"}})) == []
    assert compare(_sent("updateMarketingConsent", body={"marketingConsent": {"id": "a"}})) == [
        f"The SDK's updateMarketingConsent {SDK} sends marketingConsent.old in its body no more; "
        "take it out of KNOWN."
    ]
