"""`make crash`: cycles of write load over HTTP and kill -9; nothing that was acknowledged may be lost.

Each cycle starts a server on the state that the one before was killed on, writes to a site of its own from several
connections, and kills the server: at any moment, or at a place of its code (`benchmarks.doomed`). The next cycle
holds the site against what was acknowledged: every write is there, every entity has the events of all of its
revisions and of nothing else, and every event comes to the receiver at least once. Several lanes of cycles, each
with a state of its own, run side by side. Of several servers on one database one is killed as told, and the others
when they have gone on without it for a moment.
"""

from __future__ import annotations

import argparse
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from benchmarks.doomed import PLACES
from benchmarks.stores import database
from benchmarks.storm import event_id
from wixture.mockserver.clock import derived_id
from wixture.mockserver.store.in_thread import run_apart

CONSENTS = "/marketing-consent/v1/marketing-consent"
WRITERS = 3
_CALM_EVERY = 10
"""Cycles after which a server is left to bring everything to its end."""
_FRESH_EVERY = 50
"""Cycles after which a lane goes on with a new state."""
_ANY_MOMENT, _AT_START, _A_WORKER = "at any moment", "at its start", "one worker"
_LONGEST_WAIT = 60
_LONGEST_CYCLE = 1.0
_LONGEST_ALONE = 0.3
"""Seconds that the other servers go on without the one that was killed."""
_NO_PORT = 1
_Started = tuple[subprocess.Popen[str], int]
"""A server's process, and where it listens."""
Stored = Mapping[str, Any]
_GONE = (OSError, http.client.HTTPException, ValueError)
"""What a client meets when its server is killed."""


@dataclass
class Tally:
    """What some cycles came to."""

    cycles: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    events: int = 0
    deliveries: int = 0
    problems: list[str] = field(default_factory=list)

    def told(self, seconds: float) -> str:
        """One line, for people."""
        places = ", ".join(f"{count} {place}" for place, count in sorted(self.killed_at.items()))
        came = f"{self.acknowledged:,} acknowledged writes, {self.events:,} events, {self.deliveries:,} deliveries"
        ill = f"{len(self.problems)} lost, doubled or half done"
        return f"{self.cycles:,} cycles in {seconds:.0f} s, killed {places}; {came}; {ill}"


