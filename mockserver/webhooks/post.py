"""One outgoing POST: the only HTTP that the server itself asks for.

Whatever is dialled is judged twice by the policy of `destinations`: when a name's addresses come back, and once
more for the very socket address that is about to be connected to. No redirect is followed, no proxy variable is
obeyed, no cookie is kept, no connection is used twice, no answer is unpacked.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError
from yarl import URL

from wixture.mockserver.webhooks.destinations import BadDestination, Denied, Policy, parse
from wixture.mockserver.webhooks.names import Names
from wixture.mockserver.webhooks.outcomes import KEPT_BYTES, LIMIT_MS, REASONS, Posted

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Looks a host name up: its IP addresses as text. Raises socket.gaierror when it has none."""

_HEADERS = {"User-Agent": "wixture", "Accept": "*/*", "Accept-Encoding": "identity"}
_LINE_LIMIT = 8190
_HEADER_COUNT = 128
_MOST_INTERIM = 16
_RECEIVE_BUFFER = 64 * 1024
_ERRNO = re.compile(r"\[Errno ([0-9]+)\]")

_BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.ENETUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.EAFNOSUPPORT: "unreachable",
    errno.EACCES: "unreachable",
    errno.EPERM: "unreachable",
}
_NEAREST_TO_AN_ANSWER = ("reset", "refused", "timeout", "unreachable", "failed")


@dataclass(eq=False)
class _Attempt:
    """What is known of an attempt while it lasts."""

    deadline: asyncio.Timeout
    status: int | None = None
    answer: bytearray = field(default_factory=bytearray)
    is_dropped: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    async def read(self, response: aiohttp.ClientResponse) -> bool:
        """Read what fits; whether that is the whole answer."""
        self.status = response.status
        protocol = response.connection.protocol if response.connection is not None else None
        try:
            async for chunk in response.content.iter_any():
                room = KEPT_BYTES - len(self.answer)
                self.answer += chunk[:room]
                if len(chunk) > room:
                    return False
        except asyncio.CancelledError:
            # aiohttp's parser in C drops the connection for a broken chunk, and tells nobody who is reading.
            self.is_dropped = protocol is not None and not protocol.is_connected()
            raise
        return True

    def end_connections(self) -> None:
        """End them now, also where a TLS receiver never says goodbye."""
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


_attempt: ContextVar[_Attempt] = ContextVar("_attempt")


class Poster:
    """Posts webhooks, in the loop of one running server.

    `policy` judges every address dialled; `limit_ms` is real time from the start of an attempt, the look-up of the
    name included; `tls` replaces the usual certificate authorities; `resolve` replaces the system's resolver. How
    many attempts run at once is for the caller to bound.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        limit_ms: int = LIMIT_MS,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._guard = _Guard(policy, resolve or Names().addresses)
        self._limit = limit_ms / 1000
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._running: set[_Attempt] = set()
        self._closed = False

    async def post(self, url: str, body: bytes, *, content_type: str = "text/plain") -> Posted:
        """Post `body` once and say what became of it; a failure is an outcome, never an exception."""
        start = asyncio.get_running_loop().time()
        attempt = _Attempt(asyncio.timeout(self._limit))
        token = _attempt.set(attempt)
        self._running.add(attempt)
        try:
            reason, detail = await self._outcome(attempt, url, body, content_type)
        finally:
            _attempt.reset(token)
            attempt.end_connections()
            self._running.discard(attempt)
        duration_ms = round((asyncio.get_running_loop().time() - start) * 1000)
        text = f"{REASONS[reason]} {detail}.".removesuffix(" .")
        return Posted(attempt.status, reason, duration_ms, bytes(attempt.answer), text)

    async def close(self) -> None:
        """End what runs, as `stopped`, and leave no socket behind. Nothing is posted afterwards."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for attempt in self._running:
            with suppress(RuntimeError):  # it ends at this moment by itself
                attempt.deadline.reschedule(now)
        await _until(lambda: not self._running)
        if self._session is not None:
            await self._session.close()
        await self._guard.all_closed()

    async def _outcome(self, attempt: _Attempt, url: str, body: bytes, content_type: str) -> tuple[str, str]:
        if self._closed:
            return "stopped", ""
        try:
            async with attempt.deadline:
                is_whole = await self._send(attempt, url, body, content_type)
        except BadDestination as error:
            return "bad_address", str(error).rstrip(".")
        except (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError) as error:
            return ("stopped", "") if self._closed else _by_status(attempt.status) or _by_error(error, attempt)
        return _by_status(attempt.status) or ("received" if is_whole else "too_long", "")

    async def _send(self, attempt: _Attempt, url: str, body: bytes, content_type: str) -> bool:
        where = URL(parse(url).url, encoded=True)
        headers = {**_HEADERS, "Content-Type": content_type}
        session = self._session = self._session or self._new_session()
        async with session.post(where, data=body, headers=headers, allow_redirects=False) as response:
            return await attempt.read(response)

    def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._guard,
            use_dns_cache=False,
            socket_factory=self._guard.new_socket,
            force_close=True,
            limit=0,
            ssl=self._tls or True,
        )
        # The client has no public place to say so; a test holds that it is heard.
        connector._factory = partial(_Protocol, loop=asyncio.get_running_loop())  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
            max_headers=_HEADER_COUNT,
        )


