"""Read YAML as JSON would mean it: no dates, no surprising words, and errors that name the place."""

from __future__ import annotations

import re
from typing import Any

import yaml


class BadDocument(ValueError):
    """A document that is no contract. The text says what is wrong, where, and what to do."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without the surprises of version 1.1: dates and `NO` stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
for _word in ("true", "false"):
    _Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), [_word[0]])


class _UniqueKeysLoader(_Loader):
    """The same, and a key that stands twice in one mapping is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def write_yaml(value: Any) -> str:
    """The YAML text of a value, its keys in their order; `read_yaml` gives the value again."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Dumper(yaml.SafeDumper):
    """YAML in which nothing is said by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML asks for each value
        return True


def read_yaml(text: str, *, unique_keys: bool = False) -> Any:
    """The value of a YAML text, with dates as text. Raises BadDocument with line and column."""
    try:
        loader = _UniqueKeysLoader if unique_keys else _Loader
        return yaml.load(text, Loader=loader)  # noqa: S506  # safe loaders with fewer resolvers
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadDocument(f"This is no YAML: {reason}. Mend the text at the place named.") from error
