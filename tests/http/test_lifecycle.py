"""Starting and stopping, on a thread and under signals."""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wixture.mockserver.messages import Request, Response
from wixture.mockserver.server import BackgroundServer, HttpServer, Limits, ListenError, PortInUse, run

from .rawhttp import Application, Client, Running, eventually, get, post

HANGS = 30
"""Seconds after which something hangs, however busy the machine: what is not to be waited for has a minute."""
PATIENT = dict.fromkeys(("header_timeout", "keepalive", "body_timeout", "linger", "grace"), 60)


def test_a_background_server_answers_and_leaves_no_thread_and_no_socket() -> None:
    before = threading.active_count()
    with BackgroundServer(Application()) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert threading.active_count() == before + 1
        client = Client(server.port)
        assert client.ask(get()).status == 200
    assert threading.active_count() == before
    assert client.is_closed()
    client.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_a_server_that_was_stopped_starts_again_and_answers() -> None:
    before = threading.active_count()
    server = BackgroundServer(Application())
    for _ in range(10):
        with server:
            client = Client(server.port)
            assert client.ask(get()).status == 200
            client.close()
    assert threading.active_count() == before


def test_stop_waits_for_none_of_the_times_that_idle_connections_are_given(serve: Callable[..., Running]) -> None:
    running = serve(**PATIENT)
    clients = [running.client() for _ in range(50)]
    assert [client.ask(get()).status for client in clients] == [200] * 50
    start = time.monotonic()
    running.server.stop()
    assert time.monotonic() - start < HANGS
    assert all(client.is_closed() for client in clients)


def test_stop_twice_and_stop_before_start_do_nothing() -> None:
    server = BackgroundServer(Application())
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_start_twice_is_an_error(running: Running) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        running.server.start()
    assert running.still_answers()


def test_a_port_in_use_is_one_clear_sentence(running: Running) -> None:
    before = threading.active_count()
    with pytest.raises(PortInUse, match=f"Port {running.server.port} on 127.0.0.1 is already in use: ") as caught:
        BackgroundServer(Application(), port=running.server.port).start()
    assert "\n" not in str(caught.value)
    assert threading.active_count() == before


def test_run_tells_that_a_port_is_in_use_too(running: Running) -> None:
    ready: list[HttpServer] = []
    with pytest.raises(PortInUse, match=f"Port {running.server.port} on 127.0.0.1 is already in use: "):
        run(Application(), "127.0.0.1", running.server.port, on_ready=ready.append)
    assert ready == []


def test_an_address_that_is_not_ours_is_a_listen_error() -> None:
    with pytest.raises(ListenError, match=r"Cannot listen on 192\.0\.2\.1, port 0"):
        BackgroundServer(Application(), host="192.0.2.1").start()


def test_the_lifespan_surrounds_the_open_socket() -> None:
    told: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        told.append("before")
        yield
        told.append("after")

    with BackgroundServer(Application(), lifespan=lifespan) as server:
        assert told == ["before"]
        assert server.port
    assert told == ["before", "after"]


def test_an_error_of_the_lifespan_is_raised_in_the_test() -> None:
    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        yield
        raise LookupError("at the end")

    server = BackgroundServer(Application(), lifespan=lifespan).start()
    with pytest.raises(LookupError, match="at the end"):
        server.stop()


def test_a_server_in_the_running_loop_stops_while_a_request_is_answered() -> None:
    async def scenario() -> bytes:
        async def slowly(_: Request) -> Response:
            await asyncio.sleep(0.1)
            return Response(200, b"done")

        server = HttpServer(Application(respond=slowly))
        await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(get())
        await asyncio.sleep(0.02)
        await server.stop()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    answer = asyncio.run(scenario())
    assert answer.endswith(b"\r\n\r\ndone")
    assert b"Connection: close" in answer


