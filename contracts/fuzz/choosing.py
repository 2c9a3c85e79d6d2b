"""What is fuzzed: which operations with which callers, or the contract of somebody else's target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wixture.contracts.document import Operation, read_document
from wixture.contracts.fuzz.outgoing import callers
from wixture.contracts.targets.address import Address
from wixture.contracts.targets.identities import Identities, Identity
from wixture.contracts.targets.target import Target


class CannotFuzz(ValueError):
    """A run cannot begin. The text says why, and what to do."""


def refuse_the_vendors(address: Address, *, my_own_site: bool) -> None:
    """Raises CannotFuzz for a host of the vendor's, unless the site is said to be one's own."""
    if address.is_vendors and not my_own_site:
        raise CannotFuzz(
            f"{address.host} is the vendor's: thousands of broken requests are a nuisance there. Fuzz a mock, "
            "or say --my-own-site when the site is yours and you may."
        )


def chosen_callers(target: Target, named: Sequence[str], notes: list[str]) -> dict[str, tuple[Identity, ...]]:
    """The operations that can be called, each with who may; none named means all.

    What is left out is noted, with what would help. Raises CannotFuzz for a wrong name, and when nothing is left.
    """
    found: dict[str, tuple[Identity, ...]] = {}
    for name, operation in _chosen(target.contract.operations, named).items():
        who, lacking = _able(target.identities, operation)
        refusal = target.permits.refusal(operation) or lacking
        if refusal:
            notes.append(f"Left out: {name}: {refusal}.")
        else:
            found[name] = who
    if not found:
        raise CannotFuzz("No operation is left to fuzz. " + " ".join(notes))
    return found


def _able(identities: Identities, operation: Operation) -> tuple[tuple[Identity, ...], str | None]:
    """Who has what it takes to call an operation; what is missing when nobody has."""
    allowed = callers(operation.security)
    able = tuple(identity for identity in allowed if identities.lacking(identity) is None)
    missing = None if able or not allowed else " or ".join(str(identities.lacking(one)) for one in allowed)
    return able, missing


def _chosen(operations: Mapping[str, Operation], named: Sequence[str]) -> dict[str, Operation]:
    for name in named:
        if name not in operations:
            near = get_close_matches(name, operations, n=1, cutoff=0.3) or sorted(operations)[:1]
            text = (
                f"--operation {name[:100]!r} is none of ours; closest: {near[0]}. List them with: wixture routes"
            )
            raise CannotFuzz(text)
    return {name: operations[name] for name in named or operations}


def foreign_document(path: Path) -> dict[str, Any]:
    """Somebody's OpenAPI document. Raises CannotFuzz for one that is none, or that names what is elsewhere."""
    try:
        document = read_document(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CannotFuzz(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise CannotFuzz(f"{path} is no OpenAPI document: it has no `paths` object.")
    stack: list[Any] = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str) and not ref.startswith("#"):
                raise CannotFuzz(f"{path}: $ref {ref[:200]!r} leads out of the document; nothing is fetched.")
        stack.extend(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
    return document
