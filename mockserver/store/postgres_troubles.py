"""What failures of PostgreSQL and of its driver are told as, and what to do next."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import asyncpg  # type: ignore[import-untyped]

from wixture.mockserver.store.postgres_address import NO_ADDRESS, Address
from wixture.mockserver.store.postgres_functions import CHANGED, TAKEN
from wixture.mockserver.store.store import (
    BadState,
    Conflict,
    IdTaken,
    RecordChanged,
    StateAway,
    StorageUnavailable,
)

_WITHOUT_A_WORD = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What ends a statement without a word of the server: a write may have been made. A timeout is an OSError."""
LOST_IN_FLIGHT = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
)
_MISSING = (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError)
_NOT_ALLOWED = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InsufficientPrivilegeError)
UNAVAILABLE = (
    *LOST_IN_FLIGHT,
    *_MISSING,
    *_NOT_ALLOWED,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.DataCorruptedError,
)
FAILURES = (
    OSError,
    ValueError,
    OverflowError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What can come of an attempt to use a database."""
_PASSING = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
"""What may pass by itself: whoever starts a server tries again."""
_OF_THE_DRIVER = (asyncpg.InterfaceError, asyncpg.InternalClientError)
_AGAIN = "Start the database, or mend the way to it, then try again"


def is_unavailable(error: BaseException) -> bool:
    """Whether the database cannot be used at the moment, by what the driver raised."""
    return isinstance(error, UNAVAILABLE) or (
        isinstance(error, _OF_THE_DRIVER) and not isinstance(error, ValueError)
    )


def unavailable(address: Address, error: BaseException, *, writing: bool) -> StorageUnavailable:
    """The same as the store's callers know it; `writing` where a statement was on its way that writes."""
    how = _AGAIN
    if isinstance(error, asyncpg.DiskFullError):
        how = "Make room for the database, then try again"
    elif isinstance(error, _MISSING):
        how = "Bring back what is missing in the schema wixture, then try again"
    elif isinstance(error, _NOT_ALLOWED):
        how = "Let the user write to the schema wixture, then try again"
    may_be_stored = writing and isinstance(error, _WITHOUT_A_WORD)
    return StorageUnavailable(f"{address.place}: {reason(error)}", how=how, may_be_stored=may_be_stored)


def all_in_use(address: Address, size: int) -> StorageUnavailable:
    """That others use every connection for too long."""
    return StorageUnavailable(f"all {size} connections to {address.place} are in use", how=_AGAIN)


def conflict(code: str | None, place: str | None = None) -> Conflict:
    """The conflict that the database speaks of; `place` is the change's among others."""
    if code == CHANGED:
        return RecordChanged("another process has changed the tenant")
    kind, text = Conflict, "the revision is stale, or the identifier is taken"
    if code == TAKEN:
        kind, text = IdTaken, "the ID is taken"
    return kind(text, position=int(place) if place else None)


def reason(error: BaseException) -> str:
    """Why something failed, on one line. The driver never has the password in it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error).partition("\n")[0].strip()
    return text or type(error).__name__


_HINTS: Mapping[type[Exception], str] = {
    asyncpg.InvalidPasswordError: "Correct the user and the password of the address, or set PGPASSWORD.",
    asyncpg.InvalidAuthorizationSpecificationError: "Correct the user of the address, or let it in (pg_hba.conf).",
    asyncpg.InvalidCatalogNameError: "Make the database with createdb, or correct the address.",
    asyncpg.InsufficientPrivilegeError: (
        "Let the user make the schema, GRANT CREATE ON DATABASE …, "
        "or make it for the user, CREATE SCHEMA wixture AUTHORIZATION …."
    ),
    asyncpg.TooManyConnectionsError: "Raise max_connections, or stop others that use it.",
    asyncpg.CannotConnectNowError: "Try again in a moment.",
    asyncpg.UndefinedObjectError: "Correct what follows the ? in the address, or leave it out.",
    ssl.SSLError: "Correct the certificates, or the sslmode of the address.",
    OSError: "Start it, or correct the address.",
}
_NO_TLS = "rejected SSL upgrade"
_NO_TLS_HINT = "It takes no TLS: switch that on there (ssl = on), or take sslmode out of the address."


def bad_state(address: Address, error: Exception) -> BadState:
    """Why a database cannot be used, and what to do next: StateAway where that may pass by itself."""
    if isinstance(error, ValueError | OverflowError | asyncpg.ClientConfigurationError) and not isinstance(
        error, asyncpg.PostgresError | ssl.SSLError
    ):  # the driver's text can have parts of a password in it
        return BadState(NO_ADDRESS)
    hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "")
    is_passing = isinstance(error, _PASSING) and not isinstance(error, ssl.SSLError)
    if _NO_TLS in str(error):
        hint, is_passing = _NO_TLS_HINT, False
    kind = StateAway if is_passing else BadState
    return kind(f"{address.place} cannot be used: {reason(error).rstrip('.')}. {hint}".rstrip())
