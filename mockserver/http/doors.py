"""One address for several processes: the sockets that each of them listens on, opened by their parent."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from wixture.mockserver.http.listening import BACKLOG, cannot_listen

_SPREADS = sys.platform == "linux"
"""Whether the system spreads connections over several sockets of one address; elsewhere all share one."""
Doors = Sequence[Sequence[socket.socket]]


def open_doors(host: str, port: int, count: int) -> Doors:
    """The sockets of each of some processes, which listen; port 0 picks a free one. Raises ListenError.

    The parent keeps them all: who comes while a process is replaced waits at its door.
    """
    opened: list[list[socket.socket]] = [[] for _ in range(count)]
    try:
        for family, address in _addresses(host, port):
            free = (address[0], _free_port(family, (address[0], port, *address[2:])), *address[2:])
            port = free[1]
            shared = None if _SPREADS else _bound(family, free)
            for sockets in opened:
                sockets.append(shared or _bound(family, free, spreads=True))
    except OSError as error:
        close_doors(opened)
        raise cannot_listen(host, port, error) from error
    return opened


def close_doors(doors: Doors) -> None:
    """Let nobody in any more who has not come yet."""
    for sockets in doors:
        for one in sockets:
            one.close()


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int, *tuple[int, ...]]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))  # type: ignore[misc]


def _free_port(family: socket.AddressFamily, address: tuple[str, int, *tuple[int, ...]]) -> int:
    """The port, unless somebody listens there already, who might let others listen beside it."""
    with _bound(family, address) as trial:
        return int(trial.getsockname()[1])


def _bound(
    family: socket.AddressFamily, address: tuple[str, int, *tuple[int, ...]], *, spreads: bool = False
) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if spreads:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
