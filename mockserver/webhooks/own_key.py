"""The key that commands sign with when no mock does: made once per user and kept, so consumers can know it."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from wixture.mockserver.certificates import make_private, state_folder, write_private
from wixture.mockserver.webhooks.signing import BadKey, SigningKey, new_key, read_key


def kept_key() -> SigningKey:
    """The user's key, made when there is none. Raises BadKey when it can be neither read nor kept."""
    path = key_path()
    if path.exists():
        return read_key(path)
    try:
        make_private(path.parent)
        made = new_key()
        pem = made.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(path, pem)
    except OSError as error:
        text = f"No key can be kept in {path.parent}: {error.strerror}. Set WIXTURE_HOME, or give --signing-key."
        raise BadKey(text) from error
    return made


def key_path() -> Path:
    """Where the key is kept, for its owner alone."""
    return state_folder() / "webhooks" / "signing-key.pem"


def public_key_path() -> Path:
    """Where its public half is written."""
    return key_path().with_name("public-key.pem")