@pytest.mark.parametrize("rounds", range(8))
@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_comes_in_any_round_of_a_stop_is_closed(
    rounds: int, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def stop_while_somebody_connects() -> None:
        server = HttpServer(Application())
        await server.start("127.0.0.1", 0)
        with socket.socket() as late:
            late.setblocking(False)

            async def connect() -> None:
                for _ in range(rounds):
                    await asyncio.sleep(0)
                late.connect_ex(("127.0.0.1", server.port))

            await asyncio.gather(connect(), server.stop(grace=1))
            gc.collect()

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(stop_while_somebody_connects())
        gc.collect()
    assert [str(one.message) for one in heard] == []


def test_a_handler_that_never_ends_is_cancelled_after_the_grace(
    serve: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    running = serve(respond=lambda _: asyncio.sleep(60), grace=0.2)
    client = running.client().send(get())
    assert eventually(lambda: len(running.app.seen) == 1)
    start = time.monotonic()
    running.server.stop()
    assert 0.15 < time.monotonic() - start < HANGS
    assert client.is_closed()
    assert caplog.records == []


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + built.public_bytes(pem))
    return path


@pytest.fixture
def secure(serve: Callable[..., Running], certificate: Path) -> Running:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve(ssl_context=context, header_timeout=0.3, linger=0.3, grace=60, keepalive=60)


def test_tls_answers_and_refuses_and_stops(
    secure: Running, certificate: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    client = secure.client(wrap=lambda raw: trust.wrap_socket(raw, server_hostname="127.0.0.1"))
    assert secure.server.url.startswith("https://127.0.0.1:")
    assert client.ask(get("/a")).json["path"] == "/a"
    assert client.ask(post(b"a" * 2000)).status == 413
    idle = secure.client(wrap=lambda raw: trust.wrap_socket(raw, server_hostname="127.0.0.1"))
    assert idle.ask(get("/b")).status == 200
    start = time.monotonic()
    secure.server.stop()
    assert time.monotonic() - start < HANGS
    assert caplog.records == []


def test_a_tls_handshake_that_does_not_come_is_closed(secure: Running) -> None:
    client = secure.client()
    assert client.is_closed()


# Signals

_SERVER = """
    import asyncio, sys
    from wixture.mockserver.messages import Response
    from wixture.mockserver.server import Limits, run

    class Application:
        async def handle(self, request):
            print("handling", flush=True)
            if request.path != "/now":
                await asyncio.sleep(float(request.path[1:]))
            return Response(200, b"done")

        def body_limit(self, method, path):
            return 1000

    limits = Limits(grace=float(sys.argv[1])) if sys.argv[1:] else Limits()
    run(Application(), "127.0.0.1", 0, limits=limits, on_ready=lambda server: print(server.port, flush=True))
"""


class Process:
    """`run` in a process of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-c", textwrap.dedent(_SERVER), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.port = int(self.line())
        self.clients: list[Client] = []

    def line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def client(self) -> Client:
        self.clients.append(Client(self.port))
        return self.clients[-1]

    def signal(self, number: signal.Signals = signal.SIGTERM) -> float:
        self._process.send_signal(number)
        return time.monotonic()

    def ended(self) -> tuple[float, int, bytes]:
        """When, with which code, and what it said on stderr."""
        _, error = self._process.communicate(timeout=HANGS)
        return time.monotonic(), self._process.returncode, error

    def close(self) -> None:
        for client in self.clients:
            client.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def _process(*options: str) -> Iterator[Process]:
    process = Process(*options)
    try:
        yield process
    finally:
        process.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_without_waiting_for_its_grace(number: signal.Signals) -> None:
    with _process("60") as process:
        process.signal(number)
        _, code, error = process.ended()
    assert (code, error) == (0, b"")


def test_sigterm_answers_what_is_in_flight_and_closes_the_rest_within_5_seconds() -> None:
    with _process() as process:
        in_flight, half_sent, half_headers = process.client(), process.client(), process.client()
        idle = [process.client() for _ in range(200)]
        assert [client.ask(get("/now")).status for client in idle] == [200] * 200
        half_sent.send(post(b"a" * 500, path="/now")[:-10])
        half_headers.send(get()[:-5])
        in_flight.send(get("/0.5") + get("/now"))
        for _ in range(201):
            assert process.line() == b"handling\n"
        start = process.signal()
        assert in_flight.answer().body == b"done"
        last = in_flight.answer()
        assert (last.body, last.headers["connection"]) == (b"done", "close")
        assert half_sent.is_closed()
        assert half_headers.is_closed()
        assert all(client.is_closed() for client in idle)
        ended, code, error = process.ended()
    assert (code, error) == (0, b"")
    assert 0.3 < ended - start < 5


def test_sigterm_ends_a_handler_that_hangs_and_a_second_signal_changes_nothing() -> None:
    with _process("1") as process:
        process.client().send(get("/60"))
        assert process.line() == b"handling\n"
        start = process.signal()
        process.signal()
        ended, code, error = process.ended()
    assert (code, error) == (0, b"")
    # What is added to the grace leaves the default of 4 seconds under 5 where the machine is not busy with others.
    assert 0.9 < ended - start < HANGS
    assert Limits().grace <= 4
