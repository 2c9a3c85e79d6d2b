"""What every answer promises: its status, its form, and that it keeps the contract, or refuses as one should."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wixture.contracts.findings import Evidence
from wixture.contracts.judging.carried import is_token_endpoint
from wixture.contracts.judging.forms import SUCCESS, rows_at
from wixture.contracts.judging.judged import Judged, Said, exchange_check, in_words, mapping
from wixture.contracts.validation import ABSENT
from wixture.contracts.violations import shown

_SUCCESSES, _REDIRECTS, _REFUSALS = range(200, 300), range(300, 400), range(400, 600)
_SERVER_ERRORS = range(500, 600)
_ENVELOPE = "/components/schemas/ErrorEnvelope"
_OAUTH_ERROR = "/components/schemas/OAuthError"
_DOCUMENTED: Evidence = "documented"
_MEASURED: Evidence = "measured"
_TRACES = re.compile(
    r"Traceback \(most recent call last\)|Exception in thread \"|\bat [\w$.]+\([\w$]+\.(?:java|scala|kt):\d+\)"
    r"|\n[ \t]{1,40}at .{1,200}\((?:/|file:|node:)[^)]{1,200}:\d+:\d+\)|goroutine \d+ \[running\]"
)


# ---- status --------------------------------------------------------------------------------------


@exchange_check("answered", "Every request is answered", severity="error", when=lambda _: True)
def answered(judged: Judged) -> Iterator[Said]:
    """The connection gave an answer."""
    if judged.status is None:
        yield Said("No answer came; a status and a body were expected. See the target's log, or try again.")


@exchange_check("status-declared", "Every status is one that the contract declares", evidence=_MEASURED)
def status_declared(judged: Judged) -> Iterator[Said]:
    """The operation names the status."""
    declared = judged.operation.responses
    if judged.status not in declared:
        known = ", ".join(map(str, declared))
        yield Said(
            f"The status is {judged.status}; the contract declares {known}.", None, judged.operation.pointer
        )


@exchange_check("success-is-200", "Every success is status 200", rule="success-is-200-json")
def success_is_200(judged: Judged) -> Iterator[Said]:
    """No other success, and no redirect."""
    status = judged.status or 0
    if status in _SUCCESSES and status != SUCCESS:
        yield Said(f"The status is {status}; the only success is 200, and the official SDK throws on others.")
    elif status in _REDIRECTS:
        yield Said(f"The status is {status}, a redirect; clients of this API follow none.")


@exchange_check("no-server-error", "No request ends in a server error")
def no_server_error(judged: Judged) -> Iterator[Said]:
    """Not 5xx."""
    if judged.status in _SERVER_ERRORS:
        yield Said(f"The status is {judged.status}: the target failed. Its log says why.")


# ---- the body ------------------------------------------------------------------------------------


def _has_success(judged: Judged) -> bool:
    return judged.status == SUCCESS and "body" not in judged.lacks


def _knows_body(judged: Judged) -> bool:
    return judged.status is not None and "body" not in judged.lacks


@exchange_check("body-is-json", "Every answer is JSON", when=_knows_body, evidence=_MEASURED)
def body_is_json(judged: Judged) -> Iterator[Said]:
    """A body that strict readers of JSON take."""
    body = judged.exchange.response_body
    if body is None:
        if judged.status in judged.operation.responses:
            yield Said("The answer has no body; JSON was expected.", "")
    elif judged.received is ABSENT:
        found = shown(body) if isinstance(body, str) else "something else"
        yield Said(f"The body is no JSON that strict readers take, but {found}.", "")


@exchange_check(
    "success-is-an-object", "Every success is a JSON object", rule="success-is-200-json", when=_has_success
)
def success_is_an_object(judged: Judged) -> Iterator[Said]:
    """No list, no text, no null, nothing empty: delete included."""
    if not isinstance(judged.received, dict):
        body = judged.exchange.response_body if judged.received is ABSENT else judged.received
        yield Said(f"The answer with status 200 is {shown(body)}; a JSON object was expected.", "")


@exchange_check("body-valid", "Every success keeps the contract's schema", when=_has_success, evidence=_MEASURED)
def body_valid(judged: Judged) -> Iterator[Said]:
    """No violation. What is exactly a documented form of the ledger names its row."""
    if not judged.violations:
        return
    rows = rows_at(judged.operation.operation_id, judged.received)
    for found in judged.violations:
        message = in_words(found)
        rule = "contract-keyword" if found.rule == "unknown-field" else found.rule  # that one is about requests
        yield Said(message, found.pointer, found.spec_pointer, rule, rows.get(found.pointer))


# ---- errors --------------------------------------------------------------------------------------


def _is_refusal(judged: Judged) -> bool:
    return _knows_body(judged) and judged.status in _REFUSALS and not is_token_endpoint(judged.operation)


@exchange_check(
    "error-envelope",
    "Every refusal is the error envelope",
    rule="error-envelope",
    spec=_ENVELOPE,
    when=_is_refusal,
)
def error_envelope(judged: Judged) -> Iterator[Said]:
    """`message`, and `details` with one of the two errors; undeclared statuses included."""
    if judged.received is ABSENT:
        yield Said("The refusal is no JSON; message and details were expected.", "")
        return
    if not judged.validation.accepts(_ENVELOPE, judged.received):
        for found in judged.validation.violations(_ENVELOPE, judged.received, where="response"):
            yield Said(in_words(found), found.pointer, found.spec_pointer)
    elif not judged.received["details"] and judged.status not in _SERVER_ERRORS:
        yield Said("details is empty; applicationError or validationError was expected.", "/details")


@exchange_check("error-says-what", "Every refusal says in words what happened", spec=_ENVELOPE, when=_is_refusal)
def error_says_what(judged: Judged) -> Iterator[Said]:
    """A message that is not blank, and a code that is not."""
    body = mapping(judged.received)
    if isinstance(body.get("message"), str) and not body["message"].strip():
        yield Said("message is blank; a reader needs to be told what happened.", "/message")
    code = mapping(mapping(body.get("details")).get("applicationError")).get("code")
    if isinstance(code, str) and not code.strip():
        yield Said("The code is blank; a program needs one.", "/details/applicationError/code")


@exchange_check(
    "violations-say-what",
    "Every violation says what is wrong",
    spec="/components/schemas/FieldViolation",
    when=_is_refusal,
)
def violations_say_what(judged: Judged) -> Iterator[Said]:
    """No blank description. A blank field may be right: it names the query parameter without a name."""
    error = mapping(mapping(mapping(judged.received).get("details")).get("validationError"))
    listed = error.get("fieldViolations")
    for index, found in enumerate(listed if isinstance(listed, list) else []):
        description = mapping(found).get("description")
        if isinstance(description, str) and not description.strip():
            place = f"/details/validationError/fieldViolations/{index}/description"
            yield Said("The description is blank; it should tell the caller what to mend.", place)


@exchange_check(
    "token-error-form",
    "A token endpoint refuses as RFC 6749 says",
    spec=_OAUTH_ERROR,
    evidence=_DOCUMENTED,
    when=lambda judged: (
        is_token_endpoint(judged.operation) and judged.operation.responses.get(judged.status or 0) is not None
    ),
)
def token_error_form(judged: Judged) -> Iterator[Said]:
    """`error` is one of the RFC's words; statuses about the connection keep the usual envelope."""
    if judged.status == SUCCESS or judged.received is ABSENT:
        return
    for found in judged.violations:
        yield Said(in_words(found), found.pointer, found.spec_pointer)


@exchange_check("no-trace-in-errors", "No refusal shows the target's insides", when=_is_refusal)
def no_trace_in_errors(judged: Judged) -> Iterator[Said]:
    """No stack trace in the body."""
    for pointer, text in texts_of(judged.exchange.response_body):
        if _TRACES.search(text):
            yield Said("A stack trace stands in the refusal; callers should not see it.", pointer)


def texts_of(body: object) -> Iterator[tuple[str, str]]:
    """Every text of a body, with its pointer."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, str):
            yield pointer, value
        elif isinstance(value, bytes):
            yield pointer, value.decode("utf-8", "replace")
        elif isinstance(value, dict):
            waiting.extend((f"{pointer}/{str(name)[:60]}", inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((f"{pointer}/{index}", inner) for index, inner in enumerate(value))


CHECKS = (
    answered,
    status_declared,
    success_is_200,
    no_server_error,
    body_is_json,
    success_is_an_object,
    body_valid,
    error_envelope,
    error_says_what,
    violations_say_what,
    token_error_form,
    no_trace_in_errors,
)
