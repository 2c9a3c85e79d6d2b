"""Which forms of values the application takes, and by which rule it refuses the others."""

from __future__ import annotations

import pytest

from wixture.contracts.document import schemas_of
from wixture.contracts.validation import own_contract
from wixture.contracts.violations import form_of

CONFIRMATION, REVOCATION = "lastConfirmationActivity", "lastRevokeActivity"
VALUES = {"Guid", "Timestamp", "Revision", "Email", "Phone", "LinkLanguage", "LinkUrl", "DateCondition"}
CONFIRMED_BY, TYPE = "confirmation-source-known", "identifier-type-known"


@pytest.fixture
def upsert(site, sent):
    """The answer to an upsert: `upsert("PENDING", details={…})`."""
    return lambda *state, **fields: site.call(
        "upsertMarketingConsent", {"marketingConsent": sent(*state, **fields)}
    )


def _given(part, value):
    """Both activities with one part."""
    return {CONFIRMATION: {part: value}, REVOCATION: {part: value} if part == "source" else {}}


def _told(answer):
    """Status, field and rule of the first violation."""
    violation = answer.violations[0]
    return answer.status, violation["field"], violation["data"]["rule"]


# ---- dates, addresses, numbers, languages --------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"details": {"type": "EMAIL", "email": "ada@"}},
            "an email address such as ada@example.com, and is 'ada@'",
        ),
        ({"details": {"type": "PHONE", "phone": "0170"}}, "look like +12025550147, and is '0170'"),
        ({CONFIRMATION: {"updatedDate": "today"}}, "an instant such as 2024-01-31T08:00:00Z, and is 'today'"),
    ],
    ids=["email", "phone", "instant"],
)
def test_a_wrong_form_is_told_with_one_that_is_right(upsert, fields, text):
    (violation,) = upsert("CONFIRMED", **fields).violations
    assert violation["description"].startswith("must ")
    assert text in violation["description"]


def test_every_form_that_a_request_can_miss_has_an_example_to_tell():
    contract = own_contract("openapi")
    sent = {name for name in contract.contract.document["components"]["schemas"] if name.startswith("Sent")}
    forms = [
        schema
        for pointer, schema in schemas_of(contract.contract.document)
        if "pattern" in schema and pointer.split("/")[3] in {*sent, *VALUES}
    ]
    assert len(forms) >= 12
    assert all(form_of(schema) for schema in forms)


@pytest.mark.rule("timestamp-form")
@pytest.mark.parametrize(
    "date",
    [
        "2024-01-31T08:00:00.000Z",
        "2024-02-29T23:59:59Z",
        "2000-02-29T00:00:00.123456789Z",
        "1969-12-31T00:00:00+05:30",
        "9999-12-31T23:59:59.9-23:59",
    ],
)
def test_a_date_that_exists_is_taken(upsert, date):
    answer = upsert("REVOKED", lastRevokeActivity={"updatedDate": date})
    assert answer.body["marketingConsent"][REVOCATION]["updatedDate"] == date


@pytest.mark.rule("timestamp-form")
@pytest.mark.parametrize(
    "date",
    [
        "2023-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00",
        "2024-01-01",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "",
        1704067200000,
    ],
)
@pytest.mark.parametrize(("state", "name"), [("CONFIRMED", CONFIRMATION), ("REVOKED", REVOCATION)])
def test_a_date_that_is_none_is_refused(upsert, date, state, name):
    answer = upsert(state, **{name: {"updatedDate": date}})
    assert _told(answer) == (400, f"marketingConsent.{name}.updatedDate", "timestamp-form")
    assert answer.violations[0]["violatedRule"] == "FORMAT"


@pytest.mark.rule("email-form")
@pytest.mark.parametrize(
    "email", ["a@b", "a+b@example.com", " ada@example.com ", "ä@ö.example", "x" * 314 + "@a.com"]
)
def test_an_email_address_is_a_name_an_at_and_a_domain(upsert, email):
    answer = upsert(details={"type": "EMAIL", "email": email})
    assert answer.body["marketingConsent"]["details"]["email"] == email


@pytest.mark.rule("email-form")
@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a@b@c",
        "a b@example.com",
        "a@.com",
        "a@b.",
        "a@b.c\n",
        "x" * 315 + "@a.com",
        5,
    ],
)
def test_what_is_no_email_address_is_refused(upsert, email):
    answer = upsert(details={"type": "EMAIL", "email": email})
    assert _told(answer) == (400, "marketingConsent.details.email", "email-form")


@pytest.mark.rule("phone-form")
@pytest.mark.parametrize("phone", ["+19172222222", "+445168993333", "+12", "+123456789012345"])
def test_a_phone_number_is_a_plus_sign_and_2_to_15_digits(upsert, phone):
    answer = upsert(details={"type": "PHONE", "phone": phone})
    assert answer.body["marketingConsent"]["details"]["phone"] == phone


@pytest.mark.rule("phone-form")
@pytest.mark.parametrize(
    "phone",
    ["19172222222", "+1", "+0172222222", "+1234567890123456", "+1 917", "+1-917", "+1917\n", "", "+١٢٣", 1917],
)
def test_what_is_no_phone_number_is_refused(upsert, phone):
    answer = upsert(details={"type": "PHONE", "phone": phone})
    assert _told(answer) == (400, "marketingConsent.details.phone", "phone-form")


@pytest.mark.rule("link-language-form")
@pytest.mark.parametrize("language", ["de", "pt-BR", "zh-Hant-TW"])
def test_a_language_is_a_tag(site, upsert, language):
    upsert()
    query = f"type=EMAIL&email=ada%40example.com&linkLanguage={language}"
    assert site.call("getMarketingConsentByIdentifier", query=query).status == 200


