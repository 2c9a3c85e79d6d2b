"""What each operation's request must carry, and what it may not: by the table of required fields."""

from __future__ import annotations

import pytest

CONFIRMATION, REVOCATION = "lastConfirmationActivity", "lastRevokeActivity"
CREATE, UPDATE, UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
BULK, REMOVE, FOLLOW = "bulkUpsertMarketingConsent", "removeMarketingConsent", "createFollowedChannel"
GET_BY = "getMarketingConsentByIdentifier"
NEEDS = {"PENDING": CONFIRMATION, "CONFIRMED": CONFIRMATION, "REVOKED": REVOCATION}
RULE_OF = {CONFIRMATION: "confirmation-activity-required", REVOCATION: "revoke-activity-required"}


@pytest.fixture
def told(site):
    """Status, fields and rules of a refused request."""

    def ask(operation, body=None, **options):
        answer = site.call(operation, body, entity="11111111-1111-4111-8111-111111111111", **options)
        assert answer.body["message"].startswith("INVALID_ARGUMENT: ")
        found = answer.violations
        return answer.status, [item["field"] for item in found], [item["data"]["rule"] for item in found]

    return ask


def _without(consent, path):
    name, _, part = path.partition(".")
    if not part:
        return {key: value for key, value in consent.items() if key != name}
    return {**consent, name: _without(consent[name], part)}


# ---- a consent -----------------------------------------------------------------------------------


@pytest.mark.rule(
    "create-required-fields", "update-required-fields", "upsert-required-fields", "details-required",
    "details-identifier-required",
)  # fmt: skip
@pytest.mark.parametrize(
    ("operation", "path", "rule"),
    [
        (CREATE, "details", "create-required-fields"),
        (CREATE, CONFIRMATION, "create-required-fields"),
        (CREATE, "details.type", "details-required"),
        (CREATE, "details.email", "details-identifier-required"),
        (UPDATE, "details", "update-required-fields"),
        (UPDATE, "state", "update-required-fields"),
        (UPDATE, "details.type", "details-required"),
        (UPDATE, "details.email", "details-identifier-required"),
        (UPSERT, "details", "upsert-required-fields"),
        (UPSERT, "state", "upsert-required-fields"),
        (UPSERT, "details.type", "details-required"),
        (UPSERT, "details.email", "details-identifier-required"),
    ],
)
def test_a_required_field_that_is_missing_is_named(told, sent, operation, path, rule):
    body = {"marketingConsent": _without(sent(), path)}
    assert told(operation, body) == (400, [f"marketingConsent.{path}"], [rule])


@pytest.mark.rule("confirmation-activity-required", "revoke-activity-required", "update-required-fields")
@pytest.mark.parametrize("operation", [UPDATE, UPSERT])
@pytest.mark.parametrize("state", NEEDS)
@pytest.mark.parametrize("value", ["absent", None])
def test_a_state_needs_its_activity_in_the_request(told, sent, operation, state, value):
    name = NEEDS[state]
    consent = _without(sent(state), name) if value == "absent" else {**sent(state), name: value}
    assert told(operation, {"marketingConsent": consent}) == (400, [f"marketingConsent.{name}"], [RULE_OF[name]])


@pytest.mark.rule("confirmation-activity-required", "revoke-activity-required")
@pytest.mark.parametrize("state", ["UNKNOWN_STATE", "NEVER_CONFIRMED"])
def test_a_state_without_an_act_of_the_visitor_needs_no_activity(site, sent, state):
    assert site.call(UPSERT, {"marketingConsent": sent(state)}).status == 200


@pytest.mark.rule("confirmation-activity-required")
def test_an_activity_that_is_stored_does_not_stand_for_one_in_the_request(site, sent):
    entity = site.upsert(sent("CONFIRMED"))["id"]
    body = {"marketingConsent": _without(sent("CONFIRMED"), CONFIRMATION)}
    assert site.call(UPDATE, body, entity=entity).rules == ["confirmation-activity-required"]


