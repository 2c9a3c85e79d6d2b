"""What a mask means: its three forms, whole paths, sub-paths, and the paths that it may not name."""

from __future__ import annotations

import pytest

from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules.consent_fields import change_fields

NOW = "2024-05-01T08:00:00.000Z"
CONFIRMATION, REVOCATION = "lastConfirmationActivity", "lastRevokeActivity"


@pytest.fixture
def masked(sent, stored):
    """A confirmed consent after a request with a mask: `masked("state", "REVOKED")`."""

    def change(mask, *state, before=None, **fields):
        return change_fields(before or stored(), sent(*state, **fields), now=NOW, mask=mask)

    return change


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize(
    "mask",
    [
        "state,lastRevokeActivity",
        " state , lastRevokeActivity ,",
        ["state", "lastRevokeActivity"],
        {"paths": ["lastRevokeActivity", "state"]},
    ],
    ids=["text", "text with blanks", "list", "object"],
)
def test_a_mask_in_any_form_changes_just_its_paths(masked, stored, mask):
    after = masked(mask, "REVOKED", extendedFields={}, lastConfirmationActivity={"source": "OTHER"})
    revoked = {"source": "FORM", "updatedDate": NOW}
    assert after == {**stored(), "state": "REVOKED", REVOCATION: revoked}


@pytest.mark.rule("update-with-mask")
def test_a_field_that_the_mask_does_not_name_stays_even_the_state(masked, stored):
    after = masked("lastRevokeActivity", "REVOKED")
    assert (after["state"], after[REVOCATION]["source"]) == ("CONFIRMED", "FORM")


@pytest.mark.rule("update-with-mask")
def test_a_whole_activity_is_replaced(masked):
    after = masked(CONFIRMATION, lastConfirmationActivity={"source": "FORM"})[CONFIRMATION]
    assert after == {"source": "FORM", "updatedDate": NOW, "optInLevel": "UNKNOWN_OPT_IN_LEVEL"}


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("source", "OTHER"),
        ("description", "By phone."),
        ("updatedDate", "2024-02-02T00:00:00Z"),
        ("optInLevel", "SINGLE_CONFIRMATION"),
    ],
)
def test_a_sub_path_merges_into_the_stored_activity(masked, stored, part, value):
    sent = {"source": "EMAIL_SERVICE", "description": "no", "updatedDate": NOW, part: value}
    after = masked(f"{CONFIRMATION}.{part}", lastConfirmationActivity=sent)
    assert after[CONFIRMATION] == {**stored()[CONFIRMATION], part: value}


@pytest.mark.rule("update-with-mask")
def test_the_samples_mask_keeps_the_other_parts_of_the_activity(masked, stored):
    after = masked("state,lastConfirmationActivity.source", lastConfirmationActivity={"source": "IN_PERSON"})
    assert after[CONFIRMATION] == stored()[CONFIRMATION]


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize("part", ["source", "description", "updatedDate"])
def test_a_sub_path_of_the_revocation_merges_too(masked, stored, part):
    before = stored("REVOKED", lastRevokeActivity={"source": "FORM", "updatedDate": "2023-01-02T00:00:00Z"})
    sent = {"source": "OTHER", "description": "Asked.", "updatedDate": "2024-02-02T00:00:00Z"}
    after = masked(f"{REVOCATION}.{part}", "REVOKED", before=before, lastRevokeActivity=sent)
    assert after[REVOCATION] == {**before[REVOCATION], part: sent[part]}


@pytest.mark.rule("confirmation-activity-required", "revoke-activity-required")
@pytest.mark.parametrize(("state", "name"), [("CONFIRMED", CONFIRMATION), ("REVOKED", REVOCATION)])
def test_a_mask_must_not_leave_a_state_without_its_activity(masked, stored, state, name):
    with pytest.raises(Refusal, match=f"mask leaves {state} without {name}"):
        masked("state", state, before=stored(state="NEVER_CONFIRMED", **{CONFIRMATION: None, REVOCATION: None}))


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize("name", [CONFIRMATION, REVOCATION])
def test_a_whole_activity_without_a_value_is_cleared(masked, stored, name):
    before = stored(state="NEVER_CONFIRMED", lastRevokeActivity={"source": "FORM", "updatedDate": NOW})
    assert name not in masked(name, "NEVER_CONFIRMED", before=before)


