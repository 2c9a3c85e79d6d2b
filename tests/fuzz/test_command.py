"""`wixture fuzz` as it is typed: what it refuses, prints and writes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.fuzz.sites import Site

from wixture.cli import main
from wixture.contracts.fuzz import fuzz_cli
from wixture.mockserver.messages import Request, Response

MakeSite = Callable[..., Site]
PETS = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {"responses": {"200": {"description": "A pet."}}},
            "delete": {"responses": {"204": {"description": "Gone."}}},
        },
    },
}


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Types a command in a folder of its own, without credentials around."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WIXTURE_") and name != "WIXTURE_RECHECK"]:
        monkeypatch.delenv(name)
    return lambda *words: CliRunner().invoke(main, ["fuzz", *words])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--url", "https://www.wixapis.com"], "www.wixapis.com is the vendor's"),
        (["--url", "https://manage.wix.com", "--allow-writes"], "say --my-own-site"),
        (["--url", "https://WWW.wixapis.com.:443/x"], "is the vendor's"),
        (["--url", "http://shop.example.com"], "use https"),
        ([], "Missing option '--url'"),
        (["--url", "https://a.example", "--phases", "fuzzing,guessing"], "'guessing' is no phase"),
        (["--url", "https://a.example", "--phases", ","], "Name one at least"),
        (["--url", "https://a.example", "--report", "pdf=x"], "'pdf' is no kind of report"),
        (["--url", "https://a.example", "--max-examples", "0"], "0 is not in the range"),
        (["--url", "http://127.0.0.1:9"], "Nothing answers at http://127.0.0.1:9"),
        (["--url", "http://127.0.0.1:9", "--spec", "missing.yaml"], "does not exist"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused_before_anything_is_sent(
    words: list[str], says: str, typed: Callable[..., Result]
) -> None:
    result = typed(*words)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_the_extra_is_named_where_it_is_missing(
    typed: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_cli, "find_spec", lambda name: None if name == "schemathesis" else object())
    result = typed("--url", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "pip install 'wixture[fuzz]'" in result.output


def test_an_operation_that_there_is_not_is_told_the_closest(
    typed: Callable[..., Result], make_site: MakeSite
) -> None:
    site = make_site(has_control=True)
    result = typed("--url", site.url, "--operation", "getMarketingConsents")
    assert result.exit_code == 2
    assert "closest: getMarketingConsent." in result.output
    result = typed("--url", site.url, "--operation", "deleteMarketingConsent")
    assert result.exit_code == 2
    assert "No operation is left to fuzz. Left out: deleteMarketingConsent: it writes" in result.output


def test_a_good_run_prints_the_seed_and_writes_reports(
    typed: Callable[..., Result], make_site: MakeSite, tmp_path: Path
) -> None:
    site = make_site(has_control=True)
    result = typed(
        "--url", site.url, "--operation", "getTokenInfo", "--max-examples", "3", "--random-seed", "12",
        "--phases", "examples,fuzzing", "--report", "json=run.json", "--report", "junit=run.xml",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"wixture fuzz {site.url}, random seed 12" in result.stderr
    assert "fuzzing: POST /oauth2/token-info: 3 cases" in result.stderr
    assert "no findings" in result.stdout
    run = json.loads((tmp_path / "run.json").read_text())
    assert (run["tool"], run["randomSeed"], run["failed"]) == ("fuzz", 12, False)
    assert (tmp_path / "run.xml").read_text().startswith("<?xml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.xml"]


def test_a_failure_ends_with_1(typed: Callable[..., Result], make_site: MakeSite) -> None:
    def failing(request: Request, response: Response) -> Response:
        return Response(500, b"{}") if request.path == "/oauth2/token-info" else response

    site = make_site(has_control=True, change=failing)
    result = typed("--url", site.url, "--operation", "getTokenInfo", "--max-examples", "3", "--phases", "fuzzing")
    assert result.exit_code == 1
    assert "not-a-server-error" in result.stdout


def test_a_seed_is_made_up_and_told_when_none_is_given(typed: Callable[..., Result], make_site: MakeSite) -> None:
    site = make_site(has_control=True)
    words = ("--url", site.url, "--operation", "getTokenInfo", "--max-examples", "1", "--phases", "fuzzing")
    seeds = {typed(*words).stderr.partition("random seed ")[2].partition("\n")[0] for _ in range(2)}
    assert len(seeds) == 2
    assert all(seed.isdigit() for seed in seeds)


# ---- other contracts -----------------------------------------------------------------------------


def _pets(folder: Path, **more: object) -> str:
    (folder / "pets.json").write_text(json.dumps({**PETS, **more}))
    return str(folder / "pets.json")


def test_another_contract_s_reads_are_fuzzed_without_our_checks_and_tokens(
    typed: Callable[..., Result], make_site: MakeSite, tmp_path: Path
) -> None:
    site = make_site(change=lambda _, __: Response(200, b'{"name": "Rex"}'))
    result = typed("--url", site.url, "--spec", _pets(tmp_path), "--max-examples", "5", "--format", "json")
    methods = {request.method for request in site.requests}
    assert methods <= {"GET", "HEAD", "OPTIONS"}
    assert not any("authorization" in request.headers for request in site.requests)
    run = json.loads(result.stdout)
    assert {finding["check"] for finding in run["findings"]} <= {"negative-data-rejection", "unsupported-method"}
    assert "allow-exact" not in {check["check"] for check in run["checks"]}
    assert any(note.startswith("Not sent") for note in run["notes"])


def test_another_contract_s_writes_are_sent_when_they_are_allowed(
    typed: Callable[..., Result], make_site: MakeSite, tmp_path: Path
) -> None:
    site = make_site(change=lambda _, __: Response(204, b""))
    typed("--url", site.url, "--spec", _pets(tmp_path), "--max-examples", "3", "--allow-writes")
    assert "DELETE" in {request.method for request in site.requests}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "it has no `paths` object"),
        ("{", "cannot be read"),
        (
            '{"paths": {"/a": {"$ref": "http://127.0.0.1/x.json"}}}',
            "leads out of the document; nothing is fetched",
        ),
        ('{"paths": {"/a": {"$ref": "file:///etc/passwd"}}}', "leads out of the document"),
    ],
)
def test_a_contract_that_is_none_or_leads_elsewhere_is_refused(
    content: str, says: str, typed: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(content)
    result = typed("--url", "http://127.0.0.1:9", "--spec", "spec.json")
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_an_interrupted_run_tells_what_it_knows(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site(has_control=True)
    running = subprocess.Popen(
        [Path(sys.executable).with_name("wixture"), "fuzz", "--url", site.url, "--max-time", "60"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path, text=True,
    )  # fmt: skip
    try:
        while len(site.requests) < 50:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        printed, _ = running.communicate(timeout=30)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 2
    assert "The run was interrupted; this is what it found out until then." in printed
