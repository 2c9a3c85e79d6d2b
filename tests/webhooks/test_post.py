"""One POST to a receiver: what counts as received, what becomes of everything else, and where it never goes."""

from __future__ import annotations

import asyncio
import errno
import gc
import gzip
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from wixture.mockserver.certificates import authority_path, server_context
from wixture.mockserver.webhooks.destinations import Address, Policy
from wixture.mockserver.webhooks.names import Names
from wixture.mockserver.webhooks.outcomes import KEPT_BYTES, REASONS, Posted
from wixture.mockserver.webhooks.post import Poster

from .receivers import (
    Behaviour,
    Receiver,
    Writer,
    answer,
    closed_port,
    drips,
    receiving,
    record_what_is_dialled,
    resets_after,
    says,
    waits,
)

LOCAL = Policy(loopback=True)
PUBLIC = Policy(loopback=False)
OK = answer()


@pytest.fixture(autouse=True)
def leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No socket for the garbage collector to close, no thread, and nothing that asyncio complains about."""
    before = set(threading.enumerate())
    yield
    gc.collect(1)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()
    assert caplog.records == []


@pytest.fixture
def dialled() -> Iterator[list[Any]]:
    addresses: list[Any] = []
    record_what_is_dialled(addresses)
    yield addresses
    record_what_is_dialled(None)


@asynccontextmanager
async def posting(policy: Policy = LOCAL, *, limit_ms: int = 5000, **options: Any) -> Any:
    poster = Poster(policy, limit_ms=limit_ms, **options)
    try:
        yield poster
    finally:
        await poster.close()


async def _post_to(receiver: Receiver, poster: Poster, host: str = "127.0.0.1", scheme: str = "http") -> Posted:
    return await poster.post(f"{scheme}://{host}:{receiver.port}/hook?token=s3cret", b"the body")


def play(behave: Behaviour, policy: Policy = LOCAL, **options: Any) -> tuple[Posted, Receiver]:
    """One post to one receiver."""

    async def scene() -> tuple[Posted, Receiver]:
        async with receiving(behave) as receiver, posting(policy, **options) as poster:
            return await _post_to(receiver, poster), receiver

    posted, receiver = asyncio.run(scene())
    assert posted.text.startswith(REASONS[posted.reason])
    assert "s3cret" not in posted.text
    return posted, receiver


def post_alone(url: str, policy: Policy = LOCAL, **options: Any) -> Posted:
    """One post, with nobody there."""

    async def scene() -> Posted:
        async with posting(policy, **options) as poster:
            return await poster.post(url, b"the body")

    return asyncio.run(scene())


def resolving(*answers: Sequence[str] | Exception) -> Callable[[str], Awaitable[Sequence[str]]]:
    """A resolver that gives one answer after the other, and the last for ever."""
    left = list(answers)

    async def resolve(host: str) -> Sequence[str]:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return resolve


# Received


def test_a_200_is_received_with_its_answer() -> None:
    posted, receiver = play(says(answer(200, b"thanks")))
    assert (posted.reason, posted.status, posted.answer, posted.received) == ("received", 200, b"thanks", True)
    assert receiver.connections == 1


def test_the_body_is_posted_as_it_is_under_a_plain_head() -> None:
    _, receiver = play(says(OK))
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert first == "POST /hook?token=s3cret HTTP/1.1"
    assert body == b"the body"
    assert headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "wixture",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "text/plain",
        "content-length": "8",
        "connection": "close",
    }


def test_path_and_query_are_sent_as_they_were_written() -> None:
    async def scene() -> Receiver:
        async with receiving(says(OK)) as receiver, posting() as poster:
            url = f"http://localhost.:{receiver.port}/a/../b%2f%41?q=%2F+%20'{{}}"
            await poster.post(url, b"", content_type="application/jwt")
            return receiver

    request = asyncio.run(scene()).requests[0]
    assert request.startswith(b"POST /a/../b%2f%41?q=%2F+%20'{} HTTP/1.1\r\n")
    assert b"Content-Type: application/jwt\r\n" in request


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nok", id="until the connection closes"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nok", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", id="chunked"),
        pytest.param(b"HTTP/1.1 103 Hints\r\n\r\n" * 9 + OK, id="after early hints"),
        pytest.param(answer(200, b"ok", *["Set-Cookie: a=b; bad=;;"] * 100), id="with a hundred cookies"),
        pytest.param(answer(200, b"ok", "Content-Encoding: gzip"), id="with a wrong encoding"),
        pytest.param(answer(200, b"ok", "X: " + "a" * 8000), id="with a long header"),
        pytest.param(OK + answer(500, b"no"), id="with a second answer behind"),
    ],
)
def test_any_whole_answer_with_200_is_received(written: bytes) -> None:
    posted, _ = play(says(written))
    assert (posted.reason, posted.status, posted.answer) == ("received", 200, b"ok")


def test_a_receiver_that_hangs_up_instead_of_giving_a_length_has_answered() -> None:
    posted, _ = play(resets_after(b"HTTP/1.0 200 OK\r\n\r\nok"))
    assert (posted.reason, posted.answer) == ("received", b"ok")


def test_an_answer_of_64_kib_is_received_and_kept() -> None:
    posted, _ = play(says(answer(200, b"a" * KEPT_BYTES)))
    assert (posted.reason, len(posted.answer)) == ("received", 65536)


def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    posted, _ = play(says(answer(200, bomb, "Content-Encoding: gzip")))
    assert (posted.reason, posted.answer) == ("received", bomb)


# Answers that count as failures


@pytest.mark.parametrize("status", [101, 201, 202, 204, 206, 400, 401, 404, 410, 429, 500, 503, 599, 999])
def test_another_status_than_200_is_a_failure_of_its_own(status: int) -> None:
    body = b"" if status in (101, 204) else b"why"
    posted, _ = play(says(answer(status, body)))
    assert (posted.reason, posted.status, posted.received) == ("status", status, False)
    assert posted.text.endswith(f" Its status: {status}.")
    assert posted.answer == body


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_never_followed(status: int, dialled: list[Any]) -> None:
    async def scene() -> tuple[Posted, Receiver]:
        async with receiving(says(OK)) as trap:
            moved = answer(status, b"", f"Location: http://127.0.0.1:{trap.port}/")
            async with receiving(says(moved)) as receiver, posting() as poster:
                return await _post_to(receiver, poster), trap

    posted, trap = asyncio.run(scene())
    assert (posted.reason, posted.status, trap.connections, len(dialled)) == ("redirect", status, 0, 1)


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(resets_after(b""), id="reset before the answer"),
        pytest.param(resets_after(b"HTTP/1.1 200 OK\r\nContent-Le"), id="reset in the headers"),
        pytest.param(resets_after(answer(200, b"a" * 9)[:-3]), id="reset in the body"),
        pytest.param(says(b""), id="closed before the answer"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Le"), id="closed in the headers"),
        pytest.param(says(answer(200, b"a" * 9)[:-3]), id="closed in the body"),
        pytest.param(
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok"), id="closed in a chunk"
        ),
        pytest.param(
            resets_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
            id="reset between chunks",
        ),
    ],
)
def test_a_connection_that_ends_too_early_is_a_reset(behave: Behaviour) -> None:
    posted, _ = play(behave)
    assert posted.reason == "reset"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"hello\r\n\r\n", id="no HTTP"),
        pytest.param(b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", id="bytes"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="a short status"),
        pytest.param(b"HTTP/1.1 1000 OK\r\n\r\n", id="a long status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", id="NUL in a header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", id="a huge header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2_000_000, id="a header without end"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=b\r\n" * 5000 + b"\r\n", id="too many cookies"),
        pytest.param(b"HTTP/1.1 200 " + b"a" * 20_000 + b"\r\n\r\n", id="a huge status line"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", id="a broken chunk"
        ),
    ],
)
def test_what_is_not_http_is_a_bad_answer(written: bytes) -> None:
    posted, _ = play(says(written))
    assert (posted.reason, posted.answer) == ("bad_answer", b"")


def test_a_chunk_that_breaks_later_is_a_bad_answer() -> None:
    async def behave(writer: Writer) -> None:
        await says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", b"zz\r\n")(writer)
        await asyncio.sleep(5)

    posted, _ = play(behave, limit_ms=300)
    assert (posted.reason, posted.status, posted.answer) == ("bad_answer", 200, b"ok")


@pytest.mark.parametrize(("count", "reason"), [(16, "received"), (17, "bad_answer"), (20_000, "bad_answer")])
def test_an_answer_that_is_announced_too_often_is_given_up(count: int, reason: str) -> None:
    posted, _ = play(says(b"HTTP/1.1 100 Continue\r\n\r\n" * count, OK))
    assert posted.reason == reason


def test_an_answer_over_64_kib_is_too_long_and_cut() -> None:
    posted, _ = play(says(answer(200, b"a" * (KEPT_BYTES + 1))))
    assert (posted.reason, posted.status, len(posted.answer)) == ("too_long", 200, 65536)


@pytest.mark.parametrize(("status", "reason"), [(200, "too_long"), (500, "status"), (302, "redirect")])
def test_a_vast_answer_is_not_read_to_its_end(status: int, reason: str) -> None:
    vast, piece = 200_000_000, bytes(65536)
    written = 0

    async def behave(writer: Writer) -> None:
        nonlocal written
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: {vast}\r\n\r\n".encode())
        while written < vast:
            writer.write(piece)
            await writer.drain()
            written += len(piece)

    tracemalloc.start()
    try:
        posted, _ = play(behave)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (posted.reason, len(posted.answer)) == (reason, KEPT_BYTES)
    assert written < vast / 10
    assert peak < 5_000_000


# In time


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(waits(60, OK), id="silent"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"), id="headers, for ever"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX: ", b"a"), id="one header, for ever"),
        pytest.param(drips(b"", b"HTTP/1.1 102 Wait\r\n\r\n"), id="wait, for ever"),
    ],
)
def test_a_receiver_that_does_not_come_to_its_status_times_out(behave: Behaviour) -> None:
    posted, _ = play(behave, limit_ms=150)
    assert (posted.reason, posted.status) == ("timeout", None)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", id="with a length"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="without a length"),
    ],
)
def test_a_dripping_body_times_out_and_what_came_is_kept(start: bytes) -> None:
    posted, _ = play(drips(start, b"a"), limit_ms=150)
    assert (posted.reason, posted.status) == ("timeout", 200)
    assert set(posted.answer) == set(b"a")


def test_a_failing_status_stays_the_reason_when_its_body_drips() -> None:
    posted, _ = play(drips(b"HTTP/1.1 503 No\r\nContent-Length: 9999\r\n\r\n", b"a"), limit_ms=150)
    assert (posted.reason, posted.status) == ("status", 503)


def test_by_default_an_answer_after_1300_ms_comes_too_late() -> None:
    async def scene() -> Posted:
        poster = Poster(LOCAL)
        async with receiving(waits(1.3, OK)) as receiver:
            posted = await _post_to(receiver, poster)
            await poster.close()
        return posted

    posted = asyncio.run(scene())
    assert (posted.reason, posted.status) == ("timeout", None)
    assert posted.duration_ms >= 1250


def test_looking_the_name_up_counts_as_part_of_the_attempt(dialled: list[Any]) -> None:
    async def resolve(host: str) -> Sequence[str]:
        await asyncio.sleep(60)
        return ["127.0.0.1"]

    posted = post_alone("http://shop.example/", limit_ms=100, resolve=resolve)
    assert (posted.reason, dialled) == ("timeout", [])


def test_a_slow_receiver_does_not_delay_another() -> None:
    async def scene() -> tuple[Posted, Posted]:
        release = asyncio.Event()

        async def behave(writer: Writer) -> None:
            await release.wait()
            writer.write(OK)

        async with receiving(behave) as slow, receiving(says(OK)) as quick, posting() as poster:
            first = asyncio.create_task(_post_to(slow, poster))
            others = [await _post_to(quick, poster) for _ in range(3)]
            assert not first.done()
            release.set()
            return await first, others[-1]

    assert [posted.reason for posted in asyncio.run(scene())] == ["received", "received"]


def test_two_hundred_attempts_run_at_once() -> None:
    async def scene() -> set[str]:
        release, waiting = asyncio.Event(), 0

        async def behave(writer: Writer) -> None:
            nonlocal waiting
            waiting += 1
            if waiting == 200:
                release.set()
            await release.wait()
            writer.write(OK)

        async with receiving(behave) as receiver, posting(limit_ms=30_000) as poster:
            posted = await asyncio.gather(*(_post_to(receiver, poster) for _ in range(200)))
            return {each.reason for each in posted}

    assert asyncio.run(scene()) == {"received"}


# Not reached


def test_a_closed_port_refuses() -> None:
    posted = post_alone(f"http://127.0.0.1:{closed_port()}/")
    assert (posted.reason, posted.status, posted.answer) == ("refused", None, b"")


def test_a_name_without_an_address_is_unknown(dialled: list[Any]) -> None:
    for nothing in ([], socket.gaierror(socket.EAI_NONAME, "no"), socket.gaierror(socket.EAI_AGAIN, "no")):
        posted = post_alone("http://shop.example/", resolve=resolving(nothing))
        assert posted.reason == "name_unknown"
    assert dialled == []


def test_a_network_without_a_way_is_unreachable() -> None:
    multicast = Policy(loopback=True, allowed=[ip_network("224.0.0.0/4")])
    assert post_alone("http://224.0.0.1/", multicast).reason == "unreachable"


def test_of_several_addresses_the_one_nearest_to_an_answer_gives_the_reason() -> None:
    multicast = Policy(loopback=True, allowed=[ip_network("224.0.0.0/4")])
    url = f"http://shop.example:{closed_port()}/"
    assert post_alone(url, multicast, resolve=resolving(["224.0.0.1", "127.0.0.1"])).reason == "refused"


def test_want_of_file_descriptors_is_a_failure_of_this_machine() -> None:
    posted = post_alone("http://shop.example/", resolve=resolving(OSError(errno.EMFILE, "too many")))
    assert posted.reason == "failed"


def test_an_address_that_is_none_is_told_and_not_dialled(dialled: list[Any]) -> None:
    posted = post_alone("http://ada@127.0.0.1/")
    assert (posted.reason, dialled) == ("bad_address", [])
    assert "user name" in posted.text


# Destinations


def test_a_denied_receiver_is_not_dialled_whether_its_port_is_open_or_closed(dialled: list[Any]) -> None:
    async def scene() -> list[Posted]:
        async with receiving(says(OK)) as receiver, posting(PUBLIC) as poster:
            ports = [receiver.port, closed_port(), 22]
            hosts = ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"]
            posted = [await poster.post(f"http://{host}:{port}/", b"") for host in hosts for port in ports]
            assert receiver.connections == 0
            return posted

    posted = asyncio.run(scene())
    assert {(each.reason, each.status, each.answer) for each in posted} == {("denied", None, b"")}
    assert {each.text for each in posted[:9]} == {posted[0].text}
    assert "--allow-net" in posted[0].text
    assert dialled == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "2130706433", "0177.0.0.1", "127.1"])
def test_a_local_server_reaches_loopback_however_it_is_spelled(host: str) -> None:
    async def scene() -> Posted:
        async with receiving(says(OK)) as receiver, posting() as poster:
            return await _post_to(receiver, poster, host)

    assert asyncio.run(scene()).reason == "received"


def test_a_name_that_turns_to_loopback_is_denied_from_then_on(dialled: list[Any]) -> None:
    allowed = Policy(loopback=False, allowed=[ip_network("127.0.0.1/32")])
    resolve = resolving(["127.0.0.1"], ["127.0.0.2"], ["::1"], ["::ffff:127.0.0.2"], ["10.0.0.1"])

    async def scene() -> list[str]:
        kept_open = says(answer(200, b"ok", "Connection: keep-alive"))
        async with receiving(kept_open) as receiver, posting(allowed, resolve=resolve) as poster:
            return [(await _post_to(receiver, poster, "shop.example")).reason for _ in range(5)]

    assert asyncio.run(scene()) == ["received", *["denied"] * 4]
    assert [where[0] for where in dialled] == ["127.0.0.1"]


class Rebound(Policy):
    """Lets an address pass when it is judged first and never after, as if by then another one were dialled."""

    def judge(self, address: Address) -> str | None:
        judged = self.__dict__.setdefault("judged", set())
        if address in judged and not address.is_loopback:
            return "it changed"
        judged.add(address)
        return None


@pytest.mark.parametrize("found", [["8.8.8.8"], ["8.8.8.8", "1.1.1.1"], ["8.8.8.8", "2606:4700::1111"]])
def test_what_passed_at_the_look_up_is_judged_again_at_the_dial(found: list[str], dialled: list[Any]) -> None:
    posted = post_alone("http://shop.example/", Rebound(loopback=False), resolve=resolving(found))
    assert (posted.reason, dialled) == ("denied", [])


def test_racing_for_the_quickest_address_does_not_go_round_the_guard(dialled: list[Any]) -> None:
    resolve = resolving(["2606:4700::1111", "8.8.8.8", "127.0.0.1", "2606:4700::1112"])

    async def scene() -> Posted:
        async with receiving(says(OK)) as receiver, posting(Rebound(loopback=False), resolve=resolve) as poster:
            return await _post_to(receiver, poster, "shop.example")

    assert asyncio.run(scene()).reason == "received"
    assert {where[0] for where in dialled} == {"127.0.0.1"}


def test_only_the_permitted_addresses_of_a_name_are_dialled(dialled: list[Any]) -> None:
    resolve = resolving(["10.0.0.1", "fd00::1", "127.0.0.1", "169.254.169.254"])

    async def scene() -> Posted:
        async with receiving(says(OK)) as receiver, posting(resolve=resolve) as poster:
            return await _post_to(receiver, poster, "shop.example")

    assert asyncio.run(scene()).reason == "received"
    assert {where[0] for where in dialled} == {"127.0.0.1"}


@pytest.mark.parametrize("found", ["localhost", "127.1", "0x7f.1", "2130706433", "", "::1%lo", "fe80::1%1"])
def test_a_resolver_cannot_smuggle_in_what_is_no_plain_address(found: str, dialled: list[Any]) -> None:
    posted = post_alone("http://shop.example/", resolve=resolving([found]))
    assert (posted.reason, dialled) == ("denied", [])


def test_proxy_variables_are_not_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async def scene() -> tuple[Posted, Receiver, Receiver]:
        async with receiving(says(OK)) as proxy, receiving(says(OK)) as receiver, posting() as poster:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            return await _post_to(receiver, poster), receiver, proxy

    posted, receiver, proxy = asyncio.run(scene())
    assert (posted.reason, proxy.connections) == ("received", 0)
    assert b"authorization" not in receiver.requests[0].lower()


def test_neither_cookies_nor_connections_outlive_an_attempt() -> None:
    async def scene() -> Receiver:
        kept_open = says(answer(200, b"ok", "Set-Cookie: a=b", "Connection: keep-alive"))
        async with receiving(kept_open) as receiver, posting() as poster:
            for _ in range(3):
                await _post_to(receiver, poster, "localhost")
            return receiver

    receiver = asyncio.run(scene())
    assert (receiver.connections, len(receiver.requests)) == (3, 3)
    assert all(b"cookie" not in request.lower() for request in receiver.requests)


# TLS


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for this machine's names by an authority of its own."""
    monkeypatch.setenv("WIXTURE_HOME", str(tmp_path))
    return server_context(None, None, host="127.0.0.1")


