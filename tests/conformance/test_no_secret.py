"""A target that says back every credential, spelt in every way, has none of them printed or kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from canaries import ENCODINGS, leaked
from conformance.hostile import ACCESS_TOKEN, GIVEN, ISSUED, SHAPES, SITES, Hostile, hostile
from conformance.zygote import Commands, commands

from wixture.contracts.reports.write import KINDS

WRITES = ("--allow-writes", "--allow-irreversible", "createFollowedChannel", "--patience", "0", "--strict")
TOKENS = {name: said for name, said in GIVEN.items() if name != "WIXTURE_APP_SECRET"}
ASKING = {name: said for name, said in GIVEN.items() if "APP_TOKEN" not in name}
"""Secrets with which no token is asked for, and with which some are."""


@pytest.fixture
def wixture(tmp_path: Path) -> Iterator[Commands]:
    with commands(tmp_path) as running:
        yield running


def everything_in(folder: Path) -> Iterator[tuple[str, str]]:
    """What every file of a folder holds, by its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes().decode("utf-8", "replace")


def known(given: Mapping[str, str]) -> tuple[str, ...]:
    """What a target may say."""
    return tuple(given.values())


def found(folder: Path, secrets: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Which file says which secret, and how it reads there."""
    return [
        (name, secret, reading)
        for name, text in everything_in(folder)
        for secret, value in secrets.items()
        for reading in leaked(text, value)
    ]


SECRETS = {**GIVEN, "the access token": ACCESS_TOKEN, "the refresh token": ISSUED[1]}


@pytest.mark.parametrize(("seed", "given"), [(1, TOKENS), (2, ASKING)], ids=["given", "issued"])
def test_conform_says_no_secret(wixture: Commands, tmp_path: Path, seed: int, given: Mapping[str, str]) -> None:
    with hostile(seed, known(given)) as (url, target):
        reports = [f"--report={kind}={tmp_path / f'report.{kind}'}" for kind in KINDS]
        history = ("--history", str(tmp_path / "history"))
        arguments = ("conform", "--url", url, *WRITES, *reports, *history)
        ended = wixture.run(*arguments, environment={**SITES, **given})
    assert ended.code == 1, ended.output[-2000:]
    assert target.calls > 100
    assert target.shapes == set(SHAPES)
    assert len(target.encodings) > len(ENCODINGS) - 3
    assert len(list(tmp_path.iterdir())) > len(KINDS)
    assert found(tmp_path, SECRETS) == []


def test_judge_says_no_secret(wixture: Commands, tmp_path: Path) -> None:
    recorded = tmp_path / "recorded.har"
    recorded.write_text(json.dumps({"log": {"version": "1.2", "entries": list(_recorded(Hostile(3, ())))}}))
    reports = [f"--report={kind}={tmp_path / f'report.{kind}'}" for kind in KINDS]
    ended = wixture.run("judge", str(recorded), *reports, environment={})
    assert ended.code == 1, ended.output[-2000:]
    recorded.unlink()
    assert len(list(tmp_path.iterdir())) > len(KINDS)
    assert found(tmp_path, SECRETS) == []


def _recorded(target: Hostile) -> Iterator[dict[str, object]]:
    """Entries of a HAR: a token is asked for, then each secret proves somebody's identity again and again."""
    grant = {"grant_type": "client_credentials", "client_secret": GIVEN["WIXTURE_APP_SECRET"]}
    yield _entry(target, "POST", "/oauth2/token", grant, "")
    secrets = (*GIVEN.values(), *ISSUED)
    for turn in range(45):
        method, path, body = _ASKED[turn % len(_ASKED)]
        yield _entry(target, method, path, body, secrets[turn % len(secrets)])


_CONSENTS = "/marketing-consent/v1/marketing-consent"
_ASKED = (
    ("GET", f"{_CONSENTS}/11111111-0000-4000-8000-000000000001", None),
    ("POST", f"{_CONSENTS}/query", {"query": {}}),
    (
        "POST",
        f"{_CONSENTS}/upsert",
        {"marketingConsent": {"details": {"type": "EMAIL", "email": "a@example.com"}}},
    ),
    ("GET", "/loyalty-social-media/v1/followed-channels", None),
)


def _entry(target: Hostile, method: str, path: str, body: object, proof: str) -> dict[str, object]:
    target.known += (proof or GIVEN["WIXTURE_APP_SECRET"],)  # it can say only what it was told
    status, headers, content = target.answer(path)
    sent = {"mimeType": "application/json", "text": json.dumps(body)}
    kept = {"encoding": "base64", "text": base64.b64encode(content).decode()}
    return {
        "request": {
            "method": method,
            "url": f"https://www.wixapis.com{path}",
            "headers": [
                {"name": "Authorization", "value": proof},
                {"name": "Content-Type", "value": "application/json"},
            ],
            **({} if body is None else {"postData": sent}),
        },
        "response": {
            "status": status,
            "headers": [{"name": name, "value": said} for name, said in headers],
            "content": {"size": len(content), "mimeType": "application/json", **kept},
        },
        "time": 1.0,
    }


def test_a_secret_that_is_printed_is_found(tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / "said").write_text(json.dumps(ENCODINGS["base64 behind two"](value)))
        assert (name in {secret for _, secret, _ in found(tmp_path, SECRETS)}) is True


def test_cleanup_says_no_secret(wixture: Commands, tmp_path: Path) -> None:
    environment = {**SITES, **ASKING}
    for seed in range(8):
        with hostile(seed, known(ASKING)) as (url, _):
            wixture.run("conform", "--url", url, *WRITES, environment=environment)
            journals = list(tmp_path.rglob("*.ndjson"))
            for journal in journals:
                ended = wixture.run("cleanup", journal.stem, "--patience", "0", environment=environment)
                assert ended.code in (0, 1), ended.output
        if journals:
            break
    assert journals, "no run left anything to clean up"
    (tmp_path / "clean-up.txt").write_text(ended.output, encoding="utf-8")
    assert found(tmp_path, SECRETS) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:canary9-url-pa55w0rd@www.wixapis.com",
        "http://ada:canary9-url-pa55w0rd@127.0.0.1:9",
        "http://canary9-url-pa55w0rd@127.0.0.1:9",
        "ftp://ada:canary9-url-pa55w0rd@127.0.0.1:9",
        "https://ada:canary9-url-pa55w0rd@[::1",
        "https://ada:canary9-url-pa55w0rd/@www.wixapis.com",
        "https://www.wixapis.com?token=canary9-url-pa55w0rd",
    ],
)
@pytest.mark.parametrize("command", [("conform",), ("conform", "--dry-run")], ids=" ".join)
def test_the_password_of_an_address_is_not_said(
    wixture: Commands, tmp_path: Path, url: str, command: tuple[str, ...]
) -> None:
    ended = wixture.run(*command, "--url", url, environment={})
    assert ended.code == 2, ended.output
    assert leaked(ended.output, "canary9-url-pa55w0rd") == []


@pytest.mark.parametrize(
    "text",
    [
        "app_secret = canary0-file-secret\n",
        'app_secrets = "canary0-file-secret"\n',
        '{"app_secret": "canary0-file-secret", }',
        '{"app_secret": ["canary0-file-secret"]}',
        'app_secret = "canary0-file-secret\x07"\n',
    ],
    ids=range(5),
)
def test_a_credentials_file_that_is_wrong_is_not_quoted(wixture: Commands, tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    file.chmod(0o600)
    ended = wixture.run("conform", "--url", "http://127.0.0.1:9", "--credentials", str(file), environment={})
    assert ended.code == 2, ended.output
    assert leaked(ended.output, "canary0-file-secret") == []