@pytest.mark.rule("create-needs-confirmation-activity", "null-is-absent")
def test_create_takes_null_for_a_missing_confirmation(told, sent):
    body = {"marketingConsent": {**sent(), CONFIRMATION: None}}
    assert told(CREATE, body) == (
        400,
        [f"marketingConsent.{CONFIRMATION}"],
        ["create-needs-confirmation-activity"],
    )


@pytest.mark.rule("details-identifier-required", "null-is-absent")
@pytest.mark.parametrize(("channel", "field"), [("EMAIL", "email"), ("PHONE", "phone")])
@pytest.mark.parametrize("more", [{}, {"email": None, "phone": None}], ids=["absent", "null"])
def test_a_type_needs_its_identifier(told, sent, channel, field, more):
    body = {"marketingConsent": sent(details={"type": channel, **more})}
    assert told(UPSERT, body) == (400, [f"marketingConsent.details.{field}"], ["details-identifier-required"])


@pytest.mark.rule("details-one-identifier")
@pytest.mark.parametrize(("channel", "other"), [("EMAIL", {"phone": "+123"}), ("PHONE", {"email": "a@b.c"})])
def test_another_identifier_beside_it_is_refused(told, sent, details, channel, other):
    body = {"marketingConsent": sent(details={**details(channel), **other})}
    field = f"marketingConsent.details.{next(iter(other))}"
    assert told(UPSERT, body) == (400, [field], ["details-one-identifier"])


@pytest.mark.rule("details-one-identifier", "null-is-absent")
def test_another_identifier_that_is_null_is_absent(site, sent, details):
    made = site.upsert(sent(details={**details("EMAIL"), "phone": None}))
    assert made["details"] == details("EMAIL")


@pytest.mark.rule("consent-wrapper")
@pytest.mark.parametrize("operation", [CREATE, UPDATE, UPSERT])
@pytest.mark.parametrize(("body", "field"), [({}, "marketingConsent"), ([], "body"), ("text", "body")])
def test_a_consent_stands_under_its_wrapper(told, operation, body, field):
    assert told(operation, body) == (400, [field], ["consent-wrapper"])


@pytest.mark.rule("consent-wrapper", "unknown-field")
def test_a_consent_without_its_wrapper_is_told_where_it_belongs(site, sent):
    answer = site.call(UPSERT, sent())
    wrapper, *flat = answer.violations
    assert (wrapper["field"], wrapper["data"]["rule"]) == ("marketingConsent", "consent-wrapper")
    assert "Closest: marketingConsent.state." in next(v for v in flat if v["field"] == "state")["description"]


# ---- other bodies --------------------------------------------------------------------------------


@pytest.mark.rule("remove-required-fields")
@pytest.mark.parametrize("missing", ["details", REVOCATION])
def test_remove_needs_details_and_the_revocation_at_the_top_level(told, details, missing):
    body = {"details": details(), REVOCATION: {"source": "FORM"}}
    assert told(REMOVE, _without(body, missing)) == (400, [missing], ["remove-required-fields"])


@pytest.mark.rule("remove-required-fields", "null-is-absent")
def test_remove_takes_null_for_a_missing_revocation(told, details):
    assert told(REMOVE, {"details": details(), REVOCATION: None}) == (
        400,
        [REVOCATION],
        ["remove-required-fields"],
    )


@pytest.mark.rule("bulk-envelope")
@pytest.mark.parametrize("body", [{}, []], ids=repr)
def test_a_bulk_stands_under_info(told, body):
    assert told(BULK, body) == (400, ["info" if body == {} else "body"], ["bulk-envelope"])


@pytest.mark.rule("bulk-size")
@pytest.mark.parametrize(("info", "kind"), [([], "MIN_SIZE"), ([{}] * 501, "MAX_SIZE"), ({}, "FORMAT")])
def test_a_bulk_of_none_or_over_500_is_refused(site, info, kind):
    answer = site.call(BULK, {"info": info})
    violation = answer.violations[0]
    assert (answer.status, violation["field"], violation["violatedRule"]) == (400, "info", kind)
    assert answer.rules == ["bulk-size"]


