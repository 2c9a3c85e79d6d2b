"""Seed documents from YAML or JSON files, held against the control API's contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.validation import own_contract
from wixture.contracts.yaml_text import BadDocument, read_yaml

_SCHEMA = "/components/schemas/Seed"
_MOST_TOLD = 10


class BadSeed(ValueError):
    """A file that is no seed. The text names the file, the place and what to do."""


def read_seed(path: Path) -> dict[str, Any]:
    """The seed in a file. Raises BadSeed."""
    try:
        # Through JSON, so that a file can hold nothing that POST /_mock/seed could not.
        value = read_yaml(path.read_text(encoding="utf-8"), unique_keys=True)
        seed = parse_json(json.dumps(value, allow_nan=False).encode())
    except OSError as error:
        raise BadSeed(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, BadDocument, BadJson) as error:
        raise BadSeed(f"{path} cannot be read: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSeed(f"{path} holds what JSON cannot: {error}.") from error
    validation = own_contract("control")
    if not validation.accepts(_SCHEMA, seed):
        found = validation.violations(_SCHEMA, seed)[:_MOST_TOLD]
        raise BadSeed(f"{path} is no seed: " + "; ".join(f"{item.field} {item.description}" for item in found))
    return seed  # type: ignore[no-any-return]
