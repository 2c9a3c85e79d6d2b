"""What every store promises: finding, all or nothing, one entity per identifier, revisions, tenants apart."""

from __future__ import annotations

import pytest

from wixture.mockserver.messages import ById, Change, Entity, Followed, Nothing, Page
from wixture.mockserver.store.store import Conflict, IdTaken

from .conftest import Tenant
from .entities import by_email, by_phone, channel, consent, created, deleted, guid, updated

ACCOUNT = guid(1, kind=0xD)


# ---- finding -------------------------------------------------------------------------------------


def test_a_new_tenant_has_nothing(tenant: Tenant) -> None:
    assert tenant.snapshot == {"marketingConsents": [], "followedChannels": []}
    assert list(tenant.find(ById(guid(1)))) == []
    assert list(tenant.find(by_email("ada1@example.com"))) == []
    assert list(tenant.find(Followed(ACCOUNT))) == []
    assert list(tenant.find(Page(("all", ()), {}, (), 10))) == []


def test_a_consent_is_found_by_its_id_alone(tenant: Tenant) -> None:
    tenant.commit(created(consent(1)), created(consent(2)))
    assert list(tenant.find(ById(guid(2)))) == [consent(2)]
    for other in (guid(3), guid(2).upper(), guid(2)[:-1], "", "%", "null", "ada2@example.com"):
        assert list(tenant.find(ById(other))) == [], other


def test_the_lookup_of_nothing_finds_nothing(tenant: Tenant) -> None:
    tenant.commit(created(consent()))
    assert list(tenant.find(Nothing())) == []


def test_consents_are_found_by_several_identifiers_of_both_kinds(tenant: Tenant) -> None:
    numbered, mailed = consent(1, phone="+4912345"), consent(2, email="ada@example.com")
    tenant.commit(created(numbered), created(mailed), created(consent(3)))
    lookup = by_email("ada@example.com", "nobody@example.com")
    both = type(lookup)((*lookup.identifiers, *by_phone("+4912345", "+49").identifiers))
    assert sorted(item["id"] for item in tenant.find(both)) == [guid(1), guid(2)]
    assert list(tenant.find(by_email("+4912345"))) == []
    assert list(tenant.find(by_phone("ada@example.com"))) == []


def test_two_thousand_identifiers_are_looked_up_at_once(tenant: Tenant) -> None:
    tenant.load(*(created(consent(number)) for number in range(700)))
    found = tenant.find(by_email(*(f"ada{number}@example.com" for number in range(2000))))
    assert sorted(item["id"] for item in found) == [guid(number) for number in range(700)]


@pytest.mark.parametrize(
    "stored", ["Ada@Example.COM", "  ada@example.com", "ADA@EXAMPLE.COM ", "ada@example.com"], ids=repr
)
def test_an_email_address_is_found_trimmed_in_lower_case_and_returned_as_given(
    tenant: Tenant, stored: str
) -> None:
    tenant.commit(created(consent(email=stored)))
    assert [item["details"]["email"] for item in tenant.find(by_email("ada@example.com"))] == [stored]


def test_the_followed_channels_of_one_account_are_found_newest_first(tenant: Tenant) -> None:
    early, late = "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.001Z"
    tenant.commit(created(channel(1, channel="FACEBOOK", createdDate=late)))
    tenant.commit(created(channel(2, channel="TIKTOK", createdDate=early)))
    tenant.commit(created(channel(3, channel="X", createdDate=late)))
    tenant.commit(created(channel(4, channel="X", accountId=guid(2, kind=0xD))))
    found = tenant.find(Followed(ACCOUNT))
    assert [item["channel"] for item in found] == ["X", "FACEBOOK", "TIKTOK"], (
        "of equal dates the last one written"
    )


def test_followed_channels_of_one_batch_are_found_last_one_first(tenant: Tenant) -> None:
    tenant.commit(created(channel(9, channel="LINKEDIN")), created(channel(1, channel="X")))
    assert [item["channel"] for item in tenant.find(Followed(ACCOUNT))] == ["X", "LINKEDIN"]


def test_every_field_comes_back_as_it_was_written(tenant: Tenant) -> None:
    odd = {"😀\U0010ffff": {"": [1, -1.5, 2**63 - 1, True, None, "\\u0000\x7f\ufeff"], "id": {"é": {}}}}
    written = consent(email=" Été@ΣΑΣ.example ", extendedFields={"namespaces": odd}, state="REVOKED")
    tenant.commit(created(written))
    (found,) = tenant.find(ById(guid(1)))
    assert found == written
    assert list(found) == list(written), "in the order of the fields"


