"""A request leaves nothing behind that only the collector could free: the server lets it run seldom."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from conftest import CONSENTS, Api

ASKED: dict[str, Callable[[Api, str], object]] = {
    "get": lambda api, known: api.call("GET", f"{CONSENTS}/{known}"),
    "get-by": lambda api, _: api.call("GET", f"{CONSENTS}/get-by", query="type=EMAIL&email=ada@example.com"),
    "create": lambda api, _: api.create(f"n{len(api.state()['marketingConsents'])}@example.com"),
    "query": lambda api, _: api.call("POST", f"{CONSENTS}/query", {"query": {}}),
    "not found": lambda api, _: api.call("GET", f"{CONSENTS}/unknown"),
    "unauthenticated": lambda api, _: api.call("GET", f"{CONSENTS}/unknown", identity=None),
}


@pytest.mark.parametrize("kind", ASKED)
def test_a_request_makes_no_cyclic_garbage(api: Api, kind: str) -> None:
    known = api.create()["id"]
    ask = ASKED[kind]
    ask(api, known)  # what is made once and kept is not the request's
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(20):
            ask(api, known)
        gc.collect()
        ours = [found for found in gc.garbage if type(found).__module__.startswith("wixture")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert ours == []