def _post_over_tls(certificate: ssl.SSLContext, behave: Behaviour, host: str, **options: Any) -> Posted:
    async def scene() -> Posted:
        async with receiving(behave, tls=certificate) as receiver, posting(**options) as poster:
            return await _post_to(receiver, poster, host, "https")

    return asyncio.run(scene())


def test_tls_is_verified_against_the_given_authority(certificate: ssl.SSLContext) -> None:
    trust = ssl.create_default_context(cafile=str(authority_path()))
    for host in ("127.0.0.1", "localhost"):
        assert _post_over_tls(certificate, says(OK), host, tls=trust).reason == "received"


def test_a_certificate_of_nobody_known_fails(certificate: ssl.SSLContext) -> None:
    posted = _post_over_tls(certificate, says(OK), "127.0.0.1")
    assert (posted.reason, posted.status) == ("tls", None)
    assert "certificate" in posted.text


def test_a_certificate_for_another_name_fails(certificate: ssl.SSLContext) -> None:
    trust = ssl.create_default_context(cafile=str(authority_path()))
    posted = _post_over_tls(certificate, says(OK), "shop.example", tls=trust, resolve=resolving(["127.0.0.1"]))
    assert posted.reason == "tls"
    assert "mismatch" in posted.text


def test_https_to_a_receiver_without_tls_fails() -> None:
    async def behave(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def scene() -> Posted:
        server = await asyncio.start_server(behave, "127.0.0.1", 0)
        async with server, posting() as poster:
            return await poster.post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"")

    assert asyncio.run(scene()).reason == "tls"


