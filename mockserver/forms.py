"""The forms of one exchange: strict or lenient input, the corrected or the documented dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wixture.contracts.dialect import DIALECTS
from wixture.contracts.document import Match, Operation
from wixture.contracts.leniency import INPUTS, Rewritten, leniency
from wixture.contracts.routes import Routes
from wixture.contracts.validation import ABSENT
from wixture.mockserver.json_body import read_json
from wixture.mockserver.messages import JSON_TYPE, ById, Entity, Found, Request, identifier_of
from wixture.mockserver.querystring import parse_query
from wixture.mockserver.refusals import Refusal
from wixture.mockserver.settings import Settings

DIALECT_HEADER = "x-wixture-dialect"
INPUT_HEADER = "x-wixture-input"


@dataclass(frozen=True, slots=True)
class Forms:
    """What a request is read as, and what its answer is written as."""

    lenient: bool = False
    documented: bool = False


STRICT = Forms()


def forms_of_server(settings: Settings) -> Forms:
    """The forms that a server was started with."""
    return Forms(lenient=settings.input == "lenient", documented=settings.dialect == "documented")


def forms_of(request: Request, of_server: Forms) -> Forms:
    """The server's forms, unless the request chooses for itself. Raises Refusal for an unknown choice."""
    if INPUT_HEADER not in request.headers and DIALECT_HEADER not in request.headers:
        return of_server
    return Forms(
        lenient=_chosen(request, INPUT_HEADER, INPUTS, "lenient", default=of_server.lenient),
        documented=_chosen(request, DIALECT_HEADER, DIALECTS, "documented", default=of_server.documented),
    )


def _chosen(request: Request, header: str, choices: Iterable[str], wanted: str, *, default: bool) -> bool:
    """Whether a header chooses what is wanted."""
    if header not in request.headers:
        return default
    chosen = request.headers[header].strip().lower()
    if chosen not in choices:
        text = f"The header {header} is {chosen[:40]!r}; use {' or '.join(choices)}, or leave it out."
        raise Refusal("MOCK_BAD_REQUEST", text)
    return chosen == wanted


# ---- lenient input -------------------------------------------------------------------------------


def find_operation(request: Request, routes: Routes, forms: Forms) -> tuple[Match | None, tuple[str, ...]]:
    """The operation of a request line, and the rows of the ledger by which it is the one meant."""
    if forms.lenient:
        meant = leniency().match(request.method, request.path, routes, has_body=bool(request.body))
        if meant is not None:
            return meant[0], (meant[1],)
    return routes.find(request.method, request.path), ()


def read_request(request: Request, operation: Operation, forms: Forms) -> Rewritten:
    """The parameters and the body of a request. Raises Refusal for a body that is no JSON, or not declared so."""
    query = parse_query(request.query_string)
    if forms.lenient:
        return _meant(request, operation, query)
    return Rewritten(query, ABSENT if operation.body is None or not request.body else read_json(request))


def _meant(request: Request, operation: Operation, query: Mapping[str, str]) -> Rewritten:
    rules, body, row = leniency(), ABSENT, None
    if request.body and rules.reads_body(operation, query):
        row = rules.row_of_content_type(operation, request.headers.get("content-type", ""))
        typed = replace(request, headers={**request.headers, "content-type": JSON_TYPE}) if row else request
        body = read_json(typed)
    found = rules.rewrite(operation, query, body)
    if row is not None:
        found.note(row)
    return found


def keep_stored(kept: Sequence[tuple[dict[str, Any], tuple[str, ...]]], found: Found) -> None:
    """Give the objects in which something was missing what is stored there."""
    for place, names in kept:
        stored = _stored_for(place, found)
        if stored is not None:
            place.update({name: stored[name] for name in names if name in stored})


def _stored_for(place: Mapping[str, Any], found: Found) -> Entity | None:
    if isinstance(found.lookup, ById):
        return found.entities[0] if found.entities else None
    wanted = identifier_of(place["details"])
    return next((entity for entity in found.entities if identifier_of(entity["details"]) == wanted), None)
