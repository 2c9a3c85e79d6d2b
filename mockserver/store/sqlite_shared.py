"""The store in a file that several processes of one server have open: what others wrote is looked at anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from wixture.mockserver.store import sqlite_sites
from wixture.mockserver.store.sites import KeptRecord, Launch
from wixture.mockserver.store.sqlite_connection import connected
from wixture.mockserver.store.sqlite_file import SqliteFile, with_a_number_of_its_own
from wixture.mockserver.store.sqlite_outbox import SqliteOutbox
from wixture.mockserver.store.sqlite_sites import SqliteSites
from wixture.mockserver.store.store import BadState, RecordChanged, StorageUnavailable


class SharedFile(SqliteFile):
    """A worker's door to the file whose lock its parent holds. Use `join`."""

    shared = True

    @classmethod
    def join(cls, path: Path, *, lag_ms: int = 0) -> Self:
        """The store in a file that another process has made, looked through and locked. Raises BadState."""
        try:
            db = connected(path)
            try:
                return cls(path, None, db, lag_ms=lag_ms)
            except BaseException:
                db.close()
                raise
        except (sqlite3.Error, StorageUnavailable) as error:
            raise BadState(f"{path} cannot be used as a state file: {error}.") from error

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._seen = -1
        super().__init__(*arguments, **more)
        self.outbox: SqliteOutbox = SqliteOutbox(
            self._db, self._key, self._known_key, self._transactions, shared=True
        )
        self.sites: SqliteSites = SharedSites(
            self._db, self._key, self._known_key, self._transactions, shared=True, look_around=self._look_around
        )

    def _begun(self) -> Launch:
        """What this process starts from: no other has its generation."""
        try:
            with self._transactions.whole:
                launch = sqlite_sites.launched(self._db)
                sqlite_sites.count_start(self._db, launch.generation)
        except StorageUnavailable:  # reads can go on
            launch = with_a_number_of_its_own(sqlite_sites.launched(self._db))
        return launch

    def _key(self, tenant: str) -> int:
        self._transactions.begin()  # nobody takes the number from the tenant before it is written with
        self._look_around()
        return super()._key(tenant)

    def _known_key(self, tenant: str) -> int:
        self._look_around()
        return super()._known_key(tenant)

    def _look_around(self) -> int:
        """Forget what another process may have changed; a number that is another one once one has."""
        seen = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        if seen != self._seen:
            self._seen = seen
            self._tenants.clear()
        return seen


class SharedSites(SqliteSites):
    """Records that others change, too. A request begins with `newer`, which looks around for all that it reads."""

    def __init__(self, *arguments: Any, look_around: Callable[[], int], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._look_around = look_around
        self._looked: dict[str, int] = {}

    async def newer(self, tenant: str, version: int) -> KeptRecord | None:
        """The tenant's record where it has another version; not looked for while no other process wrote."""
        seen = self._look_around()
        if version >= 0 and self._looked.get(tenant) == seen:
            return None
        found = await super().newer(tenant, version)
        self._looked[tenant] = seen
        return found

    def write(self, tenant: str, record: bytes, based_on: int | None) -> int:
        """Keep a tenant's record. Raises RecordChanged; whoever looks next finds which there is, then."""
        try:
            return super().write(tenant, record, based_on)
        except RecordChanged:  # by this process as well as by another
            self._looked.pop(tenant, None)
            raise