def test_a_handshake_that_does_not_come_times_out() -> None:
    async def behave(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.read()
        writer.close()

    async def scene() -> Posted:
        server = await asyncio.start_server(behave, "127.0.0.1", 0)
        async with server, posting(limit_ms=100) as poster:
            return await poster.post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"")

    assert asyncio.run(scene()).reason == "timeout"


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (drips(b"HTTP/1.1 200 OK\r\n\r\n", b"a"), "timeout"),
        (drips(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 50_000), "too_long"),
        (says(answer(200, b"abc")[:-1]), "reset"),
    ],
)
def test_over_tls_an_answer_without_end_is_left(
    certificate: ssl.SSLContext, behave: Behaviour, reason: str
) -> None:
    trust = ssl.create_default_context(cafile=str(authority_path()))
    assert _post_over_tls(certificate, behave, "localhost", tls=trust, limit_ms=400).reason == reason


# The end


def test_closing_ends_what_runs_and_nothing_is_posted_afterwards(dialled: list[Any]) -> None:
    async def scene() -> list[Posted]:
        arrived = asyncio.Event()

        async def behave(writer: Writer) -> None:
            arrived.set()
            await asyncio.sleep(60)

        async with receiving(behave) as receiver:
            poster = Poster(LOCAL, limit_ms=30_000)
            running = asyncio.create_task(_post_to(receiver, poster))
            await arrived.wait()
            await poster.close()
            return [await running, await _post_to(receiver, poster)]

    assert [posted.reason for posted in asyncio.run(scene())] == ["stopped", "stopped"]
    assert len(dialled) == 1


