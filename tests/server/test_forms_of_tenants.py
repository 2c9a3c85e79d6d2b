"""A tenant can have a dialect and an input of its own, and can be forgotten."""

from __future__ import annotations

from conftest import CONSENTS, Api

OTHER = "b0000000-0000-4000-8000-0000000000ff"
PRINTED = {"type": "EMAIL", "email": "ada@example.com"}


def test_a_tenant_answers_in_the_dialect_that_it_chose_and_the_others_do_not(api: Api) -> None:
    other = api.of(OTHER)
    assert other.control("PUT", "/forms", {"dialect": "documented"}).json == {
        "dialect": "documented",
        "input": "strict",
    }
    mine, theirs = api.create(), other.create()
    assert "createdDate" in mine
    assert "created_date" not in mine
    assert mine.keys() != theirs.keys()
    assert api.control("GET", "/forms").json == {"dialect": "corrected", "input": "strict"}


def test_a_tenant_reads_requests_as_it_chose(api: Api) -> None:
    other = api.of(OTHER)
    other.control("PUT", "/forms", {"input": "lenient"})
    flat = {"details": PRINTED, "state": "CONFIRMED", "lastConfirmationActivity": {"source": "FORM"}}
    assert api.call("POST", f"{CONSENTS}/upsert", flat).status == 400
    assert other.call("POST", f"{CONSENTS}/upsert", flat).status == 200


def test_a_requests_own_header_comes_before_the_tenants_choice(api: Api) -> None:
    api.control("PUT", "/forms", {"dialect": "documented"})
    stored = api.create()
    answer = api.call("GET", f"{CONSENTS}/{stored['id']}", headers={"x-wixture-dialect": "corrected"})
    assert "createdDate" in answer.json["marketingConsent"]


def test_events_go_out_in_the_tenants_dialect(api: Api) -> None:
    other = api.of(OTHER)
    other.control("PUT", "/forms", {"dialect": "documented"})
    api.create()
    other.create()
    mine, theirs = (site.control("GET", "/webhooks/events").json["events"][0]["event"] for site in (api, other))
    assert mine["createdEvent"]["entity"].keys() != theirs["createdEvent"]["entity"].keys()


def test_a_reset_goes_back_to_the_servers_forms(api: Api) -> None:
    api.control("PUT", "/forms", {"dialect": "documented", "input": "lenient"})
    api.control("POST", "/reset")
    assert api.control("GET", "/forms").json == {"dialect": "corrected", "input": "strict"}
    assert "createdDate" in api.create()


def test_an_unknown_dialect_is_told_the_nearest(api: Api) -> None:
    answer = api.control("PUT", "/forms", {"dialect": "document"})
    assert answer.status == 400
    assert "Closest: documented" in answer.violations["dialect"]["description"]


def test_a_forgotten_tenant_is_as_if_it_had_never_been_used(api: Api) -> None:
    other = api.of(OTHER)
    before = other.create()
    other.control("PUT", "/forms", {"dialect": "documented"})
    assert other.control("DELETE", "/tenant").json == {}
    assert other.state()["marketingConsents"] == []
    assert other.control("GET", "/exchanges").json["exchanges"] == []
    assert other.control("GET", "/forms").json["dialect"] == "corrected"
    again = other.create()
    assert again == before, "the same random seed gives the same entity once more"


def test_the_default_tenant_cannot_be_forgotten(api: Api) -> None:
    api.create()
    answer = api.control("DELETE", "/tenant")
    assert (answer.status, answer.code) == (400, "MOCK_BAD_REQUEST")
    assert "/_mock/reset" in answer.json["message"]
    assert len(api.state()["marketingConsents"]) == 1
