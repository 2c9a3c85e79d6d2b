"""Fault plans and the rate limit of a server as users start it, with the event loop that they get."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Serve = Callable[..., Any]
QUERY = "/marketing-consent/v1/marketing-consent/query"


def _post(url: str, body: Any, **headers: str) -> Any:
    sent = {"content-type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), sent)  # noqa: S310  # our own server
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # our own server
        return json.load(answer)


def _token(url: str) -> str:
    return str(_post(url + "/_mock/tokens", {"identity": "APP"})["access_token"])


def test_a_reset_reaches_the_client_as_one(serve: Serve) -> None:
    url = serve().url
    token = _token(url)
    _post(url + "/_mock/faults", {"on": {"operation": "*"}, "do": {"reset": True}, "times": 1})
    with pytest.raises(ConnectionResetError):
        _post(url + QUERY, {"query": {}}, authorization=token)
    assert _post(url + QUERY, {"query": {}}, authorization=token)["marketingConsent"] == []


@pytest.mark.parametrize(("options", "refused"), [((), 0), (("--rate-limit", "wix"), 5)])
def test_the_rate_limit_holds_when_it_is_asked_for(serve: Serve, options: tuple[str, ...], refused: int) -> None:
    url = serve(*options, "--clock", "2024-01-31T08:00:00Z").url
    token = _token(url)
    waits: Counter[str | None] = Counter()
    for _ in range(205):
        try:
            _post(url + QUERY, {"query": {}}, authorization=token)
            waits[None] += 1
        except urllib.error.HTTPError as error:
            waits[f"{error.code}, {error.headers['Retry-After']} s"] += 1
            error.close()
    assert waits == Counter({None: 205 - refused, "429, 60 s": refused})
