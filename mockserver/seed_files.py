"""Seed documents by name: the worlds that come with Wixture, and files of one's own in YAML or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.contracts.pointers import line_of
from wixture.contracts.validation import own_contract
from wixture.contracts.violations import Violation, nearest
from wixture.contracts.yaml_text import BadDocument, read_yaml

_WORLDS = Path(__file__).parent / "worlds"
_SUFFIXES = (".yaml", ".yml", ".json")
_SCHEMA = "/components/schemas/Seed"
_MOST_TOLD = 10


class BadSeed(ValueError):
    """No seed: an unknown name, or a file that holds none. The text names the place and what to do."""


def world_names() -> tuple[str, ...]:
    """The names of the worlds that come with Wixture."""
    return tuple(sorted(path.stem for path in _WORLDS.glob("*.yaml")))


def load_seed(name: str | Path) -> dict[str, Any]:
    """The seed document of a world, or in a file. Raises BadSeed.

    A text without a folder or an ending is a world's name, and a file's only where there is no such world;
    `./newsletter` and `Path("newsletter")` are files.
    """
    if isinstance(name, Path) or _is_path(name):
        return read_seed(Path(name))
    if name in world_names():
        return read_seed(_WORLDS / f"{name}.yaml")
    if Path(name).is_file():
        return read_seed(Path(name))
    raise BadSeed(_unknown(name))


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.lower().endswith(_SUFFIXES)


def _unknown(name: str) -> str:
    close = nearest(name, world_names())
    hint = f" Closest: {close}." if close else ""
    return (
        f"There is no world {name[:60]!r}.{hint} Worlds: {', '.join(world_names())}. "
        "A file of your own is given as a path that ends in .yaml or .json."
    )


def read_seed(path: Path) -> dict[str, Any]:
    """The seed in a file. Raises BadSeed."""
    try:
        text = path.read_text(encoding="utf-8")
        seed = _parsed(text, is_json=path.suffix.lower() == ".json")
    except OSError as error:
        raise BadSeed(f"{path} cannot be read: {error.strerror}.") from error
    except BadJson as error:
        raise BadSeed(f"{path} cannot be read: {str(error).replace('The body', 'The file')}") from error
    except (UnicodeDecodeError, BadDocument) as error:
        raise BadSeed(f"{path} cannot be read: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSeed(f"{path} holds what JSON cannot: {error}.") from error
    validation = own_contract("control")
    if not validation.accepts(_SCHEMA, seed):
        found = validation.violations(_SCHEMA, seed)
        told = [f"\n  {_told(item, text)}" for item in found[:_MOST_TOLD]]
        more = f"\n  … and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
        raise BadSeed(f"{path} is no seed; its form is `Seed` in /_mock/control.yaml:{''.join(told)}{more}")
    return seed  # type: ignore[no-any-return]


def _parsed(text: str, *, is_json: bool) -> Any:
    if is_json:
        return parse_json(text.encode())
    # Through JSON, so that a file can hold nothing that POST /_mock/seed could not.
    return parse_json(json.dumps(read_yaml(text, unique_keys=True), allow_nan=False).encode())


def _told(item: Violation, text: str) -> str:
    pointer = item.pointer
    while pointer and line_of(text, pointer) is None:
        pointer = pointer.rpartition("/")[0]  # what is missing has no line; what it is missing from has
    return f"line {line_of(text, pointer) or 1}, {item.pointer or 'the whole'} {item.description}"
