"""The receivers of a storm: each down for a while and failing at random, in this process or behind a socket."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from wixture.mockserver import base64url
from wixture.mockserver.webhooks.post import Posted

FAILURES = ("status", "redirect", "timeout", "refused", "reset", "too_long", "bad_answer")
SOCKET_FAILURES = ("status", "created", "redirect", "reset", "silent", "cut")
HOUR = 3600
_US = 1_000_000


@dataclass
class Receiver:
    """One receiver of a storm: when it is down, how often it fails, and what it acknowledged when."""

    rng: random.Random
    failures: Sequence[str]
    url: str = ""
    down: tuple[float, float] = (0.0, 0.0)
    likely: float = 0.0
    acknowledged: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def outcome(self, at: float) -> str:
        """What becomes of a webhook that comes in at an instant, in seconds since the storm began."""
        self.seen += 1
        fails = self.down[0] <= at < self.down[1] or self.rng.random() < self.likely
        return self.rng.choice(self.failures) if fails else "received"


def make_receiver(rng: random.Random, failures: Sequence[str]) -> Receiver:
    """A receiver by chance: some never come back."""
    start = rng.uniform(0, 2 * HOUR)
    length = rng.choice((0, 60, HOUR, 10 * HOUR, 40 * HOUR, 100 * HOUR))
    return Receiver(rng, failures, down=(start, start + length), likely=rng.choice((0.0, 0.1, 0.4, 0.8)))


class Weather:
    """Takes webhooks in place of real HTTP: the outcome of each is its receiver's."""

    def __init__(self) -> None:
        self.receivers: dict[str, tuple[Receiver, Callable[[], int], int]] = {}

    async def post(self, url: str, body: bytes) -> Posted:
        receiver, now, began = self.receivers[url]
        await asyncio.sleep(0)
        reason = receiver.outcome((now() - began) / _US)
        if reason == "received":
            receiver.acknowledged[event_id(body)] += 1
        return Posted(200 if reason == "received" else None, reason, 0, b"", reason)

    async def close(self) -> None: ...


def event_id(token: bytes) -> str:
    """The ID in the third layer of a token."""
    claims = orjson.loads(base64url.decode(token.split(b".")[1].decode()) or b"{}")
    return str(orjson.loads(orjson.loads(claims["data"])["data"])["id"])


class Door:
    """A receiver's socket: reads one request and answers as the receiver's chance says."""

    def __init__(self, receiver: Receiver, now: Callable[[], int]) -> None:
        self._receiver = receiver
        self._now = now
        self._began = now()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        outcome = self._receiver.outcome((self._now() - self._began) / _US)
        if outcome == "received":
            self._receiver.acknowledged[event_id(body)] += 1
        await self._answer(outcome, reader, writer)
        writer.close()

    async def _answer(self, outcome: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        statuses = {"received": b"200 OK", "status": b"503 Oh", "created": b"201 No", "redirect": b"302 There"}
        if outcome in statuses:
            writer.write(b"HTTP/1.1 %b\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" % statuses[outcome])
            await writer.drain()
        elif outcome == "reset":
            writer.transport.abort()
        elif outcome == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        else:
            await reader.read()  # until the other side gives up
