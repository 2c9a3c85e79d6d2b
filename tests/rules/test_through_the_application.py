"""The promises of the rules once more through the application: statuses, codes and texts of whole answers."""

from __future__ import annotations

import pytest

CREATE, UPDATE, UPSERT = "createMarketingConsent", "updateMarketingConsent", "upsertMarketingConsent"
GET, DELETE, REMOVE = "getMarketingConsent", "deleteMarketingConsent", "removeMarketingConsent"
GET_BY, QUERY, BULK = "getMarketingConsentByIdentifier", "queryMarketingConsent", "bulkUpsertMarketingConsent"
BY_EMAIL = "type=EMAIL&email=ada%40example.com"
UNKNOWN_ID = "99999999-9999-4999-8999-999999999999"
NOW, A_MINUTE_LATER = "2024-05-01T08:00:00.000Z", "2024-05-01T08:01:00.000Z"


@pytest.fixture
def stored_count(site):
    """How many consents the site has."""
    return lambda: len(site.call(QUERY, {"query": {}}).body["marketingConsent"])


# ---- the envelope --------------------------------------------------------------------------------


@pytest.mark.rule("error-envelope", "create-duplicate-conflicts", "consent-one-per-identifier")
@pytest.mark.parametrize("email", ["ada@example.com", " ADA@Example.com"], ids=["the same", "spelled otherwise"])
def test_a_duplicate_is_409_with_an_application_error(site, sent, details, stored_count, email):
    made = site.upsert(sent())
    answer = site.call(CREATE, {"marketingConsent": sent(details=details(email=email))})
    text = "This email address has a marketing consent already. Use upsert to change it."
    assert (answer.status, answer.body["message"], list(answer.body["details"])) == (
        409,
        text,
        ["applicationError"],
    )
    assert (answer.error["code"], answer.error["data"]["id"]) == ("ALREADY_EXISTS", made["id"])
    assert answer.error["description"].startswith(text)
    assert stored_count() == 1


@pytest.mark.rule("error-envelope", "unknown-field")
@pytest.mark.parametrize(
    ("fields", "field", "closest"),
    [
        ({"statee": "PENDING"}, "statee", "state"),
        ({"last_confirmation_activity": {}}, "last_confirmation_activity", "lastConfirmationActivity"),
        ({"email": "a@b.c"}, "email", "details.email"),
        ({"extendedFields": {"namespace": {}}}, "extendedFields.namespace", "namespaces"),
        ({"lastConfirmationActivity": {"optinlevel": "x"}}, "lastConfirmationActivity.optinlevel", "optInLevel"),
    ],
)
def test_an_unknown_field_is_400_with_a_validation_error_and_the_closest_name(site, sent, fields, field, closest):
    answer = site.call(UPSERT, {"marketingConsent": sent(**fields)})
    violation = answer.violations[0]
    assert (answer.status, list(answer.body["details"])) == (400, ["validationError"])
    assert answer.body["message"] == f"INVALID_ARGUMENT: marketingConsent.{field} is no field here"
    assert (violation["violatedRule"], violation["ruleName"]) == ("CUSTOM", "UNKNOWN_FIELD")
    assert violation["description"].startswith(f"is no field here. Closest: {closest}.")
    assert violation["data"] == {
        "rule": "unknown-field",
        "pointer": f"/marketingConsent/{field.replace('.', '/')}",
    }


@pytest.mark.rule("contract-keyword")
@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"lastConfirmationActivity": 5}, "lastConfirmationActivity", "must be an object, and is a number"),
        ({"extendedFields": {"namespaces": []}}, "extendedFields.namespaces", "must be an object, and is a list"),
        (
            {"lastConfirmationActivity": {"description": 1}},
            "lastConfirmationActivity.description",
            "must be a text, ",
        ),
    ],
)
def test_a_value_of_another_type_is_told_so(site, sent, fields, field, problem):
    answer = site.call(UPSERT, {"marketingConsent": sent(**fields)})
    told = next(found for found in answer.violations if found["data"]["rule"] == "contract-keyword")
    assert (answer.status, told["field"], told["violatedRule"]) == (400, f"marketingConsent.{field}", "FORMAT")
    assert told["description"].startswith(problem)


@pytest.mark.rule("bulk-item-error", "bulk-in-order")
def test_a_bulk_with_bad_consents_is_200_and_stores_the_good_ones(site, sent, details, stored_count):
    info = [{"details": {"type": "EMAIL"}}, sent(), 5, sent(details=details(email="eve@example.com"))]
    answer = site.call(BULK, {"info": info})
    results = answer.body["results"]
    assert (answer.status, answer.body["metadata"]) == (200, {"totalSuccess": 2, "totalFailure": 2})
    assert ["error" in result for result in results] == [True, False, True, False]
    assert "state must not be empty" in results[0]["error"]
    assert stored_count() == 2


@pytest.mark.rule("bulk-item-error")
def test_the_error_of_a_bad_consent_names_its_place_in_the_request(site, sent):
    answer = site.call(BULK, {"info": [sent(), {"details": sent()["details"]}]})
    assert answer.body["results"][1]["error"].startswith("info[1].state must not be empty")


@pytest.mark.rule("success-is-200-json", "delete-is-final")
def test_a_deleted_consent_answers_an_empty_object_once_and_is_gone(site, sent, stored_count):
    entity = site.upsert(sent())["id"]
    first, again = (site.call(DELETE, entity=entity, query=f"marketingConsentId={entity}") for _ in range(2))
    assert (first.status, first.body) == (200, {})
    assert (again.status, again.error["data"]["rule"]) == (404, "delete-is-final")
    assert (site.call(GET, entity=entity).status, stored_count()) == (404, 0)


