"""Many connections: the cap, and a process that may open no more files."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from wixture.mockserver.http.limits import Limits
from wixture.mockserver.server import HttpServer

from .rawhttp import Application, Client, Running, eventually, get

Serve = Callable[..., Running]


def test_above_the_cap_a_connection_gets_503_and_is_closed(serve: Serve) -> None:
    running = serve(max_connections=3)
    staying = [running.client() for _ in range(3)]
    assert [client.ask(get()).status for client in staying] == [200, 200, 200]
    above = running.client()
    answer = above.answer()
    assert (answer.status, answer.code) == (503, "MOCK_TOO_MANY_CONNECTIONS")
    assert answer.headers["connection"] == "close"
    assert above.is_closed()
    assert [client.ask(get()).status for client in staying] == [200, 200, 200]
    assert len(running.app.seen) == 6


def test_a_refused_client_that_sends_its_request_can_read_the_503(serve: Serve) -> None:
    running = serve(max_connections=1)
    assert running.ask(get()).status == 200
    assert running.ask(get("/" + "a" * 5000)).status == 503


def test_room_that_becomes_free_is_used_at_once(serve: Serve) -> None:
    running = serve(max_connections=2)
    first, _ = running.client(), running.client()
    assert first.ask(get()).status == 200
    assert [running.client().answer().status for _ in range(5)] == [503] * 5
    first.close()
    assert eventually(lambda: running.client().send(get()).answer().status == 200)


def test_a_flood_above_the_cap_is_closed_without_ceremony(serve: Serve) -> None:
    running = serve(max_connections=1)
    first = running.client()
    assert first.ask(get()).status == 200
    flood = [running.client() for _ in range(100)]
    assert flood[-1].is_closed()
    assert first.ask(get()).status == 200
    running.server.stop()
    assert first.is_closed()


def test_the_cap_leaves_files_for_the_rest_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    assert Limits().connection_cap() == 48
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert Limits().connection_cap() == 1000


_FEW_FILES = """
    import resource, sys
    resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
    from wixture.mockserver import server
    from wixture.mockserver.messages import Response
    from wixture.mockserver.http.limits import Limits
    Limits.connection_cap = lambda self: 1000  # so that files run out before the cap does

    class Application:
        async def handle(self, request):
            return Response(200, b"{}")

        def body_limit(self, method, path):
            return 0

    def ready(running):
        print(running.port, flush=True)

    if sys.argv[1] == "asyncio":
        server._loop_factory = lambda: None
    server.run(Application(), "127.0.0.1", 0, on_ready=ready)
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_running_out_of_files_is_survived(loop: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(_FEW_FILES), loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        clients: list[Client] = []
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            clients = [Client(port) for _ in range(40)]
            assert clients[0].ask(get()).status == 200
            time.sleep(0.1)
            for client in clients[1:]:
                client.close()
            # asyncio looks again after a second.
            assert eventually(lambda: _answers(port), within=5)
            assert clients[0].ask(get()).status == 200
        finally:
            for client in clients:
                client.close()
            process.terminate()
        assert process.wait(5) == 0


def _answers(port: int) -> bool:
    client = Client(port)
    try:
        return client.ask(get()).status == 200
    except (OSError, EOFError):
        return False
    finally:
        client.close()


def test_a_burst_of_connections_is_accepted_in_a_few_turns_of_the_loop() -> None:
    """Otherwise the last of sixteen clients would wait for fifteen turns, each full of the others' requests."""
    uvloop = pytest.importorskip("uvloop")

    async def accepted_in_turns(turns: int) -> int:
        server = HttpServer(Application())
        await server.start("127.0.0.1", 0)
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(16)]
        for _ in range(turns):
            await asyncio.sleep(0)
        assert server._connections is not None
        accepted = len(server._connections.all())
        for client in clients:
            client.close()
        await server.stop()
        return accepted

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(accepted_in_turns(4)) == 16
