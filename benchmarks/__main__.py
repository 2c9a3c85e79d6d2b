"""`make bench`: requests, memory and start-up beside the peers, in alternating rounds of one run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.peers import PRISM_EQUAL, Peer, all_peers, programs
from benchmarks.rounds import FULL, QUICK, Effort, Measured, measure
from benchmarks.servers import command_ms, resident_mib, settle, start_up_ms, take_core
from benchmarks.verdicts import verdicts


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds, and fewer: for a first look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to a file")
    parser.add_argument("--polite", action="store_true", help="do not run before other processes, even if allowed")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    take_core(polite=options.polite)
    about = report.machine()
    _print(report.heading(about, effort))
    with tempfile.TemporaryDirectory() as folder:
        times = _start_up(Path(folder), effort.rounds)
        _print(report.start_up(times))
        found, sizes, asked = _requests(Path(folder), effort)
    _print(report.loaded(found))
    _print(report.single(found))
    _print(report.memory(sizes, asked))
    judged = verdicts(found)
    _print(report.promises(judged))
    if options.json:
        content: dict[str, Any] = {"machine": about, "effort": asdict(effort), "startUpMs": times}
        content["memoryMib"] = {name: {"before": size[0], "after": size[1]} for name, size in sizes.items()}
        content["requests"] = [report.measured_as_json(one) for one in found]
        content["verdicts"] = [report.verdict_as_json(verdict) for verdict in judged]
        report.write(options.json, content)


def _print(lines: Any) -> None:
    print(*lines, "", sep="\n", flush=True)


def _start_up(folder: Path, rounds: int) -> dict[str, list[float]]:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import aiohttp'": [sys.executable, "-c", "import aiohttp"],
        "python -c 'import wixture'": [sys.executable, "-c", "import wixture"],
    }
    times = {name: command_ms(command, rounds) for name, command in commands.items()}
    found = programs(folder, {"query of 100": "{}", "bulk of 100": "{}"}, [])
    found.pop(PRISM_EQUAL, None)
    return times | start_up_ms(found, rounds)


def _requests(
    folder: Path, effort: Effort
) -> tuple[list[Measured], dict[str, tuple[float, float]], dict[str, int]]:
    with all_peers(folder) as peers:
        settle()
        before = _resident(peers)
        found = list(measure(peers, effort))
        after = _resident(peers)
    asked = {
        peer.name: sum(
            load.count for one in found if one.server == peer.name for load in (*one.loaded, *one.single)
        )
        for peer in peers
    }
    return found, {name: (before[name], after[name]) for name in before}, asked


def _resident(peers: Sequence[Peer]) -> dict[str, float]:
    return {peer.name: resident_mib(peer.running.pid) for peer in peers}


if __name__ == "__main__":
    main()
