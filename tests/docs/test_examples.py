"""Every shell, JavaScript and Python example of README and docs runs as it stands, against a mock of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*/*.md"))]
SDK = ROOT / "tests" / "sdk"


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


WITH_SHELL = [page for page in PAGES if _blocks(page, "sh")]
WITH_JAVASCRIPT = [page for page in PAGES if _blocks(page, "js")]
WITH_PYTHON = [page for page in PAGES if _blocks(page, "python")]


@pytest.fixture
def url() -> Iterator[str]:
    mock = Mock()
    with BackgroundServer(mock, lifespan=mock.lifespan) as server:
        mock.app.public_url = server.url
        yield server.url


# What finds a mock on the usual port by itself finds that of the test; to all else a page has to say where it is.
# A script that ends early leaves nobody waiting for what it started.
PRELUDE = """
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
wixture() {
  case "$1 ${2-}" in
    "token "*) command wixture "$@" --url URL ;;
    "sdk-env "*) command wixture "$@" --url URL ;;
    "webhook listen" | "webhook verify") command wixture "$@" --url URL ;;
    *) command wixture "$@" ;;
  esac
}
"""


def _environment() -> dict[str, str]:
    own = ("WIXTURE_", "NODE_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    kept["WIXTURE_RECHECK"] = os.environ["WIXTURE_RECHECK"]
    # On a machine that others use, a draw may wait for its turn; what no example needs takes long to load.
    kept["PYTEST_ADDOPTS"] = "--hypothesis-profile=ci -p no:schemathesis"
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _write_files(page: Path, folder: Path) -> None:
    """The Python files of a page: each block begins with the name of its own."""
    for block in _blocks(page, "python"):
        name, _, source = block.partition("\n")
        assert re.fullmatch(r"# \w+\.py", name), f"a block of {page.name} does not begin with the name of its file"
        assert not (folder / name[2:]).exists(), name
        (folder / name[2:]).write_text(source)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _need_node() -> None:
    if shutil.which("node") and (SDK / "node_modules" / "@wix" / "sdk").is_dir():
        return
    reason = "node or the official SDK is missing: install Node 20 or newer and run `make sdk`"
    if "node" in os.environ.get("WIXTURE_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("page", WITH_SHELL, ids=lambda page: page.stem)
def test_the_shell_examples_of_a_page_run(page: Path, url: str, tmp_path: Path) -> None:
    """Each page is one session in the shell; a command that fails, or an answer that is an error, ends it."""
    script = "\n".join(_blocks(page, "sh")).replace("http://127.0.0.1:8787", url)
    script = script.replace("9000", str(_free_port()))
    if "node " in script:
        _need_node()
    _write_files(page, tmp_path)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", PRELUDE.replace("URL", url) + script],
        capture_output=True,
        text=True,
        env={**_environment(), "WIXTURE_HOME": str(tmp_path)},
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    answers = [line for line in ran.stdout.replace("}{", "}\n{").splitlines() if line]
    assert answers
    refused = [line for line in answers if '"details":{"' in line and "Error" in line]
    expected = {"arrange-a-test": 2, "break-things": 2}.get(page.stem, 0)  # those that show refusals
    assert len(refused) == expected, refused


@pytest.mark.parametrize("page", WITH_JAVASCRIPT, ids=lambda page: page.stem)
def test_the_javascript_examples_of_a_page_run(page: Path, url: str, tmp_path: Path) -> None:
    _need_node()
    (tmp_path / "node_modules").symlink_to(SDK / "node_modules")

    def printed(*command: str) -> str:
        ran = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=True)
        return ran.stdout.strip()

    preload = json.loads(printed("wixture", "sdk-env", "--url", url, "--format", "json"))
    token = printed("wixture", "token", "APP", "--url", url)
    environment = {**_environment(), **preload, "WIXTURE_APP_TOKEN": token}
    for number, block in enumerate(_blocks(page, "js")):
        app = tmp_path / f"app{number}.mjs"
        app.write_text(block)
        ran = subprocess.run(
            ["node", app], capture_output=True, text=True, env=environment, check=False, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.strip()


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_the_python_examples_of_a_page_are_tests_that_pass(page: Path, tmp_path: Path) -> None:
    _write_files(page, tmp_path)
    options = ["-v", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        capture_output=True,
        text=True,
        env={**_environment(), "WIXTURE_HOME": str(tmp_path)},
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for test in tmp_path.glob("test_*.py"):
        assert f"{test.name}::" in ran.stdout


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", ["rules.md", "operations.md", "control-api.md", "options.md", "ledger.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    program = f"import sys; sys.path.insert(0, 'docs'); import generate; print(generate.page({name!r}), end='')"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert shown.stdout == (ROOT / "docs" / "reference" / name).read_text(), "write it anew: make docs"
