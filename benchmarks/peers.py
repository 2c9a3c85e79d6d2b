"""The servers that are compared: how each is started, filled and asked, with proof that all do the same work."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import prism
from benchmarks.plans import PAGE, Plan, check, plans, send
from benchmarks.servers import BIN, Program, Running, started

WIXTURE, BARE, PLAIN, PRISM = "wixture", "bare aiohttp", "plain openapi-core", "Prism"
PRISM_EQUAL = "Prism, 100 entities"
CONTRACT = Path(__file__).parents[1] / "spec" / "openapi.yaml"
SERVE = Program((BIN / "wixture", "serve", "--port", "0"))
_STOCK = 2 * PAGE
_ANY_TOKEN = "OauthNG.JWS.any"  # noqa: S105 - the peers look no closer


@dataclass(frozen=True)
class Peer:
    """A server under measurement, and the plan of each kind of request that it is asked."""

    name: str
    running: Running
    plans: Mapping[str, Plan]


def programs(folder: Path, answers: Mapping[str, str], routes: list[dict[str, str]]) -> dict[str, Program]:
    """How every server is started. Writes what they read into the folder; no Prism where it cannot be run."""
    (folder / "routes.json").write_text(json.dumps(routes))
    module = (sys.executable, "-m")
    found = {
        WIXTURE: SERVE,
        BARE: Program((*module, "benchmarks.bare", folder / "routes.json")),
        PLAIN: Program((*module, "benchmarks.plain", CONTRACT)),
    }
    if prism.missing() is None:
        prism.with_answers(CONTRACT, answers, folder / "derived.json")
        found |= {PRISM: prism.program(CONTRACT), PRISM_EQUAL: prism.program(folder / "derived.json")}
    return found


@contextmanager
def stocked(program: Program = SERVE) -> Iterator[Peer]:
    """The mock, as anybody starts it unless a program is given, with 200 consents."""
    with started(program) as running:
        yield _stock(WIXTURE, running, app_token(running.port), itertools.count())


@contextmanager
def all_peers(folder: Path) -> Iterator[list[Peer]]:
    """Every server, started and filled; each has shown that it does the work of every kind it is asked."""
    with ExitStack() as stack:
        mock = stack.enter_context(stocked())
        answers = {kind: send(mock.running.port, next(plan())) for kind, plan in mock.plans.items()}
        for kind, body in answers.items():
            check(kind, body)
        found = programs(folder, answers, _routes(mock, answers))
        del found[WIXTURE]
        peers = [mock]
        for name, program in found.items():
            running = stack.enter_context(started(program))
            peers.append(_peer(name, running, mock))
        for peer in peers:
            _check(peer)
        yield peers


def app_token(port: int) -> str:
    """A token of an app for a mock."""
    command: list[str | Path] = [BIN / "wixture", "token", "APP", "--url", f"http://127.0.0.1:{port}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _stock(name: str, running: Running, token: str, numbers: Iterator[int]) -> Peer:
    create = plans(token, "", numbers)["create"]()
    created = [send(running.port, next(create)) for _ in range(_STOCK)]
    return Peer(name, running, plans(token, json.loads(created[0])["marketingConsent"]["id"], numbers))


def _peer(name: str, running: Running, mock: Peer) -> Peer:
    if name == PLAIN:
        return _stock(name, running, _ANY_TOKEN, itertools.count())
    if name == PRISM_EQUAL:  # where it answers as Prism does on the contract itself, there is nothing to add
        return Peer(name, running, {kind: mock.plans[kind] for kind in ("query of 100", "bulk of 100")})
    return Peer(name, running, mock.plans)


def _routes(mock: Peer, answers: Mapping[str, str]) -> list[dict[str, str]]:
    routes = []
    for kind, body in answers.items():
        method, path, _ = next(mock.plans[kind]()).split(b"\r\n")[0].decode().split()
        routes.append({"method": method, "path": path, "body": body})
    return routes


def _check(peer: Peer) -> None:
    entities = 1 if peer.name == PRISM else PAGE  # Prism answers the contract's example, which is short
    for kind, plan in peer.plans.items():
        check(kind, send(peer.running.port, next(plan())), entities)
