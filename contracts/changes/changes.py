"""What changed between two contracts: `wixture spec diff`. Pure: two documents in, changes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wixture.contracts.changes.comparison import Change, Comparison
from wixture.contracts.changes.kinds import SEVERITIES
from wixture.contracts.changes.operations import compare_operations
from wixture.contracts.changes.rest import tell_the_rest
from wixture.contracts.changes.security import compare_schemes
from wixture.contracts.lint.outline import EndlessDocumentError, mapping, outlined
from wixture.contracts.pointers import join
from wixture.contracts.yaml_text import BadDocument


def changes(old: Any, new: Any) -> list[Change]:
    """Every change from one OpenAPI document to another, the gravest first. Nothing that differs is left out.

    Raises BadDocument when one of them is no OpenAPI document.
    """
    run = Comparison(_document(old, "old"), _document(new, "new"))
    try:
        compare_operations(run)
        _compare_servers(run)
        compare_schemes(run)
        tell_the_rest(run)
    except RecursionError as error:
        raise BadDocument("The schemas nest too deeply to be compared. Simplify them.") from error
    return sorted(run.told.values(), key=lambda change: SEVERITIES.index(change.severity))


def _document(document: Any, which: str) -> dict[str, Any]:
    if not isinstance(document, dict) or "openapi" not in document:
        raise BadDocument(
            f"The {which} contract is no OpenAPI document: it has no `openapi` with a version. "
            "Give an OpenAPI 3.1 document, as YAML or JSON."
        )
    try:
        return outlined(document).root
    except EndlessDocumentError as error:
        raise BadDocument(f"The {which} contract cannot be compared: {error}") from error


def _compare_servers(run: Comparison) -> None:
    old, new = dict(_servers(run.old)), dict(_servers(run.new))
    for url, place in old.items():
        if url not in new:
            words = f"The server {url} is gone. Callers that use it fail: keep it, or tell them first."
            run.tell("server-removed", words, where="servers", old=place)
    for url, place in new.items():
        if url not in old:
            run.tell("server-added", f"The server {url} is new. Nobody has to use it.", where="servers", new=place)


def _servers(document: Any) -> Iterator[tuple[str, str]]:
    listed = document.get("servers")
    for index, server in enumerate(listed if isinstance(listed, list) else ()):
        yield str(mapping(server).get("url")), join("servers", index)
