"""`wixture serve --workers N`: one port, several processes, and none of them missed when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.crash_clients import Client
from benchmarks.plans import CONSENTS
from conformance.conforming import conformed
from databases import fresh_database

from wixture.mockserver.clock import derived_id

from .conftest import WIXTURE, Receiver, Served, in_parallel, is_alive, until
from .linearizable import Read, Write, problems

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
Serve = Callable[..., Served]


def consent(email: str) -> dict[str, Any]:
    details = {"type": "EMAIL", "email": email}
    return {"marketingConsent": {"details": details, "lastConfirmationActivity": {}}}


def test_memory_is_refused_for_several_workers() -> None:
    command = [WIXTURE, "serve", "--port", "0", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "no other process sees what is in memory" in done.stderr
    assert "postgresql://" in done.stderr


def test_a_port_that_other_workers_have_is_refused(serve: Serve, tmp_path: Path) -> None:
    served = serve(workers=2)
    state = tmp_path / "other.db"
    command = [WIXTURE, "serve", "--port", str(served.port), "--workers", "2", "--store", f"sqlite:{state}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert f"Port {served.port} on 127.0.0.1 is already in use" in done.stderr


def test_a_seed_is_there_once_and_a_restart_goes_on(serve: Serve) -> None:
    for _ in range(2):
        served = serve("--seed", "newsletter", workers=3)
        states = [served.client().ask("GET", "/_mock/state")["marketingConsents"] for _ in range(6)]
        assert len({len(state) for state in states}) == 1
        assert states[0]
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(10) == 0


def four_workers(serve: Serve) -> list[Served]:
    return [serve(workers=4)]


def two_servers(serve: Serve) -> list[Served]:
    url = fresh_database()
    return [serve(workers=2, store=url) for _ in range(2)]


@pytest.mark.parametrize("start", [four_workers, two_servers])
def test_of_sixty_four_clients_of_one_consent_each_success_is_one_revision(
    serve: Serve, start: Callable[[Serve], list[Served]]
) -> None:
    all_served = start(serve)
    assert sum(len(served.workers()) for served in all_served) == 4
    served = all_served[0]
    first = served.client().ask("POST", CONSENTS, consent("ada@example.com"))["marketingConsent"]
    history: list[Write | Read] = []
    path, each = f"{CONSENTS}/{first['id']}", 12
    clients = [all_served[number % len(all_served)].client() for number in range(64)]

    def write(number: int) -> None:
        client = clients[number]
        for _ in range(each):
            begun = time.monotonic()
            seen = client.ask("GET", path)["marketingConsent"]
            read = time.monotonic()
            based_on, made = int(seen["revision"]), None
            history.append(Read(begun, read, based_on))
            try:
                answer = client.ask("PATCH", path, {"marketingConsent": seen})
                made = int(answer["marketingConsent"]["revision"])
            except RuntimeError as refused:
                if "was answered 409" not in str(refused):
                    raise
            history.append(Write(read, time.monotonic(), based_on, made))

    in_parallel(write, len(clients))
    writes = [one for one in history if isinstance(one, Write)]
    won = [one for one in writes if one.made is not None]
    final = int(served.client().ask("GET", path)["marketingConsent"]["revision"])
    assert len(writes) == 64 * each
    assert 0 < len(won) < len(writes), "some are refused"
    assert final == 1 + len(won)
    assert problems(history, first=1) == []
    events = served.client().ask("GET", "/_mock/webhooks/events")["events"]
    assert [int(one["event"]["entityEventSequence"]) for one in events] == list(range(1, final + 1))


def test_each_event_is_sent_once_and_in_order_by_four_workers(serve: Serve, receiver: Receiver) -> None:
    served = serve(workers=4)
    for path in ("/a", "/b"):
        body = {"eventType": "*", "url": receiver.url + path}
        served.client().ask("POST", "/_mock/webhooks/subscriptions", body)
    clients = [served.client() for _ in range(8)]

    def write(number: int) -> None:
        for count in range(15):
            clients[number].ask("POST", CONSENTS, consent(f"{number}.{count}@example.com"))

    in_parallel(write, len(clients))
    told = served.client()
    until(lambda: not told.ask("GET", "/_mock/webhooks/deliveries?status=pending")["deliveries"])
    events = told.ask("GET", "/_mock/webhooks/events")["events"]
    emails = {one["id"]: one["event"]["createdEvent"]["entity"]["details"]["email"] for one in events}
    assert len(emails) == 120
    for path in ("/a", "/b"):
        came = receiver.of(path)
        assert Counter(came) == Counter(list(emails)), "each once"
        for number in range(len(clients)):
            own = [emails[event] for event in came if emails[event].startswith(f"{number}.")]
            assert own == [f"{number}.{count}@example.com" for count in range(15)], "in the order of their writes"


def test_what_a_killed_worker_was_sending_is_sent_by_another(serve: Serve, receiver: Receiver) -> None:
    served = serve(workers=2)
    body = {"eventType": "*", "url": receiver.url + "/held"}
    served.client().ask("POST", "/_mock/webhooks/subscriptions", body)
    told, writer = served.client(), served.client()
    receiver.hold.clear()
    made = writer.ask("POST", CONSENTS, consent("ada@example.com"))["marketingConsent"]
    until(lambda: receiver.came)
    victims = served.workers()
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    receiver.hold.set()
    until(lambda: len(receiver.came) > 1)
    assert time.monotonic() - killed < 20, "no attempt is waited for that nobody makes any more"
    until(lambda: len(set(served.workers()) - set(victims)) == 2)
    told = served.client()
    assert told.ask("GET", f"{CONSENTS}/{made['id']}")["marketingConsent"] == made
    until(lambda: not told.ask("GET", "/_mock/webhooks/deliveries?status=pending")["deliveries"])
    assert len({event for _, event in receiver.came}) == 1


def test_a_worker_that_is_killed_is_replaced_and_no_acknowledged_write_is_lost(serve: Serve) -> None:
    served = serve(workers=3)
    before = served.workers()
    made = [
        served.client().ask("POST", CONSENTS, consent(f"{n}@example.com"))["marketingConsent"] for n in range(9)
    ]
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(served.workers()) == 3 and before[0] not in served.workers())
    assert before[1:] == [pid for pid in served.workers() if pid in before]
    stored = served.client().ask("GET", "/_mock/state")["marketingConsents"]
    assert {one["id"] for one in stored} == {one["id"] for one in made}
    assert "ended (signal 9); another takes its place" in served.errors.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_and_seals_the_state(serve: Serve, tmp_path: Path, number: int) -> None:
    served = serve(workers=3)
    client, workers = served.client(), served.workers()
    client.ask("POST", CONSENTS, consent("ada@example.com"))
    served.process.send_signal(number)
    assert served.process.wait(10) == 0
    assert not any(map(is_alive, workers))
    assert sorted(file.name for file in tmp_path.glob("state.db*")) == ["state.db", "state.db-lock"]
    assert served.errors.read_text() == ""


def test_workers_whose_parent_is_killed_end_by_themselves(serve: Serve) -> None:
    served = serve(workers=3)
    workers = served.workers()
    served.process.kill()
    served.process.wait(10)
    until(lambda: not any(map(is_alive, workers)))
    after = serve(workers=2)
    assert len(after.workers()) == 2, "the state is free again"


def test_tenants_are_told_apart_whoever_answers(serve: Serve) -> None:
    served = serve(workers=4)
    clients: list[Client] = [served.client() for _ in range(8)]

    def own(number: int) -> None:
        site = derived_id("site", str(number))
        client = clients[number]
        about = f"?instance={site}"
        client.token = client.ask("POST", f"/_mock/tokens{about}", {"identity": "APP"})["access_token"]
        for count in range(5):
            client.ask("POST", CONSENTS, consent(f"{count}@example.com"))
        assert len(client.ask("GET", f"/_mock/state{about}")["marketingConsents"]) == 5

    in_parallel(own, len(clients))


@pytest.mark.parametrize("start", [four_workers, two_servers])
def test_no_check_of_conformance_finds_anything_in_many_processes(
    serve: Serve, start: Callable[[Serve], list[Served]]
) -> None:
    served = start(serve)[0]
    assert conformed(f"http://127.0.0.1:{served.port}").findings == ()
