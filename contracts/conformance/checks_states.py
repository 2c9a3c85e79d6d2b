"""What depends on the state of a consent, and what a masked update may change."""

from __future__ import annotations

from collections.abc import Iterator

from wixture.contracts.conformance.flow import MISSING, Flow, Problem
from wixture.contracts.conformance.promise import promise
from wixture.contracts.judging.instants import instant
from wixture.contracts.violations import shown

# ---- states --------------------------------------------------------------------------------------

_GRANTED = {
    "CONFIRMED": {"EMAIL": True, "PHONE": True},
    "NEVER_CONFIRMED": {"EMAIL": True, "PHONE": False},
    "UNKNOWN_STATE": {"EMAIL": True, "PHONE": False},
    "PENDING": {"EMAIL": False, "PHONE": False},
    "REVOKED": {"EMAIL": False, "PHONE": False},
}


@promise(
    "eligibility-table",
    "Each state grants messages by email and by phone as the table has it",
    rule="eligibility-by-state-and-channel",
)
def eligibility_table(flow: Flow) -> Iterator[Problem]:
    for name, state in (
        ("never", "NEVER_CONFIRMED"),
        ("pending", "PENDING"),
        ("confirmed", "CONFIRMED"),
        ("revoked", "REVOKED"),
        ("unknown", "UNKNOWN_STATE"),
    ):
        step = flow[f"found {name}"]
        yield from flow.holds(step.name, "/marketingConsent/state", state)
        granted = _GRANTED[state][step.query["type"]]
        yield from flow.holds(step.name, "/communicationEligibility/granted", granted)
        if granted and not isinstance(step.at("/communicationEligibility/revokeConfirmationLink"), str):
            place = "/communicationEligibility/revokeConfirmationLink"
            yield step.problem("Messages are granted, and there is no link to revoke them.", place)


@promise(
    "link-of-each-state",
    "PENDING has a confirmation link, CONFIRMED a revoke link, other states none",
    rule="link-by-state",
)
def link_by_state(flow: Flow) -> Iterator[Problem]:
    for name, kind in (("pending", "CONFIRMATION"), ("confirmed", "REVOKE_CONFIRMATION")):
        yield from flow.holds(name, "/link/type", kind)
    for name in ("never", "revoked"):
        yield from flow.holds(name, "/link", MISSING)


@promise(
    "email-keeps-state-on-unknown",
    "An email consent asked to become UNKNOWN_STATE keeps its state",
    rule="email-keeps-state-on-unknown",
)
def email_keeps_state_on_unknown(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("unknown")
    yield from flow.holds("unknown", "/marketingConsent/state", "REVOKED")


@promise(
    "no-change-no-revision",
    "A call that changes nothing adds nothing to the revision",
    rule="no-change-no-revision",
)
def no_change_no_revision(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds(
        "unknown", "/marketingConsent/revision", flow["revoked"].at("/marketingConsent/revision")
    )


@promise("new-consent-may-be-unknown", "A new consent may be UNKNOWN_STATE", rule="new-consent-may-be-unknown")
def new_consent_may_be_unknown(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("new unknown")
    yield from flow.holds("new unknown", "/marketingConsent/state", "UNKNOWN_STATE")


@promise(
    "phone-becomes-unknown",
    "A phone consent asked to become UNKNOWN_STATE becomes it",
    rule="phone-becomes-unknown",
)
def phone_becomes_unknown(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("unknown", "/marketingConsent/state", "UNKNOWN_STATE")


@promise(
    "activities-both-kept", "A revocation leaves the confirmation before it on record", rule="update-without-mask"
)
def activities_both_kept(flow: Flow) -> Iterator[Problem]:
    confirmed = flow["confirmed"].at("/marketingConsent/lastConfirmationActivity")
    yield from flow.holds("revoked", "/marketingConsent/lastConfirmationActivity", confirmed)


@promise("revoked-can-be-confirmed", "Whoever revoked can be confirmed again", rule="state-follows-request")
def revoked_can_be_confirmed(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("confirmed again")
    yield from flow.holds("confirmed again", "/marketingConsent/state", "CONFIRMED")


@promise(
    "new-consent-may-be-revoked", "A new consent may be REVOKED, with its activity", rule="state-follows-request"
)
def new_consent_may_be_revoked(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("new revoked")
    yield from flow.holds("new revoked", "/marketingConsent/state", "REVOKED")
    yield from flow.holds("new revoked", "/marketingConsent/lastRevokeActivity/source", "IN_PERSON")


@promise(
    "activity-defaults-unknown",
    "An activity without a source and a level has the unknown ones",
    rule="activity-defaults-unknown",
)
def activity_defaults_unknown(flow: Flow) -> Iterator[Problem]:
    activity = "/marketingConsent/lastConfirmationActivity"
    yield from flow.holds("confirmed again", f"{activity}/source", "UNKNOWN_SOURCE")
    yield from flow.holds("confirmed again", f"{activity}/optInLevel", "UNKNOWN_OPT_IN_LEVEL")


# ---- masks ---------------------------------------------------------------------------------------


@promise(
    "mask-limits-update", "A masked update changes what the mask names, and nothing else", rule="update-with-mask"
)
def mask_limits_update(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("masked", "/marketingConsent/state", "CONFIRMED")
    yield from flow.holds("masked", "/marketingConsent/lastConfirmationActivity/source", "IN_PERSON")
    yield from flow.holds("state alone", "/marketingConsent/state", "REVOKED")
    yield from flow.holds("state alone", "/marketingConsent/lastConfirmationActivity/source", "IN_PERSON")


@promise(
    "mask-merges-sub-paths",
    "A mask that names a part of an activity leaves its other parts",
    rule="update-with-mask",
)
def mask_merges_sub_paths(flow: Flow) -> Iterator[Problem]:
    sent = flow["created"].body["marketingConsent"]["lastConfirmationActivity"]
    for name in ("description", "optInLevel"):
        yield from flow.holds("masked", f"/marketingConsent/lastConfirmationActivity/{name}", sent[name])


@promise(
    "past-dates-kept",
    "An activity may be of a day before its consent was made",
    rule="activity-date-defaults-to-now",
)
def past_dates_kept(flow: Flow) -> Iterator[Problem]:
    step, pointer = flow["created"], "/marketingConsent/lastConfirmationActivity/updatedDate"
    sent = step.body["marketingConsent"]["lastConfirmationActivity"]["updatedDate"]
    if instant(step.at(pointer)) != instant(sent):
        yield step.problem(f"Expected {sent}, got {shown(step.at(pointer))}.", pointer)


@promise("mask-may-be-a-list", "A mask may be a list of paths, bare or under `paths`", rule="update-with-mask")
def mask_may_be_a_list(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("by list", "cleared")
    yield from flow.holds("by list", "/marketingConsent/state", "NEVER_CONFIRMED")
    revoked = flow["state alone"].at("/marketingConsent/lastRevokeActivity")
    yield from flow.holds("by list", "/marketingConsent/lastRevokeActivity", revoked)


@promise("mask-clears", "A path that a mask names and a request leaves out is cleared", rule="update-with-mask")
def mask_clears(flow: Flow) -> Iterator[Problem]:
    yield from flow.holds("cleared", "/marketingConsent/lastConfirmationActivity", MISSING)


@promise("mask-limits-app-fields", "A mask that names one app's fields leaves the others", rule="update-with-mask")
def mask_limits_app_fields(flow: Flow) -> Iterator[Problem]:
    kept = {"@wixture/one": {"a": 3}, "@wixture/two": {"b": 2}}
    yield from flow.holds("one app field", "/marketingConsent/extendedFields/namespaces", kept)
