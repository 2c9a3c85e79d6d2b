"""`make bench-profile`: where a request's CPU time goes, by station, sampled while the server works.

The server is `wixture serve` itself, interrupted by its own CPU clock at every tick of the kernel. Each sample is
counted for the innermost station on the stack; a system call belongs to the station that makes it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from benchmarks.load import run
from benchmarks.peers import stocked
from benchmarks.rounds import CONNECTIONS
from benchmarks.servers import BIN, Program, settle, take_core

_EVERY = 0.001
_SECONDS = 6.0
# A file, or a file and one of its functions; the innermost frame that is named here decides.
_STATIONS: Mapping[str, tuple[str, ...]] = {
    "tokens and permission": ("auth.py", "tokens.py"),
    "route": ("routes.py",),
    "reading JSON": ("json_body.py", "bodies.py", "querystring.py"),
    "validating": ("validation.py", "document.py"),
    "rule": ("marketing_consent.py", "consent_fields.py", "query.py", "cursors.py"),
    "link token": ("links.py", "jwe.py"),
    "ids and time": ("clock.py", "instants.py"),
    "store": ("sqlite.py", "sql.py"),
    "encoding the answer": ("answers.py",),
    "journal": ("journal.py",),
    "composing headers": ("cors.py",),
    "HTTP: bytes to requests": ("intake.py", "http/wire.py"),
    "HTTP: the connection": ("http/connection.py", "http/connections.py"),
    "pipeline (handle, Trace, Exchange)": ("mockserver/app.py", "mockserver/mock.py"),
    "event loop and system calls": ("mockserver/server.py", "runners.py"),
}


def main() -> None:
    """Ask each kind for some seconds and print the shares."""
    take_core()
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("get", "create", "query of 100", "bulk of 100"):
            out = Path(folder) / "samples.json"
            program = Program((sys.executable, "-m", "benchmarks.stations", out))
            with stocked(program) as mock:
                settle()
                os.kill(mock.running.pid, signal.SIGUSR1)
                load = run(
                    mock.running.port,
                    mock.running.pid,
                    mock.plans[kind](),
                    connections=CONNECTIONS,
                    seconds=_SECONDS,
                )
            _print(kind, load.cpu_us, json.loads(out.read_text()))


def _print(kind: str, cpu_us: float, samples: Mapping[str, int]) -> None:
    total = sum(samples.values())
    print(f"{kind}: {cpu_us:.0f} µs of CPU a request, sampling included; {total:,} samples")
    for station, count in sorted(samples.items(), key=lambda item: -item[1]):
        if count / total >= 0.005:
            print(f"  {station:36} {count / total:5.1%} {cpu_us * count / total:7.1f} µs")


def _sampled(out: Path) -> None:
    """Serve, and write the samples at the end."""
    from wixture.cli import main as wixture

    counts: Counter[str] = Counter()
    places = {place: station for station, names in _STATIONS.items() for place in names}

    def sample(_: int, frame: FrameType | None) -> None:
        counts[_station(frame, places)] += 1

    signal.signal(signal.SIGPROF, sample)
    signal.signal(signal.SIGUSR1, lambda *_: counts.clear())  # what came before the load does not count
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    sys.argv = [str(BIN / "wixture"), "serve", "--port", "0"]
    try:
        wixture()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write_text(json.dumps(counts))


def _station(frame: FrameType | None, places: Mapping[str, str]) -> str:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        found = places.get(path.name) or places.get(f"{path.parent.name}/{path.name}")
        if found:
            return found
        frame = frame.f_back
    return "elsewhere"


if __name__ == "__main__":
    _sampled(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
