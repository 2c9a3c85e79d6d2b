"""The HTTP library of the fuzzing engine, with the gate in place of the network."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from wixture.contracts.fuzz.gate import Gate, Withheld
from wixture.contracts.fuzz.outgoing import Outgoing
from wixture.contracts.targets.connection import Answer, Unanswered

_WITHHELD = "wixture_withheld"


class _Raw(io.BytesIO):
    """What requests and the engine ask of a raw answer."""

    version = 11

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.headers = _Headers(answer.headers)


class _Headers(dict[str, str]):
    def getlist(self, name: str) -> list[str]:
        return [self[name]]


class _ThroughTheGate(BaseAdapter):
    """The only adapter of a run: what is not sent is answered 403 here, and counts for no check."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        outgoing = outgoing_of(request, self._gate.target.address.url)
        try:
            answer = Withheld("another host") if outgoing is None else self._gate.send(outgoing)
        except Unanswered as error:
            raise requests.ConnectionError(str(error), request=request) from error
        if isinstance(answer, Withheld):
            setattr(request, _WITHHELD, answer.reason)
            answer = Answer(403, {}, b"", 0.0)
        return _response(request, answer)

    def close(self) -> None:
        """Nothing is kept open."""


def withheld(request: requests.PreparedRequest) -> str | None:
    """Why a request was not sent; None when it was."""
    return getattr(request, _WITHHELD, None)


def outgoing_of(request: requests.PreparedRequest, url: str) -> Outgoing | None:
    """A prepared request as the gate takes it; None when it goes elsewhere than below `url`."""
    sent = str(request.url)
    if not sent.startswith((f"{url}/", f"{url}?")) and sent != url:
        return None
    target = sent[len(url) :].partition("#")[0]
    body = request.body.encode() if isinstance(request.body, str) else request.body
    return Outgoing(
        str(request.method),
        target if target.startswith("/") else f"/{target}",
        {text_of(name): text_of(value) for name, value in request.headers.items()},
        body if isinstance(body, bytes) else None,
    )


def text_of(value: str | bytes) -> str:
    """A header's name or value as text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.raw = _Raw(answer)
    response._content = answer.body
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.url = str(request.url)
    response.request = request
    response.reason = ""
    return response


@contextmanager
def only_through(gate: Gate) -> Iterator[None]:
    """Every request of this process that the library `requests` sends goes through the gate, or nowhere."""
    adapter = _ThroughTheGate(gate)
    usual, netrc = requests.Session.get_adapter, os.environ.get("NETRC")
    requests.Session.get_adapter = lambda *_, **__: adapter  # type: ignore[method-assign]
    os.environ["NETRC"] = os.devnull  # else a user's own password for the host stands in for the caller
    try:
        yield
    finally:
        requests.Session.get_adapter = usual  # type: ignore[method-assign]
        os.environ.pop("NETRC")
        if netrc is not None:
            os.environ["NETRC"] = netrc
