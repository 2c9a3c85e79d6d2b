"""`wixture conform` and `wixture cleanup` as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wixture.cli import main
from wixture.mockserver.certificates import server_context
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.mock import Mock
from wixture.mockserver.server import BackgroundServer
from wixture.mockserver.settings import Settings

ALL = ("--allow-writes", "--allow-irreversible", "createFollowedChannel")


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def serving(port: int = 0, **settings: object) -> Iterator[str]:
    """A mock of its own, and its address."""
    with BackgroundServer(Mock(Settings(**settings)), port=port) as server:  # type: ignore[arg-type]
        yield server.url


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_every_check_runs_on_the_mock_and_none_fails(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIXTURE_API_KEY", Settings().api_key)
    monkeypatch.setenv("WIXTURE_SITE_ID", Settings().instance_id)
    result = run("conform", "--url", url, *ALL, "--format", "json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    assert found["findings"] == []
    skipped = {check["check"] for check in found["checks"] if check["outcome"] == "skipped"}
    assert skipped == {"retry-after"}  # nothing asked too often
    assert all(check["reason"] for check in found["checks"] if check["outcome"] == "skipped")


def test_a_run_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    run("conform", "--url", url, *ALL)
    assert list(tmp_path.rglob("*.ndjson")) == []


def test_without_permission_the_writing_checks_say_what_would_permit_them(url: str) -> None:
    result = run("conform", "--url", url, "--format", "json")
    checks = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 0
    assert "--allow-writes" in checks["create-stores-confirmed"]["reason"]
    assert "--allow-irreversible createFollowedChannel" in checks["followed-once"]["reason"]
    assert checks["unknown-id-not-found"]["outcome"] == "passed"


def test_a_dry_run_calls_nothing() -> None:
    result = run("conform", "--url", "https://www.wixapis.com", "--dry-run", "--allow-writes")
    assert result.exit_code == 0
    assert "needs APP: set WIXTURE_APP_ID" in result.stdout
    listed = run("conform", "--url", "http://127.0.0.1:9", "--dry-run", "--allow-writes")
    assert listed.exit_code == 0
    assert "nothing was called" in listed.stdout
    assert "createMarketingConsent  reversible" in listed.stdout
    assert "nothing can undo it" in listed.stdout


def test_the_list_names_every_check_with_its_evidence() -> None:
    result = run("conform", "--list", "--format", "json")
    rows = json.loads(result.stdout)
    assert len(rows) > 100
    assert {row["evidence"] for row in rows} == {"measured", "documented", "inferred"}
    assert f"{len(rows)} checks" in run("conform", "--list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--url"),
        (("--url", "http://example.com"), "https"),
        (("--url", "https://www.wixapis.com"), "WIXTURE_APP_ID"),
        (("--url", "http://127.0.0.1:9"), "wixture serve"),
        (("--url", "http://127.0.0.1:9", "--report", "pdf=x"), "no kind of report"),
        (
            ("--url", "http://127.0.0.1:9", "--report", "html=none/x.html"),
            "would stand in none, which is no folder",
        ),
        (("--url", "http://127.0.0.1:9", "--report", "html=."), "is a folder"),
        (("--url", "http://127.0.0.1:9", "--history", "none/h"), "none is no folder"),
        (("--url", "http://127.0.0.1:9", "--history", __file__), "is no history of runs"),
        (("--url", "http://127.0.0.1:9", "--scenario", "bulks"), "Scenarios: "),
        (
            ("--url", "http://127.0.0.1:9", "--allow-irreversible", "deleteMarketingConsent"),
            "createFollowedChannel",
        ),
        (("--url", "http://127.0.0.1:9", "--credentials", "none.toml"), "No such file"),
        (("--url", "http://127.0.0.1:9", "--calls-a-minute", "181"), "181"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIXTURE_APP_TOKEN", raising=False)
    result = run("conform", *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_one_scenario_can_be_made_alone(url: str) -> None:
    result = run("conform", "--url", url, "--scenario", "strangers", "--format", "json")
    passed = [check for check in json.loads(result.stdout)["checks"] if check["outcome"] == "passed"]
    assert result.exit_code == 0
    assert {"unknown-id-not-found", "malformed-id-not-found"} <= {check["check"] for check in passed}


def test_a_mock_that_prints_the_documented_forms_is_told_row_by_row(tmp_path: Path) -> None:
    with serving(dialect="documented") as url:
        result = run("conform", "--url", url, *ALL, "--format", "json")
    found = json.loads(result.stdout)
    rows = {finding["row"] for finding in found["findings"] if finding["row"]}
    assert result.exit_code == 1
    assert {"eligibility-grated"} <= rows
    assert found["forms"]["eligibility-grated"]["documented"] > 0


def test_the_second_run_says_what_changed(tmp_path: Path) -> None:
    port = 0
    for dialect in ("corrected", "documented"):
        with serving(port, dialect=dialect) as url:
            port = int(url.rpartition(":")[2])
            result = run("conform", "--url", url, *ALL, "--history", "h.ndjson")
    assert "since the last run:" in result.stderr
    assert "eligibility-grated: was granted" in result.stderr


def test_reads_that_lag_behind_are_waited_for() -> None:
    with serving(consistency_ms=300) as url:
        assert run("conform", "--url", url, *ALL, "--patience", "5").exit_code == 0
        hasty = run("conform", "--url", url, *ALL, "--patience", "0", "--scenario", "one consent an address")
    assert hasty.exit_code == 1


def test_a_broken_off_target_is_no_finding_of_silence() -> None:
    with serving() as url:
        pass
    result = run("conform", "--url", url)
    assert result.exit_code == 2
    assert "Nothing answers" in result.output


def test_cleanup_of_no_run_names_those_that_there_are(tmp_path: Path) -> None:
    result = run("cleanup", "nothing")
    assert result.exit_code == 2
    assert "has none" in result.output


class _Answering(BaseHTTPRequestHandler):
    """Says that it is a mock, and to everything else what the test has for it."""

    status, headers_too, body = 200, (), b"{}"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_health = self.path == "/_mock/health"
        data = b'{"status": "ok", "operations": 11}' if is_health else self.body
        self.send_response(200 if is_health else self.status)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", len(data)),
            *self.headers_too,
        ):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # names of http.server

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextmanager
def answering(status: int, body: bytes = b"{}", **headers: str) -> Iterator[str]:
    """A target with one answer to everything."""
    kind = type("_One", (_Answering,), {"status": status, "body": body, "headers_too": tuple(headers.items())})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_target_that_answers_429_for_ever_ends_the_run_in_a_sentence() -> None:
    with answering(429, **{"Retry-After": "0"}) as url:
        result = run("conform", "--url", url)
    assert result.exit_code == 2
    assert "answered 429 to 5 attempts" in result.output
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, Exception)


def test_credentials_that_are_refused_are_no_success(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIXTURE_APP_ID", Settings().app_id)
    monkeypatch.setenv("WIXTURE_APP_SECRET", "not-the-secret")
    monkeypatch.setenv("WIXTURE_INSTANCE_ID", Settings().instance_id)
    result = run("conform", "--url", url)
    assert result.exit_code == 2
    assert "The token endpoint answered 401 and no access token: look at the credentials." in result.output


def test_a_token_that_fits_no_header_is_not_used() -> None:
    with answering(200, json.dumps({"access_token": "A" * 5_000_000}).encode()) as url:
        result = run("conform", "--url", url, "--scenario", "bad queries", "--scenario", "nobody")
    assert "an access token of over 16,384 letters" in result.output
    assert result.exit_code in (1, 2)


def test_a_budget_that_is_spent_is_no_failure(url: str) -> None:
    result = run("conform", "--url", url, "--max-calls", "6")
    assert result.exit_code == 0
    assert "The run went no further" in result.output


def test_a_locale_without_our_signs_gets_their_numbers(url: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "wixture", "conform", "--url", url, "--scenario", "nobody"]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert b"\\u2713 A call without a token" in ended.stdout


def test_a_report_that_cannot_be_written_is_named(url: str) -> None:
    result = run("conform", "--url", url, "--scenario", "nobody", "--report", "text=/dev/full")
    assert result.exit_code == 2
    assert "/dev/full cannot be written: No space left on device." in result.output


def test_a_site_with_one_channel_keeps_the_order_of_channels() -> None:
    with serving(channels=("FACEBOOK",)) as url:
        result = run("conform", "--url", url, *ALL, "--scenario", "following")
    assert result.exit_code == 0, result.output
    assert "the site has not enabled a second channel" in result.output


def test_a_credential_of_the_environment_that_fits_no_header_is_named_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIXTURE_API_KEY", "IST.secret-key\r\nX-Evil: 1")
    result = run("conform", "--url", url)
    assert result.exit_code == 2
    assert "WIXTURE_API_KEY holds what fits no header" in result.output
    assert "secret-key" not in result.output


def test_a_certificate_that_is_not_believed_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIXTURE_HOME", str(tmp_path / "home"))
    tls = server_context(None, None, host="127.0.0.1")
    with BackgroundServer(Mock(Settings()), ssl_context=tls) as server:
        result = run("conform", "--url", f"https://127.0.0.1:{server.port}")
    assert result.exit_code == 2
    assert "--cacert FILE" in result.output


def test_a_journal_under_another_name_is_told_its_own(tmp_path: Path) -> None:
    head = {"run": "260101abcdefgh", "format": 1, "target": "http://127.0.0.1:9", "instance": None}
    (tmp_path / "copy.ndjson").write_text(json.dumps(head) + "\n")
    result = run("cleanup", "./copy.ndjson")
    assert result.exit_code == 2
    assert "Call it 260101abcdefgh.ndjson again." in result.output


def test_an_answer_of_no_form_is_told_and_ends_no_run() -> None:
    """IDs that are lists, items that are no objects, cursors that are numbers."""
    odd = b'{"marketingConsent": [{"id": ["x"], "state": 1}, 7, null], "pagingMetadata": {"cursors": {"next": 7}}}'

    class Odd(Mock):
        async def handle(self, _: Request) -> Response:
            return Response(200, odd)

    with BackgroundServer(Odd()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WIXTURE_APP_TOKEN", "a-token-of-the-environment")
        result = run("conform", "--url", server.url, "--format", "json", "--patience", "0")
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert {"body-valid"} <= {finding["check"] for finding in json.loads(result.stdout)["findings"]}