def test_closing_does_not_wait_for_a_look_up() -> None:
    async def scene() -> Posted:
        asked = asyncio.Event()

        async def resolve(host: str) -> Sequence[str]:
            asked.set()
            await asyncio.sleep(60)
            return []

        poster = Poster(LOCAL, limit_ms=30_000, resolve=resolve)
        running = asyncio.create_task(poster.post("http://shop.example/", b""))
        await asked.wait()
        await poster.close()
        assert running.done()
        return await running

    assert asyncio.run(scene()).reason == "stopped"


def test_after_closing_no_socket_is_open(certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = ssl.create_default_context(cafile=str(authority_path()))
    made: list[socket.socket] = []

    class Recorded(socket.socket):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            if "fileno" not in more:  # not one that a receiver accepted
                made.append(self)

    async def scene() -> None:
        endless = drips(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 50_000)
        async with receiving(endless) as plain, receiving(endless, tls=certificate) as secure:
            poster = Poster(LOCAL, tls=trust)
            monkeypatch.setattr(socket, "socket", Recorded)
            await _post_to(plain, poster)
            await _post_to(secure, poster, scheme="https")
            await poster.close()
            assert [each.fileno() for each in made] == [-1, -1]

    asyncio.run(scene())


def test_closing_twice_or_unused_does_nothing() -> None:
    async def scene() -> None:
        poster = Poster(LOCAL)
        await poster.close()
        await poster.close()

    asyncio.run(scene())


def test_a_cancelled_attempt_is_cancelled_and_leaves_no_connection() -> None:
    async def scene() -> None:
        arrived = asyncio.Event()

        async def behave(writer: Writer) -> None:
            arrived.set()
            await asyncio.sleep(60)

        async with receiving(behave) as receiver, posting(limit_ms=30_000) as poster:
            running = asyncio.create_task(_post_to(receiver, poster))
            await arrived.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(scene())


# Names


def test_the_system_is_asked_once_for_all_who_wait_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    release = threading.Event()

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        release.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))] * 2

    async def scene() -> list[Sequence[str]]:
        names = Names()
        gives_up, *others = [asyncio.create_task(names.addresses("shop.example")) for _ in range(3)]
        await asyncio.sleep(0)
        gives_up.cancel()
        release.set()
        return [*await asyncio.gather(*others), await names.addresses("shop.example")]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert asyncio.run(scene()) == [["192.0.2.1"]] * 3
    assert asked == ["shop.example"] * 2


def test_stopping_does_not_wait_for_a_resolver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    release, left = threading.Event(), threading.Event()

    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        release.wait(10)
        left.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert post_alone("http://shop.example/", limit_ms=50).reason == "timeout"
    assert not left.is_set()
    release.set()


@pytest.mark.parametrize("host", ["x" * 64, "no.such.host.invalid"])
def test_a_name_the_system_does_not_know_has_no_addresses(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(socket.gaierror):
        asyncio.run(Names().addresses(host))
