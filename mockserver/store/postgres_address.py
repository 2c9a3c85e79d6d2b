"""Where a database is, and how its troubles are told: never with the password."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from wixture.mockserver.store.store import BadState

FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
NO_ADDRESS = (
    f"this is no address of a database. Its form is {FORM}, with a PORT from 1 to 65535, and in a password "
    "%40 for an @, %23 for a # and %2F for a /."
)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a database; `place` is the part of it that can be shown."""

    dsn: str = field(repr=False)
    place: str

    @classmethod
    def of(cls, dsn: str) -> Address:
        """The address that a URL names, as libpq reads it: PGHOST and the others fill in what is missing.

        Raises BadState for a port that there is not, and for an unknown sslmode.
        """
        _check(dsn)
        return cls(dsn, _place(dsn))


def _check(dsn: str) -> None:
    try:
        parts = urlsplit(dsn)
    except ValueError:
        raise BadState(NO_ADDRESS) from None
    asked = parse_qs(parts.query)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [host.rpartition(":")[2] for host in hosts if ":" in host and not host.endswith("]")]
    ports += ",".join([*asked.get("port", ()), os.environ.get("PGPORT", "")]).split(",")
    if any(re.fullmatch("[0-9]+", port) and not 1 <= int(port[:9]) <= 65535 for port in ports):
        raise BadState(NO_ADDRESS)
    modes = asked.get("sslmode") or [os.environ.get("PGSSLMODE") or "prefer"]
    if modes[-1] not in _SSL_MODES:
        raise BadState(
            f"the address has an unknown sslmode. Give one of {', '.join(_SSL_MODES)}, or leave it out."
        )


def _place(dsn: str) -> str:
    """Host, port and database: a URL that is not surely read as it was meant shows nothing of itself."""
    try:
        parts = urlsplit(dsn)
        named = parse_qs(parts.query).get("host", [""])[0]
        host = parts.hostname or named or os.environ.get("PGHOST") or "its usual place"
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "PostgreSQL"
    if "@" in parts.path + parts.query + parts.fragment:
        return "PostgreSQL"
    return f"PostgreSQL at {host}{port}{parts.path}"
