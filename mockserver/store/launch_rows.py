"""What a server starts from, as the rows of a table of names and values: the same in every database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from wixture.mockserver.keys import Keys
from wixture.mockserver.store.sites import Launch

SIGNING_KEYS = "signing keys"


def rows_of(launch: Launch) -> list[tuple[str, bytes]]:
    """The rows of a new state."""
    keys = launch.keys
    return [
        ("key token", keys.token),
        ("key link", keys.link),
        ("key cursor", keys.cursor),
        ("random seed", str(launch.random_seed).encode()),
        ("made", str(launch.made or 0).encode()),
        ("starts", b"0"),
        ("lag", b"0"),
        (SIGNING_KEYS, joined(launch.signing_keys)),
    ]


def launch_of(values: Mapping[str, bytes], *, generation: int, records: Mapping[str, bytes]) -> Launch:
    """What the rows of a state tell. Raises KeyError where one is missing."""
    return Launch(
        keys=Keys(token=values["key token"], link=values["key link"], cursor=values["key cursor"]),
        random_seed=int(values["random seed"]),
        generation=generation,
        made=int(values["made"]),
        is_filled="filled" in values,
        records=records,
        signing_keys=parted(values[SIGNING_KEYS]),
    )


def joined(keys: Sequence[bytes]) -> bytes:
    """Signing keys as one value."""
    return orjson.dumps([pem.decode() for pem in keys])


def parted(value: bytes) -> list[bytes]:
    """The signing keys of a value."""
    return [pem.encode() for pem in orjson.loads(value)]
