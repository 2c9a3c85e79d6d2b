"""What is generated passes one gate: nothing that may not be called reaches a target, however it is spelt."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from generators import Maker, damaged
from tests.fuzz.sites import CONTRACT, CREDENTIALS, EVERYTHING, Site, Targets, ran

from wixture.contracts.fuzz.fuzz_cli import _interruptible
from wixture.contracts.fuzz.gate import INTERRUPTED, Gate, Withheld
from wixture.contracts.fuzz.outgoing import Outgoing, stand_in
from wixture.contracts.fuzz.rules import ForeignRules, OwnRules
from wixture.contracts.fuzz.session import Options, Session
from wixture.contracts.targets.connection import Answer, Unanswered
from wixture.contracts.targets.safety import Permits
from wixture.mockserver.messages import Request, Response

MakeSite = Callable[..., Site]
ID = "aa8a62f5-9a79-4b21-b1a4-5c835c08d937"
CONSENTS = "/marketing-consent/v1/marketing-consent"
SPELLINGS: list[Callable[[str], str]] = [
    str,
    lambda path: path + "/",
    lambda path: "/" + path,
    lambda path: path.replace("/v1/", "/v1/./"),
    lambda path: path.replace("/v1/", "/v1/x/../"),
    lambda path: path.replace("-", "%2d"),
    lambda path: path.replace("e", "%65", 1),
    lambda path: path.replace("/", "%2F").replace("%2F", "/", 1),
    str.upper,
    lambda path: path + ";v=1",
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY", "post", "delete")


def _gate(targets: Targets, site: Site, permits: Permits | None = None, **pace: object) -> Gate:
    target = targets.elsewhere(site, permits, **pace)
    return Gate(target, OwnRules(CONTRACT, target.permits, is_loopback=False))


def _request(method: str, target: str, body: bytes | None = None, **headers: str) -> Outgoing:
    return Outgoing(method, target, {"Authorization": stand_in("APP"), **headers}, body)


def test_of_ten_thousand_requests_none_that_may_write_arrives(make_site: MakeSite, targets: Targets) -> None:
    site, rng = make_site(), random.Random(20)
    gate, maker = _gate(targets, site), Maker(CONTRACT, rng)
    names = list(CONTRACT.operations)
    for _ in range(10_000):
        operation = CONTRACT.operations[rng.choice(names)]
        sent = maker.request(operation)
        request = (damaged(sent, rng) if rng.random() < 0.5 else sent).to_request(stand_in("APP"))
        method = request.method if rng.random() < 0.7 else rng.choice(METHODS)
        path = rng.choice(SPELLINGS)(request.path) if rng.random() < 0.4 else request.path
        query = f"?{request.query_string}" if request.query_string else ""
        with suppress(Unanswered):  # what no HTTP client can send
            gate.send(Outgoing(method, path + query, dict(request.headers), request.body or None))
    assert site.side_effects() == {"none"}
    outside = {
        request.method for request, found in zip(site.requests, site.operations(), strict=True) if not found
    }
    assert outside <= {"GET", "HEAD", "OPTIONS", "TRACE"}
    assert len(site.requests) > 3_000
    assert gate.withheld.total() > 3_000


@pytest.mark.parametrize("spelt", SPELLINGS)
@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_a_write_is_known_in_every_spelling(method: str, spelt: Callable[[str], str]) -> None:
    rules = OwnRules(CONTRACT, Permits(), is_loopback=True)
    path = spelt(f"{CONSENTS}/{ID}")
    verdict = rules.verdict(_request(method, path))
    assert verdict.refusal or path != path.lower()  # a path in capitals is none on a mock


def test_a_path_that_is_a_write_too_is_not_sent(make_site: MakeSite, targets: Targets) -> None:
    site = make_site()
    answer = _gate(targets, site).send(_request("DELETE", f"{CONSENTS}/query"))
    assert answer == Withheld("deleteMarketingConsent: it writes: --allow-writes permits it")
    assert site.requests == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-method-override", "X-HTTP-Method"])
def test_a_header_that_says_another_method_stops_a_request(name: str) -> None:
    rules = OwnRules(CONTRACT, EVERYTHING, is_loopback=True)
    assert "another method" in str(rules.verdict(_request("GET", CONSENTS, **{name: "DELETE"})).refusal)
    assert "another method" in str(rules.verdict(_request("GET", f"{CONSENTS}?_method=DELETE")).refusal)


def test_outside_of_the_contract_only_safe_methods_go_to_another_machine() -> None:
    away, here = (OwnRules(CONTRACT, EVERYTHING, is_loopback=loopback) for loopback in (False, True))
    for method in METHODS:
        refused = away.verdict(_request(method, "/nowhere")).refusal is not None
        assert refused == (method not in ("GET", "HEAD", "OPTIONS", "TRACE")), method
        assert here.verdict(_request(method, "/nowhere")).refusal is None


def test_of_another_contract_only_reads_are_sent_unless_writes_are_allowed() -> None:
    for method in METHODS:
        assert (ForeignRules(Permits()).verdict(_request(method, "/a")).refusal is None) == (
            method in ("GET", "HEAD", "OPTIONS")
        )
        assert ForeignRules(Permits(allow_writes=True)).verdict(_request(method, "/a")).refusal is None


def test_the_engine_given_every_operation_sends_only_what_may_be_sent(
    make_site: MakeSite, targets: Targets
) -> None:
    site = make_site()
    session = Session(targets.elsewhere(site), Options(random_seed=7, max_examples=5))
    callers = dict.fromkeys(("deleteMarketingConsent", "createFollowedChannel", "getTokenInfo"), ("APP",))
    session.plan = session.plan.of(CONTRACT.document, callers=callers)  # type: ignore[arg-type]  # as if allowed
    list(session.events())
    assert site.side_effects() == {"none"}
    assert session.gate.withheld["deleteMarketingConsent: it writes: --allow-writes permits it"] > 10
    assert any(reason.startswith("createFollowedChannel: nothing can undo it") for reason in session.gate.withheld)
    assert {finding.operation_id for finding in session.run().findings} <= {"getTokenInfo"}


def test_a_default_run_calls_reads_alone_and_says_what_it_left_out(make_site: MakeSite, targets: Targets) -> None:
    site = make_site()
    found = ran(targets.elsewhere(site), phases=("examples", "fuzzing", "stateful"))
    assert site.side_effects() == {"none"}
    assert "Left out: createMarketingConsent: it writes: --allow-writes permits it." in found.run.notes
    assert (
        "Left out: listFollowedChannels: set WIXTURE_MEMBER_TOKEN or set WIXTURE_VISITOR_TOKEN." in found.run.notes
    )
    assert found.errors == {}


def test_a_token_goes_to_the_target_and_nowhere_else(make_site: MakeSite, targets: Targets) -> None:
    site = make_site()
    gate = _gate(targets, site)
    answer = gate.send(_request("GET", f"{CONSENTS}/{ID}"))
    assert isinstance(answer, Answer)
    assert answer.status == 404  # not 401: the stand-in was replaced
    assert site.requests[-1].headers["authorization"].startswith("OauthNG.JWS.")
    gate.send(Outgoing("GET", f"{CONSENTS}/{ID}", {"Authorization": stand_in("WIX_USER")}))
    assert site.requests[-1].headers["wix-site-id"] == CREDENTIALS.site_id
    gate.send(Outgoing("GET", f"{CONSENTS}/{ID}", {"Authorization": "made up"}))
    assert site.requests[-1].headers["authorization"] == "made up"


def test_five_failures_in_a_row_end_a_run(make_site: MakeSite, targets: Targets) -> None:
    def broken(_: Request, response: Response) -> Response:
        return replace(response, status=503)

    site = make_site(change=broken)
    found = ran(targets.elsewhere(site), operations=("getTokenInfo",))
    assert len(site.requests) <= 6
    assert any("5 calls in a row" in note for note in found.run.notes)


def test_a_run_ends_when_its_calls_are_spent(make_site: MakeSite, targets: Targets) -> None:
    site = make_site()
    found = ran(targets.elsewhere(site, most_calls=40), phases=("fuzzing",))
    assert found.session.target.pace.calls == 40
    assert len(site.requests) <= 40
    assert any("The 40 calls of --max-calls are spent" in note for note in found.run.notes)


def test_calls_are_paced_and_a_429_is_waited_for(make_site: MakeSite, targets: Targets) -> None:
    refusals = iter([True, True])

    def busy(_: Request, response: Response) -> Response:
        if next(refusals, False):
            return Response(429, b"{}", {"Retry-After": "17"})
        return response

    site = make_site(change=busy)
    gate = _gate(targets, site)
    answers = [gate.send(_request("GET", "/nowhere")) for _ in range(181)]
    assert {answer.status for answer in answers if isinstance(answer, Answer)} == {404}
    assert targets.clock.slept.count(17.0) >= 1
    assert targets.clock.now >= 60


def test_a_redirect_is_an_answer_and_leads_nowhere(make_site: MakeSite, targets: Targets) -> None:
    elsewhere = make_site()

    def moved(_: Request, response: Response) -> Response:
        return replace(response, status=307, headers={**response.headers, "Location": elsewhere.url + "/x"})

    site = make_site(change=moved)
    ran(targets.elsewhere(site), operations=("getTokenInfo",), phases=("examples", "fuzzing"))
    assert site.requests
    assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_not_asked(
    make_site: MakeSite, targets: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, site = make_site(), make_site()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    ran(targets.elsewhere(site), operations=("getTokenInfo",), phases=("examples",))
    assert proxy.requests == []
    assert site.requests


def test_an_interrupt_that_somebody_swallows_still_closes_the_gate(make_site: MakeSite, targets: Targets) -> None:
    gate = _gate(targets, make_site())
    before = signal.getsignal(signal.SIGINT)
    with _interruptible(gate), suppress(KeyboardInterrupt):  # as an `except BaseException` somewhere does
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert gate.send(_request("GET", "/")) == Withheld(INTERRUPTED)
