"""`make webhook-storm`: seeded storms of receivers that fail in every way; no event may be missed or come twice.

Each storm is a tenant on a frozen clock with up to three receivers, each down for a while and then failing at
random, and events at random instants. Afterwards every event must have been acknowledged exactly once by every
receiver, or have had its 13 attempts at their instants. Most storms run in this process with an outcome in place
of each HTTP exchange; some go through real sockets. State is kept in memory and by one server, or in a database by
several: each event, each flush and each step of the clock is one server's then, whichever chance names.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.stores import MEMORY, database
from benchmarks.weather import FAILURES, HOUR, SOCKET_FAILURES, Door, Receiver, Weather, make_receiver
from wixture.mockserver.app import Application
from wixture.mockserver.clock import derived_id
from wixture.mockserver.domain_events import Delivery, Subscription
from wixture.mockserver.messages import Change
from wixture.mockserver.mock import Mock
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings
from wixture.mockserver.webhooks.destinations import Policy
from wixture.mockserver.webhooks.post import Poster
from wixture.mockserver.webhooks.schedule import WAITS

_US = 1_000_000


@dataclass
class Tally:
    """What some storms came to."""

    storms: int = 0
    events: int = 0
    attempts: int = 0
    received: int = 0
    exhausted: int = 0
    faults: list[str] = field(default_factory=list)


class Storms:
    """Storms on one state, each on a tenant of its own, whose events and steps are any server's."""

    def __init__(self, make_posts: Callable[[], Any], store: str, servers: int) -> None:
        settings = Settings(clock="2024-01-31T08:00:00Z", random_seed=5, store=store)
        self.apps = [Mock(settings).app for _ in range(servers)]
        for app in self.apps:
            app.dispatch.send_by(make_posts())
        self.tally = Tally()

    def now(self, seed: int) -> Callable[[], int]:
        """What tells a storm's time: the server that has moved it last knows it."""
        instance_id = derived_id("storm", str(seed))
        return lambda: max(app.tenants.get(instance_id).clock.now() for app in self.apps)

    async def run(self, seed: int, rng: random.Random, receivers: Sequence[Receiver]) -> None:
        """Events at random instants, steps of random length, then calm until everything is settled."""
        instance_id = derived_id("storm", str(seed))
        await self._subscribe(instance_id, receivers)
        chance = random.Random(f"servers {seed}")  # noqa: S311  # it has to repeat
        ids = []
        for number in range(rng.randint(1, 4)):
            ids.append(await self._event(chance.choice(self.apps), instance_id, number))
            if rng.random() < 0.5:
                app = chance.choice(self.apps)
                await app.dispatch.deliverer.flush(app.tenants.get(instance_id))
            await self._advance(chance, instance_id, rng.choice((0, 1, 59.5, 600, HOUR, 5 * HOUR)))
        await self._advance(chance, instance_id, 60 * HOUR)
        store = self.apps[0].store
        self._judge(seed, ids, receivers, await store.outbox.deliveries(instance_id))
        await store.load(instance_id, (), replace=True)

    async def _subscribe(self, instance_id: str, receivers: Sequence[Receiver]) -> None:
        app = self.apps[0]
        tenant = app.tenants.get(instance_id)
        new = {str(number): Subscription(str(number), "*", one.url) for number, one in enumerate(receivers)}
        await app.tenants.change(tenant, lambda: tenant.subscriptions.update(new))

    async def _advance(self, chance: random.Random, instance_id: str, seconds: float) -> None:
        """One server moves the clock; where there are more, another one does at the same time, and not as far."""
        steps = [seconds] if len(self.apps) == 1 else [seconds - min(seconds, 7), min(seconds, 7)]
        chosen = chance.sample(self.apps, len(steps))
        parts = zip(chosen, steps, strict=True)
        await asyncio.gather(*(self._advance_one(app, instance_id, step) for app, step in parts))

    async def _advance_one(self, app: Application, instance_id: str, seconds: float) -> None:
        """As it is told to, once more where the other is still at it after five seconds."""
        while True:
            try:
                return await app.dispatch.advance(app.tenants.get(instance_id), seconds)
            except Refusal as refusal:
                if "Another call is moving this tenant's clock" not in str(refusal):
                    raise

    async def _event(self, app: Application, instance_id: str, number: int) -> str:
        tenant = app.tenants.get(instance_id)
        await app.tenants.look(tenant)
        follow = {
            "id": tenant.chance.new_id(),
            "accountId": derived_id("account", tenant.instance_id),
            "channel": ("X", "TIKTOK", "FACEBOOK", "LINKEDIN")[number],
            "createdDate": tenant.clock.now_text(),
        }
        change = Change("created", "followed_channel", follow)
        caller, now = app.own_caller(tenant), tenant.clock.now()
        await app.commit(tenant, [change], caller, origin="storm", now=now)
        return (await app.store.outbox.events(instance_id))[-1].id

    async def close(self) -> None:
        """Let go of the state."""
        for app in self.apps:
            await app.dispatch.close()
            await app.store.close()

    def _judge(self, seed: int, ids: list[str], receivers: Sequence[Receiver], deliveries: list[Delivery]) -> None:
        tally = self.tally
        tally.storms += 1
        tally.events += len(ids)
        tally.attempts += sum(len(delivery.attempts) for delivery in deliveries)
        by_pair: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for delivery in deliveries:
            by_pair[delivery.event_id, delivery.url].append(delivery)
        for receiver in receivers:
            if sum(len(each.attempts) for each in deliveries if each.url == receiver.url) != receiver.seen:
                tally.faults.append(f"storm {seed}: {receiver.url} saw {receiver.seen} attempts")
            for event in ids:
                for problem in problems(by_pair[event, receiver.url], receiver.acknowledged[event]):
                    tally.faults.append(f"storm {seed}: event {event} to {receiver.url} {problem}")
        tally.received += sum(delivery.status == "received" for delivery in deliveries)
        tally.exhausted += sum(delivery.status == "exhausted" for delivery in deliveries)


