"""The real host is read and never written to, slowly, one call at a time, and nobody else is told anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from conformance.conforming import all_scenarios, contract
from conformance.real_host import NAME, Running, failed, real_host, too_many
from conformance.strangers import stranger, strangers
from conformance.zygote import commands

from wixture.contracts.conformance.runner import Runner
from wixture.contracts.targets.address import parse_address
from wixture.contracts.targets.cleanup import clean_up
from wixture.contracts.targets.connection import trust
from wixture.contracts.targets.credentials import from_environment
from wixture.contracts.targets.identities import NoIdentity
from wixture.contracts.targets.pace import Pace
from wixture.contracts.targets.run_journal import RunJournal, read_journal
from wixture.contracts.targets.safety import Permits
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import own_contract
from wixture.mockserver.messages import Request, Response

READS = Permits()
WRITES = Permits(allow_writes=True)


class Time:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("authority") / "home"


@pytest.fixture
def host(authority: Path) -> Iterator[Running]:
    with real_host(authority) as running:
        yield running


def target_of(
    host: Running,
    folder: Path,
    time: Time,
    *,
    url: str = f"https://{NAME}",
    permits: Permits = READS,
    most_calls: int | None = None,
    run: str = "240131abcdefgh",
) -> Target:
    address = parse_address(url, host.connect_to)
    return Target(
        address,
        contract(),
        RunJournal(folder, run, address, host.settings.instance_id),
        credentials=from_environment(host.environment()),
        permits=permits,
        pace=Pace(most_calls=most_calls, sleep=time.sleep, monotonic=time.monotonic),
        certificate=host.certificate,
    )


def run(target: Target) -> Runner:
    runner = Runner(target, own_contract("openapi"), patience=0)
    try:
        runner.run(all_scenarios())
    finally:
        target.journal.close()
    return runner


# ---- what a run may do ---------------------------------------------------------------------------


def test_a_run_that_is_allowed_nothing_only_reads(host: Running, tmp_path: Path) -> None:
    host.seed(stranger())
    before = host.state()
    run(target_of(host, tmp_path, Time()))
    assert len(host.host.calls) > 30
    assert host.host.not_reads == []
    assert host.state() == before
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_may_write_follows_no_channel(host: Running, tmp_path: Path) -> None:
    run(target_of(host, tmp_path, Time(), permits=WRITES))
    effects = {call.side_effects for call in host.host.calls}
    assert effects == {"none", "reversible"}
    assert host.state()["followedChannels"] == []


def test_writes_leave_strangers_as_they_were(host: Running, tmp_path: Path) -> None:
    host.seed(*strangers())
    before = host.consents()
    run(target_of(host, tmp_path, Time(), permits=WRITES))
    after = host.consents()
    assert {key: after[key] for key in before} == before
    assert len(after) > len(before)


def test_an_address_that_somebody_has_is_not_written_to(host: Running, tmp_path: Path) -> None:
    run(target_of(host, tmp_path / "first", Time(), permits=WRITES))
    before, written = host.consents(), host.host.writes
    assert written > 20
    run(
        target_of(host, tmp_path / "second", Time(), permits=WRITES)
    )  # the same run's name, and so the same values
    assert host.consents() == before


def test_an_id_of_somebody_else_is_neither_changed_nor_deleted(host: Running, tmp_path: Path) -> None:
    host.seed(stranger())
    before = host.consents()
    theirs = next(iter(before))

    def lie(_: int, request: Request) -> Response | None:
        if request.method != "POST" or not request.path.endswith("/v1/marketing-consent"):
            return None
        sent = json.loads(request.body).get("marketingConsent")
        body = json.dumps({"marketingConsent": {**(sent or {}), "id": theirs, "revision": "1"}})
        return Response(200, body.encode(), {"Content-Type": "application/json"})

    host.host.step = lie
    target = target_of(host, tmp_path, Time(), permits=WRITES)
    run(target)
    left = read_journal(target.journal.path)
    assert any(theirs in made for made in left.claims.values())
    cleaned = clean_up(target_of(host, tmp_path / "later", Time(), permits=WRITES), left, patience=0)
    assert theirs not in cleaned.deleted
    assert host.consents()[theirs] == before[theirs]


def test_a_number_that_get_by_refuses_to_look_for_is_not_written_to(host: Running, tmp_path: Path) -> None:
    def refuse(_: int, request: Request) -> Response | None:
        return Response(400, b"{}", {}) if request.path.endswith("/get-by") else None

    host.host.step = refuse
    target = target_of(host, tmp_path, Time(), permits=WRITES)
    run(target)
    numbers = [claim for claim in target.journal.claims if claim.value.startswith("+1")]
    assert numbers == []
    assert host.consents() == {}


# ---- how it calls --------------------------------------------------------------------------------


def test_at_most_180_calls_are_made_in_any_minute(host: Running, tmp_path: Path) -> None:
    time, at = Time(), []

    def note(_: int, __: Request) -> Response | None:
        at.append(time.now)
        return None

    host.host.step = note
    run(target_of(host, tmp_path, time))
    windows = [sum(start <= other < start + 60 for other in at) for start in at]
    assert len(at) > 30
    assert max(windows) <= 180
    assert all(later - earlier >= 1 / 3 - 1e-6 for earlier, later in pairwise(at))


def test_one_call_is_in_flight_at_a_time(host: Running, tmp_path: Path) -> None:
    run(target_of(host, tmp_path, Time(), permits=WRITES))
    assert host.host.most_at_once == 1


@pytest.mark.parametrize("told", ["7", "7 ", "Thu, 01 Jan 1970 00:00:00 GMT", None], ids=str)
def test_429_is_obeyed_and_the_call_made_again(host: Running, tmp_path: Path, told: str | None) -> None:
    time, at = Time(), []

    def third(number: int, _: Request) -> Response | None:
        at.append(time.now)
        return too_many(told) if number == 3 else None

    host.host.step = third
    run(target_of(host, tmp_path, time))
    waits = {"7": 7.0, "7 ": 7.0, None: 60.0}.get(told, 1 / 3)
    assert at[3] - at[2] >= waits - 1e-6
    third_call, fourth = host.host.calls[2], host.host.calls[3]
    assert (third_call.path, third_call.body) == (fourth.path, fourth.body)


def test_a_host_that_only_answers_429_ends_the_run(host: Running, tmp_path: Path) -> None:
    host.host.step = lambda *_: too_many("1")
    runner = run(target_of(host, tmp_path, Time()))
    assert "429" in (runner.stopped or "")
    assert len(host.host.calls) <= 10


def test_five_failures_in_a_row_end_the_run(host: Running, tmp_path: Path) -> None:
    host.host.step = lambda number, _: failed() if number > 4 else None
    runner = run(target_of(host, tmp_path, Time()))
    assert "5 calls in a row" in (runner.stopped or "")
    assert len(host.host.calls) == 9


def test_four_failures_in_a_row_do_not(host: Running, tmp_path: Path) -> None:
    host.host.step = lambda number, _: failed() if 5 <= number < 9 else None
    assert run(target_of(host, tmp_path, Time())).stopped is None


def test_no_more_calls_are_made_than_were_allowed(host: Running, tmp_path: Path) -> None:
    runner = run(target_of(host, tmp_path, Time(), permits=WRITES, most_calls=25))
    assert "25" in (runner.stopped or "")
    assert len(host.host.calls) == 25


# ---- to whom it calls ----------------------------------------------------------------------------


def test_a_redirect_is_not_followed(host: Running, tmp_path: Path) -> None:
    with real_host() as other:

        def away(_: int, request: Request) -> Response | None:
            return Response(307, b"{}", {"Location": f"{other.server.url}{request.path}"})

        host.host.step = away
        run(target_of(host, tmp_path, Time(), permits=WRITES))
        assert other.host.calls == []
    assert len(host.host.calls) > 10


def test_credentials_go_to_the_named_host_alone(host: Running, tmp_path: Path) -> None:
    run(target_of(host, tmp_path, Time()))
    assert {call.headers["host"] for call in host.host.calls} == {NAME}
    assert any(call.headers.get("authorization") for call in host.host.calls)


@pytest.mark.parametrize("url", ["https://wixapis.com", "https://www.wixapis.com.example.com", "https://8.8.8.8"])
def test_a_certificate_of_another_name_gets_no_request(host: Running, tmp_path: Path, url: str) -> None:
    runner = run(target_of(host, tmp_path, Time(), url=url))
    assert runner.stopped
    assert host.host.calls == []


def test_a_certificate_that_nobody_signed_gets_no_request(host: Running, tmp_path: Path) -> None:
    target = target_of(host, tmp_path, Time())
    target._connection._context = trust(None)  # as if --cacert had not been given
    with pytest.raises(NoIdentity):
        target.identities.headers("APP")
    assert host.host.calls == []


def test_proxies_of_the_environment_are_not_used(
    host: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:canary9-proxy-password@127.0.0.1:9")
    run(target_of(host, tmp_path, Time(), most_calls=5))
    assert len(host.host.calls) == 5


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_reads_the_real_host_and_stops_where_it_is_told(host: Running, tmp_path: Path) -> None:
    host.seed(stranger())
    arguments = ["conform", "--url", f"https://{NAME}", "--connect-to", host.connect_to, "--max-calls", "6"]
    with commands(tmp_path) as wixture:
        ended = wixture.run(*arguments, "--cacert", str(host.certificate), environment=host.environment())
    assert "6 calls of --max-calls are spent" in ended.output
    assert len(host.host.calls) == 6
    assert host.host.not_reads == []
    earliest, latest = host.host.calls[0].at, host.host.calls[-1].at
    assert latest - earliest >= 5 / 3 - 0.05


def test_the_command_without_credentials_sends_nothing(host: Running, tmp_path: Path) -> None:
    arguments = ["conform", "--url", f"https://{NAME}", "--connect-to", host.connect_to]
    with commands(tmp_path) as wixture:
        ended = wixture.run(*arguments, "--cacert", str(host.certificate), environment={})
    assert ended.code == 2
    assert "WIXTURE_APP_ID" in ended.output
    assert host.host.calls == []
