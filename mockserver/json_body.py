"""Read a request's body as JSON, as strictly as the contract is meant."""

from __future__ import annotations

from typing import Any

from wixture.contracts.bodies import BadJson, parse_json
from wixture.mockserver.messages import JSON_TYPE, Request
from wixture.mockserver.refusals import Refusal

_CHARSETS = ("utf-8", "utf8", "us-ascii")


def read_json(request: Request) -> Any:
    """The parsed body. Raises Refusal 415 for one not declared as JSON, 400 for one that is none."""
    declared = request.headers.get("content-type", "").lower()
    if declared != JSON_TYPE:
        _refuse_other_types(declared)
    try:
        return parse_json(request.body)
    except BadJson as error:
        raise Refusal("MOCK_BAD_JSON", str(error), rule="json-body") from error


def _refuse_other_types(declared: str) -> None:
    kind, *parameters = declared.split(";")
    named = dict(parameter.strip().partition("=")[::2] for parameter in parameters)
    charset = named.get("charset", "utf-8").strip('" ')
    if kind.strip() != JSON_TYPE or charset not in _CHARSETS:
        sent = declared[:60] or "nothing"
        text = f"The body is sent as {sent}; send it in UTF-8 with Content-Type: application/json."
        raise Refusal("MOCK_UNSUPPORTED_MEDIA_TYPE", text, rule="json-content-type")
