"""What is installed is what is in git, under one name, and it serves from an empty environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("contracts", "fixtures", "mockserver", "spec")
FILES = ("__init__.py", "__main__.py", "cli.py", "py.typed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git tracks or would track."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def _expected() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    return {f"wixture/{name}" for name in (*listed, *FILES)}


def test_the_wheel_holds_wixture_and_its_dist_info_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == _expected()


def test_the_record_names_no_file_outside(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    tops = {line.split("/")[0] for line in archive.read(record).decode().splitlines()}
    assert tops == {"wixture", record.split("/")[0]}


def test_the_metadata_says_what_it_is_and_names_its_extras(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(name).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Python: >=3.11" in text
    for extra in ("factory", "strategies", "fuzz", "postgres", "metrics", "fast", "all"):
        assert f"Provides-Extra: {extra}\n" in text


@dataclass(frozen=True)
class Installed:
    """An environment that has Wixture from the wheel, and only its dependencies beside it."""

    python: Path
    site: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The dependencies come from this environment, by a path file; Wixture itself only from the wheel."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    ours = Path(sys.executable).parent.parent / site.relative_to(folder)
    (site / "dependencies.pth").write_text(f"{ours}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WIXTURE_", "PYT"))}
    kept["WIXTURE_RECHECK"] = os.environ["WIXTURE_RECHECK"]
    return Installed(folder / "bin" / "python", site, kept)


def test_the_wheel_serves_from_an_environment_that_has_only_its_dependencies(
    installed: Installed, tmp_path: Path
) -> None:
    python, kept = installed.python, installed.environment
    where = "import wixture, wixture.mockserver.app as app; print(app.__file__)"
    shown = subprocess.run(
        [python, "-c", where], capture_output=True, text=True, check=True, cwd=tmp_path, env=kept
    )
    assert shown.stdout.startswith(str(installed.site))
    command = [python, "-m", "wixture", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=kept) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/_mock/health", timeout=10) as answer:  # noqa: S310  # our own server
            assert json.loads(answer.read())["operations"] == 11
        process.terminate()


def test_the_readmes_test_passes_where_the_wheel_is_installed(installed: Installed, tmp_path: Path) -> None:
    block = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert len([line for line in block.splitlines() if line.startswith("    ")]) <= 10
    (tmp_path / "test_sign_up.py").write_text(block)
    command = [installed.python, "-m", "pytest", "-q", "-p", "no:randomly", "--trace-config"]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=installed.environment
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
    assert str(installed.site / "wixture" / "fixtures" / "plugin.py") in ran.stdout


def test_the_links_of_the_checkout_lead_to_the_folders_on_top() -> None:
    for name in FOLDERS:
        assert (ROOT / "src" / "wixture" / name).resolve() == ROOT / name
