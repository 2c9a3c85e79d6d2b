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
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crash_clients import GONE, Client, Known, Receiver, Writer
from benchmarks.crash_judge import Tally, problems, total
from benchmarks.crash_servers import ANY_MOMENT, Server, command_of, databases, ends, files, kill, workers_of
from benchmarks.doomed import PLACES
from benchmarks.stores import database
from wixture.mockserver.clock import derived_id

WRITERS = 3
_CALM_EVERY = 10
"""Cycles after which a server is left to bring everything to its end."""
_FRESH_EVERY = 50
"""Cycles after which a lane goes on with a new state."""
_AT_START, _A_WORKER = "at its start", "one worker"
_LONGEST_WAIT = 60
_LONGEST_CYCLE = 1.0
_LONGEST_ALONE = 0.3
"""Seconds that the other servers go on without the one that was killed."""
_Started = tuple[subprocess.Popen[str], int]
"""A server's process, and where it listens."""


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
        places = (ANY_MOMENT, _AT_START) if self._workers > 1 else (*PLACES, ANY_MOMENT, ANY_MOMENT, _AT_START)
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
            except GONE as gone:  # it was brought to its end by what was still to be delivered
                if not ends(process):
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
        enough = self._rng.randint(1, 100) if place == ANY_MOMENT else 10_000
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
                Server(command_of(store, where, self._rng, self._workers))
                for where in (place, *["nowhere"] * (self._servers - 1))
            ]
            for server in begun:
                stack.callback(server.end)
            yield [(server.process, server.port()) for server in begun]

    def _kill_early(self, store: str) -> None:
        """Kill servers that make their state, or begin to use it."""
        command = command_of(store, "nowhere", self._rng, self._workers)
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
    return total(lane.tally for lane in running)


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
