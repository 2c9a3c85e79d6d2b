"""Every server that the suite starts checks every byte it sends; one that users start checks what is new."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import _environment

CONSENTS = "/marketing-consent/v1/marketing-consent"
# A server whose store spoils what it keeps: each entity gets a field that the contract does not have.
SPOILING = """
from wixture.mockserver.store import sqlite_entities
encode = sqlite_entities._encode
sqlite_entities._encode = lambda entity: encode({**entity, "grated": True})
from wixture.cli import main
main(["serve", "--port", "0"])
"""


@pytest.fixture
def spoiling(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts servers that spoil what they store; the URL of one."""
    running = []

    def start(**environment: str) -> str:
        command = [sys.executable, "-c", SPOILING]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=_environment(environment, tmp_path)
        )
        running.append(process)
        assert process.stdout is not None
        return process.stdout.readline().split()[-1]

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=10)


def _post(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    sent = {"content-type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), sent)  # noqa: S310  # our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _query_after_create(url: str) -> tuple[int, Any]:
    token = _post(url + "/_mock/tokens", {"identity": "APP"})[1]["access_token"]
    details = {"type": "EMAIL", "email": "ada@example.com"}
    consent = {"details": details, "lastConfirmationActivity": {}}
    status, _ = _post(url + CONSENTS, {"marketingConsent": consent}, authorization=token)
    assert status == 200
    return _post(f"{url}{CONSENTS}/query", {"query": {}}, authorization=token)


def test_a_server_that_the_suite_starts_refuses_to_send_a_stored_entity_that_went_bad(
    spoiling: Callable[..., str],
) -> None:
    status, answer = _query_after_create(spoiling())
    assert (status, answer["details"]["applicationError"]["code"]) == (500, "MOCK_BUG")
    assert "grated is no field here" in answer["message"]


def test_a_server_of_a_user_sends_what_it_stored_without_another_look(spoiling: Callable[..., str]) -> None:
    status, answer = _query_after_create(spoiling(WIXTURE_RECHECK="0"))
    assert (status, answer["marketingConsent"][0]["grated"]) == (200, True)
