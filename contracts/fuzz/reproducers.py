"""How to see a failure again: as lines of curl with `$TOKEN`, and as a test with the token of its target."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from wixture.contracts.findings import Exchanged
from wixture.contracts.fuzz.outgoing import Outgoing, identity_of

TOKEN = "$TOKEN"  # noqa: S105  # a shell variable's name
_NEVER_SHOWN = frozenset(
    {"user-agent", "accept-encoding", "connection", "content-length", "host", "x-schemathesis-testcaseid"}
)
_TARGETS_TOKENS = ("APP", "MEMBER")
"""Whose tokens the fixture `wix_target` has."""


def curl(exchange: Exchanged, *, parted: bool = True) -> str:
    """A line for the shell that sends the request once more; the caller's token is taken from $TOKEN.

    `parted` keeps addresses and numbers from being masked: for those that nobody has.
    """
    parts = ["curl", "--path-as-is", "-sS", "-i", "-X", exchange.method]
    for name, value in _headers(exchange).items():
        said = f"{name}: {value}" if value else f"{name};"
        parts += ["-H", f'"{name}: {TOKEN}"' if value == TOKEN else _for_a_shell(said, parted)]
    if exchange.request_body is not None:
        parts += ["--data-raw", _for_a_shell(_text(exchange.request_body), parted)]
    return " ".join([*parts, _for_a_shell(exchange.url, parted)])


def pytest_test(check: str, steps: Sequence[Exchanged], expected: str, *, parted: bool = True) -> str:
    """A test for a suite with Wixture's plugin that fails as long as the answer is what it was."""
    name = re.sub(r"\W+", "_", check)
    lines = ["import requests", "", "", f"def test_{name}(wix_target):"]
    for number in range(len(steps)):
        lines += _call(number, steps, parted)
    return "\n".join([*lines, *(f"    {line}" for line in expected.splitlines())]) + "\n"


