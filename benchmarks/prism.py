"""Prism, from npm: installed on first use into benchmarks/node_modules, and the documents it serves."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.plans import BULK, CONSENTS
from benchmarks.servers import Program

FOLDER = Path(__file__).parent
COMMAND = FOLDER / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
_PLACES = {"query of 100": f"{CONSENTS}/query", "bulk of 100": BULK}


def missing() -> str | None:
    """Why Prism cannot be run, or None when it can; installs it if need be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not here: install Node 20 or newer"
    if not COMMAND.is_file():
        install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        ran = subprocess.run(install, cwd=FOLDER, capture_output=True, text=True, check=False)
        if ran.returncode:
            return f"npm ci failed in {FOLDER}: {ran.stderr.strip()[-300:]}"
    return None


def version() -> str:
    """The version that is installed, and Node's."""
    package = json.loads((COMMAND.parents[1] / "package.json").read_text())
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{package['version']} on Node {node}"


def program(document: Path) -> Program:
    """Prism on a document: log silenced, one process, static examples, violations not made errors."""
    command = ("node", COMMAND, "mock", document, "--host", "127.0.0.1", "--verboseLevel", "silent")
    return Program(
        (*command, "--multiprocess", "false", "--errors", "false"), "--port", {"NODE_ENV": "production"}
    )


def with_answers(contract: Path, answers: Mapping[str, str], derived: Path) -> None:
    """Write the contract with the examples of query and bulk replaced by given answers, and no other change."""
    document: Any = yaml.load(contract.read_text(), Loader=yaml.CSafeLoader)
    for kind, path in _PLACES.items():
        content = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
        content.pop("examples", None)
        content["example"] = json.loads(answers[kind])
    derived.write_text(json.dumps(document))