class _Protocol(ResponseHandler):
    """Gives a receiver up that announces an answer again and again (1xx): the client would read for ever."""

    _interim = 0

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Take one message."""
        if data[0].code < 200:
            self._interim += 1
        if self._interim <= _MOST_INTERIM:
            super().feed_data(data, size)
        elif self.transport is not None:
            self.transport.abort()
            self.set_exception(HttpProcessingError(message="too many interim answers"))


class _Guard(AbstractResolver):
    """Lets the client see and dial only what the policy allows."""

    def __init__(self, policy: Policy, look_up: Resolve) -> None:
        self._policy = policy
        self._look_up = look_up
        self._sockets: WeakSet[socket.socket] = WeakSet()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Those of the name's addresses that may be dialled. Raises Denied when it has only others."""
        reasons = {text: self._reason(text) for text in await self._look_up(host)}
        permitted = [text for text, reason in reasons.items() if reason is None]
        if not reasons:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        if not permitted:
            raise Denied(next(filter(None, reasons.values())))
        return [
            ResolveResult(hostname=host, host=text, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for text in permitted
        ]

    def new_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """A socket for the address that is about to be dialled. Raises Denied when it may not be."""
        family, kind, protocol, _, where = info
        reason = self._reason(str(where[0]))
        if reason is not None:
            raise Denied(reason)
        made = socket.socket(family, kind, protocol)
        # What is parsed in one go is what the system holds ready: much of it would keep the loop from others.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._sockets.add(made)
        _attempt.get().sockets.append(made)
        return made

    async def all_closed(self) -> None:
        """Return when the loop has closed every socket; each has been shut down, so it takes a few rounds."""
        await _until(lambda: all(each.fileno() == -1 for each in self._sockets))

    async def close(self) -> None:
        """Part of aiohttp's resolvers; there is nothing to close."""

    def _reason(self, text: str) -> str | None:
        try:
            return self._policy.judge(ip_address(text))
        except ValueError:
            return "what the name stands for is no IP address"


async def _until(settled: Callable[[], bool]) -> None:
    """Give the loop its rounds until it is so, for half a second at most."""
    for _ in range(500):
        if settled():
            return
        await asyncio.sleep(0.001)


def _by_status(status: int | None) -> tuple[str, str] | None:
    """The outcome of a status that decides by itself, however the rest of the answer went."""
    if status is None or status == 200:
        return None
    return ("redirect" if 300 <= status < 400 else "status"), f"Its status: {status}"


def _by_error(error: Exception, attempt: _Attempt) -> tuple[str, str]:
    """The outcome of an error: its word, and what the system or TLS says about it."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, Denied):
        return "denied", cause.why[0].upper() + cause.why[1:]
    for each in (cause, error.__cause__):
        if isinstance(each, ssl.SSLError):
            return "tls", str(getattr(each, "verify_message", "") or each.reason or "").rstrip(".")
    if isinstance(cause, TimeoutError):
        return ("bad_answer" if attempt.is_dropped else "timeout"), ""
    if isinstance(cause, socket.gaierror):
        return "name_unknown", ""
    if isinstance(error, aiohttp.ClientPayloadError):
        is_cut = isinstance(error.__cause__, ContentLengthError | TransferEncodingError | OSError)
        return ("reset" if is_cut else "bad_answer"), ""
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return "bad_answer", ""
    return _by_errors_of_the_system(cause) or ("reset" if isinstance(cause, aiohttp.ClientError) else "failed", "")


def _by_errors_of_the_system(error: Exception) -> tuple[str, str] | None:
    """The outcome of one system error, or of several, which the client gives in one text for several addresses."""
    own = getattr(error, "errno", None)
    numbers = [own] if own is not None else [int(number) for number in _ERRNO.findall(str(error))]
    words = {_BY_ERRNO.get(number, "failed"): os.strerror(number) for number in numbers}
    word = min(words, key=_NEAREST_TO_AN_ANSWER.index, default=None)
    return None if word is None else (word, words[word])
