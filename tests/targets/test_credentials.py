"""Credentials: from the environment or a file, and shown nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wixture.contracts.targets.credentials import VARIABLES, BadCredentials, Credentials, from_environment

ALL = {variable: f"value of {name}" for variable, name in VARIABLES.items()}


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_gives_each_credential() -> None:
    credentials = from_environment(ALL)
    assert credentials.app_secret == "value of app_secret"
    assert credentials.has_app
    assert credentials.can_issue


def test_an_empty_variable_is_none() -> None:
    assert not from_environment({"WIXTURE_APP_TOKEN": ""}).has_app


@pytest.mark.parametrize("names", [VARIABLES.keys(), VARIABLES.values()])
def test_a_file_is_toml_or_json_under_either_name(tmp_path: Path, names: object) -> None:
    values = dict.fromkeys(names, "x1")  # type: ignore[call-overload]
    toml = written(tmp_path / "c.toml", "".join(f'{name} = "x1"\n' for name in values))
    as_json = written(tmp_path / "c.json", json.dumps(values))
    assert from_environment({}, toml) == from_environment({}, as_json)
    assert from_environment({}, toml).api_key == "x1"


def test_a_file_stands_for_all(tmp_path: Path) -> None:
    file = written(tmp_path / "c.toml", 'app_token = "from-file"')
    assert from_environment(ALL, file) == Credentials(app_token="from-file")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path / "c.toml", 'app_token = "t0p-secret"', mode)
    with pytest.raises(BadCredentials, match="chmod 600"):
        from_environment({}, file)


@pytest.mark.parametrize(
    "text",
    [
        "app_token = ",
        "[]",
        "{}",
        '{"app_token": 7}',
        '{"app_token": "two\\nlines"}',
        '{"app_token": "ümlaut"}',
        '{"pin": "t0p-secret"}',
        "[" * 100_000,
        "app_token = 't0p-secret'" + " " * 70_000,
    ],
)
def test_what_is_no_credentials_file_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    file = written(tmp_path / "c", text)
    with pytest.raises(BadCredentials, match=r"credential") as refused:
        from_environment({}, file)
    assert "t0p-secret" not in str(refused.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCredentials, match="No such file"):
        from_environment({}, tmp_path / "none")


def test_no_secret_stands_in_repr() -> None:
    assert "value of" not in repr(from_environment(ALL))


def test_every_secret_is_known_to_the_redactor_also_without_bearer() -> None:
    credentials = from_environment({"WIXTURE_APP_TOKEN": "Bearer abc.def", "WIXTURE_APP_ID": "an-id"})
    assert set(credentials.secrets()) == {"Bearer abc.def", "abc.def"}
    assert len(set(from_environment(ALL).secrets())) == 7