@pytest.mark.rule("link-language-form")
@pytest.mark.parametrize("language", ["d", "de_DE", "de-", "x" * 36])
def test_what_is_no_language_is_refused(site, language):
    query = f"type=EMAIL&email=ada%40example.com&linkLanguage={language}"
    answer = site.call("getMarketingConsentByIdentifier", query=query)
    assert _told(answer) == (400, "linkLanguage", "link-language-form")


@pytest.mark.rule("get-by-parameters")
@pytest.mark.parametrize("name", ["type", "email", "phone", "linkLanguage"])
def test_a_blank_parameter_is_refused(site, name):
    channel = "PHONE" if name == "phone" else "EMAIL"
    given = {"type": channel, "email" if channel == "EMAIL" else "phone": "x", name: ""}
    query = "&".join(f"{key}={value}" for key, value in given.items())
    answer = site.call("getMarketingConsentByIdentifier", query=query)
    assert answer.status == 400
    assert name in [violation["field"] for violation in answer.violations]


# ---- enums ---------------------------------------------------------------------------------------


@pytest.mark.rule(
    "state-known",
    "confirmation-source-known",
    "revoke-source-known",
    "opt-in-level-known",
    "identifier-type-known",
)
@pytest.mark.parametrize(
    ("state", "fields", "field", "rule", "closest"),
    [
        ("CONFIRMED_", {}, "state", "state-known", "CONFIRMED"),
        ("confirmed", {}, "state", "state-known", "CONFIRMED"),
        ("CONFIRMED", _given("source", "FROM"), f"{CONFIRMATION}.source", CONFIRMED_BY, "FORM"),
        ("CONFIRMED", _given("source", "REVOKE_LINK"), f"{CONFIRMATION}.source", CONFIRMED_BY, None),
        ("REVOKED", _given("source", "WIX_USERS"), f"{REVOCATION}.source", "revoke-source-known", None),
        ("CONFIRMED", _given("optInLevel", "SINGLE"), f"{CONFIRMATION}.optInLevel", "opt-in-level-known", None),
        ("CONFIRMED", {"details": {"type": "UNKNOWN_TYPE"}}, "details.type", TYPE, None),
        ("CONFIRMED", {"details": {"type": "SMS", "phone": "+123"}}, "details.type", TYPE, None),
    ],
)  # fmt: skip
def test_what_is_no_member_of_an_enum_is_refused(upsert, state, fields, field, rule, closest):
    answer = upsert(state, **fields)
    told = {violation["field"]: violation for violation in answer.violations}
    violation = told[f"marketingConsent.{field}"]
    assert (answer.status, violation["data"]["rule"], violation["violatedRule"]) == (
        400,
        rule,
        "INVALID_ENUM_VALUE",
    )
    assert closest is None or f"Closest: {closest}." in violation["description"]


@pytest.mark.rule("state-known")
@pytest.mark.parametrize("state", [3, True, [], {}], ids=repr)
def test_a_state_is_a_text(upsert, state):
    assert _told(upsert(state)) == (400, "marketingConsent.state", "state-known")


@pytest.mark.rule("confirmation-source-known", "revoke-source-known", "opt-in-level-known")
@pytest.mark.parametrize(
    ("state", "activity", "part", "member"),
    [
        *(
            ("CONFIRMED", CONFIRMATION, "source", source)
            for source in "UNKNOWN_SOURCE IN_PERSON FORM LINK_CONFIRMATION EMAIL_SERVICE WIX_USERS OTHER".split()
        ),
        *(
            ("REVOKED", REVOCATION, "source", member)
            for member in "UNKNOWN_SOURCE IN_PERSON FORM REVOKE_LINK OTHER".split()
        ),
        *(
            ("PENDING", CONFIRMATION, "optInLevel", level)
            for level in "UNKNOWN_OPT_IN_LEVEL SINGLE_CONFIRMATION DOUBLE_CONFIRMATION".split()
        ),
    ],
)
def test_every_member_of_an_enum_is_taken(upsert, state, activity, part, member):
    assert upsert(state, **{activity: {part: member}}).body["marketingConsent"][activity][part] == member


@pytest.mark.rule("channel-known")
@pytest.mark.parametrize("channel", ["TWITTER", "x", "", None, 1])
def test_what_is_no_channel_is_refused(site, channel):
    body = {"followedChannel": {"channel": channel}}
    answer = site.call("createFollowedChannel", body, token=site.token("MEMBER"))
    assert _told(answer) == (400, "followedChannel.channel", "channel-known")


@pytest.mark.rule("revision-form", "revision-must-match")
@pytest.mark.parametrize("revision", ["1", 1])
def test_a_revision_is_a_whole_number_or_its_text(site, upsert, sent, revision):
    entity = upsert().body["marketingConsent"]["id"]
    body = {"marketingConsent": sent("REVOKED", revision=revision)}
    assert site.call("updateMarketingConsent", body, entity=entity).status == 200


@pytest.mark.rule("revision-form")
@pytest.mark.parametrize("revision", ["one", "", "1.0", " 1", "-1", "01", 1.5, -1, 2**63, True, ["1"]])
def test_what_is_no_revision_is_refused(site, upsert, sent, revision):
    entity = upsert().body["marketingConsent"]["id"]
    body = {"marketingConsent": sent("REVOKED", revision=revision)}
    answer = site.call("updateMarketingConsent", body, entity=entity)
    assert _told(answer) == (400, "marketingConsent.revision", "revision-form")


@pytest.mark.rule("revision-form")
def test_a_text_beyond_64_bits_is_no_revision(site, upsert, sent):
    entity = upsert().body["marketingConsent"]["id"]
    body = {"marketingConsent": sent("REVOKED", revision=str(2**63))}
    assert site.call("updateMarketingConsent", body, entity=entity).status == 400