def test_what_was_found_can_be_changed_without_changing_the_store(tenant: Tenant) -> None:
    tenant.commit(created(consent()))
    tenant.find(ById(guid(1)))[0]["details"]["email"] = "changed"
    tenant.snapshot["marketingConsents"].clear()
    assert list(tenant.find(ById(guid(1)))) == [consent()]
    assert tenant.snapshot["marketingConsents"] == [consent()]


# ---- changing ------------------------------------------------------------------------------------


def test_an_update_replaces_the_entity(tenant: Tenant) -> None:
    tenant.commit(created(consent()))
    change = updated(consent(), state="REVOKED", updatedDate="2024-06-01T00:00:00.000Z")
    tenant.commit(change)
    assert list(tenant.find(ById(guid(1)))) == [change.entity]
    assert list(tenant.find(by_email("ada1@example.com"))) == [change.entity]
    state = Page(("eq", "state", "REVOKED"), {}, (), 10)
    assert list(tenant.find(state)) == [change.entity], "in queries too"


def test_a_deleted_entity_is_gone_and_its_identifier_and_id_are_free(tenant: Tenant) -> None:
    tenant.commit(created(consent(1, email="ada@example.com")))
    tenant.commit(deleted(consent(1)))
    assert tenant.snapshot["marketingConsents"] == []
    tenant.commit(created(consent(2, email="ADA@example.com")), created(consent(1, phone="+4912345")))
    assert [item["id"] for item in tenant.find(by_email("ada@example.com"))] == [guid(2)]


def test_the_changes_of_one_batch_build_on_each_other(tenant: Tenant) -> None:
    first = created(consent(1))
    second = updated(first.entity, state="PENDING")
    tenant.commit(first, second, deleted(second.entity), created(consent(2, email="ada1@example.com")))
    assert tenant.snapshot["marketingConsents"] == [consent(2, email="ada1@example.com")]


def test_no_change_is_no_failure(tenant: Tenant) -> None:
    tenant.commit()
    assert tenant.snapshot["marketingConsents"] == []


def test_the_highest_revision_of_64_bits_can_be_stored(tenant: Tenant) -> None:
    highest = consent(revision=str(2**63 - 1))
    tenant.commit(created({**highest, "revision": str(2**63 - 2)}))
    tenant.commit(updated(highest, based_on=str(2**63 - 2), revision=str(2**63 - 1)))
    assert list(tenant.find(ById(guid(1)))) == [highest]


# ---- conflicts -----------------------------------------------------------------------------------

CHANNEL_ID = "the ID of a followed channel"
STORED: list[Entity] = [
    consent(1, email="Ada@example.com"),
    consent(2, phone="+4912345"),
    consent(3, revision="7"),
    consent(4),
    channel(1, channel="X"),
]
CONFLICTS: dict[str, Change] = {
    "an email address in other letters": created(consent(9, email=" ADA@EXAMPLE.COM ")),
    "a phone number": created(consent(9, phone="+4912345")),
    "an ID": created(consent(3, email="new@example.com")),
    "an update based on an older revision": updated(STORED[2], based_on="6"),
    "an update based on a newer revision": updated(STORED[2], based_on="8"),
    "an update of nothing": updated(consent(9)),
    "a deletion based on an older revision": deleted(STORED[2], based_on="6"),
    "a deletion of nothing": deleted(consent(9)),
    "a channel followed already": created(channel(9, channel="X")),
    CHANNEL_ID: created(channel(1, channel="TIKTOK")),
}


