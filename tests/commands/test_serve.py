"""`wixture serve`: what it prints, what it takes, and how it ends."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[..., Any]


def _get(url: str, context: ssl.SSLContext | None = None) -> Any:
    with urllib.request.urlopen(url, timeout=10, context=context) as answer:  # noqa: S310  # our own server
        return json.loads(answer.read())


def test_it_says_where_it_is_and_what_its_defaults_are(serve: Serve) -> None:
    served = serve()
    text = "\n".join(served.lines)
    assert served.url.startswith("http://127.0.0.1:")
    for default in (
        "a0000000-0000-4000-8000-000000000001",
        "wixture-app-secret",
        "b0000000-0000-4000-8000-000000000001",
        "c0000000-0000-4000-8000-000000000001",
        "IST.wixture-api-key",
        f"{served.url}/_mock/openapi.yaml",
        f"{served.url}/_mock/control.yaml",
    ):
        assert default in text
    assert _get(f"{served.url}/_mock/health")["operations"] == 11


def test_secrets_of_the_users_own_are_not_printed(serve: Serve) -> None:
    served = serve("--app-secret", "my-own-secret", WIXTURE_API_KEY="my-own-key")
    text = "\n".join(served.lines)
    assert "my-own" not in text
    assert text.count("(as you set it)") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(serve: Serve, number: signal.Signals) -> None:
    served = serve()
    served.process.send_signal(number)
    assert served.process.wait(timeout=5) == 0
    assert "Traceback" not in served.process.stdout.read()


def test_a_port_in_use_is_exit_code_3_and_one_line(serve: Serve, wixture: Run) -> None:
    port = serve().url.rpartition(":")[2]
    ended = wixture("serve", "--port", port)
    assert ended.returncode == 3
    assert len(ended.stderr.strip().splitlines()) == 1
    assert f"Port {port} on 127.0.0.1 is already in use" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--clock", "yesterday"), "neither `real` nor an instant"),
        (("--clock", "2024-01-31T08:00:00"), "has no time zone|neither `real`"),
        (("--channels", "X,MYSPACE"), "'MYSPACE' is no channel"),
        (("--consistency", "eventual"), "neither `immediate` nor `eventual:MILLISECONDS`"),
        (("--account", "me"), "'me' is no GUID"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--rate-limit", "200"), "'200' is not one of 'off', 'wix'"),
        (("--cert", "a.pem"), "--cert and --key together"),
        (("--tls", "--cert", "a.pem", "--key", "a.pem"), "no certificate and key in PEM"),
        (("--seed", "missing.yaml"), "missing.yaml cannot be read"),
        (("--seed", "newsleter"), "no world 'newsleter'. Closest: newsletter. Worlds: empty, loyalty, newsletter"),
        (("--config", "missing.toml"), "missing.toml cannot be read"),
        (("--host", "0.0.0.0"), "set --admin-token"),  # noqa: S104  # a refused host
        (("--colour", "red"), "No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_wrong_use_is_exit_code_2_with_a_sentence(wixture: Run, arguments: tuple[str, ...], text: str) -> None:
    ended = wixture("serve", "--port", "0", *arguments)
    assert ended.returncode == 2
    assert any(part in ended.stderr for part in text.split("|")), ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_option_beats_the_environment_that_the_file_that_the_default(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'account = "f0000000-0000-4000-8000-00000000000f"\nclock = "2001-01-01T00:00:00Z"\n'
    )
    served = serve(
        "--config", "c.toml", "--random-seed", "7",
        WIXTURE_CLOCK="2002-02-02T00:00:00Z", WIXTURE_RANDOM_SEED="8",
    )  # fmt: skip
    assert "  random seed   7" in served.lines
    assert _get(f"{served.url}/_mock/clock") == {"now": "2002-02-02T00:00:00.000Z", "frozen": True}
    assert _get(f"{served.url}/_mock/channels")["channels"] == ["FACEBOOK", "INSTAGRAM", "LINKEDIN", "TIKTOK", "X"]


def test_a_config_file_with_an_unknown_name_is_refused(wixture: Run, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("prot = 1\n")
    ended = wixture("serve", "--config", "c.toml")
    assert (ended.returncode, "sets prot, which is no option" in ended.stderr) == (2, True)


def test_a_seed_file_is_there_at_launch(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "seed.yaml").write_text("marketingConsents:\n  - details: {type: EMAIL, email: ada@example.com}\n")
    served = serve("--seed", "seed.yaml")
    assert _get(f"{served.url}/_mock/state")["marketingConsents"][0]["details"]["email"] == "ada@example.com"


def test_a_world_is_there_at_launch_and_after_a_reset(serve: Serve) -> None:
    served = serve(WIXTURE_SEED="newsletter")
    before = _get(f"{served.url}/_mock/state")["marketingConsents"]
    assert len(before) == 11
    with urllib.request.urlopen(f"{served.url}/_mock/reset", data=b"") as answer:  # noqa: S310  # our own server
        assert answer.status == 200
    assert _get(f"{served.url}/_mock/state")["marketingConsents"] == before


@pytest.mark.parametrize(
    ("seed", "text"),
    [
        ("marketingConsents:\n  - details: {type: EMAIL, emial: a@b.c}\n", "Closest: email"),
        ("consents: []\n", "is no seed"),
        ("{", "is no YAML"),
        ("marketingConsents: [&a {details: {type: EMAIL, email: a@b.c}}, *a]\n", "is taken"),
    ],
    ids=["unknown field", "unknown list", "no YAML", "clash"],
)
def test_a_bad_seed_file_is_exit_code_2_with_the_place(wixture: Run, tmp_path: Path, seed: str, text: str) -> None:
    (tmp_path / "seed.yaml").write_text(seed)
    ended = wixture("serve", "--port", "0", "--seed", "seed.yaml")
    assert ended.returncode == 2
    assert text in ended.stderr, ended.stderr
    assert "Traceback" not in ended.stderr


def test_tls_serves_with_a_certificate_that_the_printed_authority_signed(
    serve: Serve, wixture: Run, tmp_path: Path
) -> None:
    served = serve("--tls")
    assert served.url.startswith("https://127.0.0.1:")
    variables = json.loads(wixture("sdk-env", "--url", served.url, "--format", "json").stdout)
    context = ssl.create_default_context(cafile=variables["NODE_EXTRA_CA_CERTS"])
    assert _get(f"{served.url}/_mock/health", context)["status"] == "ok"
    private = [path for path in (tmp_path / "tls").iterdir() if path.name != "ca.pem"]
    assert {oct(path.stat().st_mode & 0o777) for path in private} == {"0o600"}
    assert oct((tmp_path / "tls").stat().st_mode & 0o777) == "0o700"


def test_the_authority_is_kept_from_run_to_run(serve: Serve, tmp_path: Path) -> None:
    serve("--tls")
    before = (tmp_path / "tls" / "ca.pem").read_bytes()
    serve("--tls")
    assert (tmp_path / "tls" / "ca.pem").read_bytes() == before


def test_links_lead_to_the_server_or_to_the_public_url(serve: Serve) -> None:
    for arguments, base in (
        ((), None),
        (("--public-url", "https://shop.example/site/"), "https://shop.example/site"),
    ):
        served = serve(*arguments)
        assert _get(f"{served.url}/_mock/tenant")["siteUrl"] == (base or served.url)


def test_two_servers_with_one_random_seed_answer_the_same_bytes(serve: Serve, wixture: Run) -> None:
    bodies = set()
    for _ in range(2):
        served = serve(
            "--random-seed", "5", "--clock", "2024-01-31T08:00:00Z", "--public-url", "https://shop.example"
        )
        token = wixture("token", "APP", "--url", served.url).stdout.strip()
        consent = {"details": {"type": "EMAIL", "email": "a@b.c"}, "lastConfirmationActivity": {}}
        request = urllib.request.Request(  # noqa: S310  # our own server
            f"{served.url}/marketing-consent/v1/marketing-consent",
            data=json.dumps({"marketingConsent": consent}).encode(),
            headers={"Authorization": token, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
            bodies.add((answer.read(), answer.headers["X-Wix-Request-Id"], token))
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("tls = 1", "sets tls to 1; expected true or false"),
        ("port = true", "sets port to True; expected a text or a number"),
        ("seed = [1]", "sets seed to [1]; expected a text or a number"),
        ("random-seed = 1.5", "sets random-seed to 1.5"),
        ('channels = ["MYSPACE"]', "'MYSPACE' is no channel"),
        ("tls = ", "is no TOML"),
    ],
)
def test_a_config_value_of_the_wrong_kind_is_refused_by_name(
    wixture: Run, tmp_path: Path, line: str, text: str
) -> None:
    (tmp_path / "c.toml").write_text(line + "\n")
    ended = wixture("serve", "--config", "c.toml")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert text in ended.stderr


def test_a_config_file_speaks_toml(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'channels = ["X", "TIKTOK"]\nrandom-seed = 7\nclock = "2024-01-31T08:00:00Z"\n'
    )
    served = serve("--config", "c.toml")
    assert "  random seed   7" in served.lines
    assert _get(f"{served.url}/_mock/channels")["channels"] == ["TIKTOK", "X"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--public-url", "shop.example"),
        ("--public-url", "javascript:alert(1)"),
        ("--public-url", "http://a b"),
        ("--public-url", "http://u@a"),
        ("--consistency", "eventual:99999999999999999999"),
        ("--clock", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_an_option_that_no_answer_could_live_with_is_refused_at_launch(
    wixture: Run, option: str, value: str
) -> None:
    assert wixture("serve", option, value).returncode == 2


@pytest.mark.parametrize(
    "seed", ["1: 2", "a: &b {x: *b}", "channels: [X]\nchannels: []", "a: .nan", "a: !!binary aGk=", 'a: "\\0"']
)
def test_a_seed_file_that_json_could_not_say_is_refused(wixture: Run, tmp_path: Path, seed: str) -> None:
    (tmp_path / "seed.yaml").write_text(seed)
    ended = wixture("serve", "--seed", "seed.yaml")
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "seed.yaml" in ended.stderr


def test_a_signal_while_the_server_still_warms_up_ends_it_cleanly(serve: Serve) -> None:
    """The moments differ, so that the signal falls into each of what is imported in the background."""
    for tenth in range(8):
        served = serve()
        time.sleep(tenth / 10)
        served.process.terminate()
        assert served.process.wait(timeout=5) == 0
        assert served.process.stdout.read() == ""
