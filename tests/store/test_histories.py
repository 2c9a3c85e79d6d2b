"""Random histories of all eleven operations through the whole mock, against a naive model of what is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from wixture.mockserver.app import Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.instants import from_text
from wixture.mockserver.messages import Request
from wixture.mockserver.settings import CHANNELS, Settings

START = "2024-05-01T12:00:00.000Z"
CONSENTS = "/marketing-consent/v1/marketing-consent"
FOLLOWS = "/loyalty-social-media/v1/followed-channels"
ACTIVITY = dict.fromkeys(("PENDING", "CONFIRMED"), "lastConfirmationActivity") | {"REVOKED": "lastRevokeActivity"}
LINKS = {"PENDING": "CONFIRMATION", "CONFIRMED": "REVOKE_CONFIRMATION"}
GRANTED = {
    ("EMAIL", "CONFIRMED"),
    ("EMAIL", "NEVER_CONFIRMED"),
    ("EMAIL", "UNKNOWN_STATE"),
    ("PHONE", "CONFIRMED"),
}

STATES = st.sampled_from(["UNKNOWN_STATE", "NEVER_CONFIRMED", "REVOKED", "PENDING", "CONFIRMED"])
DETAILS = st.sampled_from(
    [
        *({"type": "EMAIL", "email": email} for email in ("ada@x.example", " ADA@x.example ", "Bob@x.example")),
        *({"type": "EMAIL", "email": email} for email in ("bob@X.example", "été@x.example", "ÉTÉ@x.example")),
        *({"type": "PHONE", "phone": phone} for phone in ("+4912345", "+4912346", "+4912347")),
    ]
)
REVISIONS = st.sampled_from(["none", "right", "right as a number", "stale"])
MEMBERS = [derived_id("member", str(number)) for number in range(2)]


def key_of(details: dict[str, str]) -> str:
    """What tells two consents apart."""
    return details["phone"] if details["type"] == "PHONE" else details["email"].strip(" ").lower()


def sent_consent(details: dict[str, str], state: str) -> dict[str, Any]:
    """A consent as a caller sends it, with the activity that its state asks for."""
    consent: dict[str, Any] = {"details": details, "state": state}
    if state in ACTIVITY:
        consent[ACTIVITY[state]] = {"source": "FORM"}
    return consent


@dataclass
class Expected:
    """What the model knows of one consent."""

    id: str
    details: dict[str, str]
    state: str
    created: str
    updated: str
    revision: int = 1
    activities: frozenset[str | None] = frozenset({None})

    def check(self, consent: dict[str, Any]) -> None:
        told = {
            name: consent[name] for name in ("id", "details", "state", "createdDate", "updatedDate", "revision")
        }
        assert told == {
            "id": self.id,
            "details": self.details,
            "state": self.state,
            "createdDate": self.created,
            "updatedDate": self.updated,
            "revision": str(self.revision),
        }
        assert {None, *consent} & {None, *ACTIVITY.values()} == self.activities

    def after(self, state: str) -> str:
        """The state that a request for a state leads to."""
        if state == "UNKNOWN_STATE" and self.details["type"] == "EMAIL":
            return self.state
        return state


class Histories(RuleBasedStateMachine):
    """One tenant's life. Every rule is one call of an operation and what the model expects of its answer."""

    app: Application
    runner: asyncio.Runner

    @initialize()
    def begin(self) -> None:
        app = self.app
        self.instance_id = app.settings.instance_id
        self.tenant = app.tenants.get(self.instance_id)
        app.tenants.rewind(self.tenant)
        self.runner.run(app.store.load(self.instance_id, (), replace=True))
        self.clock = from_text(START)
        self.consents: dict[str, Expected] = {}
        self.gone: list[str] = [derived_id("never"), "null"]
        self.follows: dict[str, list[str]] = {member: [] for member in MEMBERS}
        self.tokens = {member: self.token("MEMBER", member) for member in MEMBERS}
        self.tokens[""] = self.token("APP", app.settings.app_id)

    def token(self, identity: Any, subject_id: str) -> str:
        caller = self.app.oauth.caller(identity, self.instance_id, subject_id)
        return str(self.app.oauth.tokens_for(caller, 10 * 365 * 86_400)["access_token"])

    def call(self, method: str, path: str, body: Any = None, *, member: str = "", **query: str) -> tuple[int, Any]:
        headers = {"authorization": self.tokens[member], "content-type": "application/json"}
        content = b"" if body is None else orjson.dumps(body)
        request = Request(method, path, urlencode(query), headers, content)
        response = self.runner.run(self.app.handle(request))
        return response.status, orjson.loads(response.body)

    @property
    def now(self) -> str:
        moment = datetime.fromtimestamp(self.clock // 1_000_000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"

    def by_key(self, details: dict[str, str]) -> Expected | None:
        return next((item for item in self.consents.values() if key_of(item.details) == key_of(details)), None)

    def some_id(self, pick: int) -> str:
        ids = [*self.consents, *self.gone]
        return ids[pick % len(ids)]

    # ---- what each operation does to the model ----

    def expect_new(self, consent: dict[str, Any], details: dict[str, str], state: str) -> Expected:
        assert consent["id"] not in self.consents
        assert consent["id"] not in self.gone, "an ID is never given twice"
        expected = Expected(consent["id"], details, state, self.now, self.now)
        expected.activities |= {ACTIVITY.get(state)}
        self.consents[consent["id"]] = expected
        return expected

    def expect_change(self, known: Expected, state: str, *, with_activity: bool = True) -> None:
        wanted = known.after(state)
        if state == "UNKNOWN_STATE" and wanted == known.state:
            return  # nothing was asked for that is not so
        known.state = wanted
        known.revision += 1
        known.updated = max(known.updated, self.now)
        if with_activity:
            known.activities |= {ACTIVITY.get(state)}

    def expect_upserted(self, result: dict[str, Any], details: dict[str, str], state: str) -> None:
        known = self.by_key(details)
        if known is None:
            self.expect_new(result["marketingConsent"], details, state)
        else:
            self.expect_change(known, state)
        self.check_result(result)

    def check_result(self, result: dict[str, Any]) -> None:
        consent = result["marketingConsent"]
        self.consents[consent["id"]].check(consent)
        assert result.get("link", {}).get("type") == LINKS.get(consent["state"])

    # ---- the eleven operations ----

    @rule(details=DETAILS, state=STATES)
    def create(self, details: dict[str, str], state: str) -> None:
        consent = {**sent_consent(details, state), "lastConfirmationActivity": {"source": "FORM"}}
        status, answer = self.call("POST", CONSENTS, {"marketingConsent": consent})
        known = self.by_key(details)
        if known is not None:
            assert status == 409
            assert answer["details"]["applicationError"]["code"] == "ALREADY_EXISTS"
            assert answer["details"]["applicationError"]["data"]["id"] == known.id
            return
        assert status == 200
        expected = self.expect_new(answer["marketingConsent"], details, "CONFIRMED")
        expected.activities |= {ACTIVITY.get(state)}  # a revoke activity is stored where one was sent
        self.check_result(answer)

    @rule(details=DETAILS, state=STATES)
    def upsert(self, details: dict[str, str], state: str) -> None:
        status, answer = self.call(
            "POST", f"{CONSENTS}/upsert", {"marketingConsent": sent_consent(details, state)}
        )
        assert status == 200
        self.expect_upserted(answer, details, state)

    @rule(items=st.lists(st.tuples(DETAILS, STATES, st.booleans()), min_size=1, max_size=4))
    def bulk_upsert(self, items: list[tuple[dict[str, str], str, bool]]) -> None:
        info = [sent_consent(details, state) for details, state, _ in items]
        for consent, (_, _, good) in zip(info, items, strict=True):
            if not good:
                del consent["state"]
        status, answer = self.call("POST", "/marketing-consent/v1/bulk/marketing-consent/upsert", {"info": info})
        assert status == 200
        good_ones = sum(good for _, _, good in items)
        assert answer["metadata"] == {"totalSuccess": good_ones, "totalFailure": len(items) - good_ones}
        for index, (result, (details, state, good)) in enumerate(zip(answer["results"], items, strict=True)):
            assert result["originalIndex"] == index
            assert ("error" in result) == (not good)
            if good:
                self.expect_upserted(result, details, state)

    @rule(
        pick=st.integers(0, 9), state=STATES, revision=REVISIONS, other=st.none() | DETAILS, masked=st.booleans()
    )
    def update(self, pick: int, state: str, revision: str, other: Any, masked: bool) -> None:
        id_ = self.some_id(pick)
        known = self.consents.get(id_)
        details = other or (known.details if known else {"type": "EMAIL", "email": "x@y"})
        consent = sent_consent(details, state)
        current = known.revision if known else 1
        if revision != "none":
            wanted = current + 1 if revision == "stale" else current
            consent["revision"] = wanted if revision == "right as a number" else str(wanted)
        body = {"marketingConsent": consent, **({"mask": "state"} if masked else {})}
        status, answer = self.call("PATCH", f"{CONSENTS}/{id_}", body)
        if known is None:
            assert (status, answer["details"]["applicationError"]["code"]) == (404, "NOT_FOUND")
        elif revision == "stale":
            assert (status, answer["details"]["applicationError"]["code"]) == (409, "INVALID_REVISION")
        elif key_of(details) != key_of(known.details):
            assert status == 400
            (violation,) = answer["details"]["validationError"]["fieldViolations"]
            assert violation["field"] == "marketingConsent.details"
        elif masked and ACTIVITY.get(known.after(state)) not in known.activities:
            assert status == 400
            (violation,) = answer["details"]["validationError"]["fieldViolations"]
            assert violation["field"] == "mask", "a mask leaves no state without its activity"
        else:
            assert status == 200
            self.expect_change(known, state, with_activity=not masked)
            self.check_result(answer)

    @rule(details=DETAILS)
    def remove(self, details: dict[str, str]) -> None:
        body = {"details": details, "lastRevokeActivity": {"source": "FORM"}}
        status, answer = self.call("POST", f"{CONSENTS}/remove", body)
        known = self.by_key(details)
        if known is None:
            assert (status, answer["details"]["applicationError"]["code"]) == (404, "NOT_FOUND")
            return
        assert status == 200
        self.expect_change(known, "REVOKED")
        known.check(answer["marketingConsent"])

    @rule(pick=st.integers(0, 9))
    def delete(self, pick: int) -> None:
        id_ = self.some_id(pick)
        status, answer = self.call("DELETE", f"{CONSENTS}/{id_}")
        if id_ in self.consents:
            assert (status, answer) == (200, {})
            del self.consents[id_]
            self.gone.append(id_)
        else:
            assert (status, answer["details"]["applicationError"]["code"]) == (404, "NOT_FOUND")

    @rule(pick=st.integers(0, 9))
    def get(self, pick: int) -> None:
        id_ = self.some_id(pick)
        status, answer = self.call("GET", f"{CONSENTS}/{id_}", marketingConsentId=id_)
        if id_ in self.consents:
            assert status == 200
            self.consents[id_].check(answer["marketingConsent"])
        else:
            assert (status, answer["details"]["applicationError"]["code"]) == (404, "NOT_FOUND")

    @rule(details=DETAILS)
    def get_by_identifier(self, details: dict[str, str]) -> None:
        status, answer = self.call("GET", f"{CONSENTS}/get-by", **details)
        known = self.by_key(details)
        if known is None:
            assert (status, answer["details"]["applicationError"]["code"]) == (404, "NOT_FOUND")
            return
        assert status == 200
        known.check(answer["marketingConsent"])
        granted = (details["type"], known.state) in GRANTED
        assert answer["communicationEligibility"]["granted"] == granted
        assert (answer["communicationEligibility"]["revokeConfirmationLink"] is not None) == granted

    @rule(state=st.none() | STATES, order=st.sampled_from(["ASC", "DESC"]))
    def query(self, state: str | None, order: str) -> None:
        sort = [{"fieldName": "createdDate", "order": order}]
        filter_ = {} if state is None else {"state": state}
        body = {"query": {"filter": filter_, "sort": sort, "cursorPaging": {"limit": 100}}}
        status, answer = self.call("POST", f"{CONSENTS}/query", body)
        assert status == 200
        expected = [item for item in self.consents.values() if state in (None, item.state)]
        expected.sort(key=lambda item: (item.created, item.id), reverse=order == "DESC")
        assert [item["id"] for item in answer["marketingConsent"]] == [item.id for item in expected]
        for item, consent in zip(expected, answer["marketingConsent"], strict=True):
            item.check(consent)

    @rule(member=st.sampled_from(MEMBERS), channel=st.sampled_from(CHANNELS))
    def follow(self, member: str, channel: str) -> None:
        status, answer = self.call("POST", FOLLOWS, {"followedChannel": {"channel": channel}}, member=member)
        if channel not in self.tenant.channels:
            assert (status, answer["details"]["applicationError"]["code"]) == (428, "FAILED_PRECONDITION")
        elif channel in self.follows[member]:
            assert (status, answer["details"]["applicationError"]["code"]) == (409, "ALREADY_EXISTS")
        else:
            assert status == 200
            assert answer["followedChannel"]["channel"] == channel
            assert answer["followedChannel"]["createdDate"] == self.now
            self.follows[member].append(channel)

    @rule(member=st.sampled_from(MEMBERS))
    def list_followed(self, member: str) -> None:
        status, answer = self.call("GET", FOLLOWS, member=member)
        assert status == 200
        listed = answer["followedChannels"]
        assert sorted(item["channel"] for item in listed) == sorted(self.follows[member])
        dates = [item["createdDate"] for item in listed]
        assert dates == sorted(dates, reverse=True), "newest first"

    # ---- what happens around them ----

    @rule(seconds=st.sampled_from([1, 1, 60, 86_400, -1, -3600]))
    def turn_the_clock(self, seconds: int) -> None:
        self.clock += seconds * 1_000_000
        self.tenant.clock.set(self.clock, frozen=True)

    @rule(channels=st.sets(st.sampled_from(CHANNELS)))
    def switch_channels(self, channels: set[str]) -> None:
        self.tenant.channels = frozenset(channels)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        snapshot = self.runner.run(self.app.store.snapshot(self.instance_id))
        assert [item["id"] for item in snapshot["marketingConsents"]] == sorted(self.consents)
        for consent in snapshot["marketingConsents"]:
            self.consents[consent["id"]].check(consent)
        assert len(snapshot["followedChannels"]) == sum(map(len, self.follows.values()))


@pytest.fixture(scope="module")
def histories() -> Any:
    with asyncio.Runner() as runner:
        app = Application(Settings(random_seed=3, clock=START))
        yield type("HistoriesOfOneApp", (Histories,), {"app": app, "runner": runner})
        runner.run(app.store.close())


def test_any_history_of_all_operations_leaves_what_the_model_expects(histories: type[Histories]) -> None:
    steps = settings(
        derandomize=True,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        max_examples=60,
        stateful_step_count=40,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(histories, settings=steps)
