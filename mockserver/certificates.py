"""A certificate authority of one's own, so that clients which insist on https can be pointed at the mock.

It is made once per user and kept, for its certificate is what clients are told to trust. It signs for this
machine's own names alone.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from wixture.mockserver.clock import wall_time

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_DAYS = 397
_NAMES = ("localhost", "127.0.0.1", "::1")


class BadCertificate(ValueError):
    """Certificate files that cannot be read or made. The text says what to do."""


def state_folder() -> Path:
    """Where Wixture keeps what outlives a run: $WIXTURE_HOME, or the user's state folder."""
    if os.environ.get("WIXTURE_HOME"):
        return Path(os.environ["WIXTURE_HOME"])
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "wixture"


def make_private(folder: Path) -> None:
    """Make a folder of the state folder, and that one, for their owner alone. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


def authority_path() -> Path:
    """The authority's certificate, for NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE or curl --cacert."""
    return state_folder() / "tls" / "ca.pem"


def server_context(certificate: Path | None, key: Path | None, *, host: str) -> ssl.SSLContext:
    """A context with the given files, or with a certificate of our own. Raises BadCertificate."""
    if certificate is None or key is None:
        certificate = key = _own_certificate(host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(f"{certificate} and {key} are no certificate and key in PEM: {error}.") from error
    return context


def _own_certificate(host: str) -> Path:
    folder = authority_path().parent
    try:
        make_private(folder)
        authority_key = _authority(folder)
        path = folder / "server.pem"
        write_private(path, _signed_for((*_NAMES, host), folder, authority_key))
    except OSError as error:
        raise BadCertificate(f"No certificate can be kept in {folder}: {error}. Set WIXTURE_HOME.") from error
    return path


def _authority(folder: Path) -> EllipticCurvePrivateKey:
    """The authority's key, made with its certificate when there is none or it is about to expire."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key_path, certificate_path = folder / "ca.key", folder / "ca.pem"
    if not (key_path.exists() and certificate_path.exists()) or _expires_soon(certificate_path):
        _make_authority(key_path, certificate_path)
    return load_pem_private_key(key_path.read_bytes(), None)  # type: ignore[return-value]


def _expires_soon(path: Path) -> bool:
    from cryptography import x509

    end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return end - wall_time() < datetime.timedelta(days=30)


def _make_authority(key_path: Path, certificate_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Wixture local authority")
    builder = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    write_private(key_path, _pem(key))
    certificate_path.write_bytes(_sign(builder, key).public_bytes(Encoding.PEM))


def _signed_for(hosts: tuple[str, ...], folder: Path, authority_key: EllipticCurvePrivateKey) -> bytes:
    """Key and certificate of a server with these names, in one PEM text."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    issuer = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)])
    builder = _builder(_name("localhost"), issuer.subject, key).add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(purpose, critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = builder.add_extension(signer, critical=False)
    return _pem(key) + _sign(builder, authority_key).public_bytes(Encoding.PEM)


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    from cryptography import x509

    start = wall_time() - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=_DAYS))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, never half."""
    temporary = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    temporary.replace(path)