def problems(deliveries: list[Delivery], acknowledged: int) -> list[str]:
    """What is wrong with the deliveries of one event to one receiver, which acknowledged it so often."""
    if len(deliveries) != 1:
        return [f"has {len(deliveries)} deliveries"]
    (delivery,) = deliveries
    at = [attempt.at for attempt in delivery.attempts]
    gaps = [(later - earlier) / _US for earlier, later in pairwise(at)]
    found = []
    if gaps != list(WAITS[: len(gaps)]):
        found.append(f"was tried after {gaps}")
    if delivery.status == "received" and acknowledged != 1:
        found.append(f"was acknowledged {acknowledged} times")
    if delivery.status == "exhausted" and (acknowledged or len(at) != 13):
        found.append(f"was given up after {len(at)} attempts, {acknowledged} acknowledged")
    if delivery.status not in ("received", "exhausted"):
        found.append(f"is {delivery.status}")
    return found


async def in_process(seeds: range, *, store: str = MEMORY, servers: int = 1) -> Tally:
    """Storms whose HTTP is an outcome by chance."""
    weather = Weather()
    storms = Storms(lambda: weather, store, servers)
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311  # it has to repeat
        receivers = [make_receiver(rng, FAILURES) for _ in range(rng.randint(1, 3))]
        now = storms.now(seed)
        for number, receiver in enumerate(receivers):
            receiver.url = f"http://127.0.0.1:9/{seed}/{number}"
            weather.receivers[receiver.url] = (receiver, now, now())
        await storms.run(seed, rng, receivers)
        weather.receivers.clear()
    await storms.close()
    return storms.tally


async def through_sockets(
    seeds: range, failures: Sequence[str] = SOCKET_FAILURES, *, store: str = MEMORY, servers: int = 1
) -> Tally:
    """Storms over real connections on loopback; a silent receiver costs its 1.25 s of real time."""
    storms = Storms(lambda: Poster(Policy(loopback=True, allowed=())), store, servers)
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311  # it has to repeat
        doors, receivers = [], []
        for _ in range(rng.randint(1, 3)):
            receiver = make_receiver(rng, failures)
            door = await asyncio.start_server(Door(receiver, storms.now(seed)), "127.0.0.1", 0)
            receiver.url = f"http://127.0.0.1:{door.sockets[0].getsockname()[1]}/"
            doors.append(door)
            receivers.append(receiver)
        await storms.run(seed, rng, receivers)
        for door in doors:
            door.close()
    await storms.close()
    return storms.tally


def _told(kind: str, tally: Tally, seconds: float) -> str:
    return (
        f"{kind}: {tally.storms:,} storms, {tally.events:,} events, {tally.attempts:,} attempts, {seconds:.1f} s; "
        f"{tally.received:,} received once, {tally.exhausted:,} given up after 13 attempts, "
        f"{len(tally.faults)} missed, doubled or at a wrong time"
    )


def main() -> None:
    """Run the storms and say what they came to; exit code 1 when one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storms", type=int, default=1000, help="storms in this process")
    parser.add_argument("--sockets", type=int, default=30, help="storms over real connections")
    parser.add_argument("--servers", type=int, default=1, help="servers on one database; 1 is one on memory")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    chosen = parser.parse_args()
    faults: list[str] = []
    with ExitStack() as stack:
        where = {"store": stack.enter_context(database()), "servers": chosen.servers} if chosen.servers > 1 else {}
        for kind, run, count in (
            ("in process", in_process, chosen.storms),
            ("real sockets", through_sockets, chosen.sockets),
        ):
            started = time.perf_counter()
            tally = asyncio.run(run(range(chosen.first, chosen.first + count), **where))
            print(_told(kind, tally, time.perf_counter() - started), flush=True)
            faults += tally.faults
    print("\n".join(faults[:20]))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
