"""What warms up beside requests: a server that ends meanwhile says nothing, other faults are told of."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

import pytest

from wixture.mockserver.mock import Mock

ENDS = [RuntimeError("can't register atexit after shutdown"), ImportError("sys.meta_path is None")]

ending = pytest.mark.parametrize("failure", ENDS, ids=lambda failure: type(failure).__name__)


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mock]:
    """Makes a mock of which the first thing that is loaded fails, as some do while the interpreter ends."""

    def make(failure: Exception, *, before: Callable[[Mock], None] = lambda _: None) -> Mock:
        made = Mock()

        def load(_: str) -> None:
            before(made)
            raise failure

        monkeypatch.setattr(importlib, "import_module", load)
        return made

    return make


def retired(mock: Mock) -> None:
    async def retire() -> None:
        mock.retire()

    asyncio.run(retire())


@ending
def test_a_server_that_ends_while_it_warms_up_says_nothing(mock: Callable[..., Mock], failure: Exception) -> None:
    mock(failure, before=retired).warm_up()


@ending
def test_what_cannot_be_loaded_while_the_server_runs_is_heard_of(
    mock: Callable[..., Mock], failure: Exception
) -> None:
    with pytest.raises(type(failure), match=str(failure)):
        mock(failure).warm_up()


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
