"""`make bench`: start-up, and the cost of a request beside bare aiohttp, in alternating rounds of one run."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import Load, request, run

CONSENTS = "/marketing-consent/v1/marketing-consent"
BIN = Path(sys.executable).parent
ROUNDS = 5
MIX = {"get": 2000, "create": 1000, "query of 100": 300}


def main() -> None:
    """Measure and print."""
    _startup()
    _requests()


def _startup() -> None:
    print("start-up, milliseconds, median of", ROUNDS)
    programs = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import wixture": [sys.executable, "-c", "import wixture"],
        "import aiohttp": [sys.executable, "-c", "import aiohttp"],
    }
    for name, command in programs.items():
        print(f"  {name:34} {_median_ms(lambda command=command: subprocess.run(command, check=True)):7.0f}")
    print(f"  {'wixture serve, ready':34} {_median_ms(_serve_once):7.0f}")


def _median_ms(action: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def _serve_once() -> None:
    command = [BIN / "wixture", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()


@contextmanager
def _server(*command: str | Path) -> Iterator[tuple[int, int]]:
    """A server process that prints its URL first: its port and process ID."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        time.sleep(2)  # what is warmed up in the background is not part of a request
        try:
            yield port, process.pid
        finally:
            process.terminate()


def _requests() -> None:
    with _server(BIN / "wixture", "serve", "--port", "0") as (port, pid):
        token = _token(port)
        plans = _plans(port, token)
        with tempfile.TemporaryDirectory() as folder:
            routes = Path(folder) / "routes.json"
            routes.write_text(json.dumps(_same_answers(port, plans)))
            with _server(sys.executable, "-m", "benchmarks.bare", routes) as (bare_port, bare_pid):
                _compare(plans, {"wixture": (port, pid), "bare aiohttp": (bare_port, bare_pid)})


def _token(port: int) -> str:
    command = [BIN / "wixture", "token", "APP", "--url", f"http://127.0.0.1:{port}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _consent(email: str) -> bytes:
    details = {"type": "EMAIL", "email": email}
    activity = {"source": "FORM", "description": "newsletter", "optInLevel": "SINGLE_CONFIRMATION"}
    body = {"marketingConsent": {"details": details, "lastConfirmationActivity": activity}}
    return json.dumps(body, separators=(",", ":")).encode()


Plan = Callable[[int], list[bytes]]


def _plans(port: int, token: str) -> dict[str, Plan]:
    """For each kind of request, the requests of a round; 200 consents are there from the start."""
    created = [
        _send(port, request("POST", CONSENTS, token, _consent(f"seed{number}@example.com")))
        for number in range(200)
    ]
    first = json.loads(created[0])["marketingConsent"]["id"]
    page = json.dumps({"query": {"filter": {"state": "CONFIRMED"}, "cursorPaging": {"limit": 100}}}).encode()
    return {
        "get": lambda _: [request("GET", f"{CONSENTS}/{first}", token)] * MIX["get"],
        "create": lambda turn: [
            request("POST", CONSENTS, token, _consent(f"r{turn}n{number}@example.com"))
            for number in range(MIX["create"])
        ],
        "query of 100": lambda _: [request("POST", f"{CONSENTS}/query", token, page)] * MIX["query of 100"],
    }


def _send(port: int, data: bytes) -> str:
    head, _, body = data.partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    method, path, _ = line.split()
    named = dict(header.split(": ", 1) for header in headers)
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=body or None, headers=named, method=method
    )
    with urllib.request.urlopen(asked) as answer:
        return str(answer.read().decode())


def _same_answers(port: int, plans: dict[str, Plan]) -> list[dict[str, str]]:
    routes = []
    for turn, plan in enumerate(plans.values()):
        data = plan(-1 - turn)[0]
        method, path, _ = data.split(b"\r\n")[0].decode().split()
        routes.append({"method": method, "path": path, "body": _send(port, data)})
    return routes


def _compare(plans: dict[str, Plan], servers: dict[str, tuple[int, int]]) -> None:
    print("\nrequests on one connection, median of", ROUNDS, "alternating rounds")
    print(f"  {'':14} {'server':14} {'CPU µs':>8} {'median µs':>10} {'p99 µs':>8}  {'of bare':>8}")
    for kind, plan in plans.items():
        rounds: dict[str, list[Load]] = {name: [] for name in servers}
        for turn in range(ROUNDS):
            for name, (port, pid) in servers.items():
                rounds[name].append(run(port, pid, plan(turn)))
        bare = statistics.median(load.cpu_us for load in rounds["bare aiohttp"])
        for name, loads in rounds.items():
            cpu = statistics.median(load.cpu_us for load in loads)
            median = statistics.median(load.median_us for load in loads)
            p99 = statistics.median(load.p99_us for load in loads)
            print(f"  {kind:14} {name:14} {cpu:8.0f} {median:10.0f} {p99:8.0f}  {bare / cpu:8.2f}")


if __name__ == "__main__":
    main()
