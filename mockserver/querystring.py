"""Read a query string strictly: each parameter once, in UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from wixture.contracts.violations import SHOWN, Violation
from wixture.mockserver.refusals import Refusal, invalid

_MOST = 64
_NONE: Mapping[str, str] = {}


def parse_query(text: str) -> Mapping[str, str]:
    """The parameters of a query string. Raises Refusal for bad UTF-8, U+0000, or one that stands twice."""
    if not text:
        return _NONE
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST)
    except ValueError as error:
        problem = f"The query string is not readable: at most {_MOST} parameters in percent-encoded UTF-8."
        raise Refusal("MOCK_BAD_REQUEST", problem) from error
    if "%00" in text:
        raise Refusal("MOCK_BAD_REQUEST", "The query string holds the character U+0000, which cannot be stored.")
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise invalid([_repeated(name) for name in parameters if sum(name == key for key, _ in pairs) > 1])
    return parameters


def _repeated(name: str) -> Violation:
    return Violation(
        field=name[:SHOWN],
        pointer="/" + name[:SHOWN],
        where="query",
        spec_pointer="",
        violated_rule="CUSTOM",
        rule="repeated-query-parameter",
        problem="stands more than once",
        data={"ruleName": "REPEATED_PARAMETER"},
    )
