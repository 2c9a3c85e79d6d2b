"""Keeps a PostgreSQL server for whoever holds the other end of its standard input, and removes it when that ends.

A process of its own: the server is gone too when the tests that asked for it are killed. Told are `start`, `stop`
and `kill`, a line each; every line is answered by `done` once it is. With `--durable` it is set up as Debian does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OPTIONS = ("listen_addresses=", "max_connections=200", "log_min_messages=fatal")
CARELESS = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB")
"""What a server for tests has beside them: its data need not outlive the machine."""
ACCESS = "local all locked scram-sha-256\nlocal all all trust\n"


class Keeper:
    """One server in a folder of its own, on a socket there."""

    def __init__(self, programs: Path, options: tuple[str, ...]) -> None:
        self._programs = programs
        self._options = [part for option in options for part in ("-c", option)]
        self.folder = Path(tempfile.mkdtemp(prefix="wixture-postgres-"))
        self._as: list[str] = []
        if os.geteuid() == 0:  # which PostgreSQL refuses to be run by
            shutil.chown(self.folder, "postgres", "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]
        self._process: subprocess.Popen[bytes] | None = None
        data = ["-D", str(self.folder / "data"), "-U", "wixture", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        self._run("initdb", *data)
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as, self._programs / program, *arguments], cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{program}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        command = [*self._as, self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder]
        command += self._options
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        ready = [self._programs / "pg_isready", "-q", "-h", self.folder]
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None:
                raise SystemExit((self.folder / "log").read_text())
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests end by it and close our input then
    keeper = Keeper(Path(sys.argv[1]), OPTIONS if "--durable" in sys.argv else OPTIONS + CARELESS)
    orders = {"start": keeper.start, "stop": keeper.stop, "kill": lambda: keeper.stop(signal.SIGQUIT)}
    try:
        keeper.start()
        print(keeper.folder, flush=True)  # noqa: T201
        for line in sys.stdin:
            orders[line.strip()]()
            print("done", flush=True)  # noqa: T201
    finally:
        keeper.remove()


if __name__ == "__main__":
    main()