@pytest.mark.rule("bulk-size")
def test_a_bulk_of_500_is_taken(site, sent, details):
    info = [sent(details=details(email=f"{number}@example.com")) for number in range(500)]
    assert site.call(BULK, {"info": info}).body["metadata"] == {"totalSuccess": 500, "totalFailure": 0}


@pytest.mark.rule("channel-wrapper", "channel-required")
@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "followedChannel", "channel-wrapper"),
        ([], "body", "channel-wrapper"),
        ({"followedChannel": {}}, "followedChannel.channel", "channel-required"),
        ({"followedChannel": "X"}, "followedChannel", "channel-required"),
    ],
    ids=repr,
)
def test_a_follow_needs_its_channel(site, told, body, field, rule):
    assert told(FOLLOW, body, token=site.token("MEMBER")) == (400, [field], [rule])


# ---- the query string of get-by ------------------------------------------------------------------


@pytest.mark.rule(
    "get-by-parameters", "details-identifier-required", "details-one-identifier", "identifier-type-known"
)
@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ("", "type", "get-by-parameters"),
        ("email=a%40b.c", "type", "get-by-parameters"),
        ("type=EMAIL", "email", "details-identifier-required"),
        ("type=PHONE", "phone", "details-identifier-required"),
        ("type=UNKNOWN_TYPE&email=a%40b.c", "type", "identifier-type-known"),
        ("type=EMAIL&email=a%40b.c&phone=%2B123", "phone", "details-one-identifier"),
        ("type=PHONE&email=a%40b.c&phone=%2B123", "email", "details-one-identifier"),
        ("type=EMAIL&email=a", "email", "email-form"),
        ("type=PHONE&phone=123", "phone", "phone-form"),
    ],
)
def test_get_by_needs_a_type_and_just_its_identifier(told, query, field, rule):
    assert told(GET_BY, query=query) == (400, [field], [rule])


@pytest.mark.rule("get-by-parameters", "phone-form")
def test_a_plus_sign_that_was_not_encoded_is_told_how_to_travel(site):
    answer = site.call(GET_BY, query="type=PHONE&phone=+19172222222")
    assert "Closest: %2B19172222222, for a plus sign" in answer.violations[0]["description"]


@pytest.mark.rule("get-by-parameters")
@pytest.mark.parametrize(
    "query", ["type=EMAIL&email=ada%40example.com", "type=EMAIL&email=%20ADA%40example.com&linkLanguage=en"]
)
def test_get_by_finds_the_consent(site, sent, query):
    made = site.upsert(sent())
    assert site.call(GET_BY, query=query).body["marketingConsent"] == made


@pytest.mark.rule("repeated-query-parameter")
def test_a_parameter_that_stands_twice_is_refused(told):
    query = "type=EMAIL&email=a%40b.c&email=a%40b.c"
    assert told(GET_BY, query=query) == (400, ["email"], ["repeated-query-parameter"])


@pytest.mark.rule("unknown-query-parameter")
@pytest.mark.parametrize(
    ("operation", "query", "name", "closest"),
    [
        (GET_BY, "type=EMAIL&email=a%40b.c&link_language=de", "link_language", "linkLanguage"),
        ("getMarketingConsent", "marketingConsentID=x", "marketingConsentID", "marketingConsentId"),
        ("listFollowedChannels", "limit=5", "limit", None),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_closest_name(site, operation, query, name, closest):
    token = site.token("MEMBER" if operation == "listFollowedChannels" else "APP")
    answer = site.call(operation, query=query, token=token, entity="x")
    violation = answer.violations[0]
    assert (answer.status, violation["field"], answer.rules) == (400, name, ["unknown-query-parameter"])
    assert violation["description"].startswith("is no query parameter here.")
    assert closest is None or f"Closest: {closest}." in violation["description"]
