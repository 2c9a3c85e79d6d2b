"""A site that deviates is found out, and each finding tells how to see it again: both ways are tried here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.sites import Change, Ran, Site, Targets, ran

from wixture.contracts.findings import Exchanged
from wixture.contracts.fuzz.reproducers import curl, pytest_test
from wixture.contracts.redacted import redacted
from wixture.contracts.secrets import Redactor
from wixture.mockserver.messages import Request, Response

MakeSite = Callable[..., Site]


def _json(response: Response, change: Callable[[dict[str, Any]], object]) -> Response:
    body = json.loads(response.body)
    change(body)
    return replace(response, body=json.dumps(body).encode())


def _with_details_dropped(_: Request, response: Response) -> Response:
    return _json(response, lambda body: body.pop("details", None)) if response.status in (400, 404) else response


def _failing_on_long_texts(request: Request, response: Response) -> Response:
    return Response(500, b"{}") if b"lastRevokeActivity" in request.body else response


def _open_to_all(request: Request, response: Response) -> Response:
    if response.status == 401 and request.method == "GET" and "get-by" not in request.path:
        return Response(200, b'{"followedChannels": []}', response.headers)
    return response


def _allowing_too_much(_: Request, response: Response) -> Response:
    return replace(response, headers={**response.headers, "Allow": "PUT"}) if response.status == 405 else response


def _answering_202(request: Request, response: Response) -> Response:
    return replace(response, status=202) if request.path == "/oauth2/token-info" else response


def _lenient_about_tokens(_: Request, response: Response) -> Response:
    return Response(200, b'{"active": false}', response.headers) if response.status == 400 else response


DEVIATIONS: dict[str, tuple[Change, str, str, str]] = {
    "error-envelope": (_with_details_dropped, "error-envelope", "getMarketingConsent", "fuzzing"),
    "schema of errors": (_with_details_dropped, "response-schema-conformance", "getMarketingConsent", "fuzzing"),
    "server error": (_failing_on_long_texts, "not-a-server-error", "createMarketingConsent", "fuzzing"),
    "no auth": (_open_to_all, "ignored-auth", "listFollowedChannels", "fuzzing"),
    "wrong Allow": (_allowing_too_much, "allow-exact", "queryMarketingConsent", "coverage"),
    "undeclared status": (_answering_202, "status-code-conformance", "getTokenInfo", "fuzzing"),
    "takes what is broken": (_lenient_about_tokens, "violation-refused", "getTokenInfo", "coverage"),
    "takes what is wrong": (_lenient_about_tokens, "negative-data-rejection", "getTokenInfo", "fuzzing"),
}


def _fuzzed(make_site: MakeSite, targets: Targets, change: Change, operation: str, phase: str) -> tuple[Site, Ran]:
    site = make_site(change=change, has_control=True)
    return site, ran(targets.mock(site), operations=(operation,), phases=(phase,), max_examples=30)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_is_found_and_seen_again(
    name: str, make_site: MakeSite, targets: Targets, tmp_path: Path
) -> None:
    change, check, operation, phase = DEVIATIONS[name]
    site, found = _fuzzed(make_site, targets, change, operation, phase)
    assert check in found.errors, found.errors.keys()
    shell, test = _again(found.errors[check])
    finding = next(one for one in found.run.findings if one.check == check)
    assert finding.operation_id == operation
    printed = _in_a_shell(shell, site)
    assert printed.splitlines()[0].split()[1] == str(finding.exchange.status if finding.exchange else None)
    assert not _passes(test, site, tmp_path)
    assert _passes(test, make_site(has_control=True), tmp_path)


def _again(message: str) -> tuple[str, str]:
    _, _, rest = message.partition("Again, in a shell:\n")
    shell, _, test = rest.partition("\n\nAgain, as a test:\n")
    return shell, test


def _token(site: Site) -> str:
    from wixture.contracts.targets.target import Target

    target: Target = Targets(Path()).mock(site)
    return target.identities.headers("APP")["Authorization"]


def _in_a_shell(shell: str, site: Site) -> str:
    environment = {**os.environ, "TOKEN": _token(site)}
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, env=environment, check=True)
    return ran.stdout.decode("utf-8", "replace")


def _passes(test: str, site: Site, folder: Path) -> bool:
    (folder / "test_again.py").write_text(test, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WIXTURE_", "PYTEST_"))}
    token = _token(site)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--wix-target={site.url}", "test_again.py"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**kept, "WIXTURE_APP_TOKEN": token, "WIXTURE_MEMBER_TOKEN": token},
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout or "1 failed" in ran.stdout, ran.stdout
    return ran.returncode == 0


def test_a_sequence_is_seen_again_with_the_ids_of_its_own_answers(
    make_site: MakeSite, targets: Targets, tmp_path: Path
) -> None:
    """A consent that was deleted is still there: three requests, of which the second needs the first's answer."""
    deleted: dict[str, bytes] = {}

    def keeping(request: Request, response: Response) -> Response:
        if request.method == "GET" and response.status == 200 and "get-by" not in request.path:
            deleted[request.path] = response.body
        if request.method == "GET" and response.status == 404 and request.path in deleted:
            return Response(200, deleted[request.path], response.headers)
        return response

    site = make_site(change=keeping, has_control=True)
    operations = ("createMarketingConsent", "getMarketingConsent", "deleteMarketingConsent")
    found = ran(targets.mock(site), operations=operations, phases=("stateful",), max_examples=60)
    assert "use-after-free" in found.errors, found.run.findings
    shell, test = _again(found.errors["use-after-free"])
    assert shell.count("curl ") >= 3
    assert "id_0_0" in test
    assert not _passes(test, site, tmp_path)
    assert _passes(test, make_site(has_control=True), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com",
        "+49 170 1234567",
        "a%40b.de",
        "it's",
        '"',
        "\\u0040",
        "\x00\x1b[31m\n",
        "é😀",
        "&#64;x",
        "$(ls)`",
    ],
)
def test_what_was_made_up_is_not_masked_and_arrives_as_it_was(text: str, tmp_path: Path) -> None:
    exchange = Exchanged("POST", "http://127.0.0.1:1/x?a=1", 400, {"X-A": "b"}, {"text": f"<{text}>"})
    line = Redactor(()).text(curl(exchange))
    assert line == curl(exchange)
    script = f"curl() {{ printf '%s' \"${{@: -2:1}}\"; }}\n{line}"
    printed = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert json.loads(printed) == exchange.request_body
    code = Redactor(()).text(pytest_test("x", [exchange], "pass"))
    sent: dict[str, Any] = {}
    requests = type("R", (), {"request": staticmethod(lambda *_, **more: sent.update(more))})
    target = type("T", (), {"url": "", "token": staticmethod(str)})
    namespace: dict[str, Any] = {}
    exec(code.replace("import requests", ""), namespace)  # noqa: S102  # our own code
    namespace["requests"] = requests
    namespace["test_x"](target)
    assert json.loads(sent["data"]) == exchange.request_body


def test_a_person_of_a_real_site_is_masked_in_what_is_told(make_site: MakeSite, targets: Targets) -> None:
    site = make_site(change=_with_details_dropped)
    operation = "getMarketingConsentByIdentifier"
    found = ran(targets.elsewhere(site), operations=(operation,), phases=("examples",))
    message = found.errors["response-schema-conformance"]
    assert "curl" in message
    assert "yourtest" not in message


def test_a_secret_in_a_request_leaves_no_reproducer(make_site: MakeSite, targets: Targets) -> None:
    site = make_site(change=_failing_on_long_texts, has_control=True)
    target = targets.mock(site)
    target.redactor = target.redactor.also(["lastRevokeActivity"])
    found = ran(target, operations=("createMarketingConsent",), phases=("fuzzing",))
    assert "curl" not in found.errors["not-a-server-error"]
    assert "lastRevokeActivity" not in repr(redacted(found.run, target.redactor))
