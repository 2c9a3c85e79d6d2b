"""The schemas of the webhooks take what the SDK takes and refuse the forms that it cannot read."""

from __future__ import annotations

from typing import Any

import pytest

from wixture.contracts.validation import own_contract

GUID = "f0000000-0000-4000-8000-000000000001"
CONSENT = {
    "id": GUID,
    "revision": "1",
    "details": {"type": "EMAIL", "email": "a@b.c"},
    "state": "CONFIRMED",
    "lastConfirmationActivity": {"source": "FORM", "optInLevel": "SINGLE_CONFIRMATION"},
    "createdDate": "2024-01-31T08:00:00.000Z",
    "updatedDate": "2024-01-31T08:00:00.000Z",
}
EVENT = {
    "id": GUID,
    "entityFqdn": "wix.marketing.marketing_consent.v1.marketing_consent",
    "entityId": GUID,
    "eventTime": "2023-05-18T19:18:39.199886Z",
    "triggeredByAnonymizeRequest": False,
}


def _accepts(schema: str, value: Any) -> bool:
    return own_contract("openapi").accepts(f"/components/schemas/{schema}", value)


def test_each_event_has_its_own_body() -> None:
    created = {**EVENT, "slug": "created", "createdEvent": {"entity": CONSENT}}
    updated = {**EVENT, "slug": "updated", "updatedEvent": {"currentEntity": CONSENT}}
    deleted = {**EVENT, "slug": "deleted", "deletedEvent": {"movedToTrash": False}}
    for name, event in (("Created", created), ("Updated", updated), ("Deleted", deleted)):
        assert _accepts(f"MarketingConsent{name}Event", event)
        assert _accepts("DomainEvent", event)
    assert not _accepts("MarketingConsentCreatedEvent", updated)


@pytest.mark.parametrize(
    "body",
    [
        {"updatedEvent": {"entity": CONSENT}},
        {"updatedEvent": {"currentEntityAsJson": "{}"}},
        {"createdEvent": {"entity": CONSENT}},
        {"updatedEvent": {"currentEntity": {**CONSENT, "updated_date": "2024-01-31T08:00:00Z"}}},
        {},
    ],
)
def test_an_update_in_a_form_that_hands_handlers_no_entity_is_refused(body: dict[str, Any]) -> None:
    assert not _accepts("MarketingConsentUpdatedEvent", {**EVENT, "slug": "updated", **body})


def test_the_layers_are_strings_and_objects_are_refused() -> None:
    assert _accepts("WebhookClaims", {"data": "{}", "iat": 1, "exp": 2})
    assert not _accepts("WebhookClaims", {"data": {}, "iat": 1, "exp": 2})
    envelope = {"eventType": "a_created", "instanceId": GUID, "data": "{}", "identity": "{}"}
    assert _accepts("MessageEnvelope", envelope)
    assert not _accepts("MessageEnvelope", {**envelope, "identity": {}})
    assert not _accepts("MessageEnvelope", {**envelope, "data": {}})


def test_an_identity_has_one_id_at_most() -> None:
    assert _accepts("IdentificationData", {"identityType": "APP", "appId": GUID})
    assert _accepts("IdentificationData", {"identityType": "UNKNOWN"})
    assert not _accepts("IdentificationData", {"identityType": "APP", "appId": GUID, "memberId": GUID})


@pytest.mark.parametrize(
    "identity",
    [
        {"identityType": "APP"},
        {"identityType": "MEMBER", "appId": GUID},
        {"identityType": "ANONYMOUS_VISITOR", "memberId": GUID},
        {"identityType": "WIX_USER", "appId": GUID},
        {"identityType": "UNKNOWN", "appId": GUID},
    ],
    ids=lambda identity: "-".join(identity.values()),
)
def test_an_identity_has_the_id_that_its_type_names(identity: dict[str, str]) -> None:
    assert not _accepts("IdentificationData", identity)
