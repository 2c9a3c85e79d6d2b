"""Find the operation of a request line, as Wix's route table does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import unquote

from wixture.contracts.document import Match, Operation


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Nothing answers a request line: the methods its path does have, and the closest operation."""

    allowed: tuple[str, ...]
    closest: Operation | None


class Routes:
    """Operations by method and path, aliases included.

    A static path wins over a templated one for the methods it has, so `GET …/get-by` is an operation of
    its own while `GET …/query` reads the entity called `query` (measured: the SDK relies on it).
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._static: dict[tuple[str, str], Match] = {}
        self._templated: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        self._by_last_part: dict[tuple[str, str], tuple[str, Operation]] = {}
        self._paths: dict[str, list[Operation]] = {}
        for operation in operations:
            for path in (operation.path, *operation.aliases):
                self._add(operation, path)

    def _add(self, operation: Operation, path: str) -> None:
        self._paths.setdefault(path, []).append(operation)
        if "{" not in path:
            self._static[operation.method, path] = Match(operation, {})
            return
        parts = path.split("/")
        self._templated.setdefault((operation.method, len(parts)), []).append((parts, operation))
        head, _, last = path.rpartition("/")
        if "{" not in head:
            self._by_last_part.setdefault((operation.method, head), (last[1:-1], operation))

    def find(self, method: str, path: str) -> Match | None:
        """The operation for a raw path, without its query string; None when there is none."""
        return self._static.get((method, path)) or self._find_templated(method, path)

    def _find_templated(self, method: str, path: str) -> Match | None:
        head, _, last = path.rpartition("/")
        usual = self._by_last_part.get((method, head))
        if usual is not None and last and "%" not in last:
            return Match(usual[1], {usual[0]: last})
        parts = path.split("/")
        for template, operation in self._templated.get((method, len(parts)), ()):
            values = _values(template, parts)
            if values is not None:
                return Match(operation, values)
        return None

    def at(self, path: str) -> list[Operation]:
        """The operations whose own path this is, without parameters."""
        return [found for found in self._paths.get(path, ()) if "{" not in path]

    def _likeliest(self, method: str, path: str, allowed: tuple[str, ...]) -> Operation | None:
        """The operation of this path that was probably meant: one of the path's own, and no deletion."""
        own = [operation.method for operation in self._paths.get(path, ())]
        meant = None if own else self.meant(method, path)
        if meant is not None:
            return meant
        preferred = (*own, *_LIKELY.get(method, ()), "GET", *allowed)
        best = next(other for other in preferred if other in allowed)
        match = self.find(best, path)
        return match.operation if match else None

    def meant(self, method: str, path: str) -> Operation | None:
        """The operation that a path's last part nearly names, where an ID would fit as well: `…/upserts`.

        Its method may be another, as of `GET …/query`. None for a path that is an operation's own.
        """
        if (method, path) in self._static:
            return None
        head, _, last = path.rpartition("/")
        beside: dict[str, dict[str, Operation]] = {}
        for (its_method, known), match in self._static.items():
            if known.rpartition("/")[0] == head:
                beside.setdefault(_plain(known.rpartition("/")[2]), {})[its_method] = match.operation
        near = get_close_matches(_plain(last[:512]), beside, n=1, cutoff=0.75)
        if not near:
            return None
        found = beside[near[0]]
        return found.get(method) or next(iter(found.values()))

    def explain(self, method: str, path: str) -> NoMatch:
        """Why `find` found nothing: the methods this path does have, or the closest operation."""
        methods = {key for key, _ in self._static} | {key for key, _ in self._templated}
        allowed = tuple(sorted(other for other in methods if self.find(other, path)))
        if allowed:
            return NoMatch(allowed, self._likeliest(method, path, allowed))
        near = get_close_matches(path[:512], self._paths, n=1, cutoff=0.6)
        if not near:
            return NoMatch((), None)
        candidates = self._paths[near[0]]
        return NoMatch((), next((found for found in candidates if found.method == method), candidates[0]))


# Which methods are probably meant by one that a path does not have, likeliest first.
_LIKELY = {"PUT": ("PATCH", "POST"), "POST": ("PUT", "PATCH"), "PATCH": ("PUT", "POST"), "DELETE": ()}


def _plain(part: str) -> str:
    return part.replace("-", "").replace("_", "").lower()


def _values(template: list[str], parts: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for pattern, part in zip(template, parts, strict=True):
        if pattern[:1] == "{":
            if not part:
                return None
            values[pattern[1:-1]] = unquote(part) if "%" in part else part
        elif pattern != part:
            return None
    return values
