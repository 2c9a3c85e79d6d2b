"""One request and its answer, over a socket of its own: no proxy, no redirect, bounded in size and time."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wixture.contracts.targets.address import Address, BadTarget, is_loopback
from wixture.contracts.targets.pace import Stopwatch

MOST_BYTES = 8 * 1024 * 1024
MOST_HEADER_BYTES = 64 * 1024
SECONDS = 30.0


class Unanswered(Exception):
    """No answer came. The text says what happened instead."""


class Untrusted(Unanswered):
    """Somebody is there, whose certificate is not believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case; repeated ones joined by a comma) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    duration_ms: float


def trust(certificate: Path | None) -> ssl.SSLContext:
    """What certificates are believed: the machine's, and those in a file. Raises BadTarget for a bad file."""
    context = ssl.create_default_context()
    if certificate is not None:
        try:
            context.load_verify_locations(certificate)
        except (OSError, ssl.SSLError) as error:
            text = f"--cacert {certificate} cannot be read: {error.strerror or error}. Expected PEM certificates."
            raise BadTarget(text) from error
    return context


class _Timely(http.client.HTTPResponse):
    """An answer of which each part has only the time that is left: headers that drip, and 100s for ever, too."""

    def __init__(self, sock: socket.socket, *more: Any, watch: Stopwatch, seconds: float, **named: Any) -> None:
        super().__init__(sock, *more, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Bytes(sock, watch, seconds))


class _Bytes(io.RawIOBase):
    def __init__(self, sock: socket.socket, watch: Stopwatch, seconds: float) -> None:
        self._socket, self._watch, self._seconds = sock, watch, seconds
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._seconds - self._watch.ms / 1000
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Connection:
    """Sends requests to one address, and nowhere else."""

    def __init__(self, address: Address, certificate: Path | None = None, seconds: float = SECONDS) -> None:
        self.address = address
        self._seconds = seconds
        self._context = trust(certificate) if address.scheme == "https" else None

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """The answer to one request. `path` follows the address's own. Raises Unanswered.

        The whole exchange has the connection's seconds, a slow answer too, and 8 MiB of it are read at most.
        """
        watch = Stopwatch()
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=self._seconds)
        try:
            timely = partial(_Timely, watch=watch, seconds=self._seconds)
            connection.response_class = timely  # type: ignore[assignment]  # called, and nothing else
            connection.sock = self._dial()
            told = {"Host": self.address.authority, **headers}
            connection.request(method, self.address.base + path, body=body, headers=told)
            answer = connection.getresponse()
            if sum(len(name) + len(value) for name, value in answer.headers.items()) > MOST_HEADER_BYTES:
                raise Unanswered(f"its headers are over {MOST_HEADER_BYTES // 1024} KiB")
            data = _read(answer, watch, self._seconds)
        except ssl.SSLCertVerificationError as error:
            reason = error.verify_message.rstrip(".")
            raise Untrusted(f"its certificate is not believed: {reason}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(_reason(error)) from error
        finally:
            connection.close()
        names = {name.lower() for name in answer.headers}
        together = {name: ", ".join(answer.headers.get_all(name, [])) for name in sorted(names)}
        return Answer(answer.status, together, data, watch.ms)

    def _dial(self) -> socket.socket:
        made = socket.create_connection(self.address.dialled, timeout=self._seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._context is not None:
                return self._context.wrap_socket(made, server_hostname=self.address.host)
            if not is_loopback(made.getpeername()[0]):  # a name that leads elsewhere: nothing is sent in the open
                raise Unanswered(f"{self.address.host} is not this machine's own address")
            return made
        except BaseException:
            made.close()
            raise


def _read(answer: http.client.HTTPResponse, watch: Stopwatch, seconds: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(64 * 1024):
        size += len(part)
        parts.append(part)
        if size > MOST_BYTES:
            raise Unanswered(f"its answer is over {MOST_BYTES // 1024 // 1024} MiB")
        if watch.ms > seconds * 1000:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    return b"".join(parts)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "it refused the connection"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, http.client.IncompleteRead):
        return "its answer broke off"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return "it closed the connection"
    return f"{type(error).__name__} on the way"
