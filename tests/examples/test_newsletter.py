"""The sample app: its suite passes, also against a mock that runs elsewhere, and finds each mistake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.bugs import BUGS, Bug

SAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "newsletter"
WIXTURE = Path(sys.executable).with_name("wixture")
QUICKLY = [
    *("-k", "not requests and not httpx"),  # a mistake of the app is the same with each client
    *("--disable-plugin-autoload", "-p", "wixture.fixtures.plugin", "-p", "pytest_asyncio.plugin"),
]


def run(app: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The sample's suite, in a process of its own as a reader runs it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WIXTURE_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", *arguments],
        cwd=app,
        env={**kept, "WIXTURE_RECHECK": os.environ["WIXTURE_RECHECK"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def copy_with(bug: Bug, folder: Path) -> Path:
    """A copy of the sample with one mistake in it."""
    app = folder / "newsletter"
    shutil.copytree(SAMPLE, app, ignore=shutil.ignore_patterns("__pycache__"))
    module = app / "newsletter" / f"{bug.module}.py"
    source = module.read_text()
    assert source.count(bug.old) == 1, (
        f"{bug.name}: the text to replace must stand exactly once in {bug.module}.py"
    )
    module.write_text(source.replace(bug.old, bug.new))
    return app


def report_of(test: str, output: str) -> str:
    """What is printed about the first failure of a test."""
    found = re.search(
        rf"^_+ {test}(?:\[[^\n]*\])? _+$(.*?)^(?:_+ test_|=+ )", output, flags=re.MULTILINE | re.DOTALL
    )
    assert found, f"nothing is said of {test}"
    return found[1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL of a mock in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WIXTURE_")}
    process = subprocess.Popen(
        [WIXTURE, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**kept, "WIXTURE_HOME": str(tmp_path), "WIXTURE_RECHECK": os.environ["WIXTURE_RECHECK"]},
        cwd=tmp_path,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("wixture ready on "), line
        yield line.removeprefix("wixture ready on ").strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_the_suite_of_the_sample_passes() -> None:
    ran = run(SAMPLE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {int(count) for count in re.findall(r"(\d+) passed", ran.stdout)} == {53}


def test_the_suite_of_the_sample_passes_against_a_running_mock(served: str) -> None:
    ran = run(SAMPLE, "--wix-server", served)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "53 passed" in ran.stdout


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_mistake_fails_the_tests_that_are_about_it(bug: Bug, tmp_path: Path) -> None:
    ran = run(copy_with(bug, tmp_path), *QUICKLY)
    failed = re.findall(r"^FAILED \S+::(\w+)", ran.stdout, flags=re.MULTILINE)
    assert set(failed) == bug.tests, ran.stdout
    told = " ".join(report_of(bug.main, ran.stdout).split())
    for words in bug.says:
        assert words in told, told


def test_each_test_of_the_sample_is_short() -> None:
    for page in SAMPLE.glob("tests/test_*.py"):
        for test in re.split(r"^(?=async def |def |@)", page.read_text(), flags=re.MULTILINE)[1:]:
            assert len(test.strip().splitlines()) <= 10, test


if __name__ == "__main__":  # prints what a newcomer reads of each mistake
    from tempfile import TemporaryDirectory

    for shown in BUGS:
        with TemporaryDirectory() as folder:
            printed = run(copy_with(shown, Path(folder)), *QUICKLY).stdout
        print(f"######## {shown.name}: {shown.main}\n{report_of(shown.main, printed)}")  # noqa: T201  # its purpose
