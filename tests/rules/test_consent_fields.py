"""How a consent is filled in and how a request without a mask changes it."""

from __future__ import annotations

import copy

import pytest

from wixture.mockserver.rules.consent_fields import change_fields, new_fields

NOW = "2024-05-01T08:00:00.000Z"
CONFIRMATION, REVOCATION = "lastConfirmationActivity", "lastRevokeActivity"
WRITTEN_OUT = ["2021-07-22T00:00:00Z", "2021-07-22T00:00:00.123456789Z", "2021-07-22T02:00:00+02:00"]


@pytest.fixture
def new(sent):
    """A new consent's fields: `new("PENDING", lastConfirmationActivity={…})`."""
    return lambda *state, **fields: new_fields(sent(*state, **fields), now=NOW)


@pytest.fixture
def changed(sent, stored):
    """A confirmed consent after a request without a mask."""
    return lambda *state, **fields: change_fields(stored(), sent(*state, **fields), now=NOW)


# ---- activities ----------------------------------------------------------------------------------


@pytest.mark.rule("activity-defaults-unknown", "activity-date-defaults-to-now")
def test_an_empty_confirmation_gets_unknown_members_and_now(new):
    filled = {"source": "UNKNOWN_SOURCE", "updatedDate": NOW, "optInLevel": "UNKNOWN_OPT_IN_LEVEL"}
    assert new("CONFIRMED", lastConfirmationActivity={})[CONFIRMATION] == filled


@pytest.mark.rule("activity-defaults-unknown", "activity-date-defaults-to-now")
def test_an_empty_revocation_gets_the_unknown_source_and_now_and_no_level(new):
    activity = new("REVOKED", lastRevokeActivity={})[REVOCATION]
    assert activity == {"source": "UNKNOWN_SOURCE", "updatedDate": NOW}


@pytest.mark.rule("activity-date-defaults-to-now")
@pytest.mark.parametrize("date", WRITTEN_OUT, ids=["seconds", "nanoseconds", "zone"])
@pytest.mark.parametrize(("state", "name"), [("CONFIRMED", CONFIRMATION), ("REVOKED", REVOCATION)])
def test_a_date_that_is_given_is_stored_as_it_was_written(new, changed, date, state, name):
    activity = {"source": "FORM", "updatedDate": date}
    dates = [
        fields[name]["updatedDate"]
        for fields in (new(state, **{name: activity}), changed(state, **{name: activity}))
    ]
    assert dates == [date, date]


@pytest.mark.parametrize("text", ["Signed, at the desk.", "", "  ünïcode 🎉 ", "x" * 5000], ids=repr)
def test_a_description_is_stored_as_it_was_sent(new, text):
    assert new("CONFIRMED", lastConfirmationActivity={"description": text})[CONFIRMATION]["description"] == text


@pytest.mark.rule("null-is-absent")
def test_nulls_in_an_activity_count_as_absent(new):
    nulls = dict.fromkeys(("source", "description", "updatedDate", "optInLevel"))
    assert new("CONFIRMED", lastConfirmationActivity=nulls) == new("CONFIRMED", lastConfirmationActivity={})


@pytest.mark.rule("null-is-absent")
def test_nulls_in_details_are_not_stored(new):
    details = {"type": "EMAIL", "email": "ada@example.com", "phone": None}
    assert new("CONFIRMED", details=details)["details"] == {"type": "EMAIL", "email": "ada@example.com"}


@pytest.mark.rule("null-is-absent")
@pytest.mark.parametrize("name", [CONFIRMATION, REVOCATION, "extendedFields"])
def test_a_field_that_is_null_is_as_if_it_were_not_sent(sent, name):
    consent = sent("NEVER_CONFIRMED")
    assert new_fields({**consent, name: None}, now=NOW) == new_fields(consent, now=NOW)


def test_both_activities_are_stored_when_both_are_sent(new):
    fields = new("REVOKED", lastConfirmationActivity={"source": "OTHER"}, lastRevokeActivity={"source": "OTHER"})
    assert (fields[CONFIRMATION]["source"], fields[REVOCATION]["source"]) == ("OTHER", "OTHER")


# ---- extended fields -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extended", "kept"),
    [
        pytest.param(None, {}, id="absent"),
        pytest.param({}, {}, id="empty"),
        pytest.param({"namespaces": {}}, {"namespaces": {}}, id="no namespace"),
        pytest.param(
            {"namespaces": {"@a/b": {"n": 1, "x": None}}}, {"namespaces": {"@a/b": {"n": 1, "x": None}}}, id="some"
        ),
    ],
)
def test_extended_fields_of_a_new_consent_are_an_object_always(new, extended, kept):
    assert new("CONFIRMED", extendedFields=extended)["extendedFields"] == kept


# ---- a change without a mask ---------------------------------------------------------------------


@pytest.mark.rule("update-without-mask")
def test_fields_that_are_absent_stay(changed, stored):
    after = changed("NEVER_CONFIRMED")
    assert after == {**stored(), "state": "NEVER_CONFIRMED"}


@pytest.mark.rule("update-without-mask")
def test_an_activity_that_is_present_replaces_the_stored_one_whole(changed):
    after = changed("CONFIRMED", lastConfirmationActivity={"source": "FORM"})[CONFIRMATION]
    assert after == {"source": "FORM", "updatedDate": NOW, "optInLevel": "UNKNOWN_OPT_IN_LEVEL"}


@pytest.mark.rule("update-without-mask")
def test_extended_fields_that_are_present_replace_the_stored_ones_whole(changed):
    namespaces = {"namespaces": {"@other": {"a": 1}}}
    assert changed("NEVER_CONFIRMED", extendedFields=namespaces)["extendedFields"] == namespaces


@pytest.mark.rule("update-without-mask", "null-is-absent")
@pytest.mark.parametrize("name", [CONFIRMATION, REVOCATION, "extendedFields"])
def test_a_field_that_is_null_stays(sent, stored, name):
    request = {**sent("NEVER_CONFIRMED"), name: None}
    assert change_fields(stored(), request, now=NOW) == {**stored(), "state": "NEVER_CONFIRMED"}


@pytest.mark.rule("read-only-ignored")
def test_read_only_fields_and_details_of_a_request_change_nothing(changed, stored):
    claimed = {"id": "x", "revision": "9", "createdDate": "x", "updatedDate": "x", "details": {"type": "PHONE"}}
    assert changed("NEVER_CONFIRMED", **claimed) == {**stored(), "state": "NEVER_CONFIRMED"}


def test_a_change_leaves_the_stored_consent_untouched(sent, stored):
    before = stored()
    kept = copy.deepcopy(before)
    mask = "lastConfirmationActivity.source,extendedFields.namespaces.@shop"
    change_fields(before, sent(extendedFields={"namespaces": {"@shop": {"a": 1}}}), now=NOW, mask=mask)
    assert before == kept