@pytest.mark.parametrize("change", CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_leaves_nothing_of_its_batch(tenant: Tenant, change: Change) -> None:
    tenant.load(*map(created, STORED))
    before = tenant.snapshot
    good = (
        created(consent(20)),
        updated(STORED[0], state="REVOKED"),
        deleted(STORED[3]),
        created(channel(20, channel="X", accountId=guid(5))),
    )
    with pytest.raises(Conflict) as refused:
        tenant.commit(*good, change)
    assert tenant.snapshot == before
    assert refused.value.position == len(good), "the conflict names the change"
    assert isinstance(refused.value, IdTaken) == (change in (CONFLICTS["an ID"], CONFLICTS[CHANNEL_ID]))
    tenant.commit(*good)
    assert tenant.snapshot != before, "the store goes on after a conflict"


@pytest.mark.parametrize("change", CONFLICTS.values(), ids=CONFLICTS)
def test_what_was_committed_stays_whatever_conflicts_after_it(tenant: Tenant, change: Change) -> None:
    for one in map(created, STORED):
        tenant.commit(one)
    before = tenant.snapshot
    for batch in ((change,), (created(consent(20)), change)):
        with pytest.raises(Conflict):
            tenant.commit(*batch)
        assert tenant.snapshot == before
    with pytest.raises(Conflict):
        tenant.load(created(consent(21)), created(consent(22, email="ADA21@example.com")))
    assert tenant.snapshot == before


@pytest.mark.parametrize("change", CONFLICTS.values(), ids=CONFLICTS)
def test_the_same_change_is_no_conflict_for_another_tenant(tenant: Tenant, change: Change) -> None:
    other = tenant.other()
    other.load(*map(created, STORED))
    if change.kind != "created":
        tenant.load(created({**change.entity, "revision": change.based_on or "1"}))
    tenant.commit(change)
    for kind, names in (("consent", "marketingConsents"), ("channel", "followedChannels")):
        stored = [item for item in STORED if ("channel" in item) == (kind == "channel")]
        assert other.snapshot[names] == stored


@pytest.mark.parametrize("replace", [False, True], ids=["added", "replaced"])
def test_a_clash_inside_what_is_loaded_leaves_everything_as_it_was(tenant: Tenant, replace: bool) -> None:
    tenant.load(*map(created, STORED))
    before = tenant.snapshot
    with pytest.raises(Conflict):
        tenant.load(created(consent(30)), created(consent(31, email="ADA30@example.com")), replace=replace)
    assert tenant.snapshot == before


def test_loading_adds_to_what_is_there_and_conflicts_with_it(tenant: Tenant) -> None:
    tenant.load(created(consent(1)))
    tenant.load(created(consent(2)))
    with pytest.raises(Conflict):
        tenant.load(created(consent(3)), created(consent(4, email="ada2@example.com")))
    assert tenant.snapshot["marketingConsents"] == [consent(1), consent(2)]


def test_loading_can_replace_what_is_there_for_its_tenant_alone(tenant: Tenant) -> None:
    other = tenant.other()
    for each in (tenant, other):
        each.load(*map(created, STORED))
    tenant.load(created(consent(5, email="ada@example.com")), replace=True)
    assert tenant.snapshot == {"marketingConsents": [consent(5, email="ada@example.com")], "followedChannels": []}
    assert len(other.snapshot["marketingConsents"]) == 4
    tenant.load(replace=True)
    assert tenant.snapshot == {"marketingConsents": [], "followedChannels": []}


def test_tenants_never_see_each_other(tenant: Tenant) -> None:
    other = tenant.other()
    tenant.commit(created(consent(1)), created(channel(1)))
    assert list(other.find(ById(guid(1)))) == []
    assert list(other.find(by_email("ada1@example.com"))) == []
    assert list(other.find(Followed(ACCOUNT))) == []
    assert list(other.find(Page(("not", ("eq", "state", "PENDING")), {}, (("created", False),), 10))) == []
    for change in (updated(consent(1)), deleted(consent(1))):
        with pytest.raises(Conflict):
            other.commit(change)
    assert tenant.snapshot == {"marketingConsents": [consent(1)], "followedChannels": [channel(1)]}


def test_a_snapshot_is_in_a_stable_order_and_can_be_loaded_again(tenant: Tenant) -> None:
    tenant.load(*map(created, reversed(STORED)), created(channel(2, channel="TIKTOK")))
    snapshot = tenant.snapshot
    assert [item["id"] for item in snapshot["marketingConsents"]] == [guid(1), guid(2), guid(3), guid(4)]
    assert [item["channel"] for item in snapshot["followedChannels"]] == ["X", "TIKTOK"], "oldest first"
    other = tenant.other()
    other.load(*(created(item) for items in snapshot.values() for item in items))
    assert other.snapshot == snapshot
    assert other.find(Followed(ACCOUNT)) == tenant.find(Followed(ACCOUNT))
