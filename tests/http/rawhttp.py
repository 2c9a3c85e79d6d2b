"""A server on a thread, an application that notes what it gets, and clients that write bytes themselves."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from wixture.mockserver import messages
from wixture.mockserver.server import BackgroundServer

BODY_LIMIT = 1000


@dataclass
class Application:
    """Answers every request with what it was, as JSON; `respond` replaces that."""

    body_limit_bytes: int = BODY_LIMIT
    respond: Callable[[messages.Request], Any] | None = None
    seen: list[messages.Request] = field(default_factory=list)

    async def handle(self, request: messages.Request) -> messages.Response:
        self.seen.append(request)
        if self.respond is not None:
            answer = self.respond(request)
            return cast(messages.Response, await answer if hasattr(answer, "__await__") else answer)
        told: dict[str, Any] = {"method": request.method, "path": request.path, "query": request.query_string}
        told["headers"], told["body"] = dict(request.headers), request.body.decode("latin-1")
        return messages.Response(200, json.dumps(told).encode())

    def body_limit(self, method: str, path: str) -> int:  # noqa: ARG002 - the server's protocol
        return self.body_limit_bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    head: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["details"]["applicationError"]["code"])


class Client:
    """A raw connection to the server."""

    def __init__(self, port: int, *, wrap: Callable[[socket.socket], socket.socket] = lambda raw: raw) -> None:
        self.socket = wrap(socket.create_connection(("127.0.0.1", port), timeout=5))
        self.buffer = b""

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def ask(self, data: bytes, *, method: str = "GET") -> Answer:
        return self.send(data).answer(method=method)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(self.buffer)
        self.buffer += data

    def answer(self, *, method: str = "GET") -> Answer:
        """The next answer on the connection, framed by its Content-Length."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", "0")) if method != "HEAD" else 0
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(int(lines[0].split()[1]), headers, body, head)

    def is_closed(self, within: float = 2.0) -> bool:
        """Whether the server ends the connection in time, without another byte."""
        self.socket.settimeout(within)
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self.socket.close()


@dataclass
class Running:
    """A server under test."""

    app: Application
    server: BackgroundServer
    clients: list[Client] = field(default_factory=list)

    def client(self, **options: Any) -> Client:
        self.clients.append(Client(self.server.port, **options))
        return self.clients[-1]

    def ask(self, data: bytes, *, method: str = "GET") -> Answer:
        return self.client().ask(data, method=method)

    def still_answers(self) -> bool:
        return self.ask(get("/still")).status == 200


def get(path: str = "/", *lines: str) -> bytes:
    """A GET request; `lines` are further header lines."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode("latin-1")


def post(body: bytes = b"", *lines: str, path: str = "/") -> bytes:
    """A POST request with its Content-Length."""
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A chunked POST request."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def eventually(what: Callable[[], bool], within: float = 2.0) -> bool:
    """Whether `what` becomes true in time."""
    deadline = time.monotonic() + within
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
