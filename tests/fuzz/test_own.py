"""Writes to a real site touch what the run made itself; its journal names them before, and they are undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.sites import CONTRACT, Site, Targets, ran

from wixture.contracts.fuzz.outgoing import Outgoing, texts
from wixture.contracts.fuzz.owned import NotOurs, Own
from wixture.contracts.targets.address import parse_address
from wixture.contracts.targets.run_journal import Claim, RunJournal
from wixture.contracts.targets.safety import Permits
from wixture.mockserver.messages import Request

MakeSite = Callable[..., Site]
RUN = "260101abcdefgh"
CONSENTS = "/marketing-consent/v1/marketing-consent"
OTHERS = [
    {
        "details": {"type": "EMAIL", "email": "ada@example.com"},
        "state": "CONFIRMED",
        "lastConfirmationActivity": {},
    },
    *(
        {"details": {"type": "PHONE", "phone": f"+120255501{number:02}"}, "state": "NEVER_CONFIRMED"}
        for number in range(18)
    ),
]
WRITES = frozenset(name for name, one in CONTRACT.operations.items() if one.side_effects != "none")


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """A site with consents of other people, on most of the numbers that a run would take."""
    return make_site(seed={"marketingConsents": OTHERS})


def _claimed(text: str) -> bool:
    return text.startswith(f"wixture-{RUN}-") and text.endswith("@example.com")


def _identifiers(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield from (one for name, one in node.items() if name in ("email", "phone") and isinstance(one, str))
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _consents(site: Site) -> dict[str, Any]:
    return {consent["id"]: consent for consent in site.state()["marketingConsents"]}


def test_a_run_that_writes_leaves_other_people_and_no_trace(site: Site, targets: Targets) -> None:
    before = _consents(site)
    seen: list[tuple[str, set[str]]] = []
    journal = targets.folder / f"{RUN}.ndjson"

    def sees(request: Request) -> None:
        match = site.mock.app.routes.find(request.method, request.path)
        if match and match.operation.operation_id in WRITES:
            seen.append((match.operation.operation_id, _problems(request, journal, match.path_parameters)))

    site.sees = sees
    target = targets.elsewhere(site, Permits(allow_writes=True))
    found = ran(target, max_examples=15, phases=("examples", "fuzzing", "stateful"))
    names = [name for name, _ in seen]
    assert set(names) == WRITES - {"createFollowedChannel"}
    assert len(names) > 150
    assert [problem for problem in seen if problem[1]] == []
    assert _consents(site) == before
    assert not journal.exists()
    assert found.errors == {}


def _problems(request: Request, journal: Path, path: Any) -> set[str]:
    """What is wrong with a write that arrived: a call that is not in the journal, or what is not the run's."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    claims = {line["value"] for line in lines if "claim" in line}
    made = {line["made"] for line in lines if "made" in line}
    called = [line["path"] for line in lines if "call" in line]
    problems = {f"path {value}" for value in path.values() if value not in made}
    if not called or not called[-1].startswith(request.path):
        problems.add("not in the journal")
    body = json.loads(request.body) if request.body else None
    return problems | {f"names {one}" for one in _identifiers(body) if one.strip().lower() not in claims}


def test_a_run_that_dies_leaves_what_its_journal_finds(site: Site, targets: Targets) -> None:
    from wixture.contracts.fuzz.session import Options, Session
    from wixture.contracts.targets.cleanup import clean_up
    from wixture.contracts.targets.run_journal import read_journal

    before = _consents(site)
    target = targets.elsewhere(site, Permits(allow_writes=True))
    session = Session(target, Options(random_seed=3, max_examples=10, phases=("fuzzing",)))
    for _ in session.events():
        pass  # and no `run()`, which would clean up
    assert len(_consents(site)) > len(before)
    target.journal.close()
    left = read_journal(target.journal.path)
    cleaner = targets.elsewhere(site, Permits(allow_writes=True))
    cleaner.journal.path.rename(target.journal.path.with_suffix(".old"))
    assert clean_up(cleaner, left, patience=0).is_clean
    assert _consents(site) == before


