"""The repository keeps its own habits."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from wixture.mockserver.refusals import STATUS

ROOT = Path(__file__).parents[2]


def _tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


@pytest.mark.parametrize("file", _tracked("*.lock"), ids=lambda file: file.name)
def test_the_lock_of_python_packages_carries_hashes_and_no_addresses(file: Path) -> None:
    lock = file.read_text()
    packages = [line for line in lock.splitlines() if not line.startswith(" ")]
    assert len(packages) > 30
    assert all(re.match(r"[A-Za-z0-9._-]+==[^ ]+ .*\\$", line) for line in packages)
    assert len(re.findall(r"[^ ]+==.*\\\n    --hash=sha256:[0-9a-f]{64}", lock)) == len(packages)
    assert not re.search(r"https?://", lock)


@pytest.mark.parametrize("folder", ["tests/sdk", "benchmarks"])
def test_the_lock_of_node_packages_carries_hashes_and_no_addresses(folder: str) -> None:
    lock = (ROOT / folder / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in lock
    assert "resolved" not in lock
    assert not re.search(r"https?://", re.sub(r'"url": "[^"]*"', "", lock))


def test_no_file_names_a_package_registrys_host() -> None:
    hosts = re.compile(r"(registry\.npm" + r"js|files\.python" + r"hosted|pypi\." + r"org)", re.IGNORECASE)
    found = [path for path in _tracked() if hosts.search(path.read_text(errors="ignore"))]
    assert found == []


def test_no_file_quotes_more_than_eight_words_of_the_vendors_pages() -> None:
    pages = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))
    if not pages:
        pytest.skip("the vendor's pages are not here (../shared/seeds): nothing was compared")
    known = {run for page in pages for run in _runs(_prose(page.read_text()))}
    for path in _tracked("*.py", "*.md", "*.yaml", "*.mjs"):
        shared = known & set(_runs(path.read_text()))
        assert not shared, f"{path.relative_to(ROOT)} repeats {min(shared)!r}"


def _prose(text: str) -> str:
    """The sentences of a page, without its samples: field names and values are facts."""
    return "\n".join(line for line in text.splitlines() if re.match(r"[A-Z]\w+ ", line))


def _runs(text: str) -> list[str]:
    words = re.findall(r"[a-z']+", text.lower())
    return [" ".join(words[start : start + 9]) for start in range(len(words) - 8)]


@pytest.mark.parametrize("name", ["README.md:130", "ARCHITECTURE.md:60"])
def test_the_first_pages_stay_short(name: str) -> None:
    file, _, lines = name.partition(":")
    assert len((ROOT / file).read_text().splitlines()) <= int(lines)


def test_importing_wixture_imports_nothing_heavy() -> None:
    heavy = ("aiohttp", "openapi_core", "click", "yaml", "jsonschema_rs", "sqlite3", "cryptography")
    program = f"import sys, wixture; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("wixture.cli", ["aiohttp", "openapi_core", "yaml", "jsonschema_rs"]),
        ("wixture.contracts.cli", ["aiohttp", "openapi_core", "jsonschema_rs"]),
        ("wixture.mockserver.mock", ["aiohttp", "openapi_core", "joserfc", "jwt", "click", "jinja2"]),
        ("wixture.mockserver.webhooks.destinations", ["aiohttp"]),
        ("wixture.mockserver.webhooks.outcomes", ["aiohttp", "yarl"]),
        ("wixture.mockserver.server", ["openapi_core", "joserfc", "jwt", "click", "jinja2", "aiohttp.web"]),
    ],
)
def test_start_up_imports_only_what_serving_needs(command: str, heavy: list[str]) -> None:
    program = f"import sys, {command}; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


SOURCES = ("contracts/*.py", "mockserver/*.py", "fixtures/*.py", "src/*.py")


def test_source_files_stay_under_300_lines() -> None:
    long = {path.name: lines for path in _tracked(*SOURCES) if (lines := len(path.read_text().splitlines())) > 300}
    assert long == {}


def test_functions_stay_within_thirty_lines() -> None:
    long = {
        f"{path.name}: {node.name}": lines
        for path in _tracked(*SOURCES)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > 30
    }
    assert long == {}


def test_every_error_code_stands_in_the_one_table() -> None:
    used = {
        code
        for path in _tracked("mockserver/*.py")
        for code in re.findall(r'"(MOCK_[A-Z_]+)"(?!: [0-9])', path.read_text())
    }
    assert used == {code for code in STATUS if code.startswith("MOCK_")}
