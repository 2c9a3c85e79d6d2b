"""What warms up beside requests: a server that ends meanwhile says nothing, other faults are told of."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest

from wixture.mockserver.mock import Mock

MESSAGE = "can't register atexit after shutdown"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], Mock]:
    """A mock of which the first thing that is loaded fails as it does while the interpreter ends."""

    def make(before: Callable[[], None]) -> Mock:
        def load(_: str) -> None:
            before()
            raise RuntimeError(MESSAGE)

        monkeypatch.setattr(importlib, "import_module", load)
        return Mock()

    return make


def test_a_server_that_ends_while_it_warms_up_says_nothing(failing: Callable[..., Mock]) -> None:
    mock = failing(lambda: mock.retire())
    mock.warm_up()


def test_what_cannot_be_loaded_while_the_server_runs_is_heard_of(failing: Callable[..., Mock]) -> None:
    with pytest.raises(RuntimeError, match=MESSAGE):
        failing(lambda: None).warm_up()


def test_packages_are_entered_by_the_modules_that_requests_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a request of the first second met half of a package and was answered 500."""
    entered: list[str] = []
    really = importlib.import_module

    def load(name: str, *more: object, **others: object) -> object:
        entered.append(name)
        return really(name, *more, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(importlib, "import_module", load)
    Mock().warm_up()
    assert {"jwt", "wixture.mockserver.jwe"} <= set(entered)
    assert not {"openapi_core", "jsonschema"} & set(entered), "the contract's authority imports them"
