"""What the tests of the ledger's rows share: calls about one consent, and questions to the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api

from wixture.contracts.document import SPEC_FOLDER, read_document
from wixture.contracts.pointers import resolve
from wixture.contracts.validation import own_contract

EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
ACTIVITIES = {
    "PENDING": {"lastConfirmationActivity": {"source": "FORM"}},
    "CONFIRMED": {"lastConfirmationActivity": {"source": "FORM"}},
    "REVOKED": {"lastRevokeActivity": {"source": "FORM"}},
}


@pytest.fixture
def consent() -> Callable[..., dict[str, Any]]:
    """A request's consent with the activity that its state needs; a field given as None is left out."""

    def make(state: str | None = "CONFIRMED", **fields: Any) -> dict[str, Any]:
        sent = {"details": EMAIL, "state": state, **ACTIVITIES.get(state or "", {}), **fields}
        return {name: value for name, value in sent.items() if value is not None}

    return make


@pytest.fixture
def upsert(api: Api, consent: Callable[..., dict[str, Any]]) -> Callable[..., Answer]:
    def call(*state: str | None, **fields: Any) -> Answer:
        return api.call("POST", f"{CONSENTS}/upsert", {"marketingConsent": consent(*state, **fields)})

    return call


@pytest.fixture
def update(api: Api, consent: Callable[..., dict[str, Any]]) -> Callable[..., Answer]:
    """An update of a stored consent, its details repeated: `update(stored, "REVOKED", mask="state")`."""

    def call(stored: dict[str, Any], *state: str | None, mask: Any = None, **fields: Any) -> Answer:
        body = {"marketingConsent": consent(*state, **{"details": stored["details"], **fields})}
        with_mask = body if mask is None else {**body, "mask": mask}
        return api.call("PATCH", f"{CONSENTS}/{stored['id']}", with_mask)

    return call


@pytest.fixture
def follow(api: Api) -> Callable[..., Answer]:
    def call(channel: str, *, identity: str = "MEMBER", **fields: Any) -> Answer:
        return api.call("POST", CHANNELS, {"followedChannel": {"channel": channel, **fields}}, identity=identity)

    return call


@pytest.fixture
def accepts() -> Callable[[str, Any], bool]:
    """Whether a value keeps a schema of the contract, by the schema's name."""
    return lambda schema, value: own_contract("openapi").accepts(f"/components/schemas/{schema}", value)


@pytest.fixture
def contract_at() -> Callable[[str], Any]:
    """What stands at a pointer of the contract."""
    document = read_document(SPEC_FOLDER / "openapi.yaml")
    return lambda pointer: resolve(document, pointer)


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """A domain event about an entity that the server answered, dated to the entity's creation."""

    def make(slug: str, entity: dict[str, Any], body: dict[str, Any], **fields: Any) -> dict[str, Any]:
        kind = "loyalty.socialmedia.v1.followed_channel"
        if "details" in entity:
            kind = "marketing.marketing_consent.v1.marketing_consent"
        made = {
            "id": "f0000000-0000-4000-8000-000000000001",
            "entityFqdn": f"wix.{kind}",
            "slug": slug,
            "entityId": entity["id"],
            "eventTime": entity["createdDate"],
        }
        return {**made, **body, **fields}

    return make
