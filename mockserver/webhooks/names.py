"""Host names to addresses, without making anybody wait for a resolver that does not answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Names:
    """Looks host names up in threads of its own: one for each name at a time, none kept alive by it.

    The loop's own pool would be joined when the server stops, and a few dead resolvers would fill it.
    """

    def __init__(self) -> None:
        self._asked: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host name, as text, in the system's order. Raises socket.gaierror."""
        asked = self._asked.get(host) or self._ask(host)
        # Giving up on an answer must not take it from the others who wait for it.
        return await asyncio.shield(asked)

    def _ask(self, host: str) -> asyncio.Future[Sequence[str]]:
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[Sequence[str]] = loop.create_future()
        threading.Thread(target=_look_up, args=(host, loop, asked), name=f"look up {host}", daemon=True).start()
        self._asked[host] = asked
        asked.add_done_callback(lambda done: self._forget(host, done))
        return asked

    def _forget(self, host: str, asked: asyncio.Future[Sequence[str]]) -> None:
        del self._asked[host]
        asked.exception()  # read here, for perhaps nobody waits any more


def _look_up(host: str, loop: asyncio.AbstractEventLoop, asked: asyncio.Future[Sequence[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        failure = error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "no host name")
        _settle(loop, asked.set_exception, failure)
    else:
        _settle(loop, asked.set_result, list(dict.fromkeys(str(info[4][0]) for info in found)))


def _settle(loop: asyncio.AbstractEventLoop, settle: Callable[[T], object], outcome: T) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody asks any more
        loop.call_soon_threadsafe(settle, outcome)
