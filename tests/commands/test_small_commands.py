"""`wixture routes`, `token`, `spec`, `spec check` and `sdk-env`."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_without_a_command_the_help_lists_all(wixture: Run) -> None:
    text = wixture("--help").stdout
    for name in ("ledger", "routes", "sdk-env", "serve", "spec", "token", "webhook"):
        assert f"  {name} " in text
    assert "not affiliated with Wix" in text


def test_an_unknown_command_names_the_known_ones(wixture: Run) -> None:
    ended = wixture("sreve")
    assert ended.returncode == 2
    commands = "cleanup, conform, fuzz, judge, ledger, routes, sdk-env, serve, spec, token, webhook"
    assert f"There is no command 'sreve'. Commands: {commands}." in ended.stderr


def test_routes_lists_every_operation_with_who_may_call_it(wixture: Run) -> None:
    rows = json.loads(wixture("routes", "--format", "json").stdout)
    assert len(rows) == 14
    query = next(row for row in rows if row["operationId"] == "queryMarketingConsent")
    assert (query["method"], query["identities"], query["sideEffects"]) == ("POST", ["app", "wixUser"], "none")
    follow = next(row for row in rows if row["operationId"] == "createFollowedChannel")
    assert follow["identities"] == ["app with --account", "wixUser with --account", "member", "visitor"]
    assert follow["sideEffects"] == "irreversible"
    lines = wixture("routes").stdout.splitlines()
    assert len(lines) == 14
    assert all(row["path"] in line for row, line in zip(rows, lines, strict=True))


def test_spec_prints_the_contract_in_both_forms(wixture: Run) -> None:
    as_yaml = yaml.safe_load(wixture("spec").stdout)
    as_json = json.loads(wixture("spec", "--format", "json").stdout)
    assert as_yaml["openapi"] == as_json["openapi"] == "3.1.0"
    assert set(as_yaml["paths"]) == set(as_json["paths"])


@pytest.mark.parametrize("name", ["openapi", "control"])
def test_our_own_contracts_have_no_finding(wixture: Run, name: str) -> None:
    spec = Path(__file__).parents[2] / "spec" / f"{name}.yaml"
    ended = wixture("spec", "check", str(spec))
    assert (ended.returncode, ended.stdout) == (0, f"{spec}: 0 errors, 0 warnings\n")


def test_a_finding_names_file_line_and_rule_and_exits_1(wixture: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /a:\n    get: {responses: {}}\n")
    ended = wixture("spec", "check", str(bad))
    assert ended.returncode == 1
    assert f"{bad}:5: error [operation-id]" in ended.stdout
    rows = json.loads(wixture("spec", "check", str(bad), "--format", "json").stdout)
    assert {"line", "severity", "rule", "pointer", "message"} == set(rows[0])


@pytest.mark.parametrize("text", ["{", "a: b: c", "\x00"], ids=["flow", "mapping", "control"])
def test_a_file_that_is_no_document_is_exit_code_2(wixture: Run, tmp_path: Path, text: str) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(text)
    ended = wixture("spec", "check", str(bad))
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "cannot be read" in ended.stderr


@pytest.mark.parametrize("identity", ["APP", "WIX_USER", "MEMBER", "visitor"])
def test_token_prints_one_that_works(serve: Callable[..., Any], wixture: Run, identity: str) -> None:
    url = serve().url
    ended = wixture("token", identity, "--url", url)
    assert (ended.returncode, ended.stderr) == (0, "")
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{url}/marketing-consent/v1/marketing-consent/x", headers={"Authorization": ended.stdout.strip()}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310  # our own server
    with caught.value as answer:
        assert answer.code == (404 if identity in ("APP", "WIX_USER") else 403)


def test_token_without_a_server_says_how_to_start_one(wixture: Run) -> None:
    ended = wixture("token", "APP", "--url", "http://127.0.0.1:9")
    assert ended.returncode == 2
    assert "Nothing answers at http://127.0.0.1:9" in ended.stderr
    assert "wixture serve" in ended.stderr


def test_token_is_not_asked_for_over_plain_http_from_elsewhere(wixture: Run) -> None:
    ended = wixture("token", "APP", "--url", "http://mock.example")
    assert (ended.returncode, "use https" in ended.stderr) == (2, True)


def test_token_passes_the_servers_reason_on(serve: Callable[..., Any], wixture: Run) -> None:
    ended = wixture("token", "MEMBER", "--member", "me", "--url", serve().url)
    assert ended.returncode == 2
    assert "memberId must be a GUID such as 3fa85f64-5717-4562-b3fc-2c963f66afa6, and is" in ended.stderr


def test_sdk_env_prints_what_a_shell_can_take(wixture: Run) -> None:
    text = wixture("sdk-env", "--url", "http://127.0.0.1:1234/").stdout
    shell = subprocess.run(
        ["sh", "-c", text + 'echo "$WIXTURE_URL $NODE_OPTIONS"'], capture_output=True, text=True, check=True
    )
    url, option = shell.stdout.split()
    assert url == "http://127.0.0.1:1234"
    assert Path(option.removeprefix("--import=file://")).is_file()
    assert "NODE_EXTRA_CA_CERTS" not in text


@pytest.fixture
def contracts(tmp_path: Path) -> tuple[str, str]:
    """Two files: our contract, and the same with one channel less."""
    text = (Path(__file__).parents[2] / "spec" / "openapi.yaml").read_text(encoding="utf-8")
    (tmp_path / "old.yaml").write_text(text, encoding="utf-8")
    less = text.replace("LINKEDIN, X, TIKTOK]", "LINKEDIN, X]")
    assert less != text
    (tmp_path / "new.yaml").write_text(less, encoding="utf-8")
    return "old.yaml", "new.yaml"


def test_spec_diff_groups_changes_by_operation_and_counts_them(wixture: Run, contracts: tuple[str, str]) -> None:
    ended = wixture("spec", "diff", *contracts)
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[0] == "createFollowedChannel: 1 breaking, 0 warnings, 0 other"
    assert lines[1].startswith(
        "  breaking [request-enum-member-removed] The request's body, `followedChannel.channel`"
    )
    assert lines[2].strip() == "old /components/schemas/Channel/enum/4"
    assert lines[-1] == "1 breaking, 0 warnings, 1 other"


def test_spec_diff_of_a_contract_with_itself_is_empty(wixture: Run, contracts: tuple[str, str]) -> None:
    ended = wixture("spec", "diff", contracts[0], "own")
    assert (ended.returncode, ended.stdout) == (0, "0 breaking, 0 warnings, 0 other\n")
    back = wixture("spec", "diff", contracts[1], "own")
    assert (back.returncode, back.stdout.splitlines()[-1]) == (0, "0 breaking, 1 warning, 1 other")


def test_spec_diff_prints_json_and_markdown(wixture: Run, contracts: tuple[str, str]) -> None:
    rows = json.loads(wixture("spec", "diff", *contracts, "--format", "json").stdout)
    assert [(row["severity"], row["kind"]) for row in rows] == [
        ("breaking", "request-enum-member-removed"),
        ("other", "response-enum-member-removed"),
    ]
    assert set(rows[0]) == {"kind", "severity", "where", "old", "new", "words"}
    page = wixture("spec", "diff", *contracts, "--format", "markdown").stdout
    assert "## createFollowedChannel: 1 breaking, 0 warnings, 0 other" in page
    assert "| breaking | `request-enum-member-removed` |" in page


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere.yaml", "own"), "nowhere.yaml cannot be read: No such file or directory. Give a file"),
        (("own", "list.yaml"), "The new contract is no OpenAPI document"),
        (("broken.yaml", "own"), "broken.yaml cannot be read: This is no YAML"),
        (("-", "-"), "Both contracts cannot come from the standard input."),
    ],
)
def test_spec_diff_says_which_contract_it_cannot_read(
    wixture: Run, tmp_path: Path, arguments: tuple[str, str], says: str
) -> None:
    (tmp_path / "list.yaml").write_text("[1]")
    (tmp_path / "broken.yaml").write_text("{")
    ended = wixture("spec", "diff", *arguments)
    assert ended.returncode == 2
    assert says in ended.stderr
