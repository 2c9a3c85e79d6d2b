"""`make bench-plugin`: what the pytest plugin costs a suite, beside others, in alternating fresh processes."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import take_core

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
TESTS = 1_000
PLAIN, WIXTURE, HTTPSERVER, MOTO = "plain fixture", "wix_mock", "httpserver", "mock_aws"

PROBE = """
import json, os, time
import pytest

stamps, ready = [], []

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    started = time.perf_counter()
    result = yield
    ready.append(time.perf_counter() - started)
    return result

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    result = yield
    stamps.append(time.perf_counter())
    return result

def pytest_unconfigure():
    each = [(after - before) * 1e6 for before, after in zip(stamps, stamps[1:])]
    told = {"each": each[:-1], "ready": ready[0] * 1e3}  # the last one ends the session, too
    with open(os.environ["FIGURES"], "w") as file:
        json.dump(told, file)

@pytest.fixture
def plain():
    yield object()
"""

CALL = """
import http.client, json
import pytest

def call(port, method, path, body, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, content

"""

QUERY = "/marketing-consent/v1/marketing-consent/query"
SUITES = {
    f"{PLAIN}": "def test(plain, n): pass",
    f"{WIXTURE}, untouched": "def test(wix_mock, n): pass",
    f"{HTTPSERVER}, untouched": "def test(httpserver, n): pass",
    f"{MOTO}, untouched": """
from moto import mock_aws

@pytest.fixture
def aws():
    with mock_aws():
        yield

def test(aws, n): pass
""",
    f"{WIXTURE}, a request": f"""
def test(wix_mock, n):
    headers = {{**wix_mock.headers(), "Content-Type": "application/json"}}
    call(int(wix_mock.url.rpartition(":")[2]), "POST", "{QUERY}", '{{"query": {{}}}}', headers)
""",
    f"{HTTPSERVER}, a request": f"""
def test(httpserver, n):
    httpserver.expect_request("{QUERY}", method="POST").respond_with_json({{"marketingConsents": []}})
    call(httpserver.port, "POST", "{QUERY}", '{{"query": {{}}}}', {{"Content-Type": "application/json"}})
""",
    f"{MOTO}, a request": """
import boto3
from moto import mock_aws

@pytest.fixture(scope="session")
def client():
    with mock_aws():
        yield boto3.client("sts", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")

@pytest.fixture
def aws(client):
    with mock_aws():
        yield client

def test(aws, n): assert aws.get_caller_identity()["Account"]
""",
}
SERVERS = {
    WIXTURE: "from wixture.fixtures.servers import start\nbegin = lambda: start({})",
    HTTPSERVER: "from pytest_httpserver import HTTPServer\n"
    "def begin():\n    server = HTTPServer()\n    server.start()\n    return server",
}
CYCLES = """
import json, time

def cycle():
    started = time.perf_counter()
    server = begin()
    between = time.perf_counter()
    server.stop()
    return (between - started) * 1e3, (time.perf_counter() - between) * 1e3

cycle()
print(json.dumps([cycle() for _ in range(30)]))
"""


@dataclass(frozen=True)
class Effort:
    """How many rounds of suites, and how many starts of a suite that does not use the plugin."""

    rounds: int
    starts: int


@dataclass(frozen=True)
class Run:
    """One run of a suite: microseconds for each test, and milliseconds until the first fixture was there."""

    each: float
    ready: float


class Folder:
    """Where suites are written and run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {name: value for name, value in os.environ.items() if name not in _NOT_HERE}
        self.environment["FIGURES"] = str(path / "figures.json")

    def write(self, suites: Mapping[str, str], tests: int) -> None:
        """One folder for each suite."""
        for number, source in enumerate(suites.values()):
            folder = self.path / f"suite{number}"
            folder.mkdir()
            (folder / "conftest.py").write_text(PROBE)
            body = source.replace("def test(", f'@pytest.mark.parametrize("n", range({tests}))\ndef test(')
            (folder / "test_suite.py").write_text(CALL + body)
            (folder / "pytest.ini").write_text("[pytest]\n")

    def pytest(self, number: int, *options: str) -> float:
        """Seconds that a run of a suite took."""
        command = [str(PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        started = time.perf_counter()
        shown = subprocess.run(
            command, cwd=self.path / f"suite{number}", env=self.environment, capture_output=True, text=True
        )
        took = time.perf_counter() - started
        if shown.returncode:
            sys.exit(f"{shown.stdout}{shown.stderr}\nexit code {shown.returncode}")
        return took

    def figures(self, number: int) -> Run:
        """Run a suite, and read what its probe has measured."""
        self.pytest(number)
        told = json.loads((self.path / "figures.json").read_text())
        return Run(statistics.median(told["each"]), told["ready"])

    def cycles(self, source: str) -> list[list[float]]:
        """Milliseconds of starts and stops of a server, each in a process of its own."""
        command = [str(PYTHON), "-c", source + CYCLES]
        shown = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        found: list[list[float]] = json.loads(shown.stdout)
        return found


_NOT_HERE = ("PYTHONDONTWRITEBYTECODE", "WIXTURE_RECHECK")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench-plugin", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--polite", action="store_true", help="do not run before other processes, even if allowed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to a file")
    options = parser.parse_args()
    effort = Effort(rounds=2, starts=6) if options.quick else Effort(rounds=5, starts=30)
    take_core(polite=options.polite)
    _install()
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        folder.write(SUITES, TESTS)
        runs = _suites(folder, effort.rounds)
        servers = _servers(folder, effort.rounds)
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path))
        folder.write({"unused": "def test(n): pass"}, 1)
        starts = _starts(folder, effort.starts)
    _print(runs, servers, starts, effort)
    if options.json:
        told = {name: [vars(run) for run in found] for name, found in runs.items()}
        options.json.write_text(json.dumps({"suites": told, "servers": servers, "starts": starts}, indent=2))


def _install() -> None:
    """Put the wheel of this checkout beside the peers, as users have it."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(HERE.parent)]
        subprocess.run(build, check=True, capture_output=True)
        wheel = next(Path(folder).glob("*.whl"))
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel)]
        subprocess.run(pip, check=True)


def _suites(folder: Folder, rounds: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in SUITES}
    for turn in range(rounds + 1):  # the first, in which files are compiled, is not counted
        print(f"  … suites, round {turn} of {rounds}", file=sys.stderr, flush=True)
        for number, name in enumerate(SUITES):
            found = folder.figures(number)
            if turn:
                runs[name].append(found)
    return runs


def _servers(folder: Folder, rounds: int) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name, source in SERVERS.items():
            found[name] += folder.cycles(source)
    return found


def _starts(folder: Folder, starts: int) -> dict[str, list[float]]:
    without = ("-p", "no:wixture")
    folder.pytest(0), folder.pytest(0, *without)
    found: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(starts):
        print(f"  … starts, {turn + 1} of {starts}", file=sys.stderr, flush=True)
        pairs = [("with", ()), ("without", without)]
        for name, options in pairs if turn % 2 else pairs[::-1]:
            found[name].append(folder.pytest(0, *options) * 1e3)
    return found


def _print(
    runs: Mapping[str, Sequence[Run]],
    servers: Mapping[str, Sequence[Sequence[float]]],
    starts: Mapping[str, Sequence[float]],
    effort: Effort,
) -> None:
    tables = (*_heading(effort), *_suite_table(runs), *_server_table(servers), *_start_lines(starts))
    for line in (*tables, *_promises(runs, servers, starts)):
        print(line)


def _heading(effort: Effort) -> list[str]:
    versions = ", ".join(f"{name} {_version(name)}" for name in ("pytest", "pytest-httpserver", "moto"))
    about = f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}"
    how = f"medians of {effort.rounds} alternating rounds of {TESTS:,} tests, each run a fresh process"
    return [about, how, ""]


def _version(name: str) -> str:
    program = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([str(PYTHON), "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def _suite_table(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    plain = statistics.median(run.each for run in runs[PLAIN])
    lines = [f"{'suite':26}{'µs a test':>12}{'over plain':>12}{'of wix_mock':>13}{'first ready, ms':>17}"]
    for name, found in runs.items():
        each = statistics.median(run.each for run in found)
        kind = name.partition(", ")[2]
        own = runs.get(f"{WIXTURE}, {kind}", ())
        ours = statistics.median(run.each for run in own) - plain if own else 0.0
        ratio = f"{(each - plain) / ours:.2f}×" if ours else "-"
        ready = statistics.median(run.ready for run in found)
        lines.append(f"{name:26}{each:12,.0f}{each - plain:12,.0f}{ratio:>13}{ready:17,.1f}")
    return [*lines, ""]


def _server_table(servers: Mapping[str, Sequence[Sequence[float]]]) -> list[str]:
    lines = [f"{'server':26}{'start, ms':>12}{'stop, ms':>12}"]
    for name, cycles in servers.items():
        begun, ended = (statistics.median(column) for column in zip(*cycles, strict=True))
        lines.append(f"{name:26}{begun:12.2f}{ended:12.2f}")
    return [*lines, ""]


def _start_lines(starts: Mapping[str, Sequence[float]]) -> list[str]:
    having, lacking = (statistics.median(starts[name]) for name in ("with", "without"))
    differences = [one - other for one, other in zip(starts["with"], starts["without"], strict=True)]
    return [
        f"a suite of one test that uses no fixture of ours, {len(differences)} pairs of starts:",
        f"  with the plugin {having:.1f} ms, with -p no:wixture {lacking:.1f} ms: "
        f"{having - lacking:+.1f} ms (median of the pairs' differences {statistics.median(differences):+.1f} ms)",
    ]


def _promises(
    runs: Mapping[str, Sequence[Run]],
    servers: Mapping[str, Sequence[Sequence[float]]],
    starts: Mapping[str, Sequence[float]],
) -> list[str]:
    plain = statistics.median(run.each for run in runs[PLAIN])
    untouched = runs[f"{WIXTURE}, untouched"]
    found = {
        "a suite starts later because of the plugin": (
            statistics.median(starts["with"]) - statistics.median(starts["without"]),
            30,
        ),
        "the first wix_mock is ready": (statistics.median(run.ready for run in untouched), 300),
        "each further test takes longer": ((statistics.median(run.each for run in untouched) - plain) / 1e3, 0.5),
        "a server starts and stops": (statistics.median(map(sum, servers[WIXTURE])), 5),
    }
    lines = [
        f"  {'ok   ' if value < most else 'short'} {name}: {value:.2f} ms, at most {most:g} ms"
        for name, (value, most) in found.items()
    ]
    return ["", "promises, on a machine that does nothing else:", *lines]


if __name__ == "__main__":
    main()
