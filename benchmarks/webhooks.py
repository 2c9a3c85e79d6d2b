"""`make bench-webhooks`: how soon a healthy receiver is told of an event, alone and beside 100 dead receivers.

Half of the dead accept connections and never answer, half refuse them. The time runs from the moment a create is
sent until its webhook has come in at the healthy one, over real sockets; beside it stands the create's own answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

from benchmarks.servers import BIN, Program, settle, started

_CREATE = "/marketing-consent/v1/marketing-consent"
_OTHER_TENANT = "e0000000-0000-4000-8000-000000000001"
_MOST_SUBSCRIPTIONS = 100


def main() -> None:
    """Measure and print; without arguments 300 events each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--dead", type=int, default=100)
    chosen = parser.parse_args()
    settle()
    print(f"{chosen.events} events, one at a time, on a running clock; milliseconds")
    for dead in (0, chosen.dead):
        told, answered = _measured(chosen.events, dead)
        print(f"  beside {dead:3} dead receivers: told {_spread(told)}   create answered {_spread(answered)}")


def _spread(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles([value * 1000 for value in seconds], n=100)
    return f"p50 {cuts[49]:6.1f}  p95 {cuts[94]:6.1f}  max {max(seconds) * 1000:6.1f}"


def _measured(events: int, dead: int) -> tuple[list[float], list[float]]:
    with ExitStack() as stack:
        mock = stack.enter_context(started(Program((BIN / "wixture", "serve"), port_option="--port")))
        arrivals: SimpleQueue[float] = SimpleQueue()
        client = Client(mock.port)
        client.subscribe(stack.enter_context(_healthy(arrivals)))
        silent = stack.enter_context(_silent())
        urls = [f"{silent if number % 2 else 'http://127.0.0.1:9'}/{number}" for number in range(dead)]
        for url in urls[: _MOST_SUBSCRIPTIONS - 1]:
            client.subscribe(url)
        for url in urls[_MOST_SUBSCRIPTIONS - 1 :]:
            client.subscribe(url, _OTHER_TENANT)
        told, answered = [], []
        for number in range(events):
            begun = time.perf_counter()
            client.create(f"a{number}@example.com")
            answered.append(time.perf_counter() - begun)
            told.append(arrivals.get(timeout=60) - begun)
        return told, answered


class Client:
    """Talks to the mock over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._token = self._call("/_mock/tokens", {"identity": "APP"})["access_token"]

    def _call(self, path: str, body: Any, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        self._connection.request("POST", path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        read = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"POST {path} answered {answer.status}: {read}")
        return read

    def subscribe(self, url: str, instance: str = "") -> None:
        query = f"?instance={instance}" if instance else ""
        self._call(f"/_mock/webhooks/subscriptions{query}", {"eventType": "*", "url": url})

    def create(self, email: str) -> None:
        consent = {"details": {"type": "EMAIL", "email": email}, "lastConfirmationActivity": {}}
        self._call(_CREATE, {"marketingConsent": consent}, self._token)


@contextmanager
def _healthy(arrivals: SimpleQueue[float]) -> Iterator[str]:
    """A receiver that answers at once; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            arrivals.put(time.perf_counter())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@contextmanager
def _silent() -> Iterator[str]:
    """A socket that takes connections and never says a word; gives its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


if __name__ == "__main__":
    main()
