"""Whole runs: the mock passes them, one seed is one run, and no output tells a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from canaries import CANARIES, ENCODINGS, leaked
from tests.fuzz.sites import CONTRACT, Site, Targets, ran

from wixture.contracts.fuzz.plan import PHASES
from wixture.contracts.reports.write import KINDS, render
from wixture.contracts.targets.address import Address
from wixture.contracts.targets.credentials import Credentials
from wixture.contracts.targets.run_journal import RunJournal
from wixture.contracts.targets.safety import Permits
from wixture.contracts.targets.target import Target
from wixture.mockserver.messages import Request, Response

MakeSite = Callable[..., Site]
WIXTURE = Path(sys.executable).with_name("wixture")


def _sent(site: Site) -> list[bytes]:
    """Each request, byte for byte, without what names the site's own port and tokens."""
    return [
        repr(
            (
                request.method,
                request.path,
                request.query_string,
                sorted((n, v) for n, v in request.headers.items() if n not in ("host", "date", "authorization")),
                request.body,
            )
        ).encode()
        for request in site.requests
    ]


def test_our_own_mock_passes_every_phase_and_check(make_site: MakeSite, targets: Targets) -> None:
    site = make_site(has_control=True)
    found = ran(targets.mock(site), max_examples=12)
    assert [finding for finding in found.run.findings if finding.severity == "error"] == []
    assert not found.run.is_failure
    assert set(found.session.collector.cases) == set(PHASES)
    assert set(filter(None, site.operations())) == CONTRACT.operations.keys()
    assert {result.outcome for result in found.run.checks if result.count} == {"passed"}
    assert {"positive-data-acceptance", "ignored-auth", "use-after-free", "body-valid", "allow-exact"} <= {
        result.check for result in found.run.checks if result.count
    }
    assert found.session.gate.withheld.total() == 0


def test_one_seed_sends_the_same_requests_again(make_site: MakeSite, targets: Targets) -> None:
    operations = ("upsertMarketingConsent", "getMarketingConsent", "deleteMarketingConsent")
    sent = []
    for seed in (5, 5, 6):
        site = make_site(has_control=True)
        ran(targets.mock(site), operations=operations, random_seed=seed, max_examples=8)
        sent.append(_sent(site))
    assert sent[0] == sent[1]
    assert sent[0] != sent[2]
    assert len(sent[0]) > 200


def test_another_process_with_another_hash_seed_sends_the_same(make_site: MakeSite, tmp_path: Path) -> None:
    sent = []
    for hash_seed in ("1", "2"):
        site = make_site(has_control=True)
        ended = subprocess.run(
            [WIXTURE, "fuzz", "--url", site.url, "--random-seed", "9", "--max-examples", "5", "--format", "json",
             "--phases", "fuzzing,stateful", "--allow-writes", "--operation", "upsertMarketingConsent",
             "--operation", "getMarketingConsent", "--operation", "queryMarketingConsent"],
            capture_output=True, cwd=tmp_path, check=False,
            env={**_environment(), "PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr + ended.stdout
        assert json.loads(ended.stdout)["randomSeed"] == 9
        sent.append(_sent(site))
    assert sent[0] == sent[1]
    assert len(sent[0]) > 20
    assert [path.name for path in tmp_path.iterdir()] == []  # no cache, cassette or database of the engine's


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WIXTURE_")}


def test_the_time_of_a_run_ends_it_without_an_error(make_site: MakeSite, targets: Targets) -> None:
    site = make_site(has_control=True)
    found = ran(targets.mock(site), max_time=12, max_examples=100_000, phases=("fuzzing", "stateful"))
    assert found.errors == {}
    assert 11 < found.run.seconds < 40
    assert {"fuzzing", "stateful"} <= set(found.session.collector.cases)


@pytest.mark.parametrize("group", range(4))
def test_a_target_that_says_secrets_back_is_not_repeated(group: int, make_site: MakeSite, tmp_path: Path) -> None:
    """Every answer carries all secrets, in a body, a header and a field that is reused in later requests."""
    spelt = [[way(canary) for canary in CANARIES.values()] for way in list(ENCODINGS.values())[group::4]]
    said = [" | ".join(one) for one in spelt]

    def echoing(_: Request, response: Response) -> Response:
        consent = {"id": said[0], "details": {"email": said[1]}}
        body = {"message": said[2], "details": dict(zip(said, said, strict=True)), "marketingConsent": consent}
        headers = {**response.headers, "X-Said": json.dumps(said[0])[1:-1]}
        return replace(response, body=json.dumps(body).encode(), headers=headers)

    site = make_site(change=echoing)
    given = {"app_token": "OauthNG.plain", "app_secret": CANARIES["plain"], "member_token": CANARIES["token"]}
    address = Address("http", "127.0.0.1", site.port, "", ("127.0.0.1", site.port))
    target = Target(
        address,
        CONTRACT,
        RunJournal(tmp_path, "260101abcdefgh", address),
        credentials=Credentials(**given),
        permits=Permits(),
    )
    target.redactor = target.redactor.also(CANARIES.values())
    reads = ("getMarketingConsent", "getMarketingConsentByIdentifier", "queryMarketingConsent")
    found = ran(target, operations=reads, max_examples=2, phases=("examples",))
    assert found.errors
    for kind in KINDS:
        printed = render(kind, found.run)
        assert [name for name, canary in CANARIES.items() if leaked(printed, canary)] == [], kind