def _call(number: int, steps: Sequence[Exchanged], parted: bool) -> list[str]:
    before, step, after = steps[:number], steps[number], steps[number + 1 :]
    headers, body = _headers(step), step.request_body
    parts = urlsplit(step.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    identity = identity_of(Outgoing(step.method, "/", step.request_headers))
    token = f'wix_target.token("{identity}")' if identity in _TARGETS_TOKENS else 'wix_target.token("APP")'
    said = ", ".join(
        f"{_in_python(name, parted)}: {token if value == TOKEN else _in_python(value, parted)}"
        for name, value in headers.items()
    )
    sent = "" if body is None else f", data=({_in_python(_text(body), parted)}).encode('utf-8', 'surrogatepass')"
    where = _swapped(_in_python(target, parted), before)
    lines = [
        f"    answer = requests.request({step.method!r}, wix_target.url + {where},",
        f"        headers={{{said}}}{_swapped(sent, before)}, timeout=30, allow_redirects=False)",
    ]
    later = "".join(f"{one.url} {_text(one.request_body)}" for one in after)
    used = [(place, path) for place, (value, path) in enumerate(_ids(step.response_body)) if value in later]
    return lines + [f"    id_{number}_{place} = answer.json(){path}" for place, path in used]


def _swapped(text: str, before: Sequence[Exchanged]) -> str:
    """The code with IDs that earlier answers gave taken from there, since another run gets other ones."""
    for number, step in enumerate(before):
        for place, (value, _) in enumerate(_ids(step.response_body)):
            text = text.replace(value, f"' + id_{number}_{place} + '")
    return text


def _ids(body: Any, path: str = "") -> list[tuple[str, str]]:
    """The IDs of an answer and where they stand in it, as code."""
    if isinstance(body, dict):
        own = [(body["id"], f"{path}['id']")] if isinstance(body.get("id"), str) else []
        return own + [found for key, inner in body.items() for found in _ids(inner, f"{path}[{key!r}]")]
    if isinstance(body, list):
        return [found for place, inner in enumerate(body[:20]) for found in _ids(inner, f"{path}[{place}]")]
    return []


def texts_of(steps: Sequence[Exchanged]) -> Iterator[str]:
    """Everything of some requests that a reproducer would say, as it is."""
    for step in steps:
        yield step.url
        yield _text(step.request_body)
        yield from _headers(step).values()


def expected_of(check: str, exchange: Exchanged, declared: Sequence[int], *, is_own: bool = False) -> str:
    """The assertion that the answer broke, as code over `answer`. `is_own` says that the check is one of ours."""
    status = exchange.status
    if is_own:
        return f"from wixture.contracts.fuzz.again import broken\n\nassert {check!r} not in broken(answer)"
    if check == "not-a-server-error":
        return "assert answer.status_code < 500"
    if check == "status-code-conformance":
        return f"assert answer.status_code in {sorted(declared)}"
    if check in ("unsupported-method", "allow-header-conformance"):
        said = _header(exchange.response_headers, "allow")
        return (
            "assert answer.status_code == 405"
            if status != 405
            else f"assert answer.headers.get('Allow') != {said!r}"
        )
    if check == "content-type-conformance":
        return (
            f"assert answer.headers.get('Content-Type') != {_header(exchange.response_headers, 'content-type')!r}"
        )
    if status is not None and check in ("response-schema-conformance", "response-headers-conformance"):
        return _same_form(exchange)
    return f"assert answer.status_code != {status}"


def _same_form(exchange: Exchanged) -> str:
    """That the answer has another body, or other headers, than the one that broke the contract."""
    names = sorted({name.lower() for name in exchange.response_headers} - {"date", "content-length"})
    body = exchange.response_body
    if not isinstance(body, dict):
        return f"assert sorted(set(map(str.lower, answer.headers)) - {{'date', 'content-length'}}) != {names!r}"
    return (
        "def form(value):\n"
        "    return {k: form(v) for k, v in value.items()} if isinstance(value, dict) else type(value).__name__\n"
        f"assert form(answer.json()) != form({body!r})"
    )


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _headers(exchange: Exchanged) -> dict[str, str]:
    shown = {n: v for n, v in exchange.request_headers.items() if n.lower() not in _NEVER_SHOWN}
    if identity_of(Outgoing(exchange.method, "/", exchange.request_headers)):
        shown = {n: TOKEN if n.lower() == "authorization" else v for n, v in shown.items()}
    return shown


def _text(body: Any) -> str:
    if isinstance(body, bytes):
        return body.decode("utf-8", "backslashreplace")
    return body if isinstance(body, str) else json.dumps(body)


def _for_a_shell(text: str, parted: bool) -> str:
    """The text in quotes; characters that a terminal would act on are spelt as $'…' has them."""
    if text.isprintable():
        return f"'{_parted(text, _in_quotes, chr(39) * 2 * parted)}'"
    return f"$'{_parted(text, _escaped, (chr(39) + '$' + chr(39)) * parted)}'"


def _in_python(text: str, parted: bool) -> str:
    return f"'{_parted(text, lambda one: repr(_BOTH_QUOTES + one)[4:-1], (chr(39) + ' ' + chr(39)) * parted)}'"


def _parted(text: str, spelt: Callable[[str], str], joint: str) -> str:
    """The text spelt character by character, ended and begun anew around what makes an address or a number.

    What is printed has no addresses and numbers of people: those that were made up here would be masked as well,
    and nothing could be sent again. So their signs stand apart.
    """
    parts = []
    for one in text:
        parts.append(f"{joint}{spelt(one)}{joint}" if one == "@" else spelt(one) + joint * (one in _SIGNS))
    return "".join(parts)


_SIGNS = frozenset("%&+\\")
_BOTH_QUOTES = "'\""


def _in_quotes(character: str) -> str:
    return "'\"'\"'" if character == "'" else character


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
