"""Factories that show only the field that matters, a fake world for the pure rules, and sites without a socket."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from databases import fresh_database

from wixture.mockserver.app import Application
from wixture.mockserver.messages import Call, Caller, Decision, Found, Request
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.rules import followed_channels, marketing_consent
from wixture.mockserver.rules.world import Rule, World
from wixture.mockserver.settings import CHANNELS, Settings

NOW = "2024-05-01T08:00:00.000Z"
ACCOUNT = "acc00000-0000-4000-8000-000000000001"
MEMBER = "d0000000-0000-4000-8000-000000000001"
VISITOR = "d0000000-0000-4000-8000-000000000002"
IDENTIFIERS = {"EMAIL": ("email", "ada@example.com"), "PHONE": ("phone", "+19172222222")}
RULES: Mapping[str, Rule] = {**marketing_consent.OPERATIONS, **followed_channels.OPERATIONS}
BASE = "/marketing-consent/v1"
ROUTES = {
    "createMarketingConsent": ("POST", BASE + "/marketing-consent"),
    "getMarketingConsent": ("GET", BASE + "/marketing-consent/{id}"),
    "updateMarketingConsent": ("PATCH", BASE + "/marketing-consent/{id}"),
    "deleteMarketingConsent": ("DELETE", BASE + "/marketing-consent/{id}"),
    "getMarketingConsentByIdentifier": ("GET", BASE + "/marketing-consent/get-by"),
    "removeMarketingConsent": ("POST", BASE + "/marketing-consent/remove"),
    "queryMarketingConsent": ("POST", BASE + "/marketing-consent/query"),
    "upsertMarketingConsent": ("POST", BASE + "/marketing-consent/upsert"),
    "bulkUpsertMarketingConsent": ("POST", BASE + "/bulk/marketing-consent/upsert"),
    "listFollowedChannels": ("GET", "/loyalty-social-media/v1/followed-channels"),
    "createFollowedChannel": ("POST", "/loyalty-social-media/v1/followed-channels"),
}


# ---- factories -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def details() -> Callable[..., dict[str, Any]]:
    """The details of a channel: `details("PHONE")`, or of an identifier: `details(email="a@b.c")`."""

    def make(channel: str = "EMAIL", **identifier: str) -> dict[str, Any]:
        if identifier:
            key = next(iter(identifier))
            return {"type": key.upper(), **identifier}
        key, value = IDENTIFIERS[channel]
        return {"type": channel, key: value}

    return make


@pytest.fixture(scope="session")
def sent(details: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A request's consent with the activity that its state needs; a field given as None is left out."""

    def make(state: str | None = "CONFIRMED", channel: str = "EMAIL", **fields: Any) -> dict[str, Any]:
        consent: dict[str, Any] = {"details": details(channel), "state": state}
        if state in ("PENDING", "CONFIRMED"):
            consent["lastConfirmationActivity"] = {"source": "FORM"}
        if state == "REVOKED":
            consent["lastRevokeActivity"] = {"source": "FORM"}
        return {name: value for name, value in {**consent, **fields}.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def stored(details: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A consent of revision 3 as the store holds it; a field given as None is left out."""

    def make(state: str = "CONFIRMED", channel: str = "EMAIL", **fields: Any) -> dict[str, Any]:
        consent = {
            "id": "11111111-1111-4111-8111-111111111111",
            "revision": "3",
            "details": details(channel),
            "state": state,
            "lastConfirmationActivity": {
                "source": "IN_PERSON",
                "description": "On paper.",
                "updatedDate": "2023-01-01T00:00:00Z",
                "optInLevel": "DOUBLE_CONFIRMATION",
            },
            "extendedFields": {"namespaces": {"@shop": {"vip": True}}},
            "createdDate": "2022-01-01T00:00:00.000Z",
            "updatedDate": "2023-01-01T00:00:00.000Z",
        }
        return {name: value for name, value in {**consent, **fields}.items() if value is not None}

    return make


# ---- the pure rules in a fake world --------------------------------------------------------------


class FakeCursors:
    """Cursors that are numbered and remember what was sealed."""

    def __init__(self) -> None:
        self.sealed: dict[str, Mapping[str, Any]] = {}

    def seal(self, content: Mapping[str, object]) -> str:
        text = f"cursor-{len(self.sealed) + 1}"
        self.sealed[text] = orjson.loads(orjson.dumps(content))
        return text

    def open(self, text: str) -> Mapping[str, Any] | None:
        return self.sealed.get(text)


@pytest.fixture
def make_world() -> Callable[..., World]:
    """A world at a fixed instant with ids id-1, id-2, …, and links that say what they were made from."""

    def make(**fields: Any) -> World:
        numbers = itertools.count(1)
        world = {
            "now": NOW,
            "new_id": lambda: f"id-{next(numbers)}",
            "link": lambda kind, consent, language: f"https://site/{kind}/{consent['id']}/{language}",
            "cursors": FakeCursors(),
            "channels": frozenset(CHANNELS),
        }
        return World(**{**world, **fields})

    return make


@pytest.fixture
def decide(make_world: Callable[..., World]) -> Callable[..., Decision]:
    """What a rule decides: `decide("upsertMarketingConsent", {"marketingConsent": …}, found=[…])`."""

    def run(
        operation: str,
        body: Any = None,
        *,
        found: Any = (),
        world: World | None = None,
        account: str | None = ACCOUNT,
        errors: Mapping[int, str] | None = None,
        **query: str,
    ) -> Decision:
        call = Call(
            operation_id=operation,
            caller=Caller("APP", "site", "app", account_id=account),
            path={"marketingConsentId": "11111111-1111-4111-8111-111111111111"},
            query=query,
            body=body,
            item_errors=errors or {},
        )
        there = world or make_world()
        rule = RULES[operation]
        return rule.decide(call, Found(rule.find(call, there), found), there)

    return run


@pytest.fixture
def refusal(decide: Callable[..., Decision]) -> Callable[..., Refusal]:
    """The refusal of a call that a rule refuses."""

    def run(*arguments: Any, **options: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            decide(*arguments, **options)
        return caught.value

    return run


@pytest.fixture
def lookup(make_world: Callable[..., World]) -> Callable[..., Any]:
    """What an operation asks the store for: `lookup("upsertMarketingConsent", consent)`, or with a whole body."""

    def run(operation: str, consent: Mapping[str, Any], **body: Any) -> Any:
        sent = {"marketingConsent": consent, "info": [consent], **consent, **body}
        call = Call(
            operation_id=operation,
            caller=Caller("MEMBER", "site", "member", account_id=ACCOUNT),
            path={"marketingConsentId": "11111111-1111-4111-8111-111111111111"},
            query=consent.get("details", {}),
            body=sent,
        )
        return RULES[operation].find(call, make_world())

    return run


# ---- sites: tenants of applications without a socket ---------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A response, its JSON read."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> Mapping[str, Any]:
        return self.body["details"]["applicationError"]

    @property
    def violations(self) -> list[dict[str, Any]]:
        return self.body["details"]["validationError"]["fieldViolations"]

    @property
    def rules(self) -> list[str]:
        """The rules that the request breaks, in the order told."""
        return [violation["data"]["rule"] for violation in self.violations]


class Site:
    """One tenant of an application, with its clock and a caller of every identity."""

    def __init__(self, app: Application, runner: asyncio.Runner, instance_id: str) -> None:
        self.app = app
        self.runner = runner
        self.instance_id = instance_id
        self.tenant = app.tenants.get(instance_id)
        runner.run(app.tenants.look(self.tenant))  # what is changed by hand from now on is the newest

    def token(self, identity: str, subject: str | None = None, **options: Any) -> str:
        subjects = {"MEMBER": MEMBER, "VISITOR": VISITOR}
        named = subject or subjects.get(identity, self.app.settings.app_id)
        caller = self.app.oauth.caller(identity, self.instance_id, named, **options)
        return str(self.app.oauth.tokens_for(caller, 14_400)["access_token"])

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        query: str = "",
        **headers: Any,
    ) -> Answer:
        """The answer to a request of the site's app; a header's `_` stands for `-`, bytes are sent as they are."""
        sent = {"authorization": self.token("APP") if token is None else token}
        raw = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value != ""}
        response = self.runner.run(self.app.handle(Request(method, path, query, sent, raw)))
        read = orjson.loads(response.body) if response.body else None
        return Answer(response.status, read, response.headers)

    def call(self, operation: str, body: Any = None, *, entity: str = "", **options: Any) -> Answer:
        """The answer to an operation; `entity` is the ID in its path."""
        method, path = ROUTES[operation]
        return self.ask(method, path.replace("{id}", entity), body, **options)

    def upsert(self, consent: Mapping[str, Any]) -> dict[str, Any]:
        """The consent after an upsert that succeeds."""
        answer = self.call("upsertMarketingConsent", {"marketingConsent": consent})
        assert answer.status == 200, answer.body
        return answer.body["marketingConsent"]

    def advance(self, seconds: float) -> None:
        self.tenant.clock.advance(seconds)


@pytest.fixture(scope="session", params=["memory", "file", "postgresql"])
def make_site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Site]]:
    """A new, empty site of an application with some settings; applications are shared, sites are not."""
    apps: dict[tuple[Any, ...], Application] = {}
    stores = {
        "memory": lambda: "memory",
        "file": lambda: f"sqlite:{tmp_path_factory.mktemp('state') / 'state.db'}",
        "postgresql": fresh_database,
    }
    numbers = itertools.count(1)

    def make(**settings: Any) -> Site:
        key = tuple(sorted(settings.items()))
        if key not in apps:
            store = stores[request.param]()
            apps[key] = Application(Settings(**{"clock": NOW, "random_seed": 1, "store": store, **settings}))
        return Site(apps[key], runner, f"e0000000-0000-4000-8000-{next(numbers):012d}")

    with asyncio.Runner() as runner:
        yield make
        for app in apps.values():
            runner.run(app.store.close())


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A new, empty site with the default settings, its clock frozen."""
    return make_site()
