"""The official JavaScript SDK, unmodified, against a running `wixture serve`.

What it claims stands in the `*.test.mjs` files beside this one, for Node's own test runner; here they get a
server and are run, one pytest test a file. A failure shows what Node printed about the tests that failed.
The SDK is installed by `make sdk`, never kept in this repository.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

from wixture.contracts.dialect import forms

SUITE = Path(__file__).parent
TEST_FILES = sorted(SUITE.glob("*.test.mjs"))
WIXTURE = Path(sys.executable).with_name("wixture")

OLDEST_NODE = 20
START_SECONDS = 60
STOP_SECONDS = 10
RUN_SECONDS = 300

SERVE_OPTIONS = {"tls.test.mjs": ("--tls",)}
WITHOUT_PRELOAD = {"without_preload.test.mjs"}

Variables = dict[str, str]
Serve = Callable[..., Variables]


class Verdict(NamedTuple):
    """What Node said about one file: how many tests it has, how many passed, and the blocks of the rest."""

    total: int
    passed: int
    failures: list[str]


def find_node() -> str:
    """The path of a Node that can run the suite; without one the test skips, or fails where it is required."""
    found = shutil.which("node")
    if found is None:
        _missing("node is not on the PATH")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        _missing(f"node is {version}, and the suite needs {OLDEST_NODE} or newer")
    if not (SUITE / "node_modules" / "@wix" / "sdk").is_dir():
        _missing(f"there is no {SUITE / 'node_modules'}")
    return found


def _missing(reason: str) -> NoReturn:
    message = f"THE OFFICIAL SDK WAS NOT TESTED: {reason}. Install it with `make sdk`."
    if "node" in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
        pytest.fail(f"{message} WIXTURE_REQUIRE names node, so this is a failure.", pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts `wixture serve` with the options given, once each, and answers what Node needs to reach it."""
    started: dict[tuple[str, ...], Variables] = {}
    with ExitStack() as servers:

        def serve(*options: str) -> Variables:
            if options not in started:
                home = tmp_path_factory.mktemp("wixture")
                url = servers.enter_context(_server(options, home))
                started[options] = _sdk_environment(url, home)
            return started[options]

        yield serve


@contextmanager
def _server(options: tuple[str, ...], home: Path) -> Iterator[str]:
    command = [str(WIXTURE), "serve", "--port", "0", *options]
    log = home / "serve.log"
    # A file, not a pipe: nobody reads on once the server is ready, and a full pipe would stop it.
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment(home))
    try:
        url = _address(process, log)
        yield url
        _refuse_documented_forms(url)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _refuse_documented_forms(url: str) -> None:
    """No answer that the journal remembers shows a form that only the vendor's pages have."""
    context = ssl._create_unverified_context()  # noqa: S323  # a server of our own, on loopback
    journal = f"{url}/_mock/exchanges?instance=*&status=200"
    with urllib.request.urlopen(journal, context=context) as answer:  # noqa: S310  # our own URL
        exchanges = json.load(answer)["exchanges"]
    assert exchanges, "the suite left nothing in the journal"
    for exchange in exchanges:
        if exchange["operationId"] is not None:
            shown = forms(exchange["operationId"], exchange["response"]["body"])
            assert all(form == {"corrected"} for form in shown.values()), (shown, exchange)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ready = re.search(r"^wixture ready on (https?://\S+)$", log.read_text(), re.MULTILINE)
        if ready:
            return ready[1]
        if process.poll() is not None:
            pytest.fail(f"`wixture serve` ended with {process.returncode}:\n{log.read_text()}", pytrace=False)
        time.sleep(0.02)
    pytest.fail(f"`wixture serve` was not ready within {START_SECONDS} s:\n{log.read_text()}", pytrace=False)


def _environment(home: Path) -> Variables:
    """This process's environment, without what would point server or SDK elsewhere, and with a home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if (not name.startswith("WIXTURE_") or name == "WIXTURE_RECHECK")
        and name not in {"NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"}
    }
    return kept | {"WIXTURE_HOME": str(home)}


def _sdk_environment(url: str, home: Path) -> Variables:
    """The environment in which Node reaches the server at a URL, as `wixture sdk-env` tells every user."""
    command = [str(WIXTURE), "sdk-env", "--url", url, "--format", "json"]
    environment = _environment(home)
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if answer.returncode != 0:
        pytest.fail(f"`wixture sdk-env` ended with {answer.returncode}:\n{answer.stderr}", pytrace=False)
    variables: Variables = json.loads(answer.stdout)
    return environment | variables


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_the_official_sdk_agrees(file: Path, serve: Serve) -> None:
    node = find_node()
    environment = dict(serve(*SERVE_OPTIONS.get(file.name, ())))
    if file.name in WITHOUT_PRELOAD:
        del environment["NODE_OPTIONS"]
    run = subprocess.run(
        [node, "--test", "--test-reporter=tap", file.name],
        cwd=SUITE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    verdict = _read_tap(run.stdout)
    assert not verdict.failures, _report(file, verdict)
    assert run.returncode == 0, run.stdout + run.stderr
    assert verdict.passed == verdict.total > 0, run.stdout + run.stderr


def _read_tap(tap: str) -> Verdict:
    failures = [
        block[0]
        for block in re.finditer(r"^( *)not ok .*\n(?:\1  .*\n|\s*\n)*", tap, re.MULTILINE)
        if "failureType: 'subtestsFailed'" not in block[0]
    ]
    counts = {name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", tap, re.MULTILINE)}
    return Verdict(counts.get("tests", 0), counts.get("pass", 0), failures)


def _report(file: Path, verdict: Verdict) -> str:
    head = f"{len(verdict.failures)} of {verdict.total} tests in {file.name} failed:"
    return "\n\n".join([head, *verdict.failures])


def test_the_lockfile_names_no_registry() -> None:
    lockfile = json.loads((SUITE / "package-lock.json").read_text())
    packages = {name: package for name, package in lockfile["packages"].items() if name}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_the_versions_of_the_sdk_are_exact() -> None:
    wanted = json.loads((SUITE / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values()), wanted