# ---- how a write is turned -----------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Own:
    journal = RunJournal(tmp_path, RUN, parse_address("https://shop.example.com"))
    return Own(journal, lambda claim: claim.value != "+12025550107")


def _write(operation: str, body: Any, target: str = CONSENTS) -> Outgoing:
    method = CONTRACT.operations[operation].method
    return Outgoing(method, target, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def _turned(own: Own, operation: str, body: Any, target: str = CONSENTS) -> Outgoing:
    return own.turned(_write(operation, body, target), CONTRACT.operations[operation])


def test_an_address_becomes_the_run_s_and_the_same_one_the_same(own: Own) -> None:
    body = {"marketingConsent": {"details": {"type": "EMAIL", "email": " Ada@Example.com "}, "x": ["é"]}}
    first, again = (_turned(own, "createMarketingConsent", body).json for _ in range(2))
    assert first == again
    assert _claimed(first["marketingConsent"]["details"]["email"])
    assert first["marketingConsent"]["x"] == ["é"]


def test_a_number_becomes_a_reserved_one_and_its_consent_carries_the_run_s_name(own: Own) -> None:
    for number in range(60):
        consent = {"details": {"type": "PHONE", "phone": f"+4917012{number:03}"}, "lastConfirmationActivity": {}}
        turned = _turned(own, "createMarketingConsent", {"marketingConsent": consent}).json["marketingConsent"]
        assert (
            turned["details"]["phone"].startswith("+1202555010") or turned["details"]["phone"][:9] == "+12025550"
        )
        assert turned["details"]["phone"] != "+12025550107"
        assert turned["lastConfirmationActivity"] == {"description": f"wixture {RUN}"}
    with pytest.raises(NotOurs, match="nothing in the consent of its number"):
        _turned(own, "upsertMarketingConsent", {"marketingConsent": {"details": {"phone": "+49170123"}}})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "its body is no JSON"),
        (b'{"a": 1, "a": 2}', "its body is no JSON"),
        ({"marketingConsent": {"details": {"email": ["ada@example.com"]}}}, "its email is none"),
        ({"marketingConsent": {"details": {"Email": "ada"}}}, "its email is none"),
        ({"info": [{"details": {"phone": 491701234}}]}, "its phone is none"),
        ({"marketingConsent": {"id": "aa8a62f5-9a79-4b21-b1a4-5c835c08d937"}}, "its body names aa8a62f5"),
    ],
)
def test_what_cannot_be_turned_is_not_sent(own: Own, body: Any, why: str) -> None:
    with pytest.raises(NotOurs, match=why):
        _turned(own, "upsertMarketingConsent", body)


def test_an_id_becomes_one_of_an_entity_that_the_run_made(own: Own) -> None:
    foreign = f"{CONSENTS}/aa8a62f5-9a79-4b21-b1a4-5c835c08d937?x=1"
    with pytest.raises(NotOurs, match="the run has made no entity yet"):
        _turned(own, "deleteMarketingConsent", {}, foreign)
    claim = Claim("EMAIL", f"wixture-{RUN}-1@example.com")
    own.journal.claim(claim)
    entity = {"id": "0B8A62F5-9a79-4b21-b1a4-5c835c08d937", "details": {"type": "EMAIL", "email": claim.value}}
    own.learn(
        {"results": [{"marketingConsent": entity}, {"marketingConsent": {**entity, "details": {}, "id": "x"}}]}
    )
    assert own.journal.own == {entity["id"].lower()}
    assert _turned(own, "deleteMarketingConsent", {}, foreign).target == f"{CONSENTS}/{entity['id'].lower()}"


def test_texts_finds_every_text() -> None:
    assert sorted(texts({"a": ["b", {"c": "d"}], "e": 1})) == ["a", "b", "c", "d", "e"]
