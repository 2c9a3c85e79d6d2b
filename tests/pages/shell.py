"""Gives text to bash as a person pastes it, with the real curl, and tells what came of it.

The shell is an interactive one, since only that says when it waits for more. Nothing of the user's own is read:
neither bash's start-up files nor curl's.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .samples import HOST

SECONDS = 60
_PROMPT = "[ready after $?]"
_PROMPT_FOR_MORE = "[more]"


@dataclass(frozen=True)
class Transcript:
    """What a shell printed: the answers it got, and its prompts between what the commands complained of."""

    printed: str
    complained: str

    @property
    def exits(self) -> list[int]:
        """The exit status of each command after which the shell was ready for the next."""
        return [int(status) for status in re.findall(r"\[ready after (\d+)\]", self.complained)][1:]

    @property
    def waited(self) -> bool:
        """Whether the text ended while the shell still asked for more of a command.

        At a terminal nothing would have run yet; here bash runs what it has, since its input is at an end.
        """
        return self.complained.rfind("[more]") > self.complained.rfind("[ready after ")

    @property
    def unknown_commands(self) -> list[str]:
        """What the shell took for commands and did not find."""
        return re.findall(r"(\S+): command not found", self.complained)


def paste(text: str, curl_home: Path) -> Transcript:
    """Type a text into a shell of its own whose curl reads the configuration in that folder alone."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(curl_home),
        "CURL_HOME": str(curl_home),
        "LC_ALL": "C",
        "PS1": _PROMPT,
        "PS2": _PROMPT_FOR_MORE,
    }
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "--noediting", "-i"],
        input=text,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=curl_home,
        timeout=SECONDS,
        check=False,
        start_new_session=True,  # else an interactive shell fights for the terminal the tests run in
    )
    return Transcript(ran.stdout, ran.stderr)


def lead_to(port: int, authority: Path, home: Path, *, more: tuple[str, ...] = ()) -> None:
    """Write curl's configuration: the vendor's host is this machine's port, everything else is nowhere."""
    home.mkdir(exist_ok=True)
    lines = [
        f'connect-to = "{HOST}:443:127.0.0.1:{port}"',
        'connect-to = "::127.0.0.1:9"',
        f'cacert = "{authority}"',
        "silent",
        "show-error",
        "max-time = 30",
        'noproxy = "*"',
        *more,
    ]
    (home / ".curlrc").write_text("\n".join(lines) + "\n", encoding="utf-8")