class Receiver:
    """Takes every webhook on a free port, and remembers which events came to which path."""

    def __init__(self) -> None:
        self.came: dict[str, Counter[str]] = defaultdict(Counter)
        came = self.came

        class Door(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                token = self.rfile.read(int(self.headers["content-length"]))
                came[self.path][event_id(token)] += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """The tally says it all."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.token = ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises one of _GONE when the server is, RuntimeError for a refusal."""
        headers = {"Authorization": self.token, "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {read[:300]!r}")
        return json.loads(read)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass
class Known:
    """One entity as its writer knows it. `in_doubt` says that a write of it was not answered."""

    revision: int = 0
    is_deleted: bool = False
    in_doubt: bool = False


class Writer(threading.Thread):
    """Creates, updates and deletes entities of its own until the server is gone."""

    def __init__(self, port: int, token: str, name: str, rng: random.Random) -> None:
        super().__init__(daemon=True)
        self._client = Client(port)
        self._client.token = token
        self._label = name
        self._rng = rng
        self.known: dict[str, Known] = {}
        self.acknowledged = 0
        self.failure: str | None = None

    def run(self) -> None:
        try:
            for number in range(self._rng.randint(1, 60)):
                self._one_life(f"{self._label}.{number}@example.com")
        except _GONE:
            pass
        except RuntimeError as error:
            self.failure = str(error)
        finally:
            self._client.close()

    def _one_life(self, email: str) -> None:
        known = self.known[email] = Known(in_doubt=True)
        details = {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": {}}
        consent = self._client.ask("POST", CONSENTS, {"marketingConsent": details})["marketingConsent"]
        self._done(known, revision=1)
        for _ in range(self._rng.randrange(4)):
            known.in_doubt = True
            path = f"{CONSENTS}/{consent['id']}"
            consent = self._client.ask("PATCH", path, {"marketingConsent": consent})["marketingConsent"]
            self._done(known, revision=int(consent["revision"]))
        if self._rng.random() < 0.3:
            known.in_doubt = True
            self._client.ask("DELETE", f"{CONSENTS}/{consent['id']}")
            known.is_deleted = True
            self._done(known, revision=known.revision + 1)

    def _done(self, known: Known, *, revision: int) -> None:
        known.revision, known.in_doubt = revision, False
        self.acknowledged += 1


@dataclass
class Site:
    """A site that was written to when its server was killed."""

    instance_id: str
    known: dict[str, Known]
    told: Counter[str]


class Lane:
    """Cycle after cycle on one state."""

    def __init__(
        self, new_state: Callable[[], str], receiver: Receiver, seed: int, *, workers: int, servers: int
    ) -> None:
        """`new_state` gives the address of a store that is empty."""
        self._workers = workers
        self._servers = servers
        self._new_state = new_state
        self._receiver = receiver
        self._seed = seed
        self._rng = random.Random(seed)  # noqa: S311  # it has to repeat
        self._places = self._all_places()
        self._unchecked: list[Site] = []
        self.tally = Tally()

    def _all_places(self) -> Iterator[str]:
        """Where to kill, cycle by cycle: every place before any comes again."""
        rng = random.Random(f"places {self._seed}")  # noqa: S311  # of its own: the other is drawn from as time goes
        places = (_ANY_MOMENT, _AT_START) if self._workers > 1 else (*PLACES, _ANY_MOMENT, _ANY_MOMENT, _AT_START)
        while True:
            yield from rng.sample(places, len(places))

    def run(self, cycles: int) -> None:
        """So many cycles; after some of them a server that nothing kills lets everything come to its end."""
        store = ""
        for number in range(cycles):
            if number % _FRESH_EVERY == 0:
                store = self._new_state()
            self._cycle(store, number)
            if number % _CALM_EVERY == _CALM_EVERY - 1 or number == cycles - 1:
                self._calm(store)

    def _cycle(self, store: str, number: int) -> None:
        place = _AT_START if number == 0 else next(self._places)
        if place == _AT_START:
            return self._kill_early(store)
        instance_id = derived_id("crash", f"{self._seed}/{number}")
        site = Site(instance_id, {}, self._receiver.came[f"/{instance_id}"])
        writers: list[Writer] = []
        with self._running(store, place) as started:
            process = started[0][0]
            try:
                self._serve(started, site, writers, place)
            except _GONE as gone:  # it was brought to its end by what was still to be delivered
                if not _ends(process):
                    raise RuntimeError("the server is there, and does not answer") from gone
            if started[1:]:
                time.sleep(self._rng.uniform(0, _LONGEST_ALONE))
        self._unchecked.append(site)
        self._count(site, place, writers)
        return None

    def _serve(self, started: Sequence[_Started], site: Site, writers: list[Writer], place: str) -> None:
        """Let writers write to all servers until the first is killed."""
        (process, port), ports = started[0], [port for _, port in started]
        with closing(Client(port)) as client:
            self._check_stored(client)
            token = self._begin(client, site)
            for number in range(WRITERS):
                rng = random.Random(self._rng.random())  # noqa: S311  # it has to repeat
                writers.append(Writer(ports[number % len(ports)], token, str(number), rng))
                writers[-1].start()
            self._wait(process, writers, place)
            kill(process)

    def _wait(self, process: subprocess.Popen[str], writers: Sequence[Writer], place: str) -> None:
        """Return at a moment under load, or when the server has ended, or after a while in which it did not."""
        end = time.monotonic() + _LONGEST_CYCLE
        enough = self._rng.randint(1, 100) if place == _ANY_MOMENT else 10_000
        victims = [enough // 3, 2 * enough // 3] if self._workers > 1 else []
        while process.poll() is None and time.monotonic() < end:
            acknowledged = sum(writer.acknowledged for writer in writers)
            if acknowledged >= enough:
                return
            if victims and acknowledged >= victims[0]:
                del victims[0]
                self._kill_one(process)
            time.sleep(self._rng.uniform(0, 0.004))

    def _kill_one(self, process: subprocess.Popen[str]) -> None:
        """Kill one worker; the others go on, and what it had taken on is theirs."""
        living = workers_of(process)
        if living:
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(living), signal.SIGKILL)
            self.tally.killed_at[_A_WORKER] += 1

    @contextmanager
    def _running(self, store: str, place: str) -> Iterator[list[_Started]]:
        """Servers on a state, started at once, the first of which ends at a place."""
        with ExitStack() as stack:
            begun = [
                _Server(_command(store, where, self._rng, self._workers))
                for where in (place, *["nowhere"] * (self._servers - 1))
            ]
            for server in begun:
                stack.callback(server.end)
            yield [(server.process, server.port()) for server in begun]

    def _kill_early(self, store: str) -> None:
        """Kill servers that make their state, or begin to use it."""
        command = _command(store, "nowhere", self._rng, self._workers)
        begun = [subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True) for _ in range(self._servers)]
        for process in begun:
            with suppress(subprocess.TimeoutExpired):
                process.wait(self._rng.uniform(0.1, 0.5 if self._workers == 1 else 1.5))
            kill(process)
        self.tally.cycles += 1
        self.tally.killed_at[_AT_START] += 1

    def _begin(self, client: Client, site: Site) -> str:
        """Let the receiver be told of a site; a token for it."""
        about = f"?instance={site.instance_id}"
        url = f"{self._receiver.url}/{site.instance_id}"
        client.ask("POST", f"/_mock/webhooks/subscriptions{about}", {"eventType": "*", "url": url})
        return str(client.ask("POST", f"/_mock/tokens{about}", {"identity": "APP"})["access_token"])

    def _count(self, site: Site, place: str, writers: Sequence[Writer]) -> None:
        self.tally.cycles += 1
        self.tally.killed_at[place] += 1
        for writer in writers:
            writer.join(20)
            site.known |= writer.known
            self.tally.acknowledged += writer.acknowledged
            if writer.failure:
                self.tally.problems.append(f"{site.instance_id}: {writer.failure}")

    def _calm(self, store: str) -> None:
        with self._running(store, "nowhere") as started, closing(Client(started[0][1])) as client:
            self._check_stored(client)
            for site in self._unchecked:
                self._check_deliveries(client, site)
        self._unchecked = []

    def _check_stored(self, client: Client) -> None:
        """Hold what is stored of every site against what was acknowledged."""
        for site in self._unchecked:
            about = f"?instance={site.instance_id}"
            state = client.ask("GET", f"/_mock/state{about}")["marketingConsents"]
            events = client.ask("GET", f"/_mock/webhooks/events{about}")["events"]
            self._note(site, problems(site.known, state, events))

    def _check_deliveries(self, client: Client, site: Site) -> None:
        """Wait until nothing is on its way any more; every event came then, and nothing else did."""
        about = f"?instance={site.instance_id}"
        end = time.monotonic() + _LONGEST_WAIT
        while deliveries := client.ask("GET", f"/_mock/webhooks/deliveries{about}&status=pending")["deliveries"]:
            if time.monotonic() > end:
                self._note(site, [f"{len(deliveries)} deliveries do not go out"])
                return
            for delivery in deliveries:
                if delivery["attempts"]:  # the machine was too busy to answer in time: do not wait a minute
                    client.ask("POST", f"/_mock/webhooks/deliveries/{delivery['id']}/resend{about}")
            time.sleep(0.02)
        events = {event["id"] for event in client.ask("GET", f"/_mock/webhooks/events{about}")["events"]}
        self.tally.events += len(events)
        self.tally.deliveries += site.told.total()
        self._note(site, (f"event {missing} never came" for missing in events - set(site.told)))
        self._note(site, (f"event {one} came of a change that is not there" for one in set(site.told) - events))

    def _note(self, site: Site, found: Iterable[str]) -> None:
        self.tally.problems += [f"{site.instance_id}: {problem}" for problem in found]


def problems(known: Mapping[str, Known], state: Sequence[Stored], events: Sequence[Stored]) -> Iterator[str]:
    """What does not fit: what writers know of their entities, what is stored, and what events tell."""
    by_id: dict[str, list[Stored]] = defaultdict(list)
    for event in events:
        by_id[event["event"]["entityId"]].append(event["event"])
    for id_, told in by_id.items():
        yield from _problems_of_events(id_, told)
    yield from _problems_of_state(state, by_id)
    stored = {consent["details"]["email"] for consent in state}
    begun = [told for told in by_id.values() if told[0]["slug"] == "created"]
    reached = {told[0]["createdEvent"]["entity"]["details"]["email"]: len(told) for told in begun}
    for email, what in known.items():
        yield from _problems_of_writes(email, what, reached.get(email, 0), is_there=email in stored)
    yield from (f"{email} was never asked for" for email in set(reached) - set(known))


def _problems_of_events(id_: str, told: Sequence[Stored]) -> Iterator[str]:
    numbers = [int(event["entityEventSequence"]) for event in told]
    if numbers != list(range(1, len(told) + 1)):
        yield f"{id_} has events of the revisions {numbers}"
    slugs = [event["slug"] for event in told]
    if slugs[0] != "created" or "created" in slugs[1:] or "deleted" in slugs[:-1]:
        yield f"{id_} has the events {slugs}"


def _problems_of_state(state: Sequence[Stored], by_id: Mapping[str, Sequence[Stored]]) -> Iterator[str]:
    revisions = {consent["id"]: int(consent["revision"]) for consent in state}
    told = {id_: len(events) for id_, events in by_id.items() if events[-1]["slug"] != "deleted"}
    if revisions != told:
        odd = [id_ for id_ in {*revisions, *told} if revisions.get(id_) != told.get(id_)]
        yield f"revisions are {[revisions.get(id_) for id_ in odd]}, events {[told.get(id_) for id_ in odd]}"


def _problems_of_writes(email: str, what: Known, reached: int, *, is_there: bool) -> Iterator[str]:
    possible = (what.revision, what.revision + 1) if what.in_doubt else (what.revision,)
    if reached not in possible:
        yield f"{email} was acknowledged up to {what.revision}, and its events end at {reached}"
    if what.is_deleted and is_there:
        yield f"{email} was deleted, and is there"
    if not what.is_deleted and not what.in_doubt and not is_there:
        yield f"{email} was stored, and is not there"


class _Server:
    """A server on a state, from its start to its being killed, if it lives so long."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def port(self) -> int:
        """Where it listens, once it does."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line and self.process.wait() == -signal.SIGKILL:  # what was still to be delivered brought it there
            return _NO_PORT
        if not line.startswith("wixture ready on "):
            self.end()
            raise RuntimeError(f"the server did not start: {line!r}, exit code {self.process.returncode}")
        return int(line.rpartition(":")[2])

    def end(self) -> None:
        """Kill it."""
        kill(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a server, if it has any."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in children.split()]


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a server with all its workers; return when their state is free."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGSTOP)  # it starts no more of them
    workers = workers_of(process)
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    end = time.monotonic() + _LONGEST_WAIT
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < end:
        time.sleep(0.002)


def _command(store: str, place: str, rng: random.Random, workers: int) -> list[str]:
    wixture = Path(sys.executable).with_name("wixture")
    command = [str(wixture), "serve", "--port", "0", "--store", store]
    if workers > 1:
        return [*command, "--workers", str(workers)]
    if place == _ANY_MOMENT and rng.random() < 0.5:  # as it is used, warming up and all
        return command
    return [sys.executable, "-m", "benchmarks.doomed", store, f"{place}:{rng.randint(1, 40)}"]


def _ends(process: subprocess.Popen[str]) -> bool:
    """Whether a process is gone, or goes just now."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    return process.poll() is not None


def crash(
    cycles: int, *, lanes: int, seed: int, new_state: Callable[[], str], workers: int = 1, servers: int = 1
) -> Tally:
    """So many cycles in some lanes side by side; what all of them came to.

    `new_state` gives the address of an empty store; it is called on any thread.
    """
    receiver = Receiver()
    running = [
        Lane(new_state, receiver, seed * 1000 + number, workers=workers, servers=servers)
        for number in range(lanes)
    ]

    def run(lane: Lane, count: int) -> None:
        try:
            lane.run(count)
        except Exception as failure:
            lane.tally.problems.append(f"a lane ended after {lane.tally.cycles} cycles: {failure!r}")

    shares = [cycles // lanes + (number < cycles % lanes) for number in range(lanes)]
    threads = [threading.Thread(target=run, args=pair) for pair in zip(running, shares, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receiver.close()
    total = Tally()
    for lane in running:
        found = lane.tally
        total.cycles += found.cycles
        total.killed_at += found.killed_at
        total.acknowledged += found.acknowledged
        total.events += found.events
        total.deliveries += found.deliveries
        total.problems += found.problems
    return total


def files(folder: Path) -> Callable[[], str]:
    """Gives the address of one state file after another."""
    numbers = count()
    return lambda: f"sqlite:{folder / str(next(numbers))}.db"


def databases(url: str) -> Callable[[], str]:
    """Gives the address of one new database after another, named after one that there is and on its server."""
    numbers = count()

    def new() -> str:
        name = f"{urlsplit(url).path[1:]}_{next(numbers)}"
        run_apart(_make_database(url, name))
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}/{name}?{parts.query}"

    return new


async def _make_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()


def main() -> None:
    """Run the cycles and say what they came to; exit code 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1, help="states side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes of each server, killed one by one, too")
    parser.add_argument("--servers", type=int, default=1, help="servers on each state, which is a database then")
    parser.add_argument("--postgresql", action="store_true", help="on databases of a server of its own")
    chosen = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wixture-crash-") as folder, ExitStack() as stack:
        new_state = files(Path(folder))
        if chosen.postgresql or chosen.servers > 1:
            new_state = databases(stack.enter_context(database()))
        tally = crash(
            chosen.cycles,
            lanes=chosen.lanes,
            seed=chosen.seed,
            new_state=new_state,
            workers=chosen.workers,
            servers=chosen.servers,
        )
    print(tally.told(time.monotonic() - started))
    print("\n".join(tally.problems[:20]))
    sys.exit(bool(tally.problems))


if __name__ == "__main__":
    main()