@pytest.mark.rule("remove-revokes", "remove-unknown-not-found", "remove-again-succeeds")
def test_a_removed_consent_stays_readable_and_can_be_removed_again(site, sent, details):
    body = {"details": details(), "lastRevokeActivity": {"source": "OTHER"}}
    unknown = site.call(REMOVE, body)
    entity = site.upsert(sent())["id"]
    removed = [site.call(REMOVE, body) for _ in range(2)]
    assert (unknown.status, unknown.error["code"]) == (404, "NOT_FOUND")
    assert [answer.body["marketingConsent"]["revision"] for answer in removed] == ["2", "3"]
    assert site.call(GET, entity=entity).body["marketingConsent"]["state"] == "REVOKED"


@pytest.mark.rule("malformed-id-not-found")
@pytest.mark.parametrize(
    "entity", [UNKNOWN_ID, "2178v046df3c-7575", "null", "undefined", "%2F", "a%00b", "'" * 200]
)
@pytest.mark.parametrize("operation", [GET, UPDATE, DELETE])
def test_an_id_that_is_unknown_or_malformed_is_404(site, sent, operation, entity):
    body = {"marketingConsent": sent()} if operation == UPDATE else None
    answer = site.call(operation, body, entity=entity)
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert answer.body["message"].startswith("Marketing consent not found: no consent of this site has the ID ")


@pytest.mark.rule("get-by-unknown-not-found")
def test_an_identifier_without_a_consent_is_404(site):
    answer = site.call(GET_BY, query=BY_EMAIL)
    text = "Marketing consent not found: no consent of this site has this identifier."
    assert (answer.status, answer.error["code"], answer.body["message"]) == (404, "NOT_FOUND", text)


@pytest.mark.rule("revision-must-match", "details-cannot-change", "mask-paths")
@pytest.mark.parametrize(
    ("fields", "mask", "status", "told"),
    [
        ({"revision": "7"}, None, 409, "INVALID_REVISION"),
        ({"details": {"type": "EMAIL", "email": "eve@example.com"}}, None, 400, "details-cannot-change"),
        ({}, "stat", 400, "mask-paths"),
    ],
    ids=["stale revision", "other details", "unknown path"],
)
def test_an_update_that_is_refused_changes_nothing(site, sent, fields, mask, status, told):
    before = site.upsert(sent())
    answer = site.call(UPDATE, {"marketingConsent": sent("REVOKED", **fields), "mask": mask}, entity=before["id"])
    assert answer.status == status
    assert told in (answer.error["code"] if status == 409 else answer.rules)
    assert site.call(GET, entity=before["id"]).body["marketingConsent"] == before


@pytest.mark.rule("read-only-ignored")
@pytest.mark.parametrize("value", ["2020", 7, {"a": 1}, None], ids=repr)
def test_read_only_fields_of_any_form_are_ignored(site, sent, value):
    claimed = dict.fromkeys(("id", "revision", "createdDate", "updatedDate"), value)
    made = site.call(CREATE, {"marketingConsent": {**sent(), **claimed}}).body["marketingConsent"]
    assert (made["revision"], made["createdDate"], made["updatedDate"]) == ("1", NOW, NOW)


@pytest.mark.rule("update-without-mask", "revision-counts-changes", "updated-date-never-goes-back")
def test_an_update_as_the_sdk_sends_it_changes_the_fields_it_names(site, sent):
    before = site.upsert(sent("PENDING"))
    site.advance(60)
    body = {"marketingConsent": {**sent("CONFIRMED", lastConfirmationActivity={}), "id": before["id"]}}
    after = site.call(UPDATE, body, entity=before["id"]).body["marketingConsent"]
    assert (after["revision"], after["createdDate"], after["updatedDate"]) == ("2", NOW, A_MINUTE_LATER)
    assert after["lastConfirmationActivity"]["updatedDate"] == A_MINUTE_LATER


@pytest.mark.rule("update-with-mask")
@pytest.mark.parametrize("form", [lambda path: path, lambda path: [path], lambda path: {"paths": [path]}])
def test_a_mask_in_any_form_changes_just_its_path(site, sent, form):
    before = site.upsert(sent("PENDING", lastConfirmationActivity={"source": "FORM", "description": "Kept."}))
    consent = sent("CONFIRMED", lastConfirmationActivity={"source": "OTHER"})
    body = {"marketingConsent": consent, "mask": form("lastConfirmationActivity.source")}
    after = site.call(UPDATE, body, entity=before["id"]).body["marketingConsent"]
    activity = {**before["lastConfirmationActivity"], "source": "OTHER"}
    assert after == {**before, "lastConfirmationActivity": activity, "revision": "2"}


@pytest.mark.rule("eligibility-by-state-and-channel")
@pytest.mark.parametrize(("state", "granted"), [("CONFIRMED", True), ("REVOKED", False)])
def test_get_by_answers_the_eligibility(site, sent, state, granted):
    site.upsert(sent(state))
    eligibility = site.call(GET_BY, query=BY_EMAIL).body["communicationEligibility"]
    assert eligibility["granted"] is granted
    assert (eligibility["revokeConfirmationLink"] is not None, eligibility["reason"] == "") == (granted, granted)
