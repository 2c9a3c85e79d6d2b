"""Two servers under the vendor's name, one strict and one lenient, and a shell whose curl finds them there."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .samples import HOST, PLACEHOLDER, SEEDS, Sample, samples
from .shell import Transcript, lead_to, paste

WIXTURE = Path(sys.executable).with_name("wixture")
MEMBER = "d0000000-0000-4000-8000-000000000001"
STOP_SECONDS = 10


def _missing(part: str, reason: str, install: str) -> NoReturn:
    message = f"THE SAMPLES OF THE PAGES WERE NOT RUN: {reason}. {install}"
    if part in re.split(r"[,\s]+", os.environ.get("WIXTURE_REQUIRE", "")):
        pytest.fail(f"{message} WIXTURE_REQUIRE names {part}, so this is a failure.", pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def pages() -> dict[tuple[str, int], Sample]:
    """Every curl by page and line. Without the pages the tests skip, or fail where they are required."""
    if not SEEDS.is_dir():
        _missing("seeds", f"there is no {SEEDS}", "The vendor's pages are kept there.")
    return {(sample.page, sample.line): sample for sample in samples()}


@pytest.fixture(scope="session")
def shell() -> None:
    """Bash and curl are here; else the tests skip, or fail where curl is required."""
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            _missing("curl", f"{program} is not on the PATH", f"Install {program}.")


@dataclass(frozen=True)
class Ran:
    """What came of a text: the shell's side, and what the mock saw of it."""

    transcript: Transcript
    exchanges: list[dict[str, Any]]


class Server:
    """A `wixture serve` that calls itself www.wixapis.com, and a shell that takes it for that."""

    def __init__(self, port: int, home: Path) -> None:
        certificate = home / "certificate.pem"
        self._context = ssl.create_default_context(cafile=str(certificate))
        self._port = port
        self._curl_home, self._curl_home_lenient = home / "curl", home / "curl-lenient"
        lead_to(port, certificate, self._curl_home)
        lead_to(port, certificate, self._curl_home_lenient, more=('header = "X-Wixture-Input: lenient"',))

    def run(
        self, text: str, *, identity: str, seed: dict[str, Any], site: str = "", asks_for_lenient: bool = False
    ) -> Ran:
        """Paste a text, the placeholder in it replaced by a token, at a site of its own with that seed.

        `asks_for_lenient` adds the header of lenient input by curl's configuration; the text stays as it is.
        """
        site = site or str(uuid.uuid4())
        self.control("POST", f"/seed?instance={site}", seed)
        more = {"memberId": MEMBER} if identity == "MEMBER" else {}
        token = self.control("POST", f"/tokens?instance={site}", {"identity": identity, **more})["access_token"]
        home = self._curl_home_lenient if asks_for_lenient else self._curl_home
        transcript = paste(text.replace(PLACEHOLDER, token), home)
        return Ran(transcript, self.control("GET", f"/exchanges?instance={site}")["exchanges"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API."""
        request = urllib.request.Request(
            f"https://localhost:{self._port}/_mock{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:  # noqa: S310
            return json.loads(answer.read())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, shell: None) -> Iterator[Callable[[str], Server]]:
    """Starts the server with an input of `strict` or `lenient`, once each."""
    started: dict[str, Server] = {}
    with ExitStack() as running:

        def start(kind: str) -> Server:
            if kind not in started:
                started[kind] = running.enter_context(_serving(kind, tmp_path_factory.mktemp(kind)))
            return started[kind]

        yield start


@contextmanager
def _serving(kind: str, home: Path) -> Iterator[Server]:
    certificate, key = _certificate(home)
    options = ["--port", "0", "--tls", "--cert", certificate, "--key", key, "--input", kind]
    options += ["--clock", "2024-01-31T08:00:00Z", "--random-seed", "1", "--public-url", f"https://{HOST}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WIXTURE_")}
    with subprocess.Popen(
        [WIXTURE, "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**kept, "WIXTURE_HOME": str(home)},
    ) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            found = re.fullmatch(r"wixture ready on https://127\.0\.0\.1:(\d+)\n", ready)
            assert found, ready + process.stdout.read()
            yield Server(int(found[1]), home)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _certificate(home: Path) -> tuple[Path, Path]:
    """A certificate for the vendor's host that nobody but this test's curl trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "The pages' own host")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    hosts = x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    (home / "key.pem").write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()))
    (home / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return home / "certificate.pem", home / "key.pem"