@pytest.mark.rule("update-with-mask", "activity-defaults-unknown", "activity-date-defaults-to-now")
@pytest.mark.parametrize(
    ("part", "cleared"),
    [
        ("source", "UNKNOWN_SOURCE"),
        ("description", None),
        ("updatedDate", NOW),
        ("optInLevel", "UNKNOWN_OPT_IN_LEVEL"),
    ],
)
def test_a_sub_path_without_a_value_falls_back_to_its_default(masked, part, cleared):
    after = masked(f"{CONFIRMATION}.{part}", lastConfirmationActivity={})
    assert after[CONFIRMATION].get(part) == cleared


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize(
    ("mask", "extended", "namespaces"),
    [
        pytest.param("extendedFields", {"namespaces": {"@b": {"n": 1}}}, {"@b": {"n": 1}}, id="whole: replaced"),
        pytest.param("extendedFields", None, None, id="whole: cleared"),
        pytest.param("extendedFields.namespaces", {"namespaces": {"@b": {}}}, {"@b": {}}, id="all namespaces"),
        pytest.param(
            "extendedFields.namespaces.@b",
            {"namespaces": {"@b": {"n": 1}, "@shop": {"vip": False}}},
            {"@shop": {"vip": True}, "@b": {"n": 1}},
            id="one namespace: added",
        ),
        pytest.param(
            "extendedFields.namespaces.@shop", {"namespaces": {"@shop": {}}}, {"@shop": {}}, id="one: replaced"
        ),
        pytest.param("extendedFields.namespaces.@shop", {"namespaces": {}}, None, id="the only one: cleared"),
    ],
)
def test_extended_fields_change_whole_or_by_namespace(masked, mask, extended, namespaces):
    after = masked(mask, extendedFields=extended)["extendedFields"]
    assert after == ({} if namespaces is None else {"namespaces": namespaces})


@pytest.mark.rule("mask-paths", "read-only-ignored")
@pytest.mark.parametrize(
    "path",
    ["id", "revision", "createdDate", "updatedDate", "details", "details.type", "details.email", "details.phone"],
)
def test_a_mask_may_name_what_no_update_changes_without_effect(masked, stored, path):
    after = masked(path, "REVOKED", id="x", revision="9", createdDate="x", updatedDate="x")
    assert after == stored()


@pytest.mark.rule("mask-paths")
@pytest.mark.parametrize(
    ("path", "closest"),
    [
        pytest.param("stat", "state", id="a typing error"),
        pytest.param("last_confirmation_activity", CONFIRMATION, id="snake case"),
        pytest.param("last_revoke_activity.updated_date", f"{REVOCATION}.updatedDate", id="snake case, nested"),
        pytest.param("optInLevel", f"{CONFIRMATION}.optInLevel", id="without its parent"),
        pytest.param("STATE", "state", id="upper case"),
        pytest.param("*", None, id="a star"),
    ],
)
def test_an_unknown_path_is_refused_with_the_closest_name(masked, path, closest):
    with pytest.raises(Refusal) as refused:
        masked(["state", path], "NEVER_CONFIRMED")
    violation = refused.value.violations[0]
    assert (refused.value.status, violation.field, violation.rule) == (400, "mask", "mask-paths")
    assert violation.problem == f"names {path!r}, which is no field of a consent"
    assert violation.closest == closest


@pytest.mark.rule("mask-paths")
@pytest.mark.parametrize("path", ["extendedFields.namespaces.", "extendedFields.namespaces.@a.b", "details.name"])
def test_a_path_below_what_can_be_changed_is_refused(masked, path):
    with pytest.raises(Refusal, match="which is no field of a consent"):
        masked(path)


@pytest.mark.rule("update-with-mask", "email-keeps-state-on-unknown")
def test_a_masked_unknown_state_leaves_an_email_where_it_is(masked):
    assert masked("state", "UNKNOWN_STATE")["state"] == "CONFIRMED"


@pytest.mark.rule("update-with-mask")
def test_clearing_a_part_of_an_activity_that_is_not_there_makes_none(masked):
    assert REVOCATION not in masked(f"{REVOCATION}.description", "NEVER_CONFIRMED")
